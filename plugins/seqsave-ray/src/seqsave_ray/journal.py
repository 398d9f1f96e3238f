"""Which frames the write tasks are at: an actor keeps that, since a worker that dies can report nothing."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

__all__ = ["Journal"]

# Seconds after which a task goes on although the actor has not answered: then a crash cannot be explained.
PATIENCE = 30.0


class _Keeper:
    """Keeps the attempts of each task that has not ended: the frames of each, by task and attempt."""

    def __init__(self) -> None:
        self._attempts: dict[int, dict[str, set[int]]] = {}

    def begin(self, task: int, attempt: str, frames: Sequence[int]) -> None:
        self._attempts.setdefault(task, {}).setdefault(attempt, set()).update(frames)

    def end(self, task: int) -> None:
        self._attempts.pop(task, None)

    def attempts(self) -> list[list[set[int]]]:
        return [list(one.values()) for one in self._attempts.values()]


@dataclass(frozen=True)
class Journal:
    """The attempts of the write tasks of one dataset. Tasks get a copy of it.

    Without an answer of the actor, whose node may have died, frames are written all the same.
    """

    _keeper: Any = field(repr=False)

    @classmethod
    def open(cls) -> Journal:
        """Start the actor on the node of this driver, without which nothing is saved; ``close`` ends it."""
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)
        return cls(ray.remote(num_cpus=0, scheduling_strategy=here)(_Keeper).remote())

    def close(self) -> None:
        """End the actor."""
        with contextlib.suppress(RayError):
            ray.kill(self._keeper)

    @contextlib.contextmanager
    def attempt(self, task: int) -> Iterator[Attempt]:
        """Note an attempt of a task: ``Attempt.begin`` before its frames, and its end, maybe by an error."""
        try:
            yield Attempt(self._keeper, task, uuid.uuid4().hex)
        finally:
            _answer(self._keeper.end.remote(task))

    def crashed(self, attempts: int) -> set[int]:
        """Return the frames of the tasks that have begun so often and never ended; empty without such a task."""
        found: Any = _answer(self._keeper.attempts.remote())
        return {frame for tried in found or () if len(tried) >= attempts for frame in set().union(*tried)}


@dataclass(frozen=True)
class Attempt:
    """One attempt of one task."""

    keeper: Any
    task: int
    id: str

    def begin(self, frames: Iterable[int]) -> None:
        """Note frames that are about to be written."""
        _answer(self.keeper.begin.remote(self.task, self.id, list(frames)))


def _answer(reference: Any) -> Any:
    """Return the actor's answer; None without one."""
    with contextlib.suppress(RayError):
        return ray.get(reference, timeout=PATIENCE)
    return None
