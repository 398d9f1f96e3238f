"""The end of the program: calls of event loops go on when Python has ended executors and starts no thread any more.

What happens at the end of real programs is in ``tests/runtime/test_unclosed.py``.
"""

from __future__ import annotations

import asyncio
import concurrent.futures.thread
import contextlib
import threading
from collections.abc import Iterator

import pytest

from seqsave.runtime import threads
from seqsave.runtime.program_end import keep_executor
from seqsave.runtime.threads import run_in_thread, run_stranded
from tests.support.patience import PATIENCE, wait_until


def refuse(*_: object, **__: object) -> None:
    raise RuntimeError("can't start new thread at interpreter shutdown")


@contextlib.contextmanager
def running() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join(PATIENCE)
    loop.close()


@pytest.mark.parametrize("has_threads", [True, False])
def test_a_loop_keeps_an_executor(monkeypatch: pytest.MonkeyPatch, has_threads: bool) -> None:
    async def call(fail: bool) -> str:
        def function() -> str:
            if fail:
                raise ValueError("broken")
            return "done"

        return await asyncio.get_running_loop().run_in_executor(None, function)

    with running() as loop:
        with monkeypatch.context() as patch:
            patch.setattr(concurrent.futures.thread, "_shutdown", True)
            with pytest.raises(RuntimeError, match="interpreter shutdown"):
                asyncio.run_coroutine_threadsafe(call(False), loop).result(PATIENCE)
            keep_executor(loop)
            if not has_threads:
                patch.setattr("seqsave.runtime.program_end.spawn_daemon", refuse)
            assert asyncio.run_coroutine_threadsafe(call(False), loop).result(PATIENCE) == "done"
            with pytest.raises(ValueError, match="broken"):
                asyncio.run_coroutine_threadsafe(call(True), loop).result(PATIENCE)
    keep_executor(loop)  # it is closed: nothing happens


def test_a_call_that_gets_no_thread_is_done_by_the_one_that_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    ident = threading.get_ident()
    monkeypatch.setattr("seqsave.runtime.pools.has_stranded", lambda: False)  # idle threads of other tests
    with running() as loop:
        monkeypatch.setattr(threads, "spawn_daemon", refuse)
        with pytest.raises(RuntimeError, match="can't start new thread"):  # before the end that is an error
            asyncio.run_coroutine_threadsafe(run_in_thread(threading.get_ident), loop).result(PATIENCE)
        ending = threading.Event()
        ending.set()
        monkeypatch.setattr(threads, "_ending", ending)
        call = asyncio.run_coroutine_threadsafe(run_in_thread(threading.get_ident), loop)
        wait_until(threads.has_stranded)
        run_stranded()
        assert call.result(PATIENCE) == ident
