"""The event loop of obstore's requests."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from seqsave_obstore.loop import elsewhere, finished, interruptible, running_loop, wait_for


async def where() -> str:
    return threading.current_thread().name


async def fails() -> None:
    raise TimeoutError("of its own")


def test_there_is_one_and_it_runs() -> None:
    assert running_loop() is running_loop()
    assert wait_for(running_loop(), where) == "seqsave-obstore"
    with pytest.raises(TimeoutError, match="of its own"):
        wait_for(running_loop(), fails)


def test_a_coroutine_runs_on_another_loop_or_stays() -> None:
    async def both() -> tuple[str, str]:
        return await elsewhere(running_loop(), where()), await elsewhere(asyncio.get_running_loop(), where())

    assert asyncio.run(both()) == ("seqsave-obstore", threading.current_thread().name)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only on systems that fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_its_own() -> None:
    running_loop()
    pid = os.fork()
    if not pid:
        os._exit(0 if wait_for(running_loop(), where) == "seqsave-obstore" else 1)
    assert os.waitpid(pid, 0)[1] == 0


def test_another_thread_waits_for_the_main_one() -> None:
    """Ctrl-C then ends the wait, also where a system call cannot be interrupted."""
    assert interruptible(threading.current_thread) is not threading.main_thread()
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: interruptible(threading.current_thread) is threading.current_thread()).result(60)
    with pytest.raises(ZeroDivisionError):
        interruptible(lambda: 1 // 0)


def test_a_coroutine_that_waits_for_nothing_needs_no_loop() -> None:
    async def waits() -> None:
        await asyncio.sleep(0)

    async def adds() -> int:
        return 1 + 1

    assert finished(adds()) == 2
    with pytest.raises(RuntimeError, match="waits for an event loop"):
        finished(waits())
