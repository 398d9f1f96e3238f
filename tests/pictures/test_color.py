"""Colour spaces: their numbers against sources that are not ours."""

from __future__ import annotations

import pytest

from seqsave.errors import OptionError
from seqsave.pictures.color import COLOR_SPACES, color_space


def luminance(name: str) -> tuple[float, float, float]:
    """What red, green and blue add to Y, from the primaries alone: the middle row of RGB to XYZ."""
    import numpy as np

    red, green, blue, white = (np.array([x / y, 1.0, (1 - x - y) / y]) for x, y in color_space(name).primaries)
    y = np.linalg.solve(np.stack([red, green, blue], axis=1), white)
    return float(y[0]), float(y[1]), float(y[2])


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("srgb", (0.2126, 0.7152, 0.0722)),  # ITU-R BT.709
        ("rec2100-pq", (0.2627, 0.6780, 0.0593)),  # ITU-R BT.2100
        ("display-p3", (0.2290, 0.6917, 0.0793)),  # SMPTE EG 432-1 with D65
        ("acescg", (0.27223, 0.67408, 0.05369)),  # ACES S-2014-004
    ],
)
def test_primaries_give_the_published_luminance(name: str, published: tuple[float, float, float]) -> None:
    assert luminance(name) == pytest.approx(published, abs=1e-4)


def test_every_space_has_its_own_name_and_code_points() -> None:
    codes = [space.cicp for space in COLOR_SPACES.values() if space.cicp]
    assert len(set(codes)) == len(codes)
    assert all(name == space.name for name, space in COLOR_SPACES.items())


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(OptionError, match=r"did you mean 'srgb'\?.*acescg"):
        color_space("sRGB")
