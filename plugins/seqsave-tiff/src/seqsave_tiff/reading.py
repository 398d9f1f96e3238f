"""Read the first picture of a TIFF file with tifffile; checked before memory for it is allocated."""

from __future__ import annotations

import io
import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from seqsave import DecodeError

if TYPE_CHECKING:
    from seqsave.types import ImageArray

__all__ = ["read"]

_MINISWHITE, _MINISBLACK, _RGB, _PALETTE = 0, 1, 2, 3
_KINDS = {_MINISWHITE: "grey", _MINISBLACK: "grey", _RGB: "RGB", _PALETTE: "palette"}
_DTYPES = ("bool", "uint8", "uint16", "uint32", "int8", "int16", "int32", "float16", "float32", "float64")
_MOST_CHANNELS = 64
_LARGEST_TILE = 1 << 22  # pixels, for pictures smaller than one tile
_SEPARATE = 2
_COLORMAP, _SUBFILE = 320, 254
_NOT_A_PICTURE = 1 | 4  # TIFF 6.0, NewSubfileType: a reduced copy, a mask
_MOST_PAGES = 1000
# Description, resolution, software, artist, extra samples, XMP, copyright, profile.
_STATING = (270, 282, 283, 296, 305, 315, 338, 700, 33432, 34675)


def read(data: bytes, max_pixels: int) -> tuple[ImageArray, dict[int, Any]]:
    """Return the picture H,W,C, and the values of its tags by number. Raises DecodeError."""
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            page = file.pages.first
            _check(page, len(data), max_pixels)
            _check_pages(file)
            return _arranged(page, np.asarray(page.asarray(maxworkers=1))), _tags(page)
    except DecodeError:
        raise
    # The errors that tifffile, numpy and the codecs raise for damaged files have no common class.
    except Exception as error:
        raise DecodeError(f"damaged TIFF file: {error}") from error


def _check(page: Any, size: int, max_pixels: int) -> None:
    width, height, depth = page.imagewidth, page.imagelength, page.imagedepth
    if min(width, height) < 1 or depth != 1:
        raise DecodeError(f"damaged TIFF file: its size is {width}x{height}, depth {depth}")
    if width * height > max_pixels:
        raise DecodeError(
            f"a TIFF picture of {width}x{height} pixels: at most {max_pixels} are allowed",
            reason="too large",
            pixels=width * height,
        )
    if page.photometric not in _KINDS:
        raise DecodeError(
            f"a TIFF picture of kind {_name(page.photometric)}: grey, RGB and palettes are read", reason="unsupported"
        )
    if page.dtype is None or page.dtype.name not in _DTYPES or _odd_depth(page):
        raise DecodeError(
            f"a TIFF picture of {page.bitspersample} bits ({page.dtype}): only 1, 8, 16 and 32 bits, and "
            "floats, are read",
            reason="unsupported",
        )
    if page.photometric == _PALETTE and (page.samplesperpixel != 1 or page.dtype.kind != "u"):
        raise DecodeError("a TIFF palette of one bit, or with alpha: it is not read", reason="unsupported")
    if not 1 <= page.samplesperpixel <= _MOST_CHANNELS:
        raise DecodeError(
            f"a TIFF picture of {page.samplesperpixel} channels: at most {_MOST_CHANNELS} are read",
            reason="unsupported",
        )
    if page.is_tiled and page.tilewidth * page.tilelength > max(max_pixels, _LARGEST_TILE):
        raise DecodeError(
            f"a TIFF picture with tiles of {page.tilewidth}x{page.tilelength} pixels",
            reason="too large",
            pixels=page.tilewidth * page.tilelength,
        )
    if page.compression not in tifffile.TIFF.DECOMPRESSORS:
        raise DecodeError(
            f"a TIFF picture compressed as {_name(page.compression)}: no decoder of it is installed",
            reason="unsupported",
        )
    _check_places(page, size)


def _odd_depth(page: Any) -> bool:
    """Return True for 12 bits, for example, which tifffile unpacks to 16 without scaling: brightness would be lost."""
    return bool(page.dtype.kind in "iu" and page.bitspersample != 8 * page.dtype.itemsize)


def _check_places(page: Any, size: int) -> None:
    """Raise DecodeError for missing strips, which tifffile reads as black."""
    places = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    if len(places) != int(np.prod(page.chunked)):
        raise DecodeError(f"damaged TIFF file: its number of strips or tiles, {len(places)}, is invalid")
    if any(start < 8 or count < 1 or start + count > size for start, count in places):
        raise DecodeError("damaged TIFF file: it ends before its last pixel")


def _arranged(page: Any, array: Any) -> ImageArray:
    if page.photometric == _PALETTE:
        colours = np.asarray(page.tags[_COLORMAP].value, np.uint16).reshape(3, -1)
        return np.ascontiguousarray(np.moveaxis(colours[:, array], 0, -1))
    if array.dtype == bool:
        array = array.astype(np.uint8) * np.uint8(255)
    if array.dtype == np.int8:
        array = array.astype(np.int16)
    if page.photometric == _MINISWHITE and array.dtype.kind != "i":  # a sign has no white
        array = (1 if array.dtype.kind == "f" else np.iinfo(array.dtype).max) - array
    if page.samplesperpixel == 1:
        array = array.reshape(page.imagelength, page.imagewidth, 1)
    elif page.planarconfig == _SEPARATE:
        array = np.moveaxis(array, 0, -1)
    if array.shape != (page.imagelength, page.imagewidth, page.samplesperpixel):
        raise DecodeError("damaged TIFF file: its pixels do not have the size in its tags")
    return np.ascontiguousarray(array, array.dtype.newbyteorder("="))


def _tags(page: Any) -> dict[int, Any]:
    return {number: tag.value for number in _STATING if (tag := page.tags.get(number)) is not None}


def _check_pages(file: Any) -> None:
    """Raise DecodeError for a file of several pictures. Masks, and smaller copies of the first one, do not count."""
    count = 0
    for page in itertools.islice(file.pages, _MOST_PAGES):
        tag = page.tags.get(_SUBFILE) if hasattr(page, "tags") else None
        count += not (isinstance(tag.value if tag else 0, int) and (tag.value if tag else 0) & _NOT_A_PICTURE)
    if count > 1:
        several = f"{count}" if count < _MOST_PAGES else f"at least {count}"
        raise DecodeError(
            f"a TIFF file of {several} pictures: choose pages='first' or 'all', or save it as tif to copy it as it is",
            reason="unsupported",
        )


def _name(value: Any) -> str:
    return str(getattr(value, "name", value))
