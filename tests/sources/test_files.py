"""Which files of a folder are frames of a source, in which order, with which numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seqsave.errors import SourceError
from seqsave.sources import open_source
from tests.sources.given import fill, indices, opened
from tests.sources.pictures import encode, picture

if TYPE_CHECKING:
    from tests.support.places import Place

pytestmark = pytest.mark.full_with("s3")  # what the storages do alike is tried of each in tests/targets


def test_pictures_without_numbers_come_in_the_order_of_their_names(place: Place) -> None:
    fill(place, "cat.png", "Ant.png", "bee10.png", "bee9.png", "dog.png", "eel.png")
    source = opened(place)
    assert [url.rpartition("/")[2] for url, _, _ in source.files] == [
        *("Ant.png", "bee9.png", "bee10.png"),
        *("cat.png", "dog.png", "eel.png"),
    ]
    assert source.first is None


def test_several_sequences_in_a_folder_are_named(place: Place) -> None:
    fill(place, "frame_00001.png", "frame_00002.png", "mask_00001.png", "mask_00002.png")
    with pytest.raises(SourceError, match=r"2 sequences: frame_#####\.png, mask_#####\.png"):
        opened(place)


@pytest.mark.every_day
def test_what_is_no_picture_is_left_out_and_reported(place: Place) -> None:
    fill(place, "frame_00001.png", "frame_00002.png")
    place.write("notes.txt", b"hello")
    place.write(".DS_Store", b"x")
    source = opened(place)
    assert indices(source) == [1, 2]
    assert source.notes == ["left out 1 file (not a picture that can be read): notes.txt"]


def test_a_name_that_no_storage_should_have_is_left_out_and_reported(tmp_path: Path) -> None:
    for name in ("frame_00001.png", "frame_00002.png", "fra\x1bme_00003.png"):
        (tmp_path / name).write_bytes(encode(picture()))
    source = open_source(tmp_path)
    assert indices(source) == [1, 2]
    assert "left out 1 file" in source.notes[0]


@pytest.mark.parametrize("names", [("frame_00001.png", "frame_00002.png"), ("ant.png", "bee.png", "cat.png")])
def test_a_link_to_a_missing_file_is_left_out_and_reported(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (tmp_path / name).write_bytes(encode(picture()))
    (tmp_path / "dog.png").symlink_to(tmp_path / "missing")
    source = open_source(tmp_path)
    assert len(source.files) == len(names)
    assert "left out 1 entry that cannot be read: dog.png (a link to a file that does not exist)" in source.notes


def test_links_to_missing_files_are_named_where_nothing_else_exists(tmp_path: Path) -> None:
    (tmp_path / "frame_00001.png").symlink_to(tmp_path / "missing")
    message = r"no pictures in .*: cannot be read: frame_00001\.png \(a link to a file that does not exist\)\. "
    with pytest.raises(SourceError, match=message):
        open_source(tmp_path)


def test_a_stray_picture_beside_a_sequence_is_left_out_and_reported(place: Place) -> None:
    fill(place, "frame_00001.png", "frame_00002.png", "thumbnail.png")
    source = opened(place)
    assert indices(source) == [1, 2]
    assert "thumbnail.png" in source.notes[0]


def test_one_number_twice_is_an_error(place: Place) -> None:
    fill(place, "frame_7.png", "frame_00007.png")
    with pytest.raises(SourceError, match="same number 7"):
        opened(place)


def test_a_folder_without_pictures(place: Place) -> None:
    place.write("a.txt", b"a")
    with pytest.raises(SourceError, match=r"it holds a\.txt\. Readable are .*png"):
        opened(place)
