"""The objects that all file types of one writer share, opened as its settings say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqsave import targets
from seqsave.errors import WriterAbortedError, WriterClosedError
from seqsave.runtime.jobs import Owner
from seqsave.runtime.pipeline import Pipeline
from seqsave.types import SavedFrame

if TYPE_CHECKING:
    from seqsave.settings.config import WriterConfig
    from seqsave.spool import Spool
    from seqsave.writer.events import EventLog

__all__ = ["Common", "open_pipeline", "spool_of"]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """The objects that all file types of a writer share.

    spool: keeps frames that the storage does not take; None without one.
    """

    config: WriterConfig
    target: targets.Target
    pipeline: Pipeline[Any, SavedFrame]
    log: EventLog
    spool: Spool | None


def open_pipeline(config: WriterConfig, target: targets.Target) -> Pipeline[Any, SavedFrame]:
    """Return a pipeline to ``target`` that keeps the limits of the settings.

    If the first stage reads files from a network, it gets more threads.
    """
    limits, reads_slowly = config.limits, config.reads_slowly
    workers, publishers = limits.stages(target.is_fast)
    if config.delivery.if_exists == "skip valid" and publishers:
        workers = max(workers, min(LOOKS, publishers))
    is_default = limits.max_bytes is None
    least = workers + 2 if is_default else 1
    if reads_slowly and workers:
        workers = limits.publishers
    return Pipeline(
        workers=workers,
        publishers=publishers,
        max_bytes=limits.max_bytes or DEFAULT_MAX_BYTES,
        few=READERS if reads_slowly else None,
        max_raw=RAW_MAX_BYTES if is_default and not reads_slowly else None,
        least=least,
        loop=target.loop if publishers else None,
        owner=Owner("the writer", "frame", closed=WriterClosedError, stopped=WriterAbortedError),
    )


def spool_of(config: WriterConfig) -> Spool | None:
    """Return the spool that the settings name; None without one. Raises OptionError, SpoolError."""
    if config.delivery.spool_folder is None:
        return None  # without its modules, which take a tenth of the start of a save
    from seqsave.spool import open_spool

    return open_spool(config.delivery.spool_folder)
