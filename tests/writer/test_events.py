"""Events and warnings: on the caller's thread, in order, all of them before ``close`` returns."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import seqsave
from tests.support.patience import PATIENCE, wait_until

URL = "memory://renders/events"
RED = np.zeros((4, 6, 3), np.uint8)


class Waiting:
    """A listener that stays inside one event on one thread until it may go on, and then perhaps raises."""

    def __init__(self, error: Exception | None = None) -> None:
        self.kinds: list[str] = []
        self.began, self.may_go_on = threading.Event(), threading.Event()
        self._error = error

    def __call__(self, event: seqsave.Event) -> None:
        if threading.current_thread().name == "other" and not self.began.is_set():
            self.began.set()
            self.may_go_on.wait(PATIENCE)
            if self._error is not None:
                raise self._error
        self.kinds.append(event.kind)


class WatchedLock:
    """A lock that notes that a thread has waited in vain for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.release = self._lock.release
        self.waits = False

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        has_it = self._lock.acquire(blocking, timeout)
        self.waits |= blocking and not has_it
        return has_it


@pytest.mark.parametrize("error", [None, ZeroDivisionError("in the listener")])
def test_close_waits_for_events_that_another_thread_delivers(error: Exception | None) -> None:
    listener = Waiting(error)
    writer = seqsave.open_writer(URL, on_event=listener, manifest=False)
    lock = writer._log.delivery._delivering = WatchedLock()  # type: ignore[assignment]
    other = threading.Thread(target=writer.write, args=(RED,), name="other")
    other.start()
    assert listener.began.wait(PATIENCE)
    raised: list[Exception] = []

    def close() -> None:
        try:
            writer.close()
        except ZeroDivisionError as failure:
            raised.append(failure)
        raised_when_closed.append(list(listener.kinds))

    raised_when_closed: list[list[str]] = []
    closing = threading.Thread(target=close)
    closing.start()
    wait_until(lambda: lock.waits or raised_when_closed, "close waits, or returns")
    listener.may_go_on.set()
    for thread in (closing, other):
        thread.join(PATIENCE)
    assert raised_when_closed == [listener.kinds]
    assert listener.kinds[-1] == "closed"
    assert raised == ([] if error is None else [error])


def test_a_listener_that_closes_the_writer_still_gets_every_event() -> None:
    kinds: list[str] = []

    def listen(event: seqsave.Event) -> None:
        kinds.append(event.kind)
        if event.kind == "saved":
            writer.close()

    writer = seqsave.open_writer(URL, on_event=listen, concurrency=1, manifest=False)
    writer.write(RED)
    assert kinds[-1] == "closed"
    assert writer.result.counts["saved"] == 1


@pytest.mark.parametrize("way", ["close", "abort"])
def test_a_listener_ends_the_writer_while_another_thread_closes_it(way: str) -> None:
    """That thread waits for the events that the listener delays, so the listener must not wait for it."""
    is_inside, is_closing = threading.Event(), threading.Event()
    kinds: list[str] = []

    def listen(event: seqsave.Event) -> None:
        kinds.append(event.kind)
        if threading.current_thread().name == "other" and not is_inside.is_set():
            is_inside.set()
            assert is_closing.wait(PATIENCE)
            getattr(writer, way)()

    writer = seqsave.open_writer(URL, on_event=listen, manifest=False)
    other = threading.Thread(target=writer.write, args=(RED,), name="other", daemon=True)
    other.start()
    assert is_inside.wait(PATIENCE)
    end = writer._log.close

    def close(timeout: float | None = None) -> None:
        is_closing.set()
        end(timeout)

    writer._log.close = close  # type: ignore[method-assign]
    closing = threading.Thread(target=writer.close, daemon=True)
    closing.start()
    for thread in (closing, other):
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert kinds[-1] == "closed"


def test_nothing_comes_after_closed() -> None:
    kinds: list[str] = []
    writer = seqsave.open_writer(URL, on_event=lambda event: kinds.append(event.kind), manifest=False)
    for _ in range(20):
        writer.write(RED)
    writer.abort()
    assert kinds.count("closed") == 1
    assert kinds[-1] == "closed"
