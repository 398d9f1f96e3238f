"""Encode PNG files: 8 and 16 bits, grey to RGBA, with texts before the pixels.

seqsave has its own writer because no other one for Python writes 16-bit colours and texts to memory, and because the
others spend most of their time in a deflate that takes ten times as long as necessary. Source: PNG specification, third
edition.
"""

from __future__ import annotations

import functools
import re
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
from isal import isal_zlib

from seqsave.encoders.png import native
from seqsave.encoders.png.chunks import about
from seqsave.encoders.png.decoder import decode
from seqsave.encoders.png.deflate import compress
from seqsave.types import Encoded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seqsave.types import Decoded, FrameInfo, ImageArray

__all__ = ["PngEncoder"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LONGEST_CHUNK = (1 << 31) - 1
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}

# Section 11.3.3.1: 1 to 79 printable Latin-1 characters, no space at either end, none twice in a row.
_KEYWORD = re.compile(r"(?=.{1,79}\Z)[!-~¡-ÿ]+(?: [!-~¡-ÿ]+)*")


class PngEncoder:
    """PNG for uint8 and uint16 with 1 to 4 channels."""

    def encode(
        self,
        image: ImageArray,
        *,
        metadata: Mapping[str, str],
        options: Mapping[str, Any],
        info: FrameInfo,
    ) -> Encoded:
        """Encode an array H,W,C of uint8 or uint16 without loss, with the facts in ``info``.

        ``options["compression"]`` is ``"fast"``, ``"balanced"`` or ``"small"``. ``leftover`` contains texts that PNG
        cannot hold: with names other than 1 to 79 printable Latin-1 characters, or with NUL in the text.
        """
        height, width, channels = image.shape
        texts, leftover = _text_chunks(metadata)
        depth = 8 * image.dtype.itemsize
        header = struct.pack(">IIBBBBB", width, height, depth, _COLOUR_TYPES[channels], 0, 0, 0)
        facts = [piece for kind, content in about(info, channels) for piece in _chunk(kind, content)]
        head = [_SIGNATURE, *_chunk(b"IHDR", header), *facts, *texts]
        data = _with_pixels(head, image, options.get("compression", "fast"))
        return Encoded(data=data, leftover=leftover)

    def decode(self, data: bytes, *, max_pixels: int) -> Decoded:
        """Decode a PNG: up to 8 bits become uint8, 16 bits uint16; a palette becomes RGB or RGBA.

        Raises DecodeError for truncated and damaged files, and for more than ``max_pixels`` pixels.
        """
        return decode(data, max_pixels=max_pixels)


def _with_pixels(head: list[bytes], image: ImageArray, effort: str) -> bytes:
    """Return a file that starts with these pieces."""
    end = b"".join(_chunk(b"IEND", b""))
    usual = functools.partial(_compressed, image, effort)
    stream = native.compressed(image, usual) if effort == "fast" else usual()
    if not isinstance(stream, list) and len(stream) <= _LONGEST_CHUNK:
        check = isal_zlib.crc32(stream, isal_zlib.crc32(b"IDAT"))
        start = struct.pack(">I4s", len(stream), b"IDAT")
        whole: bytes = stream.between(b"".join((*head, start)), struct.pack(">I", check) + end)
        return whole
    # One join, and only of bytes, because such a join releases the interpreter's lock while it copies.
    return b"".join((*head, *_pixel_chunks(stream if isinstance(stream, list) else [bytes(stream)]), end))


def _compressed(image: ImageArray, effort: str, rival: float | None = None) -> list[bytes]:
    rows = np.ascontiguousarray(image, ">u2" if image.itemsize == 2 else None).view(np.uint8)
    step, wide = image.shape[2] * image.itemsize, image.itemsize == 2
    return compress(rows.reshape(len(image), -1), step, effort, wide=wide, rival=rival)


def _chunk(kind: bytes, *pieces: bytes) -> Iterator[bytes]:
    yield struct.pack(">I", sum(map(len, pieces))) + kind
    check = isal_zlib.crc32(kind)
    for piece in pieces:
        check = isal_zlib.crc32(piece, check)
        yield piece
    yield struct.pack(">I", check)


def _pixel_chunks(pieces: list[bytes]) -> Iterator[bytes]:
    if sum(map(len, pieces)) <= _LONGEST_CHUNK:
        yield from _chunk(b"IDAT", *pieces)
        return
    for piece in pieces:
        for start in range(0, len(piece), _LONGEST_CHUNK):
            yield from _chunk(b"IDAT", piece[start : start + _LONGEST_CHUNK])


def _text_chunks(metadata: Mapping[str, str]) -> tuple[list[bytes], dict[str, str]]:
    chunks: list[bytes] = []
    leftover: dict[str, str] = {}
    for name, text in metadata.items():
        kind_and_content = _text_content(name, text)
        if kind_and_content is None:
            leftover[name] = text
        else:
            chunks += _chunk(*kind_and_content)
    return chunks, leftover


def _text_content(name: str, text: str) -> tuple[bytes, bytes] | None:
    if not _KEYWORD.fullmatch(name) or "\0" in text:
        return None
    try:
        return b"tEXt", b"%b\0%b" % (name.encode("latin-1"), text.encode("latin-1"))
    except UnicodeEncodeError:
        pass
    try:
        # Not compressed, without language and translation. A compressed text hangs ComfyUI's front end.
        return b"iTXt", b"%b\0\0\0\0\0%b" % (name.encode("latin-1"), text.encode())
    except UnicodeEncodeError:  # a lone surrogate
        return None
