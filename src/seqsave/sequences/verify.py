"""Verify a sequence: find frames that are missing, empty, duplicate, damaged, of another size, or not as recorded.

A frame that cannot be decoded here, but may be sound, has a kind of its own: ``unjudged``.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from seqsave import naming
from seqsave.errors import (
    DecodeError,
    EncoderNotFoundError,
    EncoderUnavailableError,
    FrameNameError,
    SeqSaveError,
    TargetError,
)
from seqsave.manifest import Manifest
from seqsave.manifest.intervals import Intervals, subtract
from seqsave.sequences.findings import Finding, Kind, Obstacle, against, key_of, of_other_versions
from seqsave.sequences.frame import MAX_PIXELS, Frame, name_below
from seqsave.sequences.progress import Progress, State, progress_of
from seqsave.sequences.reader import FrameSequence
from seqsave.wording import counted, crc32_text

__all__ = ["Finding", "Verification", "verify"]

MOST_MISSING = 1_000_000
# Of a file that this user may not read nothing is known.
_REFUSED = ("denied", "not_permitted")
# A frame with only these findings may be sound, and need not be rendered again.
_HARMLESS = ("foreign", "unjudged", "duplicate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The result of ``verify``. ``findings`` are sorted by index, then batch.

    frames:  number of existing frames. read: number of frames that were read. decoded: how many of these were decoded.
    shape:   that of most pictures, such as ``1920x1080, 3 channels, uint8``; None if unknown.
    expected: the expected frames as ranges, from the argument or the manifest; None if neither states them, so that
              frames after the last one may be missing.
    manifest:    state of the manifest, see ``Progress``; None if it does not exist.
    progress:    how far the sequence has come, as its manifest and its files show.
    obstacles:   why the manifest is not complete, each as one clause.
    has_writers: True if the manifest names runs that are writing the sequence.
    uncompared:  frames whose versions are not the recorded ones, and that were not read, as ranges.
    """

    url: str
    pattern: str
    frames: int
    read: int
    decoded: int
    shape: str | None
    findings: tuple[Finding, ...]
    expected: tuple[range, ...] | None = None
    manifest: State | None = None
    progress: Progress = field(default_factory=Progress)
    obstacles: tuple[str, ...] = ()
    has_writers: bool = False
    uncompared: tuple[range, ...] = ()

    @property
    def ok(self) -> bool:
        """Return whether the sequence has no problem, and no frame that cannot be judged."""
        return not self.findings and not self.obstacles

    def indices(self, kind: Kind | None = None) -> tuple[int, ...]:
        """Return the indices of one kind of findings, ascending; by default those of all frames to render again.

        Frames that are only foreign or duplicate, or that cannot be judged, need not be rendered again.
        """
        wanted = [one for one in self.findings if (one.kind not in _HARMLESS if kind is None else one.kind == kind)]
        return tuple(sorted({found.index for found in wanted}))


def verify(
    sequence: FrameSequence,
    *,
    expected: Collection[int] | None = None,
    deep: bool = False,
    max_pixels: int = MAX_PIXELS,
    on_frame: Callable[[Frame], None] = lambda _: None,
) -> Verification:
    """Check that every frame exists once and is not empty; with ``deep`` also read and decode each frame.

    Without ``deep``, frames whose versions are not the recorded ones are read, and their checksums compared: such files
    were replaced, maybe by others of the same size, or copied. At most 512 MiB are read; ``uncompared`` has the rest.

    expected: the expected indices, as a range or a set: no other frames are looked at. By default those of the
              manifest; without one, those from the first to the last existing frame, and all frames are looked at.
              Frames in batch folders are expected in each of these.
    deep:     take the pictures' size, channels and dtype from the files instead of the manifest. Either way a picture
              that differs from most is reported as ``size``; one that cannot be decoded here, as ``unjudged``.
    max_pixels: W x H of the largest picture that is decoded.
    on_frame: called with each frame that has been read.

    Raises TargetError if the storage fails, FrameNameError if more than a million frames are missing, since a stray
    number makes the gap then.
    """
    progress = progress_of(sequence)
    known = progress.known
    findings = [*_missing(sequence, expected, known), *_duplicate(sequence), *_empty(sequence), *_older(progress)]
    findings += _unreadable(sequence)
    shown = sequence if expected is None else sequence.part([frame for frame in sequence if frame.index in expected])
    looks = _looks(shown, max_pixels, on_frame) if deep else _recorded(shown, known)
    checksums = {key_of(look.frame): look.checksum for look in looks if look.checksum is not None}
    read = len(checksums)
    uncompared: tuple[range, ...] = ()
    if known is not None and not deep:
        checksums, uncompared = of_other_versions(shown, known)
    written = {entry.key: entry.checksum for entry in known.frames} if known is not None else {}
    shape, more = _judged(_expected(looks, progress) if expected is None else looks, written)
    findings += more
    if known is not None:
        findings += against(known, progress.unrecorded, shown, checksums)
    findings = [found for found in findings if expected is None or found.index in expected]
    findings.sort(key=lambda found: (found.index, -1 if found.batch is None else found.batch, found.kind))
    return Verification(
        url=sequence.url,
        pattern=sequence.pattern,
        frames=len(shown),
        read=read,
        decoded=sum(isinstance(look.shape, str) and look.checksum is not None for look in looks),
        shape=shape,
        findings=tuple(findings),
        expected=naming.to_ranges(_ascending(expected))
        if expected is not None
        else progress.expected
        if progress.has_end
        else None,
        manifest=_state_of(progress),
        progress=progress,
        obstacles=progress.obstacles,
        has_writers=known is not None and bool(known.writers),
        uncompared=uncompared,
    )


