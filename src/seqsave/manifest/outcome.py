"""What a run reports at its end, and what a listing shows then."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from seqsave.manifest.document import UNKNOWN_VERSION
from seqsave.manifest.records import FrameEntry, Key

__all__ = ["Listing", "Outcome", "Seen", "is_same_file"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of a run.

    frames:  the frames that it wrote, and existing frames that it kept (checksum None).
    lost:    (index, batch) of accepted frames that are not in the storage: failed, given up, kept in the spool.
    wanted:  further expected indices, of frames that other runs or programs wrote.
    sound:   it ran to its end and lost nothing. Without a total, the frames that it saved are all expected frames.
    defines: it is a run over the whole sequence, and does not only replace single frames.
    """

    frames: Collection[FrameEntry] = ()
    lost: Collection[Key] = field(default_factory=frozenset)
    wanted: Collection[int] = ()
    sound: bool = True
    defines: bool = True


@dataclass(frozen=True, slots=True)
class Seen:
    """One frame as a listing shows it: its size in bytes, and its version, or None if the storage has none."""

    size: int
    version: str | None


Listing = Mapping[str, Seen]
"""A listing of the sequence's folder, by the names that a manifest uses."""


def is_same_file(frame: FrameEntry, seen: Seen) -> bool:
    """Return True if the listing shows the recorded file. Without versions, this compares sizes."""
    if frame.size != seen.size or frame.version == UNKNOWN_VERSION:
        return False
    return seen.version in (None, frame.version) or frame.version is None
