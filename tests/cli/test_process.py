"""The command in a process of its own: streams, signals, terminals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.clip import bigbuckbunny
from tests.support.needs import needs_package
from tests.support.patience import PATIENCE, wait_until

COMMAND = [sys.executable, "-m", "seqsave"]


def run(*arguments: object, **settings: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=PATIENCE, **settings
    )


def test_standard_output_holds_the_document_alone(tmp_path: Path) -> None:
    done = run("demo", tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["counts"]["saved"] == 48
    assert "saved 48 frames" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_errors_and_statuses(tmp_path: Path) -> None:
    for arguments, status in ((["ls", tmp_path], 1), (["verify"], 2), (["nonsense"], 2), (["--version"], 0)):
        done = run(*arguments)
        assert done.returncode == status
        assert "Traceback" not in done.stderr
        if status:
            assert done.stdout == ""
            assert done.stderr.startswith("seqsave: error: ")


def test_a_reader_that_goes_away_is_no_fault(tmp_path: Path) -> None:
    for number in range(3000):
        letters = "".join(chr(ord("a") + int(digit)) for digit in str(number))
        (tmp_path / f"prefix{letters}_1.png").touch()
    process = subprocess.Popen([*COMMAND, "ls", str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().startswith(b"prefix")
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(PATIENCE) == 1


def _ranges(numbers: set[int]) -> str:
    from seqsave import naming

    return naming.format_ranges(naming.to_ranges(sorted(numbers)), 10)


def _is_pending(pid: int, number: str) -> bool:
    """Whether a signal was sent and has not reached the process yet; another one would be lost. Known on Linux only."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    pending = [int(line.split()[1], 16) for line in status.splitlines() if line.startswith(("SigPnd", "ShdPnd"))]
    return any(mask >> (getattr(signal, number) - 1) & 1 for mask in pending)


@pytest.mark.skipif(os.name == "nt", reason="only on systems with signals for one process, which Windows is not")
@pytest.mark.parametrize(
    ("number", "times", "status"),
    [("SIGINT", 1, 130), ("SIGINT", 3, 130), ("SIGTERM", 1, 143), ("SIGHUP", 1, 129)],
)
def test_an_interrupt_says_what_is_saved_and_leaves_only_whole_frames(
    tmp_path: Path, number: str, times: int, status: int
) -> None:
    needs_package("av")
    out = tmp_path / "out"
    slow = ["--option", "compression=small", "--concurrency", "2"]  # a second for each frame: it cannot be done already
    process = subprocess.Popen(
        [*COMMAND, "save", str(bigbuckbunny()), str(out), "--json", *slow],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A run in the background may ignore Ctrl-C or a hang-up, and its children with it.
        preexec_fn=lambda: [signal.signal(one, signal.SIG_DFL) for one in (signal.SIGINT, signal.SIGHUP)],
    )
    wait_until(lambda: list(out.glob("frame_*.png")) or process.poll() is not None, "the first frame")
    for _ in range(times):
        process.send_signal(getattr(signal, number))
        wait_until(lambda: not _is_pending(process.pid, number), f"the delivery of {number}")
    stdout, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == status, stderr
    document = json.loads(stdout)
    assert document["counts"]["saved"] >= 1
    assert document["counts"]["failed"] == len(document["failures"])
    lost = {failure["index"] for failure in document["failures"]}
    assert ("unfinished frame" in stderr) == bool(lost)
    assert f" not saved ({_ranges(lost)})" in stderr or not lost
    assert "seqsave: error: interrupted: " in stderr
    assert "Traceback" not in stderr
    names = sorted(path.name for path in out.iterdir() if path.name != ".seqsave")
    assert all(name.startswith("frame_") and name.endswith(".png") for name in names)  # nothing unfinished
    assert len(names) >= document["counts"]["saved"]
    listed = run("ls", out)
    assert (listed.returncode, ", unfinished, " in listed.stdout) == (1, True)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals")
def test_a_terminal_sees_a_bar(tmp_path: Path) -> None:
    import pty

    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "demo", str(tmp_path / "out"), "--json"],
        stdout=subprocess.PIPE,
        stderr=follower,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"},
        text=True,
    )
    os.close(follower)
    shown = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:  # how Linux says that nobody writes any more
            break
        if not piece:
            break
        shown += piece
    os.close(leader)
    stdout, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert json.loads(stdout)["counts"]["saved"] == 48
    text = shown.decode()
    assert "/48 frames" in text
    assert "saved 48 frames" in text
    assert "\x1b[?25h" in text  # the cursor is there again
