"""Frame rates as people write them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from seqsave.errors import OptionError
from seqsave.settings.rates import HIGHEST_RATE, exact_rate


@pytest.mark.parametrize(
    ("rate", "meant"),
    [
        (23.976, Fraction(24000, 1001)),
        ("23.98", Fraction(24000, 1001)),
        ("29.97", Fraction(30000, 1001)),
        (30000 / 1001, Fraction(30000, 1001)),
        (59.94, Fraction(60000, 1001)),
        ("119.880120", Fraction(120000, 1001)),
        ("30000/1001", Fraction(30000, 1001)),
        (Fraction(2997, 100), Fraction(2997, 100)),
        (Fraction(2997, 125), Fraction(2997, 125)),
        ("2997/125", Fraction(2997, 125)),
        ("2997/100", Fraction(2997, 100)),
        (24, Fraction(24)),
        ("12.5", Fraction(25, 2)),
        (24.975, Fraction(999, 40)),
        (29.9, Fraction(299, 10)),
        (0.04, Fraction(1, 25)),
    ],
)
def test_a_decimal_is_the_rate_that_is_meant_and_a_fraction_is_exact(rate: Any, meant: Fraction) -> None:
    assert exact_rate(rate) == meant


@pytest.mark.parametrize("rate", [0, -1, "", "fast", float("nan"), float("inf"), "1/0", HIGHEST_RATE + 1, None, [24]])
def test_other_values_are_refused(rate: Any) -> None:
    with pytest.raises(OptionError, match=r"rate is .* it must be a number of frames per second"):
        exact_rate(rate)
