"""Read the boxes of an AVIF file, and add Exif, XMP and the colour space, which the backend does not write.

Sources: ISO/IEC 14496-12 (boxes and items), ISO/IEC 23008-12 (Exif and XMP as items,
properties of items), and the AVIF specification 1.1.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqsave import DecodeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Item", "Properties", "annotated", "colors_of", "exif_of", "properties", "xmp_of"]

_XMP_TYPE = b"application/rdf+xml"
_FULL = 4  # bytes of version and flags, at the start of many boxes
_CONTAINERS = 64  # the most boxes at each level; an AVIF file has a few
_UNSPECIFIED = 2
_LONGEST = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class Item:
    """An item to add to a file: its kind (``Exif`` or ``mime``), name, and content."""

    kind: bytes
    name: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class Properties:
    """Properties of a file: the sides of its largest picture, bits of a sample, and True for an animation."""

    width: int
    height: int
    bits: int
    animated: bool


def exif_item(tiff: bytes) -> Item:
    """Return an item for Exif, which starts with its TIFF header."""
    return Item(b"Exif", b"Exif", bytes(4) + tiff)


def xmp_item(packet: bytes) -> Item:
    """XMP."""
    return Item(b"mime", b"XMP", packet)


def properties(data: bytes) -> Properties:
    """Return the properties of a file without decoding pictures. Raises DecodeError for damaged files."""
    kinds = dict(_boxes(data, 0, len(data)))
    ftyp, meta = kinds.get(b"ftyp"), kinds.get(b"meta")
    if ftyp is None or not data[ftyp[0] : ftyp[0] + 4].startswith((b"avi", b"mif1", b"msf1")) or meta is None:
        raise DecodeError("not an AVIF file")
    sizes, bits = [(0, 0)], 8
    for kind, (start, end) in _properties(data, meta):
        if kind == b"ispe" and end - start >= 12:
            sizes.append(struct.unpack_from(">II", data, start + _FULL))
        elif kind == b"av1C" and end - start >= 4 and data[start + 2] & 0x40:
            bits = max(bits, 12 if data[start + 2] & 0x20 else 10)
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    if not width * height:
        raise DecodeError("an AVIF file without the size of its picture")
    return Properties(width, height, bits, data[ftyp[0] : ftyp[0] + 4] == b"avis" or b"moov" in kinds)


def exif_of(data: bytes) -> bytes:
    """Return Exif from its TIFF header on; ``b""`` if it is missing or damaged (the picture may be intact)."""
    body = _item(data, b"Exif")
    return body[4 + int.from_bytes(body[:4], "big") :]


def xmp_of(data: bytes) -> bytes:
    """Return the XMP packet; ``b""`` if it is missing or damaged."""
    return _item(data, b"mime")


def colors_of(data: bytes) -> tuple[tuple[int, int] | None, bytes | None]:
    """Return primaries and transfer in the numbers of ITU-T H.273, unless unspecified, and the ICC profile."""
    cicp, profile = None, None
    meta = dict(_boxes(data, 0, len(data))).get(b"meta")
    for kind, (start, end) in _properties(data, meta) if meta else ():
        if kind == b"colr" and data[start : start + 4] == b"nclx" and end - start >= 8:
            numbers = struct.unpack_from(">2H", data, start + 4)
            cicp = None if _UNSPECIFIED in numbers else numbers
        elif kind == b"colr" and data[start : start + 4] in (b"prof", b"rICC"):
            profile = data[start + 4 : end]
    return cicp, profile


def _item(data: bytes, wanted: bytes) -> bytes:
    """Return the content of the first item of that kind; ``b""`` if there is none, or the file is damaged."""
    try:
        meta = dict(_boxes(data, 0, len(data)))[b"meta"]
        inner = dict(_boxes(data, meta[0] + _FULL, meta[1]))
        number = next(number for number, kind in _items(data, *inner[b"iinf"]) if kind == wanted)
        return b"".join(data[start : start + length] for start, length in _extents(data, *inner[b"iloc"])[number])
    except (KeyError, StopIteration, struct.error, IndexError, DecodeError):
        return b""


def annotated(
    data: bytes, items: Iterable[Item], cicp: tuple[int, int] | None, icc: bytes | None, *, grey: bool = False
) -> bytes:
    """Return a file of the backend with additional items and with its colour space.

    data: a file of libavif: the boxes ``ftyp``, ``meta`` and, at the end, ``mdat``; items numbered from 1, the picture.
    cicp: primaries and transfer in the numbers of ITU-T H.273.

    Raises ValueError for other files, and for more than 4 GiB.
    """
    top = list(_boxes(data, 0, len(data)))
    if [kind for kind, _ in top] != [b"ftyp", b"meta", b"mdat"]:
        raise ValueError("the backend's file has other boxes than ftyp, meta and mdat")
    (_, ftyp), (_, meta), (_, mdat) = top
    inner = {kind: data[start:end] for kind, (start, end) in _boxes(data, meta[0] + _FULL, meta[1])}
    new = list(items)
    first = 1 + struct.unpack_from(">H", inner[b"iinf"], _FULL)[0]
    numbers = range(first, first + len(new))
    inner[b"iinf"] = _more_infos(inner[b"iinf"], new, numbers)
    if new:
        references = inner.get(b"iref", bytes(_FULL))
        inner[b"iref"] = references + b"".join(_box(b"cdsc", struct.pack(">HHH", n, 1, 1)) for n in numbers)
    inner[b"iprp"] = _colored(inner[b"iprp"], cicp, icc, grey)
    # Positions depend on the length of the header, whose length does not depend on positions.
    inner[b"iloc"] += bytes(14 * len(new))
    shift = _FULL + sum(8 + len(body) for body in inner.values()) - (meta[1] - meta[0])
    inner[b"iloc"] = _moved(inner[b"iloc"], shift, new, numbers, len(data) + shift)
    body = data[mdat[0] : mdat[1]] + b"".join(item.body for item in new)
    head = data[: ftyp[1]] + _box(b"meta", bytes(_FULL) + b"".join(_box(kind, it) for kind, it in inner.items()))
    if len(head) + 8 + len(body) > _LONGEST:
        raise ValueError("more than 4 GiB")
    return head + _box(b"mdat", body)


# --- reading --------------------------------------------------------------------------------------------------------


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """Yield the kind of each box, with the start and end of its content."""
    for _ in range(_CONTAINERS):
        if start + 8 > end:
            return
        size, kind = struct.unpack_from(">I4s", data, start)
        body = start + 8
        if size == 1 and start + 16 <= end:
            (size,) = struct.unpack_from(">Q", data, body)
            body += 8
        stop = start + size if size else end
        if not body <= stop <= end:
            raise DecodeError(f"an AVIF file whose box {kind!r} has an invalid length")
        yield kind, (body, stop)
        start = stop


def _properties(data: bytes, meta: tuple[int, int]) -> Iterator[tuple[bytes, tuple[int, int]]]:
    place = dict(_boxes(data, meta[0] + _FULL, meta[1])).get(b"iprp")
    place = place and dict(_boxes(data, *place)).get(b"ipco")
    if place:
        yield from _boxes(data, *place)


def _items(data: bytes, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Yield number and kind of each item (``iinf``)."""
    wide = data[start] > 0
    for kind, (body, _) in _boxes(data, start + _FULL + (4 if wide else 2), end):
        if kind == b"infe" and data[body] in (2, 3):
            number = ">H" if data[body] == 2 else ">I"
            at = body + _FULL + struct.calcsize(number) + 2
            yield struct.unpack_from(number, data, body + _FULL)[0], data[at : at + 4]


