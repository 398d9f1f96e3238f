"""One rule as a generator, run by two drivers: both do the same steps in the same order."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from seqsave.runtime import flow
from seqsave.runtime.flow import Call, Flow, Pause, SharedCall, wait
from tests.support.patience import PATIENCE


def on_thread(rule: Flow[Any]) -> Any:
    return flow.run(rule)


def on_loop(rule: Flow[Any]) -> Any:
    return asyncio.run(flow.arun(rule))


@pytest.fixture(params=[on_thread, on_loop])
def drive(request: pytest.FixtureRequest) -> Callable[[Flow[Any]], Any]:
    return request.param  # type: ignore[no-any-return]


def test_answers_come_back_and_the_result_is_returned(drive: Callable[[Flow[Any]], Any]) -> None:
    def rule() -> Flow[list[int]]:
        first = yield Call(lambda: 1)
        second = yield from wait(Call(lambda: first + 1))
        yield Pause(0)
        return [first, second]

    assert drive(rule()) == [1, 2]


def test_an_error_of_a_step_is_raised_inside_the_flow(drive: Callable[[Flow[Any]], Any]) -> None:
    def fail() -> int:
        raise ZeroDivisionError

    def rule() -> Flow[str]:
        try:
            yield Call(fail)
        except ZeroDivisionError:
            yield Call(lambda: 0)
            return "handled"
        return "missed"

    assert drive(rule()) == "handled"

    def careless() -> Flow[None]:
        yield Call(fail)

    with pytest.raises(ZeroDivisionError):
        drive(careless())


def test_an_interrupt_ends_the_flow_where_it_is(drive: Callable[[Flow[Any]], Any]) -> None:
    steps: list[str] = []

    def interrupt() -> None:
        raise KeyboardInterrupt

    def rule() -> Flow[None]:
        try:
            yield Call(interrupt)
            steps.append("went on")
        finally:
            steps.append("ended")

    with pytest.raises(KeyboardInterrupt):
        drive(rule())
    assert steps == ["ended"]


def test_a_pause_on_a_thread_ends_with_the_event() -> None:
    stop = threading.Event()
    stop.set()
    flow.run(wait(Pause(3600, stop)))


def test_a_shared_call_is_made_once_for_all_that_need_it_and_fails_for_all() -> None:
    calls, may_go_on = list[int](), threading.Event()
    shared: SharedCall[int] = SharedCall()

    def function() -> int:
        calls.append(len(calls))
        may_go_on.wait(PATIENCE)
        raise ZeroDivisionError

    async def main() -> list[Any]:
        rules = [asyncio.ensure_future(flow.arun(wait(shared.step(function)))) for _ in range(5)]
        await asyncio.sleep(0)  # all of them have begun
        rules[0].cancel()
        may_go_on.set()
        return await asyncio.gather(*rules, return_exceptions=True)

    first, *others = asyncio.run(main())
    assert isinstance(first, asyncio.CancelledError)
    assert [type(one) for one in others] == [ZeroDivisionError] * 4
    assert calls == [0]
