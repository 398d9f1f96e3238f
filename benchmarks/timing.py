"""Rows side by side: they alternate within one run, so that whatever else the machine does hits all of them."""

from __future__ import annotations

import gc
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Timing", "alternate", "rate", "together"]


@dataclass
class Timing:
    """One row's rounds. ``cpu`` is this process's, all threads together."""

    walls: list[float] = field(default_factory=list)
    cpus: list[float] = field(default_factory=list)
    results: list[Any] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return statistics.median(self.walls)

    @property
    def cpu(self) -> float:
        return statistics.median(self.cpus)

    @property
    def least_cpu(self) -> float:
        """What the work itself takes: a neighbour on the machine makes it look longer, never shorter."""
        return min(self.cpus)

    def add(self, more: Timing) -> None:
        self.walls += more.walls
        self.cpus += more.cpus
        self.results += more.results


def alternate(
    rows: Mapping[str, Callable[[], object]],
    rounds: int,
    warm: bool = True,
    before: Callable[[], object] = lambda: None,
) -> dict[str, Timing]:
    """Run every row once a round, starting with another one each time; the first round (``warm``) does not count.

    ``before`` each run, outside of its time, makes things equal: removes what the one before has written.
    """
    timings = {name: Timing() for name in rows}
    names = list(rows)
    for number in range(-1 if warm else 0, rounds):
        shift = max(number, 0) % len(names)
        for name in names[shift:] + names[:shift]:
            before()
            gc.collect()
            cpu, wall = time.process_time(), time.perf_counter()
            result = rows[name]()
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            if number >= 0:
                timings[name].walls.append(wall)
                timings[name].cpus.append(cpu)
                timings[name].results.append(result)
    return timings


def together(function: Callable[[Any], object], items: Sequence[Any], threads: int) -> None:
    """Call ``function`` for each item on that many threads; on this one when it is one. Results are let go at once."""

    def call(item: Any) -> None:
        function(item)

    if threads == 1:
        for item in items:
            call(item)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(call, items))


def rate(timing: Timing, count: int) -> float:
    """Frames per second."""
    return count / timing.seconds
