"""Run one function over many items on threads, while the node's own thread serves the bar and the interrupt button."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import TypeVar

from . import host

__all__ = ["each"]

T = TypeVar("T")
R = TypeVar("R")

_THREADS = 16  # enough to hide a bucket's latency
_PATIENCE = 0.1


def each(function: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """``[function(item) for item in items]``. The first error, or interruption, stops what has not begun."""
    bar = host.ProgressBar(len(items))
    with ThreadPoolExecutor(min(_THREADS, len(items) or 1), "seqsave-node") as pool:
        futures = [pool.submit(function, item) for item in items]
        try:
            pending = set(futures)
            while pending:
                host.check_interrupt()
                done, pending = wait(pending, _PATIENCE, FIRST_COMPLETED)
                bar.show(len(futures) - len(pending))
                for future in done:
                    future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [future.result() for future in futures]
