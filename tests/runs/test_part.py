"""Frames that one task writes, skips and refuses."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

import seqsave
from tests.runs.child import picture
from tests.runs.pieces import is_true, open_run, pixels, task
from tests.support.places import Place


def test_a_part_that_fails_keeps_the_records_of_what_is_saved(place: Place) -> None:
    run = open_run(place, total=3)
    run.begin()
    with pytest.raises(ValueError, match="the picture"), run.part() as part:
        part.write(picture(0), index=0)
        raise ValueError("the picture of frame 1 cannot be made")
    assert [record.index for record in part.records] == [0]
    assert run.commit(part.records + task(run, 1, 2)).complete


def test_skip_records_size_and_checksum(place: Place) -> None:
    given = {"storage_options": place.storage_options or None}
    seqsave.save([picture(0, 9)] * 2, place.url, manifest=False, **given)
    place.write("frame_00002.png", b"")  # no frame
    run = open_run(place, total=4, if_exists="skip")
    run.begin()
    task(run, 3)
    records = task(run, 0, 1, 2, 3, seed=4)
    assert [one.checksum for one in records] == [
        f"crc32:{zlib.crc32(place.read(f'frame_{index:05d}.png')):08x}" for index in range(4)
    ]
    assert run.commit(records).complete
    assert is_true(place)
    assert np.array_equal(pixels(place, 1), picture(0, 9))
    assert np.array_equal(pixels(place, 3), picture(3))


def test_skip_valid_replaces_what_is_damaged_or_of_another_size(place: Place) -> None:
    given = {"storage_options": place.storage_options or None}
    small = np.zeros((2, 2, 3), np.uint8)
    seqsave.save([picture(0, 9), picture(1, 9)], place.url, manifest=False, **given)
    seqsave.save([small], place.url, start=2, **given)
    place.write("frame_00001.png", place.read("frame_00001.png")[:-20])
    run = open_run(place, total=3, if_exists="skip valid")
    run.begin()
    assert run.commit(task(run, 0, 1, 2)).complete
    assert [np.array_equal(pixels(place, index), picture(index)) for index in range(3)] == [False, True, True]


def test_a_part_needs_the_index_and_writes_only_frames_of_its_run() -> None:
    run = seqsave.open_run("memory://part", frames="0-3")
    with run.part() as part:
        with pytest.raises(seqsave.OptionError, match="needs its index"):
            part.write(picture(0))
        with pytest.raises(seqsave.FrameNameError, match="frame 4 is not one of this run's frames, 0-3"):
            part.write(picture(0), index=4)
    with pytest.raises(seqsave.EndOfSequenceError, match="frame 3 is after the end"):
        seqsave.open_run("memory://part", total=3).write(picture(3), index=3)
