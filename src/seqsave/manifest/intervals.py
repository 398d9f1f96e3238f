"""Sets of frame numbers as ascending ranges that do not touch: their cost depends on the ranges, not on the numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

__all__ = ["Intervals", "count", "covers", "subtract", "unite"]

Intervals = tuple[range, ...]


def unite(*sets: Intervals) -> Intervals:
    """Return the numbers that are in at least one of the sets."""
    merged: list[range] = []
    for run in sorted((run for one in sets for run in one if run), key=lambda run: run.start):
        if merged and run.start <= merged[-1].stop:
            merged[-1] = range(merged[-1].start, max(merged[-1].stop, run.stop))
        else:
            merged.append(run)
    return tuple(merged)


def subtract(one: Intervals, other: Intervals) -> Intervals:
    """Return the numbers of ``one`` that are not in ``other``."""
    return tuple(_subtracted(one, other))


def _subtracted(one: Intervals, other: Intervals) -> Iterator[range]:
    position = 0
    for run in one:
        start = run.start
        while position < len(other) and other[position].stop <= start:
            position += 1
        after = position
        while after < len(other) and other[after].start < run.stop:
            if start < other[after].start:
                yield range(start, other[after].start)
            start = max(start, other[after].stop)
            after += 1
        if start < run.stop:
            yield range(start, run.stop)


def covers(one: Intervals, other: Intervals) -> bool:
    """Return True if each number of ``other`` is in ``one``."""
    return not subtract(other, one)


def count(runs: Iterable[range]) -> int:
    """Return how many numbers there are."""
    return sum(run.stop - run.start for run in runs)  # len() raises for what exceeds a machine's word
