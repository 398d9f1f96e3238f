"""Give pictures that are shown for different times a constant rate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import NamedTuple, TypeVar

__all__ = ["Timed", "at_rate"]

Picture = TypeVar("Picture")


class Timed(NamedTuple):
    """When a picture is shown, in seconds. end: None if that is not stated: when the next one is shown."""

    start: Fraction
    end: Fraction | None = None


def at_rate(pictures: Iterable[tuple[Picture, Timed]], rate: Fraction) -> Iterator[Picture]:
    """Yield the picture that is shown at each time n / ``rate`` after the first, so that the whole keeps its length.

    Pictures are repeated or left out. Each is shown from the time nearest to its own, as by FFmpeg's filter ``fps`` for
    a video that begins at 0. The last one is shown until its end, and at least once.
    """
    first: Fraction | None = None
    shown: tuple[Picture, Timed] | None = None
    number, span = 0, 1 / rate
    for picture, time in pictures:
        if first is None:
            first = time.start
        elif shown is not None:
            span = max(time.start - shown[1].start, Fraction())
            place = _nearest((time.start - first) * rate)
            for _ in range(number, place):
                yield shown[0]
            number = max(number, place)
        shown = picture, time
    if shown is None or first is None:
        return
    end = shown[1].end if shown[1].end is not None else shown[1].start + span
    for _ in range(number, max(_nearest((end - first) * rate), number + (number == 0))):
        yield shown[0]


def _nearest(value: Fraction) -> int:
    """Return the nearest whole number; of two, the larger one."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)
