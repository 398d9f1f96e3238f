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
    """Return a pipeline to ``target`` that keeps the limits of the settings."""
    looks = config.delivery.if_exists == "skip valid"
    stages = config.limits.stages(is_fast=target.is_fast, looks=looks, reads_slowly=config.reads_slowly)
    return Pipeline(
        **stages._asdict(),
        loop=target.loop if stages.publishers else None,
        owner=Owner("the writer", "frame", closed=WriterClosedError, stopped=WriterAbortedError),
    )


def spool_of(config: WriterConfig) -> Spool | None:
    """Return the spool that the settings name; None without one. Raises OptionError, SpoolError."""
    if config.delivery.spool_folder is None:
        return None  # without its modules, which take a tenth of the start of a save
    from seqsave.spool import open_spool

    return open_spool(config.delivery.spool_folder)
