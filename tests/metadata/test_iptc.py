"""IPTC's records, as Pillow finds them, and in blocks of Photoshop."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, IptcImagePlugin

from seqsave.metadata import iptc
from seqsave.metadata.ifd import Field

RECORDS = b"\x1c\x02\x50\0\3Ada\x1c\x02\x19\0\5hello"


def block(number: int, data: bytes, name: bytes = b"") -> bytes:
    named = bytes((len(name),)) + name + bytes((len(name) + 1) % 2)
    return b"8BIM" + struct.pack(">H", number) + named + struct.pack(">I", len(data)) + data + bytes(len(data) % 2)


@pytest.mark.parametrize("records", [RECORDS, RECORDS + b"\x1c\x02\x78\0\4long"])
def test_pillow_reads_the_segment(records: bytes) -> None:
    file = io.BytesIO()
    Image.new("RGB", (4, 3)).save(file, "JPEG", extra=iptc.jpeg_segment(records))
    with Image.open(file) as picture:
        found = IptcImagePlugin.getiptcinfo(picture)
        assert found is not None
        assert (found[2, 80], found[2, 25]) == (b"Ada", b"hello")
        assert iptc.records_in(picture.info, {}) == records


def test_the_longest_fits_into_a_segment() -> None:
    segment = iptc.jpeg_segment(bytes(iptc.JPEG_LIMIT))
    assert len(segment) - 2 == int.from_bytes(segment[2:4], "big") <= 65_535


@pytest.mark.parametrize(
    ("blocks", "found"),
    [
        (block(0x0404, RECORDS), RECORDS),
        (block(0x03ED, b"abc") + block(0x0422, b"", b"even") + block(0x0404, RECORDS, b"odd"), RECORDS),
        (block(0x03ED, b"ab"), None),
        (block(0x0404, b""), None),
        (b"8BIM\x04", None),
    ],
)
def test_records_among_the_blocks_of_photoshop(blocks: bytes, found: bytes | None) -> None:
    assert iptc.records_in({}, {0x8649: Field(7, len(blocks), blocks)}) == found
    own = iptc.field_of(b"own")
    assert iptc.records_in({}, {0x8649: Field(7, len(blocks), blocks), **own}) == b"own"


@given(st.binary(max_size=60))
def test_damaged_blocks_never_raise(data: bytes) -> None:
    iptc.records_in({}, {0x8649: Field(7, len(data), b"8BIM" + data)})
