"""Findings about the frames of a sequence, and those of a comparison with its manifest."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Literal

from seqsave import naming, targets
from seqsave.errors import TargetError
from seqsave.manifest import MOST_READ, FrameEntry, Listing, Manifest, list_frames
from seqsave.sequences.frame import Frame, name_below
from seqsave.sequences.reader import FrameSequence
from seqsave.wording import CRC32, counted, crc32_text

__all__ = ["Finding", "Kind", "Obstacle", "against", "key_of", "of_other_versions"]

Kind = Literal[
    "missing",
    "older",
    "mixed",
    "empty",
    "duplicate",
    "unreadable",
    "undecodable",
    "size",
    "changed",
    "disputed",
    "foreign",
    "unjudged",
]
Obstacle = Literal["unsupported", "too large", "no decoder", "not permitted", "unknown checksum"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A problem of one frame. ``url`` is None for a missing frame.

    kind:     the problem; ``message`` describes it.
    older:    a run that was to replace the frame was interrupted before that.
    mixed:    two runs have replaced frames of each other: this one is not from the run that began later.
    index, batch: the frame's numbers; ``batch`` is None outside of batch folders.
    unreadable: the storage refuses to return the file, or it is none, as a link to a missing file.
    undecodable: the file is damaged.
    size:     size, channels or dtype differ from most pictures.
    changed:  size or checksum differ from the manifest. disputed: the frame was replaced after it was recorded.
    foreign:  the frame is not in the manifest.
    unjudged: the picture cannot be checked here, see ``reason``.

    reason: why a frame is unjudged. ``"unsupported"``: its decoder does not read this kind of file. ``"too large"``: it
            has more pixels than are allowed, or than memory holds; ``pixels`` is W x H as far as it is known.
            ``"no decoder"``: no decoder of its file type is installed. ``"not permitted"``: this user may not read the
            file. ``"unknown checksum"``: its bytes cannot be compared, as the manifest has a checksum of another
            algorithm than seqsave knows. None for every other kind.
    is_recorded: the bytes of an unjudged frame are those that the manifest records, by their checksum.
    """

    kind: Kind
    index: int
    batch: int | None = None
    url: str | None = None
    message: str = ""
    reason: Obstacle | None = None
    pixels: int = 0
    is_recorded: bool = False


def key_of(frame: Frame) -> tuple[int, int | None]:
    """Return index and batch of a frame, by which a manifest knows it."""
    return frame.index, frame.batch


def against(
    known: Manifest,
    unrecorded: Collection[tuple[int, int | None]],
    sequence: FrameSequence,
    checksums: dict[tuple[int, int | None], str],
) -> Iterable[Finding]:
    """Yield the differences from the manifest.

    unrecorded: frames of an interrupted run, which it could not record. checksums: those of the frames that were read.
    """
    entries, disputed = {entry.key: entry for entry in known.frames}, {entry.key for entry in known.disputed}
    for frame in sequence:
        entry, checksum = entries.get(key_of(frame)), checksums.get(key_of(frame))
        reason: Obstacle | None = None
        if key_of(frame) in unrecorded:
            continue
        if entry is None:
            kind: Kind = "foreign"
            message = f"{name_below(frame)} is not in the manifest"
        elif entry.key in disputed:
            kind, message = "disputed", f"{name_below(frame)} was replaced after it was recorded"
        else:
            kind, message = "changed", _difference(frame, entry, checksum)
            if not message and checksum is not None and not (entry.checksum or CRC32).startswith(CRC32):
                kind, reason = "unjudged", "unknown checksum"
                message = (
                    f"{name_below(frame)} is recorded with the checksum {entry.checksum:.80}, of an unknown algorithm"
                )
        if message:
            yield Finding(
                kind=kind, index=frame.index, batch=frame.batch, url=frame.url, message=message, reason=reason
            )


def _difference(frame: Frame, entry: FrameEntry, checksum: str | None) -> str:
    """Return how a frame differs from its entry; "" if it does not, or if it is empty, which is another finding."""
    if frame.size and entry.size not in (None, frame.size):
        return f"{name_below(frame)} has {counted(frame.size, 'byte')}, {entry.size} were written"
    has_both = checksum is not None and entry.checksum is not None and entry.checksum.startswith(CRC32)
    if has_both and checksum != entry.checksum:
        return f"{name_below(frame)} has the checksum {checksum}, {entry.checksum} was written"
    return ""


def of_other_versions(
    sequence: FrameSequence, known: Manifest
) -> tuple[dict[tuple[int, int | None], str], tuple[range, ...]]:
    """Return the checksums of frames whose versions are not the recorded ones, and which of these were not read.

    Frames that cannot be read are among the latter. Raises TargetError for temporary failures.
    """
    entries = {entry.key: entry for entry in known.frames if _may_be_compared(entry)}
    frames = [frame for frame in sequence if key_of(frame) in entries and frame.size == entries[key_of(frame)].size]
    if sequence.target is None or not frames:
        return {}, ()
    names = [entries[key_of(frame)].name for frame in frames]
    look = partial(list_frames, sequence.target, sequence.prefix, names)
    listing = targets.with_retries(sequence.target, look) or {}
    suspects = [frame for frame in frames if _has_other_version(entries[key_of(frame)], listing)]
    if not suspects:  # then no threads are needed, which take time to import
        return {}, ()
    total = accumulate(frame.size or 0 for frame in suspects)
    chosen = [frame for frame, size in zip(suspects, total, strict=True) if size <= MOST_READ]

    def note(frame: Frame, error: BaseException) -> str:
        if isinstance(error, TargetError) and not error.transient:
            return ""
        raise error

    read = sequence.part(chosen).decoded(lambda _, data: crc32_text(zlib.crc32(data)), on_error=note)
    found = {key_of(frame): checksum for frame, checksum in zip(chosen, read, strict=True) if checksum}
    return found, naming.to_ranges(sorted({frame.index for frame in suspects if key_of(frame) not in found}))


def _may_be_compared(entry: FrameEntry) -> bool:
    return entry.version is not None and entry.checksum is not None and not entry.disputed


def _has_other_version(entry: FrameEntry, listing: Listing) -> bool:
    seen = listing.get(entry.name)
    return seen is not None and seen.version not in (None, entry.version)
