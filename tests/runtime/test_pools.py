"""How many jobs run at once: half after a slow-down, then one more after another."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from seqsave.runtime.pipeline import Pipeline
from seqsave.runtime.pools import ByDistance
from tests.runtime.jobs import OWNER, StoppedError, submit
from tests.support.patience import PATIENCE, wait_until


class Gauge:
    """Counts how many publish at once; each waits for ``go``."""

    def __init__(self) -> None:
        self.go = threading.Semaphore(0)
        self.now = self.most = self.begun = 0
        self.changed = threading.Condition()

    def __call__(self, payload: Any) -> Any:
        with self.changed:
            self.now += 1
            self.begun += 1
            self.most = max(self.most, self.now)
            self.changed.notify_all()
        self.go.acquire(timeout=PATIENCE)
        with self.changed:
            self.now -= 1
            self.changed.notify_all()
        return payload

    def wait_for(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.now == count, PATIENCE), f"{self.now} and not {count}"


@pytest.fixture(params=["two stages", "loop"])
def paced(request: pytest.FixtureRequest, loop: asyncio.AbstractEventLoop) -> Iterator[Pipeline[Any, Any]]:
    pipeline: Pipeline[Any, Any] = Pipeline(
        workers=2, publishers=8, max_bytes=10**9, loop=loop if request.param == "loop" else None, owner=OWNER
    )
    yield pipeline
    pipeline.abort(1)


def test_a_slow_down_halves_what_publishes_at_once(paced: Pipeline[Any, Any]) -> None:
    gauge = Gauge()
    for i in range(8):  # so that all threads are there
        submit(paced, lambda i=i: i, gauge)
    gauge.wait_for(8)
    gauge.go.release(8)
    paced.drain()
    assert paced.at_once == 8
    paced.slow_down()
    paced.slow_down()  # the storage has not felt the first one yet
    assert paced.at_once == 4
    slow = Gauge()
    for i in range(12):
        submit(paced, lambda i=i: i, slow)
    slow.wait_for(4)
    wait_until(lambda: paced.waiting() == (0, 12), "the others, which are encoded and wait")
    slow.go.release(3)  # a fourth one that is published would let a fifth one begin
    wait_until(lambda: slow.begun == 7)
    assert slow.most == 4
    slow.go.release(9)
    paced.drain()


def test_it_recovers_one_by_one(paced: Pipeline[Any, Any]) -> None:
    paced.slow_down()
    seen = []
    for i in range(4 + 5 + 6 + 7 + 20):
        submit(paced, lambda i=i: i, lambda p: p).result(PATIENCE)
        paced.drain()
        seen.append(paced.at_once)
    assert seen == [4] * 3 + [5] * 5 + [6] * 6 + [7] * 7 + [8] * 21
    gauge = Gauge()
    for i in range(20):
        submit(paced, lambda i=i: i, gauge)
    gauge.wait_for(8)
    gauge.go.release(20)
    paced.drain()


def test_what_waits_alone_is_published_as_soon_as_it_may(paced: Pipeline[Any, Any]) -> None:
    # Nothing is submitted any more when the pace has recovered: what waits must not wait for that.
    gauge = Gauge()
    paced.slow_down()
    for i in range(40):
        submit(paced, lambda i=i: i, gauge)
    for so_many in (4, 5, 6, 7, 8):
        gauge.wait_for(so_many)
        gauge.go.release(so_many)
        wait_until(lambda so_many=so_many: paced.at_once > so_many or so_many == 8)
    gauge.go.release(40)
    paced.drain()
    assert gauge.most == 8


def test_it_never_stops_altogether(paced: Pipeline[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqsave.runtime.pools.SLOW_DOWN_SECONDS", 0)
    for _ in range(10):
        paced.slow_down()
    assert paced.at_once == 1
    futures = [submit(paced, lambda i=i: i, lambda p: p) for i in range(10)]
    assert [future.result(PATIENCE) for future in futures] == list(range(10))


def test_slowed_down_it_still_ends(paced: Pipeline[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqsave.runtime.pools.SLOW_DOWN_SECONDS", 0)
    gauge = Gauge()
    for _ in range(4):
        paced.slow_down()
    futures = [submit(paced, lambda i=i: i, gauge) for i in range(5)]
    gauge.wait_for(1)
    paced.abort(timeout=0.1)
    assert all(isinstance(future.exception(timeout=0), StoppedError) for future in futures)
    gauge.go.release(5)


@pytest.mark.parametrize(("far", "at_once"), [(float("inf"), 2), (-1.0, 8)])
def test_a_near_storage_is_read_by_fewer_threads_than_a_distant_one(
    monkeypatch: pytest.MonkeyPatch, far: float, at_once: int
) -> None:
    monkeypatch.setattr("seqsave.runtime.pools.FAR", far)
    pipeline: Pipeline[Any, Any] = Pipeline(workers=8, few=2, publishers=1, max_bytes=10**9, owner=OWNER)
    for i in range(16):  # the first round, which is not timed, and the second one
        submit(pipeline, lambda i=i: i, lambda p: p)
    pipeline.drain()
    gauge = Gauge()
    for i in range(20):
        submit(pipeline, lambda i=i: gauge(i), lambda p: p)
    gauge.wait_for(at_once)
    gauge.go.release(20)
    pipeline.close()
    assert gauge.most == at_once


def test_what_was_near_may_turn_out_to_be_far(monkeypatch: pytest.MonkeyPatch) -> None:
    pace = ByDistance(8, few=2)
    seen = []
    for far in (float("inf"), float("inf"), -1.0, float("inf")):
        monkeypatch.setattr("seqsave.runtime.pools.FAR", far)
        for _ in range(8):
            pace.note_done()
        seen.append(pace.now)
    assert seen == [8, 2, 8, 8]
