"""A movie beside the frames that are being saved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import seqsave
from tests.support.needs import needs_package
from tests.writer.pictures import GREY, save


@pytest.mark.parametrize("extension", ["mp4", "webm"])
def test_a_preview_beside_the_frames(tmp_path: Path, extension: str) -> None:
    av = needs_package("av")
    pictures = [np.full((64, 64, 3), 0.5, np.float32)] * 12
    seqsave.save(pictures, tmp_path, metadata={"shot": 7}, preview=extension, rate=12)
    with av.open(str(tmp_path / f"frame.{extension}")) as movie:
        assert movie.streams.video[0].average_rate == 12
        assert {name.lower(): text for name, text in movie.metadata.items()}["shot"] == "7"
        assert sum(1 for _ in movie.decode(video=0)) == 12
    assert len(seqsave.open_sequence(tmp_path)) == 12


def test_a_preview_that_is_larger_than_the_frames_is_a_warning(tmp_path: Path) -> None:
    needs_package("av")
    with pytest.warns(seqsave.SeqSaveWarning, match="pictures of 1x8 pixels become a movie of 2x16"):
        seqsave.save([np.zeros((8, 1, 3), np.uint8)], tmp_path, preview="webm")


def test_a_resumed_run_has_no_preview_and_says_so(tmp_path: Path) -> None:
    needs_package("av")
    save(tmp_path, 2)
    with pytest.warns(seqsave.SeqSaveWarning, match="no preview: frame 0 already existed"):
        save(tmp_path, 3, preview="webm", if_exists="skip")
    assert not (tmp_path / "frame.webm").exists()


def test_a_run_that_fails_has_no_preview(tmp_path: Path) -> None:
    needs_package("av")
    with pytest.raises(RuntimeError):
        with seqsave.open_writer(tmp_path, preview="webm") as writer:
            writer.write(GREY)
            raise RuntimeError
    assert [path.name for path in tmp_path.glob("frame*")] == ["frame_00000.png"]


def test_files_that_are_copied_get_no_preview_and_are_saved(tmp_path: Path) -> None:
    needs_package("av")
    save(tmp_path / "a", 2)
    with pytest.warns(seqsave.SeqSaveWarning, match="no preview: the files are copied, and not decoded"):
        result = seqsave.save(seqsave.open_sequence(tmp_path / "a"), tmp_path / "b", preview="webm")
    assert result.counts["saved"] == 2


def test_a_movie_of_others_is_not_replaced(tmp_path: Path) -> None:
    needs_package("av")
    (tmp_path / "frame.webm").write_bytes(b"the clip that the frames come from")
    with pytest.warns(seqsave.SeqSaveWarning, match="no preview: .*frame.webm exists, and seqsave did not make it"):
        save(tmp_path, 2, preview="webm")
    assert (tmp_path / "frame.webm").read_bytes() == b"the clip that the frames come from"
    (tmp_path / "frame.webm").unlink()
    for _ in range(2):
        save(tmp_path, 2, preview="webm")
    assert (tmp_path / "frame.webm").exists()
