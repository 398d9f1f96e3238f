"""Which failures pass and how long to wait for them: the one owner of retries, through tenacity.

The targets never retry, and s3fs's and botocore's own retries are switched off there, so that the number of attempts
below is the number of requests that a store sees.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from seqsave.errors import OptionError, TargetError

if TYPE_CHECKING:
    import tenacity

__all__ = ["RetryPolicy", "acall", "call", "passes"]

T = TypeVar("T")
OnRetry = Callable[[int, float, BaseException], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how long to try one request again.

    attempts:     requests in all, the first one included; 1 switches retries off.
    deadline:     seconds after the first attempt when no further one is started; None for no limit.
    first_wait:   seconds; the wait before attempt n is random between 0 and first_wait * 2**(n - 1)
                  ("full jitter", so that many clients do not come back in step), never above longest_wait.
    longest_wait: seconds.
    """

    attempts: int = 6
    deadline: float | None = None
    first_wait: float = 0.25
    longest_wait: float = 20.0

    def __post_init__(self) -> None:
        if isinstance(self.attempts, bool) or not isinstance(self.attempts, int) or self.attempts < 1:
            raise OptionError(f"retry attempts is {self.attempts!r}: it must be a whole number, 1 or more")
        for name in ("deadline", "first_wait", "longest_wait"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise OptionError(f"retry {name} is {value!r}: it must be a number of seconds, 0 or more")


def passes(error: BaseException) -> bool:
    """Whether trying again can help: throttling, resets, time-outs and 5xx, as the targets report them."""
    return isinstance(error, TargetError) and error.transient


def call(
    policy: RetryPolicy,
    function: Callable[[], T],
    *,
    on_retry: OnRetry | None = None,
    stop_event: threading.Event | None = None,
) -> T:
    """Call ``function`` until it returns, fails for good, or the policy is used up; the last error is raised.

    ``on_retry(attempt, wait, error)`` is told before each wait, on this thread. ``stop_event`` ends a wait early, and
    then no further attempt is made.
    """
    # The first attempt needs no machinery: a save that just works never imports tenacity.
    try:
        return function()
    except TargetError as error:
        if policy.attempts == 1 or not passes(error):
            raise
        first_error = error
    import tenacity

    replay = _Replay(first_error, function)
    sleep = tenacity.sleep_using_event(stop_event) if stop_event is not None else tenacity.nap.sleep
    retrying = tenacity.Retrying(sleep=sleep, **_settings(policy, on_retry, stop_event))
    result: T = retrying(replay)
    return result


async def acall(
    policy: RetryPolicy,
    function: Callable[[], Awaitable[T]],
    *,
    on_retry: OnRetry | None = None,
    stop_event: threading.Event | None = None,
) -> T:
    """As ``call``, for a coroutine function. Cancelling ends a wait at once."""
    try:
        return await function()
    except TargetError as error:
        if policy.attempts == 1 or not passes(error):
            raise
        first_error = error
    import tenacity

    replay = _Replay(first_error, function)

    async def attempt() -> T:
        answer: T = await replay()
        return answer

    retrying = tenacity.AsyncRetrying(sleep=asyncio.sleep, **_settings(policy, on_retry, stop_event))
    result: T = await retrying(attempt)
    return result


class _Replay:
    """The failed first attempt told to tenacity as its first one, so that it counts and times all of them."""

    def __init__(self, error: BaseException, function: Callable[[], Any]) -> None:
        self.error: BaseException | None = error
        self.function = function

    def __call__(self) -> Any:
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        return self.function()


def _settings(policy: RetryPolicy, on_retry: OnRetry | None, stop_event: threading.Event | None) -> dict[str, Any]:
    import tenacity

    stop: tenacity.stop.stop_base = tenacity.stop_after_attempt(policy.attempts)
    if policy.deadline is not None:
        stop = stop | tenacity.stop_before_delay(policy.deadline)
    if stop_event is not None:
        stop = stop | tenacity.stop_when_event_set(stop_event)

    def tell(state: tenacity.RetryCallState) -> None:
        if on_retry is not None and state.outcome is not None and state.next_action is not None:
            error = state.outcome.exception()
            if error is not None:
                on_retry(state.attempt_number, state.next_action.sleep, error)

    return {
        "stop": stop,
        "wait": tenacity.wait_random_exponential(multiplier=policy.first_wait, max=policy.longest_wait),
        "retry": tenacity.retry_if_exception(passes),
        "before_sleep": tell,
        "reraise": True,
    }
