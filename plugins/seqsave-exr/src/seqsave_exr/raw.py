"""Put attributes into the header of a finished file byte by byte: those of types that the library cannot write."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple

from seqsave_exr.header import LONG_NAMES, MAGIC, attributes_at, version_of

__all__ = ["Raw", "with_raw"]

_SHORT = 31  # bytes of a name in a file without long names


class Raw(NamedTuple):
    """An attribute as its file holds it. kind: the name of its type."""

    kind: str
    data: bytes


def with_raw(data: bytes, attributes: Mapping[str, Raw]) -> bytes:
    """Return a file with more attributes.

    data: a file of one part of scan lines, whose chunks lie in the order of its table of offsets.
    """
    found, end = attributes_at(data, 8)
    more = b"".join(_packed(name, one) for name, one in attributes.items() if name not in found)
    if not more:
        return data
    (first,) = struct.unpack_from("<Q", data, end)  # the chunks follow the table
    offsets = struct.unpack_from(f"<{(first - end) // 8}Q", data, end)
    longest = max(len(word.encode()) for name, one in attributes.items() for word in (name, one.kind))
    version = version_of(data) | (LONG_NAMES if longest > _SHORT else 0)
    moved = struct.pack(f"<{len(offsets)}Q", *(offset + len(more) for offset in offsets))
    return b"".join((MAGIC, struct.pack("<I", version), data[8 : end - 1], more, b"\0", moved, data[first:]))


def _packed(name: str, one: Raw) -> bytes:
    return b"%b\0%b\0" % (name.encode(), one.kind.encode()) + struct.pack("<i", len(one.data)) + one.data
