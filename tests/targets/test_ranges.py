"""Files that are read in pieces read like files."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqsave.targets.ranges import _PIECE, open_ranges


@given(
    st.binary(max_size=60), st.lists(st.tuples(st.integers(-70, 70), st.sampled_from([0, 1, 2]), st.integers(-1, 70)))
)
def test_every_seek_and_read_is_that_of_a_file(data: bytes, steps: list[tuple[int, int, int]]) -> None:
    import io

    with open_ranges(len(data), lambda start, stop: data[start:stop]) as ours, io.BytesIO(data) as theirs:
        for offset, whence, count in steps:
            at = {os.SEEK_SET: 0, os.SEEK_CUR: theirs.tell(), os.SEEK_END: len(data)}[whence] + offset
            if at < 0:
                continue
            assert ours.seek(at) == theirs.seek(at)
            assert ours.read(count) == theirs.read(count)
            assert ours.tell() == theirs.tell()


def test_a_large_file_takes_few_requests_and_none_is_larger_than_a_piece() -> None:
    asked: list[tuple[int, int]] = []

    def fetch(start: int, stop: int) -> bytes:
        asked.append((start, stop))
        return bytes(stop - start)

    size = 2 * _PIECE + 5
    with open_ranges(size, fetch) as file:
        assert len(file.read()) == size
    assert asked == [(0, _PIECE), (_PIECE, 2 * _PIECE), (2 * _PIECE, size)]


def test_before_the_beginning_is_an_error() -> None:
    with open_ranges(3, lambda *_: b"abc") as file, pytest.raises(ValueError, match="cannot seek to -1"):
        file.raw.seek(-1)  # type: ignore[attr-defined]
