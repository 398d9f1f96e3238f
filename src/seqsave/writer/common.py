"""The objects that all file types of one writer share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqsave import targets
from seqsave.types import SavedFrame

if TYPE_CHECKING:
    from seqsave.runtime.pipeline import Pipeline
    from seqsave.settings.config import WriterConfig
    from seqsave.spool import Spool
    from seqsave.writer.events import EventLog

__all__ = ["Common", "spool_of"]


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


def spool_of(config: WriterConfig) -> Spool | None:
    """Return the spool that the settings name; None without one. Raises OptionError, SpoolError."""
    if config.delivery.spool_folder is None:
        return None  # without its modules, which take a tenth of the start of a save
    from seqsave.spool import open_spool

    return open_spool(config.delivery.spool_folder)
