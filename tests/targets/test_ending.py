"""Clients are cleaned up after every writer has been closed."""

from __future__ import annotations

import subprocess
import sys

from tests.support.patience import PATIENCE

PROGRAM = """
import atexit
from seqsave.targets.ending import at_exit

at_exit(lambda: print("first client"))
at_exit(lambda: print("second client"))
atexit.register(print, "writers")  # registered later, as those of writers are, so that it is called before
"""


def test_clients_are_ended_in_order_and_after_the_writers() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert (done.stdout.split("\n"), done.stderr) == (["writers", "first client", "second client", ""], "")
