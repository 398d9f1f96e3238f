"""Limits of concurrency and memory, and the threads that follow from them."""

from __future__ import annotations

import os

import pytest

from seqsave.settings import limits
from seqsave.settings.limits import LOOKS, Limits

CORES = 4


@pytest.fixture(autouse=True)
def _cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(CORES), raising=False)


def test_a_fast_storage_needs_no_threads_that_publish() -> None:
    stages = Limits().stages(is_fast=True)
    assert (stages.workers, stages.publishers) == (CORES, 0)
    assert Limits(concurrency=7).stages(is_fast=True)[:2] == (7, 0)


def test_a_network_gets_more_publishers_than_cores() -> None:
    assert Limits().stages(is_fast=False)[:2] == (CORES, 32)
    assert Limits(concurrency=2).stages(is_fast=False)[:2] == (2, 2)


@pytest.mark.parametrize("is_fast", [True, False])
def test_one_thread_does_everything(is_fast: bool) -> None:
    stages = Limits(concurrency=1).stages(is_fast=is_fast, looks=True, reads_slowly=True)
    assert (stages.workers, stages.publishers) == (0, 0)


def test_existing_frames_that_are_examined_get_more_threads_beside_a_network_only() -> None:
    assert Limits().stages(is_fast=False, looks=True).workers == LOOKS
    assert Limits(concurrency=5).stages(is_fast=False, looks=True).workers == 5
    assert Limits().stages(is_fast=True, looks=True).workers == CORES


def test_files_that_are_read_from_a_network_get_a_thread_for_each_request() -> None:
    stages = Limits(concurrency=20).stages(is_fast=True, reads_slowly=True)
    assert (stages.workers, stages.few, stages.max_raw) == (20, limits.READERS, None)
    assert Limits().stages(is_fast=True).few is None


def test_a_limit_in_bytes_is_kept_also_where_it_leaves_cores_idle() -> None:
    assert Limits(max_bytes=5).stages(is_fast=True)[2:5] == (5, None, 1)
    usual = Limits().stages(is_fast=True)
    assert (usual.max_bytes, usual.max_raw, usual.least) == (512 * 2**20, 32 * 2**20, CORES + 2)
