"""Read a frame rate as the fraction that is meant."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

from seqsave.errors import OptionError

__all__ = ["HIGHEST_RATE", "exact_rate"]

HIGHEST_RATE: Final = 10**9
"""A rate is kept as a fraction; above this its numerator would not fit into a manifest."""
_DENOMINATOR = 1_001_000
# The rates of television with colour are these times 1000/1001 (SMPTE ST 12-1), and written with two places or more.
_NOMINAL = frozenset((24, 30, 48, 60, 72, 90, 96, 120, 144, 180, 240))
_PLACES = range(2, 7)


def exact_rate(rate: Any) -> Fraction:
    """Return a rate in frames per second as a fraction. Decimals such as 29.97 mean 30000/1001.

    rate: an int, a float, or text such as ``"29.97"`` or ``"24000/1001"``; a fraction is meant as it is, also in text.

    Raises OptionError for other values, and for 0 or less, and more than HIGHEST_RATE.
    """
    try:
        exact = Fraction(rate)
    except (TypeError, ValueError, ArithmeticError):
        exact = Fraction(0)
    if not 0 < exact <= HIGHEST_RATE:
        raise OptionError(
            f"rate is {rate!r}: it must be a number of frames per second, more than 0 and at most {HIGHEST_RATE}"
        )
    is_fraction = isinstance(rate, Fraction) or "/" in str(rate)
    return (exact if is_fraction else _meant(exact)).limit_denominator(_DENOMINATOR)


def _meant(rate: Fraction) -> Fraction:
    nominal = round(rate)
    colour = Fraction(nominal * 1000, 1001)
    is_rounded = any(round(float(rate), 9) == round(float(colour), places) for places in _PLACES)
    return colour if nominal in _NOMINAL and is_rounded else rate
