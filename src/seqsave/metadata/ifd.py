"""Read and write the directories of a TIFF structure, on which Exif is based.

Sources: TIFF 6.0 section 2, and CIPA DC-008 for the directories within others.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["ASCII", "EXIF", "GPS", "LONG", "RATIONAL", "SHORT", "UNDEFINED", "UTF8", "Directory", "Entry", "Field"]
__all__ += ["cost", "entries", "order_of", "read", "size_of", "written"]

ASCII, SHORT, LONG, RATIONAL, UNDEFINED = 2, 3, 4, 5, 7
UTF8 = 129  # Exif 3.0
EXIF, GPS, _INTEROPERABILITY = 0x8769, 0x8825, 0xA005
_POINTERS = frozenset((EXIF, GPS, _INTEROPERABILITY))
_SIZES = {1: 1, ASCII: 1, SHORT: 2, LONG: 4, RATIONAL: 8, 6: 1, UNDEFINED: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, UTF8: 1}
_ENTRY = 12
_INLINE = 4  # a value of up to four bytes is stored in the entry itself
_HEADER, _FIXED = 8, 2 + 4  # of the structure; of a directory, beside its entries
_DEEPEST = 3


class Entry(NamedTuple):
    """An entry as it is in a file: its tag, its type, and the bytes of its value."""

    tag: int
    kind: int
    value: bytes


class Field(NamedTuple):
    """A value: its type, the number of its parts, and their bytes, or the directory that it points to."""

    kind: int
    number: int
    value: bytes | Directory


Directory = dict[int, Field]


def order_of(tiff: bytes) -> str:
    """Return the byte order of a structure as the module ``struct`` writes it; ``""`` for other data."""
    return {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4], "") if len(tiff) >= _HEADER else ""


def entries(tiff: bytes, order: str, start: int) -> Iterator[Entry]:
    """Yield the entries of the directory at ``start``, as far as they are in the block."""
    if start + 2 > len(tiff):
        return
    (count,) = struct.unpack_from(order + "H", tiff, start)
    count = min(count, (len(tiff) - start - 2) // _ENTRY)
    # Values of a valid block do not overlap. A malicious block may name all of its bytes as the value of every entry.
    left = len(tiff)
    for position in range(start + 2, start + 2 + _ENTRY * count, _ENTRY):
        tag, kind, number = struct.unpack_from(order + "HHI", tiff, position)
        length = number * _SIZES.get(kind, 0)
        offset = position + 8 if length <= _INLINE else struct.unpack_from(order + "I", tiff, position + 8)[0]
        if length and offset + length <= len(tiff) and length <= left:
            left -= length
            yield Entry(tag, kind, tiff[offset : offset + length])


def read(tiff: bytes) -> Directory:
    """Return the first directory of a structure with those that it points to; an empty one for other data."""
    order = order_of(tiff)
    return _read(tiff, order, struct.unpack_from(order + "I", tiff, 4)[0], _DEEPEST) if order else {}


def _read(tiff: bytes, order: str, start: int, deepest: int) -> Directory:
    found: Directory = {}
    for tag, kind, value in entries(tiff, order, start):
        if tag in _POINTERS and len(value) == _INLINE:
            if deepest and (inner := _read(tiff, order, struct.unpack(order + "I", value)[0], deepest - 1)):
                found[tag] = Field(LONG, 1, inner)
        else:
            found[tag] = Field(kind, len(value) // _SIZES[kind], value)
    return found


def written(fields: Mapping[int, Field], order: str = "<") -> bytes:
    """Return a structure without a picture, with one directory and those that it points to."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(order + "I", _HEADER) + _directory(fields, order, _HEADER)


def _directory(fields: Mapping[int, Field], order: str, start: int) -> bytes:
    parts = [struct.pack(order + "H", len(fields))]
    offset = start + _FIXED + _ENTRY * len(fields)
    bodies = []
    for tag, (kind, number, value) in sorted(fields.items()):
        entry = struct.pack(order + "HHI", tag, kind, number)
        if isinstance(value, bytes) and len(value) <= _INLINE:
            parts.append(entry + value.ljust(_INLINE, b"\0"))
            continue
        parts.append(entry + struct.pack(order + "I", offset))
        body = value + b"\0" * (len(value) % 2) if isinstance(value, bytes) else _directory(value, order, offset)
        bodies.append(body)
        offset += len(body)
    return b"".join([*parts, bytes(4), *bodies])  # no next directory


def cost(field: Field) -> int:
    """Return the bytes that a field takes in a structure."""
    if not isinstance(field.value, bytes):
        return _ENTRY + _FIXED + sum(map(cost, field.value.values()))
    length = len(field.value)
    return _ENTRY + (0 if length <= _INLINE else length + length % 2)


def size_of(fields: Mapping[int, Field]) -> int:
    """Return the bytes of the structure that ``written`` returns."""
    return _HEADER + _FIXED + sum(map(cost, fields.values()))
