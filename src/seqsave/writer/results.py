"""Keep the outcome of each accepted frame."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass

from seqsave.errors import WriterAbortedError
from seqsave.naming.key import FrameKey
from seqsave.types import FailedFrame, SavedFrame
from seqsave.wording import reason_of

__all__ = ["Results"]


@dataclass(slots=True)
class _UnderWay:
    """An accepted frame. Its record replaces it as soon as it has ended, since a future is ten times as large."""

    key: FrameKey
    future: Future[SavedFrame]


class Results:
    """The records of a writer's frames, in the order in which they were accepted. Thread-safe."""

    def __init__(self, url_of: Callable[[str], str]) -> None:
        self.url_of = url_of
        self._records: list[_UnderWay | SavedFrame | FailedFrame] = []
        self._done = 0
        self._bytes = 0
        self._lock = threading.Lock()

    def add(self, key: FrameKey, future: Future[SavedFrame]) -> int:
        """Add a frame that was accepted, and return its position."""
        with self._lock:
            self._records.append(_UnderWay(key, future))
            return len(self._records) - 1

    def end(self, position: int, key: FrameKey, future: Future[SavedFrame]) -> SavedFrame | FailedFrame:
        """Replace a frame whose future is done with its record, and return the record."""
        record = self._record(key, future)
        with self._lock:
            self._records[position] = record
            if isinstance(record, SavedFrame):
                self._done += 1
                self._bytes += record.size
        return record

    def replace(self, settled: Iterable[SavedFrame | FailedFrame]) -> None:
        """Replace the records of ended frames with newer ones, found by URL."""
        now = {frame.url: frame for frame in settled}
        with self._lock:
            for position, record in enumerate(self._records if now else ()):
                ended = self._now(record)
                if not isinstance(ended, _UnderWay):
                    self._records[position] = now.get(ended.url, record)

    def totals(self) -> tuple[int, int, int]:
        """Return how many frames were accepted, how many are done, and the bytes of those."""
        with self._lock:
            return len(self._records), self._done, self._bytes

    def all(self) -> tuple[tuple[SavedFrame, ...], tuple[FailedFrame, ...]]:
        """Return the frames that are saved, and those that failed; frames still under way are in neither."""
        with self._lock:
            records, is_over = list(self._records), self._done == len(self._records)
        if not is_over:
            records = [self._now(one) for one in records]
        saved = tuple([one for one in records if isinstance(one, SavedFrame)])
        if len(saved) == len(records):
            return saved, ()
        return saved, tuple([one for one in records if isinstance(one, FailedFrame)])

    def _now(self, record: _UnderWay | SavedFrame | FailedFrame) -> _UnderWay | SavedFrame | FailedFrame:
        """Return the record of a frame whose future is done; any other object unchanged."""
        if isinstance(record, _UnderWay) and record.future.done():
            return self._record(record.key, record.future)
        return record

    def _record(self, key: FrameKey, future: Future[SavedFrame]) -> SavedFrame | FailedFrame:
        try:
            error = future.exception()
        except CancelledError:
            error = WriterAbortedError("cancelled before it was saved")
        if error is None:
            return future.result()
        return key.failed(self.url_of(key.path), error, reason_of(error))