def _extents(data: bytes, start: int, end: int) -> dict[int, list[tuple[int, int]]]:
    """Return, by number of an item, position and length of its parts in the file (``iloc``)."""
    version, sizes = data[start], int.from_bytes(data[start + _FULL : start + _FULL + 2], "big")
    at = start + _FULL + 2

    def take(count: int) -> int:
        nonlocal at
        at += count
        if at > end:
            raise DecodeError("an AVIF file whose table of items ends early")
        return int.from_bytes(data[at - count : at], "big")

    offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    wide = 4 if version == 2 else 2
    found: dict[int, list[tuple[int, int]]] = {}
    for _ in range(take(wide)):
        number = take(wide)
        in_file = version == 0 or take(2) & 15 == 0
        take(2)
        base = take(base_size)
        parts = []
        for _ in range(take(2)):
            take(index_size if version else 0)
            parts.append((base + take(offset_size), take(length_size)))
        if in_file:
            found[number] = parts
    return found


# --- writing --------------------------------------------------------------------------------------------------------


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _more_infos(iinf: bytes, new: list[Item], numbers: range) -> bytes:
    entries = [iinf[:_FULL], struct.pack(">H", numbers.stop - 1), iinf[_FULL + 2 :]]
    for item, number in zip(new, numbers, strict=True):
        kind = item.kind + item.name + b"\0" + (_XMP_TYPE + b"\0" if item.kind == b"mime" else b"")
        entries.append(_box(b"infe", struct.pack(">BxxxHH", 2, number, 0) + kind))
    return b"".join(entries)


