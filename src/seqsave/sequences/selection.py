"""Choose frames of a sequence by their numbers."""

from __future__ import annotations

from collections.abc import Collection

from seqsave import naming
from seqsave.errors import SequenceNotFoundError
from seqsave.sequences.reader import FrameSequence

__all__ = ["check_indices", "only"]

SHOWN = 10


def check_indices(sequence: FrameSequence, indices: Collection[int]) -> None:
    """Raise SequenceNotFoundError for indices that no frame of a sequence has."""
    lacking = sorted(set(indices).difference(sequence.indices))
    if lacking:
        shown = naming.format_ranges(naming.to_ranges(lacking), SHOWN, noun="frame")
        there = naming.format_ranges(sequence.ranges, SHOWN)
        raise SequenceNotFoundError(f"{sequence.pattern} in {sequence.url} has no {shown}: there are {there}")


def only(sequence: FrameSequence, indices: Collection[int]) -> FrameSequence:
    """Return a sequence of the frames with these indices. Raises SequenceNotFoundError as ``check_indices``."""
    check_indices(sequence, indices)
    return sequence.part([frame for frame in sequence if frame.index in indices])
