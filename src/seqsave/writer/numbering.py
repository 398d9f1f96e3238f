"""Which index comes next, which are taken, and which lie after the end."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import SupportsIndex

from seqsave.errors import EndOfSequenceError, FrameExistsError
from seqsave.naming import NameRule, check_index

__all__ = ["Numbering", "Place"]


@dataclass(frozen=True, slots=True)
class Place:
    """One frame's numbers and its path under the target.

    after_end: why it is past the last frame and is left out, or None. turn: which ``take`` reserved it.
    """

    index: int
    batch: int | None
    path: str
    after_end: str | None = None
    turn: int = 0

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
        self.start = check_index(start, "start")
        self.step = check_index(step, "step", least=1)
        self.total = None if total is None else check_index(total, "total")
        self._at_end = at_end
        self._next = self._before = self.start
        self._turn = 0
        self._taken: set[tuple[int, int | None]] = set()
        self._lock = threading.Lock()

    def take(self, index: SupportsIndex | None, batches: Sequence[SupportsIndex | None]) -> list[Place]:
        """Reserve ``index``, or the one after the frame taken last, for each of ``batches``: all of them or none.

        Raises FrameNameError, FrameExistsError (taken already) and EndOfSequenceError (at_end="raise error").
        """
        variations = [None if batch is None else check_index(batch, "batch") for batch in batches]
        with self._lock:
            number = self._next if index is None else check_index(index)
            paths = [self._rule.format(number, variation) for variation in variations]
            for variation, path in zip(variations, paths, strict=True):
                if (number, variation) in self._taken:
                    raise FrameExistsError(
                        f"{path} was written by this writer already: each index (and batch) can be written once"
                    )
            after_end = self._after_end(number)
            if after_end and self._at_end == "raise error":
                raise EndOfSequenceError(after_end)
            self._taken.update((number, variation) for variation in variations)
            self._before, self._next = self._next, number + self.step
            self._turn += 1
            turn = self._turn
        told = after_end if self._at_end == "stop output" else None
        return [Place(number, v, path, told, turn) for v, path in zip(variations, paths, strict=True)]

    def give_back(self, places: Sequence[Place]) -> None:
        """Nothing came of what one ``take`` reserved: all is as it was, unless somebody has taken a number since."""
        with self._lock:
            self._taken.difference_update((place.index, place.batch) for place in places)
            if places and places[0].turn == self._turn:
                self._next = self._before

    def _after_end(self, index: int) -> str | None:
        if self.total is None or index < self.start + self.total * self.step:
            return None
        last = self.start + (self.total - 1) * self.step
        ends = f"ends with frame {last}" if self.total else "has no frames"
        return f"frame {index} is after the end: the sequence of {self.total} frames {ends}"