def _moved(iloc: bytes, shift: int, new: list[Item], numbers: range, end: int) -> bytes:
    """Return the table with all positions moved by ``shift`` bytes, and with the new items, one after the other."""
    if iloc[:1] != b"\0" or iloc[_FULL : _FULL + 2] != b"\x44\0":
        raise ValueError("the backend's file has a table of items of another kind")
    rows = [(number, parts) for number, parts in _extents(iloc, 0, len(iloc) - 14 * len(new)).items()]
    table = [iloc[: _FULL + 2], struct.pack(">H", len(rows) + len(new))]
    for number, parts in rows:
        table.append(struct.pack(">HHH", number, 0, len(parts)))
        table += [struct.pack(">II", start + shift, length) for start, length in parts]
    for item, number in zip(new, numbers, strict=True):
        table.append(struct.pack(">HHHII", number, 0, 1, end, len(item.body)))
        end += len(item.body)
    return b"".join(table)


def _colored(iprp: bytes, cicp: tuple[int, int] | None, icc: bytes | None, grey: bool) -> bytes:
    """Return the properties with the numbers of a colour space in place of "unspecified", and with a profile."""
    inner = {kind: iprp[start:end] for kind, (start, end) in _boxes(iprp, 0, len(iprp))}
    shelf = [(kind, inner[b"ipco"][start:end]) for kind, (start, end) in _boxes(inner[b"ipco"], 0, len(inner[b"ipco"]))]
    shelf = [(kind, _numbers(body, cicp, grey) if body.startswith(b"nclx") else body) for kind, body in shelf]
    if icc is not None:
        shelf.append((b"colr", b"prof" + icc))
        inner[b"ipma"] = _associated(inner[b"ipma"], len(shelf))
    inner[b"ipco"] = b"".join(_box(kind, body) for kind, body in shelf)
    return b"".join(_box(kind, body) for kind, body in inner.items())


def _numbers(nclx: bytes, cicp: tuple[int, int] | None, grey: bool) -> bytes:
    primaries, transfer, matrix = struct.unpack_from(">3H", nclx, 4)
    primaries, transfer = cicp or (primaries, transfer)
    # Older backends write numbers for grey that are allowed only for colours; some readers then refuse the file.
    matrix = _UNSPECIFIED if grey else matrix
    return b"nclx" + struct.pack(">3H", primaries, transfer, matrix) + nclx[10:]


def _associated(ipma: bytes, index: int) -> bytes:
    """Return the table with one more property for the picture, its first item."""
    at = _FULL + 4
    if ipma[:_FULL] != bytes(_FULL) or struct.unpack_from(">H", ipma, at)[0] != 1:
        raise ValueError("the backend's file has a table of properties of another kind")
    count = ipma[at + 2]
    place = at + 3 + count
    return ipma[: at + 2] + bytes((count + 1,)) + ipma[at + 3 : place] + bytes((index,)) + ipma[place:]
