"""Read the boxes of an AVIF file, and add Exif, XMP and the colour space, which the backend does not write.

Sources: ISO/IEC 14496-12 (boxes and items), ISO/IEC 23008-12 (Exif and XMP as items,
properties of items), and the AVIF specification 1.1.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from seqsave import DecodeError
from seqsave.metadata.light import content_in, content_of, display_in, display_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from seqsave.types import ImageArray

__all__ = ["Facts", "Item", "Properties", "annotated", "exif_of", "facts_of", "more_properties", "properties"]
__all__ += ["turned", "xmp_of"]

_XMP_TYPE = b"application/rdf+xml"
_FULL = 4  # bytes of version and flags, at the start of many boxes
_CONTAINERS = 64  # the most boxes at each level; an AVIF file has a few
_UNSPECIFIED = 2
_LONGEST = (1 << 32) - 1
_PER_CANDELA = 10_000
_MOST_LIGHT = (1 << 16) - 1


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


@dataclass(frozen=True, slots=True)
class Facts:
    """What the properties of a picture state.

    cicp:   primaries and transfer in the numbers of ITU-T H.273, unless unspecified. profile: the ICC profile.
    aspect: width of a pixel divided by its height, if that is not 1. light: as ``ImageInfo.light``.
    turns:  the properties that cut, turn and mirror the picture, in their order.
    """

    cicp: tuple[int, int] | None
    profile: bytes | None
    aspect: float | None
    light: dict[str, int]
    turns: tuple[tuple[bytes, bytes], ...]

    @property
    def is_turned(self) -> bool:
        """Return True if width and height are exchanged."""
        return sum(body[0] & 1 for kind, body in self.turns if kind == b"irot" and body) % 2 == 1


def more_properties(aspect: float | None, light: Mapping[str, int]) -> list[tuple[bytes, bytes]]:
    """Return the properties, by kind, for the aspect of pixels and for high dynamic range."""
    found = []
    if aspect is not None:
        ratio = Fraction(aspect).limit_denominator(100_000)
        found.append((b"pasp", struct.pack(">2I", ratio.numerator, ratio.denominator)))
    content, display = content_of(light), display_of(light, "gbr")
    if content is not None:
        found.append((b"clli", struct.pack(">2H", *(min(_MOST_LIGHT, round(one / _PER_CANDELA)) for one in content))))
    if display is not None:
        found.append((b"mdcv", display))
    return found


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


def facts_of(data: bytes) -> Facts:
    """Return what the properties of the picture state; those of its alpha and of a preview do not count."""
    cicp, profile, aspect = None, None, None
    light: dict[str, int] = {}
    turns: list[tuple[bytes, bytes]] = []
    for kind, body in _of_primary(data):
        if kind == b"colr" and body[:4] == b"nclx" and len(body) >= 8:
            numbers = struct.unpack_from(">2H", body, 4)
            cicp = None if _UNSPECIFIED in numbers else numbers
        elif kind == b"colr" and body[:4] in (b"prof", b"rICC"):
            profile = body[4:]
        elif kind == b"pasp" and len(body) >= 8:
            across, down = struct.unpack_from(">2I", body)
            aspect = across / down if across and down and across != down else None
        elif kind == b"clli" and len(body) >= 4:
            light |= content_in(*(value * _PER_CANDELA for value in struct.unpack_from(">2H", body)))
        elif kind == b"mdcv":
            light |= display_in(body, "gbr")
        elif kind in (b"clap", b"irot", b"imir"):
            turns.append((kind, body))
    return Facts(cicp, profile, aspect, light, tuple(turns))


def turned(array: ImageArray, facts: Facts) -> ImageArray:
    """Return the picture cut, turned and mirrored as the file states: ISO/IEC 23008-12, 6.5.9 to 6.5.12."""
    for kind, body in facts.turns:
        if kind == b"clap" and len(body) >= 32:
            array = _cut(array, struct.unpack_from(">IIIIiIiI", body))
        elif kind == b"irot" and body:
            array = np.rot90(array, body[0] & 3)
        elif kind == b"imir" and body:
            array = array[:, ::-1] if body[0] & 1 else array[::-1]
    return np.ascontiguousarray(array) if facts.turns else array


def _cut(array: ImageArray, numbers: tuple[int, ...]) -> ImageArray:
    """Return the clean aperture, or the whole picture if it is not within."""
    if not all(numbers[1::2]):
        return array
    width, height, right, down = (above / below for above, below in zip(numbers[::2], numbers[1::2], strict=True))
    left, top = (array.shape[1] - width) / 2 + right, (array.shape[0] - height) / 2 + down
    is_within = min(left, top) >= 0 and left + width <= array.shape[1] and top + height <= array.shape[0]
    if not is_within or any(value != int(value) for value in (left, top, width, height)) or not width * height:
        return array
    return array[int(top) : int(top + height), int(left) : int(left + width)]


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
    data: bytes,
    items: Iterable[Item],
    cicp: tuple[int, int] | None,
    icc: bytes | None,
    *,
    grey: bool = False,
    more: Sequence[tuple[bytes, bytes]] = (),
) -> bytes:
    """Return a file of the backend with additional items and with its colour space.

    data: a file of libavif: the boxes ``ftyp``, ``meta`` and, at the end, ``mdat``; items numbered from 1, the picture.
    cicp: primaries and transfer in the numbers of ITU-T H.273.
    more: further properties of the picture, by kind.

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
    inner[b"iprp"] = _colored(inner[b"iprp"], cicp, icc, grey, more)
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


