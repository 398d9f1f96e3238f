"""Run functions on threads, while the node's own thread serves the progress bar and the interrupt button."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import TypeVar

from . import host

__all__ = ["away", "each"]

T = TypeVar("T")
R = TypeVar("R")

_THREADS = 16  # enough to hide a bucket's latency
_PATIENCE = 0.1


def each(function: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """Return ``[function(item) for item in items]``, computed on threads.

    After the first error or an interruption, no further call begins, and running calls are not waited for: a storage
    may not answer for minutes. The threads are therefore daemons; Python waits for those of a ThreadPoolExecutor.
    """
    bar = host.ProgressBar(len(items))
    futures: list[Future[R]] = [Future() for _ in items]
    waiting = deque(zip(futures, items, strict=True))
    finished: SimpleQueue[Future[R]] = SimpleQueue()
    for number in range(min(_THREADS, len(items))):
        arguments = (function, waiting, finished)
        threading.Thread(target=_work, args=arguments, name=f"seqsave-node-{number}", daemon=True).start()
    done = 0
    try:
        while done < len(futures):
            host.check_interrupt()
            try:
                future = finished.get(timeout=_PATIENCE)
            except Empty:
                continue
            future.result()
            done += 1
            bar.show(done)
    finally:
        waiting.clear()
    return [future.result() for future in futures]


def away(function: Callable[[], R]) -> R:
    """Return the result of ``function()``, called on a thread so that the interrupt button works."""
    (result,) = each(lambda _: function(), [None])
    return result


def _work(function: Callable[[T], R], waiting: deque[tuple[Future[R], T]], finished: SimpleQueue[Future[R]]) -> None:
    while True:
        try:
            future, item = waiting.popleft()
        except IndexError:
            return
        try:
            future.set_result(function(item))
        except BaseException as error:  # noqa: BLE001 - raised on the node's own thread
            future.set_exception(error)
        finished.put(future)
