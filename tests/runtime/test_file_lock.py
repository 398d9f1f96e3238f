"""Locks by which processes and threads take turns: exclusive, released with their process, never of a wrong file."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from seqsave.runtime import file_lock
from seqsave.runtime.file_lock import FileLock, LockTakenError
from tests.support.patience import PATIENCE

HOLD = """
import sys
from seqsave.runtime.file_lock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""
POSIX_ONLY = pytest.mark.skipif(sys.platform == "win32", reason="of systems with fork, links and deleted open files")


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "one.lock")


def hold_elsewhere(path: str) -> subprocess.Popen[str]:
    """A process that holds the lock until its standard input ends."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_only_one_holds_it(path: str) -> None:
    with FileLock(path):
        with pytest.raises(LockTakenError):
            FileLock(path)
        with pytest.raises(LockTakenError):
            FileLock(path, patience=0.02)
    with FileLock(path):
        assert Path(path).read_bytes() == b""


def test_it_is_released_once(path: str) -> None:
    first = FileLock(path)
    first.release()
    with FileLock(path) as second:
        first.release()
        with pytest.raises(LockTakenError):
            FileLock(path)
        second.release()
    FileLock(path).release()


def test_another_process_is_waited_for(path: str) -> None:
    with hold_elsewhere(path) as holder:
        with pytest.raises(LockTakenError):
            FileLock(path)
        got = threading.Event()

        def wait() -> None:
            with FileLock(path, patience=PATIENCE):
                got.set()

        waiter = threading.Thread(target=wait)
        waiter.start()
        assert not got.is_set()
        holder.communicate("")
        waiter.join()
    assert got.is_set()


def test_that_of_a_killed_process_is_free(path: str) -> None:
    with hold_elsewhere(path) as holder:
        holder.kill()
        holder.wait()
        FileLock(path).release()


@POSIX_ONLY
def test_a_forked_child_does_not_hold_it(path: str, tmp_path: Path) -> None:
    """The child lives on after its parent is killed, and would keep the lock of the descriptor that it inherited."""
    code = f"""
import os, sys
from seqsave.runtime.file_lock import FileLock
held = FileLock({path!r})
if not os.fork():
    print("child", flush=True)
    sys.stdin.read()
    os._exit(0)
sys.stdin.read()
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "child\n"
        with pytest.raises(LockTakenError):
            FileLock(path)
        parent.kill()
        parent.wait()
        FileLock(path, patience=PATIENCE).release()


@POSIX_ONLY
def test_a_file_that_was_deleted_in_between_is_not_locked(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next process locks a new file of this name, so that two would hold the lock."""
    lock, calls = file_lock._lock, []

    def delete_first(descriptor: int) -> bool:
        calls.append(descriptor)
        if len(calls) == 1:
            Path(path).unlink()
        return lock(descriptor)

    monkeypatch.setattr(file_lock, "_lock", delete_first)
    with FileLock(path, patience=PATIENCE):
        assert len(calls) == 2
        with pytest.raises(LockTakenError):
            FileLock(path)


@POSIX_ONLY
def test_a_link_is_refused(path: str, tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(b"precious")
    Path(path).symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match=r"one\.lock"):
        FileLock(path)


@POSIX_ONLY
def test_a_failed_attempt_leaves_no_descriptor_open(path: str, tmp_path: Path) -> None:
    with FileLock(path):
        before = len(list(Path("/dev/fd").iterdir()))
        with pytest.raises(LockTakenError):
            FileLock(path, patience=0.02)
        assert len(list(Path("/dev/fd").iterdir())) == before
    with pytest.raises(FileNotFoundError):
        FileLock(str(tmp_path / "nowhere" / "one.lock"))


@POSIX_ONLY
def test_a_new_file_has_the_mode(path: str) -> None:
    FileLock(path, mode=0o600).release()
    assert Path(path).stat().st_mode & 0o777 == 0o600
