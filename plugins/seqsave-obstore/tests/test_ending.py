"""The end of a program that has saved through obstore: its threads are out of Python before the interpreter goes."""

from __future__ import annotations

import _thread
import asyncio
import threading
import time
from typing import TYPE_CHECKING

from seqsave_obstore import ending
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    import pytest


class _SlowLoop(asyncio.SelectorEventLoop):
    """Takes its time to be told, without the interpreter's lock, as a busy machine does."""

    def _write_to_self(self) -> None:
        begun.set()
        time.sleep(0.3)
        told.append(True)


begun = threading.Event()
told: list[bool] = []


def test_the_end_of_the_program_waits_for_threads_that_are_in_python() -> None:
    """Rust aborts the process when one of its threads comes back into an interpreter that is ending."""
    loop = _SlowLoop()
    try:
        _thread.start_new_thread(loop.call_soon_threadsafe, (print,))  # not threading's, as obstore's are not
        assert begun.wait(PATIENCE)
        ending.settle()
        assert told
    finally:
        loop.close()


def test_the_end_of_the_program_waits_for_bodies() -> None:
    body = memoryview(b"frame")
    held = memoryview(body)
    ending._lent.append(body)
    timer = threading.Timer(0.3, held.release)
    timer.start()
    ending.settle()
    assert not ending._lent
    timer.join()


def test_the_end_of_the_program_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "SETTLE_SECONDS", 0.05)
    held = memoryview(body := memoryview(b"frame"))
    ending._lent.append(body)
    ending.settle()
    held.release()
    ending.settle()
    assert not ending._lent
