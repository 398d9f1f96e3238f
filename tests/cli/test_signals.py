"""Signals end the command in order."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.runner import COMMAND, run
from tests.support.clip import bigbuckbunny
from tests.support.needs import needs_package
from tests.support.patience import PATIENCE, wait_until


def _ranges(numbers: set[int]) -> str:
    from seqsave import naming

    return naming.format_ranges(naming.to_ranges(sorted(numbers)), 10)


def _is_pending(pid: int, number: str) -> bool:
    """Return whether a signal was sent and has not reached the process yet: another one would be lost. Linux only."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    pending = [int(line.split()[1], 16) for line in status.splitlines() if line.startswith(("SigPnd", "ShdPnd"))]
    return any(mask >> (getattr(signal, number) - 1) & 1 for mask in pending)


@pytest.mark.skipif(os.name == "nt", reason="only on systems with signals for one process, which Windows is not")
@pytest.mark.parametrize(
    ("number", "times", "status"),
    [
        ("SIGINT", 3, 130),
        ("SIGTERM", 1, 143),
        # The same handler for another number, and what the first of three does as well.
        pytest.param("SIGHUP", 1, 129, marks=pytest.mark.full),
        pytest.param("SIGINT", 1, 130, marks=pytest.mark.full),
    ],
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
