"""Track whether a writer is open, and let exactly one thread end it while others wait."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Literal

from seqsave.runtime.pipeline import TICK

__all__ = ["Life", "State"]

State = Literal["open", "closing", "closed", "aborted"]


class Life:
    """The state of a writer. Thread-safe.

    lock: held while the state changes; no frame is accepted then.
    """

    def __init__(self, lock: threading.RLock) -> None:
        self.state: State = "open"
        self._lock = lock
        self._closer: int | None = None
        self._ended = threading.Event()

    @property
    def has_ended(self) -> bool:
        """Return whether the writer has ended."""
        return self._ended.is_set()

    def begin_end(self, *, waits: bool) -> bool:
        """Return True if this call has to end the writer.

        waits: if another thread ends it, return when it has ended. Pass False on a thread that the other one waits for.
        """
        with self._lock:
            if self.state == "open":
                self._take()
                return True
        if waits and self._closer != threading.get_ident():  # otherwise this thread is inside ``close`` already
            while not self._ended.wait(TICK):
                pass
        return False

    def take_over(self, while_waiting: Callable[[], None]) -> bool:
        """Return True as ``begin_end``, and also if the thread that began to end the writer has died, or is this one.

        while_waiting: called several times a second while that thread runs.
        """
        while not self._ended.is_set():
            with self._lock:
                if not self._is_closing_elsewhere():
                    self._take()
                    return True
            while_waiting()
            self._ended.wait(TICK)
        return False

    def end(self) -> None:
        """Wake the threads that wait for the end."""
        self._ended.set()

    def _take(self) -> None:
        self.state, self._closer = "closing", threading.get_ident()

    def _is_closing_elsewhere(self) -> bool:
        others = {thread.ident for thread in threading.enumerate()} - {threading.get_ident(), None}
        return self._closer in others
