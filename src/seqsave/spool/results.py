"""What a flush of the spool returns: the outcome of each frame that waited in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

__all__ = ["FlushResult", "FlushStatus", "FlushedFrame"]

FlushStatus = Literal["published", "superseded", "gone", "conflict", "failed", "waiting", "damaged", "unread"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlushedFrame:
    """The outcome of one frame that waited in the spool.

    index:    None for an entry that cannot be read. batch: None for a frame without variations.
    url:      URL of the frame, without secrets.
    status:   ``published``; ``superseded``: a newer frame of the same name takes its place, or an existing file does,
              as its run keeps those (reason ``exists``); ``gone``: its file was deleted from the spool before it was
              published; ``conflict``: another file has its name, which it must not replace; ``failed``; ``waiting``:
              not tried, because others failed or another process publishes them; ``damaged``: put aside; ``unread``:
              made by a newer version of seqsave, or not readable now.
    reason:   of a conflict: ``exists`` (with ``if_exists="error"``), ``changed`` (the file was written after the frame
              was put into the spool), ``other name`` (the storage ignores case, and has a file of
              another name), ``unreadable`` (the file cannot be read, so this is unknown); otherwise "".
    message:  why the frame is not published and what to do; "" if it is.
    verified: the storage acknowledged the checksum, or the bytes were read back and compared.
    size:     bytes of all files of the frame. files: their paths, relative to ``target``.
    target:   URL of the target. place: what distinguishes it from others with the same URL.
    time:     when the frame was put into the spool, ISO 8601, UTC. why: the reason for that.
    file:     the entry's path in the spool. exception: the error behind ``failed`` and ``waiting``, if there is one.
    """

    index: int | None
    batch: int | None
    url: str
    status: FlushStatus
    reason: str = ""
    message: str = ""
    verified: bool = False
    size: int = 0
    files: tuple[str, ...] = ()
    path: str = ""
    target: str = ""
    place: Mapping[str, str] = field(default_factory=dict, repr=False)
    time: str = ""
    why: str = ""
    file: str = ""
    exception: BaseException | None = field(default=None, repr=False, compare=False)

    @property
    def is_left(self) -> bool:
        """Return True if the frame is still in the spool only."""
        return self.status not in ("published", "superseded", "gone")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class FlushResult:
    """The result of ``flush``. ``spool`` is the folder, ``outcomes`` has one record for each frame, in order."""

    spool: str
    outcomes: tuple[FlushedFrame, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Return the number of frames by status. All keys are always present."""
        counted = Counter[str](one.status for one in self.outcomes)
        return {name: counted[name] for name in get_args(FlushStatus)}

    @property
    def frames(self) -> tuple[FlushedFrame, ...]:
        """Return the frames that were published."""
        return tuple(one for one in self.outcomes if one.status == "published")

    @property
    def conflicts(self) -> tuple[FlushedFrame, ...]:
        """Return the frames that would replace files that they must not replace. They are still in the spool."""
        return tuple(one for one in self.outcomes if one.status == "conflict")

    @property
    def failures(self) -> tuple[FlushedFrame, ...]:
        """Return the other frames that are still in the spool: not published, not tried, or not readable."""
        return tuple(one for one in self.outcomes if one.is_left and one.status != "conflict")

    @property
    def left(self) -> tuple[FlushedFrame, ...]:
        """Return all frames that are still in the spool."""
        return tuple(one for one in self.outcomes if one.is_left)

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {name}" for name, count in self.counts.items() if count) or "nothing waited"
        return f"<FlushResult {self.spool}: {counts}>"
