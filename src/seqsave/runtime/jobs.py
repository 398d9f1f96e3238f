"""The jobs of a pipeline, and the words and errors of its owner."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

__all__ = ["UNNAMED", "Calls", "Job", "Owner", "gather"]

P = TypeVar("P")
R = TypeVar("R")
T = TypeVar("T")


@dataclass(eq=False, slots=True, kw_only=True)
class Job(ABC, Generic[R]):
    """One piece of work in two stages, and the future of its result.

    held:   how many bytes the job keeps in memory at the moment.
    spares: errors of ``encode`` that concern one job alone: the others go on.
    """

    spares: ClassVar[tuple[type[Exception], ...]] = ()

    held: int = 0
    future: Future[R] = field(default_factory=Future)
    publishing: bool = False

    @abstractmethod
    def encode(self) -> int:
        """Do the first stage; return how many bytes the job keeps in memory after it."""

    @abstractmethod
    def publish(self) -> Any:
        """Do the second stage and return its result; return a coroutine for that in a pipeline with a loop."""


@dataclass(eq=False, slots=True)
class Calls(Job[R], Generic[P, R]):
    """A job of two functions: ``second`` gets what ``first`` returns."""

    first: Callable[[], P]
    second: Callable[[P], Any]
    size_of: Callable[[P], int]
    payload: Any = None

    def encode(self) -> int:
        self.payload = self.first()
        del self.first  # it may hold a picture
        return self.size_of(self.payload)

    def publish(self) -> Any:
        payload, self.payload = self.payload, None
        return self.second(payload)


@dataclass(frozen=True, slots=True)
class Owner:
    """The words and errors for jobs that a pipeline refuses or gives up.

    name: of the pipeline. job: of one job. closed: the error of jobs that come too late. stopped: of those given up.
    """

    name: str = "the pipeline"
    job: str = "job"
    closed: Callable[[str], Exception] = RuntimeError
    stopped: Callable[[str], Exception] = RuntimeError


UNNAMED = Owner()


def gather(futures: Sequence[Future[T]]) -> Future[T]:
    """Return one future for all of these: it gets the first one's result once all are done, or what failed."""
    if len(futures) == 1:
        return futures[0]
    whole: Future[T] = Future()
    whole.set_running_or_notify_cancel()

    def look(_: Future[T]) -> None:
        if all(future.done() for future in futures) and not whole.done():
            failures = [future.exception() for future in futures if not future.cancelled()]
            failure = next((one for one in failures if one is not None), None)
            with contextlib.suppress(InvalidStateError):  # two of them may end at the same moment
                if failure is not None:
                    whole.set_exception(failure)
                else:
                    whole.set_result(futures[0].result())

    for future in futures:
        future.add_done_callback(look)
    return whole
