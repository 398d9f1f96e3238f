"""What a forked child finds of its parent's targets."""

from __future__ import annotations

import gc
import weakref

from seqsave import targets
from seqsave.targets import filesystems, memory
from tests.targets.forking import in_forked_child


class _Connection:
    """Something that must not be closed by a child."""


def test_what_the_parent_made_is_left_alone() -> None:
    registry = filesystems._Registry()
    lost = weakref.ref(registry.get("key", _Connection))
    registry.forget()
    gc.collect()
    assert lost() is not None
    assert registry.get("key", _Connection) is not lost()


def test_the_lock_of_memory_is_not_held_in_a_child() -> None:
    target = targets.resolve("memory://forked")
    with memory._lock:
        in_forked_child(lambda: target.publish("child", b"1", content_type="image/png"))
    assert not memory._lock.locked()


def test_the_parent_keeps_its_lock() -> None:
    before = memory._lock
    in_forked_child(lambda: None)
    assert memory._lock is before
