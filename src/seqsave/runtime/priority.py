"""Keep the scheduling policy of a program while a library is opened."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ["kept_priority"]


@contextlib.contextmanager
def kept_priority() -> Iterator[None]:
    """Undo what the block changes in the scheduling policy of this thread, also in the threads that it starts.

    For libraries that take real-time priority without an option for it, as SVT-AV1 does where it may, for root: such a
    thread stops every other program on its core while it works, and every later thread and process inherits it.
    Does nothing outside Linux.
    """
    if sys.platform != "linux":
        yield
        return
    policy, parameters, before = os.sched_getscheduler(0), os.sched_getparam(0), _threads()
    try:
        yield
    finally:
        taken = os.sched_getscheduler(0)
        if taken != policy:
            for thread in {0, *_threads() - before}:
                with contextlib.suppress(ProcessLookupError):  # it has ended
                    if os.sched_getscheduler(thread) == taken:
                        os.sched_setscheduler(thread, policy, parameters)


def _threads() -> set[int]:
    """Return the system's numbers of this process's threads."""
    try:
        return {int(one.name) for one in Path("/proc/self/task").iterdir()}
    except OSError:  # a system without /proc
        return set()
