"""Read the header of an EXR file: attributes, size, channels.

It is checked before the library allocates memory for the picture. Source: the OpenEXR file layout,
https://openexr.com/en/latest/OpenEXRFileLayout.html
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

from seqsave import DecodeError

__all__ = [
    *("DEEP", "LONG_NAMES", "MAGIC", "PARTS", "TILED", "VERSION"),
    *("Attribute", "Channel", "Header", "attributes_at", "read_header", "version_of"),
]

MAGIC = b"v/1\x01"
VERSION = 2
TILED, LONG_NAMES, DEEP, PARTS = 0x200, 0x400, 0x800, 0x1000
_MOST_CHANNELS = 1024
_KINDS = 3
_LARGEST_TILE = 1 << 22  # pixels, for pictures smaller than one tile


class Attribute(NamedTuple):
    """One attribute: the name of its type, and the position of its bytes in the file."""

    kind: str
    start: int
    end: int


class Channel(NamedTuple):
    """One channel: its name, and its type: 0 for 32-bit integers, 1 for half, 2 for float."""

    name: str
    kind: int


@dataclass(frozen=True)
class Header:
    """The header of a file. ``width`` and ``height`` are those of the data window, which has the pixels.

    window, display: left, top, right and bottom of the data and the display window, inclusive.
    """

    attributes: dict[str, Attribute]
    width: int
    height: int
    channels: tuple[Channel, ...]
    canvas: tuple[int, int] | None = None
    window: tuple[int, int, int, int] = (0, 0, 0, 0)
    display: tuple[int, int, int, int] = (0, 0, 0, 0)


def read_header(data: bytes, max_pixels: int) -> Header:
    """Return the header of a file of one part.

    Raises DecodeError for a damaged header, for deep pixels, for channels of lower resolution, and for more than
    ``max_pixels`` pixels.
    """
    try:
        return _read(data, max_pixels)
    except (struct.error, IndexError, KeyError, UnicodeDecodeError) as error:
        raise DecodeError(f"damaged EXR file: its header cannot be read ({type(error).__name__})") from error


def _read(data: bytes, max_pixels: int) -> Header:
    version = version_of(data)
    if version & DEEP:
        raise DecodeError("an EXR file with deep pixels: only flat pictures are read", reason="unsupported")
    attributes, _ = attributes_at(data, 8)
    width, height = _size(data, attributes["dataWindow"], max_pixels)
    if version & TILED:
        _check_tiles(data, attributes["tiles"], max_pixels)
    windows = (_box(data, attributes[name]) for name in ("dataWindow", "displayWindow"))
    channels = _channels(data, attributes["channels"])
    return Header(attributes, width, height, channels, _canvas(data, attributes), *windows)


def _box(data: bytes, window: Attribute) -> tuple[int, int, int, int]:
    left, top, right, bottom = struct.unpack("<4i", data[window.start : window.end])
    return left, top, right, bottom


def _canvas(data: bytes, attributes: dict[str, Attribute]) -> tuple[int, int] | None:
    """Return the size of the display window if the data window is another one."""
    display, window = (_box(data, attributes[name]) for name in ("displayWindow", "dataWindow"))
    left, top, right, bottom = display
    if display == window or right < left or bottom < top:
        return None
    return right - left + 1, bottom - top + 1


def version_of(data: bytes) -> int:
    """Return the version field with its flags. Raises DecodeError for another format, and for an unknown version."""
    if data[:4] != MAGIC or len(data) < 8:
        raise DecodeError("not an EXR file")
    version: int = struct.unpack_from("<I", data, 4)[0]
    if version & 0xFF != VERSION or version & ~(0xFF | TILED | LONG_NAMES | DEEP | PARTS):
        raise DecodeError(f"an EXR file of an unknown version ({version:#x})", reason="unsupported")
    return version


def attributes_at(data: bytes, place: int) -> tuple[dict[str, Attribute], int]:
    """Return the attributes of the header at ``place``, and where it ends."""
    found = {}
    while data[place] != 0:
        name, place = _word(data, place)
        kind, place = _word(data, place)
        (size,) = struct.unpack_from("<i", data, place)
        place += 4
        if size < 0 or place + size >= len(data):
            raise DecodeError("damaged EXR file: it ends within its header")
        found[name] = Attribute(kind, place, place + size)
        place += size
    return found, place + 1


def _word(data: bytes, place: int) -> tuple[str, int]:
    end = data.find(b"\0", place, place + 257)
    if end < 0:
        raise DecodeError("damaged EXR file: a name in its header does not end")
    return data[place:end].decode("utf-8", "replace"), end + 1


def _size(data: bytes, window: Attribute, max_pixels: int) -> tuple[int, int]:
    left, top, right, bottom = _box(data, window)
    width, height = right - left + 1, bottom - top + 1
    if width < 1 or height < 1:
        raise DecodeError(f"damaged EXR file: its size is {width}x{height}")
    if width * height > max_pixels:
        raise DecodeError(
            f"an EXR picture of {width}x{height} pixels: at most {max_pixels} are allowed",
            reason="too large",
            pixels=width * height,
        )
    return width, height


def _check_tiles(data: bytes, tiles: Attribute, max_pixels: int) -> None:
    width, height, _ = struct.unpack("<IIB", data[tiles.start : tiles.end])
    if width * height > max(max_pixels, _LARGEST_TILE):
        raise DecodeError(
            f"an EXR file with tiles of {width}x{height} pixels: at most {max_pixels} are allowed",
            reason="too large",
            pixels=width * height,
        )


def _channels(data: bytes, listed: Attribute) -> tuple[Channel, ...]:
    found = []
    place = listed.start
    while data[place] != 0:
        name, place = _word(data, place)
        kind, _, across, down = struct.unpack_from("<iIii", data, place)
        place += 16
        if (across, down) != (1, 1):
            raise DecodeError(
                f"an EXR file whose channel {name!r} has fewer pixels than the picture: it is not read",
                reason="unsupported",
            )
        if not 0 <= kind < _KINDS:
            raise DecodeError(f"damaged EXR file: channel {name!r} is of an unknown type ({kind})")
        found.append(Channel(name, kind))
    if place >= listed.end or not 0 < len(found) <= _MOST_CHANNELS:
        raise DecodeError(f"damaged EXR file: its list of {len(found)} channels is invalid")
    return tuple(found)
