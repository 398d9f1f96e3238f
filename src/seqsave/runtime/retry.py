"""Retry temporary failures, through tenacity. No other module retries.

The targets never retry, and s3fs's and botocore's own retries are switched off there, so that the number of attempts
below is the number of requests that a store receives.

With the defaults, a run survives half a minute without a storage, or a fifth of all requests refused, and loses less
than one frame in ten thousand:

- Refused: 30 attempts all fail with a probability of 0.2**30, which is in one of 10**17 runs of 10,000 frames.
- Unavailable: waits are random between 0 and 0.25 s, 0.5 s, 1 s and so on up to 10 s, on average half of that. The 29
  waits take 123 s on average, with a standard deviation of 14 s, and one sum in a thousand is below 80 s: frames that
  are being published in an outage of 30 s are saved, and so are all but one in 100,000 in an outage of one minute.
- Permanent: seqsave gives up after 120 s; or after 10 s if the storage has never answered, because that is more often a
  mistyped endpoint than an outage. A first request that a server takes and does not answer ends by the time-out of
  its client, and is the last one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from seqsave.errors import OptionError, SeqSaveError, TargetError
from seqsave.runtime import flow
from seqsave.runtime.flow import Call, Flow, Pause, wait

if TYPE_CHECKING:
    import tenacity

__all__ = ["Backoff", "Contact", "OnRetry", "RetryPolicy", "attempts", "call", "passes"]

T = TypeVar("T")
OnRetry = Callable[[int, float, BaseException], None]

# Values of ``TargetError.fault`` for a storage that does not exist.
_SILENT = ("unreachable", "broken")


class Contact(Protocol):
    """A record of whether a storage has ever answered, such as ``targets.Target.known``."""

    answered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """The limits for retries of one request.

    attempts:     requests in all, the first one included; 1 switches retries off.
    deadline:     seconds after the first attempt has failed when no further one is started; None for no limit.
    first_wait:   seconds; the wait before attempt n is random between 0 and first_wait * 2**(n - 1)
                  ("full jitter", so that many clients do not retry in step), never above longest_wait.
    longest_wait: seconds.
    first_answer: seconds, from the first attempt on, after which a storage that has never answered and cannot be
                  reached is given up; None for no such limit.
    """

    attempts: int = 30
    deadline: float | None = 120.0
    first_wait: float = 0.25
    longest_wait: float = 10.0
    first_answer: float | None = 10.0

    def __post_init__(self) -> None:
        if isinstance(self.attempts, bool) or not isinstance(self.attempts, int) or self.attempts < 1:
            raise OptionError(f"retry attempts is {self.attempts!r}: it must be a whole number, 1 or more")
        for name in ("deadline", "first_wait", "longest_wait", "first_answer"):
            value = getattr(self, name)
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if value is not None and not (is_number and value >= 0):
                raise OptionError(f"retry {name} is {value!r}: it must be a number of seconds, 0 or more")


def passes(error: BaseException) -> bool:
    """Return whether a retry can help: after throttling, resets, time-outs and 5xx, as the targets report them."""
    return isinstance(error, TargetError) and error.transient


def call(
    policy: RetryPolicy,
    function: Callable[[], T],
    *,
    on_retry: OnRetry | None = None,
    stop_event: threading.Event | None = None,
    contact: Contact | None = None,
) -> T:
    """Call ``function`` until it returns, fails for good, or the policy is used up; the last error is raised.

    on_retry:   called with (attempt, seconds to wait, error) before each wait, on this thread.
    stop_event: ends a wait early; no further attempt is made.
    contact:    whether the storage has ever answered; updated by this call. Without it, this call is the first.
    """
    return flow.run(
        attempts(policy, lambda: wait(Call(function)), on_retry=on_retry, stop_event=stop_event, contact=contact)
    )


def attempts(
    policy: RetryPolicy,
    attempt: Callable[[], Flow[T]],
    *,
    on_retry: OnRetry | None = None,
    stop_event: threading.Event | None = None,
    contact: Contact | None = None,
) -> Flow[T]:
    """Return the flow of all attempts, with the arguments of ``call``; ``attempt`` returns the flow of one attempt."""
    patience = _Patience(policy, contact)
    try:
        with patience:
            return (yield from attempt())
    except TargetError as error:
        if policy.attempts == 1 or not passes(error):
            raise
        failure: TargetError | None = error
        last = error
    # The first attempt does not need tenacity: a save without failures never imports it.
    import tenacity

    retrying = tenacity.Retrying(**_settings(policy, patience, on_retry, stop_event))
    retrying.begin()
    state = tenacity.RetryCallState(retrying, None, (), {})
    while True:
        if failure is not None:
            state.set_exception((type(failure), failure, failure.__traceback__))
            last, failure = failure, None
        todo = retrying.iter(retry_state=state)  # raises the last error when there is no further attempt
        if isinstance(todo, tenacity.DoSleep):
            state.prepare_for_next_attempt()
            yield Pause(float(todo), stop_event)
            if stop_event is not None and stop_event.is_set():
                raise last
            continue
        try:
            with patience:
                return (yield from attempt())
        except TargetError as error:
            failure = error


class _FirstCall:
    """A contact for callers that know nothing about the storage."""

    answered = False


class _Patience:
    """One request with all its attempts: whether the storage has answered, and whether to keep waiting for that."""

    def __init__(self, policy: RetryPolicy, contact: Contact | None) -> None:
        self._limit = policy.first_answer
        self._contact = contact or _FirstCall()
        self._started = self._attempted = time.monotonic()

    def __enter__(self) -> None:
        """Begin an attempt."""
        self._attempted = time.monotonic()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None or (isinstance(error, SeqSaveError) and not self._is_silence(error)):
            self._contact.answered = True

    def _is_silence(self, error: BaseException | None) -> bool:
        """Return whether an attempt got no answer at all. A quick time-out comes from no server that is silent."""
        if getattr(error, "answered", False):
            return False
        fault = getattr(error, "fault", "")
        took = time.monotonic() - self._attempted
        return fault in _SILENT or (fault == "timeout" and self._limit is not None and took >= self._limit)

    def is_over(self, state: tenacity.RetryCallState) -> bool:
        """Return whether to give up after the attempt in ``state``. Called by tenacity."""
        error = state.outcome.exception() if state.outcome is not None else None
        if self._limit is None or self._contact.answered or not self._is_silence(error):
            return False
        return time.monotonic() - self._started + state.upcoming_sleep >= self._limit


def _settings(
    policy: RetryPolicy, patience: _Patience, on_retry: OnRetry | None, stop_event: threading.Event | None
) -> dict[str, Any]:
    import tenacity

    stops: list[Callable[[tenacity.RetryCallState], bool]] = [
        tenacity.stop_after_attempt(policy.attempts),
        patience.is_over,
    ]
    if policy.deadline is not None:
        stops.append(tenacity.stop_before_delay(policy.deadline))
    if stop_event is not None:
        stops.append(tenacity.stop_when_event_set(stop_event))

    def report(state: tenacity.RetryCallState) -> None:
        if on_retry is not None and state.outcome is not None and state.next_action is not None:
            error = state.outcome.exception()
            if error is not None:
                on_retry(state.attempt_number, state.next_action.sleep, error)

    return {
        "stop": lambda state: any(stop(state) for stop in stops),
        "wait": tenacity.wait_random_exponential(multiplier=policy.first_wait, max=policy.longest_wait),
        "retry": tenacity.retry_if_exception(passes),
        "before_sleep": report,
        "reraise": True,
    }


class Backoff:
    """The time between attempts while a storage is unavailable: it doubles with each failure. Not thread-safe.

    first, longest: seconds.
    """

    def __init__(self, first: float, longest: float) -> None:
        self._first, self._longest = first, longest
        self._seconds = 0.0
        self.until = 0.0
        """When the next attempt is due, by ``time.monotonic``."""

    @property
    def is_on(self) -> bool:
        """Return whether the last attempt has failed."""
        return self._seconds > 0

    def note_failure(self) -> None:
        """Wait twice as long from now on."""
        self._seconds = min(self._longest, 2 * self._seconds or self._first)
        self.until = time.monotonic() + self._seconds

    def take_turn(self) -> bool:
        """Return whether an attempt is due; the next one is as far away again."""
        now = time.monotonic()
        if now < self.until:
            return False
        self.until = now + self._seconds
        return True

    def end(self) -> None:
        """Wait no more: the storage is available."""
        self._seconds = self.until = 0.0

    def hurry(self) -> None:
        """Let the next attempt be due at once."""
        self.until = 0.0
