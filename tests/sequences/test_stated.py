"""What the bytes of files state of their colours, by files of other programs."""

from __future__ import annotations

import io
import struct
import zlib
from fractions import Fraction

import pytest
from PIL import Image, ImageCms

from seqsave.sequences.stated import Stated, stated_in


def picture(kind: str, **settings: object) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (2, 2)).save(buffer, kind, **settings)
    return buffer.getvalue()


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG with these chunks before its pixels. (Pillow leaves out kinds that it does not know.)"""
    plain = picture("PNG")
    place = plain.index(b"IDAT") - 4
    made = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return plain[:place] + b"".join(made) + plain[place:]


def exr(*attributes: tuple[str, str, bytes]) -> bytes:
    """The header of an EXR, as the format's own page describes it."""
    packed = (
        name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<i", len(value)) + value
        for name, kind, value in attributes
    )
    return b"\x76\x2f\x31\x01\2\0\0\0" + b"".join(packed) + b"\0"


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_a_profile_is_named_by_its_description(kind: str) -> None:
    assert stated_in(picture(kind, icc_profile=SRGB)).color == 'ICC profile "sRGB built-in"'


@pytest.mark.parametrize(
    ("chunks", "color"),
    [
        ([], None),
        ([(b"sRGB", b"\0")], "sRGB"),
        ([(b"gAMA", struct.pack(">I", 45_455))], "gamma 0.45455"),
        ([(b"gAMA", struct.pack(">I", 100_000)), (b"cHRM", bytes(32))], "gamma 1 with primaries"),
        ([(b"cICP", bytes((9, 16, 0, 1))), (b"sRGB", b"\0")], "rec2100-pq"),
        ([(b"cICP", bytes((5, 6, 0, 1)))], "primaries 5 and transfer 6 of ITU-T H.273"),
        ([(b"iCCP", b"damaged\0\0" + zlib.compress(b"short"))], None),
    ],
)
def test_chunks_of_a_png(chunks: list[tuple[bytes, bytes]], color: str | None) -> None:
    assert stated_in(png(*chunks)).color == color


def test_exif_says_srgb() -> None:
    exif = Image.Exif()
    exif[0x8769] = {0xA001: 1}
    assert stated_in(picture("JPEG", exif=exif)).color == "sRGB"
    assert stated_in(picture("JPEG")).color is None


def test_header_of_an_exr() -> None:
    ap1 = struct.pack("<8f", 0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767)
    own = struct.pack("<8f", 0.7, 0.3, 0.2, 0.7, 0.1, 0.1, 0.3, 0.3)
    rate = ("framesPerSecond", "rational", struct.pack("<iI", 24000, 1001))
    assert stated_in(exr(("chromaticities", "chromaticities", ap1), rate)) == Stated(
        color="acescg", rate=Fraction(24000, 1001)
    )
    assert (
        stated_in(exr(("chromaticities", "chromaticities", own))).color == "primaries 0.7,0.3 0.2,0.7 0.1,0.1 0.3,0.3"
    )
    both = exr(("chromaticities", "chromaticities", ap1), ("colorInteropID", "string", b"lin_ap1_scene"))
    assert stated_in(both).color == "acescg (lin_ap1_scene)"
    assert stated_in(exr()) == Stated()


def test_damaged_files_state_nothing() -> None:
    whole = [
        picture("PNG", icc_profile=SRGB),
        picture("JPEG", icc_profile=SRGB),
        exr(("chromaticities", "c", bytes(32))),
    ]
    for data in whole:
        for length in range(0, len(data), 7):
            stated_in(data[:length])  # returns, whatever is missing
    zero = exr(("framesPerSecond", "rational", bytes(8)))
    assert stated_in(zero) == Stated()
    assert stated_in(b"\x76\x2f\x31\x01\2\0\0\0a\0b\0\xff\xff\xff\x7f") == Stated()
