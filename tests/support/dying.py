"""End a test soon after one of its threads has died: the main thread may be waiting for what that thread was to do.

Such a test is red in any case, since pytest reports the error of the thread at its end. Without this, a wait for the
thread would delay that by ``PATIENCE``.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["GRACE", "not_waiting_for_the_dead"]

GRACE = 3.0  # seconds in which a test that does not wait for the thread may end by itself, with a message of its own


@contextlib.contextmanager
def not_waiting_for_the_dead() -> Iterator[None]:
    """Raise AssertionError in the main thread ``GRACE`` seconds after a thread has died of an error, unless it ends."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield  # Windows has no such timer
        return
    dead: list[threading.ExceptHookArgs] = []
    report = threading.excepthook

    def note(died: threading.ExceptHookArgs) -> None:
        report(died)
        if died.exc_type is not SystemExit:
            dead.append(died)
            signal.setitimer(signal.ITIMER_REAL, GRACE)

    def end(*_: Any) -> None:
        names = ", ".join(repr(one.thread.name) for one in dead if one.thread is not None)
        raise AssertionError(f"still waiting after a thread has died: {names}") from dead[0].exc_value

    before = signal.signal(signal.SIGALRM, end)
    threading.excepthook = note
    try:
        yield
    finally:
        threading.excepthook = report
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
