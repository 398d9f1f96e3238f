"""A library that takes another scheduling policy: this thread, and those that it started, get theirs back."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

from seqsave.runtime.priority import kept_priority

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has these policies")


def test_the_policy_comes_back_in_each_thread() -> None:
    before = os.sched_getscheduler(0)
    assert before != os.SCHED_BATCH
    end, started = threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        end.wait()

    thread = threading.Thread(target=work)
    with kept_priority():
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))  # a policy that every user may take
        thread.start()
        started.wait()
        assert thread.native_id is not None
        assert os.sched_getscheduler(thread.native_id) == os.SCHED_BATCH
    try:
        assert os.sched_getscheduler(thread.native_id) == before
        assert os.sched_getscheduler(0) == before
    finally:
        end.set()
        thread.join()


def test_it_comes_back_after_an_error() -> None:
    before = os.sched_getscheduler(0)

    def fail() -> None:
        with kept_priority():
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
            raise ValueError("no encoder")

    with pytest.raises(ValueError, match="no encoder"):
        fail()
    assert os.sched_getscheduler(0) == before


def test_threads_of_others_keep_theirs() -> None:
    end, ready = threading.Event(), threading.Event()

    def work() -> None:
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        ready.set()
        end.wait()

    thread = threading.Thread(target=work)
    thread.start()
    ready.wait()
    try:
        with kept_priority():
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        assert thread.native_id is not None
        assert os.sched_getscheduler(thread.native_id) == os.SCHED_BATCH
    finally:
        end.set()
        thread.join()


def test_without_proc_this_thread_is_still_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.sched_getscheduler(0)

    def refuse(self: Path) -> None:
        raise FileNotFoundError(str(self))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with kept_priority():
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    assert os.sched_getscheduler(0) == before
