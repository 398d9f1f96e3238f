"""Every file type against the best other way from Python to write the same file: CPU time of one 1080p picture."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.plan import Claim, Report, Table
from benchmarks.rivals import OURS, cases
from benchmarks.timing import alternate

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.plan import Plan
    from benchmarks.rivals import Case

COLUMNS = ["file type", "way", "CPU ms", "file / raw", "best other / ours"]


def run(plan: Plan) -> Report:
    rows: list[list[str]] = []
    worst: dict[str, float] = {}
    for case in cases():
        ratio = _compare(case, plan.rounds, rows)
        worst[case[0]] = min(worst.get(case[0], ratio), ratio)
    claims = [Claim(f"{name}: its slowest case against the best other way", got, 0.9) for name, got in worst.items()]
    return Report([Table("Every file type, one 1080p picture to bytes on one core", COLUMNS, rows)], [], claims)


def _compare(case: Case, rounds: int, rows: list[list[str]]) -> float:
    """How many times longer the best other way takes, in CPU time: what others on the machine change least."""
    filetype, setting, image, ways = case
    timings = alternate({name: partial(_size, way) for name, way in ways.items()}, rounds)
    times = {name: timing.cpu for name, timing in timings.items()}
    ratio = min(seconds for name, seconds in times.items() if name != OURS) / times[OURS]
    for name, seconds in times.items():
        size = timings[name].results[0] / image.nbytes
        end = f"{ratio:.2f}" if name == OURS else ""
        rows.append([f"{filetype} {setting}", name, f"{1000 * seconds:.1f}", f"{size:.3f}", end])
    return ratio


def _size(way: Callable[[], Any]) -> int:
    """A result that was kept would have the next one made in other memory."""
    return len(way())
