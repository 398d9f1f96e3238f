"""Measure rows side by side: they alternate within one run, so that other load on the machine affects all of them."""

from __future__ import annotations

import gc
import os
import statistics
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

__all__ = ["Timing", "alternate", "rate", "run_program", "settled", "together"]

STEADY, SETTLED = 3, 0.005


@dataclass
class Timing:
    """The rounds of one row. ``cpu`` is that of this process, over all threads."""

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
        """Return the least CPU time: other load on the machine only makes it longer."""
        return min(self.cpus)

    def add(self, more: Timing) -> None:
        self.walls += more.walls
        self.cpus += more.cpus
        self.results += more.results


def alternate(
    rows: Mapping[str, Callable[[], object]],
    rounds: int,
    warm: bool = True,
    before: Callable[[str], object] = lambda _: None,
    once: Collection[str] = (),
) -> dict[str, Timing]:
    """Run every row once per round, starting with another one each time; the first round (``warm``) does not count.

    before: called with the row's name before each run, outside of its time, to remove the files of the run before.
    once:   rows that run once, in the first round that counts: slow ways that no claim is about.
    """
    return _in_turns(rows, rounds, warm, before, once, lambda _: False)


def settled(
    rows: Mapping[str, Callable[[], object]],
    rounds: int,
    warm: bool = True,
    once: Collection[str] = (),
    steady: int = STEADY,
) -> dict[str, Timing]:
    """Run rows as ``alternate`` does, until the least CPU time of each has settled; ``rounds`` is the most.

    It has settled if the last ``steady`` rounds made it by less than ``SETTLED`` shorter, after twice as many rounds.
    For rows of which the least time counts: more rounds would not change it.
    """

    def ends(timings: Mapping[str, Timing]) -> bool:
        return all(_has_settled(timing.cpus, steady) for name, timing in timings.items() if name not in once)

    return _in_turns(rows, rounds, warm, lambda _: None, once, ends)


def _has_settled(times: Sequence[float], steady: int) -> bool:
    return len(times) >= 2 * steady and min(times) > (1 - SETTLED) * min(times[:-steady])


def _in_turns(
    rows: Mapping[str, Callable[[], object]],
    rounds: int,
    warm: bool,
    before: Callable[[str], object],
    once: Collection[str],
    ends: Callable[[Mapping[str, Timing]], bool],
) -> dict[str, Timing]:
    timings = {name: Timing() for name in rows}
    for number in range(-1 if warm else 0, rounds):
        names = [name for name in rows if number == 0 or name not in once]
        shift = max(number, 0) % max(1, len(names))
        for name in names[shift:] + names[:shift]:
            before(name)
            gc.collect()
            cpu, wall = time.process_time(), time.perf_counter()
            result = rows[name]()
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            if number >= 0:
                timings[name].walls.append(wall)
                timings[name].cpus.append(cpu)
                timings[name].results.append(result)
        if ends(timings):
            break
    return timings


def together(function: Callable[[Any], object], items: Sequence[Any], threads: int) -> None:
    """Call ``function`` for each item on that many threads; with one, on this thread. Results are dropped at once."""

    def call(item: Any) -> None:
        function(item)

    if threads == 1:
        for item in items:
            call(item)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(call, items))


def rate(timing: Timing, count: int) -> float:
    """Return frames per second."""
    return count / timing.seconds


def run_program(command: Sequence[str], env: Mapping[str, str] = os.environ) -> tuple[float, float]:
    """Return the seconds and the CPU seconds that a program took. It must succeed."""
    start = time.perf_counter()
    with subprocess.Popen(command, env=dict(env), stdin=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime
