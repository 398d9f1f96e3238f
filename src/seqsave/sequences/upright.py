"""Turn a decoded picture as its file states by Exif's Orientation, as viewers and ComfyUI's own loader do."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seqsave.sequences.soundness import SCAN, segments

if TYPE_CHECKING:
    from seqsave.types import ImageArray, ImageInfo

__all__ = ["orientation_of", "turned_info", "upright"]

# Exif's Orientation to (flip left to right first, quarter turns counter-clockwise). Exif 2.32, tag 0x0112.
_UPRIGHT = {2: (True, 0), 3: (False, 2), 4: (True, 2), 5: (True, 1), 6: (False, 3), 7: (True, 3), 8: (False, 1)}
_ORIENTATION = 0x0112
_APP1, _EXIF = 0xE1, b"Exif\0\0"
_PNG, _TIFF = b"\x89PNG", (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def orientation_of(data: bytes) -> int:
    """Return the orientation that a JPEG, PNG, WebP or TIFF file states, 1 to 8; 1 if it states none.

    AVIF and JPEG XL files are turned by their decoders, as their own statements count there, and Exif does not.
    """
    if not data.startswith(_TIFF) and not _may_be_turned(data):
        return 1
    try:
        value = _exif(data).get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - Pillow's parsers raise any error for foreign bytes
        return 1
    return value if isinstance(value, int) and value in _UPRIGHT else 1


def upright(array: ImageArray, orientation: int) -> ImageArray:
    """Return the picture H,W,C turned upright: a new array if it is turned, otherwise the array itself."""
    import numpy as np

    if orientation not in _UPRIGHT:
        return array
    flip, turns = _UPRIGHT[orientation]
    return np.ascontiguousarray(np.rot90(array[:, ::-1] if flip else array, turns))


def turned_info(info: ImageInfo, orientation: int) -> ImageInfo:
    """Return what a file states of its picture, after the picture is turned upright."""
    if orientation not in (5, 6, 7, 8) or info.pixel_aspect is None:
        return info
    dpi = None if info.dpi is None else round(info.dpi * info.pixel_aspect, 3)
    return replace(info, dpi=dpi, pixel_aspect=1 / info.pixel_aspect)


def _may_be_turned(data: bytes) -> bool:
    """Return whether a file may state an orientation. Its parts are walked through: a search of all takes longer."""
    if data.startswith(_PNG):
        return _chunk_of_png(data) is not None
    if data[8:12] == b"WEBP":
        return any(name == b"EXIF" for name in _chunks_of_webp(data))
    return data.startswith(b"\xff\xd8") and _has_jpeg_exif(data)


def _chunk_of_png(data: bytes) -> tuple[int, int] | None:
    """Return where the Exif of a PNG begins and ends; None for one without. PNG 11.3.4.5."""
    at = 8
    while at + 8 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] == b"eXIf":
            return at + 8, end
        at = end + 4
    return None


def _chunks_of_webp(data: bytes) -> Iterator[bytes]:
    """Yield the name of each chunk: RFC 9649, 2.3. One of an odd length is followed by a byte of padding."""
    at = 12
    while at + 8 <= len(data):
        yield data[at : at + 4]
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + size + size % 2


def _has_jpeg_exif(data: bytes) -> bool:
    """Return whether one of the segments before the pixels is Exif."""
    for kind, at in segments(memoryview(data)):
        if kind == _APP1 and data.startswith(_EXIF, at + 4):
            return True
        if kind == SCAN:
            return False
    return _EXIF in data  # bytes between the segments, which some decoders skip


def _exif(data: bytes) -> Any:
    from PIL import Image

    if data.startswith(_PNG):  # Pillow would decode the picture first, as the chunk may follow it
        begin, end = _chunk_of_png(data) or (0, 0)
        exif = Image.Exif()
        exif.load(data[begin:end])
        return exif
    with Image.open(io.BytesIO(data)) as image:
        return getattr(image, "tag_v2", None) or image.getexif()
