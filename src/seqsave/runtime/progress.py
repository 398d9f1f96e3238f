"""Show the events of a writer: as a bar of one line on a terminal, elsewhere as a line of text every half minute.

A line is as long as the terminal is wide. Frames, rate and the time that is left come first; then the bar, the name of
the sequence, bytes, and what the writer waits for, as far as there is room.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from seqsave.runtime.display import REFRESH_SECONDS, ProgressDisplay, State
from seqsave.runtime.notebook import NotebookBar, is_notebook

if TYPE_CHECKING:
    from rich.console import RenderableType


__all__ = ["ProgressBar", "ProgressLines", "is_terminal", "open_progress"]

# Between two lines where no line can be drawn again.
LINE_SECONDS = 30.0

_GAP = "  "
_LEAST_BAR, _MOST_BAR = 10, 24
_LEAST_LABEL = 8


def is_terminal(stream: TextIO) -> bool:
    """Return whether ``stream`` is a terminal that can redraw a line."""
    try:
        return stream.isatty() and os.environ.get("TERM") != "dumb"
    except (AttributeError, ValueError):  # a stand-in for a stream; a closed one
        return False


def open_progress(
    label: str = "", total: int | None = None, *, stream: TextIO | None = None, lines: bool = False
) -> ProgressDisplay | None:
    """Return a progress bar on ``stream`` (standard error by default), or None if that is not a terminal.

    In a notebook, the bar is below the cell. lines: print a line every half minute where there is no terminal.
    """
    if stream is None and is_notebook():
        return NotebookBar(label, total)
    stream = sys.stderr if stream is None else stream
    if stream is None:  # a program without a console
        return None
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
        with contextlib.suppress(OSError, ValueError):  # then the next refresh fails as well, and shows nothing
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
        self._stream.write(f"{line}\n")
        self._stream.flush()


def _joined(parts: Sequence[str]) -> str:
    return _GAP.join(parts)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: max(0, width - 1)]}\u2026"
