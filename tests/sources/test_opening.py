"""What a source is taken for: on every kind of storage, and when names are treacherous."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seqsave import find_sequences, open_sequence
from seqsave.errors import SequenceNotFoundError, SourceError, TargetError
from seqsave.sources import open_source
from tests.sources.given import fill, indices, opened
from tests.sources.pictures import encode, npy, picture

if TYPE_CHECKING:
    from tests.support.places import Place
    from tests.support.s3 import S3Server

pytestmark = pytest.mark.full_with("s3")  # what the storages do alike is tried of each in tests/targets


def test_a_sequence_keeps_its_numbers_and_gaps(place: Place) -> None:
    fill(place, "frame_00010.png", "frame_00002.png", "frame_00001.png")
    source = opened(place)
    frames = list(source)
    assert [frame.index for frame in frames] == [1, 2, 10]
    assert all(np.array_equal(frame.image, picture(seed)) for frame, seed in zip(frames, (2, 1, 0), strict=True))
    assert source.total == 3
    assert source.first == 1
    assert "1-2,10" in source.description
    assert not source.notes


def test_numbers_of_foreign_names_are_kept(place: Place) -> None:
    fill(place, "shot.0009.png", "shot.0010.png", "shot.0011.png")
    assert indices(opened(place)) == [9, 10, 11]


def test_batches_keep_their_folders(place: Place) -> None:
    fill(place, "batch_0000/frame_00003.png", "batch_0002/frame_00003.png", "batch_0002/frame_00004.png")
    assert [(frame.index, frame.batch) for frame in opened(place)] == [(3, 0), (3, 2), (4, 2)]


@pytest.mark.every_day
@pytest.mark.parametrize("pattern", ["frame_#####.png", "frame_%05d.png"])
def test_a_pattern_names_one_sequence(place: Place, pattern: str) -> None:
    fill(place, "frame_00001.png", "frame_00002.png", "mask_00001.png", "frame_7.png", "batch_0001/frame_00009.png")
    assert [(frame.index, frame.batch) for frame in opened(place, pattern)] == [(1, None), (2, None), (9, 1)]


def test_a_pattern_may_have_text_behind_the_number(place: Place) -> None:
    fill(place, "render_0003_beauty.png", "render_0004_beauty.png", "render_0003_depth.png")
    assert indices(opened(place, "render_####_beauty.png")) == [3, 4]


def test_a_pattern_that_matches_nothing(place: Place) -> None:
    fill(place, "frame_00001.png")
    with pytest.raises(
        SequenceNotFoundError, match=r"no sequence mask_#####\.png in .*, but 1 sequence: frame_#####\.png 1"
    ):
        opened(place, "mask_#####.png")


def test_a_glob_of_one_sequence_keeps_its_numbers(place: Place) -> None:
    fill(place, "frame_00001.png", "frame_00003.png", "mask_00001.png")
    assert indices(opened(place, "frame_*.png")) == [1, 3]


@pytest.mark.every_day
def test_a_glob_over_folders_is_numbered_by_name(place: Place) -> None:
    fill(place, "b/shot_2.png", "a/shot_10.png", "a/shot_9.png", "a/.hidden_1.png")
    source = opened(place, "*/*_*.png")
    assert indices(source) == [None] * 3
    assert [url.rpartition("/")[2] for url, _, _ in source.files] == ["shot_9.png", "shot_10.png", "shot_2.png"]
    assert any("get new numbers" in note for note in source.notes)


def test_two_stars_stand_for_any_depth(place: Place) -> None:
    fill(place, "frame_1.png", "a/frame_2.png", "a/b/frame_3.png", "a/b/other.txt")
    assert sorted(url.rpartition("/")[2] for url, _, _ in opened(place, "**/*.png").files) == [
        "frame_1.png",
        "frame_2.png",
        "frame_3.png",
    ]


def test_a_glob_of_batches_is_one_sequence(place: Place) -> None:
    fill(place, "batch_0000/frame_00001.png", "batch_0001/frame_00001.png")
    assert [(frame.index, frame.batch) for frame in opened(place, "batch_*/frame_*.png")] == [(1, 0), (1, 1)]


def test_a_glob_that_matches_nothing(place: Place) -> None:
    fill(place, "frame_00001.png")
    with pytest.raises(SequenceNotFoundError, match=r"no file matches \*\.tif"):
        opened(place, "*.tif")


@pytest.mark.parametrize("name", ["shot[1]", "what?", "a*b", "take #### 1.0", "50%d.x"])
def test_what_exists_is_no_glob_and_no_pattern(place: Place, name: str) -> None:
    fill(place, f"{name}/frame_00004.png", "shot1/frame_00005.png")
    assert indices(opened(place, name)) == [4]


def test_a_glob_in_a_folder_with_brackets(place: Place) -> None:
    fill(place, "take [1]/b[2]/frame_00004.png", "take 1/b2/frame_00005.png")
    assert indices(opened(place, "take [1]/b[2]/*.png")) == [4]
    assert indices(opened(place, "take [0-9]/b[0-9]/*.png")) == [5]
    assert [
        one.indices for one in find_sequences(f"{place.url}/take [1]/*/*.png", storage_options=place.storage_options)
    ] == [(4,)]


def test_a_file_with_brackets_is_a_file(place: Place) -> None:
    fill(place, "frame[1]_00007.png", "frame1_00008.png")
    assert indices(opened(place, "frame[1]_00007.png")) == [7]


def test_one_picture(place: Place) -> None:
    fill(place, "photo.png")
    (frame,) = opened(place, "photo.png")
    assert frame.index is None
    assert frame.size == (16, 12)
    assert np.array_equal(frame.image, picture(0))


def test_the_number_of_one_picture_is_kept(place: Place) -> None:
    fill(place, "frame_00017.png")
    assert indices(opened(place, "frame_00017.png")) == [17]


def test_only_folders(place: Place) -> None:
    fill(place, "one/frame_1.png", "two/frame_1.png")
    with pytest.raises(SequenceNotFoundError, match=r"no pictures in .*, but folders: one, two"):
        opened(place)


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(SequenceNotFoundError, match="the folder is empty"):
        open_source(str(tmp_path))


def test_nothing_there_names_the_near_miss(place: Place) -> None:
    fill(place, "frame_00001.png")
    with pytest.raises(SequenceNotFoundError, match=r"fram_00001\.png does not exist \(did you mean 'frame_00001"):
        opened(place, "fram_00001.png")


@pytest.mark.every_day
def test_nothing_there_at_all(place: Place) -> None:
    with pytest.raises(SequenceNotFoundError, match="does not exist"):
        opened(place, "deep/down")


def test_a_name_that_says_nothing_is_looked_into(place: Place) -> None:
    place.write("picture", encode(picture(3)))
    (frame,) = opened(place, "picture")
    assert np.array_equal(frame.image, picture(3))


@pytest.mark.parametrize("name", ["movie.xyz", "readme"])
def test_a_file_that_is_nothing(place: Place, name: str) -> None:
    place.write(name, b"just some text, nothing else")
    with pytest.raises(SourceError, match=r"cannot be read as frames: use a video .*mp4.*\.npy.*png"):
        opened(place, name)


def test_an_array_is_found_by_its_name(place: Place) -> None:
    place.write("clip.npy", npy(np.stack([picture(1), picture(2)])))
    assert [int(frame.image.sum()) for frame in opened(place, "clip.npy")] == [
        int(picture(1).sum()),
        int(picture(2).sum()),
    ]


def test_paths_of_every_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "frame_00005.png").write_bytes(encode(picture()))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for source in (tmp_path, ".", "*.png", "./frame_*.png", "frame_#####.png", tmp_path / "frame_%05d.png", "~"):
        assert indices(open_source(source)) == [5], source
    assert indices(open_source(f"file://{tmp_path}")) == [5]


def test_an_unknown_scheme() -> None:
    with pytest.raises(TargetError, match="nosuch"):
        open_source("nosuch://x/y")


def test_a_missing_bucket(s3_server: S3Server) -> None:
    with pytest.raises(TargetError, match="bucket"):
        open_source("s3://no-such-bucket-here/shot", s3_server.storage_options)


@pytest.mark.every_day
def test_a_file_is_no_sequence(place: Place) -> None:
    fill(place, "shot.0007.png", "notes.txt")
    for name, says in (
        ("shot.0007.png", r"is a file, not a folder: .* as shot\.####\.png$"),
        ("notes.txt", "is a file"),
    ):
        with pytest.raises(SequenceNotFoundError, match=says):
            open_sequence(f"{place.url}/{name}", storage_options=place.storage_options)
    with pytest.raises((SequenceNotFoundError, TargetError)):
        open_sequence(f"{place.url}/shot.0007.png/below", storage_options=place.storage_options)
