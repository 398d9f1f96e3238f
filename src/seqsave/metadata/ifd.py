"""Read and write the directories of a TIFF structure, on which Exif is based; BigTIFF is only read.

Sources: TIFF 6.0 section 2, CIPA DC-008 for the directories within others, and BigTIFF's design, whose counts and
offsets have eight bytes: https://www.awaresystems.be/imaging/tiff/bigtiff.html
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["ASCII", "BYTE", "EXIF", "GPS", "LONG", "RATIONAL", "SHORT", "UNDEFINED", "UTF8"]
__all__ += ["Directory", "Entry", "Field"]
__all__ += ["cost", "entries", "extended", "is_big", "order_of", "read", "reordered", "size_of", "written"]

BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED = 1, 2, 3, 4, 5, 7
UTF8 = 129  # Exif 3.0
EXIF, GPS, _INTEROPERABILITY = 0x8769, 0x8825, 0xA005
_POINTERS = frozenset((EXIF, GPS, _INTEROPERABILITY))
_SIZES = {
    BYTE: 1,
    ASCII: 1,
    SHORT: 2,
    LONG: 4,
    RATIONAL: 8,
    6: 1,
    UNDEFINED: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    UTF8: 1,
}
# Letters of the module ``struct``, for types of more than one byte; rationals are two numbers.
_LETTERS = {SHORT: "H", LONG: "I", RATIONAL: "I", 8: "h", 9: "i", 10: "i", 11: "f", 12: "d"}
# Types of the places of directories: IFD, and of BigTIFF LONG8 and IFD8.
_POINTING = {13: 4, 16: 8, 18: 8}
_PLACES = {4: "I", 8: "Q"}
_ENTRY = 12
_INLINE = 4  # a value of up to four bytes is stored in the entry itself
_HEADER, _FIXED = 8, 2 + 4  # of the structure; of a directory, beside its entries
_DEEPEST = 3
_MARKS = {b"II*\0": "<", b"MM\0*": ">"}
_BIG_MARKS = {b"II+\0\x08\0\0\0": "<", b"MM\0+\0\x08\0\0": ">"}


class Entry(NamedTuple):
    """An entry as it is in a file: its tag, its type, and the bytes of its value."""

    tag: int
    kind: int
    value: bytes


class _Form(NamedTuple):
    """The sizes of a structure: its header, and the letters of ``struct`` for the number of entries and for offsets."""

    header: int
    number: str
    word: str

    @property
    def inline(self) -> int:
        """Return the most bytes of a value that is stored in its entry."""
        return struct.calcsize("=" + self.word)

    @property
    def entry(self) -> int:
        """Return the bytes of an entry: tag and type, the number of parts, and the value or its place."""
        return 4 + 2 * self.inline


_CLASSIC, _BIG = _Form(_HEADER, "H", "I"), _Form(16, "Q", "Q")


class Field(NamedTuple):
    """A value: its type, the number of its parts, and their bytes, or the directory that it points to."""

    kind: int
    number: int
    value: bytes | Directory


Directory = dict[int, Field]


def order_of(tiff: bytes) -> str:
    """Return the byte order of a structure as the module ``struct`` writes it; ``""`` for other data."""
    if is_big(tiff):
        return _BIG_MARKS[tiff[:8]] if len(tiff) >= _BIG.header else ""
    return _MARKS.get(tiff[:4], "") if len(tiff) >= _HEADER else ""


def is_big(tiff: bytes) -> bool:
    """Return whether data are BigTIFF, by their first eight bytes."""
    return tiff[:8] in _BIG_MARKS


def entries(tiff: bytes, order: str, start: int | None = None) -> Iterator[Entry]:
    """Yield the entries of the directory at ``start``, as far as they are in the block.

    start: the place of the directory; None for the first one.
    """
    form = _BIG if is_big(tiff) else _CLASSIC
    if start is None:
        (start,) = struct.unpack_from(order + form.word, tiff, form.header - form.inline)
    body = start + struct.calcsize("=" + form.number)
    if body > len(tiff):
        return
    (count,) = struct.unpack_from(order + form.number, tiff, start)
    count = min(count, (len(tiff) - body) // form.entry)
    # Values of a valid block do not overlap. A malicious block may name all of its bytes as the value of every entry.
    left = len(tiff)
    for position in range(body, body + form.entry * count, form.entry):
        tag, kind, number = struct.unpack_from(order + "HH" + form.word, tiff, position)
        length = number * (_SIZES.get(kind) or _POINTING.get(kind, 0))
        offset = position + 4 + form.inline
        if length > form.inline:
            (offset,) = struct.unpack_from(order + form.word, tiff, offset)
        if length and offset + length <= len(tiff) and length <= left:
            left -= length
            yield Entry(tag, kind, tiff[offset : offset + length])


def read(tiff: bytes) -> Directory:
    """Return the first directory of a structure with those that it points to; an empty one for other data."""
    order = order_of(tiff)
    return _read(tiff, order, None, _DEEPEST) if order else {}


def _read(tiff: bytes, order: str, start: int | None, deepest: int) -> Directory:
    found: Directory = {}
    for tag, kind, value in entries(tiff, order, start):
        if tag in _POINTERS and len(value) in _PLACES:
            place = struct.unpack(order + _PLACES[len(value)], value)[0]
            if deepest and (inner := _read(tiff, order, place, deepest - 1)):
                found[tag] = Field(LONG, 1, inner)
        elif kind in _SIZES:
            found[tag] = Field(kind, len(value) // _SIZES[kind], value)
    return found


def written(fields: Mapping[int, Field], order: str = "<") -> bytes:
    """Return a structure without a picture, with one directory and those that it points to."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(order + "I", _HEADER) + _directory(fields, order, _HEADER)


