"""Threads: calls beside a loop, calls with an end, and threads that keep nothing alive."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from seqsave.runtime.threads import run_in_thread, run_with_timeout, spawn_daemon
from tests.support.patience import PATIENCE


def test_a_call_leaves_the_loop_its_threads() -> None:
    async def main() -> str:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))

        def waits_for_the_loop() -> str:
            coroutine = asyncio.to_thread(lambda: "done")
            return asyncio.run_coroutine_threadsafe(coroutine, loop).result(PATIENCE)

        return await run_in_thread(waits_for_the_loop)

    assert asyncio.run(main()) == "done"


def test_a_call_passes_errors_on_and_can_be_given_up() -> None:
    def fail() -> None:
        raise ValueError("broken")

    async def main() -> None:
        with pytest.raises(ValueError, match="broken"):
            await run_in_thread(fail)
        go = threading.Event()
        task = asyncio.ensure_future(run_in_thread(lambda: go.wait(PATIENCE)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go.set()

    asyncio.run(main())


def test_a_call_with_an_end() -> None:
    go = threading.Event()

    def fail() -> None:
        raise ValueError("broken")

    assert run_with_timeout(lambda: None, PATIENCE)
    assert not run_with_timeout(fail, PATIENCE)
    assert not run_with_timeout(lambda: go.wait(PATIENCE), 0.01)
    go.set()


def test_a_spawned_thread_is_a_daemon_with_a_name() -> None:
    seen: list[threading.Thread] = []
    spawn_daemon(lambda value: seen.append(threading.current_thread()), 1, name="seqsave-test").join(PATIENCE)
    (thread,) = seen
    assert thread.daemon
    assert thread.name == "seqsave-test"
