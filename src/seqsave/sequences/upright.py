"""Turn a decoded picture as its file states by Exif's Orientation, as viewers and ComfyUI's own loader do."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqsave.types import ImageArray, ImageInfo

__all__ = ["orientation_of", "turned_info", "upright"]

# Exif's Orientation to (flip left to right first, quarter turns counter-clockwise). Exif 2.32, tag 0x0112.
_UPRIGHT = {2: (True, 0), 3: (False, 2), 4: (True, 2), 5: (True, 1), 6: (False, 3), 7: (True, 3), 8: (False, 1)}
_ORIENTATION = 0x0112
_PNG, _TIFF = b"\x89PNG", (b"II*\0", b"MM\0*")


def orientation_of(data: bytes) -> int:
    """Return the orientation that a JPEG, PNG, WebP, AVIF or TIFF file states, 1 to 8; 1 if it states none."""
    if not data.startswith(_TIFF) and not any(mark in data for mark in _marks(data)):
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


def _marks(data: bytes) -> tuple[bytes, ...]:
    """Return the bytes without which a file of this format has no Exif. A search is faster than a parser."""
    if data.startswith(b"\xff\xd8"):
        return (b"Exif\0\0",)
    if data.startswith(_PNG):
        return (b"eXIf",)
    if data[4:12] in (b"ftypavif", b"ftypavis"):  # these properties count, and Exif does not: MIAF, 7.3.9
        return (b"irot", b"imir")
    return (b"EXIF",) if data[8:12] == b"WEBP" else ()


def _exif(data: bytes) -> Any:
    from PIL import Image

    if data.startswith(_PNG):  # Pillow would decode the picture first, as the chunk may follow it
        at = data.index(b"eXIf")
        exif = Image.Exif()
        exif.load(data[at + 4 : at + 4 + int.from_bytes(data[at - 4 : at], "big")])
        return exif
    with Image.open(io.BytesIO(data)) as image:
        return image.getexif()
