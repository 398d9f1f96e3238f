"""The targets of a parent in its forked child."""

from __future__ import annotations

import gc
import os
import threading
import weakref
from typing import TYPE_CHECKING

import seqsave
from seqsave import spool, targets
from seqsave.plugins import registry
from seqsave.sources import pictures
from seqsave.spool import publisher
from seqsave.targets import filesystems, memory
from tests.support.patience import PATIENCE
from tests.targets.forking import held_elsewhere, in_forked_child

if TYPE_CHECKING:
    from pathlib import Path


class _Connection:
    """Something that must not be closed by a child."""


def test_what_the_parent_made_is_left_alone() -> None:
    made = filesystems._Registry()
    lost = weakref.ref(made.get("key", _Connection))
    made.forget()
    gc.collect()
    assert lost() is not None
    assert made.get("key", _Connection) is not lost()


def test_a_connection_of_another_thread_is_not_closed_in_a_child() -> None:
    closed: list[int] = []

    class Connection:
        def __del__(self) -> None:
            closed.append(os.getpid())

    asked, go = threading.Event(), threading.Event()

    def ask() -> None:
        filesystems.shared("each", {}, Connection, per_thread=True)
        asked.set()
        go.wait(PATIENCE)

    thread = threading.Thread(target=ask)
    thread.start()
    assert asked.wait(PATIENCE)

    def look() -> None:
        gc.collect()
        assert closed == []

    in_forked_child(look)
    assert closed == []
    go.set()
    thread.join()
    del thread
    gc.collect()
    assert closed == [os.getpid()]  # the parent's is, when its thread has ended


def test_the_lock_of_memory_is_not_held_in_a_child() -> None:
    target = targets.resolve("memory://forked")
    with held_elsewhere(memory._lock):
        in_forked_child(lambda: target.publish("child", b"1", content_type="image/png"))


def test_a_thread_that_forks_may_hold_the_lock_of_memory() -> None:
    target = targets.resolve("memory://forked")
    with memory._lock:
        in_forked_child(lambda: target.publish("child", b"1", content_type="image/png"))
    with held_elsewhere(memory._lock):  # it can be taken: the parent's is as before
        pass


def test_the_list_of_filetypes_can_be_asked_for_in_a_child() -> None:
    with held_elsewhere(registry._registry.manager._lock):
        in_forked_child(seqsave.filetypes)


def test_a_picture_is_opened_in_a_child() -> None:
    with held_elsewhere(pictures._opening):
        in_forked_child(lambda: pictures._look(b"no picture"))


def test_a_spool_finds_its_publisher_in_a_child(tmp_path: Path) -> None:
    with held_elsewhere(publisher._making):
        in_forked_child(lambda: publisher.publisher_of(spool.Spool(tmp_path), spool.Records))
