"""The end of the program: work that has to be finished before Python ends its executors and refuses new threads.

Python ends a program in this order: it calls the callbacks of ``threading``, one of which ends all executors; it waits
for non-daemon threads; then it calls the callbacks of ``atexit``. From some point on, which differs between versions,
no thread can be started. An event loop resolves host names on an executor, so nothing can be sent from ``atexit`` on.
"""

from __future__ import annotations

import atexit
import concurrent.futures.thread  # noqa: F401 - registers its own callback, which has to come after ours
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from seqsave.runtime.threads import Joinable, expect_the_end, spawn_daemon, spawn_last

if TYPE_CHECKING:
    import asyncio  # many programs run no loop

__all__ = ["at_program_end", "keep_executor"]

T = TypeVar("T")

# Seconds in which a running loop sets its executor. A loop that does not run never does.
LOOP_SECONDS = 1.0


def at_program_end(function: Callable[[], None], *, before: Callable[[], None]) -> None:
    """Call ``function()`` when the program's own threads have ended, while others can still be started.

    These are the main thread and all others but daemons. Python 3.12.0 and 3.12.1 start no thread once the main
    one has ended: there calls of ``run_in_thread`` and of loops that are kept have to do without. It is called once
    more by ``atexit``, for what was opened since then; ``multiprocessing`` passes that over in its processes.

    before: called when the main thread has ended, and Python ends its executors next.
    """

    def end() -> None:
        expect_the_end()
        function()

    def begin() -> None:
        expect_the_end()
        before()
        if not _others():
            function()
            return
        with contextlib.suppress(RuntimeError):  # atexit follows, when the others have ended
            spawn_last(_wait_for_others, function, name="seqsave-end")

    atexit.register(end)
    # Without it, or when the program is ending already, atexit is what is left.
    with contextlib.suppress(AttributeError, RuntimeError):
        threading._register_atexit(begin)  # type: ignore[attr-defined]  # noqa: SLF001 - there is no public way


def keep_executor(loop: asyncio.AbstractEventLoop) -> None:
    """Let blocking calls of a running loop go on when Python has ended all executors. For the end of the program."""
    is_kept = threading.Event()

    def keep() -> None:
        loop.set_default_executor(_LastExecutor())
        is_kept.set()

    with contextlib.suppress(RuntimeError):  # the loop is closed
        loop.call_soon_threadsafe(keep)
        is_kept.wait(LOOP_SECONDS)


class _LastExecutor(ThreadPoolExecutor):
    """An executor that Python does not end: each call gets a daemon thread, or runs at once if none can start."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Call ``fn``, and return the future of its result."""
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - belongs to the future
                future.set_exception(error)
            else:
                future.set_result(result)

        try:
            spawn_daemon(run, name="seqsave-call")
        except RuntimeError:
            run()
        return future


def _others() -> list[Joinable]:
    """Return the threads that keep the program alive, beside the main one and this one."""
    own = (threading.main_thread(), threading.current_thread())
    return [thread for thread in threading.enumerate() if not thread.daemon and thread not in own]


def _wait_for_others(function: Callable[[], None]) -> None:
    while others := _others():
        for thread in others:
            thread.join()
    function()
