"""Take the parts of an EXR file apart: each becomes a file of one part, whose pixels are not decompressed.

Source: the OpenEXR file layout, https://openexr.com/en/latest/OpenEXRFileLayout.html, "multi-part files".
"""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import NamedTuple

from seqsave import DecodeError
from seqsave_exr.header import LONG_NAMES, MAGIC, PARTS, TILED, VERSION, Attribute, attributes_at, version_of

__all__ = ["Part", "parts_of"]

_MOST_PARTS = 256
_DAMAGED = "damaged EXR file: its parts cannot be read"


class Part(NamedTuple):
    """One part: its name, ``""`` in a file without parts, and a file that holds nothing else."""

    name: str
    data: bytes


class _Place(NamedTuple):
    name: str
    is_tiled: bool
    chunks: int
    start: int
    end: int


def parts_of(data: bytes) -> list[Part]:
    """Return the parts of a file. Raises DecodeError for a damaged file, and for one with a deep part."""
    version = version_of(data)
    if not version & PARTS:
        return [Part("", data)]
    try:
        places, at = _places(data)
        flags = VERSION | version & LONG_NAMES
        found = []
        for number, place in enumerate(places):
            offsets = struct.unpack_from(f"<{place.chunks}Q", data, at)
            at += 8 * place.chunks
            head = MAGIC + struct.pack("<I", flags | TILED * place.is_tiled) + data[place.start : place.end]
            found.append(Part(place.name, _alone(data, head, number, place, offsets)))
    except (struct.error, IndexError, KeyError, UnicodeDecodeError) as error:
        raise DecodeError(f"{_DAMAGED} ({type(error).__name__})") from error
    return found


def _places(data: bytes) -> tuple[list[_Place], int]:
    """Return the headers, and where the first table of offsets begins."""
    at, places = 8, list[_Place]()
    while data[at]:
        found, end = attributes_at(data, at)
        kind = _text(data, found["type"])
        name = _text(data, found["name"])
        if kind.startswith("deep"):
            raise DecodeError(f"an EXR file with the deep part {name!r}: it is not read", reason="unsupported")
        (chunks,) = struct.unpack_from("<i", data, found["chunkCount"].start)
        if not 0 < chunks <= len(data) // 8 or len(places) == _MOST_PARTS:
            raise DecodeError(_DAMAGED)
        places.append(_Place(name, kind == "tiledimage", chunks, at, end))
        at = end
    if not places:
        raise DecodeError(_DAMAGED)
    return places, at + 1


def _alone(data: bytes, head: bytes, number: int, place: _Place, offsets: tuple[int, ...]) -> bytes:
    """Return the file of one part: its chunks without their number."""
    start = 16 if place.is_tiled else 4  # the coordinates, before the size of the pixels
    chunks = []
    for offset in offsets:
        (owner,) = struct.unpack_from("<i", data, offset)
        (size,) = struct.unpack_from("<i", data, offset + 4 + start)
        end = offset + 8 + start + size
        if owner != number or size < 0 or end > len(data):
            raise DecodeError(_DAMAGED)
        chunks.append(data[offset + 4 : end])
    first = len(head) + 8 * len(chunks)
    places = [first]
    for chunk in chunks:
        places.append(places[-1] + len(chunk))
    table = struct.pack(f"<{len(chunks)}Q", *(here for here, _ in pairwise(places)))
    return b"".join((head, table, *chunks))


def _text(data: bytes, attribute: Attribute) -> str:
    return data[attribute.start : attribute.end].decode()
