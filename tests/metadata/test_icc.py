"""Profiles as littlecms, which we did not write, understands them."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from seqsave.metadata.icc import profile
from seqsave.pictures.color import COLOR_SPACES
from seqsave.types import ColorSpace

STATED = [space for space in COLOR_SPACES.values() if space.transfer not in ("pq", "hlg")]
every_space = pytest.mark.parametrize("space", STATED, ids=lambda space: space.name)


def opened(space: ColorSpace, *, grey: bool = False) -> Any:
    data = profile(space, grey=grey)
    assert data is not None
    return ImageCms.ImageCmsProfile(io.BytesIO(data))


def through(source: Any, target: Any, pixels: Any, mode: str = "RGB") -> Any:
    picture = Image.fromarray(np.array(pixels, np.uint8))
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    found = ImageCms.profileToProfile(picture, source, target, renderingIntent=intent, outputMode=mode)
    assert found is not None
    return np.asarray(found)


@every_space
def test_littlecms_finds_the_primaries_and_the_white(space: ColorSpace) -> None:
    core = opened(space).profile
    # What a profile holds is adapted to D50; chad is the matrix that does it. Undone, it gives the colours again.
    seen = [core.red_colorant[0], core.green_colorant[0], core.blue_colorant[0], (0.9642, 1.0, 0.8249)]
    for colour, wanted in zip(seen, space.primaries, strict=True):
        x, y, z = np.linalg.solve(np.array(core.chromatic_adaptation[0]), colour)
        assert (x / (x + y + z), y / (x + y + z)) == pytest.approx(wanted, abs=3e-4)
    assert core.media_white_point[0] == pytest.approx((0.9642, 1.0, 0.8249), abs=1e-4)
    assert core.is_matrix_shaper
    assert core.profile_description == space.name
    assert core.version == pytest.approx(4.3)
    assert core.xcolor_space.strip() == "RGB"


@every_space
def test_white_and_grey_stay_without_a_colour(space: ColorSpace) -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, 2)
    seen = through(opened(space), ImageCms.createProfile("sRGB"), grey).astype(int)
    assert abs(seen.max(-1) - seen.min(-1)).max() <= 1
    assert (seen[0, 0] == 0).all()
    assert (seen[-1, -1] == 255).all()


def test_srgb_is_the_one_that_littlecms_has() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    seen = through(opened(COLOR_SPACES["srgb"]), ImageCms.createProfile("sRGB"), pixels)
    assert abs(seen.astype(int) - pixels).max() <= 1


@pytest.mark.parametrize(
    ("name", "pixel", "wanted"),
    [
        ("linear-srgb", (55, 55, 55), (128, 128, 128)),  # a light of 0.2157 is 0.5 in sRGB
        ("rec709", (128, 128, 128), (141, 141, 141)),  # 0.5 in BT.709 is a light of 0.2597, which is 0.5466 in sRGB
        ("display-p3", (255, 255, 255), (255, 255, 255)),
        ("display-p3", (200, 100, 50), (215, 93, 31)),  # by the matrices of CSS Color 4
    ],
)
def test_known_values(name: str, pixel: Any, wanted: Any) -> None:
    seen = through(opened(COLOR_SPACES[name]), ImageCms.createProfile("sRGB"), [[pixel]])[0, 0]
    assert abs(seen.astype(int) - wanted).max() <= 1, seen


@every_space
def test_a_grey_profile_has_the_same_curve(space: ColorSpace) -> None:
    ramp = np.arange(64, 256, dtype=np.uint8).reshape(12, 16)  # below, littlecms is coarse with grey of 8 bits
    srgb = ImageCms.createProfile("sRGB")
    grey = through(opened(space, grey=True), srgb, ramp)
    colour = through(opened(space), srgb, ramp[..., None].repeat(3, 2))
    assert abs(grey.astype(int) - colour).max() <= 1
    assert opened(space, grey=True).profile.xcolor_space.strip() == "GRAY"


@pytest.mark.parametrize("name", ["rec2100-pq", "rec2100-hlg"])
def test_what_no_profile_can_say_has_none(name: str) -> None:
    assert profile(COLOR_SPACES[name]) is None


@every_space
def test_the_bytes_are_the_same_every_time_and_carry_their_checksum(space: ColorSpace) -> None:
    data = profile(space)
    assert data is not None
    assert data == profile(space)
    assert len(data) == int.from_bytes(data[:4], "big")
    assert len(data) % 4 == 0
    blank = data[:84] + bytes(16) + data[100:]  # flags and intent are zero anyway
    assert data[84:100] == hashlib.md5(blank, usedforsecurity=False).digest()
