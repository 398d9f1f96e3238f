"""Numbers are looked up first and taken in a second step, each of them once."""

from __future__ import annotations

from typing import Any

import pytest

from seqsave.errors import EndOfSequenceError, FrameExistsError, FrameNameError
from seqsave.naming import NameRule
from seqsave.naming.key import FrameKey
from seqsave.settings.groups import Naming
from seqsave.writer.numbering import Numbering


def numbering(**settings: Any) -> Numbering:
    return Numbering(NameRule("frame", 5, "png"), Naming(**settings))


def test_a_look_takes_nothing() -> None:
    numbers = numbering(start=10, step=5)
    assert numbers.following(None, [None]) == numbers.following(None, [None])
    numbers.take(numbers.following(None, [None]))
    assert numbers.following(None, [None, 3]) == [
        FrameKey(15, None),
        FrameKey(15, 3),
    ]


def test_numbering_goes_on_after_the_index_taken_last() -> None:
    numbers = numbering()
    for index in (None, 40, None, 3):
        numbers.take(numbers.following(index, [None]))
    assert numbers.following(None, [None])[0].index == 4


@pytest.mark.parametrize(("index", "by_another"), [(None, None), (None, 7), (3, 3)])
def test_keys_that_another_thread_takes_follow_no_more(index: int | None, by_another: int | None) -> None:
    numbers = numbering()
    keys = numbers.following(index, [None])
    assert numbers.still_follow(index, keys)
    numbers.take(numbers.following(by_another, [None]))
    assert not numbers.still_follow(index, keys)


def test_an_index_that_was_given_follows_whatever_else_is_taken() -> None:
    numbers = numbering()
    keys = numbers.following(3, [None])
    numbers.take(numbers.following(None, [None]))
    numbers.take(numbers.following(3, [1]))
    assert numbers.still_follow(3, keys)


def test_what_is_taken_is_refused() -> None:
    numbers = numbering()
    numbers.take(numbers.following(2, [0, 1]))
    with pytest.raises(FrameExistsError, match=r"batch_0001/frame_00002\.png was already written by this writer"):
        numbers.following(2, [2, 1])
    assert numbers.following(2, [2, 3])[0].batch == 2


@pytest.mark.parametrize(("at_end", "reason"), [("stop output", "frame 3 is after the end"), ("keep going", "")])
def test_a_frame_after_the_end_has_its_reason(at_end: str, reason: str) -> None:
    numbers = numbering(start=1, total=2, at_end=at_end)
    assert numbers.following(2, [None])[0].after_end == ""
    assert numbers.following(3, [None])[0].after_end.startswith(reason)
    assert bool(numbers.following(3, [None])[0].after_end) == bool(reason)


def test_the_end_can_be_an_error() -> None:
    with pytest.raises(EndOfSequenceError, match="has no frames"):
        numbering(total=0, at_end="raise error").following(None, [None])


@pytest.mark.parametrize("bad", [1.5, "3", None])
def test_what_is_no_number_is_refused(bad: object) -> None:
    with pytest.raises(FrameNameError):
        numbering(start=bad)  # type: ignore[arg-type]
