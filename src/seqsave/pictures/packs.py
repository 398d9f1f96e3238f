"""The small pictures of a frame, and the bytes of a pack of them: an index in JSON, all thumbnails, all halves.

A pack begins with ``MAGIC`` and the length of its index, 4 bytes, little-endian. The index states of each frame which
file it was made of (size, checksum, version), and of each picture its place after the index, its length and its CRC-32.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

__all__ = [
    *("SIZES", "Packed", "Proxy", "Size", "Slot", "Source"),
    *("index_end", "index_start", "pack", "picture_in", "unpack", "unpack_all"),
]

Size = Literal["thumb", "half"]
SIZES: Final[tuple[Size, ...]] = ("thumb", "half")

MAGIC = b"seqsave proxies 1\n"
_LENGTH = struct.Struct("<I")
# A full index has about 20 kB; no other file that begins in this way is to fill the memory.
_LONGEST_INDEX = 1 << 20
# A half of the largest picture has fewer bytes, and the pictures of a pack fewer than all of these.
_LARGEST_PICTURE = 1 << 28
_LARGEST_PACK = 2 * 64 * _LARGEST_PICTURE


@dataclass(frozen=True, slots=True)
class Proxy:
    """The small pictures of one frame, as JPEG files."""

    thumb: bytes
    half: bytes

    @property
    def size(self) -> int:
        """Return their bytes."""
        return len(self.thumb) + len(self.half)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The file that small pictures were made of: the frame's numbers, and what identifies its bytes.

    size, checksum: of its bytes, ``"crc32:9ae0daaf"``. version: as the storage's listings show it; None if unknown.
    """

    index: int
    batch: int | None
    size: int | None
    checksum: str | None
    version: str | None


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of a picture in its pack, from the end of the index on."""

    offset: int
    size: int
    crc32: int


@dataclass(frozen=True, slots=True)
class Packed:
    """The entry of a frame in the index of a pack."""

    source: Source
    slots: Mapping[str, Slot]


def pack(frames: Iterable[tuple[Source, Proxy]]) -> bytes:
    """Return the bytes of a pack."""
    found = sorted(frames, key=lambda one: one[0].index)
    documents: list[dict[str, Any]] = [_document(source) for source, _ in found]
    body: list[bytes] = []
    offset = 0
    for size in SIZES:
        for document, (_, proxy) in zip(documents, found, strict=True):
            data: bytes = getattr(proxy, size)
            document[size] = [offset, len(data), zlib.crc32(data)]
            body.append(data)
            offset += len(data)
    index = json.dumps({"frames": documents}, separators=(",", ":")).encode()
    return b"".join((MAGIC, _LENGTH.pack(len(index)), index, *body))


def _document(source: Source) -> dict[str, Any]:
    names = ("index", "batch", "size", "checksum", "version")
    return {name: value for name in names if (value := getattr(source, name)) is not None}


def index_start() -> int:
    """Return where the index of a pack begins: so many bytes state where it ends."""
    return len(MAGIC) + _LENGTH.size


def index_end(head: bytes) -> int:
    """Return where the index of a pack ends. head: the first bytes of the pack. Raises ValueError for another file."""
    start = index_start()
    if len(head) < start or not head.startswith(MAGIC):
        raise ValueError("this is not a pack of proxies")
    (length,) = _LENGTH.unpack_from(head, len(MAGIC))
    if length > _LONGEST_INDEX:
        raise ValueError("the index of this pack is too long")
    return int(start + length)


def unpack(head: bytes) -> list[Packed]:
    """Return the frames of a pack. head: its bytes up to ``index_end``. Raises ValueError for a damaged index."""
    end = index_end(head)
    try:
        document = json.loads(head[index_start() : end])
        return [_packed(one) for one in document["frames"]]
    except (LookupError, TypeError, ValueError, RecursionError, AttributeError) as error:
        reason = str(error) if isinstance(error, ValueError) else repr(error)
        raise ValueError(f"the index of this pack is damaged: {reason}") from None


def unpack_all(data: bytes) -> list[tuple[Source, Proxy]]:
    """Return what ``pack`` got. Raises ValueError for a damaged pack."""
    start = index_end(data)

    def picture(slot: Slot) -> bytes:
        place = start + slot.offset
        return picture_in(data[place : place + slot.size], slot)

    return [(one.source, Proxy(*(picture(one.slots[size]) for size in SIZES))) for one in unpack(data[:start])]


def picture_in(data: bytes, slot: Slot) -> bytes:
    """Return the picture of a slot. data: the bytes at the slot's place. Raises ValueError for other bytes."""
    if len(data) != slot.size or zlib.crc32(data) != slot.crc32:
        raise ValueError("a picture of this pack is damaged")
    return data


def _packed(document: Mapping[str, Any]) -> Packed:
    index, batch, size = document["index"], document.get("batch"), document.get("size")
    checksum, version = document.get("checksum"), document.get("version")
    is_sound = (
        type(index) is int
        and all(one is None or type(one) is int for one in (batch, size))
        and all(one is None or type(one) is str for one in (checksum, version))
    )
    slots: dict[str, Slot] = {name: Slot(*document[name]) for name in SIZES}
    values = [value for slot in slots.values() for value in (slot.offset, slot.size, slot.crc32)]
    if not is_sound or not all(type(value) is int and value >= 0 for value in values):
        raise ValueError("a value is of another type than it must be, or negative")
    for slot in slots.values():
        if slot.size > _LARGEST_PICTURE:
            raise ValueError(f"it states a picture of {slot.size} bytes, more than {_LARGEST_PICTURE >> 20} MiB")
        if slot.offset > _LARGEST_PACK:
            raise ValueError(f"it states a picture at byte {slot.offset}, and no pack has more than {_LARGEST_PACK}")
    return Packed(Source(index=index, batch=batch, size=size, checksum=checksum, version=version), slots)
