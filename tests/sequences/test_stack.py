"""Frames as one array."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import seqsave


def test_frames_are_read_as_one_array(tmp_path: Path) -> None:
    pictures = np.random.default_rng(5).integers(0, 256, (6, 4, 5, 3), dtype=np.uint8)
    seqsave.save(pictures, tmp_path, start=10, filetype="png")
    sequence = seqsave.open_sequence(tmp_path)
    assert np.array_equal(sequence.read(), pictures)
    assert np.array_equal(sequence.read(12, 14), pictures[2:5])
    assert np.array_equal(sequence.read(14), pictures[4:])
    assert np.array_equal(sequence.read(last=10), pictures[:1])


@pytest.mark.filterwarnings("ignore:frame 4. is 5x6:seqsave.SeqSaveWarning")
def test_frames_that_cannot_be_read_as_one_array(tmp_path: Path) -> None:
    with seqsave.open_writer(tmp_path, filetype="png") as writer:
        writer.write(np.zeros((4, 5, 3), np.uint8), index=0)
        writer.write(np.zeros((4, 5, 3), np.uint8), index=3)
        writer.write(np.zeros((6, 5, 3), np.uint8), index=4)
    sequence = seqsave.open_sequence(tmp_path)
    with pytest.raises(seqsave.SequenceNotFoundError, match="lacks 1-2 of the frames 0-3: use `arrays"):
        sequence.read(0, 3)
    with pytest.raises(seqsave.SequenceNotFoundError, match="has no frame from 7 to 9"):
        sequence.read(7, 9)
    with pytest.raises(seqsave.ImageError, match="frame 4 is 6x5x3 uint8, and frame 3 is 4x5x3 uint8"):
        sequence.read(3, 4)
    with pytest.raises(seqsave.FrameNameError, match="first"):
        sequence.read("3")  # type: ignore[arg-type]
