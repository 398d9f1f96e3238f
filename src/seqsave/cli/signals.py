"""Handle SIGTERM and SIGHUP like Ctrl-C: stop in order, and report what is saved."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn

__all__ = ["Interrupted", "ignore_interrupts", "taken_as_interrupts"]

# Seconds for a clean end. Another Ctrl-C within this time is ignored; a later one ends the process at once.
PATIENCE = 5.0
_NAMES = ("SIGTERM", "SIGHUP")


class Interrupted(KeyboardInterrupt):
    """A signal ends the command. ``status`` is the exit status: 128 plus the signal's number."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.status = 128 + number


@contextlib.contextmanager
def taken_as_interrupts() -> Iterator[Callable[[], None]]:
    """Raise Interrupted on the main thread for such signals in this context; ignored signals stay ignored.

    Yields a function that starts the time in which signals are ignored, for the report of what is saved.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    usual = {signal.SIGINT: signal.default_int_handler}
    usual |= {getattr(signal, name): signal.SIG_DFL for name in _NAMES if hasattr(signal, name)}
    last = float("-inf")

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal last
        if time.monotonic() - last >= PATIENCE:
            last = time.monotonic()
            _raise(number)

    def start_to_report() -> None:
        nonlocal last
        last = time.monotonic()

    taken = [number for number, handler in usual.items() if signal.getsignal(number) == handler]
    for number in taken:
        signal.signal(number, interrupt)
    try:
        yield start_to_report
    finally:
        for number in taken:
            signal.signal(number, usual[number])


def ignore_interrupts() -> None:
    """Ignore such signals from now on, since the process is about to end."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _raise(number: int) -> NoReturn:
    raise Interrupted(number)
