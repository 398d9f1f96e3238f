from __future__ import annotations

import errno
import io
import os
import re
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import seqsave
from seqsave.runtime import progress
from seqsave.runtime.display import State
from seqsave.runtime.progress import ProgressBar, ProgressLines, fitted, is_terminal, open_progress
from seqsave.types import Event
from seqsave.wording import format_size
from tests.support.patience import PATIENCE


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        super().isatty()  # raises once it is closed
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "160")
    return Terminal()


def shown(terminal: Terminal) -> str:
    """The last picture of the line, without colours and movements."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue())
    return plain.replace("\r", "\n").rstrip("\n").rpartition("\n")[2]


def draw(terminal: Terminal, *events: Event, label: str = "frame_#####.png", total: int | None = None) -> str:
    bar = ProgressBar(label, total, stream=terminal)
    for event in events:
        bar(event)
    bar._draw()
    line = shown(terminal)
    bar.close()
    return line


def saved(done: int, seconds: float, **more: object) -> Event:
    return Event(kind="saved", done=done, bytes_done=done * 1_000_000, seconds=seconds, **more)  # type: ignore[arg-type]


def test_shows_frames_bytes_rate_and_what_is_waited_for(terminal: Terminal) -> None:
    line = draw(terminal, saved(12, 4.0, encoding=3, publishing=9), total=48)
    assert "frame_#####.png" in line
    assert "12/48 frames" in line
    assert "12.0 MB" in line
    assert "3.0 frames/s" in line
    assert "3.0 MB/s" in line
    assert "waiting: 3 encode, 9 upload" in line


def test_rate_is_that_of_the_last_seconds(terminal: Terminal) -> None:
    events = [saved(n, n / 100) for n in range(1, 101)]  # a hundred in the first second, then a slow store
    events += [saved(100 + n, 1 + n * 2.0) for n in range(1, 21)]
    assert "0.5 frames/s" in draw(terminal, *events, total=120)


def test_a_retry_is_reported_until_something_is_saved(terminal: Terminal) -> None:
    retry = Event(kind="retry", message="trying frame 3 again in 2 s: slow down", seconds=1.0, publishing=4)
    assert "slow down" in draw(terminal, retry)
    assert "slow down" not in draw(Terminal(), retry, saved(1, 2.0))


def test_the_events_know_the_total_better(terminal: Terminal) -> None:
    assert "2/10 frames" in draw(terminal, saved(2, 1.0, total=10), total=999)


def test_a_guess_that_was_too_low_becomes_a_count(terminal: Terminal) -> None:
    line = draw(terminal, saved(11, 1.0), total=10)
    assert "11 frames" in line
    assert "/10" not in line


@pytest.mark.parametrize(("done", "text"), [(0, "0 frames"), (1, "1 frame "), (2, "2 frames")])
def test_without_a_total_it_counts(terminal: Terminal, done: int, text: str) -> None:
    assert text in draw(terminal, saved(done, 1.0))


def test_markup_in_a_prefix_is_text(terminal: Terminal) -> None:
    assert "[red]a[/red]_#####.png" in draw(terminal, saved(1, 1.0), label="[red]a[/red]_#####.png")


def test_standard_output_is_left_alone(terminal: Terminal, capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBar("x", 3, stream=terminal) as bar:
        bar(saved(1, 1.0))
        sys.stdout.write("result\n")
    assert capsys.readouterr().out == "result\n"
    assert "result" not in terminal.getvalue()


def test_closing_twice_leaves_the_terminal_in_order(terminal: Terminal) -> None:
    bar = ProgressBar("x", 3, stream=terminal)
    assert terminal.getvalue().count("\x1b[?25l") == 1  # the cursor is hidden
    bar.close()
    bar.close()
    assert terminal.getvalue().count("\x1b[?25h") >= 1  # and there again
    assert terminal.getvalue().endswith("\x1b[2K")  # and the bar is wiped away


def test_no_bar_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch, terminal: Terminal) -> None:
    assert open_progress("x", 3, stream=io.StringIO()) is None
    closed = Terminal()
    closed.close()
    assert not is_terminal(closed)
    monkeypatch.setenv("TERM", "dumb")
    assert open_progress("x", 3, stream=terminal) is None


def test_a_bar_where_there_is_one(terminal: Terminal) -> None:
    bar = open_progress("x", 3, stream=terminal)
    assert bar is not None
    bar.close()


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (48_200_000, "48.2 MB"),
        (1.5e12, "1.5 TB"),
        (2e15, "2.0 PB"),
    ],
)
def test_sizes_for_people(size: float, text: str) -> None:
    assert format_size(size) == text


@given(st.integers(0, 10**15))
def test_sizes_stay_short_and_right(size: int) -> None:
    number, unit = format_size(size).split()
    factor = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "PB": 1e15}[unit]
    assert len(number) <= 6
    assert abs(float(number) * factor - size) <= 0.051 * factor


STATES = (
    State("frame_#####.png", 240, 40, 48_200_000, 3.02, 3_600_000, 13, "waiting: 3 encode, 9 upload"),
    State("shots/a_long_name_of_a_sequence_v003_#####.png", 24_000, 12_345, 48_200_000_000, 31.2, 3_600_000, 13_000),
    State("x.png", None, 7, 3000, 0, 0, 3),
    State("frame_#####.png", 240, 40, 48_200_000, 3.02, 3_600_000, 13, retry="trying frame 3 again in 2 s: slow down"),
)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("width", range(12, 200, 7))
def test_a_line_is_never_longer_than_the_terminal_is_wide(state: State, width: int) -> None:
    label, bar, text = fitted(state, width)
    assert len("  ".join(filter(None, (label, "=" * bar, text)))) <= width


@pytest.mark.parametrize("state", STATES[:2])
def test_bar_frames_rate_and_time_left_at_80_columns(state: State) -> None:
    _, bar, text = fitted(state, 79)
    assert bar >= 10
    assert f"{state.done}/{state.total} frames" in text
    assert f"{state.rate:.1f} frames/s" in text
    assert text.endswith(" left")


@pytest.mark.parametrize("state", STATES[:2])
def test_readable_at_40_columns(state: State) -> None:
    label, bar, text = fitted(state, 39)
    assert (label, bar) == ("", 0)
    assert f"{state.done}/{state.total}" in text
    assert f"{state.rate:.1f}" in text
    assert text.endswith(" left")


def test_the_reason_of_a_retry_goes_before_the_bar() -> None:
    assert "trying frame 3 again in 2 s: slow" in fitted(STATES[3], 79)[2]


SCRIPT = """
import sys
from seqsave.runtime.progress import open_progress
from seqsave.types import Event
with open_progress("frame_#####.png", 240) as bar:
    bar(Event(kind="saved", done=40, bytes_done=48_200_000, seconds=13.0, publishing=9))
    bar._draw()
