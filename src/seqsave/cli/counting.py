"""A bar for frames that are read."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from seqsave.types import Event

if TYPE_CHECKING:
    from seqsave.runtime.progress import ProgressBar
    from seqsave.sequences.reader import Frame

__all__ = ["Counter"]


class Counter:
    """Tells a bar, if there is one, of each frame."""

    def __init__(self, bar: ProgressBar | None) -> None:
        self._bar = bar
        self._frames = self._bytes = 0
        self._started = time.monotonic()

    def __call__(self, frame: Frame) -> None:
        self._frames += 1
        self._bytes += frame.size
        if self._bar is not None:
            seconds = time.monotonic() - self._started
            self._bar(Event(kind="saved", done=self._frames, bytes_done=self._bytes, seconds=seconds))
