"""Start threads. Every thread of the package starts here.

All of them are daemons: a storage that hangs must not keep a program alive. What has to be finished before the program
ends is closed by ``atexit`` hooks of its owners.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

__all__ = ["Joinable", "run_in_thread", "run_with_timeout", "spawn_daemon"]

T = TypeVar("T")


class Joinable(Protocol):
    """Something that runs and can be waited for."""

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has ended, at most ``timeout`` seconds."""


def spawn_daemon(function: Callable[..., object], *arguments: Any, name: str) -> Joinable:
    """Start ``function(*arguments)`` on a new thread that keeps no program alive.

    name: the thread's name, for those who look at a program's threads.
    """
    thread = threading.Thread(target=function, args=arguments, name=name, daemon=True)
    thread.start()
    return thread


async def run_in_thread(function: Callable[[], T]) -> T:
    """Return what ``function()`` returns, or raise what it raises; it runs on a thread of its own.

    ``asyncio.to_thread`` would take one of the loop's few threads. A function that waits for the same loop could then
    wait for ever, for something that needs one of these threads.
    """
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[T] = loop.create_future()

    def settle(end: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(lambda: None if ended.done() else end())

    def run() -> None:
        try:
            result = function()
        except BaseException as error:  # noqa: BLE001 - raised where the coroutine waits
            failure = error
            settle(lambda: ended.set_exception(failure))
        else:
            settle(lambda: ended.set_result(result))

    spawn_daemon(run, name="seqsave-call")
    return await ended


def run_with_timeout(function: Callable[[], object], seconds: float) -> bool:
    """Run ``function()`` on a thread and wait for it; return whether it returned within ``seconds``.

    An error of the function is dropped. A function that takes longer goes on.
    """
    ended = threading.Event()
    succeeded: list[bool] = []

    def run() -> None:
        with contextlib.suppress(Exception):
            function()
            succeeded.append(True)
        ended.set()

    spawn_daemon(run, name="seqsave-ending")
    return ended.wait(seconds) and bool(succeeded)
