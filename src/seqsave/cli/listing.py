"""The line and the JSON document about a sequence, as ``ls`` and ``info`` print them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seqsave.errors import ManifestError, SeqSaveWarning, TargetError
from seqsave.wording import counted, first_of, format_size

if TYPE_CHECKING:
    from seqsave.sequences.lost import LostSequence
    from seqsave.sequences.progress import Progress
    from seqsave.sequences.reader import FrameSequence

__all__ = [
    "document_of",
    "frames_of",
    "is_complete",
    "line_of",
    "lost_document_of",
    "lost_line_of",
    "progress_of",
    "state_of",
]

# Longer lists of gaps are shortened, except with --json.
RUNS_SHOWN = 20
SIZES_SHOWN = 5


def line_of(sequence: FrameSequence, progress: Progress | None) -> str:
    """Return the line about a sequence: ``frame_#####.png 0-119 (119 frames; 1 missing: 17)  48.2 MB``."""
    return f"{_shown(sequence)} {frames_of(sequence, progress)}  {_size(sequence)}{state_of(progress)}"


def lost_line_of(lost: LostSequence) -> str:
    """Return the line about a sequence without a frame: ``frame_#####.png (no frame left), 5 frames to render ...``."""
    return f"{_in_folder(lost.folder, lost.pattern)} ({lost.state}), {lost.lacking}"


def lost_document_of(lost: LostSequence) -> dict[str, Any]:
    """Return JSON values about a sequence without a frame."""
    from seqsave import naming

    return {
        "pattern": _in_folder(lost.folder, lost.pattern),
        "manifest": lost.manifest,
        "has_writers": lost.has_writers,
        "render_again": naming.format_ranges(lost.expected),
    }


def _size(sequence: FrameSequence) -> str:
    """Return the size of all files as text: ``48.2 MB``."""
    return format_size(sequence.size) if _has_size(sequence) else "size not known"


def _has_size(sequence: FrameSequence) -> bool:
    """Return False for sequences on a web server, whose listings state no sizes."""
    return all(frame.size is not None for frame in sequence)


def frames_of(sequence: FrameSequence, progress: Progress | None) -> str:
    """Return the existing and missing frames: ``0-119 (118 frames; 1 missing: 17; 1 cannot be read: 20)``."""
    from seqsave.manifest.intervals import subtract

    indices = sequence.indices
    gaps, broken = _gaps(sequence, progress), _broken(sequence)
    missing = subtract(gaps, broken)
    span = str(indices[0]) if indices[0] == indices[-1] else f"{indices[0]}-{indices[-1]}"
    if gaps != sequence.missing_ranges:
        span = _ranges(sequence.ranges)
    facts = [counted(len(sequence), "frame")]
    batches = sequence.batches
    if batches:
        facts[0] += f" in {counted(len(batches), 'batch', 'batches')}: {_ranges(_runs(batches))}"
    if missing:
        facts.append(f"{sum(map(len, missing))} missing: {_ranges(missing)}")
    if sequence.duplicates:
        twice = sorted({frame.index for frame in sequence.duplicates})
        facts.append(f"{len(twice)} more than once: {_ranges(_runs(twice))}")
    empty = sorted({frame.index for frame in sequence if frame.size == 0})
    if empty:
        facts.append(f"{len(empty)} empty: {_ranges(_runs(empty))}")
    if broken:
        facts.append(f"{sum(map(len, broken))} cannot be read: {_ranges(broken)}")
    return f"{span} ({'; '.join(facts)})"


def state_of(progress: Progress | None) -> str:
    """Return the state of a sequence, and the frames to render again: ``, unfinished, 40 of 240; ...``."""
    state = f", {progress}" if progress is not None and progress.state is not None else ""
    again = ""
    if progress is not None and progress.render_again:
        again = f"; to render again: {_ranges(progress.render_again)}"
    return f"{state}{again}{_sizes(progress)}"


def _sizes(progress: Progress | None) -> str:
    if progress is None or len(progress.sizes) < 2:
        return ""
    parts = [f"{size} ({_ranges(runs)})" for size, runs in progress.sizes.items()]
    return f"; of several sizes: {first_of(parts, SIZES_SHOWN)}"


def _broken(sequence: FrameSequence) -> tuple[range, ...]:
    """Return the numbers of files that cannot be read."""
    return _runs(sorted({one.index for one in sequence.unreadable}))


def _gaps(sequence: FrameSequence, progress: Progress | None) -> tuple[range, ...]:
    """Return the gaps, without numbers that the manifest does not expect."""
    from seqsave.manifest.intervals import subtract

    gaps = sequence.missing_ranges
    if progress is None or progress.expected is None:
        return gaps
    return subtract(gaps, subtract(gaps, progress.expected))


def progress_of(sequence: FrameSequence) -> Progress:
    """Return the state of a sequence; ``unread``, with a warning, if its manifest cannot be read here."""
    from seqsave.sequences.progress import Progress, progress_of

    try:
        return progress_of(sequence)
    except (ManifestError, TargetError) as error:
        warnings.warn(f"{sequence.pattern} is listed without its manifest: {error}", SeqSaveWarning, stacklevel=2)
        return Progress(state="unread", obstacles=(str(error),))


def is_complete(progress: Progress | None) -> bool | None:
    """Return whether the sequence is complete; None without a readable manifest."""
    if progress is None or progress.state in (None, "damaged", "unread"):
        return None
    return progress.state == "complete"


def _shown(sequence: FrameSequence) -> str:
    return _in_folder(sequence.prefix.rpartition("/")[0], sequence.pattern)


def _in_folder(folder: str, pattern: str) -> str:
    return f"{folder}/{pattern}" if folder else pattern


def _runs(numbers: Sequence[int]) -> tuple[range, ...]:
    from seqsave import naming

    return naming.to_ranges(numbers)


def _ranges(runs: Sequence[range]) -> str:
    from seqsave import naming

    return naming.format_ranges(runs, RUNS_SHOWN)


def document_of(sequence: FrameSequence, progress: Progress | None) -> dict[str, Any]:
    from seqsave import naming
    from seqsave.manifest.intervals import subtract

    indices, broken = sequence.indices, _broken(sequence)
    missing = subtract(_gaps(sequence, progress), broken)
    return {
        "pattern": _shown(sequence),
        "url": sequence.url,
        "prefix": sequence.prefix,
        "digits": sequence.digits,
        "extension": sequence.extension,
        "filetype": sequence.filetype,
        "first": indices[0],
        "last": indices[-1],
        "count": len(sequence),
        "indices": naming.format_ranges(sequence.ranges),
        "missing": naming.format_ranges(missing),
        "missing_count": sum(map(len, missing)),
        "empty": naming.format_ranges(_runs(sorted({frame.index for frame in sequence if frame.size == 0}))),
        "unreadable": naming.format_ranges(broken),
        "batches": list(sequence.batches),
        "size": sequence.size if _has_size(sequence) else None,
        "complete": is_complete(progress),
        "progress": None if progress is None else progress.as_document(),
    }
