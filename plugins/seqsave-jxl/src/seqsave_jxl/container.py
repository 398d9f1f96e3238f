"""Write and read the boxes around a JPEG XL codestream: Exif, XMP, the level that a reader needs.

Source: ISO/IEC 18181-2.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import imagecodecs

from seqsave import DecodeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Piece = bytes | memoryview

__all__ = ["boxes", "codestream", "content", "wrapped"]

SIGNATURE = b"\0\0\0\x0cJXL \r\n\x87\n"
_FTYP = b"\0\0\0\x14ftypjxl \0\0\0\0jxl "
_BARE = b"\xff\x0a"
_BIG = 1 << 32
_MOST_UNPACKED = 1 << 24


def wrapped(stream: Sequence[Piece], *, level: bytes = b"", exif: bytes = b"", xmp: bytes = b"") -> bytes:
    """Return a file with the boxes and the codestream. ``exif`` starts with its TIFF header."""
    parts: list[Piece] = [SIGNATURE, _FTYP]
    if level:
        parts += _box(b"jxll", level)
    if exif:
        parts += _box(b"Exif", bytes(4), exif)  # the offset of the TIFF header
    if xmp:
        parts += _box(b"xml ", xmp)
    return b"".join([*parts, *_box(b"jxlc", *stream)])  # the only copy of the picture


def boxes(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Yield kind and content of each box, as views. A bare codestream is one ``jxlc``. Raises DecodeError."""
    if data.startswith(_BARE):
        yield b"jxlc", memoryview(data)
        return
    if not data.startswith(SIGNATURE):
        raise DecodeError("not a JPEG XL file")
    at = len(SIGNATURE)
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        start = at + 8
        if size == 1:
            if at + 16 > len(data):
                return
            (size,) = struct.unpack_from(">Q", data, start)
            start += 8
        end = at + size if size else len(data)
        if end < start:
            raise DecodeError("a JPEG XL file with a box that is shorter than its own header")
        yield kind, memoryview(data)[start:end]
        at = end


def codestream(data: bytes) -> memoryview:
    """Return the codestream, or its first part if it has several. Raises DecodeError if there is none."""
    for kind, body in boxes(data):
        if kind == b"jxlc":
            return body
        if kind == b"jxlp":
            return body[4:]
    raise DecodeError("a JPEG XL file without a codestream")


def content(data: bytes, kind: bytes) -> bytes:
    """Return the content of the first box of that kind, unpacked; ``b""`` if there is none, or it is damaged."""
    for found, body in boxes(data):
        if found == kind:
            return bytes(body)
        if found == b"brob" and body[:4] == kind:  # 18181-2, 9.8: packed with Brotli, as cjxl does
            return _unpacked(bytes(body[4:]))
    return b""


def _unpacked(packed: bytes) -> bytes:
    try:
        return bytes(imagecodecs.brotli_decode(packed, out=_MOST_UNPACKED))
    except (RuntimeError, ValueError):
        return b""


def _box(kind: bytes, *body: Piece) -> list[Piece]:
    size = 8 + sum(map(len, body))
    if size >= _BIG:
        return [struct.pack(">I4sQ", 1, kind, size + 8), *body]
    return [struct.pack(">I4s", size, kind), *body]
