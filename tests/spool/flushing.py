"""One frame in a spool, and its flush."""

from __future__ import annotations

from typing import Any

from seqsave import targets
from seqsave.runtime.retry import RetryPolicy
from seqsave.spool import Before, Outcome, Records, Spool, flush_place, nothing, unknown

FRAME = "frame_00001.png"


ONCE = RetryPolicy(attempts=1)


def before_of(target: targets.Target, path: str = FRAME) -> Before:
    """Return the present file of the storage."""
    seen = target.look(path)
    return nothing(unknown()) if seen is None else unknown().of(seen.version, seen.size)


def flushed(spool: Spool, target: targets.Target, **more: Any) -> Outcome:
    (outcome,) = flush_place(spool, target, target.identity(), records=Records(), policy=ONCE, **more)
    return outcome


def left(spool: Spool) -> list[int]:
    return sorted(entry.index for entry in spool.contents().entries)


class Failing:
    """A target that calls a function before it publishes."""

    def __init__(self, target: targets.Target) -> None:
        self.target = target
        self.asked: list[str] = []
        self.error: Exception | None = None
        self.only = ""

    def publish(self, path: str, data: Any, **more: Any) -> targets.Published:
        self.asked.append(path)
        if self.error is not None and self.only in path:
            raise self.error
        return self.target.publish(path, data, **more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.target, name)
