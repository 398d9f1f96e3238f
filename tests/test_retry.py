"""One owner of retries: what passes is tried again, what cannot go away stops at once."""

from __future__ import annotations

import asyncio
import threading

import pytest

from seqsave import retry
from seqsave.errors import OptionError, TargetError
from seqsave.retry import RetryPolicy

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


def run(way: str, policy: RetryPolicy, function: Flaky, **more: object) -> str:
    if way == "sync":
        return retry.call(policy, function, **more)  # type: ignore[arg-type]

    async def coroutine() -> str:
        return function()

    return asyncio.run(retry.acall(policy, coroutine, **more))  # type: ignore[arg-type]


@pytest.fixture(params=["sync", "async"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("failures", [0, 1, 3])
def test_what_passes_is_tried_again(way: str, failures: int) -> None:
    flaky = Flaky(failures)
    told: list[tuple[int, str]] = []
    assert run(way, QUICK, flaky, on_retry=lambda n, wait, error: told.append((n, str(error)))) == "done"
    assert flaky.calls == failures + 1
    assert told == [(n, f"failure {n}") for n in range(1, failures + 1)]


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


def test_a_stop_ends_a_wait() -> None:
    stop = threading.Event()
    threading.Timer(0.05, stop.set).start()
    flaky = Flaky(1000)
    with pytest.raises(TargetError):
        retry.call(RetryPolicy(attempts=1000, first_wait=3600, longest_wait=3600), flaky, stop_event=stop)
    assert flaky.calls <= 2


@pytest.mark.parametrize("settings", [{"attempts": 0}, {"attempts": True}, {"deadline": -1}, {"first_wait": -1}])
def test_policies_that_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(OptionError, match=next(iter(settings))):
        RetryPolicy(**settings)  # type: ignore[arg-type]
