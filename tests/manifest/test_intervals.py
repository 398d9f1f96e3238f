"""Sets of numbers as ranges do what sets do."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seqsave import naming
from seqsave.manifest.intervals import Intervals, count, covers, subtract, unite

numbers = st.sets(st.integers(-12, 12))


def ranges(of: set[int]) -> Intervals:
    return naming.to_ranges(sorted(of))


@given(numbers, numbers, numbers)
def test_they_are_sets_and_their_ranges_do_not_touch(one: set[int], other: set[int], third: set[int]) -> None:
    assert unite(ranges(one), ranges(other), ranges(third)) == ranges(one | other | third)
    assert subtract(ranges(one), ranges(other)) == ranges(one - other)
    assert covers(ranges(one), ranges(other)) == (other <= one)
    assert count(ranges(one)) == len(one)


def test_the_cost_is_that_of_the_ranges() -> None:
    many = (range(10**15),)
    assert subtract(many, (range(5, 10**15 - 5),)) == (range(5), range(10**15 - 5, 10**15))
    assert count(unite(many, (range(10**15, 10**16),))) == 10**16
