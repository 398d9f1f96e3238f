"""What a run reports at its end, and what a listing shows then."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from seqsave import naming
from seqsave.manifest.document import UNKNOWN_VERSION
from seqsave.manifest.records import FrameEntry, Key

__all__ = ["Listing", "Outcome", "Seen", "as_recorded", "is_same_file", "listing_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of a run.

    frames:  the frames that it wrote, and existing frames that it kept (checksum None).
    lost:    (index, batch) of accepted frames that are not in the storage: failed, given up, kept in the spool.
    wanted:  further expected indices, of frames that other runs or programs wrote.
    sound:   it ran to its end and lost nothing. Without a total, the frames that it saved are all expected frames.
    defines: it is a run over the whole sequence, and does not only replace single frames.
    tidied:  it has deleted the sidecars that the replaced frames had. Otherwise those of equal bytes are still theirs.
    """

    frames: Collection[FrameEntry] = ()
    lost: Collection[Key] = field(default_factory=frozenset)
    wanted: Collection[int] = ()
    sound: bool = True
    defines: bool = True
    tidied: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """One frame as a listing shows it: its size in bytes, and its version, or None if the storage has none."""

    size: int
    version: str | None


Listing = Mapping[str, Seen]
"""A listing of the sequence's folder, by the names that a manifest uses."""


class _InBothForms(Mapping[str, Seen]):
    """A listing in which a file is also found under the other Unicode form of its name."""

    def __init__(self, found: Mapping[str, Seen]) -> None:
        self._found = found
        self._names = {naming.normalized(name): name for name in found if not name.isascii()}

    def __getitem__(self, name: str) -> Seen:
        seen = self._found.get(name)
        return self._found[self._names[naming.normalized(name)]] if seen is None else seen

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


def listing_of(found: Mapping[str, Seen]) -> Listing:
    """Return a listing in which names are found in both of their Unicode forms."""
    return found if all(map(str.isascii, found)) else _InBothForms(found)


def is_same_file(frame: FrameEntry, seen: Seen) -> bool:
    """Return True if the listing shows the recorded file. Without versions, this compares sizes."""
    if frame.size != seen.size or frame.version == UNKNOWN_VERSION:
        return False
    return seen.version in (None, frame.version) or frame.version is None


def as_recorded(frames: Iterable[FrameEntry]) -> Listing:
    """Return a listing that shows each frame as it is recorded."""
    return {frame.name: Seen(frame.size or 0, frame.version) for frame in frames}
