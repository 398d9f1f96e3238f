"""Name the tests of a run that stands still, also where no process of the run can.

pytest's own faulthandler ends a process whose test takes too long, and pytest-xdist names that test once the pipe to
the process closes. The pipe stays open while a process lives that the test has forked, and nothing limits the time
between tests and after them: in these cases this watch ends the run.
"""

from __future__ import annotations

import faulthandler
import os
import threading
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

__all__ = ["Watch", "pytest_configure"]

MARGIN = 60.0  # seconds after which a process should have named its test itself


class Watch:
    """End the run with status 1 when nothing is reported for ``limit`` seconds, from the first report on."""

    def __init__(self, limit: float, output: IO[str]) -> None:
        self._limit, self._output = limit, output
        self._running: dict[str, None] = {}
        self._reported = threading.Event()
        threading.Thread(target=self._run, name="watch of tests", daemon=True).start()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._running[nodeid] = None
        self._reported.set()

    def pytest_runtest_logreport(self) -> None:
        self._reported.set()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._running.pop(nodeid, None)
        self._reported.set()

    def _run(self) -> None:
        self._reported.wait()
        while self._reported.wait(self._limit):
            self._reported.clear()
        # Begins as faulthandler's own message does, for programs that search for it.
        names = "".join(f"\n  {name}" for name in list(self._running)) or " no test: it is between tests or at its end"
        print(f"Timeout (the run): no report for {self._limit:.0f} s; running:{names}", file=self._output, flush=True)
        faulthandler.dump_traceback(self._output)
        os._exit(1)


def pytest_configure(config: pytest.Config) -> None:
    limit = float(config.getini("faulthandler_timeout") or 0)
    if not limit:
        return
    output = os.fdopen(os.dup(2), "w")  # tests have their output captured, and this is written in the middle of one
    if config.getoption("numprocesses", None):
        config.pluginmanager.register(Watch(limit + MARGIN, output))
    # Tests are over, and the process is to end by itself.
    config.add_cleanup(lambda: faulthandler.dump_traceback_later(limit, exit=True, file=output))
