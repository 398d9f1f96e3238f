"""Do one thing to many files of a storage: several at a time, up to the first error."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

from seqsave import targets
from seqsave.runtime import retry
from seqsave.runtime.pipeline import Pipeline
from seqsave.sequences.ahead import Outcome

__all__ = ["at_once", "call"]

T = TypeVar("T")

# How many files are under way on a storage behind a network.
WIDTH = 32
# How much the files that are under way may hold together, in bytes.
MOST_BYTES = 256 * 2**20


def call(target: targets.Target, function: Callable[[], T]) -> T:
    """Call a function that uses ``target``, again where that can help, and return its result."""
    return retry.call(retry.RetryPolicy(), function, contact=target.known)


def at_once(target: targets.Target, jobs: Iterable[tuple[int, Callable[[], T]]]) -> Iterator[T]:
    """Yield the result of each job in order; each is a number of bytes that it holds, and a function.

    Raises the first error in the order of the jobs. Jobs after it may be done, or not; none is under way any more.
    """
    if target.is_fast:
        for _, job in jobs:
            yield job()
        return
    # The pipeline sees no error: it would give up jobs before the one that failed, and those have results of their own.
    pipeline: Pipeline[Outcome[T], Outcome[T]] = Pipeline(workers=WIDTH, publishers=0, max_bytes=MOST_BYTES)
    ahead: deque[Future[Outcome[T]]] = deque()
    try:
        for size, job in jobs:
            step = partial(Outcome.of, job)
            ahead.append(pipeline.submit(step, lambda outcome: outcome, cost=size, size_of=lambda _: 0))
            if len(ahead) > 2 * WIDTH:
                yield ahead.popleft().result().value()
        while ahead:
            yield ahead.popleft().result().value()
    finally:
        pipeline.abort(timeout=60.0)
