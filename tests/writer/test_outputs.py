"""The output of one file type: several file types of one writer each have their files, records and manifest."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import seqsave

RED = np.zeros((4, 4, 3), np.uint8)
BOTH = ["png with embedded workflow", "jpg"]


def test_each_filetype_has_its_own_files_records_and_manifest(tmp_path: Path) -> None:
    result = seqsave.save([RED] * 2, tmp_path, filetype=BOTH)
    assert [(frame.index, frame.filetype) for frame in result.frames] == [(n, one) for n in (0, 1) for one in BOTH]
    for extension in ("png", "jpg"):
        sequence = seqsave.open_sequence(tmp_path, filetype=extension)
        assert sequence.indices == (0, 1)
        assert sequence.manifest is not None
        assert sequence.manifest.complete


def test_a_filetype_that_exists_is_skipped_and_the_other_one_is_saved(tmp_path: Path) -> None:
    seqsave.save([RED] * 2, tmp_path, filetype="jpg")
    result = seqsave.save([RED] * 2, tmp_path, filetype=BOTH, if_exists="skip")
    assert [(frame.filetype, frame.status) for frame in result.frames] == [(BOTH[0], "saved"), ("jpg", "skipped")] * 2


def test_a_frame_after_the_end_is_stopped_in_every_filetype(tmp_path: Path) -> None:
    result = seqsave.save([RED] * 2, tmp_path, filetype=BOTH, total=1)
    assert [frame.status for frame in result.frames] == ["saved", "saved", "stopped", "stopped"]
    assert sorted(path.name for path in tmp_path.glob("frame_*")) == ["frame_00000.jpg", "frame_00000.png"]
