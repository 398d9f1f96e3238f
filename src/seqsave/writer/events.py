"""Report the events and warnings of a writer, to its listeners and as Python's warnings."""

from __future__ import annotations

import inspect
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING

from seqsave.errors import SeqSaveWarning
from seqsave.naming.key import FrameKey
from seqsave.runtime.delivery import Delivery
from seqsave.runtime.notebook import is_notebook
from seqsave.types import Event, EventKind, SavedFrame, SaveResult
from seqsave.writer.results import Results

if TYPE_CHECKING:
    from seqsave.pictures.embedded import Thumbnails

__all__ = ["EventLog"]


class EventLog:
    """The events of one writer, which any thread may add; and its ``results``.

    url: the target's. waiting: returns how many frames are encoding and publishing at this moment.
    delivery: calls the listeners and issues the warnings, when a thread of the writer's caller asks it to.
    """

    def __init__(
        self, url: str, *, results: Results, total: int | None, waiting: Callable[[], tuple[int, int]]
    ) -> None:
        self.results, self.delivery = results, Delivery()
        self._url = url
        self._total = total
        self._waiting = waiting
        self._listeners: list[Callable[[Event], None]] = []
        self._warned: dict[str, str] = {}
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._is_complete = False
        self.thumbnails: Thumbnails | None = None
        """Keeps small pictures of some frames for a notebook; None elsewhere."""
        if is_notebook():
            from seqsave.pictures.embedded import Thumbnails  # here, as numpy comes with it

            self.thumbnails = Thumbnails()

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
            self.delivery.add(partial(_issue, text))
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
                for listener in self._listeners:
                    self.delivery.add(partial(listener, event))
                self._is_complete = kind == "closed"

    def _note_end(self, position: int, key: FrameKey, future: Future[SavedFrame]) -> None:
        record = self.results.end(position, key, future)
        if isinstance(record, SavedFrame):
            self.note(record.status, key, key.after_end, record.size)
        else:
            self.note("failed", key, record.error)

    def close(self, timeout: float | None = None) -> None:
        """Add the event ``closed``, and wait as ``Delivery.finish``."""
        self.note("closed")
        self.delivery.finish(timeout)


def _issue(text: str) -> None:
    """Issue a warning that points at the first line outside of this package."""
    package = __name__.partition(".")[0]
    frame, depth = inspect.currentframe(), 1
    while frame is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == package:
        frame, depth = frame.f_back, depth + 1
    warnings.warn(text, SeqSaveWarning, stacklevel=depth)
