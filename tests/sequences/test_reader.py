"""Sequences are found fresh, by prefix and extension, in numeric order, gaps and batches included."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqsave
from seqsave.sequences import frame as frames
from seqsave.sequences import reader
from seqsave.targets.memory import MemoryTarget
from tests.support.patience import PATIENCE
from tests.support.places import Place


@pytest.fixture
def options(place: Place) -> dict[str, Any]:
    return {"storage_options": place.storage_options}


def fill(place: Place, *paths: str) -> None:
    for path in paths:
        place.write(path, b"x")


def test_only_frames_of_that_prefix_and_extension(place: Place, options: dict[str, Any]) -> None:
    fill(place, "frame_00001.png", "frame_00002.png", "frame_00003.jpg", "frames_00004.png", "frame_x.png",
         "frame_٣.png", "notes.txt", "frame_00005.png.tmp", ".seqsave/frame_00001.png.workflow.json")  # fmt: skip
    assert seqsave.open_sequence(place.url, prefix="frame", filetype="png", **options).indices == (1, 2)
    assert seqsave.open_sequence(place.url, prefix="frame", filetype="jpg", **options).indices == (3,)
    assert {s.pattern for s in seqsave.find_sequences(place.url, **options)} == {
        "frame_#####.png", "frame_#####.jpg", "frames_#####.png"
    }  # fmt: skip


def test_sorted_by_number_and_not_by_text(place: Place, options: dict[str, Any]) -> None:
    fill(place, "frame_99999.png", "frame_100000.png", "frame_00002.png")
    sequence = seqsave.open_sequence(place.url, **options)
    assert [frame.index for frame in sequence] == [2, 99999, 100000]
    assert sequence.digits == 5


def test_gaps(place: Place, options: dict[str, Any]) -> None:
    fill(place, *(f"frame_{i:05d}.png" for i in range(20) if i not in (7, 11, 12)))
    sequence = seqsave.open_sequence(place.url, **options)
    assert sequence.missing == (7, 11, 12)
    assert sequence.missing_ranges == (range(7, 8), range(11, 13))
    assert len(sequence) == 17


def test_one_stray_number_does_not_hang_it(place: Place, options: dict[str, Any]) -> None:
    fill(place, "frame_00001.png", "frame_999999999999999.png")
    sequence = seqsave.open_sequence(place.url, **options)
    assert sequence.missing_ranges == (range(2, 999999999999999),)
    with pytest.raises(seqsave.FrameNameError, match="too many to list"):
        _ = sequence.missing


def test_batches_with_gaps_and_without_the_first(place: Place, options: dict[str, Any]) -> None:
    fill(place, "batch_0000/frame_00000.png", "batch_0003/frame_00000.png", "batch_0003/frame_00001.png",
         "batch_12345/frame_00001.png", "batch_3/frame_00009.png", "batch_0000/frame_00002.png")  # fmt: skip
    sequence = seqsave.open_sequence(place.url, **options)
    assert sequence.batches == (0, 3, 12345)
    assert [(frame.index, frame.batch) for frame in sequence] == [(0, 0), (0, 3), (1, 3), (1, 12345), (2, 0)]
    assert sequence.indices == (0, 1, 2)
    assert sequence.missing == (0, 1, 2)  # each of them lacks a batch that others have
    assert sequence.frame(1).batch == 3
    assert sequence.frame(1, batch=12345).url.endswith("batch_12345/frame_00001.png")


def test_listings_are_fresh(place: Place, options: dict[str, Any]) -> None:
    fill(place, "frame_00001.png")
    assert len(seqsave.open_sequence(place.url, **options)) == 1
    fill(place, "frame_00002.png")
    assert len(seqsave.open_sequence(place.url, **options)) == 2


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
    assert list(seqsave.find_sequences(place.url, **options)) == []


def test_recursion_leaves_private_and_batch_folders_to_their_sequence(place: Place, options: dict[str, Any]) -> None:
    fill(place, "frame_1.png", "shots/a/frame_1.png", "shots/a/batch_0001/frame_1.png", "shots/b c/x_1.png",
         ".seqsave/frame_1.png")  # fmt: skip
    assert [s.prefix for s in seqsave.find_sequences(place.url, **options)] == ["frame"]
    found = {s.prefix: s for s in seqsave.find_sequences(place.url, recursive=True, **options)}
    assert set(found) == {"frame", "shots/a/frame", "shots/b c/x"}
    assert found["shots/a/frame"].batches == (1,)


@pytest.mark.skipif(os.name == "nt", reason="links need a right of their own there")
def test_recursion_follows_no_links_to_folders(tmp_path: Path) -> None:
    seqsave.save(np.zeros((1, 2, 2, 3), np.uint8), tmp_path / "shot", filetype="png")
    (tmp_path / "self").symlink_to(tmp_path)
    (tmp_path / "shot" / "up").symlink_to(tmp_path)
    assert [s.prefix for s in seqsave.find_sequences(tmp_path, recursive=True)] == ["shot/frame"]
    assert [s.prefix for s in seqsave.find_sequences(tmp_path / "self" / "shot")] == ["frame"]


def test_names_that_cannot_be_asked_for_are_passed_over(place: Place, options: dict[str, Any]) -> None:
    fill(place, "frame_1.png", "a::b_2.png", "x::y/frame_3.png")
    found = {s.prefix for s in seqsave.find_sequences(place.url, recursive=True, **options)}
    assert found == ({"frame", "a::b", "x::y/frame"} if place.kind == "local" else {"frame"})


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


def test_a_file_that_is_no_picture_names_itself(place: Place, options: dict[str, Any]) -> None:
    fill(place, "frame_00001.png", "frame_00001.dpx")
    with pytest.raises(seqsave.DecodeError, match=r"frame_00001\.png"):
        seqsave.open_sequence(place.url, filetype="png", **options)[0].read()
    with pytest.raises(seqsave.EncoderNotFoundError, match=r"no encoder here reads \.dpx files"):
        seqsave.open_sequence(f"{place.url}/frame_%05d.dpx", **options)[0].read()


def test_a_decoder_of_a_plugin_that_misbehaves(place: Place, options: dict[str, Any]) -> None:
    fill(place, "frame_00001.odd")
    for encoder, says in (("Breaks", "failed: ZeroDivisionError"), ("GivesNothing", "returned NoneType")):
        spec = seqsave.EncoderSpec(
            filetype="odd", extensions=("odd",), encoder=f"{__name__}:{encoder}", dtypes=("uint8",)
        )
        seqsave.register_encoder(spec)
        try:
            with pytest.raises(seqsave.DecodeError, match=rf"frame_00001\.odd: the decoder of 'odd' {says}"):
                seqsave.open_sequence(place.url, **options)[0].read()
        finally:
            seqsave.unregister_encoder("odd")


class Breaks:
    def decode(self, data: bytes, *, max_pixels: int) -> Any:
        return 1 / 0


class GivesNothing:
    def decode(self, data: bytes, *, max_pixels: int) -> Any:
        return None


def test_prefix_and_filetype_hold_for_patterns_too(place: Place, options: dict[str, Any]) -> None:
    fill(place, "frame_001.png")
    pattern = f"{place.url}/frame_###.png"
    assert len(seqsave.open_sequence(pattern, prefix="frame", filetype="png", **options)) == 1
    for wrong in ({"prefix": "other"}, {"filetype": "jpg"}):
        with pytest.raises(seqsave.SequenceNotFoundError):
            seqsave.open_sequence(pattern, **wrong, **options)
    with pytest.raises(seqsave.FrameNameError, match="prefix is 3"):
        seqsave.open_sequence(place.url, prefix=3, **options)  # type: ignore[arg-type]


def test_sidecars_of_a_long_sequence_cost_one_listing(place: Place, options: dict[str, Any]) -> None:
    seqsave.save([np.zeros((2, 2, 3), np.uint8)] * 5, place.url, metadata={"a": 1}, **options)
    sequence = seqsave.open_sequence(place.url, **options)
    target, asked = sequence[0]._files.target, []
    listed = target.list
    target.list = lambda folder="": asked.append(folder) or listed(folder)  # type: ignore[method-assign]
    assert [frame.read_metadata() for frame in sequence] == [{"a": 1}] * 5
    assert asked == [".seqsave"]


def test_one_number_under_two_names_is_one_frame(place: Place, options: dict[str, Any]) -> None:
    fill(place, "frame_00007.png", "frame_7.png", "frame_00008.png")
    sequence = seqsave.open_sequence(place.url, **options)
    assert [frame.name for frame in sequence] == ["frame_00007.png", "frame_00008.png"]


# --- damaged frames --------------------------------------------------------------------------------------------------


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """Nine frames: 0 to 2 are large, so that the damaged small ones, 5 and 7, are decoded long before them."""
    small = np.zeros((4, 4, 3), np.uint16)
    large = np.random.default_rng(0).integers(0, 65535, (700, 700, 3), dtype=np.uint16)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sizes differ
        seqsave.save([large if i < 3 else small + i for i in range(9)], tmp_path, filetype="png", dtype="uint16")
    for index in (5, 7):
        path = tmp_path / f"frame_{index:05d}.png"
        path.write_bytes(path.read_bytes()[:-30])
    return tmp_path


def test_a_damaged_frame_spoils_no_other(damaged: Path) -> None:
    arrays = seqsave.open_sequence(damaged).arrays()
    assert [next(arrays).shape for _ in range(5)] == [(700, 700, 3)] * 3 + [(4, 4, 3)] * 2
    with pytest.raises(seqsave.DecodeError, match=r"frame_00005\.png"):
        next(arrays)
    with pytest.raises(StopIteration):
        next(arrays)


def test_sound_frames_come_first_though_the_damaged_one_fails_first(
    damaged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The damaged frame has failed before any sound one is decoded."""
    failed = threading.Event()
    decode = frames.decode

    def late(name: str, data: bytes, max_pixels: int) -> Any:
        try:
            if name < "frame_00005.png":
                assert failed.wait(PATIENCE)
            return decode(name, data, max_pixels)
        except seqsave.DecodeError:
            failed.set()
            raise

    monkeypatch.setattr(frames, "decode", late)
    monkeypatch.setattr(reader.os, "cpu_count", lambda: 9)
    arrays = seqsave.open_sequence(damaged).arrays()
    assert len([next(arrays) for _ in range(5)]) == 5
    with pytest.raises(seqsave.DecodeError, match=r"frame_00005\.png"):
        next(arrays)


