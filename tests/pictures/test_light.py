"""Values and light, against OpenColorIO and the numbers of the standards."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from PIL import ImageCms

from seqsave.metadata import icc
from seqsave.pictures.color import COLOR_SPACES, H273_PRIMARIES, H273_TRANSFERS, color_space
from seqsave.pictures.convert import Conversion
from seqsave.pictures.light import curve_from, curve_to, light_of, light_of_space, space_of_profile
from seqsave.types import ColorSpace, ImageInfo
from tests.support import chart
from tests.support.needs import needs_package

RANDOM = np.random.default_rng(0).random((16, 16, 3), dtype=np.float32)
NAMES = [name for name in COLOR_SPACES if name not in ("srgb", "rec2100-hlg")]


@pytest.mark.parametrize("name", NAMES)
def test_it_shows_what_opencolorio_shows(name: str) -> None:
    needs_package("PyOpenColorIO", "pip install opencolorio")
    values = RANDOM * np.float32(0.6 if name == "rec2100-pq" else 1)
    wanted = Conversion(color_space(name), color_space("srgb")).apply(values)
    assert light_of_space(color_space(name)).shown(values) == pytest.approx(wanted, abs=4e-4)


def test_a_chart_in_other_primaries() -> None:
    for name in ("acescg", "aces2065-1", "linear-rec2020", "linear-p3"):
        values = chart.converted(chart.patches(), "linear-srgb", name)
        assert light_of_space(color_space(name)).linear(values) == pytest.approx(chart.patches(), abs=2e-5)


def test_white_of_hdr_is_white() -> None:
    """203 cd/m2: 58 % of the signal in PQ, 75 % in HLG (ITU-R BT.2408, table 1)."""
    for name, signal in (("rec2100-pq", 0.5807), ("rec2100-hlg", 0.75)):
        light = light_of_space(color_space(name)).linear(np.full((1, 1, 3), signal, np.float32))
        assert light == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize("name", list(COLOR_SPACES))
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_whole_numbers_mean_the_same_as_floats(name: str, dtype: Any) -> None:
    top = np.iinfo(dtype).max
    whole = (RANDOM * top).astype(dtype)
    light = light_of_space(color_space(name))
    assert light.linear(whole) == pytest.approx(light.linear(whole / np.float32(top)), rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_means_the_space_that_it_was_made_from(name: str) -> None:
    profile = icc.profile(color_space(name))
    if profile is None:
        assert name == "rec2100-pq"
        return
    light = light_of(ImageInfo(icc=profile), floats=False)
    assert light is not None
    space = color_space(name)
    assert light.is_linear == (space.transfer == "linear")
    assert light.shown(RANDOM) == pytest.approx(light_of_space(space).shown(RANDOM), abs=1e-3)


def test_statements_by_number_gamma_and_primaries() -> None:
    p3 = color_space("display-p3")
    wanted = light_of_space(p3).shown(RANDOM)
    for info in (ImageInfo(cicp=(12, 13)), ImageInfo(color=p3), ImageInfo(primaries=p3.primaries)):
        found = light_of(info, floats=False)
        assert found is not None
        assert found.shown(RANDOM) == pytest.approx(wanted, abs=1e-5)
    for info in (ImageInfo(primaries=p3.primaries), ImageInfo(primaries=p3.primaries, gamma=1.0)):
        found = light_of(info, floats=True)
        assert found is not None
        assert found.is_linear
    power = light_of(ImageInfo(gamma=0.5), floats=False)
    assert power is not None
    assert power.linear(np.full((1, 1, 3), 128, np.uint8)) == pytest.approx((128 / 255) ** 2, abs=1e-5)


@pytest.mark.parametrize(
    "info",
    [ImageInfo(), ImageInfo(dpi=72), ImageInfo(cicp=(2, 2)), ImageInfo(icc=b"damaged"), ImageInfo(gamma=0)],
    ids=repr,
)
def test_nothing_is_guessed(info: ImageInfo) -> None:
    assert light_of(info, floats=True) is None


def test_every_number_of_h273_that_is_known_can_be_shown() -> None:
    for primaries in H273_PRIMARIES:
        for transfer in H273_TRANSFERS:
            found = light_of(ImageInfo(cicp=(primaries, transfer)), floats=False)
            assert found is not None
            assert np.isfinite(found.shown(RANDOM)).all()


def test_a_damaged_statement_of_primaries_is_no_error() -> None:
    line = ((0.1, 0.1), (0.2, 0.2), (0.3, 0.3), (0.4, 0.4))
    for points in (line, line[:2], ((0.6, 0.3), (0.3, 0.6), (0.1, 0.1), (0.3, 0.0))):
        found = light_of(ImageInfo(primaries=points), floats=True)
        assert found is not None
        assert found.linear(RANDOM) == pytest.approx(RANDOM)


@pytest.mark.parametrize("name", ["linear", "srgb", "bt709"])
def test_curves_are_the_inverse_of_each_other_also_beyond_their_range(name: str) -> None:
    values = np.linspace(-2, 9, 5000, dtype=np.float32)
    assert curve_to(name)(curve_from(name)(values)) == pytest.approx(values, abs=4e-4)


@pytest.mark.parametrize("name", [name for name, space in COLOR_SPACES.items() if icc.profile(space)])
def test_a_profile_of_other_bytes_is_the_space_with_its_primaries_and_curve(name: str) -> None:
    data = icc.profile(color_space(name))
    assert data is not None
    assert space_of_profile(data[:24] + b"\x07\xd0" + data[26:]) is color_space(name)  # of another year


def test_the_profile_of_littlecms_is_srgb() -> None:
    made = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert space_of_profile(made) is COLOR_SPACES["srgb"]


RED, GREEN, BLUE, WHITE = COLOR_SPACES["srgb"].primaries


@pytest.mark.parametrize("transfer", ["linear", "srgb"])
def test_other_primaries_are_a_space_without_a_name_if_they_are_linear(transfer: Any) -> None:
    """AdobeRGB's green."""
    points = (RED, (0.21, 0.71), BLUE, WHITE)
    data = icc.profile(ColorSpace(name="other", primaries=points, transfer=transfer, cicp=None))
    assert data is not None
    found = space_of_profile(data)
    if transfer == "srgb":
        assert found is None
        return
    assert found is not None
    assert (found.name, found.transfer) == ("", "linear")
    assert np.array(found.primaries) == pytest.approx(np.array(points), abs=1e-4)


def test_primaries_that_are_only_near_are_others() -> None:
    points = ((0.641, 0.33), GREEN, BLUE, WHITE)
    data = icc.profile(ColorSpace(name="other", primaries=points, transfer="srgb", cicp=None))
    assert data is not None
    assert space_of_profile(data) is None


@pytest.mark.parametrize("data", [b"", bytes(200), icc.profile(COLOR_SPACES["srgb"], grey=True)])
def test_no_profile_of_colours(data: bytes) -> None:
    assert space_of_profile(data) is None


def test_a_profile_whose_primaries_lie_on_a_line() -> None:
    made = icc.profile(COLOR_SPACES["linear-srgb"])
    assert made is not None
    chad = struct.unpack_from(">I", made, made.index(b"chad", 128) + 4)[0]
    assert space_of_profile(made[: chad + 8] + bytes(36) + made[chad + 44 :]) is None
