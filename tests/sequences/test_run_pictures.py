"""The pictures of a run: which ones differ from those before, in whatever order their files are made."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import pytest

from seqsave.manifest import Picture
from seqsave.naming.key import FrameKey
from seqsave.sequences.run_pictures import RunPictures

COLOUR = Picture(width=6, height=4, channels=3, dtype="uint8")
GREY = replace(COLOUR, channels=1)
DEEP = replace(COLOUR, dtype="uint16")
KEYS = [FrameKey(index, None) for index in range(4)]


class Run:
    """Pictures of four expected frames, and the warnings of them."""

    def __init__(self) -> None:
        self.warnings: list[tuple[str, str, int]] = []
        self.pictures = RunPictures(lambda kind, text, key: self.warnings.append((kind, text, key.index)))
        self.futures: list[Future[Any]] = [Future() for _ in KEYS]
        for key, future in zip(KEYS, self.futures, strict=True):
            self.pictures.expect(key, future, None)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
@pytest.mark.parametrize(
    ("other", "text"),
    [
        (GREY, "has 1 channel of uint8, the frames before have 3 channels of uint8"),
        (DEEP, "has 3 channels of uint16, the frames before have 3 channels of uint8"),
    ],
)
def test_the_first_frame_is_the_measure_in_whatever_order(order: tuple[int, ...], other: Picture, text: str) -> None:
    run = Run()
    for number in order:
        run.pictures.settle(KEYS[number], other if number == 1 else COLOUR)
    assert run.warnings == [("kind", text, 1)]


@pytest.mark.parametrize("way", ["kept", "cancelled", "failed"])
def test_a_frame_without_a_file_is_no_measure(way: str) -> None:
    run = Run()
    if way == "cancelled":
        run.futures[0].cancel()
    elif way == "failed":
        run.futures[0].set_exception(OSError())
    else:
        run.pictures.settle(KEYS[0], None)
    run.pictures.settle(KEYS[2], COLOUR)
    assert run.warnings == []
    run.pictures.settle(KEYS[1], GREY)
    assert [(kind, index) for kind, _, index in run.warnings] == [("kind", 2)]


def test_a_first_frame_that_turns_out_to_have_no_file_lets_the_others_be_judged() -> None:
    run = Run()
    run.pictures.settle(KEYS[1], GREY)
    run.pictures.settle(KEYS[2], COLOUR)
    assert run.warnings == []
    run.pictures.settle(KEYS[0], None)
    assert [(kind, index) for kind, _, index in run.warnings] == [("kind", 2)]


def test_a_size_is_compared_with_the_first_one() -> None:
    run = Run()
    for key, future, shape in zip(KEYS, run.futures, [(4, 6, 3), None, (4, 6, 1)], strict=False):
        run.pictures.expect(key, future, shape)
    run.pictures.note_size(KEYS[2], 8, 4)
    assert run.warnings == [("size", "is 8x4, the frames before are 6x4", 2)]


def test_frames_that_are_alike_share_one_record() -> None:
    run = Run()
    settled = [run.pictures.settle(key, replace(COLOUR)) for key in KEYS]
    assert all(one is settled[0] for one in settled)
    assert run.pictures.settle(KEYS[0], GREY) == GREY
