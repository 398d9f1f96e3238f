"""Keep the outcome of each accepted frame, and summarise the outcomes for errors."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqsave import naming
from seqsave.errors import (
    FrameExistsError,
    ManifestError,
    SaveError,
    SeqSaveError,
    SourceError,
    SpoolError,
    TargetError,
    WriterAbortedError,
)
from seqsave.naming.key import FrameKey
from seqsave.targets.redact import keeps_traces
from seqsave.types import FailedFrame, SavedFrame, SaveResult
from seqsave.wording import reason_of

if TYPE_CHECKING:
    from seqsave.writer.fallback import Fallback

__all__ = ["Results", "aftermath", "failure", "summary"]

_OF_STORAGES = (TargetError, ManifestError, SpoolError, FrameExistsError, SourceError)


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
        error = _error_of(future)
        if error is None:
            return future.result()
        return key.failed(self.url_of(key.path), error, reason_of(error))


def _error_of(future: Future[SavedFrame]) -> BaseException | None:
    try:
        return future.exception()
    except CancelledError:
        return WriterAbortedError("cancelled before it was saved")


# --- in words --------------------------------------------------------------------------------------------------------


def failure(result: SaveResult, fallback: Fallback | None, error: BaseException | None) -> SaveError:
    """Return the error that ``close`` raises. It leads to the page about its cause, if that has one."""
    why = _cause(result, error)
    topic = why.topic if isinstance(why, SeqSaveError) else ""
    made = SaveError(summary(result, fallback, error), result, topic=topic)
    made.__cause__ = why
    return made


def _cause(result: SaveResult, error: BaseException | None) -> BaseException | None:
    """Return the cause of the error that ``close`` raises: that of the frame that ended the run, otherwise the run's.

    The error of a storage comes without the lines of the writer's threads that it passed: they help no caller.

    error: the error that ended the run, here and below; None if none did.
    """
    found = _root(result, error).exception if result.failures else error
    if isinstance(found, _OF_STORAGES) and not keeps_traces():
        found.__traceback__ = None
    return found


def summary(result: SaveResult, fallback: Fallback | None, error: BaseException | None = None) -> str:
    """Return the text of SaveError: how many frames are saved, spooled and lost, which, why, and what to do."""
    kept = [frame.index for frame in result.frames if frame.status == "spooled"]
    lost = [failure.index for failure in result.failures]
    numbers = naming.format_ranges(naming.to_ranges(sorted({*kept, *lost})), 10)
    counts = f"{result.counts['saved']} saved"
    advice = ""
    if kept and fallback is not None:
        counts += f", {len(kept)} in the spool {fallback.folder}, {len(lost)} lost"
        advice = f". To publish the spooled frames: {fallback.flush_command}"
    return (
        f"{len(kept) + len(lost)} of {len(lost) + len(result.frames)} accepted frames not saved to {result.url} "
        f"({numbers}; {counts}): {_reason(result, fallback, error)}{advice}"
    )


def aftermath(result: SaveResult, fallback: Fallback | None, error: BaseException | None = None) -> str:
    """Return a summary of the accepted frames for an error of the caller's code; "" if there were none."""
    saved, kept, failed = result.counts["saved"], result.counts["spooled"], len(result.failures)
    parts = []
    if saved == 1:
        parts.append("the frame saved before the error is kept")
    elif saved:
        parts.append(f"the {saved} frames saved before the error are kept")
    if kept and fallback is not None:
        parts.append(f"{kept} in the spool {fallback.folder}: publish them with {fallback.flush_command}")
    if failed:
        parts.append(f"{failed} accepted before the error not saved: {_root(result, error).error}")
    return "; ".join(parts)


def _root(result: SaveResult, error: BaseException | None) -> FailedFrame:
    """Return the failure that caused the others: after it, frames that are being retried are given up."""
    ended = next((failure for failure in result.failures if failure.exception is error), None)
    return ended or next(
        (f for f in result.failures if not isinstance(f.exception, WriterAbortedError)), result.failures[0]
    )


def _reason(result: SaveResult, fallback: Fallback | None, error: BaseException | None) -> str:
    if not result.failures:
        return fallback.why if fallback is not None else ""
    first = _root(result, error)
    return first.error if first.error.startswith("frame ") else f"frame {first.index}: {first.error}"
