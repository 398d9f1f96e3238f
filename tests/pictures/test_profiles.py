"""ICC profiles, read: against littleCMS, which others wrote."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from seqsave.metadata import icc
from seqsave.pictures import profiles
from seqsave.pictures.color import COLOR_SPACES, color_space
from seqsave.pictures.light import light_of
from seqsave.types import ImageInfo

COLORS = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)


def by_lcms(data: bytes) -> Any:
    import io

    source = ImageCms.ImageCmsProfile(io.BytesIO(data))
    shown = ImageCms.profileToProfile(
        Image.fromarray(COLORS), source, ImageCms.createProfile("sRGB"), renderingIntent=ImageCms.Intent(1)
    )
    return np.asarray(shown).astype(int)


def with_curve(tag: bytes) -> bytes:
    """A profile of P3 primaries whose curves are this tag."""
    made = icc.profile(color_space("display-p3"))
    assert made is not None
    start, size = next(
        struct.unpack_from(">II", made, 136 + 12 * number)
        for number in range(struct.unpack_from(">I", made, 128)[0])
        if made[132 + 12 * number : 136 + 12 * number] == b"rTRC"
    )
    data = bytearray(made + tag + bytes(-len(tag) % 4))
    for number in range(struct.unpack_from(">I", made, 128)[0]):
        if bytes(data[132 + 12 * number : 136 + 12 * number]) in (b"rTRC", b"gTRC", b"bTRC"):
            struct.pack_into(">II", data, 136 + 12 * number, len(made), len(tag))
    struct.pack_into(">I", data, 0, len(data))
    assert size
    assert start
    return bytes(data)


def fixed(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


CURVES = {
    "a power": struct.pack(">4sIIH", b"curv", 0, 1, round(2.2 * 256)),
    "a table": struct.pack(">4sII", b"curv", 0, 256)
    + (np.linspace(0, 1, 256) ** 1.8 * 65535).round().astype(">u2").tobytes(),
    "para 0": struct.pack(">4sIHH", b"para", 0, 0, 0) + fixed(2.4),
    "para 1": struct.pack(">4sIHH", b"para", 0, 1, 0) + fixed(2.0, 1.1, -0.1),
    "para 2": struct.pack(">4sIHH", b"para", 0, 2, 0) + fixed(2.0, 0.9, -0.05, 0.05),
    "para 3": struct.pack(">4sIHH", b"para", 0, 3, 0) + fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045),
    "para 4": struct.pack(">4sIHH", b"para", 0, 4, 0) + fixed(2.2, 0.95, 0.05, 0.1, 0.04, 0.0, 0.0),
}


@pytest.mark.parametrize("name", list(CURVES))
def test_every_kind_of_curve_is_read_as_littlecms_reads_it(name: str) -> None:
    data = with_curve(CURVES[name])
    light = light_of(ImageInfo(icc=data), floats=False)
    assert light is not None
    mine = np.clip(light.shown(COLORS), 0, 1) * 255
    assert np.abs(mine - by_lcms(data)).mean() < 0.6


def test_grey_has_one_curve_and_no_colorants() -> None:
    data = icc.profile(color_space("srgb"), grey=True)
    assert data is not None
    found = profiles.read(data)
    assert found is not None
    assert (len(found.curves), found.colorants) == (1, None)


def test_a_straight_curve_is_linear() -> None:
    for tag in (struct.pack(">4sII", b"curv", 0, 0), struct.pack(">4sIIH", b"curv", 0, 1, 256)):
        found = profiles.read(with_curve(tag))
        assert found is not None
        assert found.is_linear


@pytest.mark.parametrize("length", [0, 100, 131, 140, 400])
def test_a_damaged_profile_is_none(length: int) -> None:
    data = icc.profile(color_space("display-p3"))
    assert data is not None
    assert profiles.read(data[:length]) is None


def test_a_profile_of_other_pixels_is_none() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert profiles.read(lab) is None


@pytest.mark.parametrize("name", [name for name, space in COLOR_SPACES.items() if icc.profile(space)])
def test_the_primaries_are_those_before_the_adaptation_to_d50(name: str) -> None:
    data = icc.profile(color_space(name))
    assert data is not None
    for profile in (data, of_version_2(data)):
        found = profiles.read(profile)
        assert found is not None
        assert np.array(found.primaries) == pytest.approx(np.array(color_space(name).primaries), abs=2e-4)


def of_version_2(data: bytes) -> bytes:
    """The same profile as older programs write it: with the white itself, and without the matrix to D50."""
    made = bytearray(data.replace(b"chad", b"none", 1))
    chad = np.array(struct.unpack_from(">9i", data, _place(data, b"chad") + 8)).reshape(3, 3) / 65536
    white = np.linalg.solve(chad, (0.9642, 1.0, 0.8249))
    struct.pack_into(">3i", made, _place(data, b"wtpt") + 8, *(round(value * 65536) for value in white.tolist()))
    return bytes(made)


def _place(data: bytes, tag: bytes) -> int:
    (place,) = struct.unpack_from(">I", data, data.index(tag, 128) + 4)
    return int(place)


def test_grey_has_no_primaries() -> None:
    data = icc.profile(color_space("srgb"), grey=True)
    assert data is not None
    found = profiles.read(data)
    assert found is not None
    assert found.primaries is None


def test_a_curve_to_lab_is_no_curve_to_light() -> None:
    data = icc.profile(color_space("linear-srgb"), grey=True)
    assert data is not None
    assert profiles.read(data[:20] + b"Lab " + data[24:]) is None


@pytest.mark.filterwarnings("error")
def test_a_profile_without_a_sound_white_is_read() -> None:
    data = icc.profile(color_space("srgb"))
    assert data is not None
    found = profiles.read(of_version_2(data).replace(b"wtpt", b"none", 1))
    assert found is not None
    black = bytearray(of_version_2(data))
    struct.pack_into(">3i", black, _place(data, b"wtpt") + 8, 0, 0, 0)
    assert profiles.read(bytes(black)) is not None