@pytest.mark.parametrize("concurrency", [1, 2, None])
def test_damaged_frames_are_skipped_and_named_once(damaged: Path, concurrency: int | None) -> None:
    sequence = seqsave.open_sequence(damaged)
    with pytest.warns(seqsave.SeqSaveWarning) as caught:
        arrays = list(sequence.arrays(concurrency, on_error="skip"))
    assert [int(array[0, 0, 0]) for array in arrays[3:]] == [3, 4, 6, 8]
    (warning,) = caught
    message = str(warning.message)
    assert "2 damaged frames left out: 5,7. The first error: frame_00005.png: " in message
    assert warning.filename == __file__


def test_skipping_ends_early(damaged: Path) -> None:
    sequence = seqsave.open_sequence(damaged)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        arrays = sequence.arrays(on_error="skip")
        next(arrays)
        arrays.close()  # type: ignore[attr-defined]
    arrays = sequence.arrays(on_error="skip")
    assert len([next(arrays) for _ in range(6)]) == 6
    with pytest.warns(seqsave.SeqSaveWarning, match="1 damaged frame left out: 5"):
        arrays.close()  # type: ignore[attr-defined]


def test_a_storage_that_fails_is_never_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    seqsave.save(np.zeros((4, 2, 2, 3), np.uint8), "memory://fails", filetype="png")
    sequence = seqsave.open_sequence("memory://fails")
    read = MemoryTarget.read

    def fail(self: MemoryTarget, path: str) -> bytes:
        if path.endswith("2.png"):
            raise seqsave.TargetError("the storage is away")
        return read(self, path)

    monkeypatch.setattr(MemoryTarget, "read", fail)
    arrays = sequence.arrays(on_error="skip")
    assert len([next(arrays), next(arrays)]) == 2
    with pytest.raises(seqsave.TargetError, match="the storage is away"):
        next(arrays)


