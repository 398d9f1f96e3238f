"""Which index comes next, which are taken, and which lie after the end."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import SupportsIndex

from seqsave.errors import EndOfSequenceError, FrameExistsError, FrameNameError
from seqsave.naming import NameRule, check_index

__all__ = ["Numbering", "Place"]


@dataclass(frozen=True, slots=True)
class Place:
    """One frame's numbers and its path under the target. ``after_end`` says why it is past the last frame."""

    index: int
    batch: int | None
    path: str
    after_end: str | None = None

    @property
    def folder(self) -> str:
        """The folder under the target, ``""`` for the target itself."""
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.rpartition("/")[2]


class Numbering:
    """Hands out each (index, batch) once. Thread-safe."""

    def __init__(self, rule: NameRule, *, start: int, step: int, total: int | None, at_end: str) -> None:
        self._rule = rule
        self._start = check_index(start, "start")
        self._step = check_index(step, "step")
        if self._step == 0:
            raise FrameNameError("step is 0: it must be a whole number, 1 or more")
        self.total = None if total is None else check_index(total, "total")
        self._at_end = at_end
        self._next = self._start
        self._taken: set[tuple[int, int | None]] = set()
        self._lock = threading.Lock()

    def take(self, index: SupportsIndex | None, batch: SupportsIndex | None) -> Place:
        """Reserve ``index``, or the one after the frame taken last.

        Raises FrameNameError, FrameExistsError (taken already) and EndOfSequenceError (at_end="raise error").
        """
        variation = None if batch is None else check_index(batch, "batch")
        with self._lock:
            number = self._next if index is None else check_index(index)
            path = self._rule.format(number, variation)
            if (number, variation) in self._taken:
                raise FrameExistsError(
                    f"{path} was written by this writer already: each index (and batch) can be written once"
                )
            after_end = self._after_end(number)
            if after_end and self._at_end == "raise error":
                raise EndOfSequenceError(after_end)
            self._taken.add((number, variation))
            self._next = number + self._step
        return Place(number, variation, path, after_end if self._at_end == "stop output" else None)

    def give_back(self, place: Place) -> None:
        """Nothing came of it: the number is free again, and is the next one if nobody has gone on from it."""
        with self._lock:
            self._taken.discard((place.index, place.batch))
            if self._next == place.index + self._step:
                self._next = place.index

    @property
    def next(self) -> int:
        """The index that ``take(None, ...)`` would reserve."""
        return self._next

    def _after_end(self, index: int) -> str | None:
        if self.total is None or index < self._start + self.total * self._step:
            return None
        last = self._start + (self.total - 1) * self._step
        ends = f"ends with frame {last}" if self.total else "has no frames"
        return f"frame {index} is after the end: the sequence of {self.total} frames {ends}"
