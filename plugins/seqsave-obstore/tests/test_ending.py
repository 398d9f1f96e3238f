"""The end of a program that has saved through obstore: its threads leave Python before the interpreter shuts down."""

from __future__ import annotations

import _thread
import asyncio
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from seqsave_obstore import ending
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable


class _SlowLoop(asyncio.SelectorEventLoop):
    """Leaves ``call_soon_threadsafe`` only when ``may_go_on`` is set, as on a busy machine."""

    def __init__(self) -> None:
        self.has_begun, self.may_go_on, self.has_left = threading.Event(), threading.Event(), False
        super().__init__()

    def _write_to_self(self) -> None:
        self.has_begun.set()
        self.may_go_on.wait(PATIENCE)
        self.has_left = True


@pytest.fixture
def on_wait(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Return a function that sets what happens whenever ``settle`` waits."""

    def set_it(function: Callable[[], None]) -> None:
        def sleep(seconds: float) -> None:
            function()
            time.sleep(seconds)

        monkeypatch.setattr(ending, "time", SimpleNamespace(monotonic=time.monotonic, sleep=sleep))
        monkeypatch.setattr(ending, "SETTLE_SECONDS", PATIENCE)

    return set_it


def test_the_end_of_the_program_waits_for_threads_that_are_in_python(
    on_wait: Callable[[Callable[[], None]], None],
) -> None:
    """Rust aborts the process when one of its threads comes back into an interpreter that is ending."""
    loop = _SlowLoop()
    on_wait(loop.may_go_on.set)
    try:
        _thread.start_new_thread(loop.call_soon_threadsafe, (print,))  # not threading's, as obstore's are not
        assert loop.has_begun.wait(PATIENCE)
        ending.settle()
        assert loop.has_left
    finally:
        loop.may_go_on.set()
        loop.close()


def test_the_end_of_the_program_waits_for_bodies(on_wait: Callable[[Callable[[], None]], None]) -> None:
    body = memoryview(b"frame")
    held = memoryview(body)
    ending._lent.append(body)
    on_wait(held.release)
    ending.settle()
    assert not ending._lent


def test_the_end_of_the_program_does_not_wait_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "SETTLE_SECONDS", 0.05)
    held = memoryview(body := memoryview(b"frame"))
    ending._lent.append(body)
    ending.settle()
    held.release()
    ending.settle()
    assert not ending._lent
