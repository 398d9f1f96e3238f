"""Decode PNG files to pixels and texts. Every checksum is verified and every size is bounded.

libdeflate or igzip unpacks files in half of the time that zlib takes, or less; the extension in C unpacks those with
few matches, as seqsave writes photographs. The extension also undoes the row filters. Without it, numpy undoes those
that it is fast with: None, Sub and Up. For all others, palettes and fewer bits, Pillow gets the unpacked bytes: as a
file, or as a picture of 8 bits for samples of 16, of which it returns only the upper bytes.
Source: PNG specification, third edition.
"""

from __future__ import annotations

import io
import struct
import zlib
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import deflate
import numpy as np
from isal import isal_zlib

from seqsave.encoders.png.chunks import STATING, profiles_of, stated_in
from seqsave.encoders.png.filters import PAETH, UP, undo
from seqsave.encoders.png.native import kernel
from seqsave.encoders.png.raw_profiles import taken
from seqsave.errors import DecodeError
from seqsave.pictures.pillow import copied
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
_MOST_OF_A_BYTE = 1032  # bytes that one of a zlib stream can make (RFC 1951)
# Size of a stream relative to its bytes. Between the first two are those with many single bytes and few strings, as of
# photographs, which igzip unpacks faster than libdeflate; but in memory that cannot be written to, which the extension
# makes use of. From the other one on, most of a stream is not compressed.
_LETTERS, _NOISE = (0.44, 0.62), 0.95
_STORED = 65535
_PIECES = 512  # of a chunk made here
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
    def bits(self) -> int:
        """Return the number of bits per pixel."""
        return _CHANNELS[self.colour_type] * self.depth

    @property
    def step(self) -> int:
        """Return the number of bytes per pixel, at least 1."""
        return max(1, self.bits // 8)

    @property
    def passes(self) -> list[_Pass]:
        every = _ADAM7 if self.interlace else ((0, 0, 1, 1),)
        return [self._pass(*one) for one in every if one[0] < self.width and one[1] < self.height]

    def _pass(self, left: int, top: int, across: int, down: int) -> _Pass:
        columns, rows = -(-(self.width - left) // across), -(-(self.height - top) // down)
        return _Pass(slice(top, None, down), slice(left, None, across), rows, columns, 1 + -(-columns * self.bits // 8))


class _Pass(NamedTuple):
    """The pixels of one pass: of which rows and columns, how many, and the bytes of a row with its filter's number."""

    down: slice
    across: slice
    rows: int
    columns: int
    length: int


class _Chunk(NamedTuple):
    kind: bytes
    content: memoryview
    whole: memoryview


def decode(data: bytes, *, max_pixels: int) -> Decoded:
    """Decode a PNG file to H,W,C of uint8 or uint16. Raises DecodeError for damaged files and too many pixels."""
    chunks = _chunks(data)
    header = _header(next(chunks), max_pixels)
    kept = list(chunks)
    pieces = [chunk.content for chunk in kept if chunk.kind == b"IDAT"]
    stream = pieces[0] if len(pieces) == 1 else b"".join(pieces)  # a copy only where it is needed
    if not stream:
        raise DecodeError("this PNG has no pixels: there is no IDAT chunk")
    metadata, xmp_packet = _texts(kept)
    parts = _filtered(header, stream)
    if _is_for_us(header, parts):
        array = _pixels(header, parts)
    else:
        array = _through_pillow(header, data[: len(_SIGNATURE) + 25], kept, parts)
    if header.colour_type in (0, 2):
        array = _with_alpha(array, header, next((chunk.content for chunk in kept if chunk.kind == b"tRNS"), None))
    facts = {chunk.kind: bytes(chunk.content) for chunk in kept if chunk.kind in STATING}
    metadata, found = taken(metadata, profiles_of(facts, xmp_packet))
    return Decoded(array=array, metadata=metadata, info=stated_in(facts, found, has_alpha=array.shape[2] in (2, 4)))


# --- chunks ---------------------------------------------------------------------------------------------------------


def _chunks(data: bytes) -> Iterator[_Chunk]:
    if not data or not _SIGNATURE.startswith(data[: len(_SIGNATURE)]):
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


def _filtered(header: _Header, stream: bytes | memoryview) -> list[Bytes]:
    """Return the rows of each pass, as they are in the file: each is the number of its filter, and filtered bytes."""
    passes = header.passes
    data = _unpacked(stream, sum(one.rows * one.length for one in passes))
    parts, start = [], 0
    for one in passes:
        end = start + one.rows * one.length
        parts.append(np.frombuffer(data, np.uint8, end - start, start).reshape(one.rows, one.length))
        start = end
    worst = max(int(part[:, 0].max()) for part in parts)
    if worst > PAETH:
        raise DecodeError(f"this PNG is damaged: row filter {worst} does not exist")
    return parts


def _unpacked(stream: bytes | memoryview, size: int) -> Any:
    """Return the bytes of a zlib stream: at least so many, as a buffer."""
    packed, used = len(stream), kernel()
    if size > _MOST_OF_A_BYTE * packed:  # no memory for what the stream cannot make
        return _of_igzip(stream, size)
    with suppress(deflate.DeflateError, MemoryError):
        if used is not None and packed < _NOISE * size:
            out = np.empty(size, np.uint8)
            if used.inflate(stream, out):  # neither damaged nor with many matches
                return out
            del out
        if used is not None or not _LETTERS[0] * size < packed < _LETTERS[1] * size:
            data = deflate.zlib_decompress(stream, size)
            if len(data) == size:
                return data
    # igzip names what is wrong, reads streams that are longer than the pixels, and needs memory only for what it makes.
    return _of_igzip(stream, size)


def _of_igzip(stream: bytes | memoryview, size: int) -> bytes:
    """Return at least so many bytes. Raises DecodeError for damaged streams and shorter ones."""
    inflater = isal_zlib.decompressobj()
    try:
        # One byte more than the pixels need, because only then the end of the stream, with its checksum, is read.
        data = inflater.decompress(stream, size + 1)
    except _IsalError as error:
        raise DecodeError(f"this PNG is damaged: its pixels cannot be unpacked ({error})") from error
    if len(data) < size or (len(data) == size and not inflater.eof):
        raise DecodeError(f"this PNG is truncated: its pixels unpack to {len(data)} of {size} bytes")
    return data


def _is_for_us(header: _Header, parts: list[Bytes]) -> bool:
    if header.depth < 8 or header.colour_type == _PALETTE:
        return False
    if header.depth == 16 or kernel() is not None:
        return True
    if header.interlace:
        return False
    # Average and Paeth, which other writers use often, are slow to undo with numpy.
    return bool(parts[0][:, 0].max() <= UP)


def _pixels(header: _Header, parts: list[Bytes]) -> ImageArray:
    if not header.interlace:
        return _undone(parts[0], header).reshape(header.height, header.width, -1)
    picture: ImageArray = np.empty(
        (header.height, header.width, _CHANNELS[header.colour_type]), f"u{header.depth // 8}"
    )
    for one, part in zip(header.passes, parts, strict=True):
        picture[one.down, one.across] = _undone(part, header).reshape(one.rows, one.columns, -1)
    return picture


def _undone(filtered: Bytes, header: _Header) -> ImageArray:
    """Return the samples of rows without their filters."""
    wide, used = header.depth == 16, kernel()
    if used is None:
        if wide and filtered[:, 0].max() > UP:
            return _wide_through_pillow(filtered, header.step)
        rows: ImageArray = undo(filtered, header.step)
        return rows.view(">u2").astype(np.uint16) if wide else rows
    height, length = filtered.shape[0], filtered.shape[1] - 1
    size = height * length
    # Memory that is new takes as long as the filters do. So the rows stay in that of the filtered ones.
    rows = filtered.reshape(-1)[:size] if filtered.flags.writeable else np.empty(size, np.uint8)
    used.undo(filtered, rows, height, length, header.step, wide)
    rows = rows.reshape(height, length)
    return rows.view(np.uint16) if wide else rows


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


def _through_pillow(header: _Header, start: bytes, chunks: list[_Chunk], parts: list[Bytes]) -> ImageArray:
    from PIL import PngImagePlugin

    # Only the chunks for the pixels. The class is used because Image.open has its own limit on pixels.
    wanted = (b"PLTE", b"tRNS") if header.colour_type == _PALETTE else ()
    needed = [chunk for chunk in chunks if chunk.kind in wanted]
    if header.colour_type == _PALETTE and not any(chunk.kind == b"PLTE" for chunk in needed):
        raise DecodeError("this PNG is damaged: it has no palette")
    file = io.BytesIO(b"".join((start, *(chunk.whole for chunk in needed), *_last_chunks(_stored(parts)))))
    try:
        image: Any = PngImagePlugin.PngImageFile(file)
        image.load()
    except Exception as error:
        raise DecodeError(f"this PNG is damaged: {error}") from error
    return copied(image.convert("L") if image.mode == "1" else image)


def _wide_through_pillow(filtered: Bytes, step: int) -> ImageArray:
    """Return the samples of rows of 16 bits without their filters.

    A filter uses only upper bytes of samples for upper bytes, and only lower ones for lower ones. So both are pictures
    of 8 bits, which Pillow gets as one. A row of zeros between them is what the first row of the second has above it.
    """
    from PIL import Image

    mode = {2: "L", 4: "LA", 6: "RGB", 8: "RGBA"}[step]
    height, length = len(filtered), filtered.shape[1] // 2
    both: Bytes = np.zeros((2 * height + 1, 1 + length), np.uint8)
    for first, half in ((0, both[:height]), (1, both[height + 1 :])):
        half[:, 0] = filtered[:, 0]
        half[:, 1:] = filtered[:, 1 + first :: 2]
    size = (2 * length // step, len(both))
    samples = copied(Image.frombytes(mode, size, b"".join(_stored([both])), "zip", mode)).reshape(len(both), length)
    rows = np.left_shift(samples[:height], 8, dtype=np.uint16)
    return np.bitwise_or(rows, samples[height + 1 :], out=rows)


def _stored(parts: list[Bytes]) -> Iterator[bytes | memoryview]:
    """Yield the bytes of all parts as a zlib stream of stored blocks (RFC 1951, section 3.2.4), in pieces."""
    check = 1
    yield b"\x78\x01"
    for part in parts:
        view = part.reshape(-1).data
        check = isal_zlib.adler32(view, check)
        for start in range(0, len(view), _STORED):
            block = view[start : start + _STORED]
            yield struct.pack("<BHH", 0, len(block), len(block) ^ 0xFFFF)
            yield block
    yield b"\1\0\0\xff\xff" + check.to_bytes(4, "big")


def _last_chunks(pieces: Iterator[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    """Yield the last chunks of a PNG, with these pieces as its pixels."""
    while some := list(islice(pieces, _PIECES)):
        yield from _pixel_chunk(some)
    yield b"\0\0\0\0IEND\xaeB`\x82"


def _pixel_chunk(pieces: list[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    check = isal_zlib.crc32(b"IDAT")
    for piece in pieces:
        check = isal_zlib.crc32(piece, check)
    yield struct.pack(">I4s", sum(map(len, pieces)), b"IDAT")
    yield from pieces
    yield check.to_bytes(4, "big")
