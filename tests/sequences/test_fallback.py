"""Files that an encoder's own decoder does not know, read by Pillow."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from seqsave.metadata.ifd import ASCII, EXIF, LONG, Field, extended
from seqsave.pictures.color import COLOR_SPACES
from seqsave.sequences.fallback import decode_by_pillow
from tests.support.inks import CYAN_AS_SRGB, cmyk_profile


def saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "L", "P", "1"])
def test_kinds_that_pillow_reads_wholly(mode: str) -> None:
    options = {"compression": "jpeg"} if mode == "YCbCr" else {}  # older versions read no other YCbCr
    data = saved(Image.new("RGB", (6, 4), (255, 255, 255)).convert(mode), "TIFF", **options)

    found = decode_by_pillow(data, 100)

    assert found is not None
    assert found.array.shape[:2] == (4, 6)
    assert found.array.dtype == np.uint8
    assert found.array.min() >= 254


def test_a_profile_of_cmyk_is_not_that_of_the_pixels() -> None:
    found = decode_by_pillow(saved(Image.new("CMYK", (2, 2)), "TIFF", icc_profile=b"x" * 200), 100)

    assert found is not None
    assert found.info.icc is None


def test_a_profile_of_cmyk_and_iptc_are_named() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = profile[:16] + b"CMYK" + profile[20:]
    data = saved(Image.new("CMYK", (2, 2)), "TIFF", icc_profile=profile, tiffinfo={0x83BB: b"\x1c\x02\x78"})

    found = decode_by_pillow(data, 100)

    assert found is not None
    assert (found.info.icc, sorted(found.info.attributes), found.info.iptc) == (
        None,
        ["ICC profile of CMYK"],
        b"\x1c\x02\x78",
    )


def test_inks_become_srgb_by_their_profile() -> None:
    ink = Image.new("CMYK", (2, 2), (255, 0, 0, 0))
    found = decode_by_pillow(saved(ink, "TIFF", icc_profile=cmyk_profile()), 100)

    assert found is not None
    assert np.abs(found.array.astype(int) - CYAN_AS_SRGB).max() <= 1
    assert (found.info.color, found.info.icc, found.info.attributes) == (COLOR_SPACES["srgb"], None, {})


def test_tags_of_a_tiff_file_that_pillow_reads() -> None:
    date = Field(ASCII, 20, b"2020:01:02 03:04:05\0")
    fields = {0x0110: Field(ASCII, 3, b"M1\0"), 0x013B: Field(ASCII, 4, b"Ada\0"), EXIF: Field(LONG, 1, {0x9003: date})}
    found = decode_by_pillow(extended(saved(Image.new("CMYK", (2, 2)), "TIFF"), fields), 100)

    assert found is not None
    assert found.info.tags == {"artist": "Ada"}
    assert found.info.exif is not None
    assert b"2020:01:02 03:04:05" in found.info.exif


def test_the_profile_of_a_palette_is_that_of_its_colours() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    found = decode_by_pillow(saved(Image.new("RGB", (2, 2)).convert("P"), "TIFF", icc_profile=profile), 100)

    assert found is not None
    assert found.info.icc == profile


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a picture",
        saved(Image.new("I;16", (2, 2)), "TIFF"),
        saved(Image.new("L", (2, 2)), "TIFF", save_all=True, append_images=[Image.new("L", (2, 2))]),
        saved(Image.new("RGB", (20, 20)), "TIFF"),
    ],
    ids=["empty", "text", "16 bits", "two pictures", "too large"],
)
def test_pictures_that_would_lose_something_are_left(data: bytes) -> None:
    assert decode_by_pillow(data, 100) is None


def test_signed_bytes_are_not_read_without_their_sign() -> None:
    picture = Image.new("L", (2, 2), 156)
    assert decode_by_pillow(saved(picture, "TIFF", tiffinfo={0x0153: 2}), 100) is None
    assert decode_by_pillow(saved(picture, "TIFF", tiffinfo={0x0153: 1}), 100) is not None