def _state_of(progress: Progress) -> State | None:
    """Return the state of the manifest, which may differ from that of the files."""
    is_complete = progress.known is not None and progress.known.complete
    return "complete" if is_complete else progress.state


def _older(progress: Progress) -> Iterable[Finding]:
    kinds: tuple[tuple[Kind, dict[int | None, Intervals]], ...] = (("older", progress.older), ("mixed", progress.mixed))
    for kind, found in kinds:
        for batch, runs in found.items():
            yield from (Finding(kind=kind, index=index, batch=batch) for run in runs for index in run)


def _ascending(indices: Collection[int]) -> Sequence[int]:
    return indices if isinstance(indices, range) else sorted(indices)


def _wanted(sequence: FrameSequence, expected: Collection[int] | None, known: Manifest | None) -> Sequence[int]:
    if expected is not None:
        return _ascending(expected)
    if known is not None and known.expected:
        return [index for run in known.expected for index in run]
    return range(sequence.indices[0], sequence.indices[-1] + 1)


def _missing(sequence: FrameSequence, expected: Collection[int] | None, known: Manifest | None) -> Iterable[Finding]:
    batches = known.batches if known is not None and known.expected else sequence.batches or (None,)
    there: dict[int | None, set[int]] = {batch: set() for batch in batches}
    for frame in sequence:
        if frame.batch in there:  # the others are another run's
            there[frame.batch].add(frame.index)
    wanted = _wanted(sequence, expected, known)
    if len(there) * len(wanted) - len(sequence) > MOST_MISSING:
        raise FrameNameError(
            f"{sequence.pattern} in {sequence.url} has {len(sequence)} frames between {wanted[0]} and "
            f"{wanted[-1]} ({naming.format_ranges(sequence.ranges, 10)}): give the expected range"
        )
    for one in sequence.unreadable:
        there.get(one.batch, set()).add(one.index)  # another finding
    for batch, own in there.items():
        yield from (Finding(kind="missing", index=index, batch=batch) for index in wanted if index not in own)


def _unreadable(sequence: FrameSequence) -> Iterable[Finding]:
    there = {key_of(frame) for frame in sequence}
    for one in sequence.unreadable:
        if (one.index, one.batch) not in there:
            url = f"{sequence.url}/{one.name}" if one.batch is None else None
            message = f"{one.name} is {one.problem}"
            yield Finding(kind="unreadable", index=one.index, batch=one.batch, url=url, message=message)


def _duplicate(sequence: FrameSequence) -> Iterable[Finding]:
    for frame in sequence.duplicates:
        own = sequence.frame(frame.index, frame.batch)
        name, other = naming.distinct(name_below(frame), name_below(own))
        message = f"{name} has the number of {other}"
        yield Finding(kind="duplicate", index=frame.index, batch=frame.batch, url=frame.url, message=message)