def test_an_error_of_the_caller_of_decoded_stands_at_its_frame(damaged: Path) -> None:
    def look(frame: seqsave.Frame, data: bytes) -> int:
        if frame.index == 2:
            raise SystemExit(3)  # as bad as an error of a decoder can be
        return frame.index

    seen = []
    with pytest.raises(SystemExit):
        for index in seqsave.open_sequence(damaged).decoded(look):
            seen.append(index)  # noqa: PERF402 - the list is looked at when the loop has failed
    assert seen == [0, 1]


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


def sum_of(frame: seqsave.Frame) -> int:
    return int(frame.read().sum())


def test_frames_travel_to_spawned_workers(tmp_path: Path) -> None:
    images = np.arange(3 * 4 * 4 * 3, dtype=np.uint8).reshape(3, 4, 4, 3)
    seqsave.save(images, tmp_path, filetype="png")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(sum_of, seqsave.open_sequence(tmp_path)) == [int(image.sum()) for image in images]


def test_a_position_that_does_not_exist_names_the_way_by_number(tmp_path: Path) -> None:
    seqsave.save([np.zeros((4, 4, 3), np.uint8)] * 3, tmp_path, start=1001)
    with pytest.raises(IndexError) as caught:
        seqsave.open_sequence(tmp_path)[99]
    assert str(caught.value) == (
        f"frame_#####.png in {tmp_path} has 3 frames, so no position 99: positions count from 0; frame(1003) returns a "
        "frame by its number"
    )


