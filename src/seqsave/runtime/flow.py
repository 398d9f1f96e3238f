"""Rules that are written once and run on a thread or on an event loop.

A flow is a generator. It yields steps to wait for, is resumed with the answer or error of each, and returns the result.
``run`` does the steps on the calling thread, ``arun`` on the running event loop.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from seqsave.runtime.threads import run_in_thread

if TYPE_CHECKING:
    import asyncio  # imported where a loop runs: most commands run none

__all__ = ["Call", "Either", "Flow", "Pause", "SharedCall", "Step", "arun", "run", "wait"]

# Seconds between two checks of the event that ends a pause on an event loop.
LOOK_SECONDS = 0.2

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Step(Protocol[T_co]):
    """Something to wait for, in two ways."""

    def run(self) -> T_co:
        """Do the step on this thread."""
        ...

    async def arun(self) -> T_co:
        """Do the step without blocking the event loop."""
        ...


Flow = Generator[Step[Any], Any, T]


def run(flow: Flow[T]) -> T:
    """Run ``flow`` on this thread and return its result."""
    try:
        step = next(flow)
        while True:
            try:
                answer = step.run()
            except Exception as error:  # noqa: BLE001, PERF203 - the flow decides what becomes of it
                step = flow.throw(error)
            else:
                step = flow.send(answer)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        flow.close()


async def arun(flow: Flow[T]) -> T:
    """Run ``flow`` on the running event loop and return its result. Cancelling ends the flow at its present step."""
    try:
        step = next(flow)
        while True:
            try:
                answer = await step.arun()
            except Exception as error:  # noqa: BLE001, PERF203 - the flow decides what becomes of it
                step = flow.throw(error)
            else:
                step = flow.send(answer)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        flow.close()


def wait(step: Step[T]) -> Flow[T]:
    """Return a flow of one step."""
    answer: T = yield step
    return answer


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A blocking call. On an event loop it runs on a thread of its own."""

    function: Callable[[], T]

    def run(self) -> T:
        """Call the function."""
        return self.function()

    async def arun(self) -> T:
        """Call the function on a thread of its own."""
        return await run_in_thread(self.function)


@dataclass(slots=True)
class Either(Generic[T]):
    """A step with a function of its own for each way: a blocking one, and one that returns an awaitable."""

    run: Callable[[], T]
    arun: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Pause:
    """A wait of some seconds, which ``stop_event`` ends early; cancelling does so, too."""

    seconds: float
    stop_event: threading.Event | None = None

    def run(self) -> None:
        """Wait on this thread."""
        if self.stop_event is None:
            time.sleep(self.seconds)
        else:
            self.stop_event.wait(self.seconds)

    async def arun(self) -> None:
        """Wait on the event loop. An event of threads cannot wake the loop, so this checks it often."""
        import asyncio

        end = time.monotonic() + self.seconds
        while (left := end - time.monotonic()) > 0 and not (self.stop_event and self.stop_event.is_set()):
            await asyncio.sleep(left if self.stop_event is None else min(left, LOOK_SECONDS))


class SharedCall(Generic[T]):
    """A blocking call that several flows of one event loop need at the same time: one call serves all of them."""

    def __init__(self) -> None:
        self._under_way: asyncio.Future[T] | None = None

    def step(self, function: Callable[[], T]) -> Step[T]:
        """Return the step that calls ``function``, or waits for the running call and fails as that fails."""
        return Either(function, partial(self._shared, function))

    async def _shared(self, function: Callable[[], T]) -> T:
        import asyncio

        if self._under_way is None or self._under_way.done():
            self._under_way = asyncio.ensure_future(run_in_thread(function))
            self._under_way.add_done_callback(_retrieve)
        # Shielded: a flow that is cancelled leaves the call to the others.
        return await asyncio.shield(self._under_way)


def _retrieve(done: asyncio.Future[Any]) -> None:
    """Retrieve the error, so that asyncio does not report it as never retrieved."""
    if not done.cancelled():
        done.exception()
