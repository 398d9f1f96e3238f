"""Ranges of frame numbers as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqsave import naming
from seqsave.errors import FrameNameError
from tests.support.needs import needs_package


@given(st.sets(st.integers(-20, 60)))
def test_ranges_and_gaps_say_what_is_there_and_what_is_not(numbers: set[int]) -> None:
    runs = naming.to_ranges(sorted(numbers))
    assert [i for run in runs for i in run] == sorted(numbers)
    assert naming.parse_ranges(naming.format_ranges(runs)) == runs
    assert not runs or naming.parse_frames(naming.format_ranges(runs)) == runs
    assert [i for run in naming.gaps(runs, 5, 50) for i in run] == sorted(set(range(5, 51)) - numbers)


def test_ranges_as_renderers_take_them() -> None:
    runs = naming.to_ranges([17, *range(40, 53), 60])
    assert naming.format_ranges(runs) == "17,40-52,60"
    assert naming.format_ranges(runs, 3) == "17,40-52,60"
    assert naming.format_ranges(runs, 1) == "17,... (2 more)"


@given(
    st.sets(st.integers(-30, 90)) | st.builds(lambda a, n, s: set(range(a, a + n * s, s)), *[st.integers(1, 40)] * 3)
)
def test_ranges_for_messages_are_read_as_the_same_frames(numbers: set[int]) -> None:
    runs = naming.to_ranges(sorted(numbers))
    assert not runs or naming.parse_frames(naming.format_ranges(runs, 1000)) == runs


def test_single_frames_at_the_same_distance_are_one_range_in_messages() -> None:
    runs = naming.to_ranges([0, *range(10, 20), *range(100, 200, 10), 300])
    assert naming.format_ranges(runs, 10) == "0,10-19,100-190x10,300"
    assert naming.format_ranges(runs) == "0,10-19,100,110,120,130,140,150,160,170,180,190,300"
    assert naming.format_ranges(naming.to_ranges([1, 3, 5]), 10) == "1,3,5"


def test_ranges_of_negative_numbers_have_two_hyphens() -> None:
    runs = (range(-50, -2), range(1))
    assert naming.format_ranges(runs) == "-50--3,0"
    assert naming.parse_frames("-50--3,0") == runs


MANAGERS = {
    "0-3": [0, 1, 2, 3],
    "1-10x3": [1, 4, 7, 10],
    "1,5,9": [1, 5, 9],
    "9, 5 ,1": [1, 5, 9],
    "5 10 15": [5, 10, 15],  # Deadline
    "1-3, 7 9": [1, 2, 3, 7, 9],
    "1:4": [1, 2, 3, 4],
    "1:10:4": [1, 5, 9],
    "1-10step4": [1, 5, 9],
    "1-10by4": [1, 5, 9],
    "1-10Every4": [1, 5, 9],
    "10-1x4": [2, 6, 10],
    "10-1:4": [2, 6, 10],
    "10-1:-4": [2, 6, 10],  # OpenJobDescription
    "0-15:5": [0, 5, 10, 15],  # Slurm
    "10-1x-3": [1, 4, 7, 10],  # OpenCue
    "-3--1": [-3, -2, -1],
    "-1--5x-2": [-5, -3, -1],
    "7\r": [7],  # of a script with the line ends of Windows
}


@pytest.mark.parametrize(("text", "frames"), MANAGERS.items())
def test_frames_as_managers_write_them(text: str, frames: list[int]) -> None:
    assert [frame for run in naming.parse_frames(text) for frame in run] == frames


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "1,,2",
        "1-",
        "-",
        "1-10x",
        "1-10x0",
        "10-1x0",
        "1-10x-1",
        "9-2",
        "9:2",
        "1 -5",
        "1 - 5",
        "1-10y2",
        "1;2",
    ],
)
def test_what_is_no_list_of_frames_is_refused(text: str) -> None:
    with pytest.raises(FrameNameError, match="is not a list of frames"):
        naming.parse_frames(text)


@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(1, 9))
def test_descending_ranges_count_from_their_first_number(first: int, last: int, step: int) -> None:
    sign = 1 if first <= last else -1
    frames = sorted(range(first, last + sign, sign * step))
    runs = naming.parse_frames(f"{first}-{last}x{sign * step}")
    assert [frame for run in runs for frame in run] == frames


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50), st.integers(1, 9)), min_size=1, max_size=4))
def test_fileseq_reads_the_same_frames(ranges: list[tuple[int, int, int]]) -> None:
    fileseq = needs_package("fileseq")
    text = ",".join(f"{first}-{last}x{step if first <= last else -step}" for first, last, step in ranges)
    assert [frame for run in naming.parse_frames(text) for frame in run] == sorted(fileseq.FrameSet(text))


def test_a_list_that_was_shortened_for_display_is_no_list_of_frames() -> None:
    text = naming.format_ranges(naming.to_ranges([1, 3, 5]), 2)
    with pytest.raises(FrameNameError, match=r"'1,3,\.\.\. \(1 more\)' is a list that was shortened for display"):
        naming.parse_frames(text)


def test_the_last_number_comes_back() -> None:
    for runs in ((range(2**63 - 1, 2**63),), (range(-(2**63) + 1, 2**63),)):
        assert naming.parse_ranges(naming.format_ranges(runs)) == runs
    with pytest.raises(FrameNameError):
        naming.parse_ranges(str(2**63))


@pytest.mark.parametrize(
    ("text", "shown"), [("5", "frame 5"), ("5-7", "frames 5-7"), ("5,9", "frames 5,9"), ("-3", "frame -3")]
)
def test_a_noun_before_numbers_follows_how_many_they_are(text: str, shown: str) -> None:
    assert naming.format_ranges(naming.parse_ranges(text), noun="frame") == shown


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("batch_1", True),
        ("batch_00001", True),
        ("batch_0001", False),
        ("batch_", False),
        ("batch_x", False),
        ("1", False),
    ],
)
def test_batch_folders_in_another_padding(name: str, expected: bool) -> None:
    assert naming.is_misnamed_batch(name) is expected
