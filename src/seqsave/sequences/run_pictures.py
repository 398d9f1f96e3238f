"""Compare the pictures of a run's frames, and warn of those that differ from the frames before."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from seqsave.manifest import Picture
from seqsave.naming.key import FrameKey
from seqsave.wording import counted

__all__ = ["RunPictures"]

Kind = tuple[int, str]
"""The channels and the dtype of a picture, which are known once its file is made: an encoder may drop alpha."""


class RunPictures:
    """The pictures of one run's files of one file type. Thread-safe. ``warn`` is called with (kind, message, key).

    Frames are expected in the order in which they are accepted, and their files are made in any order.
    """

    def __init__(self, warn: Callable[[str, str, FrameKey], None]) -> None:
        self._warn = warn
        self._size: tuple[int, int] | None = None
        self._kind: Kind | None = None
        self._accepted: dict[FrameKey, Kind | Future[Any]] = {}
        """The frames in the order in which they were accepted, until the first one's file is made."""
        self._last: Picture | None = None
        self._lock = threading.Lock()

    def note_size(self, key: FrameKey, width: int, height: int) -> None:
        """Warn once of a picture whose size differs from that of the first frame."""
        if self._size is None:
            self._size = (width, height)
        elif self._size != (width, height):
            first = "x".join(map(str, self._size))
            self._warn("size", f"is {width}x{height}, the frames before are {first}", key)

    def expect(self, key: FrameKey, future: Future[Any], shape: Sequence[int] | None) -> None:
        """Note a frame that is accepted.

        future: is done when the frame has ended. shape: of its picture, H,W,C; None if it is not known yet.
        """
        if shape is not None:
            self.note_size(key, shape[1], shape[0])
        if self._kind is not None:
            return
        with self._lock:
            if self._kind is None:
                self._accepted[key] = future

    def settle(self, key: FrameKey, picture: Picture | None) -> Picture | None:
        """Note the picture in an expected frame's file. Warn once of other channels or another dtype.

        picture: None if it is unknown, or if no file is made, as an existing one stays.

        Returns an equal record: one object for all frames that are alike.
        """
        kind = None if picture is None else (picture.channels, picture.dtype)
        if kind is None or kind != self._kind:
            with self._lock:
                if kind is None:
                    self._accepted.pop(key, None)
                else:
                    self._accepted[key] = kind
                self._judge()
        if picture is not None and picture == (last := self._last):
            return last
        self._last = picture
        return picture

    def _judge(self) -> None:
        first = self._kind or self._first()
        if first is None:
            return
        self._kind, known, self._accepted = first, self._accepted, {}
        for key, kind in known.items():
            if isinstance(kind, tuple) and kind != first:
                have, had = counted(kind[0], "channel"), counted(first[0], "channel")
                self._warn("kind", f"has {have} of {kind[1]}, the frames before have {had} of {first[1]}", key)
                return

    def _first(self) -> Kind | None:
        """Return the kind of the first frame with a file; None if that is not made yet."""
        while self._accepted:
            key, kind = next(iter(self._accepted.items()))
            if isinstance(kind, tuple):
                return kind
            if not kind.done():
                return None
            del self._accepted[key]  # cancelled or failed
        return None