def _empty(sequence: FrameSequence) -> Iterable[Finding]:
    for frame in sequence:
        if frame.size == 0:
            yield Finding(
                kind="empty",
                index=frame.index,
                batch=frame.batch,
                url=frame.url,
                message=f"{name_below(frame)} has no bytes",
            )


@dataclass(frozen=True, slots=True)
class _Look:
    """A frame with its picture's shape or the error, and the checksum of its bytes; None if it could not be read."""

    frame: Frame
    shape: str | SeqSaveError
    checksum: str | None


def _looks(sequence: FrameSequence, max_pixels: int, on_frame: Callable[[Frame], None]) -> list[_Look]:
    """Read and decode each frame that is not empty."""

    def look(frame: Frame, data: bytes) -> _Look:
        checksum = crc32_text(zlib.crc32(data))
        try:
            decoded = frame.decode(data, max_pixels=max_pixels)
        except (DecodeError, EncoderNotFoundError, EncoderUnavailableError) as error:
            return _Look(frame, error, checksum)
        height, width, channels = decoded.array.shape
        width, height = decoded.canvas or (width, height)
        array = decoded.array
        return _Look(frame, _shape(width, height, channels, str(array.dtype)), checksum)

    def note(frame: Frame, error: BaseException) -> _Look:
        # A temporary failure is the storage's: each later frame would wait for it as well.
        if isinstance(error, TargetError) and not error.transient:
            return _Look(frame, error, None)
        raise error

    found = []
    for seen in sequence.decoded(look, on_error=note):
        if seen.frame.size != 0:
            found.append(seen)
        on_frame(seen.frame)
    return found


def _recorded(sequence: FrameSequence, known: Manifest | None) -> list[_Look]:
    """Return the shapes in the manifest of frames that have not changed since they were recorded."""
    entries = {entry.key: entry for entry in known.frames if not entry.disputed} if known is not None else {}
    found = []
    for frame in sequence:
        entry = entries.get(key_of(frame))
        if entry is not None and entry.picture is not None and frame.size in (None, entry.size):
            picture = entry.picture
            shape = _shape(picture.width, picture.height, picture.channels, picture.dtype)
            found.append(_Look(frame, shape, None))
    return found


def _shape(width: int, height: int, channels: int, dtype: str) -> str:
    return f"{width}x{height}, {counted(channels, 'channel')}, {dtype}"


def _expected(looks: list[_Look], progress: Progress) -> list[_Look]:
    """Return the expected frames, and those that could not be decoded: older frames may have another size."""
    there = naming.to_ranges(sorted({look.frame.index for look in looks}))
    beyond = subtract(there, progress.expected) if progress.expected else ()
    indices = {index for run in beyond for index in run}
    return [look for look in looks if not isinstance(look.shape, str) or look.frame.index not in indices]


def _judged(
    looks: list[_Look], written: Mapping[tuple[int, int | None], str | None]
) -> tuple[str | None, list[Finding]]:
    """Return the shape of most pictures, and findings about the others. written: checksums in the manifest."""
    shapes = Counter(look.shape for look in looks if isinstance(look.shape, str))
    usual = shapes.most_common(1)[0][0] if shapes else None
    findings = []
    for look in looks:
        frame, shape = look.frame, look.shape
        reason, pixels = None, 0
        if isinstance(shape, SeqSaveError):
            reason = _reason(shape)
            kind: Kind = "unjudged" if reason else "unreadable" if isinstance(shape, TargetError) else "undecodable"
            message = str(shape)
            pixels = shape.pixels if isinstance(shape, DecodeError) else 0
        elif shape != usual:
            kind, message = "size", f"{name_below(frame)} is {shape}, most are {usual}"
        else:
            continue
        findings.append(
            Finding(
                kind=kind,
                index=frame.index,
                batch=frame.batch,
                url=frame.url,
                message=message,
                reason=reason,
                pixels=pixels,
                is_recorded=reason is not None and look.checksum == written.get(key_of(frame)),
            )
        )
    return usual, findings


def _reason(error: SeqSaveError) -> Obstacle | None:
    """Return why a frame cannot be judged; None if the frame is damaged."""
    if isinstance(error, TargetError) and error.fault in _REFUSED:
        return "not permitted"
    if isinstance(error, EncoderNotFoundError | EncoderUnavailableError):
        return "no decoder"
    if isinstance(error, DecodeError) and error.reason != "damaged":
        return error.reason
    return None
