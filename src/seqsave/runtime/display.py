"""What every display of progress is made of: the counts that it takes from the events, and their texts."""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqsave.runtime.threads import spawn_daemon
from seqsave.wording import format_size

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from seqsave.types import Event

__all__ = ["REFRESH_SECONDS", "ProgressDisplay", "State"]

# The rate is that of the last seconds, so that a stall shows.
WINDOW_SECONDS = 10.0
REFRESH_SECONDS = 0.2
"""Seconds between two updates of a bar."""


@dataclass(slots=True)
class State:
    """What a display shows: the counts and rates as text, and the label before them."""

    label: str
    total: int | None
    done: int = 0
    size: int = 0
    rate: float = 0.0
    speed: float = 0.0
    seconds: float = 0.0
    waiting: str = ""
    retry: str = ""

    def needed(self, *, short: bool) -> list[str]:
        """Return frames, rate, and the time that is left, or has passed."""
        count = str(self.done) if self.total is None else f"{self.done}/{self.total}"
        noun = "frame" if self.total is None and self.done == 1 else "frames"
        parts = [count if short else f"{count} {noun}"]
        if self.rate:
            parts.append(f"{self.rate:.1f}/s" if short else f"{self.rate:.1f} frames/s")
        return [*parts, self._time()]

    def further(self) -> list[tuple[int, str]]:
        """Return texts in the order of their importance, each with its place among the needed ones."""
        size = format_size(self.size) if self.size else ""
        speed = f"{format_size(self.speed)}/s" if self.speed else ""
        return [(1, size), (len(self.needed(short=False)), speed), (-1, "" if self.retry else self.waiting)]

    def line(self) -> str:
        """Return everything as one line of text."""
        parts = self.needed(short=False)
        parts.insert(1, format_size(self.size))
        text = ", ".join([*parts, *filter(None, (self.retry or self.waiting,))])
        return f"{self.label}: {text}" if self.label else text

    def _time(self) -> str:
        if self.total is None or not self.rate:
            return _clock(self.seconds)
        return f"{_clock((self.total - self.done) / self.rate)} left"


def _not_shown() -> contextlib.AbstractContextManager[None]:
    """Return a context that ends quietly if the terminal or log takes nothing: it must not end a save."""
    return contextlib.suppress(OSError, ValueError)


class ProgressDisplay(ABC):
    """Counts the events. Call it with each Event; close it, or use it in a ``with`` block.

    label: stands before the counts. total: expected number of frames, where the events do not know it; a guess may
    turn out too low, then it goes on counting without a total.
    """

    def __init__(self, label: str, total: int | None) -> None:
        self.state = State(label, total)
        """What is shown."""
        self._expected = total
        self._recent: deque[tuple[float, int, int]] = deque([(0.0, 0, 0)])
        self._pid = os.getpid()
        self._is_left = False
        self._closed = threading.Event()
        self._begun = time.monotonic()

    def __call__(self, event: Event) -> None:
        """Take the state that ``event`` reports."""
        if event.kind == "retry":
            self.state.retry = event.message
        elif event.kind in ("saved", "skipped", "closed"):
            self.state.retry = ""
        total = event.total if event.total is not None else self._expected
        self.state.total = None if total is not None and event.done > total else total
        self.state.done, self.state.size, self.state.seconds = event.done, event.bytes_done, event.seconds
        self.state.waiting = _waiting(event)
        self._measure(event)

    def close(self) -> None:
        """Show nothing any more. Calling it again does nothing, nor does a forked child's call."""
        if os.getpid() == self._pid:
            self._closed.set()
            with _not_shown():
                self._stop()
        _shown.pop(id(self), None)

    def leave(self) -> None:
        """Show nothing any more, soon. A finalizer may call this: it takes no lock."""
        self._is_left = True

    def _start(self, seconds: float) -> None:
        _shown[id(self)] = self
        spawn_daemon(self._refresh, seconds, name="seqsave-progress")

    def _refresh(self, seconds: float) -> None:
        while not self._closed.wait(seconds):
            if self._is_left:
                self.close()
            else:
                self.state.seconds = max(self.state.seconds, time.monotonic() - self._begun)
                with _not_shown():
                    self._draw()

    @abstractmethod
    def _draw(self) -> None: ...

    def _stop(self) -> None:
        return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _measure(self, event: Event) -> None:
        recent = self._recent
        recent.append((event.seconds, event.done, event.bytes_done))
        while len(recent) > 2 and recent[1][0] < event.seconds - WINDOW_SECONDS:
            recent.popleft()
        seconds, done, size = recent[0]
        elapsed = event.seconds - seconds
        if elapsed > 0:
            self.state.rate = (event.done - done) / elapsed
            self.state.speed = (event.bytes_done - size) / elapsed


# A bar hides the cursor, so that none may be left when the program ends.
_shown: dict[int, ProgressDisplay] = {}


@atexit.register
def _close_all() -> None:
    for display in list(_shown.values()):
        display.close()


def _clock(seconds: float) -> str:
    """Return a duration: ``0:12``, ``1:02:03``."""
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"


def _waiting(event: Event) -> str:
    parts: list[str] = []
    if event.encoding:
        parts.append(f"{event.encoding} encode")
    if event.publishing:
        parts.append(f"{event.publishing} upload")
    return f"waiting: {', '.join(parts)}" if parts else ""
