"""Start all threads of the package, and provide locks that survive a fork.

All of them are daemons, except for the one that ends the program's work: a storage that hangs must not keep a program
alive. Work that has to be finished before the program ends is registered with ``program_end``.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import weakref
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

__all__ = [
    "ForkSafeLock",
    "Joinable",
    "expect_the_end",
    "has_stranded",
    "is_ending",
    "run_in_thread",
    "run_stranded",
    "run_with_timeout",
    "spawn_daemon",
    "spawn_last",
]

T = TypeVar("T")

# Set when the main thread has ended: Python may refuse to start threads from now on.
_ending = threading.Event()
# Calls for which no thread could be started then; the thread that waits for their results makes them.
_stranded: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()


class Joinable(Protocol):
    """A running thread that can be waited for."""

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has ended, at most ``timeout`` seconds."""


def spawn_daemon(function: Callable[..., object], *arguments: Any, name: str) -> Joinable:
    """Start ``function(*arguments)`` on a new thread that keeps no program alive.

    name: the thread's name, for debuggers and logs.
    """
    thread = threading.Thread(target=function, args=arguments, name=name, daemon=True)
    thread.start()
    return thread


def spawn_last(function: Callable[..., object], *arguments: Any, name: str) -> None:
    """Start ``function(*arguments)`` on a new thread that the end of the program waits for."""
    threading.Thread(target=function, args=arguments, name=name).start()


def expect_the_end() -> None:
    """Note that the program is ending, and that threads may not start any more."""
    _ending.set()


def is_ending() -> bool:
    """Return True once the main thread has ended."""
    return _ending.is_set()


def has_stranded() -> bool:
    """Return True if ``run_stranded`` has something to do."""
    return _ending.is_set() and not _stranded.empty()


def run_stranded() -> None:
    """Make the calls of ``run_in_thread`` that got no thread, as the program is ending."""
    if not has_stranded():
        return
    with contextlib.suppress(queue.Empty):
        while True:
            _stranded.get_nowait()()


async def run_in_thread(function: Callable[[], T]) -> T:
    """Return the result of ``function()``, or raise its error; it runs on a separate thread.

    ``asyncio.to_thread`` would take one of the loop's few threads. A function that waits for the same loop could then
    wait forever for work that needs one of these threads. Raises RuntimeError if no thread can be started; at the end
    of the program, ``run_stranded`` makes the call.
    """
    import asyncio  # here, as the command's settings need this module and no event loop

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

    try:
        spawn_daemon(run, name="seqsave-call")
    except RuntimeError:
        if not is_ending():
            raise
        _stranded.put(run)
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


class ForkSafeLock:
    """A lock for the life of the process, which one thread may take several times. Use it in a ``with`` block.

    In a forked child, only the thread that forked continues. A lock that another thread held at that moment would never
    be released there, so the child gets a new one.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        _fork_safe.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *error: object) -> None:
        self._lock.release()

    def renew(self) -> None:
        """Replace the lock unless it is free or this thread's own; for a forked child, which has no other thread."""
        if self._lock.acquire(blocking=False):
            self._lock.release()
        else:
            self._lock = threading.RLock()


_fork_safe: weakref.WeakSet[ForkSafeLock] = weakref.WeakSet()


def _renew_locks() -> None:
    for lock in list(_fork_safe):
        lock.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)
