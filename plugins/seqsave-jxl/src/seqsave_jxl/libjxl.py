"""Encode and decode arrays with imagecodecs, or with the build of libjxl in pyjpegxl.

pyjpegxl encodes lossless integer pictures in a third to two thirds of the time on some processors, and is as fast as
imagecodecs on others. It is used for these if it is installed (``pip install 'seqsave-jxl[fast]'``); readers get the
same values from both. Both release the interpreter lock, so several threads encode at the same time, each one picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np

from seqsave import EncodeError

if TYPE_CHECKING:
    from seqsave.types import ImageArray

__all__ = ["decode", "encode", "profile_of", "quick"]


def _load() -> Any:
    try:
        import pyjpegxl
    except ImportError:
        return None
    # The number of threads applies to the whole process. Its default is 0, as many threads as cores for each picture;
    # another number has been set on purpose.
    if pyjpegxl.get_num_threads() == 0:
        pyjpegxl.set_num_threads(1)
    return pyjpegxl


quick = _load()
"""The module pyjpegxl; None if it is not installed."""

# By effort, from 1 on.
_SPEEDS = ("Lightning", "Thunder", "Falcon", "Cheetah", "Hare", "Wombat", "Squirrel", "Kitten", "Tortoise")


def encode(image: ImageArray, *, effort: int, distance: float | None) -> bytes:
    """Encode H,W,C of uint8, uint16 or float32; lossless if ``distance`` is None. Raises EncodeError."""
    try:
        if distance is None and quick is not None and image.dtype.kind == "u":
            speed = getattr(quick.EncoderSpeed, _SPEEDS[effort - 1])
            return bytes(quick.encode_from_numpy(np.ascontiguousarray(image), lossless=True, speed=speed))
        settings: dict[str, Any] = {"lossless": True} if distance is None else {"distance": distance}
        return bytes(imagecodecs.jpegxl_encode(image, effort=effort, numthreads=1, **settings))
    except (RuntimeError, ValueError) as error:
        height, width = image.shape[:2]
        raise EncodeError(f"libjxl cannot encode this picture of {width}x{height} pixels: {error}") from error


def profile_of(data: bytes) -> bytes | None:
    """Return the ICC profile in a codestream; None if there is none, and without pyjpegxl, which alone reads it."""
    if quick is None:
        return None
    try:
        found = quick.probe(data).icc_profile
    except (RuntimeError, ValueError):
        return None
    return bytes(found) if found else None


def decode(data: bytes) -> ImageArray:
    """Decode to H,W,C. Raises the errors of the library."""
    array: ImageArray = imagecodecs.jpegxl_decode(data, numthreads=1)
    return array[..., None] if array.ndim == 2 else array
