"""What a PNG says of its picture, as programs that we did not write read it."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from seqsave.encoders.png.chunks import about, stated_in
from seqsave.encoders.png.encoder import PngEncoder
from seqsave.errors import OptionError
from seqsave.metadata import exif, icc, xmp
from seqsave.pictures.color import COLOR_SPACES, DAMAGED_PROFILE, color_space
from seqsave.pictures.fitting import without as without_fields
from seqsave.types import FrameInfo, ImageInfo
from tests.support.needs import needs_package, needs_program

if TYPE_CHECKING:
    from pathlib import Path

PICTURE = np.arange(4 * 6 * 3, dtype=np.uint16).reshape(4, 6, 3) * 900
TAGS = {
    "artist": "Ada & Grace <studio>",
    "copyright": "© 2026 Étude",
    "description": "a fox, 狐",
    "software": "seqsave",
    "digital_source_type": "trainedAlgorithmicMedia",
}


def encode(image: Any = PICTURE, **info: Any) -> bytes:
    encoded = PngEncoder().encode(image, metadata={"prompt": "{}"}, options={}, info=FrameInfo(index=0, **info))
    return bytes(encoded.data)


def exiftool(data: bytes, path: Path) -> dict[str, Any]:
    path.write_bytes(data)
    command = [needs_program("exiftool", "libimage-exiftool-perl"), "-j", "-G1", "-n", str(path)]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)[0]
    return found


def test_nothing_is_written_where_nothing_was_stated() -> None:
    data = encode()
    assert not any(kind in data for kind in (b"cICP", b"sRGB", b"gAMA", b"cHRM", b"pHYs", b"eXIf", b"adobe"))


def without(data: bytes, kind: bytes) -> bytes:
    """The file without a chunk: pngcheck is older than cICP."""
    start = data.find(kind)
    if start < 0:
        return data
    start -= 4
    (length,) = struct.unpack_from(">I", data, start)
    return data[:start] + data[start + 12 + length :]


@pytest.mark.parametrize("name", COLOR_SPACES)
@pytest.mark.parametrize("channels", [1, 4])
def test_pngcheck_finds_no_fault(name: str, channels: int, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    image = np.zeros((4, 6, channels), np.uint8)
    path.write_bytes(without(encode(image, color=color_space(name), dpi=300.0, tags=TAGS), b"cICP"))
    checked = subprocess.run([needs_program("pngcheck"), "-v", str(path)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    assert "invalid" not in checked.stdout


@pytest.mark.parametrize("name", [name for name, space in COLOR_SPACES.items() if space.cicp])
def test_ffmpeg_reads_the_colour_space(name: str) -> None:
    color = color_space(name)
    with needs_package("av").open(io.BytesIO(encode(color=color))) as file:
        frame = next(file.decode(video=0))
        decoder = file.streams.video[0].codec_context
        assert frame.format.name == "rgb48be"
        assert (decoder.color_primaries, decoder.color_trc) == color.cicp


def test_a_reader_without_cicp_finds_primaries_and_gamma() -> None:
    with Image.open(io.BytesIO(encode(np.zeros((2, 2, 3), np.uint8), color=color_space("display-p3")))) as picture:
        assert picture.info["gamma"] == 0.45455
        assert picture.info["chromaticity"] == (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_profile_that_littlecms_opens_says_the_same(channels: int) -> None:
    image = np.zeros((2, 2, channels), np.uint8)
    with Image.open(io.BytesIO(encode(image, color=color_space("linear-rec2020")))) as picture:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(picture.info["icc_profile"]))
    assert profile.profile.xcolor_space.strip() == ("GRAY" if channels == 1 else "RGB")
    assert profile.profile.profile_description == "linear-rec2020"


def test_density_exif_and_xmp_are_read_by_exiftool(tmp_path: Path) -> None:
    found = exiftool(encode(dpi=300.0, tags=TAGS, color=color_space("srgb")), tmp_path / "a.png")
    assert (found["PNG-cICP:MatrixCoefficients"], found["PNG-cICP:VideoFullRangeFlag"]) == (0, 1)
    assert (found["PNG-pHYs:PixelsPerUnitX"], found["PNG-pHYs:PixelUnits"]) == (11811, 1)
    assert (found["IFD0:XResolution"], found["IFD0:ResolutionUnit"]) == (300, 2)
    assert found["IFD0:Artist"] == found["XMP-dc:Creator"] == TAGS["artist"]
    assert found["IFD0:Copyright"] == found["XMP-dc:Rights"] == TAGS["copyright"]
    assert found["IFD0:ImageDescription"] == found["XMP-dc:Description"] == TAGS["description"]
    assert found["IFD0:Software"] == found["XMP-xmp:CreatorTool"] == "seqsave"
    assert found["XMP-iptcExt:DigitalSourceType"].endswith("/digitalsourcetype/trainedAlgorithmicMedia")
    assert not any("Warning" in key for key in found)


def test_statements_about_a_picture_are_not_its_metadata() -> None:
    assert PngEncoder().decode(encode(tags=TAGS), max_pixels=100).metadata == {"prompt": "{}"}


TEXT = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), min_size=1, max_size=60)


@given(TEXT, TEXT, st.floats(1, 2400))
def test_pillow_reads_every_text_and_density(artist: str, software: str, dpi: float) -> None:
    tags = xmp.check_tags({"artist": artist, "software": software})
    block = Image.Exif()
    block.load(b"Exif\0\0" + exif.describe(tags, dpi))
    as_read = {tag: str(block[tag]).encode("latin-1").decode() for tag in (0x013B, 0x0131)}
    assert as_read == {0x013B: artist, 0x0131: software}
    assert float(block[0x011A]) == pytest.approx(dpi, abs=0.001)


P3 = icc.profile(color_space("display-p3"))
assert P3 is not None
ICCP, BROKEN = (b"P3\0\0" + zlib.compress(one) for one in (P3, b"z" * 400))
LINEAR = struct.pack(">I", 100_000)
DAMAGED = {DAMAGED_PROFILE: True}


@pytest.mark.parametrize(
    ("chunks", "stated"),
    [
        ({b"cICP": bytes((9, 14, 0, 1)), b"iCCP": ICCP}, ImageInfo(cicp=(9, 14), icc=P3)),
        ({b"cICP": bytes((9, 16, 0, 1)), b"iCCP": ICCP}, ImageInfo(color=color_space("rec2100-pq"))),
        ({b"cICP": bytes((2, 2, 0, 1)), b"iCCP": ICCP}, ImageInfo(color=color_space("display-p3"))),
        ({b"cICP": bytes((9, 14, 0, 1)), b"iCCP": BROKEN}, ImageInfo(cicp=(9, 14), attributes=DAMAGED)),
        ({b"iCCP": ICCP, b"sRGB": b"\0"}, ImageInfo(color=color_space("display-p3"))),
        ({b"iCCP": BROKEN, b"sRGB": b"\0", b"gAMA": LINEAR}, ImageInfo(color=color_space("srgb"), attributes=DAMAGED)),
        ({b"iCCP": BROKEN, b"gAMA": LINEAR}, ImageInfo(gamma=1.0, attributes=DAMAGED)),
        ({b"iCCP": b"P3\0\0no zlib"}, ImageInfo(attributes=DAMAGED)),
    ],
)
def test_of_several_chunks_for_colour_the_first_that_is_sound_counts(
    chunks: dict[bytes, bytes], stated: ImageInfo
) -> None:
    """Section 4.3. A profile that is outranked stays as it is, for readers that do not know cICP."""
    assert stated_in(chunks) == stated


def test_samples_of_a_narrow_range_are_not_taken_for_the_full_one() -> None:
    """Of 16 bits, 4096 is black. Only PNG has a place for that; a setting of the colour space replaces it."""
    narrow = bytes((9, 16, 0, 0))
    info = stated_in({b"cICP": narrow, b"iCCP": ICCP, b"gAMA": LINEAR})
    assert (info.stated, info.attributes) == (("attributes",), {"cICP": narrow})
    kinds = [kind for kind, _ in about(FrameInfo(index=0, image=info), channels=3)]
    assert kinds == [b"cICP"]
    assert without_fields(info, ("color",)).stated == ()


def test_density_and_aspect_of_pixels_come_from_one_statement() -> None:
    block = exif.pack({}, dpi=300.0, aspect=0.5)[0].removeprefix(b"Exif\0\0")
    square = stated_in({b"eXIf": block, b"pHYs": struct.pack(">IIB", 2835, 2835, 1)})
    assert (square.dpi, square.pixel_aspect) == (72.0, None)
    alone = stated_in({b"eXIf": block})
    assert (alone.dpi, alone.pixel_aspect) == (300.0, 0.5)


def test_a_damaged_profile_is_no_chunk() -> None:
    info = ImageInfo(attributes={**DAMAGED, "sTER": b"\0"}, attributes_of="png")
    assert [kind for kind, _ in about(FrameInfo(index=0, image=info), channels=3)] == [b"sTER"]


def encoded_with(image: ImageInfo) -> bytes:
    return bytes(PngEncoder().encode(PICTURE, metadata={}, options={}, info=FrameInfo(index=0, image=image)).data)


@pytest.mark.parametrize(
    ("name", "content"), [("oFFs", "text"), ("sCAL", 5), ("foo", b"abc"), ("IDAT", b""), ("猫", b"")]
)
def test_an_attribute_that_is_no_chunk_is_named(name: str, content: Any) -> None:
    stated = ImageInfo(attributes={name: content}, attributes_of="png")
    with pytest.raises(OptionError, match=f"attributes\\['{name}'\\] is .*: PNG files hold bytes, .* chunk cICP, oFFs"):
        encoded_with(stated)


def test_attributes_of_the_storage_are_no_chunks() -> None:
    assert encoded_with(ImageInfo(attributes={".kept": 5}, attributes_of="png")) == encoded_with(ImageInfo())
