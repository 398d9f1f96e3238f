"""One sequence is opened by its folder, its pattern, or prefix and file type; where several fit, all are named."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

import seqsave
from seqsave import targets
from tests.sequences.placed import fill
from tests.support.places import Place

pytestmark = pytest.mark.full_with("s3")  # what the storages do alike is tried of each in tests/targets


def test_only_frames_of_that_prefix_and_extension(place: Place, options: dict[str, Any]) -> None:
    fill(place, "frame_00001.png", "frame_00002.png", "frame_00003.jpg", "frames_00004.png", "frame_x.png",
         "frame_٣.png", "notes.txt", "frame_00005.png.tmp", ".seqsave/frame_00001.png.workflow.json")  # fmt: skip
    assert seqsave.open_sequence(place.url, prefix="frame", filetype="png", **options).indices == (1, 2)
    assert seqsave.open_sequence(place.url, prefix="frame", filetype="jpg", **options).indices == (3,)
    assert {s.pattern for s in seqsave.find_sequences(place.url, **options)} == {
        "frame_#####.png", "frame_#####.jpg", "frames_#####.png"
    }  # fmt: skip


def test_patterns_read_names_of_other_rules(place: Place, options: dict[str, Any]) -> None:
    fill(place, "shot.0001.exr", "shot.0002.exr", "shot.00003.exr", "shot_0004.exr", "shot.0005.png")
    for pattern in ("shot.####.exr", "shot.%04d.exr"):
        sequence = seqsave.open_sequence(f"{place.url}/{pattern}", **options)
        assert sequence.indices == (1, 2)
        assert sequence.pattern == "shot.####.exr"


def test_several_sequences_need_a_choice(place: Place, options: dict[str, Any]) -> None:
    fill(place, "a_001.png", "b_001.png", "b_001.jpg")
    with pytest.raises(seqsave.SequenceNotFoundError, match=r"3 sequences in .*a_###\.png, b_###\.jpg, b_###\.png"):
        seqsave.open_sequence(place.url, **options)
    assert seqsave.open_sequence(place.url, prefix="a", **options).prefix == "a"
    assert seqsave.open_sequence(place.url, prefix="b", filetype="jpg", **options).extension == "jpg"


def test_nothing_there(place: Place, options: dict[str, Any]) -> None:
    with pytest.raises(FileNotFoundError, match=r"no sequence frame_####\.\* in"):
        seqsave.open_sequence(place.url, prefix="frame", **options)
    # On an object store nothing is missing: a folder is there as soon as an object is.
    has_folders = targets.resolve(place.url, place.storage_options).capabilities.folders
    with pytest.warns(seqsave.SeqSaveWarning, match="does not exist") if has_folders else nullcontext():
        assert list(seqsave.find_sequences(place.url, **options)) == []


def test_prefix_and_filetype_hold_for_patterns_too(place: Place, options: dict[str, Any]) -> None:
    fill(place, "frame_001.png")
    pattern = f"{place.url}/frame_###.png"
    assert len(seqsave.open_sequence(pattern, prefix="frame", filetype="png", **options)) == 1
    for wrong in ({"prefix": "other"}, {"filetype": "jpg"}):
        with pytest.raises(seqsave.SequenceNotFoundError):
            seqsave.open_sequence(pattern, **wrong, **options)
    with pytest.raises(seqsave.FrameNameError, match="prefix is 3"):
        seqsave.open_sequence(place.url, prefix=3, **options)  # type: ignore[arg-type]


def test_the_folder_of_a_prefix_that_does_not_exist_is_named(tmp_path: Path) -> None:
    fill(Place("local", str(tmp_path)), "frame_00001.png")
    with pytest.raises(seqsave.SequenceNotFoundError, match=r"shots/frame_####.* does not exist(\n|$)"):
        seqsave.open_sequence(tmp_path, "shots/frame")
    (tmp_path / "shots").mkdir()
    with pytest.raises(seqsave.SequenceNotFoundError, match=r"the folder is empty(\n|$)"):
        seqsave.open_sequence(tmp_path, "shots/frame")
