"""How many threads encode, how many frames are published at once, and how many bytes wait meanwhile."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from seqsave.runtime.pipeline import Pipeline

if TYPE_CHECKING:
    from seqsave.targets import Target
    from seqsave.types import SavedFrame
    from seqsave.writer.publish import Payload

__all__ = ["default_publishers", "open_pipeline"]

# How many bytes may be under way by default: some eighty 1080p pictures, so that a slow store is hidden for a while
# and memory stays flat.
DEFAULT_MAX_BYTES = 512 * 2**20
# Of these, by pictures that are not encoded yet. More of them would make nothing faster; but memory that is used again
# is much faster than more of it.
RAW_MAX_BYTES = 32 * 2**20


def open_pipeline(target: Target, wanted: int | None, limit: int | None) -> Pipeline[Payload | None, SavedFrame]:
    """The pipeline to ``target``. wanted: frames published at once. limit: bytes under way. None is the default."""
    workers, publishers = _stages(target.is_fast, wanted)
    return Pipeline(
        workers=workers,
        publishers=publishers,
        max_bytes=DEFAULT_MAX_BYTES if limit is None else limit,
        max_raw=RAW_MAX_BYTES if limit is None else None,
        least=workers + 2 if limit is None else 1,
        loop=target.loop if publishers else None,
    )


def default_publishers() -> int:
    """How many frames are published at once where that takes a while."""
    return max(32, 2 * _available_cores())


def _available_cores() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _stages(is_fast: bool, wanted: int | None) -> tuple[int, int]:
    """How many threads encode, and how many frames are published at once beside that."""
    if wanted == 1:
        return 0, 0
    if is_fast:
        # Publishing is a matter of milliseconds: the thread that encoded a frame also writes it.
        return wanted or _available_cores(), 0
    publishers = wanted or default_publishers()
    return min(_available_cores(), publishers), publishers
