"""Run obstore's requests on an event loop with a thread of its own, since fsspec's loop needs an import of fsspec.

asyncio is imported where a loop runs: programs that only read need none.
"""

from __future__ import annotations

import concurrent.futures
import os
import threading
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from seqsave.runtime.threads import spawn_daemon

if TYPE_CHECKING:
    import asyncio

__all__ = ["elsewhere", "finished", "interruptible", "running_loop", "wait_for"]

R = TypeVar("R")

# Seconds between two checks while waiting. Windows cannot interrupt an endless wait.
_TICK = 1.0

_loops: dict[int, asyncio.AbstractEventLoop] = {}  # by process: a forked child has no such thread
_lock = threading.Lock()


def running_loop() -> asyncio.AbstractEventLoop:
    """Return the running event loop of this process."""
    found = _loops.get(os.getpid())
    if found is not None:
        return found
    with _lock:
        if os.getpid() not in _loops:
            import asyncio

            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="seqsave-obstore", daemon=True).start()
            _loops[os.getpid()] = loop
    return _loops[os.getpid()]


def _start_afresh() -> None:
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_afresh)


def wait_for(loop: asyncio.AbstractEventLoop, start: Callable[[], Coroutine[Any, Any, R]]) -> R:
    """Run a coroutine on a loop of another thread, and return its result."""
    import asyncio

    return _result(asyncio.run_coroutine_threadsafe(start(), loop))


def interruptible(function: Callable[[], R]) -> R:
    """Return the result of a blocking call. For the main thread, another one makes it, so that Ctrl-C ends the wait."""
    if threading.current_thread() is not threading.main_thread():
        return function()
    future: concurrent.futures.Future[R] = concurrent.futures.Future()

    def run() -> None:
        try:
            future.set_result(function())
        except BaseException as error:  # noqa: BLE001 - raised where the result is waited for
            future.set_exception(error)

    try:
        spawn_daemon(run, name="seqsave-call")
    except RuntimeError:  # at the end of the program, Python may start no more threads
        return function()
    return _result(future)


def finished(coroutine: Coroutine[Any, Any, R]) -> R:
    """Return the result of a coroutine that waits for no event loop."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: R = end.value
        return result
    coroutine.close()
    raise RuntimeError("the coroutine waits for an event loop")


def _result(future: concurrent.futures.Future[R]) -> R:
    while not concurrent.futures.wait([future], _TICK).done:
        pass
    return future.result()


async def elsewhere(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, R]) -> R:
    """Run a coroutine on another event loop, and return its result."""
    import asyncio

    if loop is asyncio.get_running_loop():
        return await coroutine
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, loop))
