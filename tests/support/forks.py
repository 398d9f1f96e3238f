"""Processes that are killed, many of them and quickly: each is forked from one that has everything imported.

The program calls ``serve(work)``; ``work`` is given an order (JSON) and says words with ``say``. The test::

    with Forks("tests.spool.child") as forks:
        forks.run(what="put", hold=Hold(what="named", nth=3))     # killed there; returns its output until then
        forks.run(what="flush")                                   # to its end
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

from tests.support.holds import Gate, Hold
from tests.support.patience import PATIENCE
from tests.support.processes import ROOT

__all__ = ["Forks", "gate_of", "say", "serve"]

_write = os.write  # holds may replace it


# --- in the program --------------------------------------------------------------------------------------------------


def say(*words: object) -> None:
    """One line to the test, in one system call: it is there whole or not at all, and lines of threads do not mix."""
    _write(1, (" ".join(map(str, words)) + "\n").encode())


def gate_of(order: dict[str, Any]) -> Gate | None:
    """Return the gate of the order's hold, if it has one. The process that installs it is killed there."""
    return None if order["hold"] is None else Gate(Hold(**order["hold"]), lambda: say("held", os.getpid()))


def serve(work: Callable[[dict[str, Any]], None]) -> None:
    """Do each order in a fork of this process, until standard input ends."""
    while line := sys.stdin.readline():
        pid = os.fork()
        if not pid:
            _fork(work, json.loads(line))
        _, status = os.waitpid(pid, 0)
        say("ended", os.waitstatus_to_exitcode(status))


def _fork(work: Callable[[dict[str, Any]], None], order: dict[str, Any]) -> None:
    threading.Thread(target=_end_with_test, daemon=True).start()
    status = 1
    try:
        say("began", os.getpid())
        work(order)
        status = 0
    except BaseException:  # noqa: BLE001 - the test is given the status
        traceback.print_exc()
    finally:
        os._exit(status)


def _end_with_test() -> None:
    os.read(0, 1)  # the test sends nothing before this process has ended
    os._exit(1)


# --- in the test -----------------------------------------------------------------------------------------------------


class Forks:
    def __init__(self, module: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Forks:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE)
        self._process.stdout.close()

    def run(self, *, hold: Hold | None = None, reached: threading.Event | None = None, **order: Any) -> list[str]:
        """Carry out an order and return its reports. It is killed at ``hold`` or ``reached``, or has to succeed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order["hold"] = None if hold is None else dataclasses.asdict(hold)
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        stated: list[str] = []
        while line := self._process.stdout.readline():
            word, _, rest = line.rstrip("\n").partition(" ")
            if word == "began" and reached is not None:
                _Striker(int(rest), reached).start()
            elif word == "held":
                os.kill(int(rest), signal.SIGKILL)
            elif word == "ended":
                wanted = 0 if hold is None and reached is None else -signal.SIGKILL
                assert int(rest) == wanted, f"{hold or reached or order} was not reached; it reported {stated[-3:]}"
                return stated
            elif word != "began":
                stated.append(line.rstrip("\n"))
        raise AssertionError(f"it has ended; it reported {stated[-3:]}")


class _Striker(threading.Thread):
    """Kill a process at an event. If the process ends before, this waits, and the test has failed anyway."""

    def __init__(self, pid: int, reached: threading.Event) -> None:
        super().__init__(daemon=True)
        self._pid, self._reached = pid, reached

    def run(self) -> None:
        if self._reached.wait(PATIENCE):
            os.kill(self._pid, signal.SIGKILL)
