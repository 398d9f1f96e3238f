"""What files of other programs state of their pictures, in words."""

from __future__ import annotations

import io
import struct
import zlib
from fractions import Fraction

import pytest
from PIL import Image, ImageCms

import seqsave
from seqsave.metadata.xmp import packet
from seqsave.sequences.fallback import stated_in_header
from seqsave.sequences.frame import decode
from seqsave.sequences.stated import color_of, document_of, others_of


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


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_a_profile_is_named_by_its_description(kind: str) -> None:
    """Also where no decoder is installed, and for a picture that is too large to be decoded."""
    data = picture(kind, icc_profile=SRGB)
    assert color_of(stated_in_header(data)) == 'ICC profile "sRGB built-in"'
    if kind in ("PNG", "JPEG"):
        assert color_of(decode(f"a.{kind.lower()}", data).info) == 'ICC profile "sRGB built-in"'


@pytest.mark.parametrize(
    ("chunks", "color"),
    [
        ([], None),
        ([(b"sRGB", b"\0")], "srgb"),
        ([(b"gAMA", struct.pack(">I", 45_455))], "gamma 0.45455"),
        (
            [(b"gAMA", struct.pack(">I", 100_000)), (b"cHRM", struct.pack(">8I", *range(10_000, 90_000, 10_000)))],
            "gamma 1, primaries 0.3,0.4 0.5,0.6 0.7,0.8 0.1,0.2",
        ),
        ([(b"cICP", bytes((9, 16, 0, 1))), (b"sRGB", b"\0")], "rec2100-pq"),
        ([(b"cICP", bytes((5, 6, 0, 1)))], "primaries 5 and transfer 6 of ITU-T H.273"),
        ([(b"iCCP", b"damaged\0\0" + zlib.compress(b"short"))], None),
    ],
)
def test_chunks_of_a_png(chunks: list[tuple[bytes, bytes]], color: str | None) -> None:
    assert color_of(decode("a.png", png(*chunks)).info) == color


def test_exif_says_srgb() -> None:
    exif = Image.Exif()
    exif[0x8769] = {0xA001: 1}
    assert color_of(decode("a.jpg", picture("JPEG", exif=exif)).info) == "srgb"
    assert color_of(decode("a.jpg", picture("JPEG")).info) is None


def test_everything_else_in_one_line_and_as_json() -> None:
    info = seqsave.ImageInfo(
        alpha="associated",
        origin=(1, 2),
        display=(0, 0, 64, 32),
        pixel_aspect=2.0,
        dpi=300.0,
        rate=Fraction(24),
        tags={"artist": "Ada"},
        attributes={"reel": "A1"},
        attributes_of="exr",
    )
    expected = "associated alpha, a window of 64x32+0+0, pixel aspect 2, 300 pixels per inch, artist, reel"
    assert others_of(info) == expected
    assert others_of(seqsave.ImageInfo()) == ""
    document = document_of(info)
    assert (document["display"], document["dpi"], document["tags"]) == ([0, 0, 64, 32], 300, {"artist": "Ada"})
    assert document["attributes"] == ["reel"]


def test_damaged_files_state_nothing() -> None:
    for data in (picture("PNG", icc_profile=SRGB), picture("JPEG", icc_profile=SRGB)):
        for length in range(0, len(data), 7):
            stated_in_header(data[:length])  # returns, whatever is missing


@pytest.mark.parametrize("head", [b'<?xpacket begin=""?>', b"", b"\n "])
def test_a_packet_without_its_outer_part_is_a_packet_too(head: bytes) -> None:
    """As those in screenshots of macOS."""
    whole = packet({"copyright": "© Ann"})
    inner = head + whole[whole.find(b"<x:xmpmeta") : whole.rfind(b"<?xpacket")]
    made = decode("a.png", png((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + inner)))
    assert (made.info.tags, made.metadata) == ({"copyright": "© Ann"}, {})
