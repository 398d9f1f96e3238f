"""Read the size of a picture, its channels and its dtype from the header of its file, without decoding it.

The values are those that a decoder returns. Formats whose headers are not simple are left out.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from seqsave.manifest import Picture
from seqsave.sequences.upright import orientation_of
from seqsave.wording import counted

__all__ = ["STATING", "picture_of", "rate_in"]

STATING = frozenset(("png", "apng", "jpg", "jpeg", "jpe", "jfif", "exr", "webp", "tif", "tiff"))
"""Extensions of files whose header ``picture_of`` reads."""

_PNG, _JPEG, _EXR, _RIFF = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"\x76\x2f\x31\x01", b"RIFF"
_MARKER, _SCAN = 0xFF, 0xDA
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Channels by colour type, without the one that a tRNS chunk adds: grey, colours, palette, and two with alpha.
_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
_EXR_DTYPES = {0: "uint32", 1: "float16", 2: "float32"}
# Bits of an EXR's version field: tiles, deep data, several parts.
_EXR_OTHER_KINDS = 0x0800 | 0x1000
_LARGEST = 16 * 2**20
# Order of bytes, and whether it is BigTIFF, by the first four bytes.
_TIFF = {b"II*\0": ("<", False), b"MM\0*": (">", False), b"II+\0": ("<", True), b"MM\0+": (">", True)}
_TIFF_NUMBERS = {1: "B", 3: "H", 4: "I", 16: "Q"}
_WIDTH, _HEIGHT, _BITS, _KIND, _SAMPLES, _FORMAT = 256, 257, 258, 262, 277, 339
_TIFF_TAGS = frozenset((_WIDTH, _HEIGHT, _BITS, _KIND, _SAMPLES, _FORMAT))
_GREY_OR_RGB, _PALETTE = (0, 1, 2), 3
_MOST_SAMPLES = 64
# By sample format and bits, as they are decoded.
_TIFF_DTYPES = {
    (1, 1): "uint8",
    (1, 8): "uint8",
    (1, 16): "uint16",
    (1, 32): "uint32",
    (2, 8): "int16",
    (2, 16): "int16",
    (2, 32): "int32",
    (3, 16): "float16",
    (3, 32): "float32",
    (3, 64): "float64",
}
# Exif's orientations that exchange width and height.
_TURNED = (5, 6, 7, 8)


def picture_of(data: bytes) -> Picture | None:
    """Return the picture that a PNG, JPEG, EXR, WebP or TIFF file states in its header, turned upright.

    None for every other file, and for one that is damaged.
    """
    with contextlib.suppress(ValueError, IndexError, KeyError, struct.error):
        if data.startswith(_EXR):
            return _of_exr(data)
        found = _turnable(data)
        if found is not None and found.width and found.height:
            return _upright(found) if orientation_of(data) in _TURNED else found
    return None


def _turnable(data: bytes) -> Picture | None:
    """Return the picture of a file that may state an orientation."""
    if data.startswith(_PNG):
        return _of_png(data)
    if data.startswith(_JPEG):
        return _of_jpeg(data)
    return _of_tiff(data) if data[:4] in _TIFF else _of_webp(data)


def _upright(found: Picture) -> Picture:
    return replace(found, width=found.height, height=found.width)


def _of_png(data: bytes) -> Picture:
    width, height, depth, kind = struct.unpack_from(">IIBB", data, 16)
    channels = _PNG_CHANNELS[kind]
    if kind not in (4, 6) and b"tRNS" in _png_chunks(data):  # PNG 11.3.2: one that adds alpha comes before the pixels
        channels += 1
    return Picture(width=width, height=height, channels=channels, dtype="uint16" if depth == 16 else "uint8")


def _png_chunks(data: bytes) -> Iterator[bytes]:
    """Yield the type of each chunk before the pixels."""
    at = len(_PNG)
    while data[at + 4 : at + 8] not in (b"IDAT", b"IEND", b""):
        yield data[at + 4 : at + 8]
        at += 12 + int.from_bytes(data[at : at + 4], "big")


def _of_jpeg(data: bytes) -> Picture | None:
    """Return the picture of the frame header, SOF0 to SOF15, behind other segments (ITU T.81 B.2)."""
    at = 2
    while data[at] == _MARKER:
        kind = data[at + 1]
        if kind == _MARKER:  # fill bytes before a marker
            at += 1
            continue
        if kind in _FRAME_HEADERS:
            height, width, components = struct.unpack_from(">HHB", data, at + 5)
            return Picture(width=width, height=height, channels=1 if components == 1 else 3, dtype="uint8")
        if kind == _SCAN:
            break
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def _of_webp(data: bytes) -> Picture | None:
    """Return the picture of a still or animated WebP: RFC 9649, sections 2.5 to 2.7."""
    if not data.startswith(_RIFF) or data[8:12] != b"WEBP":
        return None
    kind, body = data[12:16], data[20:30]
    if kind == b"VP8X":
        width, height = (int.from_bytes(body[place : place + 3], "little") + 1 for place in (4, 7))
        has_alpha = bool(body[0] & 0x10)
    elif kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        width, height, has_alpha = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)
    elif kind == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", body, 6))
        has_alpha = False
    else:
        return None
    return Picture(width=width, height=height, channels=4 if has_alpha else 3, dtype="uint8")


def _of_tiff(data: bytes) -> Picture | None:
    """Return the picture of a TIFF file of one page: grey, RGB or a palette (TIFF 6.0, section 8)."""
    order, is_big = _TIFF[data[:4]]
    at, *_ = struct.unpack_from(f"{order}Q" if is_big else f"{order}I", data, 8 if is_big else 4)
    tags, following = _tiff_tags(data, at, order, is_big=is_big)
    bits, formats, samples = tags.get(_BITS, (1,)), tags.get(_FORMAT, (1,)), tags.get(_SAMPLES, (1,))[0]
    if following or len(set(bits)) != 1 or len(set(formats)) != 1:
        return None
    kind, dtype = tags[_KIND][0], _TIFF_DTYPES[formats[0], bits[0]]
    if kind == _PALETTE and samples == 1 and dtype in ("uint8", "uint16") and bits[0] != 1:
        samples, dtype = 3, "uint16"
    elif kind not in _GREY_OR_RGB:
        return None
    return Picture(width=tags[_WIDTH][0], height=tags[_HEIGHT][0], channels=samples, dtype=dtype)


def _tiff_tags(data: bytes, at: int, order: str, *, is_big: bool) -> tuple[dict[int, tuple[int, ...]], int]:
    """Return the values in a directory by their tag, and the place of the next directory; 0 without one."""
    head, entry, offset = ("Q", "HHQ", "Q") if is_big else ("H", "HHI", "I")
    (count,) = struct.unpack_from(f"{order}{head}", data, at)
    at += struct.calcsize(f"{order}{head}")
    size, room = struct.calcsize(f"{order}{entry}"), struct.calcsize(f"{order}{offset}")
    tags: dict[int, tuple[int, ...]] = {}
    for place in range(at, at + count * (size + room), size + room):
        tag, kind, length = struct.unpack_from(f"{order}{entry}", data, place)
        if tag in _TIFF_TAGS:
            if length > _MOST_SAMPLES:
                raise ValueError(f"tag {tag} has {counted(length, 'value')}")
            values, begin = f"{order}{length}{_TIFF_NUMBERS[kind]}", place + size
            if struct.calcsize(values) > room:
                (begin,) = struct.unpack_from(f"{order}{offset}", data, begin)
            tags[tag] = struct.unpack_from(values, data, begin)
    (following,) = struct.unpack_from(f"{order}{offset}", data, at + count * (size + room))
    return tags, following


def _of_exr(data: bytes) -> Picture | None:
    """Return the picture of a single part, of the size of its display window; its channels are of one type."""
    if int.from_bytes(data[4:8], "little") & _EXR_OTHER_KINDS:
        return None
    left, top, right, bottom, kinds = 0, 0, -1, -1, []
    for name, value in _exr_attributes(data):
        if name == "displayWindow":
            left, top, right, bottom = struct.unpack("<4i", value)
        elif name == "channels":
            kinds = list(_exr_channels(value))
    width, height = right - left + 1, bottom - top + 1
    if width < 1 or height < 1 or len(set(kinds)) != 1:
        return None
    return Picture(width=width, height=height, channels=len(kinds), dtype=_EXR_DTYPES[kinds[0]])


def rate_in(data: bytes) -> Fraction | None:
    """Return the frames per second that an EXR file states in its header; None for other files, and without them."""
    with contextlib.suppress(ValueError, IndexError, struct.error, ZeroDivisionError):
        if data.startswith(_EXR):
            stated = dict(_exr_attributes(data)).get("framesPerSecond")
            rate = None if stated is None else Fraction(*struct.unpack("<iI", stated))
            return rate if rate is not None and rate > 0 else None
    return None


def _exr_attributes(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield name and value of each attribute of the first part's header."""
    position = 8
    while data[position] != 0:
        end = data.index(b"\0", position)
        name = data[position:end].decode("latin-1")
        position = data.index(b"\0", end + 1) + 1
        size = struct.unpack_from("<i", data, position)[0]
        if not 0 <= size <= _LARGEST:
            return
        yield name, data[position + 4 : position + 4 + size]
        position += 4 + size


def _exr_channels(value: bytes) -> Iterator[int]:
    """Yield the type of each channel: OpenEXR File Layout, chlist."""
    at = 0
    while value[at]:
        at = value.index(b"\0", at) + 1
        yield int.from_bytes(value[at : at + 4], "little")
        at += 16
