"""Run obstore's requests on an event loop with a thread of its own, since fsspec's loop needs an import of fsspec."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

__all__ = ["elsewhere", "running_loop", "wait_for"]

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
    future = asyncio.run_coroutine_threadsafe(start(), loop)
    while not concurrent.futures.wait([future], _TICK).done:
        pass
    return future.result()


async def elsewhere(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, R]) -> R:
    """Run a coroutine on another event loop, and return its result."""
    if loop is asyncio.get_running_loop():
        return await coroutine
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, loop))