sys.stdout.write("done")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
@pytest.mark.parametrize("columns", [80, 40])
def test_on_a_terminal(columns: int) -> None:
    import fcntl
    import pty
    import struct
    import subprocess
    import termios

    mine, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    command = [sys.executable, "-c", SCRIPT]
    with os.fdopen(mine, "rb", buffering=0) as screen:
        process = subprocess.Popen(
            command, stdin=its, stdout=subprocess.DEVNULL, stderr=its, env={**environment, "TERM": "xterm-256color"}
        )
        os.close(its)
        drawn = b""
        while piece := _read(screen):
            drawn += piece
        assert process.wait(PATIENCE) == 0, drawn
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn.decode()).replace("\r", "\n").split("\n")
    assert max(map(len, lines)) < columns, lines
    full = next(line for line in lines if "40/240" in line)
    assert "40/240 frames" in full
    assert "3.1 frames/s" in full
    assert " left" in full
    assert ("━━━━━━━━━━" in full) is (columns == 80)


def _read(screen: io.RawIOBase) -> bytes:
    try:
        return screen.read(4096) or b""
    except OSError:  # Linux reports the end of a terminal in this way
        return b""


def test_a_line_of_text_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.001)
    written = threading.Event()

    class Log(io.StringIO):
        encoding = "utf-8"

        def write(self, text: str) -> int:
            count = super().write(text)
            if "40/240" in text:
                written.set()
            return count

    log = Log()
    display = open_progress("frame_#####.png", 240, stream=log, lines=True)
    assert isinstance(display, ProgressLines)
    with display:
        display(saved(40, 20.0))
        assert written.wait(PATIENCE)
    assert "frame_#####.png: 40/240 frames, 40.0 MB, 2.0 frames/s, 1:40 left\n" in log.getvalue()
    assert "\x1b" not in log.getvalue()


def test_lines_are_half_a_minute_apart() -> None:
    assert progress.LINE_SECONDS == 30


def test_a_program_without_a_console_saves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)  # as under pythonw
    assert seqsave.save([np.zeros((4, 4), np.uint8)] * 2, tmp_path, progress=True).counts["saved"] == 2


def test_a_terminal_that_is_gone_ends_no_save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(Terminal):
        def write(self, text: str) -> int:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(sys, "stderr", Gone())
    assert seqsave.save([np.zeros((4, 4), np.uint8)] * 2, tmp_path, progress=True).counts["saved"] == 2
