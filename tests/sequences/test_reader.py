"""Sequences are found fresh, by prefix and extension, in numeric order, gaps and batches included."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqsave
from tests.support.places import Place


def test_frames_are_a_list(place: Place, options: dict[str, Any]) -> None:
    frames = np.arange(5 * 4 * 4 * 3, dtype=np.uint8).reshape(5, 4, 4, 3)
    seqsave.save(frames, place.url, start=10, filetype="png", **options)
    sequence = seqsave.open_sequence(place.url, **options)
    assert len(sequence) == 5
    assert [frame.index for frame in sequence[1:3]] == [11, 12]
    assert sequence[-1].index == 14
    assert sequence.filetype == "png"
    assert sequence.size == sum(frame.size for frame in sequence) == sum(len(f.read_bytes()) for f in sequence)
    np.testing.assert_array_equal(sequence.frame(12).read(), frames[2])
    np.testing.assert_array_equal(np.stack(list(sequence.arrays())), frames)
    with pytest.raises(seqsave.SequenceNotFoundError, match="no frame 15: there are 10-14"):
        sequence.frame(15)


# --- damaged frames --------------------------------------------------------------------------------------------------


def test_an_unknown_on_error(damaged: Path) -> None:
    with pytest.raises(seqsave.OptionError, match=r"on_error is 'skipp' \(did you mean 'skip'\?\)"):
        seqsave.open_sequence(damaged).arrays(on_error="skipp")  # type: ignore[arg-type]


# --- pickles ---------------------------------------------------------------------------------------------------------


def test_pickles(place: Place, options: dict[str, Any]) -> None:
    images = np.arange(3 * 4 * 4 * 3, dtype=np.uint8).reshape(3, 4, 4, 3)
    seqsave.save(images, place.url, metadata={"seed": 7}, **options)
    sequence = seqsave.open_sequence(place.url, **options)
    assert sequence[0].read_metadata() == {"seed": 7}  # after a look beside the file there is more to hold
    assert sequence.manifest is not None
    copy = pickle.loads(pickle.dumps(sequence))  # noqa: S301 - our own bytes
    assert (copy.urls, copy.indices, copy.pattern) == (sequence.urls, sequence.indices, sequence.pattern)
    assert copy.manifest == sequence.manifest
    np.testing.assert_array_equal(np.stack(list(copy.arrays())), images)
    frame = pickle.loads(pickle.dumps(sequence[1]))  # noqa: S301 - our own bytes
    assert frame == sequence[1]
    np.testing.assert_array_equal(frame.read(), images[1])
    assert frame.read_metadata() == {"seed": 7}
    for shown in (repr(copy), repr(frame), repr(copy[0])):
        assert not any(str(value) in shown for value in place.storage_options.values())


def test_a_position_that_does_not_exist_names_the_way_by_number(tmp_path: Path) -> None:
    seqsave.save([np.zeros((4, 4, 3), np.uint8)] * 3, tmp_path, start=1001)
    with pytest.raises(IndexError) as caught:
        seqsave.open_sequence(tmp_path)[99]
    assert str(caught.value) == (
        f"frame_#####.png in {tmp_path} has 3 frames, so no position 99: positions count from 0; .frame(1003) returns "
        "a frame by its number"
    )


# --- several frames as one array, and what a sequence was to become ---------------------------------------------------


def test_one_variation_of_each_frame_is_read(tmp_path: Path) -> None:
    with seqsave.open_writer(tmp_path, filetype="png") as writer:
        for value in (10, 20):
            writer.write_batch(
                np.full((2, 4, 5, 3), value, np.uint8) + np.arange(2, dtype=np.uint8)[:, None, None, None]
            )
    read = seqsave.open_sequence(tmp_path).read()
    assert read.shape == (2, 4, 5, 3)
    assert [int(one[0, 0, 0]) for one in read] == [10, 20]


def test_the_frames_that_there_should_be(tmp_path: Path) -> None:
    pictures = np.zeros((2, 4, 5, 3), np.uint8)
    seqsave.save(pictures, tmp_path / "none", manifest=False)
    assert seqsave.open_sequence(tmp_path / "none").expected is None
    with pytest.raises(ZeroDivisionError), seqsave.open_writer(tmp_path / "cut", total=5, start=3) as writer:
        writer.write(pictures[0])
        raise ZeroDivisionError
    sequence = seqsave.open_sequence(tmp_path / "cut")
    assert sequence.indices == (3,)
    assert sequence.expected == (3, 4, 5, 6, 7)


def test_pictures_of_more_pixels_than_allowed(tmp_path: Path) -> None:
    seqsave.save(np.zeros((2, 4, 6, 3), np.uint8), tmp_path)
    sequence = seqsave.open_sequence(tmp_path)
    for read in (lambda most: list(sequence.arrays(max_pixels=most)), lambda most: sequence.read(max_pixels=most)):
        with pytest.raises(seqsave.DecodeError, match="raise max_pixels") as caught:
            read(23)
        assert (caught.value.reason, caught.value.pixels) == ("too large", 24)
        assert len(read(24)) == 2
    with pytest.raises(seqsave.OptionError, match="max_pixels"):
        sequence.arrays(max_pixels=0)


def test_a_part_without_frames(tmp_path: Path) -> None:
    seqsave.save(np.zeros((2, 2, 2, 3), np.uint8), tmp_path, filetype="png")
    none = seqsave.open_sequence(tmp_path).part([])
    assert (len(none), none.indices, none.missing, none.urls, none.size) == (0, (), (), (), 0)
    assert list(none.arrays()) == []
    with pytest.raises(IndexError, match=r"this part of frame_#####\.png in .* has no frames"):
        none[0]
    with pytest.raises(seqsave.SequenceNotFoundError, match="has no frames"):
        none.read()


def test_info_is_what_the_first_frame_states(place: Place, options: dict[str, Any]) -> None:
    picture = np.zeros((2, 2, 3), np.uint8)
    seqsave.save([picture] * 2, place.url, color="display-p3", dpi=300, tags={"artist": "Ada"}, **options)
    sequence = seqsave.open_sequence(place.url, **options)
    info = sequence.info
    assert info.color is not None
    assert (info.color.name, round(info.dpi or 0), info.tags["artist"]) == ("display-p3", 300, "Ada")
    assert sequence.info is info, "the frame is read once"
    assert pickle.loads(pickle.dumps(sequence)).info == info  # noqa: S301 - ours
    with pytest.raises(IndexError, match="has no frames"):
        _ = sequence.part([]).info
