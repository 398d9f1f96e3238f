"""The pictures of a page that is made from stored proxies: none of their frames is read."""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING

import numpy as np

from seqsave.look.proxies import width_of
from seqsave.look.stored import StoredProxies
from seqsave.pictures.display import show
from seqsave.types import Decoded

if TYPE_CHECKING:
    from seqsave.manifest import Picture
    from seqsave.sequences.frame import Frame
    from seqsave.sequences.reader import FrameSequence

__all__ = ["Halves", "stored_halves"]


class Halves:
    """Pictures of the frames of one variation, half as wide, in sRGB: stored ones, and others made from the files.

    picture: the format of the frames as their manifest states it. Thread-safe.
    """

    def __init__(self, stored: StoredProxies, picture: Picture | None, max_pixels: int) -> None:
        self._stored = stored
        self.picture = picture
        self._max_pixels = max_pixels
        self._lock = threading.Lock()
        self._found: set[int] = set()

    @property
    def count(self) -> int:
        """Return how many pictures were stored ones."""
        return len(self._found)

    def read(self, frame: Frame) -> bytes:
        """Return the stored picture of a frame, or its file. Raises TargetError."""
        half = self._stored.jpeg(frame, "half")
        if half is None:
            return frame.read_bytes()
        with self._lock:
            self._found.add(frame.index)
        return half

    def decode(self, frame: Frame, data: bytes) -> Decoded:
        """Return the picture. Raises as ``Frame.decode``."""
        if frame.index in self._found:
            from PIL import Image

            return Decoded(array=np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))
        whole = frame.decode(data, max_pixels=self._max_pixels)
        display = whole.info.display
        width = width_of(whole.array.shape[1] if display is None else display[2], "half")
        extension = frame.name.rpartition(".")[2]
        return Decoded(array=show(whole.array, whole.info, extension=extension, width=width))


def stored_halves(sequence: FrameSequence, height: int | None, max_pixels: int) -> Halves | None:
    """Return the pictures of a sequence's frames if most of them are stored; None otherwise.

    height: that the pictures have to reach, unless the frames do not either; None for any.

    Raises ManifestError, TargetError.
    """
    if sequence.target is None:
        return None
    stored = StoredProxies(sequence)
    if not stored.exist():
        return None
    own = [frame for frame in sequence if stored.has(frame)]
    if 2 * len(own) <= len(sequence):
        return None
    known = sequence.manifest
    picture = None if known is None else known.picture
    if height is not None and _height_of(stored, own[0]) < (height if picture is None else min(height, picture.height)):
        return None
    return Halves(stored, picture, max_pixels)


def _height_of(stored: StoredProxies, frame: Frame) -> int:
    from PIL import Image

    half = stored.jpeg(frame, "half")
    return 0 if half is None else Image.open(io.BytesIO(half)).height
