"""Show the events of a writer: as a bar of one line on a terminal, elsewhere as a line of text every half minute.

A line is as long as the terminal is wide. Frames, rate and the time that is left come first; then the bar, the name of
the sequence, bytes, and what the writer waits for, as far as there is room.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from seqsave.runtime.threads import spawn_daemon

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import RenderableType
    from typing_extensions import Self

    from seqsave.types import Event

__all__ = ["ProgressBar", "ProgressDisplay", "ProgressLines", "format_size", "is_terminal", "open_progress"]

# The rate is that of the last seconds, so that a stall shows.
WINDOW_SECONDS = 10.0
# Seconds between two updates of the bar.
REFRESH_SECONDS = 0.2
# Between two lines where no line can be drawn again.
LINE_SECONDS = 30.0

_GAP = "  "
_LEAST_BAR, _MOST_BAR = 10, 24
_LEAST_LABEL = 8


def format_size(size: float) -> str:
    """Return a number of bytes as text, in powers of 1000: ``48.2 MB``."""
    if size < 1000:
        return f"{size:.0f} B"
    for unit in ("kB", "MB", "GB", "TB"):
        size /= 1000
        if size < 999.95:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:.1f} PB"


def is_terminal(stream: TextIO) -> bool:
    """Return whether ``stream`` is a terminal that can redraw a line."""
    try:
        return stream.isatty() and os.environ.get("TERM") != "dumb"
    except ValueError:  # closed
        return False


def open_progress(
    label: str = "", total: int | None = None, *, stream: TextIO | None = None, lines: bool = False
) -> ProgressDisplay | None:
    """Return a progress bar on ``stream`` (standard error by default), or None if that is not a terminal.

    In a notebook, the bar is below the cell. lines: print a line every half minute where there is no terminal.
    """
    if stream is None and "IPython" in sys.modules:
        from seqsave.runtime.notebook import NotebookBar, is_notebook  # here, as it is made of this module

        if is_notebook():
            return NotebookBar(label, total)
    stream = sys.stderr if stream is None else stream
    if is_terminal(stream):
        return ProgressBar(label, total, stream=stream)
    return ProgressLines(label, total, stream=stream) if lines else None


def fitted(state: State, width: int) -> tuple[str, int, str]:
    """Return the text before the bar, the bar's width (0 for no bar), and the text after it.

    Together with the gaps between them they have at most ``width`` characters.
    """
    needed = state.needed(short=False)
    if len(_joined(needed)) > width:
        needed = state.needed(short=True)
    room = width - len(_joined(needed))
    label, bar = "", 0
    retry = _cut(state.retry, room - len(_GAP)) if room >= _LEAST_LABEL + len(_GAP) else ""
    if retry:
        needed.append(retry)
        room -= len(retry) + len(_GAP)
    if state.total is not None and room >= _LEAST_BAR + len(_GAP):
        bar = _LEAST_BAR
        room -= bar + len(_GAP)
    if state.label and room >= min(len(state.label), _LEAST_LABEL) + len(_GAP):
        label = _cut(state.label, room - len(_GAP))
        room -= len(label) + len(_GAP)
    parts = list(needed)
    for place, text in state.further():
        if text and room >= len(text) + len(_GAP):
            parts.insert(place, text)
            room -= len(text) + len(_GAP)
    if bar:
        bar += min(room, _MOST_BAR - _LEAST_BAR)
    return label, bar, _cut(_joined(parts), width)


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


class ProgressBar(ProgressDisplay):
    """A bar on a terminal. Arguments as of ``ProgressDisplay``; closing it restores the terminal."""

    def __init__(self, label: str = "", total: int | None = None, *, stream: TextIO | None = None) -> None:
        super().__init__(label, total)
        from rich.console import Console
        from rich.live import Live

        # Only standard error is drawn on: standard output belongs to the caller's own result.
        self._console = Console(file=sys.stderr if stream is None else stream, force_terminal=True)
        self._live = Live(
            get_renderable=self._line,
            console=self._console,
            transient=True,
            redirect_stdout=False,
            auto_refresh=False,
        )
        self._live.start()
        self._start(REFRESH_SECONDS)

    def _line(self) -> RenderableType:
        from rich.text import Text

        # One column is left free: some terminals begin a new line as soon as the last one is written.
        label, width, text = fitted(self.state, self._console.width - 1)
        done, rest = ("#", "-") if self._console.options.ascii_only else ("\u2501", "\u2501")
        total = self.state.total or 1
        filled = min(width, width * self.state.done // total)
        line = Text(no_wrap=True, overflow="crop")
        if label:
            line.append(f"{label}{_GAP}")
        if width:
            line.append(done * filled, "bar.complete").append(rest * (width - filled), "bar.back").append(_GAP)
        return line.append(text)

    def _draw(self) -> None:
        self._live.refresh()

    def _stop(self) -> None:
        self._live.stop()


class ProgressLines(ProgressDisplay):
    """A line of text every half minute, for logs. Arguments as of ``ProgressDisplay``."""

    def __init__(self, label: str = "", total: int | None = None, *, stream: TextIO | None = None) -> None:
        super().__init__(label, total)
        self._stream = sys.stderr if stream is None else stream
        self._start(LINE_SECONDS)

    def _draw(self) -> None:
        encoding = self._stream.encoding or "utf-8"
        line = self.state.line().encode(encoding, "backslashreplace").decode(encoding)
        # A log that cannot be written to does not stop the save.
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(f"{line}\n")
            self._stream.flush()


# A bar hides the cursor, so that none may be left when the program ends.
_shown: dict[int, ProgressDisplay] = {}


@atexit.register
def _close_all() -> None:
    for display in list(_shown.values()):
        display.close()


def _joined(parts: Sequence[str]) -> str:
    return _GAP.join(parts)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: max(0, width - 1)]}\u2026"


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
