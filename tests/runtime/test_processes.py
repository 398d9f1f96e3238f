"""Which processes are taken for dead: that decides what of theirs may be swept, and which manifests are finished."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from seqsave.runtime import processes


def test_this_process_is_running() -> None:
    assert processes.is_running(os.getpid())


def test_a_process_that_was_asked_for_its_end_is_not() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert not processes.is_running(child.pid)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
def test_a_process_that_was_killed_is_dead_before_its_parent_asks() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert processes.is_running(child.pid)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and not reaped
        assert not processes.is_running(child.pid)


def test_the_machine_has_one_name_as_long_as_it_runs() -> None:
    assert processes.machine_id() == processes.machine_id()
    assert len(processes.machine_id()) == 8


@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux is it read from /proc")
def test_a_later_process_with_the_same_number_is_another_one() -> None:
    mine = processes.started(os.getpid())
    assert mine == processes.started(os.getpid()) != ""
    assert not processes.has_died(processes.machine_id(), os.getpid(), mine)
    assert processes.has_died(processes.machine_id(), os.getpid(), f"{int(mine) - 1}")
    assert not processes.has_died(processes.machine_id(), os.getpid())


def test_no_process_of_another_machine_is_taken_for_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert processes.has_died(processes.machine_id(), child.pid)
    assert not processes.has_died("00000000", child.pid)


def test_a_system_that_does_not_say_when_it_was_started_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_boot", lambda: "")
    processes.machine_id.cache_clear()
    first = processes.machine_id()
    processes.machine_id.cache_clear()
    assert processes.machine_id() != first
    processes.machine_id.cache_clear()
