"""Copy the pixels of Pillow's pictures to arrays that the caller may change.

``numpy.array(picture)`` copies them three times: to pieces, to one string of bytes, and to the array. Most of its time
goes into new memory for each of these copies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from seqsave.pictures.arrays import as_array

if TYPE_CHECKING:
    import numpy.typing as npt

    from seqsave.types import ImageArray

    Bytes = npt.NDArray[np.uint8]

__all__ = ["copied"]

# Pillow's modes that a Netpbm file holds as they are: its first line, and the number of channels.
_NETPBM = {"L": (b"P5", 1), "RGB": (b"P6", 3)}


def copied(picture: Any) -> ImageArray:
    """Return the pixels of a PIL image as an array H,W,C of its own. Raises ImageError as ``as_array``."""
    if picture.mode not in _NETPBM or picture.has_transparency_data:
        return np.array(as_array(picture))
    kind, channels = _NETPBM[picture.mode]
    # Pillow writes such a file piece by piece, and behind its head are the pixels.
    width, height = picture.size
    pixels = _Pixels(len(b"%b\n%d %d\n255\n" % (kind, width, height)), width * height * channels)
    picture.save(pixels, "PPM")
    if not pixels.is_whole:  # Pillow wrote another kind of file
        return np.array(as_array(picture))
    return pixels.array.reshape(height, width, channels)


class _Pixels:
    """A file whose bytes after the head go to an array. head, size: the numbers of bytes."""

    def __init__(self, head: int, size: int) -> None:
        self.array: Bytes = np.empty(size, np.uint8)
        self._view = self.array.data
        self._head = head
        self._at = 0

    @property
    def is_whole(self) -> bool:
        """Return True if the array has all its bytes."""
        return self._at == len(self.array)

    def write(self, data: bytes) -> int:
        piece = data[self._head :]
        self._head -= len(data) - len(piece)
        self._view[self._at : self._at + len(piece)] = piece
        self._at += len(piece)
        return len(data)