def _directory(
    fields: Mapping[int, Field],
    order: str,
    start: int,
    known: Mapping[int, bytes] | None = None,
    following: bytes = bytes(4),
) -> bytes:
    """Return a directory at ``start``.

    known: entries that are complete, by their tags. following: the offset of the next directory.
    """
    own = known or {}
    parts = [struct.pack(order + "H", len(fields) + len(own))]
    offset = start + _FIXED + _ENTRY * (len(fields) + len(own))
    bodies = []
    for tag in sorted((*fields, *own)):
        if tag in own:
            parts.append(own[tag])
            continue
        kind, number, value = fields[tag]
        entry = struct.pack(order + "HHI", tag, kind, number)
        if isinstance(value, bytes) and len(value) <= _INLINE:
            parts.append(entry + value.ljust(_INLINE, b"\0"))
            continue
        parts.append(entry + struct.pack(order + "I", offset))
        body = value + b"\0" * (len(value) % 2) if isinstance(value, bytes) else _directory(value, order, offset)
        bodies.append(body)
        offset += len(body)
    return b"".join([*parts, following, *bodies])


def cost(field: Field) -> int:
    """Return the bytes that a field takes in a structure."""
    if not isinstance(field.value, bytes):
        return _ENTRY + _FIXED + sum(map(cost, field.value.values()))
    length = len(field.value)
    return _ENTRY + (0 if length <= _INLINE else length + length % 2)


def reordered(fields: Mapping[int, Field], old: str, new: str) -> Directory:
    """Return the fields with their values in another byte order. old, new: as ``order_of`` returns them."""
    if old == new:
        return dict(fields)
    return {tag: field._replace(value=_reordered(field, old, new)) for tag, field in fields.items()}


def _reordered(field: Field, old: str, new: str) -> bytes | Directory:
    if not isinstance(field.value, bytes):
        return reordered(field.value, old, new)
    letter = _LETTERS.get(field.kind)
    if letter is None:
        return field.value
    count = len(field.value) // struct.calcsize(letter)
    return struct.pack(f"{new}{count}{letter}", *struct.unpack(f"{old}{count}{letter}", field.value))


def extended(tiff: bytes, fields: Mapping[int, Field]) -> bytes:
    """Return a structure whose first directory has these fields, too; those that it has stay as they are.

    The new directory is at the end. Other data, such as BigTIFF, are returned unchanged.
    """
    order = order_of(tiff)
    if not order or is_big(tiff):
        return tiff
    (place,) = struct.unpack_from(order + "I", tiff, 4)
    (count,) = struct.unpack_from(order + "H", tiff, place)
    end = place + 2 + _ENTRY * count
    own = {struct.unpack_from(order + "H", tiff, at)[0]: tiff[at : at + _ENTRY] for at in range(place + 2, end, _ENTRY)}
    added = {tag: field for tag, field in fields.items() if tag not in own}
    start = len(tiff) + len(tiff) % 2
    directory = _directory(added, order, start, own, tiff[end : end + 4])
    head = tiff[:4] + struct.pack(order + "I", start)
    return b"".join((head, tiff[_HEADER:], bytes(start - len(tiff)), directory))


def size_of(fields: Mapping[int, Field]) -> int:
    """Return the bytes of the structure that ``written`` returns."""
    return _HEADER + _FIXED + sum(map(cost, fields.values()))
