"""Texts "Raw profile type ..." of ImageMagick and exiftool: read as what they are, and IPTC's records written so."""

from __future__ import annotations

import io
import json
import struct
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

import seqsave
from seqsave.encoders.png.encoder import PngEncoder
from seqsave.encoders.png.raw_profiles import Found, iptc_chunk, taken
from seqsave.metadata import exif, iptc
from seqsave.metadata.xmp import packet
from tests.support.needs import needs_program

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
BLOCK = exif.describe({"artist": "Ada"}, None, texts={"UserComment": "a note"})
PACKET = packet({"copyright": "Étude"})
RECORDS = b"\x1c\x02\x05\x00\x05Title\x1c\x02\x19\x00\x03key"


def raw(kind: str, data: bytes) -> str:
    """As ImageMagick writes it."""
    digits = data.hex()
    lines = [digits[start : start + 72] for start in range(0, len(digits), 72)]
    return "\n".join(("", kind, f"{len(data):8}", *lines, ""))


def decoded(texts: dict[str, str], **settings: Any) -> seqsave.Decoded:
    """A file of Pillow with these texts, compressed."""
    about = PngImagePlugin.PngInfo()
    for name, text in texts.items():
        about.add_text(name, text, zip=True)
    file = io.BytesIO()
    Image.new("RGB", (4, 3)).save(file, "PNG", pnginfo=about, **settings)
    return PngEncoder().decode(file.getvalue(), max_pixels=100)


@pytest.mark.parametrize(
    ("kind", "data", "field", "stated"),
    [
        ("icc", PROFILE, "icc", PROFILE),
        ("icm", PROFILE, "icc", PROFILE),
        ("exif", b"Exif\0\0" + BLOCK, "tags", {"artist": "Ada"}),
        ("exif", BLOCK, "texts", {"UserComment": "a note"}),
        ("APP1", b"Exif\0\0" + BLOCK, "tags", {"artist": "Ada"}),
        ("APP1", b"http://ns.adobe.com/xap/1.0/\0" + PACKET, "tags", {"copyright": "Étude"}),
        ("xmp", PACKET, "tags", {"copyright": "Étude"}),
        ("iptc", iptc.block_of(RECORDS), "iptc", RECORDS),
        ("iptc", RECORDS, "iptc", RECORDS),
        ("8bim", iptc.block_of(RECORDS), "iptc", RECORDS),
    ],
    ids=lambda given: given if isinstance(given, str) else "",  # the profile states when it was made
)
def test_each_kind_is_the_field_that_it_states(kind: str, data: bytes, field: str, stated: Any) -> None:
    found = decoded({f"Raw profile type {kind}": raw(kind, data), "seed": "7"})
    assert found.metadata == {"seed": "7"}
    assert getattr(found.info, field) == stated


def test_a_chunk_goes_before_a_text_and_another_text_is_kept() -> None:
    other = bytearray(PROFILE)
    struct.pack_into(">H", other, 24, 1999)
    same = decoded({"Raw profile type icc": raw("icc", PROFILE)}, icc_profile=PROFILE)
    assert (same.info.icc, same.metadata) == (PROFILE, {})
    differs = decoded({"Raw profile type icc": raw("icc", bytes(other))}, icc_profile=PROFILE)
    assert (differs.info.icc, list(differs.metadata)) == (PROFILE, ["Raw profile type icc"])


@pytest.mark.parametrize(
    "text",
    [
        *("", "exif", "\nexif\n  4\n", "\nexif\n  1\nzz\n", "\nexif\n  3\n00ff\n", "\nexif\n  2\n0\n"),
        *(raw("exif", b""), raw("exif", b"text"), raw("iptc", b"text"), raw("xmp", b"text"), raw("icc", b"text")),
        raw("generic", b"x"),
    ],
)
def test_what_cannot_be_read_stays_a_text(text: str) -> None:
    for kind in ("exif", "iptc", "8bim", "xmp", "icc", "APP1", "generic", ""):
        name = f"Raw profile type {kind}"
        assert taken({name: text, "a": "b"}, Found()) == ({name: text, "a": "b"}, Found())


@given(st.text(max_size=40) | st.text("0123456789abcdef \n", max_size=40).map(lambda text: f"\nexif\n{text}"))
def test_no_text_raises(text: str) -> None:
    assert taken({"Raw profile type exif": text}, Found())


def test_the_records_are_read_by_exiftool_and_again(tmp_path: Path) -> None:
    array = np.zeros((3, 4, 3), np.uint8)
    info = seqsave.FrameInfo(index=0, image=seqsave.ImageInfo(iptc=RECORDS))
    path = tmp_path / "a.png"
    path.write_bytes(bytes(PngEncoder().encode(array, metadata={}, options={}, info=info).data))
    answer = subprocess.run([needs_program("exiftool"), "-j", "-G", path], check=True, capture_output=True).stdout
    found = json.loads(answer)[0]
    assert (found["IPTC:ObjectName"], found["IPTC:Keywords"]) == ("Title", "key")
    again = PngEncoder().decode(path.read_bytes(), max_pixels=100)
    assert (again.info.iptc, again.metadata) == (RECORDS, {})


def test_records_that_exiftool_writes(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (4, 3)).save(path)
    subprocess.run([needs_program("exiftool"), "-q", "-IPTC:Keywords=key", path], check=True)
    found = PngEncoder().decode(path.read_bytes(), max_pixels=100)
    assert found.info.iptc is not None
    assert b"key" in found.info.iptc
    assert found.metadata == {}


def test_the_chunk_is_a_compressed_text() -> None:
    assert iptc_chunk(RECORDS).startswith(b"Raw profile type iptc\0\0x")
