"""Is this sequence whole and sound: missing, empty, duplicate, undecodable frames, and those of another size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from seqsave import naming
from seqsave.errors import DecodeError, FrameNameError
from seqsave.reader import Frame, FrameSequence

__all__ = ["Finding", "Verification", "verify"]

MOST_MISSING = 1_000_000

Kind = Literal["missing", "empty", "duplicate", "undecodable", "size"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something wrong with one frame. ``url`` is None for a frame that is not there."""

    kind: Kind
    index: int
    batch: int | None = None
    url: str | None = None
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What ``verify`` found: ``findings`` by index, then batch.

    frames: how many there are. decoded: how many of them were read and decoded.
    shape:  of most pictures, as ``1920x1080, 3 channels, uint8``; None when none was decoded.
    """

    url: str
    pattern: str
    frames: int
    decoded: int
    shape: str | None
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def indices(self, kind: Kind | None = None) -> tuple[int, ...]:
        """The indices of all findings, or of one kind, ascending: the frames to render again."""
        return tuple(sorted({found.index for found in self.findings if kind in (None, found.kind)}))


def verify(
    sequence: FrameSequence,
    *,
    expected: range | None = None,
    deep: bool = False,
    on_frame: Callable[[Frame], None] = lambda _: None,
) -> Verification:
    """Look whether every frame is there, once, and not empty; with ``deep`` also read and decode each one.

    expected: the indices that there should be; by default those from the first to the last one that is there. Frames
              in batch folders are expected in each of these.
    deep:     a picture whose size, channels or dtype differ from those of most is told as ``size``.
    on_frame: told each frame that has been looked into.

    Raises TargetError when the storage fails, EncoderNotFoundError and EncoderUnavailableError when nothing here reads
    the format, FrameNameError when more than a million frames are missing: a stray number makes the gap then.
    """
    findings = [*_missing(sequence, expected), *_duplicate(sequence), *_empty(sequence)]
    shape, decoded = None, 0
    if deep:
        shapes = _shapes(sequence, on_frame)
        decoded = len(shapes)
        shape, more = _judged(shapes)
        findings += more
    findings.sort(key=lambda found: (found.index, -1 if found.batch is None else found.batch, found.kind))
    return Verification(
        url=sequence.url,
        pattern=sequence.pattern,
        frames=len(sequence),
        decoded=decoded,
        shape=shape,
        findings=tuple(findings),
    )


def _missing(sequence: FrameSequence, expected: range | None) -> Iterable[Finding]:
    there: dict[int | None, set[int]] = {}
    for frame in sequence:
        there.setdefault(frame.batch, set()).add(frame.index)
    if len(there) > 1:
        there.pop(None, None)  # frames beside batch folders are another run's
    indices = sequence.indices
    wanted = range(indices[0], indices[-1] + 1) if expected is None else expected
    if len(there) * len(wanted) - len(sequence) > MOST_MISSING:
        raise FrameNameError(
            f"{sequence.pattern} in {sequence.url} has {len(sequence)} frames between {wanted.start} and "
            f"{wanted.stop - 1} ({naming.format_ranges(sequence.ranges, 10)}): give the range that there should be"
        )
    for batch, own in there.items():
        yield from (Finding(kind="missing", index=index, batch=batch) for index in wanted if index not in own)


def _duplicate(sequence: FrameSequence) -> Iterable[Finding]:
    for frame in sequence.duplicates:
        own = sequence.frame(frame.index, frame.batch)
        message = f"{frame.name} has the number of {own.name}"
        yield Finding(kind="duplicate", index=frame.index, batch=frame.batch, url=frame.url, message=message)


def _empty(sequence: FrameSequence) -> Iterable[Finding]:
    for frame in sequence:
        if frame.size == 0:
            yield Finding(
                kind="empty", index=frame.index, batch=frame.batch, url=frame.url, message=f"{frame.name} has no bytes"
            )


def _shapes(sequence: FrameSequence, on_frame: Callable[[Frame], None]) -> list[tuple[Frame, str | DecodeError]]:
    """Each frame that is not empty with its picture's shape, or why there is none."""

    def look(frame: Frame, data: bytes) -> tuple[Frame, str | DecodeError]:
        try:
            array = frame.decode(data).array
        except DecodeError as error:
            return frame, error
        height, width, channels = array.shape
        return frame, f"{width}x{height}, {channels} channel{'s' if channels > 1 else ''}, {array.dtype}"

    found = []
    for frame, shape in sequence.decoded(look):
        if frame.size:
            found.append((frame, shape))
        on_frame(frame)
    return found


def _judged(shapes: list[tuple[Frame, str | DecodeError]]) -> tuple[str | None, list[Finding]]:
    counted = Counter(shape for _, shape in shapes if isinstance(shape, str))
    usual = counted.most_common(1)[0][0] if counted else None
    findings = []
    for frame, shape in shapes:
        if isinstance(shape, DecodeError):
            kind: Kind = "undecodable"
            message = str(shape)
        elif shape != usual:
            kind, message = "size", f"{frame.name} is {shape}, most are {usual}"
        else:
            continue
        findings.append(Finding(kind=kind, index=frame.index, batch=frame.batch, url=frame.url, message=message))
    return usual, findings
