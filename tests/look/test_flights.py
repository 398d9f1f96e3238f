"""Work that is done once for all that wait for it, and results within a budget."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from seqsave.look.flights import Cache, Flights


def test_one_flight_serves_all_that_join_it() -> None:
    flights: Flights[int] = Flights()
    first, flight = flights.join("a")
    second, other = flights.join("a")
    assert flight is not None
    assert other is None
    flight.settle(lambda: 7)
    assert (first.result(), second.result()) == (7, 7)
    assert flights.join("a")[1] is not None, "it has landed: the next one begins again"


def test_an_error_reaches_all() -> None:
    flights: Flights[int] = Flights()
    first, flight = flights.join("a")
    second, _ = flights.join("a")
    assert flight is not None
    flight.settle(lambda: 1 // 0)
    for future in (first, second):
        with pytest.raises(ZeroDivisionError):
            future.result()


def test_a_caller_that_leaves_does_not_affect_the_others() -> None:
    flights: Flights[int] = Flights()
    first, flight = flights.join("a")
    second, _ = flights.join("a")
    assert flight is not None
    first.cancel()
    assert flight.is_wanted()
    flight.settle(lambda: 7)
    assert second.result() == 7


def test_work_without_a_caller_is_over_and_begins_again() -> None:
    flights: Flights[int] = Flights()
    future, flight = flights.join("a")
    assert flight is not None
    left: list[int] = []
    flight.when_left(lambda: left.append(1))
    future.cancel()
    assert left
    assert not flight.is_wanted()
    _, again = flights.join("a")
    assert again is not None


@pytest.mark.parametrize("is_late", [False, True])
def test_results_are_not_kept_in_cycles(is_late: bool) -> None:
    """They may be large, and the collector of cycles comes late. is_late: the work ends before its caller goes on."""
    gc.collect()
    gc.disable()
    try:
        gone = [weakref.ref(future) for future in _made_of_what_was_read(is_late)]
        assert [one() for one in gone] == [None, None]
    finally:
        gc.enable()


def _made_of_what_was_read(is_late: bool) -> Iterator[Future[Any]]:
    reads, makes = Flights[bytes](), Flights[int]()
    made, make = makes.join("a")
    data, read = reads.join("a")
    assert make is not None
    assert read is not None
    data.add_done_callback(lambda one: make.settle(lambda: len(one.result())))
    if not is_late:
        make.when_left(data.cancel)
    read.settle(lambda: b"1234")
    if is_late:
        make.when_left(data.cancel)
    assert made.result() == 4
    yield from (made, data)


def test_the_budget_drops_what_was_used_longest_ago() -> None:
    cache: Cache[bytes] = Cache(10, len)
    for key in "abc":
        cache.put(key, b"1234")
        cache.get("a")
    assert [key for key in "abc" if cache.get(key)] == ["a", "c"]
    assert cache.held == 8


def test_a_result_larger_than_half_of_the_budget_is_not_kept() -> None:
    cache: Cache[bytes] = Cache(10, len)
    cache.put("a", b"123456")
    assert cache.get("a") is None
    assert cache.held == 0
