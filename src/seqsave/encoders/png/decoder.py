"""Decode PNG files to pixels and texts. Every checksum is verified and every size is bounded.

Pillow reduces 16-bit colours to 8, so these are decoded here, and also 8-bit files with row filters that numpy undoes
fast (including all files of seqsave). Pillow decodes all others (palettes, fewer bits, other 8-bit files).
Source: PNG specification, third edition.
"""

from __future__ import annotations

import io
import struct
import sys
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
from isal import isal_zlib

from seqsave.encoders.png.chunks import STATING, profiles_of, stated_in
from seqsave.encoders.png.filters import UP, undo
from seqsave.encoders.png.raw_profiles import taken
from seqsave.errors import DecodeError
from seqsave.pictures.arrays import as_array
from seqsave.types import Decoded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqsave.encoders.png.filters import Bytes
    from seqsave.types import ImageArray

__all__ = ["decode"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PALETTE = 3
_INFLATED_TEXT_LIMIT = 1 << 26
_XMP = b"XML:com.adobe.xmp"
# Some programs leave out the outer parts of a packet, as ISO 16684-1 section 7.3 allows.
_PACKETS = (b"<?xpacket", b"<x:xmpmeta", b"<rdf:RDF")
_PEEK_BYTES = 1 << 16
# First column, first row, and the steps from there, of Adam7's seven passes.
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


_IsalError = cast("type[Exception]", isal_zlib.error)  # its stub says that it is an instance


class _Header(NamedTuple):
    width: int
    height: int
    depth: int
    colour_type: int
    compression: int
    filtering: int
    interlace: int

    @property
    def step(self) -> int:
        """Return the number of bytes per pixel, at least 1."""
        return _CHANNELS[self.colour_type] * self.depth // 8

    @property
    def passes(self) -> tuple[tuple[int, int, int, int], ...]:
        every = _ADAM7 if self.interlace else ((0, 0, 1, 1),)
        return tuple(one for one in every if one[0] < self.width and one[1] < self.height)


class _Chunk(NamedTuple):
    kind: bytes
    content: memoryview
    whole: memoryview


def decode(data: bytes, *, max_pixels: int) -> Decoded:
    """Decode a PNG file to H,W,C of uint8 or uint16. Raises DecodeError for damaged files and too many pixels."""
    chunks = _chunks(data)
    header = _header(next(chunks), max_pixels)
    kept = list(chunks)
    stream = b"".join(chunk.content for chunk in kept if chunk.kind == b"IDAT")
    if not stream:
        raise DecodeError("this PNG has no pixels: there is no IDAT chunk")
    metadata, xmp_packet = _texts(kept)
    if _is_for_us(header, stream):
        array = _pixels(header, stream)
    else:
        array = _through_pillow(header, data[: len(_SIGNATURE) + 25], kept)
    if header.colour_type in (0, 2):
        array = _with_alpha(array, header, next((chunk.content for chunk in kept if chunk.kind == b"tRNS"), None))
    facts = {chunk.kind: bytes(chunk.content) for chunk in kept if chunk.kind in STATING}
    metadata, found = taken(metadata, profiles_of(facts, xmp_packet))
    return Decoded(array=array, metadata=metadata, info=stated_in(facts, found, has_alpha=array.shape[2] in (2, 4)))


# --- chunks ---------------------------------------------------------------------------------------------------------


def _chunks(data: bytes) -> Iterator[_Chunk]:
    if data[: len(_SIGNATURE)] != _SIGNATURE:
        raise DecodeError(f"this is not a PNG file: it starts with {bytes(data[:8])!r}")
    view = memoryview(data)
    position = len(_SIGNATURE)
    kind = b""
    while kind != b"IEND":
        length = int.from_bytes(view[position : position + 4], "big")
        end = position + 12 + length
        if end > len(view):
            raise DecodeError(f"this PNG is truncated: it ends at byte {len(view)} of at least {end}")
        kind, content = bytes(view[position + 4 : position + 8]), view[position + 8 : end - 4]
        if isal_zlib.crc32(view[position + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
            raise DecodeError(
                f"this PNG is damaged: the checksum of its {kind.decode('latin-1')!r} chunk at byte {position} is wrong"
            )
        if not kind[0] & 0x20 and kind not in (b"IHDR", b"PLTE", b"IDAT", b"IEND"):
            raise DecodeError(
                f"this PNG cannot be read: it needs an unknown chunk {kind.decode('latin-1')!r}", reason="unsupported"
            )
        yield _Chunk(kind, content, view[position:end])
        position = end


def _header(chunk: _Chunk, max_pixels: int) -> _Header:
    if chunk.kind != b"IHDR" or len(chunk.content) != 13:
        raise DecodeError("this PNG is damaged: it does not begin with a header")
    header = _Header(*struct.unpack(">IIBBBBB", chunk.content))
    if (
        header.depth not in _DEPTHS.get(header.colour_type, ())
        or not 0 < header.width < 1 << 31
        or not 0 < header.height < 1 << 31
        or header.compression
        or header.filtering
        or header.interlace > 1
    ):
        raise DecodeError(f"this PNG is damaged: its header is {header}")
    if header.width * header.height > max_pixels:
        raise DecodeError(
            f"this PNG has {header.width} x {header.height} pixels, more than the allowed {max_pixels}: "
            "raise max_pixels to decode it",
            reason="too large",
            pixels=header.width * header.height,
        )
    return header


def _texts(chunks: list[_Chunk]) -> tuple[dict[str, str], bytes]:
    """Return the texts by name, and the XMP packet."""
    texts: dict[str, str] = {}
    xmp_packet = b""
    budget = _INFLATED_TEXT_LIMIT
    for chunk in chunks:
        if chunk.kind not in (b"tEXt", b"zTXt", b"iTXt"):
            continue
        keyword, nul, rest = bytes(chunk.content).partition(b"\0")
        if not nul:
            continue  # not a text; the pixels are not affected
        encoding, packed = "latin-1", chunk.kind == b"zTXt"
        if packed:
            rest = rest[1:]
        elif chunk.kind == b"iTXt":
            encoding, packed = "utf-8", rest[:1] == b"\x01"
            rest = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
        if packed:
            rest = _inflated_text(rest, budget)
            budget -= len(rest)
        if keyword == _XMP and rest.lstrip().startswith(_PACKETS):
            xmp_packet = rest  # and not the caller's metadata, which never has this form
            continue
        texts[keyword.decode("latin-1")] = rest.decode(encoding, "replace")
    return texts, xmp_packet


def _inflated_text(packed: bytes, budget: int) -> bytes:
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(packed, budget + 1)
    except zlib.error as error:
        raise DecodeError(f"this PNG is damaged: a compressed text in it is broken ({error})") from error
    if len(text) > budget:
        raise DecodeError(
            f"the texts in this PNG unpack to more than the allowed {_INFLATED_TEXT_LIMIT} bytes", reason="unsupported"
        )
    return text


# --- pixels, decoded here -------------------------------------------------------------------------------------------


def _is_for_us(header: _Header, stream: bytes) -> bool:
    if header.depth == 16:
        return True
    if header.depth < 8 or header.colour_type == _PALETTE or header.interlace:
        return False
    # Average and Paeth, which other writers use often, are slow to undo with numpy.
    length = 1 + header.width * header.step
    start, _ = _inflate(stream, min(max(_PEEK_BYTES, length), header.height * length))
    return max(start[::length], default=0) <= UP


def _inflate(stream: bytes, size: int) -> tuple[bytes, bool]:
    """Return at most ``size`` unpacked bytes of a zlib stream, and True if its end was reached."""
    inflater = isal_zlib.decompressobj()
    try:
        return bytes(inflater.decompress(stream, size)), inflater.eof
    except _IsalError as error:
        raise DecodeError(f"this PNG is damaged: its pixels cannot be unpacked ({error})") from error


def _pixels(header: _Header, stream: bytes) -> ImageArray:
    passes = [
        (left, top, across, down, -(-(header.width - left) // across), -(-(header.height - top) // down))
        for left, top, across, down in header.passes
    ]
    size = sum(rows * (1 + columns * header.step) for *_, columns, rows in passes)
    # One byte more than the pixels need, because only then the end of the stream, with its checksum, is read.
    data, ended = _inflate(stream, size + 1)
    if len(data) < size or (len(data) == size and not ended):
        raise DecodeError(f"this PNG is truncated: its pixels unpack to {len(data)} of {size} bytes")
    filtered = np.frombuffer(data, np.uint8, size)
    picture: Bytes = np.empty((header.height, header.width, header.step), np.uint8)
    start = 0
    for left, top, across, down, columns, rows in passes:
        end = start + rows * (1 + columns * header.step)
        undone = _undone(filtered[start:end].reshape(rows, -1), header.step)
        start = end
        if not header.interlace:
            picture = undone.reshape(picture.shape)
        else:
            picture[top::down, left::across] = undone.reshape(rows, columns, header.step)
    return _samples(picture, header.depth)


def _undone(filtered: Bytes, step: int) -> Bytes:
    try:
        return undo(filtered, step)
    except ValueError as error:
        raise DecodeError(f"this PNG is damaged: {error}") from error


def _samples(picture: Bytes, depth: int) -> ImageArray:
    if depth == 8:
        return picture
    wide = picture.view(np.uint16)
    return wide.byteswap(inplace=True) if sys.byteorder == "little" else wide


def _with_alpha(array: ImageArray, header: _Header, transparent: memoryview | None) -> ImageArray:
    """Convert the transparent colour of a tRNS chunk to an alpha channel."""
    if transparent is None or len(transparent) != 2 * array.shape[2]:
        return array
    colour: Any = np.frombuffer(transparent, ">u2")
    if header.depth < 8:  # the pixels are scaled to 8 bits
        colour = colour * (255 // ((1 << header.depth) - 1))
    opaque = (array != colour).any(axis=2, keepdims=True)
    top = array.dtype.type(255 if array.dtype == np.uint8 else 65535)
    return np.concatenate((array, opaque * top), axis=2)


# --- pixels, through Pillow -----------------------------------------------------------------------------------------


def _through_pillow(header: _Header, start: bytes, chunks: list[_Chunk]) -> ImageArray:
    from PIL import PngImagePlugin

    # Only the chunks for the pixels. The class is used because Image.open has its own limit on pixels.
    wanted = (b"PLTE", b"tRNS", b"IDAT", b"IEND") if header.colour_type == _PALETTE else (b"IDAT", b"IEND")
    needed = [chunk for chunk in chunks if chunk.kind in wanted]
    if header.colour_type == _PALETTE and not any(chunk.kind == b"PLTE" for chunk in needed):
        raise DecodeError("this PNG is damaged: it has no palette")
    try:
        image: Any = PngImagePlugin.PngImageFile(io.BytesIO(b"".join((start, *(chunk.whole for chunk in needed)))))
        image.load()
    except Exception as error:
        raise DecodeError(f"this PNG is damaged: {error}") from error
    return np.array(as_array(image.convert("L") if image.mode == "1" else image))  # a copy that the caller may change
