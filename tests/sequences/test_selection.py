"""Frames of a sequence are chosen by their numbers."""

from __future__ import annotations

import pytest

import seqsave
from seqsave.sequences.selection import check_indices, only
from tests.sequences.placed import PICTURE


@pytest.fixture
def sequence() -> seqsave.FrameSequence:
    with seqsave.open_writer("memory://chosen", filetype="png", manifest=False) as writer:
        for index in (3, 4, 5, 9):
            writer.write(PICTURE, index=index)
    return seqsave.open_sequence("memory://chosen")


def test_some_frames_are_a_sequence_of_the_same_place(sequence: seqsave.FrameSequence) -> None:
    chosen = only(sequence, {9, 4})
    assert (chosen.indices, chosen.url, chosen.pattern) == ((4, 9), sequence.url, sequence.pattern)


@pytest.mark.parametrize(("asked", "named"), [([6], "no frame 6"), ([3, 6, 7, 12], "no frames 6-7,12")])
def test_a_number_that_no_frame_has_is_named(sequence: seqsave.FrameSequence, asked: list[int], named: str) -> None:
    for choose in (only, check_indices):
        with pytest.raises(seqsave.SequenceNotFoundError, match=f"{named}: there are 3-5,9(\n|$)"):
            choose(sequence, asked)  # type: ignore[operator]
