"""One thing is done to many files: results in order, several at a time behind a network, up to the first error."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from seqsave.errors import TargetError
from seqsave.sequences.many import at_once, call
from seqsave.targets import Known
from tests.support.patience import PATIENCE


def place(*, is_fast: bool) -> Any:
    return SimpleNamespace(is_fast=is_fast, known=Known())


@pytest.mark.parametrize("is_fast", [True, False])
def test_results_come_in_the_order_of_the_jobs(is_fast: bool) -> None:
    jobs = [(1, lambda number=number: number) for number in range(200)]
    assert list(at_once(place(is_fast=is_fast), jobs)) == list(range(200))


def test_several_are_under_way_at_the_same_time() -> None:
    together = threading.Barrier(8)
    jobs = [(1, lambda: together.wait(PATIENCE)) for _ in range(8)]
    assert sorted(at_once(place(is_fast=False), jobs)) == list(range(8))


@pytest.mark.parametrize("is_fast", [True, False])
def test_the_first_error_in_the_order_of_the_jobs_is_raised(is_fast: bool) -> None:
    def job(number: int) -> int:
        if number >= 3:
            raise TargetError(f"job {number}")
        return number

    results: list[int] = []
    with pytest.raises(TargetError, match="job 3"):
        results.extend(at_once(place(is_fast=is_fast), [(1, lambda number=number: job(number)) for number in range(9)]))
    assert results in ([], [0, 1, 2])


def test_a_job_that_fails_takes_nothing_from_those_before_it() -> None:
    has_failed = threading.Event()

    def first() -> int:
        assert has_failed.wait(PATIENCE)
        return 0

    def second() -> int:
        has_failed.set()
        raise TargetError("the second one")

    def jobs() -> Iterator[tuple[int, Callable[[], int]]]:
        yield 1, first
        yield 1, second
        assert has_failed.wait(PATIENCE)
        yield 1, lambda: 2

    results: list[int] = []
    with pytest.raises(TargetError, match="the second one"):
        for result in at_once(place(is_fast=False), jobs()):
            results.append(result)  # noqa: PERF402 - the list is looked at when the loop has failed
    assert results == [0]


def test_a_call_is_made_again_where_that_can_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqsave.runtime.flow.time.sleep", lambda _: None)
    monkeypatch.setattr(threading.Event, "wait", lambda *_: False)
    errors = [TargetError("away", transient=True)]

    def once() -> str:
        if errors:
            raise errors.pop()
        return "there"

    assert call(place(is_fast=True), once) == "there"
