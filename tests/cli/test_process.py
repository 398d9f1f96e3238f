"""The command in a process of its own: streams, signals, terminals."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.runner import COMMAND, run
from tests.support.patience import PATIENCE


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


def test_the_end_does_not_search_all_modules_for_cycles() -> None:
    """That search would take longer than the end itself. Collection is on while the command works."""
    look = "atexit.register(lambda: print(gc.isenabled(), gc.get_freeze_count() > 10_000, file=sys.stderr))"
    code = f"import atexit, gc, sys; {look}; sys.argv[1:] = ['filetypes']; from seqsave.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert done.stderr == "True True\n"


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
        except OSError:  # how Linux reports that no process writes any more
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
