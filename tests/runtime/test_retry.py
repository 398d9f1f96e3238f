"""One owner of retries: what passes is tried again, what cannot go away stops at once."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import time

import pytest

from seqsave.errors import FrameExistsError, OptionError, TargetError
from seqsave.runtime import flow, retry
from seqsave.runtime.retry import Backoff, RetryPolicy

QUICK = RetryPolicy(attempts=4, first_wait=0.001)


class Flaky:
    """Fails a number of times, then answers."""

    def __init__(self, failures: int, *, transient: bool = True) -> None:
        self.calls = 0
        self.failures = failures
        self.transient = transient

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.failures:
            raise TargetError(f"failure {self.calls}", transient=self.transient)
        return "done"


class Here:
    """A step of an event loop that waits for nothing."""

    def __init__(self, function: Flaky) -> None:
        self.run = function

    async def arun(self) -> str:
        return self.run()


def run(way: str, policy: RetryPolicy, function: Flaky, **more: object) -> str:
    if way == "sync":
        return retry.call(policy, function, **more)  # type: ignore[arg-type]

    return asyncio.run(flow.arun(retry.attempts(policy, lambda: flow.wait(Here(function)), **more)))  # type: ignore[arg-type]


@pytest.fixture(params=["sync", "async"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("failures", [0, 1, 3])
def test_what_passes_is_tried_again(way: str, failures: int) -> None:
    flaky = Flaky(failures)
    reported: list[tuple[int, str]] = []
    assert run(way, QUICK, flaky, on_retry=lambda n, wait, error: reported.append((n, str(error)))) == "done"
    assert flaky.calls == failures + 1
    assert reported == [(n, f"failure {n}") for n in range(1, failures + 1)]


def test_the_attempts_are_all_there_are(way: str) -> None:
    flaky = Flaky(100)
    with pytest.raises(TargetError, match="failure 4"):
        run(way, QUICK, flaky)
    assert flaky.calls == 4


def test_what_cannot_go_away_stops_at_once(way: str) -> None:
    flaky = Flaky(100, transient=False)
    with pytest.raises(TargetError, match="failure 1"):
        run(way, QUICK, flaky)
    assert flaky.calls == 1


def test_one_attempt_means_no_retry(way: str) -> None:
    flaky = Flaky(100)
    with pytest.raises(TargetError):
        run(way, RetryPolicy(attempts=1), flaky)
    assert flaky.calls == 1


def test_other_errors_are_not_ours_to_retry() -> None:
    def broken() -> None:
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        retry.call(QUICK, broken)


def test_a_deadline_ends_it(way: str) -> None:
    flaky = Flaky(1000)
    with pytest.raises(TargetError):
        run(way, RetryPolicy(attempts=1000, deadline=0.05, first_wait=0.02, longest_wait=0.02), flaky)
    assert 1 <= flaky.calls < 100


def test_a_stop_ends_a_wait(way: str) -> None:
    stop = threading.Event()
    flaky = Flaky(1000)
    policy = RetryPolicy(attempts=1000, deadline=None, first_wait=10**9, longest_wait=10**9)
    with pytest.raises(TargetError):
        run(way, policy, flaky, stop_event=stop, on_retry=lambda *_: threading.Timer(0.05, stop.set).start())
    assert flaky.calls == 1  # no further attempt is made


@pytest.mark.parametrize(
    "settings", [{"attempts": 0}, {"attempts": True}, {"deadline": -1}, {"first_wait": -1}, {"first_answer": -1}]
)
def test_policies_that_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(OptionError, match=next(iter(settings))):
        RetryPolicy(**settings)  # type: ignore[arg-type]


# --- first contact and long outages ----------------------------------------------------------------------------------


class Clock:
    """A clock that advances only while a caller waits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr("seqsave.runtime.retry.time.monotonic", lambda: self.now)
        monkeypatch.setattr("seqsave.runtime.flow.time.sleep", self.sleep)
        monkeypatch.setattr("asyncio.sleep", self.sleep_async)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


class Known:
    def __init__(self, answered: bool = False) -> None:
        self.answered = answered


class Outage:
    """A storage that is away until ``until``; each try takes ``seconds``."""

    def __init__(
        self, clock: Clock, lasts: float, fault: str = "unreachable", seconds: float = 0.0, answered: bool = False
    ) -> None:
        self.clock, self.fault, self.seconds, self.answered = clock, fault, seconds, answered
        self.began = clock.now
        self.until = clock.now + lasts
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        self.clock.now += self.seconds
        if self.clock.now < self.until:
            raise TargetError("away", transient=True, fault=self.fault, answered=self.answered)
        return "done"


@pytest.mark.parametrize("fault", ["unreachable", "broken"])
def test_a_storage_that_never_answered_is_given_up_soon(way: str, clock: Clock, fault: str) -> None:
    outage = Outage(clock, lasts=3600, fault=fault)
    with pytest.raises(TargetError, match="away"):
        run(way, RetryPolicy(), outage)  # type: ignore[arg-type]
    assert 0 < clock.now - outage.began <= 10
    assert outage.calls > 3


