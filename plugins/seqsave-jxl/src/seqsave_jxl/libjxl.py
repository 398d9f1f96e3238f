"""An array in, a JPEG XL file out: by imagecodecs, or by the build of libjxl that pyjpegxl brings.

pyjpegxl makes pictures of whole numbers without loss in a third to two thirds of the time on some processors, and on
others is as quick as imagecodecs. It is used for these where it is installed (``pip install 'seqsave-jxl[fast]'``);
readers see the same, whichever made a file. Both let go of the interpreter lock while they work, so several threads
encode at once, each picture on one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np

from seqsave import EncodeError

if TYPE_CHECKING:
    from seqsave.types import ImageArray

__all__ = ["decode", "encode", "quick"]


def _load() -> Any:
    try:
        import pyjpegxl
    except ImportError:
        return None
    # The number of threads is one for the whole process. 0, as many as there are cores for each picture, is how it
    # comes; another one is somebody's wish.
    if pyjpegxl.get_num_threads() == 0:
        pyjpegxl.set_num_threads(1)
    return pyjpegxl


quick = _load()
"""pyjpegxl; None where it is not installed."""

# By effort, from 1 on.
_SPEEDS = ("Lightning", "Thunder", "Falcon", "Cheetah", "Hare", "Wombat", "Squirrel", "Kitten", "Tortoise")


def encode(image: ImageArray, *, effort: int, distance: float | None) -> bytes:
    """Encode H,W,C of uint8, uint16 or float32; without loss where ``distance`` is None. Raises EncodeError."""
    try:
        if distance is None and quick is not None and image.dtype.kind == "u":
            speed = getattr(quick.EncoderSpeed, _SPEEDS[effort - 1])
            return bytes(quick.encode_from_numpy(np.ascontiguousarray(image), lossless=True, speed=speed))
        settings: dict[str, Any] = {"lossless": True} if distance is None else {"distance": distance}
        return bytes(imagecodecs.jpegxl_encode(image, effort=effort, numthreads=1, **settings))
    except (RuntimeError, ValueError) as error:
        height, width = image.shape[:2]
        raise EncodeError(f"libjxl cannot encode this picture of {width}x{height} pixels: {error}") from error


def decode(data: bytes) -> ImageArray:
    """Decode to H,W,C. Raises whatever the library does."""
    array: ImageArray = imagecodecs.jpegxl_decode(data, numthreads=1)
    return array[..., None] if array.ndim == 2 else array
