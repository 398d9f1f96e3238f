"""Obstore's threads at a fork and at the end of the program."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from types import CodeType, FrameType

from seqsave.targets import at_exit

__all__ = ["is_forked", "lend", "note_start", "settle"]

# obstore's threads do not survive a fork, and a call would wait for them forever.
_started_in: int | None = None

SETTLE_SECONDS = 2.0
_lent: deque[memoryview] = deque()
"""Bodies that obstore may still hold, although the store has answered."""


def note_start() -> None:
    """Record that obstore has threads in this process."""
    global _started_in
    _started_in = os.getpid()


def lend(view: memoryview) -> None:
    """Record a body that obstore may still hold."""
    _lent.append(view)
    _take_back()


@at_exit
def settle() -> None:
    """Wait until obstore's threads have left Python; called at the end of the program.

    These threads enter Python to report an answer and to release a body. If they do so while the interpreter shuts
    down, Rust aborts the process with status -6, although all files are saved.
    """
    end = time.monotonic() + SETTLE_SECONDS
    while (_take_back() or _is_reporting()) and time.monotonic() < end and not is_forked():
        time.sleep(0.001)


def _take_back() -> bool:
    """Return whether obstore still holds a body."""
    while _lent:
        try:
            view = _lent.popleft()
        except IndexError:  # another thread was faster
            break
        try:
            view.release()
        except BufferError:
            _lent.appendleft(view)
            return True
    return False


def _is_reporting() -> bool:
    """Return True if a thread that Python did not start is calling an event loop."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:  # then there is no event loop
        return False
    report = asyncio.BaseEventLoop.call_soon_threadsafe.__code__
    own = {thread.ident for thread in threading.enumerate()}
    frames = sys._current_frames()  # noqa: SLF001 - documented, with this name
    return any(ident not in own and report in _codes(frame) for ident, frame in frames.items())


def _codes(frame: FrameType | None) -> Iterator[CodeType]:
    while frame is not None:
        yield frame.f_code
        frame = frame.f_back


def is_forked() -> bool:
    """Return True in a forked child of the process in which obstore was started."""
    return _started_in not in (None, os.getpid())
