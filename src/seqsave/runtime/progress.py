"""Draw the events of a writer as one line on a terminal: frames, bytes, rate, and the stages that it waits for."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections import deque
from typing import TYPE_CHECKING, TextIO

from seqsave.runtime.threads import spawn_daemon
from seqsave.wording import counted

if TYPE_CHECKING:
    from types import TracebackType

    from seqsave.types import Event

__all__ = ["ProgressBar", "format_size", "is_terminal", "open_progress"]

# The rate is that of the last seconds, so that a stall shows.
WINDOW_SECONDS = 10.0
# Between one picture of the bar and the next.
REFRESH_SECONDS = 0.2


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


def open_progress(label: str = "", total: int | None = None, *, stream: TextIO | None = None) -> ProgressBar | None:
    """Return a progress bar on ``stream`` (standard error by default), or None if that is not a terminal."""
    stream = sys.stderr if stream is None else stream
    return ProgressBar(label, total, stream=stream) if is_terminal(stream) else None


class ProgressBar:
    """A progress bar. Call it with each Event; close it, or use it in a ``with`` block, to restore the terminal.

    label: stands before the bar. total: expected number of frames, where the events do not know it; a guess may
    turn out too low, then the bar stops being one and goes on counting.
    """

    def __init__(self, label: str = "", total: int | None = None, *, stream: TextIO | None = None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = [
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            *(TextColumn(f"{{task.fields[{name}]}}", markup=False) for name in ("frames", "amount", "waiting")),
            TimeElapsedColumn(),
        ]
        # Only standard error is drawn on: standard output belongs to the caller's own result.
        self._progress = Progress(
            *columns,
            console=Console(file=sys.stderr if stream is None else stream, force_terminal=True),
            transient=True,
            redirect_stdout=False,
            auto_refresh=False,
        )
        self._expected = total
        self._recent: deque[tuple[float, int, int]] = deque([(0.0, 0, 0)])
        self._retry = ""
        self._task = self._progress.add_task(label, total=total, frames=_frames(0, total), amount="", waiting="")
        self._pid = os.getpid()
        self._is_left = False
        self._closed = threading.Event()
        self._progress.start()
        _shown[id(self)] = self
        spawn_daemon(self._refresh, name="seqsave-progress")

    def __call__(self, event: Event) -> None:
        """Draw the state that ``event`` reports."""
        if event.kind == "retry":
            self._retry = event.message
        elif event.kind in ("saved", "skipped", "closed"):
            self._retry = ""
        total = event.total if event.total is not None else self._expected
        if total is not None and event.done > total:
            total = None
        self._progress.update(
            self._task,
            completed=event.done,
            total=total,
            frames=_frames(event.done, total),
            amount=self._amount(event),
            waiting=_waiting(event, self._retry),
        )

    def close(self) -> None:
        """Remove the bar. Calling it again does nothing, nor does a forked child's call."""
        if os.getpid() == self._pid:
            self._closed.set()
            self._progress.stop()
        _shown.pop(id(self), None)

    def leave(self) -> None:
        """Remove the bar soon. A finalizer may call this: it takes no lock."""
        self._is_left = True

    def _refresh(self) -> None:
        while not self._closed.wait(REFRESH_SECONDS):
            if self._is_left:
                self.close()
            else:
                self._progress.refresh()

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _amount(self, event: Event) -> str:
        recent = self._recent
        recent.append((event.seconds, event.done, event.bytes_done))
        while len(recent) > 2 and recent[1][0] < event.seconds - WINDOW_SECONDS:
            recent.popleft()
        seconds, done, size = recent[0]
        elapsed = event.seconds - seconds
        if elapsed <= 0:
            return format_size(event.bytes_done)
        rate = (event.done - done) / elapsed
        speed = format_size((event.bytes_done - size) / elapsed)
        return f"{format_size(event.bytes_done)}  {rate:.1f} frames/s  {speed}/s"


# A bar hides the cursor, so that none may be left when the program ends.
_shown: dict[int, ProgressBar] = {}


@atexit.register
def _close_all() -> None:
    for bar in list(_shown.values()):
        bar.close()


def _frames(done: int, total: int | None) -> str:
    return f"{done}/{total} frames" if total is not None else counted(done, "frame")


def _waiting(event: Event, retry: str) -> str:
    if retry:
        return retry
    parts: list[str] = []
    if event.encoding:
        parts.append(f"{event.encoding} encode")
    if event.publishing:
        parts.append(f"{event.publishing} upload")
    return f"waiting: {', '.join(parts)}" if parts else ""
