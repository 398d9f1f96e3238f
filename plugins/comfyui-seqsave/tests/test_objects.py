"""What travels on the sockets: the attributes of the contract exactly, and objects of the other pack's shape."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from comfyui_seqsave.nodes.loader import ImageSequenceLoader
from comfyui_seqsave.nodes.saver import ImageSequenceSaver
from comfyui_seqsave.objects import AnimationSequence, FrameCounter, LogEntry
from hypothesis import given
from hypothesis import strategies as st

import seqsave

if TYPE_CHECKING:
    from comfyui_seqsave import host

COUNTER = """current_frame total_frames frames_per_second incremented is_first_frame is_final_frame is_after_last_frame
    current_time_in_seconds total_time_in_seconds remaining_time_in_seconds progress"""
SEQUENCE = "frames fps frame_counter keys_in_order num_batches batches get_image_files_of_batch is_defined"
LOG = "add merge _data get_filtered_entries"


class Foreign:
    """What another pack's object is to ours: attributes, and no class that we know."""

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


@pytest.mark.parametrize(
    ("value", "names"),
    [(FrameCounter(), COUNTER), (AnimationSequence(FrameCounter()), SEQUENCE), (LogEntry(), LOG)],
)
def test_every_attribute_of_the_contract_and_no_other(value: object, names: str) -> None:
    public = {name for name in dir(value) if not name.startswith("_")} | ({"_data"} & set(dir(value)))
    assert public == set(names.split())


def test_counter() -> None:
    counter = FrameCounter(3, 11, 25)
    assert (counter.current_frame, counter.total_frames, counter.frames_per_second) == (3, 11, 25.0)
    assert counter.current_time_in_seconds == pytest.approx(3 / 25)
    assert counter.total_time_in_seconds == pytest.approx(11 / 25)
    assert counter.remaining_time_in_seconds == pytest.approx(8 / 25)
    assert counter.progress == pytest.approx(3 / 10)
    assert FrameCounter(0, 1).progress == 0.0
    assert FrameCounter(1, 2).progress == 1.0


def test_counter_keeps_its_limits() -> None:
    counter = FrameCounter(-5, 0, 0.5)
    assert (counter.current_frame, counter.total_frames, counter.frames_per_second) == (0, 1, 1.0)
    assert FrameCounter(0, 1, 12.5).frames_per_second == 12.5


@given(current=st.integers(0, 300), total=st.integers(1, 300), amount=st.integers(-300, 300))
def test_counter_knows_where_it_is(current: int, total: int, amount: int) -> None:
    counter = FrameCounter(current, total, 24)
    assert counter.is_first_frame == (current == 0)
    assert counter.is_final_frame == (current == total - 1)
    assert counter.is_after_last_frame == (current >= total)
    later = counter.incremented(amount)
    assert later is not counter
    assert counter.current_frame == current
    assert later.current_frame == max(0, current + amount)
    assert (later.total_frames, later.frames_per_second) == (total, 24.0)


def test_sequence_that_is_not_defined() -> None:
    counter = Foreign(frames_per_second=12)
    sequence = AnimationSequence(counter)
    assert sequence.frames is None
    assert not sequence.is_defined
    assert sequence.keys_in_order == []
    assert sequence.num_batches == 0
    assert list(sequence.batches) == []
    assert sequence.fps == 12
    assert sequence.frame_counter is counter
    assert not AnimationSequence(counter, {}).is_defined


def test_sequence() -> None:
    frames = {10: ["a10", "b10"], 2: ["a2", "b2", "c2"], 1: ("a1", "b1")}
    sequence = AnimationSequence(FrameCounter(0, 3, 24), frames)
    assert sequence.is_defined
    assert sequence.keys_in_order == [1, 2, 10], "by number"
    assert sequence.num_batches == 2, "the smallest number of files at any index"
    assert sequence.batches == range(2)
    files = sequence.get_image_files_of_batch(1)
    assert iter(files) is files, "an iterator"
    assert list(files) == ["b1", "b2", "b10"]
    assert sequence.frames == {10: ["a10", "b10"], 2: ["a2", "b2", "c2"], 1: ["a1", "b1"]}
    frames[10].append("later")
    assert sequence.frames[10] == ["a10", "b10"], "its own"


def test_log() -> None:
    before = time.time()
    empty = LogEntry()
    one = empty.add("one")
    two = one.add("two")
    assert (len(empty._data), len(one._data), len(two._data)) == (0, 1, 2), "immutable"
    assert [text for _, text in two._data] == ["one", "two"]
    assert all(before <= moment <= time.time() for moment, _ in two._data)


def test_log_takes_another_packs_log() -> None:
    ours = LogEntry([(5.0, "five"), (1.0, "one")])
    merged = ours.merge(Foreign(_data=[(3.0, "three")]))
    assert [text for _, text in merged._data] == ["five", "one", "three"]
    assert list(merged.get_filtered_entries(1.0)) == [(3.0, "three"), (5.0, "five")], "newer than, sorted"
    assert list(merged.get_filtered_entries(0)) == [(1.0, "one"), (3.0, "three"), (5.0, "five")]
    assert len(ours._data) == 2


@pytest.mark.parametrize(
    "value",
    [
        5,
        None,
        "frame",
        SimpleNamespace(current_frame=1),
        SimpleNamespace(current_frame=float("nan"), total_frames=2, frames_per_second=25),
        SimpleNamespace(current_frame=float("inf"), total_frames=2, frames_per_second=25),
        SimpleNamespace(current_frame=1, total_frames=None, frames_per_second=25),
    ],
)
def test_what_is_no_frame_counter_is_one_clear_error(value: Any, folders: host.Folders) -> None:
    image = torch.zeros(1, 4, 4, 3)
    for run in (
        lambda: ImageSequenceSaver().save(value, image, "", "frame", 5, "stop output", "png"),
        lambda: ImageSequenceLoader().result(value, "", "*", "numeric"),
    ):
        with pytest.raises(seqsave.FrameNameError, match="connect one of the Frame Counter nodes"):
            run()


def test_an_empty_batch_leaves_no_gap_without_a_word(folders: host.Folders) -> None:
    image = torch.zeros(0, 4, 4, 3)
    saver = ImageSequenceSaver()
    shown = saver.save(FrameCounter(3, 9), image, "", "frame", 5, "stop output", "png")["ui"]
    assert (shown["text"], shown["warnings"]) == ([], ["image is an empty batch: frame 3 is not saved"])
    after = saver.save(FrameCounter(9, 9), image, "", "frame", 5, "stop output", "png")["ui"]
    assert after == {"images": [], "text": []}