def _of_primary(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return kind and content of the properties of the primary picture, in their order (``pitm``, ``ipma``)."""
    try:
        meta = dict(_boxes(data, 0, len(data)))[b"meta"]
        shelf = [(kind, data[start:end]) for kind, (start, end) in _properties(data, meta)]
        inner = dict(_boxes(data, meta[0] + _FULL, meta[1]))
        place = inner[b"pitm"][0]
        (primary,) = struct.unpack_from(">H" if data[place] == 0 else ">I", data, place + _FULL)
        for kind, (start, end) in _boxes(data, *inner[b"iprp"]):
            if kind == b"ipma" and primary in (table := _associations(data[start:end])):
                return [shelf[number - 1] for number in table[primary] if 0 < number <= len(shelf)]
    except (KeyError, IndexError, struct.error, DecodeError):
        pass
    return []


def _associations(ipma: bytes) -> dict[int, list[int]]:
    """Return the numbers of the properties of each item."""
    version, is_wide = ipma[0], ipma[3] & 1
    (count,) = struct.unpack_from(">I", ipma, _FULL)
    at, found = _FULL + 4, {}
    for _ in range(min(count, len(ipma))):
        (item,) = struct.unpack_from(">H" if version == 0 else ">I", ipma, at)
        at += 2 if version == 0 else 4
        number = ipma[at]
        at += 1
        if is_wide:
            found[item] = [value & 0x7FFF for value in struct.unpack_from(f">{number}H", ipma, at)]
        else:
            found[item] = [value & 0x7F for value in ipma[at : at + number]]
        at += number * (2 if is_wide else 1)
    return found


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


def _colored(
    iprp: bytes, cicp: tuple[int, int] | None, icc: bytes | None, grey: bool, more: Sequence[tuple[bytes, bytes]]
) -> bytes:
    """Return the properties with the numbers of a colour space in place of "unspecified", a profile, and others."""
    inner = {kind: iprp[start:end] for kind, (start, end) in _boxes(iprp, 0, len(iprp))}
    shelf = [(kind, inner[b"ipco"][start:end]) for kind, (start, end) in _boxes(inner[b"ipco"], 0, len(inner[b"ipco"]))]
    shelf = [(kind, _numbers(body, cicp, grey) if body.startswith(b"nclx") else body) for kind, body in shelf]
    for added in (*(() if icc is None else [(b"colr", b"prof" + icc)]), *more):
        shelf.append(added)
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