def test_one_look_that_takes_that_long_is_enough(way: str, clock: Clock) -> None:
    outage = Outage(clock, lasts=3600, seconds=10)  # a connection that never comes about
    with pytest.raises(TargetError):
        run(way, RetryPolicy(), outage)  # type: ignore[arg-type]
    assert outage.calls == 1


def test_a_first_request_that_is_never_answered_is_the_last(way: str, clock: Clock) -> None:
    known = Known()
    outage = Outage(clock, lasts=3600, fault="timeout", seconds=60)  # a proxy that takes connections, and no more
    with pytest.raises(TargetError):
        run(way, RetryPolicy(), outage, contact=known)  # type: ignore[arg-type]
    assert (outage.calls, known.answered) == (1, False)
    outage = Outage(clock, lasts=90, fault="timeout", seconds=60)
    assert run(way, RetryPolicy(), outage, contact=Known(answered=True)) == "done"  # type: ignore[arg-type]
    outage = Outage(clock, lasts=90, fault="timeout", seconds=60)
    assert run(way, RetryPolicy(first_answer=None), outage) == "done"  # type: ignore[arg-type]


def test_a_storage_that_answers_with_a_time_out_is_waited_for(way: str, clock: Clock) -> None:
    known = Known()
    outage = Outage(clock, lasts=90, fault="timeout", seconds=60, answered=True)  # S3 after a slow upload
    assert run(way, RetryPolicy(), outage, contact=known) == "done"  # type: ignore[arg-type]
    assert (outage.calls, known.answered) == (2, True)


def test_a_storage_that_has_answered_before_is_waited_for(way: str, clock: Clock) -> None:
    outage = Outage(clock, lasts=40)
    assert run(way, RetryPolicy(), outage, contact=Known(answered=True)) == "done"  # type: ignore[arg-type]


def test_an_answer_to_another_caller_counts(way: str, clock: Clock) -> None:
    known = Known()
    outage = Outage(clock, lasts=40)

    def reported(attempt: int, wait: float, error: BaseException) -> None:
        known.answered = True

    assert run(way, RetryPolicy(), outage, contact=known, on_retry=reported) == "done"  # type: ignore[arg-type]


@pytest.mark.parametrize("fault", ["throttled", "server", "timeout"])
def test_a_storage_that_answers_badly_is_there(way: str, clock: Clock, fault: str) -> None:
    known = Known()
    assert run(way, RetryPolicy(), Outage(clock, lasts=40, fault=fault), contact=known) == "done"  # type: ignore[arg-type]
    assert known.answered


def test_any_answer_is_an_answer(way: str) -> None:
    for function in (Flaky(0), Flaky(9, transient=False)):
        known = Known()
        with contextlib.suppress(TargetError):
            run(way, RetryPolicy(), function, contact=known)
        assert known.answered
    known = Known()

    def taken() -> None:
        raise FrameExistsError("there already")

    with pytest.raises(FrameExistsError):
        retry.call(RetryPolicy(), taken, contact=known)
    assert known.answered


def test_the_limit_for_the_first_answer_can_be_lifted(way: str, clock: Clock) -> None:
    assert run(way, RetryPolicy(first_answer=None), Outage(clock, lasts=40)) == "done"  # type: ignore[arg-type]


def test_the_defaults_ride_out_half_a_minute(clock: Clock) -> None:
    for _ in range(2000):
        assert retry.call(RetryPolicy(), Outage(clock, lasts=30), contact=Known(answered=True)) == "done"


def test_the_defaults_end(way: str, clock: Clock) -> None:
    outage = Outage(clock, lasts=3600)
    with pytest.raises(TargetError):
        run(way, RetryPolicy(), outage, contact=Known(answered=True))  # type: ignore[arg-type]
    assert 60 < clock.now - outage.began <= 120


def test_the_defaults_lose_none_of_ten_thousand_to_a_fifth_of_refusals(clock: Clock) -> None:
    dice = random.Random(5)

    def refused_by_chance() -> str:
        if dice.random() < 0.2:
            raise TargetError("slow down", transient=True, throttled=True, fault="throttled")
        return "done"

    assert all(retry.call(RetryPolicy(), refused_by_chance) == "done" for _ in range(10_000))


def test_the_time_between_attempts_doubles_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    backoff = Backoff(2.0, 5.0)
    assert (backoff.is_on, backoff.take_turn()) == (False, True)
    for seconds in (2.0, 4.0, 5.0, 5.0):
        backoff.note_failure()
        assert (backoff.is_on, backoff.until) == (True, now + seconds)
    assert not backoff.take_turn()
    now += 5.0
    assert [backoff.take_turn(), backoff.take_turn()] == [True, False], "one attempt each time"
    backoff.hurry()
    assert backoff.take_turn()
    backoff.end()
    assert (backoff.is_on, backoff.until) == (False, 0.0)
    backoff.note_failure()
    assert backoff.until == now + 2.0
