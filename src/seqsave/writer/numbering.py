"""Number the frames of a writer: find the next index, refuse taken ones, and detect the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import SupportsIndex

from seqsave.errors import EndOfSequenceError, FrameExistsError
from seqsave.naming import NameRule, check_frame, check_index
from seqsave.naming.key import FrameKey
from seqsave.settings.groups import Naming
from seqsave.wording import counted

__all__ = ["Numbering"]


class Numbering:
    """The numbers of one writer, each given to one frame only: ``following`` looks, ``take`` takes.

    Not thread-safe: the accept step calls it under its lock.
    """

    def __init__(self, rule: NameRule, naming: Naming) -> None:
        self._rule, self._at_end = rule, naming.at_end
        self._start, self._step, self._total = naming.start, naming.step, naming.total
        self._next = naming.start
        self._taken: set[tuple[int, int | None]] = set()

    def following(self, index: SupportsIndex | None, batches: Sequence[SupportsIndex | None]) -> list[FrameKey]:
        """Return the keys of ``index`` for each of ``batches``; without ``index``, of the one after the last frame.

        This takes no numbers. The keys have no path yet, since each file type has its own.

        Raises FrameNameError, FrameExistsError (taken already) and EndOfSequenceError (at_end="raise error").
        """
        variations = [None if batch is None else check_index(batch, "batch") for batch in batches]
        number = self._next if index is None else check_frame(index)
        for variation in variations:
            if (number, variation) in self._taken:
                path = self._rule.format(number, variation)
                raise FrameExistsError(
                    f"{path} was already written by this writer: each index (and batch) can be written once",
                    topic="written-twice",
                )
        after_end = self._after_end(number)
        if after_end and self._at_end == "raise error":
            raise EndOfSequenceError(after_end)
        reason = after_end if self._at_end == "stop output" else ""
        return [FrameKey(number, variation, after_end=reason) for variation in variations]

    def still_follow(self, index: SupportsIndex | None, keys: Sequence[FrameKey]) -> bool:
        """Return whether no other thread has taken one of these keys since ``following`` returned them."""
        is_next = index is not None or not keys or keys[0].index == self._next
        return is_next and self._taken.isdisjoint([(key.index, key.batch) for key in keys])

    def take(self, keys: Sequence[FrameKey]) -> None:
        """Take the keys that ``following`` returned."""
        self._taken.update([(key.index, key.batch) for key in keys])
        if keys:
            self._next = keys[0].index + self._step

    def _after_end(self, index: int) -> str:
        if self._total is None or index < self._start + self._total * self._step:
            return ""
        last = self._start + (self._total - 1) * self._step
        ends = f"ends with frame {last}" if self._total else "has no frames"
        return f"frame {index} is after the end: the sequence of {counted(self._total, 'frame')} {ends}"
