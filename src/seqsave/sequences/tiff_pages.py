"""Take the pictures of a TIFF file apart: each becomes a file that holds it alone, for every decoder alike.

The pixels are not touched. In a copy of the file the header names the directory of the picture as the first one, and
that directory names no next one. Source: TIFF 6.0, section 2; BigTIFF has the same structure with longer numbers.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["first_of", "pages_in"]

_HEADS = {b"II*\0": ("<", False), b"MM\0*": (">", False), b"II+\0": ("<", True), b"MM\0+": (">", True)}
_SUBFILE = 254
_NOT_A_PICTURE = 1 | 4  # NewSubfileType: a reduced copy, a mask
_MOST = 10_000


class _Layout(NamedTuple):
    """The numbers of a file: their byte order, and formats of a count and an offset, bytes of an entry."""

    first: int
    size: str
    offset: str
    entry: int

    @classmethod
    def of(cls, data: bytes) -> _Layout | None:
        order, is_big = _HEADS.get(data[:4], ("", False))
        if not order:
            return None
        return cls(8, f"{order}Q", f"{order}Q", 20) if is_big else cls(4, f"{order}H", f"{order}I", 12)


class _Directory(NamedTuple):
    place: int
    next: int


def first_of(data: bytes) -> bytes:
    """Return a file with only the first picture of a TIFF file; other files, and those of one picture, as they are."""
    return next(pages_in(data))


def pages_in(data: bytes) -> Iterator[bytes]:
    """Yield a file for each picture of a TIFF file, without masks and smaller copies; other files as they are."""
    layout, found = _Layout.of(data), _directories(data)
    if layout is None or len(found) < 2:
        yield data
        return
    for directory in found:
        alone = bytearray(data)
        struct.pack_into(layout.offset, alone, layout.first, directory.place)
        struct.pack_into(layout.offset, alone, directory.next, 0)
        yield bytes(alone)


def _directories(data: bytes) -> list[_Directory]:
    """Return the directories of pictures, as far as they can be read; each once, in a file with a circle of them."""
    layout = _Layout.of(data)
    if layout is None:
        return []
    found: dict[int, _Directory] = {}
    seen: set[int] = set()
    try:
        (place,) = struct.unpack_from(layout.offset, data, layout.first)
        while place and place not in seen and len(seen) < _MOST:
            seen.add(place)
            (entries,) = struct.unpack_from(layout.size, data, place)
            start = place + struct.calcsize(layout.size)
            after = start + layout.entry * entries
            (following,) = struct.unpack_from(layout.offset, data, after)
            if not _kind_of(data, layout, start, entries) & _NOT_A_PICTURE:
                found[place] = _Directory(place, after)
            place = following
    except struct.error:  # the file is damaged there, which its decoder reports
        pass
    return list(found.values())


def _kind_of(data: bytes, layout: _Layout, start: int, entries: int) -> int:
    """Return NewSubfileType; 0 without one. Entries are sorted by their tags, and this is the lowest of all."""
    order = layout.offset[0]
    for place in range(start, start + layout.entry * min(entries, 4), layout.entry):
        (tag,) = struct.unpack_from(f"{order}H", data, place)
        if tag == _SUBFILE:
            (value,) = struct.unpack_from(f"{order}I", data, place + layout.entry - struct.calcsize(layout.offset))
            return int(value)
    return 0
