"""Colour conversion against published numbers."""

from __future__ import annotations

import numpy as np
import pytest

from seqsave.errors import ImageError, OptionError
from seqsave.pictures.color import COLOR_SPACES, color_space
from seqsave.pictures.convert import Conversion
from tests.support.needs import needs_package

CONVERTED = sorted(set(COLOR_SPACES) - {"rec2100-hlg"})


@pytest.fixture(autouse=True)
def _library() -> None:
    needs_package("PyOpenColorIO", "pip install opencolorio")


def convert(values: list[float], source: str, target: str) -> list[float]:
    picture = np.array([[values]], np.float32)
    out = Conversion(color_space(source), color_space(target)).apply(picture)
    assert out.dtype == np.float32
    assert out is not picture
    return [float(value) for value in out[0, 0]]


@pytest.mark.parametrize(
    ("values", "source", "target", "published"),
    [
        ([1, 0, 0], "linear-srgb", "linear-rec2020", [0.6274, 0.0691, 0.0164]),  # ITU-R BT.2087-0, section 4
        ([0, 1, 0], "linear-srgb", "linear-rec2020", [0.3293, 0.9195, 0.0880]),
        ([0.5, 0.5, 0.5], "srgb", "linear-srgb", [0.21404] * 3),  # IEC 61966-2-1
        ([0.02, 0.02, 0.02], "srgb", "linear-srgb", [0.02 / 12.92] * 3),
        ([0.01, 0.01, 0.01], "linear-srgb", "rec709", [0.045] * 3),  # ITU-R BT.709-6, 1.2
        ([1, 1, 1], "linear-rec2020", "rec2100-pq", [0.5807] * 3),  # ITU-R BT.2408, table 1: 58 %
        ([0.18, 0.18, 0.18], "acescg", "linear-srgb", [0.18] * 3),  # white stays white
        ([1, 0, 0], "acescg", "aces2065-1", [0.69545, 0.04479, -0.00553]),  # ACES S-2014-004
    ],
)
def test_published_numbers(values: list[float], source: str, target: str, published: list[float]) -> None:
    assert convert(values, source, target) == pytest.approx(published, abs=2e-4)


@pytest.mark.parametrize("source", CONVERTED)
@pytest.mark.parametrize("target", CONVERTED)
def test_there_and_back(source: str, target: str) -> None:
    values = [0.1, 0.5, 0.9]
    assert convert(convert(values, source, target), target, source) == pytest.approx(values, abs=1e-4)


def test_alpha_stays_and_grey_stays_grey() -> None:
    assert convert([0.5, 0.5, 0.5, 0.25], "srgb", "linear-srgb") == pytest.approx([0.214] * 3 + [0.25], abs=1e-4)
    assert convert([0.5, 0.25], "srgb", "acescg") == pytest.approx([0.214, 0.25], abs=1e-3)
    assert convert([0.5], "srgb", "linear-srgb") == pytest.approx([0.214], abs=1e-4)


def test_the_input_is_not_changed() -> None:
    picture = np.full((3, 5, 3), 0.5, np.float32)
    Conversion(color_space("srgb"), color_space("acescg")).apply(picture)
    assert (picture == 0.5).all()


def test_spaces_that_cannot_be_converted_are_refused() -> None:
    with pytest.raises(OptionError, match="rec2100-hlg"):
        Conversion(color_space("rec2100-hlg"), color_space("srgb"))
    with pytest.raises(ImageError, match="floats"):
        Conversion(color_space("srgb"), color_space("acescg")).apply(np.zeros((2, 2, 3), np.uint8))
