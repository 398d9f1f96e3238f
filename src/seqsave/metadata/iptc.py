"""Find IPTC's records (IIM) in the blocks of Photoshop and in TIFF files, and write the segment of a JPEG file.

Sources: IPTC-NAA Information Interchange Model 4.2; Adobe Photoshop file formats, image resource blocks.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from seqsave.metadata.ifd import BYTE, Field

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["JPEG_LIMIT", "TAG", "block_of", "field_of", "jpeg_segment", "records_in", "records_of"]

TAG = 0x83BB
"""The tag of TIFF files that holds the records themselves."""
_PHOTOSHOP = 0x8649
_NUMBER = 0x0404  # of the records among Photoshop's blocks
_RECORD = b"\x1c"  # the first byte of each
_SIGN, _NAME = b"8BIM", b"Photoshop 3.0\0"
_MARKER = b"\xff\xed"  # APP13
# A segment has a length of 16 bits, which counts itself; a block has a header of 12 bytes, and an even length.
JPEG_LIMIT = 0xFFFF - 2 - len(_NAME) - 12 - 1
"""Bytes of records that one segment of a JPEG file holds."""


def records_in(found: Mapping[str, Any], fields: Mapping[int, Field]) -> bytes | None:
    """Return the records of a file; None without any.

    found:  what Pillow lists in ``info`` of a JPEG file.
    fields: the directory of a TIFF file.
    """
    listed = found.get("photoshop")
    if isinstance(listed, dict) and isinstance(listed.get(_NUMBER), bytes):
        return listed[_NUMBER] or None
    if TAG in fields and isinstance(fields[TAG].value, bytes):
        return bytes(fields[TAG].value) or None
    blocks = fields[_PHOTOSHOP].value if _PHOTOSHOP in fields else b""
    return _among(blocks) if isinstance(blocks, bytes) else None


def records_of(data: bytes) -> bytes | None:
    """Return the records in blocks of Photoshop, or in bytes that are records; None if they are neither."""
    return (data or None) if data.startswith(_RECORD) else _among(data)


def _among(blocks: bytes) -> bytes | None:
    """Return the records among Photoshop's blocks, each of which has a number, a name, a size and data."""
    place = 0
    while blocks[place : place + 4] == _SIGN and place + 7 <= len(blocks):
        (number,) = struct.unpack_from(">H", blocks, place + 4)
        start = place + 6 + (blocks[place + 6] + 2) // 2 * 2  # a name has a byte for its length, and an even length
        if start + 4 > len(blocks):
            return None
        (size,) = struct.unpack_from(">I", blocks, start)
        data = blocks[start + 4 : start + 4 + size]
        if number == _NUMBER:
            return data or None
        place = start + 4 + size + size % 2
    return None


def field_of(records: bytes) -> dict[int, Field]:
    """Return the records as a field of a TIFF directory."""
    return {TAG: Field(BYTE, len(records), records)}


def block_of(records: bytes) -> bytes:
    """Return the records as a block of Photoshop."""
    return struct.pack(">4sHHI", _SIGN, _NUMBER, 0, len(records)) + records + bytes(len(records) % 2)


def jpeg_segment(records: bytes) -> bytes:
    """Return a segment of a JPEG file with at most ``JPEG_LIMIT`` bytes of records."""
    block = block_of(records)
    return _MARKER + struct.pack(">H", 2 + len(_NAME) + len(block)) + _NAME + block