@pytest.mark.parametrize(
    "wrong", [{"concurrency": 0}, {"concurrency": "3"}, {"concurrency": 2.5}, {"concurrency": True}, {"max_bytes": 0}]
)
def test_limits_of_reading_ahead(tmp_path: Path, wrong: dict[str, Any]) -> None:
    seqsave.save([np.zeros((4, 4, 3), np.uint8)] * 3, tmp_path)
    (name,) = wrong
    with pytest.raises(seqsave.OptionError, match=rf"{name} is .*: it must be a whole number, 1 or more"):
        list(seqsave.open_sequence(tmp_path).arrays(**wrong))


# --- several frames as one array, and what a sequence was to become ---------------------------------------------------


def test_frames_are_read_as_one_array(tmp_path: Path) -> None:
    pictures = np.random.default_rng(5).integers(0, 256, (6, 4, 5, 3), dtype=np.uint8)
    seqsave.save(pictures, tmp_path, start=10, filetype="png")
    sequence = seqsave.open_sequence(tmp_path)
    assert np.array_equal(sequence.read(), pictures)
    assert np.array_equal(sequence.read(12, 14), pictures[2:5])
    assert np.array_equal(sequence.read(14), pictures[4:])
    assert np.array_equal(sequence.read(last=10), pictures[:1])


@pytest.mark.filterwarnings("ignore:frame 4. is 5x6:seqsave.SeqSaveWarning")
def test_frames_that_cannot_be_read_as_one_array(tmp_path: Path) -> None:
    with seqsave.open_writer(tmp_path, filetype="png") as writer:
        writer.write(np.zeros((4, 5, 3), np.uint8), index=0)
        writer.write(np.zeros((4, 5, 3), np.uint8), index=3)
        writer.write(np.zeros((6, 5, 3), np.uint8), index=4)
    sequence = seqsave.open_sequence(tmp_path)
    with pytest.raises(seqsave.SequenceNotFoundError, match="lacks 1-2 of the frames 0-3: use `arrays"):
        sequence.read(0, 3)
    with pytest.raises(seqsave.SequenceNotFoundError, match="has no frame from 7 to 9"):
        sequence.read(7, 9)
    with pytest.raises(seqsave.ImageError, match="frame 4 is 6x5x3 uint8, and frame 3 is 4x5x3 uint8"):
        sequence.read(3, 4)
    with pytest.raises(seqsave.FrameNameError, match="first"):
        sequence.read("3")  # type: ignore[arg-type]


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
