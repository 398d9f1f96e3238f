"""What became of each frame, and telling it: records, running totals, events and warnings.

Threads of the pipeline note things here; listeners and warnings are only ever served by ``deliver``, which the writer
calls on its caller's thread.
"""

from __future__ import annotations

import inspect
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from seqsave.errors import SeqSaveWarning, WriterAbortedError
from seqsave.types import Event, EventKind, FailedFrame, SavedFrame, SaveResult
from seqsave.writer.numbering import Place

__all__ = ["Ledger"]


class _Counts(Protocol):
    def __call__(self) -> tuple[int, int]: ...


@dataclass(slots=True)
class _UnderWay:
    """A frame that was accepted. Its record takes its place as soon as it has ended: a future is ten times as large."""

    place: Place
    future: Future[SavedFrame]


class Ledger:
    """The writer's memory. ``counts`` gives how many frames are encoding and publishing at this moment."""

    def __init__(
        self,
        *,
        url_of: Callable[[str], str],
        total: int | None,
        counts: _Counts,
        listeners: list[Callable[[Event], None]],
    ) -> None:
        self._url_of = url_of
        self._total = total
        self._counts = counts
        self._listeners = listeners
        self._records: list[_UnderWay | SavedFrame | FailedFrame] = []
        self._warned: dict[str, str] = {}
        self._untold: deque[str] = deque()
        self._events: deque[Event] = deque()
        self._done = 0
        self._bytes = 0
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._delivering = threading.Lock()
        self._trouble: Exception | None = None

    def add(self, place: Place, future: Future[SavedFrame]) -> None:
        """A frame was accepted."""
        with self._lock:
            number = len(self._records)
            self._records.append(_UnderWay(place, future))
        self.note("accepted", place)
        future.add_done_callback(partial(self._note_end, number, place))

    def warn(self, kind: str, place: Place, message: str) -> None:
        """Tell ``message`` once per sequence for each ``kind``, naming the first frame that it concerns."""
        text = f"frame {place.index}: {message}"
        with self._lock:
            if kind in self._warned:
                return
            self._warned[kind] = text
            self._untold.append(text)
        self.note("warning", place, text)

    def note(self, kind: EventKind, place: Place | None = None, message: str = "", size: int = 0) -> None:
        """Keep an event for the listeners, if there are any."""
        if not self._listeners:
            return
        encoding, publishing = self._counts()
        with self._lock:
            self._events.append(
                Event(
                    kind=kind,
                    index=place.index if place else None,
                    batch=place.batch if place else None,
                    url=self._url_of(place.path) if place else None,
                    message=message,
                    size=size,
                    accepted=len(self._records),
                    done=self._done,
                    bytes_done=self._bytes,
                    total=self._total,
                    encoding=encoding,
                    publishing=publishing,
                    seconds=time.monotonic() - self._started,
                )
            )

    def deliver(self) -> None:
        """Serve what has come up, on this thread. A second thread that comes by meanwhile leaves it to the first.

        What a listener raises, or a warning that was made an error, is kept for ``raise_trouble``: it must not come
        between a caller and a frame that is accepted already.
        """
        if not (self._events or self._untold) or not self._delivering.acquire(blocking=False):
            return
        try:
            while self._untold:
                self._guard(warnings.warn, self._untold.popleft(), SeqSaveWarning, _depth_of_caller())
            while self._events:
                event = self._events.popleft()
                for listener in self._listeners:
                    self._guard(listener, event)
        finally:
            self._delivering.release()

    def raise_trouble(self) -> None:
        """Raise the first thing that went wrong in ``deliver``, once."""
        trouble, self._trouble = self._trouble, None
        if trouble is not None:
            raise trouble

    def _guard(self, call: Callable[..., object], *arguments: object) -> None:
        try:
            call(*arguments)
        except Exception as error:  # noqa: BLE001 - a listener is the user's code
            self._trouble = self._trouble or error

    def result(self, url: str) -> SaveResult:
        """What is known so far; frames still under way are in neither list."""
        with self._lock:
            records = list(self._records)
        ended = [self._ended(one) if isinstance(one, _UnderWay) else one for one in records]
        frames = [one for one in ended if isinstance(one, SavedFrame)]
        failures = [one for one in ended if isinstance(one, FailedFrame)]
        return SaveResult(
            url=url, frames=tuple(frames), failures=tuple(failures), warnings=tuple(self._warned.values())
        )

    def settle(self, saved: Iterable[SavedFrame]) -> None:
        """These frames, which were kept elsewhere, are in the storage now."""
        now = {frame.url: frame for frame in saved}
        with self._lock:
            for number, record in enumerate(self._records):
                if isinstance(record, SavedFrame) and record.status == "spooled":
                    self._records[number] = now.get(record.url, record)

    def _ended(self, one: _UnderWay) -> SavedFrame | FailedFrame | None:
        """What has become of it; None while nothing has."""
        return self._outcome(one.place, one.future) if one.future.done() else None

    def _outcome(self, place: Place, future: Future[SavedFrame]) -> SavedFrame | FailedFrame:
        error = _error_of(future)
        if error is None:
            return future.result()
        return FailedFrame(
            index=place.index,
            batch=place.batch,
            url=self._url_of(place.path),
            error=str(error) or repr(error),
            exception=error,
        )

    def _note_end(self, number: int, place: Place, future: Future[SavedFrame]) -> None:
        outcome = self._outcome(place, future)
        with self._lock:
            self._records[number] = outcome
            if isinstance(outcome, SavedFrame):
                self._done += 1
                self._bytes += outcome.size
        if isinstance(outcome, SavedFrame):
            self.note(outcome.status, place, place.after_end or "", outcome.size)
        else:
            self.note("failed", place, outcome.error)


def _depth_of_caller() -> int:
    """The ``stacklevel`` that makes ``deliver``'s warnings point at the first line outside of this package."""
    package = __name__.partition(".")[0]
    frame, depth = inspect.currentframe(), 1  # deliver calls this, and _guard, which calls warn
    while frame is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == package:
        frame, depth = frame.f_back, depth + 1
    return depth


def _error_of(future: Future[SavedFrame]) -> BaseException | None:
    try:
        return future.exception()
    except CancelledError:
        return WriterAbortedError("cancelled before it was saved")
