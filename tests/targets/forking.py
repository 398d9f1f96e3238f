"""Run something in a forked child, and do not hang with it."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import traceback
import warnings
from typing import TYPE_CHECKING

import pytest

from tests.support.patience import PATIENCE, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["held_elsewhere", "in_forked_child"]


@contextlib.contextmanager
def held_elsewhere(lock: contextlib.AbstractContextManager[object]) -> Iterator[None]:
    """Let another thread hold ``lock`` during the block."""
    held, go = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            held.set()
            go.wait(PATIENCE)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(PATIENCE)
    try:
        yield
    finally:
        go.set()
        thread.join()


def in_forked_child(work: Callable[[], object]) -> None:
    """Fail when ``work`` raises there, or does not end."""
    if not hasattr(os, "fork"):
        pytest.skip("no fork here")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns that threads are running
        child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:  # noqa: BLE001 - nothing may come back from a forked child
            traceback.print_exc()
        finally:
            os._exit(code)
    ended: list[int] = []

    def has_ended() -> bool:
        pid, status = os.waitpid(child, os.WNOHANG)
        ended[:] = [status] * bool(pid)
        return bool(pid)

    try:
        wait_until(has_ended, "the end of the child")
    finally:
        if not ended:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    assert ended == [0]
