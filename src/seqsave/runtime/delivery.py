"""Make calls to the caller's code on the caller's threads, whatever thread has the reason for them."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from seqsave.runtime.pipeline import TICK

__all__ = ["Delivery"]


class Delivery:
    """Calls that wait for a thread of the caller. They are made in order, by one thread at a time. Thread-safe.

    An error of a call is kept for ``raise_error``: raised at once, it would hide the outcome of the caller's own call.
    """

    def __init__(self) -> None:
        self._calls: deque[Callable[[], object]] = deque()
        self._delivering = threading.Lock()
        self._deliverer: int | None = None
        self._error: Exception | None = None

    def add(self, call: Callable[[], object]) -> None:
        """Let a thread of the caller make this call."""
        self._calls.append(call)

    def deliver(self) -> None:
        """Make the calls on this thread, unless another thread is making them."""
        if self._calls and self._delivering.acquire(blocking=False):
            self._deliver()

    @property
    def is_here(self) -> bool:
        """Return whether this thread is inside one of the calls."""
        return self._deliverer == threading.get_ident()

    def finish(self, timeout: float | None = None) -> None:
        """Return when every call is made, also by another thread.

        timeout: seconds to wait for that thread; None for no limit. Inside one of the calls, this does not wait: its
            thread makes the remaining ones when that call returns.
        """
        if self.is_here:
            return
        end = None if timeout is None else time.monotonic() + timeout
        # In short waits, since Windows cannot interrupt an endless one.
        while not self._delivering.acquire(timeout=TICK):
            if end is not None and time.monotonic() >= end:
                return
        self._deliver()

    def raise_error(self) -> None:
        """Raise the first error that a call raised, once."""
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _deliver(self) -> None:
        """Make all calls. The caller holds ``_delivering``; it is released at the end."""
        self._deliverer = threading.get_ident()
        try:
            while self._calls:
                try:
                    self._calls.popleft()()
                except Exception as error:  # noqa: BLE001, PERF203 - it is the caller's code
                    self._error = self._error or error
        finally:
            self._deliverer = None
            self._delivering.release()
