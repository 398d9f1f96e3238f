"""The frames of a range, as *Load Frames* asks for it, and what is missing of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqsave import FrameNameError, ManifestError, SequenceNotFoundError, TargetError, naming

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from seqsave import Frame, FrameSequence

__all__ = ["Chosen", "ChosenPictures", "chosen", "chosen_pictures"]

# The limit of one IMAGE batch: far more than fits into memory, and few enough to count through.
_MOST_FRAMES = 1_000_000


@dataclass(frozen=True, slots=True)
class Chosen:
    """The frames to load, in order, some of them more than once. notes: lines for the user about missing ones."""

    frames: list[Frame]
    notes: list[str]


def chosen(sequence: FrameSequence, start: int, count: int, step: int, missing: str) -> Chosen:
    """Return the frames to load. Raises SequenceNotFoundError, FrameNameError.

    Of a range without a stated beginning (``start`` -1) or end (``count`` 0), the frames that the manifest expects
    before the first existing one, or after the last one, are missing as well.

    Never counts through more numbers than there are frames to return: another node may ask for any number of frames,
    and a stray file may have any number in its name.
    """
    naming.check_index(count, "count")
    naming.check_index(step, "step", least=1)
    there = {frame.index: frame for frame in reversed(sequence)}  # the first of several variations
    first, last = sequence.indices[0] if start == -1 else naming.check_frame(start, "start"), sequence.indices[-1]
    wanted = range(first, first + count * step if count else last + 1, step)
    present = [index for index in sequence.indices if index in wanted]
    length = _length(wanted)
    ranges = naming.format_ranges(sequence.ranges, 10)
    if not present:
        raise SequenceNotFoundError(f"{sequence.pattern} in {sequence.url} has no frame in this range, only {ranges}")
    expected, notes = _expected(sequence) if start == -1 or not count else ((), [])
    before = [range(run.start, min(run.stop, first)) for run in expected if start == -1 and run.start < first]
    after = [range(max(run.start, last + 1), run.stop) for run in expected if not count and run.stop > last + 1]
    within, after = (_in_step(runs, wanted) for runs in (_gaps(sequence, wanted), after))
    absent = [*before, *within, *after]
    if missing == "error" and absent:
        why = f"; its manifest expects {naming.format_ranges(expected, 10)}" if before or after else ""
        raise SequenceNotFoundError(
            f"{sequence.pattern} in {sequence.url} has no {_named(absent)}, only {ranges}{why}. Choose another range, "
            "or set `missing`"
        )
    if missing != "repeat previous":
        return Chosen([there[index] for index in present], [*notes, *_notes(sequence, absent, "left out")])
    if length > _MOST_FRAMES:
        raise FrameNameError(f"this range has {length} frames, of which {len(present)} exist: choose a shorter range")
    frames = [there[present[0]]]
    for index in wanted[wanted.index(present[0]) + 1 :]:
        frames.append(there.get(index, frames[-1]))
    repeated = [run for run in within if run.start > present[0]]
    left_out = [run for run in absent if run not in repeated]
    repeating = _notes(sequence, repeated, "the frame before is loaded in its place")
    return Chosen(frames, [*notes, *_notes(sequence, left_out, "left out"), *repeating])


@dataclass(frozen=True, slots=True)
class ChosenPictures:
    """Which pictures of a file are read, and which of these each picture of the batch is. notes: as in ``Chosen``."""

    read: range
    order: list[int]
    notes: list[str]


def chosen_pictures(name: str, number: int, start: int, count: int, step: int, missing: str) -> ChosenPictures:
    """Return which of the ``number`` pictures in one file are loaded. Raises as ``chosen``.

    They have no gaps: those after the last one are missing.
    """
    naming.check_index(count, "count")
    naming.check_index(step, "step", least=1)
    first = 0 if start == -1 else naming.check_index(start, "start")
    wanted = range(first, first + count * step if count else max(first, number), step)
    there = range(first, min(wanted.stop, number), step)
    length = _length(wanted)
    if not there or (len(there) < length and missing == "error"):
        raise SequenceNotFoundError(f"{name} has the pictures 0 to {number - 1}: choose another range")
    beyond = range(there.stop + (first - there.stop) % step, wanted.stop, step)
    absent = f"{name} has no {_named(_in_step([beyond], wanted))}" if len(there) < length else ""
    if missing != "repeat previous":
        return ChosenPictures(there, [*range(len(there))], [f"{absent}: left out"] if absent else [])
    if length > _MOST_FRAMES:
        raise FrameNameError(f"this range has {length} frames, of which {len(there)} exist: choose fewer")
    order = [min(place, len(there) - 1) for place in range(length)]
    return ChosenPictures(there, order, [f"{absent}: the last one is loaded in its place"] if absent else [])


def _expected(sequence: FrameSequence) -> tuple[Sequence[range], list[str]]:
    """Return the numbers that the manifest expects; () without one, with a note if it cannot be read."""
    try:
        known = sequence.manifest
    except ManifestError as error:
        return (), [f"{error}. Whether frames are missing before the first or after the last one is not known"]
    except TargetError:  # a key may have the right to read frames only
        return (), []
    return (() if known is None else known.expected), []


def _gaps(sequence: FrameSequence, wanted: range) -> Sequence[range]:
    return naming.gaps(sequence.ranges, wanted.start, wanted.stop - 1)


def _in_step(runs: Iterable[range], wanted: range) -> list[range]:
    """Return the numbers that ``wanted`` has, or would have if it went on."""
    step = wanted.step
    firsts = ((run.start + (wanted.start - run.start) % step, run.stop) for run in runs)
    return [range(first, stop - (stop - 1 - first) % step, step) for first, stop in firsts if first < stop]


def _length(wanted: range) -> int:
    """Return len(wanted), also beyond sys.maxsize."""
    return max(0, -(-(wanted.stop - wanted.start) // wanted.step))


def _notes(sequence: FrameSequence, absent: Sequence[range], what: str) -> list[str]:
    return [f"{sequence.pattern} has no {_named(absent)}: {what}"] if absent else []


def _named(absent: Sequence[range]) -> str:
    return naming.format_ranges(absent, 10, noun="frame")
