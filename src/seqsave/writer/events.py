"""Deliver the events and warnings of a writer.

Threads of the pipeline add them here. Only ``deliver``, which the writer calls on its caller's thread, calls listeners
and issues warnings.
"""

from __future__ import annotations

import inspect
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING

from seqsave.errors import SeqSaveWarning
from seqsave.naming.key import FrameKey
from seqsave.runtime.notebook import is_notebook
from seqsave.types import Event, EventKind, SavedFrame, SaveResult
from seqsave.writer.results import Results

if TYPE_CHECKING:
    from seqsave.pictures.embedded import Thumbnails

__all__ = ["EventLog"]

# Seconds between two checks while waiting.
TICK = 0.2


class EventLog:
    """The events of one writer, for its listeners; and its ``results``.

    url: the target's. waiting: returns how many frames are encoding and publishing at this moment.
    """

    def __init__(
        self, url: str, *, results: Results, total: int | None, waiting: Callable[[], tuple[int, int]]
    ) -> None:
        self.results = results
        self._url = url
        self._total = total
        self._waiting = waiting
        self._listeners: list[Callable[[Event], None]] = []
        self._warned: dict[str, str] = {}
        self._warnings: deque[str] = deque()
        self._events: deque[Event] = deque()
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._delivering = threading.Lock()
        self._deliverer: int | None = None
        self._is_complete = False
        self._error: Exception | None = None
        self.thumbnails = _thumbnails() if is_notebook() else None
        """Keeps small pictures of some frames for a notebook; None elsewhere."""

    def listen(self, listener: Callable[[Event], None] | None) -> None:
        """Call ``listener``, if there is one, with every event from now on."""
        if listener is not None:
            self._listeners.append(listener)

    def result(self) -> SaveResult:
        """Return the outcomes so far, without the frames that are still being encoded or published."""
        frames, failures = self.results.all()
        return SaveResult(
            url=self._url,
            frames=frames,
            failures=failures,
            warnings=tuple(self._warned.values()),
            thumbnails=self.thumbnails,
        )

    # --- from any thread ---------------------------------------------------------------------------------------------

    def add(self, key: FrameKey, future: Future[SavedFrame]) -> None:
        """Add a frame that was accepted."""
        position = self.results.add(key, future)
        self.note("accepted", key)
        future.add_done_callback(partial(self._note_end, position, key))

    def warn(self, kind: str, message: str, key: FrameKey | None = None) -> None:
        """Warn once for each ``kind``. key: the first frame concerned; None for a warning about no frame."""
        text = message if key is None else f"frame {key.index}: {message}"
        with self._lock:
            if kind in self._warned:
                return
            self._warned[kind] = text
            self._warnings.append(text)
        self.note("warning", key, text)

    def note(self, kind: EventKind, key: FrameKey | None = None, message: str = "", size: int = 0) -> None:
        """Queue an event for the listeners, if there are any. No event follows ``closed``."""
        if not self._listeners:
            return
        encoding, publishing = self._waiting()
        accepted, done, bytes_done = self.results.totals()
        event = Event(
            kind=kind,
            index=key.index if key else None,
            batch=key.batch if key else None,
            url=self.results.url_of(key.path) if key else None,
            message=message,
            size=size,
            accepted=accepted,
            done=done,
            bytes_done=bytes_done,
            total=self._total,
            encoding=encoding,
            publishing=publishing,
            seconds=time.monotonic() - self._started,
        )
        with self._lock:
            if not self._is_complete:  # from a thread that an aborted writer does not wait for
                self._events.append(event)
                self._is_complete = kind == "closed"

    def _note_end(self, position: int, key: FrameKey, future: Future[SavedFrame]) -> None:
        record = self.results.end(position, key, future)
        if isinstance(record, SavedFrame):
            self.note(record.status, key, key.after_end, record.size)
        else:
            self.note("failed", key, record.error)

    # --- on the caller's thread --------------------------------------------------------------------------------------

    def deliver(self) -> None:
        """Deliver events and warnings on this thread, unless another thread is delivering.

        An error of a listener, or of a warning that is made an error, is kept for ``raise_error``: raised here, it
        would hide the future of an accepted frame from the caller.
        """
        if (self._events or self._warnings) and self._delivering.acquire(blocking=False):
            self._deliver()

    @property
    def is_delivering_here(self) -> bool:
        """Return whether this thread is inside a listener."""
        return self._deliverer == threading.get_ident()

    def close(self, timeout: float | None = None) -> None:
        """Add the event ``closed``, and return when every event is delivered, also by another thread.

        timeout: seconds to wait for that thread; None for no limit. A call inside a listener does not wait: its thread
            delivers the remaining events when the listener returns.
        """
        self.note("closed")
        if self.is_delivering_here:
            return
        end = None if timeout is None else time.monotonic() + timeout
        # In short waits, since Windows cannot interrupt an endless one.
        while not self._delivering.acquire(timeout=TICK):
            if end is not None and time.monotonic() >= end:
                return
        self._deliver()

    def raise_error(self) -> None:
        """Raise the first error that a listener raised, once."""
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _deliver(self) -> None:
        """Deliver all events and warnings. The caller holds ``_delivering``; it is released at the end."""
        self._deliverer = threading.get_ident()
        try:
            while self._warnings:
                self._guard(warnings.warn, self._warnings.popleft(), SeqSaveWarning, _depth_of_caller())
            while self._events:
                event = self._events.popleft()
                for listener in self._listeners:
                    self._guard(listener, event)
        finally:
            self._deliverer = None
            self._delivering.release()

    def _guard(self, call: Callable[..., object], *arguments: object) -> None:
        try:
            call(*arguments)
        except Exception as error:  # noqa: BLE001 - a listener is the user's code
            self._error = self._error or error


def _thumbnails() -> Thumbnails:
    from seqsave.pictures.embedded import Thumbnails  # here, as numpy comes with it

    return Thumbnails()


def _depth_of_caller() -> int:
    """Return the ``stacklevel`` that makes warnings point at the first line outside of this package."""
    package = __name__.partition(".")[0]
    frame, depth = inspect.currentframe(), 1  # _deliver calls this, and _guard, which calls warn
    while frame is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == package:
        frame, depth = frame.f_back, depth + 1
    return depth
