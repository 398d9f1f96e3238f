"""Compute the SMPTE time code of a frame from its index and rate.

Source: SMPTE ST 12-1. Rates above 30 count pairs of frames, and the field mark distinguishes the frames of a pair.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from seqsave import OptionError

__all__ = ["TimeCode", "time_code"]

_NTSC = Fraction(1000, 1001)
_FASTEST_SINGLE, _FASTEST = 30, 60
# Drop frame, at 30000/1001: numbers 0 and 1 are skipped in every minute but each tenth.
_MINUTE, _TEN_MINUTES = 30 * 60 - 2, 30 * 600 - 18


class TimeCode(NamedTuple):
    """A time code. ``frame`` counts from 0; ``second_of_pair`` is True for every other frame of rates above 30."""

    hours: int
    minutes: int
    seconds: int
    frame: int
    drop_frame: bool
    second_of_pair: bool


def time_code(index: int, rate: Fraction, drop_frame: bool) -> TimeCode | None:
    """Return the time code of frame ``index``. Frame 0 has 00:00:00:00; after 24 hours it starts again.

    The result is None for rates without time code: neither an integer nor an integer times 1000/1001, more than 60, or
    odd above 30. Without ``drop_frame`` every frame is counted, so that at 29.97 the code falls behind the clock by 3.6
    seconds an hour. Raises OptionError for drop frame at other rates than 29.97 and 59.94.
    """
    nominal = round(rate)
    known = nominal > 0 and rate in (nominal, nominal * _NTSC)
    if drop_frame and not (known and rate != nominal and nominal in (30, 60)):
        raise OptionError(
            f"option 'drop_frame' is True at {float(rate):g} frames per second: only 29.97 (30000/1001) and 59.94 "
            "(60000/1001) have drop-frame time code; do not set it"
        )
    paired = nominal > _FASTEST_SINGLE
    if not known or nominal > _FASTEST or (paired and nominal % 2):
        return None
    number, per_second = (index // 2, nominal // 2) if paired else (index, nominal)
    if drop_frame:
        number = _with_gaps(number)
    seconds, frame = divmod(number, per_second)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return TimeCode(hours % 24, minutes, seconds, frame, drop_frame, bool(paired and index % 2))


def _with_gaps(count: int) -> int:
    tens, rest = divmod(count, _TEN_MINUTES)
    # The first of ten minutes is complete, two frames longer than the others.
    return count + 18 * tens + 2 * max(0, (rest - 2) // _MINUTE)
