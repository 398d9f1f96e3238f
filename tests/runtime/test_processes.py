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


@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux is it told from /proc")
def test_a_process_that_was_killed_is_dead_before_its_parent_asks() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert processes.is_running(child.pid)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and not reaped
        assert not processes.is_running(child.pid)


def test_the_machine_has_one_name_as_long_as_it_runs() -> None:
    assert processes.machine_id() == processes.machine_id()
    assert len(processes.machine_id()) == 8
