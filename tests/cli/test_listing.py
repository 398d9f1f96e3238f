"""The line about a sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import seqsave
from seqsave.cli import listing

if TYPE_CHECKING:
    from pathlib import Path

PICTURE = np.zeros((4, 6, 3), np.uint8)


def line(url: object) -> str:
    sequence = seqsave.open_sequence(str(url))
    return listing.line_of(sequence, listing.progress_of(sequence))


def test_gaps_are_missing_unless_the_manifest_states_that_no_frame_has_these_numbers(tmp_path: Path) -> None:
    for index in (0, 2, 4):
        seqsave.save([PICTURE], tmp_path / "bare", filetype="png", start=index, manifest=False)
    assert line(tmp_path / "bare").startswith("frame_#####.png 0-4 (3 frames; 2 missing: 1,3)  ")
    seqsave.save([PICTURE] * 3, tmp_path / "known", filetype="png", step=2)
    assert line(tmp_path / "known").startswith("frame_#####.png 0,2,4 (3 frames)  ")
    assert line(tmp_path / "known").endswith(", complete")


def test_a_manifest_that_cannot_be_read_leaves_the_line_and_is_neither_complete_nor_not(tmp_path: Path) -> None:
    seqsave.save([PICTURE] * 2, tmp_path, filetype="png")
    (tmp_path / ".seqsave" / "frame.png.json").write_text('{"version": 99}')
    sequence = seqsave.open_sequence(tmp_path)
    with pytest.warns(seqsave.SeqSaveWarning, match=r"is listed without its manifest: .*version 99"):
        progress = listing.progress_of(sequence)
    assert progress.state == "unread"
    assert listing.is_complete(progress) is None
    assert listing.document_of(sequence, progress)["count"] == 2


def test_a_folder_in_the_prefix_is_shown() -> None:
    seqsave.save([PICTURE], "memory://list", prefix="a/b/frame", filetype="png", manifest=False)
    sequence = seqsave.open_sequence("memory://list", prefix="a/b/frame")
    assert listing.line_of(sequence, None).startswith("a/b/frame_#####.png 0 (1 frame)  ")
