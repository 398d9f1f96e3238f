"""Common ends of trials: a saver finishes, or another one resumes its sequence."""

from __future__ import annotations

import time
from dataclasses import replace

from tests.faults.child import Order
from tests.faults.judge import Judge
from tests.faults.saver import Saver
from tests.faults.trial import Trial

__all__ = ["Resumer", "finish", "resume"]


def finish(judge: Judge, saver: Saver) -> None:
    """Check that it ends by itself, with everything saved."""
    last = saver.end()
    judge.hear(saver)
    if last["end"]:
        judge.note(f"it ended with {last['end']}: {last['message']}")


def resume(trial: Trial, judge: Judge, order: Order) -> None:
    """Let another process save the frames that the first one left, and check that all exist."""
    with Resumer() as resumer:
        resumer.resume(trial, judge, order)


class Resumer:
    """A process that resumes one sequence after the other: to start one for each would take most of the time."""

    def __init__(self) -> None:
        self._saver: Saver | None = None

    def __enter__(self) -> Resumer:
        return self

    def __exit__(self, *error: object) -> None:
        if self._saver is not None:
            self._saver.__exit__(*error)

    def resume(self, trial: Trial, judge: Judge, order: Order) -> list[int]:
        """Save the frames that another process left, until all exist. Return the frames that had to be saved."""
        settings = {**order.settings, "if_exists": "skip"}
        rest = replace(order, hold=None, retry=None, pace=0.0, halt_before=None, settings=settings, stay=True)
        began = time.monotonic()
        if self._saver is None:
            self._saver = Saver(rest)
        else:
            self._saver.another(rest)
        finish(judge, self._saver)
        trial.seconds.append(time.monotonic() - began)
        judge.end()
        return self._saver.stated("saved")
