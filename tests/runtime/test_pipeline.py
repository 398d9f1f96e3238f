"""The pipeline: order, bounds, errors, and letting go."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from seqsave.runtime.pipeline import Pipeline
from tests.runtime.jobs import OWNER, ClosedError, StoppedError, submit
from tests.support.patience import PATIENCE, wait_until

MODES = ["inline", "one stage", "two stages", "loop"]
# Inline, everything has happened when submit returns: nothing waits, is held, or is under way.
threaded = pytest.mark.parametrize("make", MODES[1:], indirect=True)


@pytest.fixture(params=MODES)
def make(request: pytest.FixtureRequest, loop: asyncio.AbstractEventLoop) -> Callable[..., Pipeline[Any, Any]]:
    def make(max_bytes: int = 10**9, workers: int = 3, publishers: int = 4) -> Pipeline[Any, Any]:
        kind = request.param
        return Pipeline(
            workers=0 if kind == "inline" else workers,
            publishers=0 if kind in ("inline", "one stage") else publishers,
            max_bytes=max_bytes,
            loop=loop if kind == "loop" else None,
            owner=OWNER,
        )

    return make


def test_every_job_gets_its_own_result(make: Callable[..., Pipeline[Any, Any]]) -> None:
    pipeline = make()
    futures = [submit(pipeline, lambda i=i: i, lambda p: p * 10) for i in range(50)]
    pipeline.drain()
    assert [future.result(timeout=0) for future in futures] == [i * 10 for i in range(50)]
    assert pipeline.waiting() == (0, 0)
    pipeline.close()


def test_jobs_begin_in_order(make: Callable[..., Pipeline[Any, Any]]) -> None:
    pipeline = make(workers=1)
    begun: list[int] = []
    for i in range(20):
        submit(pipeline, lambda i=i: begun.append(i), lambda p: p)
    pipeline.drain()
    assert begun == list(range(20))


@pytest.mark.parametrize("stage", ["encode", "publish"])
def test_the_first_error_stops_new_work(make: Callable[..., Pipeline[Any, Any]], stage: str) -> None:
    pipeline = make(workers=1, publishers=1)

    def fail(*_: Any) -> None:
        raise ValueError("broken")

    good = submit(pipeline, lambda: 1, lambda p: p)
    pipeline.drain()
    bad = submit(pipeline, fail if stage == "encode" else lambda: 1, fail if stage == "publish" else lambda p: p)
    pipeline.drain()
    assert good.result() == 1
    with pytest.raises(ValueError, match="broken"):
        bad.result()
    assert isinstance(pipeline.error, ValueError)
    with pytest.raises(StoppedError, match="broken") as caught:
        submit(pipeline, lambda: 1, lambda p: p)
    assert caught.value.__cause__ is pipeline.error


@threaded
def test_what_waits_behind_an_error_is_given_up(make: Callable[..., Pipeline[Any, Any]]) -> None:
    pipeline = make(workers=1, publishers=1)
    go = threading.Event()

    def fail() -> None:
        go.wait(PATIENCE)
        raise ValueError("broken")

    futures = [submit(pipeline, fail, lambda p: p)] + [submit(pipeline, lambda: 1, lambda p: p) for _ in range(5)]
    go.set()
    pipeline.drain()
    assert isinstance(futures[0].exception(), ValueError)
    assert all(isinstance(future.exception(), StoppedError) for future in futures[1:])


@threaded
def test_the_window_bounds_the_bytes(make: Callable[..., Pipeline[Any, Any]]) -> None:
    pipeline = make(max_bytes=100, workers=2)
    held, most, lock = 0, 0, threading.Lock()
    go = threading.Semaphore(0)

    def take() -> None:
        nonlocal held, most
        with lock:
            held += 40
            most = max(most, held)

    def publish(_: Any) -> None:
        nonlocal held
        go.acquire(timeout=PATIENCE)
        with lock:
            held -= 40

    waited = []

    def wait() -> None:
        waited.append(1)
        go.release()

    for _ in range(30):
        # Counted where it is taken: at most two of 40 fit into 100, and the third waits in submit.
        submit(pipeline, take, publish, cost=40, while_waiting=wait)
    go.release(30)
    pipeline.drain()
    assert most <= 100
    assert len(waited) >= 28


def test_what_is_not_encoded_yet_has_a_bound_of_its_own() -> None:
    pipeline: Pipeline[Any, Any] = Pipeline(workers=1, publishers=8, max_bytes=1000, max_raw=100)
    first, later, waited = threading.Event(), threading.Event(), []

    def note() -> None:
        waited.append(pipeline.waiting())
        first.set()  # lets the first one be encoded: room for the third

    submit(pipeline, lambda: first.wait(PATIENCE), lambda _: later.wait(PATIENCE), cost=50)
    submit(pipeline, lambda: 1, lambda _: later.wait(PATIENCE), cost=50)
    submit(pipeline, lambda: 1, lambda _: later.wait(PATIENCE), cost=50, while_waiting=note)
    assert waited[0] == (2, 0)
    # Encoded ones count for nothing there: many more fit beside them.
    wait_until(lambda: pipeline.waiting() == (0, 3))
    later.set()
    pipeline.drain()
    pipeline.close()


def test_so_many_jobs_may_be_larger_than_the_window() -> None:
    pipeline: Pipeline[Any, Any] = Pipeline(workers=3, publishers=0, max_bytes=10, least=3)
    together, waited = threading.Barrier(3), []
    for _ in range(3):
        submit(
            pipeline, lambda: together.wait(PATIENCE), lambda p: p, cost=1000, while_waiting=lambda: waited.append(1)
        )
    assert not waited
    submit(pipeline, lambda: 1, lambda p: p, cost=1000)
    pipeline.drain()
    pipeline.close()


def test_one_job_alone_may_be_larger_than_the_window(make: Callable[..., Pipeline[Any, Any]]) -> None:
    pipeline = make(max_bytes=10)
    futures = [submit(pipeline, lambda: 1, lambda p: p, cost=1000) for _ in range(3)]
    pipeline.drain()
    assert [future.result() for future in futures] == [1, 1, 1]


def test_no_thread_without_need() -> None:
    before = set(threading.enumerate())  # those of other tests may end at any moment
    inline: Pipeline[Any, Any] = Pipeline(workers=0, publishers=0, max_bytes=1)
    submit(inline, lambda: threading.get_ident(), lambda p: p)
    assert set(threading.enumerate()) <= before
    several: Pipeline[Any, Any] = Pipeline(workers=8, publishers=0, max_bytes=10)
    submit(several, lambda: 1, lambda p: p)
    several.drain()
    wait_until(lambda: several._workers._busy == 0, "the thread's note that it is free")
    submit(several, lambda: 1, lambda p: p)
    several.drain()
    assert len(set(threading.enumerate()) - before) == 1
    several.close()


@threaded
def test_abort_is_quick_and_names_everything(make: Callable[..., Pipeline[Any, Any]]) -> None:
    pipeline = make(workers=1, publishers=1)
    begun, go = threading.Event(), threading.Event()

    def hang(_: Any) -> None:
        begun.set()
        go.wait(PATIENCE)

    futures = [submit(pipeline, lambda: 1, hang) for _ in range(5)]
    assert begun.wait(PATIENCE)
    pipeline.abort(timeout=0.1)
    assert all(isinstance(future.exception(timeout=0), StoppedError) for future in futures)
    assert pipeline.stop_event.is_set()
    go.set()
    with pytest.raises(StoppedError):
        submit(pipeline, lambda: 1, lambda p: p)


@threaded
def test_a_future_that_was_cancelled_is_passed_over(make: Callable[..., Pipeline[Any, Any]]) -> None:
    pipeline = make(workers=1)
    go = threading.Event()
    first = submit(pipeline, lambda: go.wait(PATIENCE), lambda p: p)
    second = submit(pipeline, lambda: 1, lambda p: p)
    third = submit(pipeline, lambda: 3, lambda p: p)
    assert second.cancel()
    go.set()
    pipeline.drain()
    assert first.result() is True
    assert third.result() == 3
    assert pipeline.error is None


def test_nothing_is_accepted_once_it_is_closed(make: Callable[..., Pipeline[Any, Any]]) -> None:
    pipeline = make()
    accepted: list[Future[Any]] = []
    future = submit(pipeline, lambda: 1, lambda p: p, on_accepted=accepted.append)
    pipeline.close()
    assert future.result(timeout=0) == 1
    assert accepted == [future]
    with pytest.raises(ClosedError):
        submit(pipeline, lambda: 1, lambda p: p, on_accepted=accepted.append)
    assert accepted == [future]


@threaded
def test_closing_waits_for_what_was_accepted(make: Callable[..., Pipeline[Any, Any]]) -> None:
    pipeline = make(workers=1, publishers=1)
    closing = threading.Event()
    futures = [submit(pipeline, lambda: closing.wait(PATIENCE), lambda p: p) for _ in range(5)]
    pipeline.close(closing.set)
    assert all(future.done() for future in futures)


@threaded
def test_left_alone_it_finishes_and_its_threads_end(make: Callable[..., Pipeline[Any, Any]]) -> None:
    before = set(threading.enumerate())
    begun, go = threading.Event(), threading.Event()
    pipeline = make(workers=1, publishers=1)
    first = submit(pipeline, lambda: (begun.set(), go.wait(PATIENCE)), lambda _: 1)
    second = submit(pipeline, lambda: None, lambda _: 2)  # has not begun when the pipeline is left
    assert begun.wait(PATIENCE)
    threads = [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("seqsave-")]
    pipeline.leave()
    with pytest.raises(ClosedError):
        submit(pipeline, lambda: None, lambda _: 3)
    go.set()
    assert (first.result(PATIENCE), second.result(PATIENCE)) == (1, 2)
    for thread in threads:
        thread.join(PATIENCE)
    assert not [thread.name for thread in threads if thread.is_alive()]


@threaded
def test_left_idle_its_threads_end(make: Callable[..., Pipeline[Any, Any]]) -> None:
    before = set(threading.enumerate())
    pipeline = make(workers=2, publishers=2)
    submit(pipeline, lambda: None, lambda _: None).result(PATIENCE)
    threads = [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("seqsave-")]
    pipeline.drain()
    pipeline.leave()
    for thread in threads:
        thread.join(PATIENCE)
    assert not [thread.name for thread in threads if thread.is_alive()]


@threaded
def test_where_no_thread_can_be_started_the_caller_does_the_work(
    make: Callable[..., Pipeline[Any, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("seqsave.runtime.pools.spawn_daemon", refuse)
    pipeline = make()
    futures = [submit(pipeline, lambda i=i: i, lambda p: 10 * p) for i in range(20)]
    assert [future.result(PATIENCE) for future in futures] == list(range(0, 200, 10))
    pipeline.close()
    assert pipeline.error is None


@threaded
def test_left_within_its_own_critical_section_its_threads_end(make: Callable[..., Pipeline[Any, Any]]) -> None:
    """The collector may run while a thread looks for work and then goes to sleep: no call can wake it."""
    before = set(threading.enumerate())
    pipeline = make(workers=1)
    submit(pipeline, lambda: None, lambda _: None).result(PATIENCE)
    pipeline.drain()
    threads = {thread for thread in set(threading.enumerate()) - before if thread.name.startswith("seqsave-")}
    changed = pipeline._workers._changed
    wait, has_left = changed.wait, threading.Event()

    def leave_then_wait(timeout: float | None = None) -> bool:
        pipeline.leave()
        has_left.set()
        return wait(timeout)

    changed.wait = leave_then_wait  # type: ignore[method-assign]
    submit(pipeline, lambda: None, lambda _: None).result(PATIENCE)
    assert has_left.wait(PATIENCE)
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_ctrl_c_on_the_callers_thread_is_the_callers() -> None:
    inline: Pipeline[Any, Any] = Pipeline(workers=0, publishers=0, max_bytes=1)

    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        submit(inline, interrupted, lambda p: p)
    assert inline.waiting() == (0, 0)


def test_a_size_that_cannot_be_computed_fails_its_job(make: Callable[..., Pipeline[Any, Any]]) -> None:
    pipeline = make()

    def publish(payload: Any) -> Any:
        return payload

    future = pipeline.submit(lambda: 1, publish, cost=1, size_of=lambda payload: len(payload))
    pipeline.drain()
    assert isinstance(future.exception(), TypeError)


@threaded
def test_drain_waits_until_the_futures_have_their_results(make: Callable[..., Pipeline[Any, Any]]) -> None:
    pipeline, entered, goes_on = make(), threading.Event(), threading.Event()

    def note(_: Future[Any]) -> None:
        entered.set()
        goes_on.wait(PATIENCE)

    future = submit(pipeline, lambda: 1, lambda _: 2, on_accepted=lambda accepted: accepted.add_done_callback(note))
    assert entered.wait(PATIENCE)
    pipeline.drain(goes_on.set)
    assert goes_on.is_set(), "it did not wait for the callback, in which a writer notes what became of a frame"
    assert future.done()
    pipeline.close()
