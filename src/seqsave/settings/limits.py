"""The settings that limit concurrency and memory, and the pipeline that they ask for."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import NamedTuple

from seqsave.plugins.options import check_count
from seqsave.settings.table import setting

__all__ = ["LOOKS", "Limits", "Stages"]

# The default limit, in bytes, of accepted frames that are not published: about eighty 1080p pictures, so that the
# caller does not wait for a slow store at once, and memory stays bounded.
DEFAULT_MAX_BYTES = 512 * 2**20
# The part of it for pictures that are not encoded yet. More would not be faster, since reused memory is much faster
# than new memory.
RAW_MAX_BYTES = 32 * 2**20
# How many existing frames are read at once from a network to be examined: that waits for the network, not for a core.
LOOKS = 8
# How many threads read files from a near store. More would make each file cost more.
READERS = 8


class Stages(NamedTuple):
    """The limits of a pipeline, as ``Pipeline`` takes them."""

    workers: int
    publishers: int
    max_bytes: int
    max_raw: int | None
    least: int
    few: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of concurrency and memory. Raises OptionError."""

    concurrency: int | None = setting(
        None,
        min=1,
        help="How many frames are published at once; by default chosen for the storage.",
        details="1 does everything on the caller's thread.",
        example="16",
    )
    max_bytes: int | None = setting(
        None,
        min=1,
        help="Memory limit, in bytes, for frames being encoded or published; 512 MiB by default.",
        details="A write waits while they hold more. By default pictures may hold 32 MiB of these, and more "
        "where that would leave cores idle.",
        example="2 * 2**30",
        metavar="SIZE",
    )

    def __post_init__(self) -> None:
        for name in ("max_bytes", "concurrency"):
            if getattr(self, name) is not None:
                check_count(name, getattr(self, name))

    @property
    def publishers(self) -> int:
        """Return how many frames are published at once to a slow storage."""
        return self.concurrency or max(32, 2 * _available_cores())

    def stages(self, *, is_fast: bool, looks: bool = False, reads_slowly: bool = False) -> Stages:
        """Return the limits of a pipeline to a storage that is fast (a local disk, memory) or behind a network.

        looks:        the first stage also examines existing frames.
        reads_slowly: the first stage reads files from a network.
        """
        workers, publishers = self._threads(is_fast)
        if looks and publishers:
            workers = max(workers, min(LOOKS, publishers))
        is_default = self.max_bytes is None
        return Stages(
            workers=self.publishers if reads_slowly and workers else workers,
            publishers=publishers,
            max_bytes=self.max_bytes or DEFAULT_MAX_BYTES,
            max_raw=RAW_MAX_BYTES if is_default and not reads_slowly else None,
            least=workers + 2 if is_default else 1,
            few=READERS if reads_slowly else None,
        )

    def _threads(self, is_fast: bool) -> tuple[int, int]:
        """Return how many threads encode, and how many frames are published at once beside that."""
        if self.concurrency == 1:
            return 0, 0
        if is_fast:
            # Publishing is a matter of milliseconds: the thread that encoded a frame also writes it.
            return self.concurrency or _available_cores(), 0
        return min(_available_cores(), self.publishers), self.publishers


def _available_cores() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
