"""A picture and a sequence described: what their files state, and what the manifest adds."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

import seqsave
from seqsave.manifest import Picture
from seqsave.sequences.info import describe_frame, describe_sequence

if TYPE_CHECKING:
    from pathlib import Path

FRAMES = np.zeros((2, 4, 6, 3), np.uint8)
PICTURE = Picture(width=6, height=4, channels=3, dtype="uint8")


def test_a_sequence_has_what_its_first_frame_and_its_manifest_state(tmp_path: Path) -> None:
    seqsave.save(FRAMES, tmp_path, rate=25, metadata={"workflow": {}, "seed": 3})
    sequence = seqsave.open_sequence(tmp_path)
    found = describe_sequence(sequence)
    assert (found.picture, found.rate, found.metadata) == (PICTURE, Fraction(25), ("seed", "workflow"))
    assert (found.size, found.problem, found.note) == (sequence[0].size, "", "")
    assert describe_frame(sequence[0]).rate is None


def test_of_a_damaged_frame_the_manifest_knows_the_picture(tmp_path: Path) -> None:
    seqsave.save(FRAMES, tmp_path, filetype="png")
    path = tmp_path / "frame_00000.png"
    path.write_bytes(path.read_bytes()[:-20])
    sequence = seqsave.open_sequence(tmp_path)
    assert describe_frame(sequence[0]).picture is None
    assert "frame_00000.png" in describe_frame(sequence[0]).problem
    found = describe_sequence(sequence)
    assert (found.picture, found.note.startswith("from the manifest, since ")) == (PICTURE, True)


def test_a_format_that_nothing_reads_is_no_problem(tmp_path: Path) -> None:
    for index in range(2):
        (tmp_path / f"frame_{index:05d}.dpx").write_bytes(b"SDPX")
    found = describe_sequence(seqsave.open_sequence(tmp_path))
    assert (found.picture, found.problem, found.size) == (None, "", 4)
    assert "dpx" in found.note
