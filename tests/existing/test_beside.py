"""Frames beside those of a finished run: other sizes, and files that no run recorded."""

from __future__ import annotations

import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import seqsave
from seqsave.targets.local import LocalTarget
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from tests.support.places import Place

LARGE = (12, 16)


def pictures(count: int, size: tuple[int, int] = (6, 8)) -> np.ndarray:
    return np.full((count, *size, 3), 7, np.uint8)


def warned(place: Place, frames: np.ndarray, **settings: Any) -> tuple[str, ...]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = seqsave.save(frames, place.url, storage_options=place.storage_options, **settings)
    return result.warnings


def test_sizes_are_compared_by_the_manifest(place: Place) -> None:
    assert warned(place, pictures(6)) == ()
    assert warned(place, pictures(6, LARGE)) == ()  # each frame is replaced
    (older, sizes) = warned(place, pictures(2))
    assert older.startswith("frames of an older run lie beside those of this one: 2-5")
    assert sizes == "frames of several sizes: 2-5 are 16x12, those of this run are 8x6"
    *_, of_two = warned(place, pictures(2), start=4, manifest=False)
    assert of_two == "frames of several sizes: 2-3 are 16x12, those of this run are 8x6"
    assert "frames of several sizes: 2-3 are 16x12, most are 8x6" in warned(place, pictures(6), if_exists="skip")


def test_of_frames_without_a_record_one_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seqsave.save(pictures(6, LARGE), tmp_path, manifest=False)
    read, real = [], LocalTarget.read
    monkeypatch.setattr(LocalTarget, "read", lambda self, path: (read.append(path), real(self, path))[1])
    with pytest.warns(seqsave.SeqSaveWarning) as caught:
        result = seqsave.save(pictures(2), tmp_path)
    assert result.warnings == (
        "frames that no run recorded lie beside those of this one: 2-5",
        "frames of several sizes: frame_00002.png is 16x12, those of this run are 8x6",
    )
    assert len(caught) == 2
    assert [path for path in read if path.startswith("frame_")] == ["frame_00002.png"]


def test_a_frame_beside_that_cannot_be_read_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "frame_00009.png").write_bytes(b"no picture")
    with pytest.warns(seqsave.SeqSaveWarning, match="no run recorded lie beside those of this one: 9"):
        assert len(seqsave.save(pictures(2), tmp_path).warnings) == 1


def test_the_same_size_is_nothing_to_mention(place: Place) -> None:
    assert warned(place, pictures(4), at_end="stop output") == ()
    assert warned(place, pictures(8), if_exists="skip") == ()


@pytest.mark.parametrize("if_exists", ["overwrite", "replace"])
@pytest.mark.parametrize("is_batched", [True, False])
def test_frames_outside_of_batch_folders_are_named_beside_those_in_them(
    place: Place, is_batched: bool, if_exists: str
) -> None:
    def saved(batches: bool, count: int) -> tuple[str, ...]:
        options = {"storage_options": place.storage_options, "if_exists": if_exists}
        with warnings.catch_warnings(), seqsave.open_writer(place.url, **options) as writer:
            warnings.simplefilter("ignore")
            for index in range(count):
                if batches:
                    writer.write_batch(pictures(2), index=index)
                else:
                    writer.write(pictures(1)[0], index=index)
        return writer.result.warnings

    assert saved(is_batched, 3) == ()
    where, here = ("outside of", "in") if not is_batched else ("in", "outside of")
    text = (
        f"other frames of this name lie {where} batch folders, and those of this run {here} them: 0-2; remove what is "
        "not wanted, or save with another prefix"
    )
    assert saved(not is_batched, 3) == (text,)
    assert saved(not is_batched, 3) == (text,)


def test_doubted_frames_of_a_copy_are_no_other_frames(tmp_path: Path) -> None:
    """The record of a doubted frame states no run."""
    with seqsave.open_writer(tmp_path / "source") as writer:
        for _ in range(4):
            writer.write_batch(pictures(2))
    (tmp_path / "source" / "frame_00001.png").write_bytes(
        (tmp_path / "source" / "batch_0000" / "frame_00001.png").read_bytes()
    )
    source = seqsave.open_sequence(tmp_path / "source")
    with pytest.warns(seqsave.SeqSaveWarning):
        (doubts,) = seqsave.save(source, tmp_path / "copy").warnings
    assert "1 outside of batch folders; their copies are recorded as to be rendered again" in doubts


DOUBLES = (
    "other files have the numbers of frames of this sequence: 0-2, such as frame_00000.png; remove what is not wanted, "
    "and save with the same `digits`"
)


@pytest.mark.parametrize("if_exists", ["overwrite", "skip", "error", "replace"])
def test_files_with_the_same_numbers_in_another_width_are_named(place: Place, if_exists: str) -> None:
    assert warned(place, pictures(5)) == ()
    assert warned(place, pictures(3), digits=3, total=3, if_exists=if_exists)[-1] == DOUBLES


def test_a_stranger_of_another_width_is_one(place: Place) -> None:
    """As readers take it: frame_7.png is frame 7 of frame_#####.png."""
    place.write("frame_7.png", b"x")
    place.write("frame_01.png", b"x")
    stated = warned(place, pictures(2))
    assert "frames that no run recorded lie beside those of this one: 7" in stated
    assert stated[0].startswith("another file has the number of frames of this sequence: 1, such as frame_01.png")


def test_frames_that_another_program_removes_are_failures(place: Place) -> None:
    def remove(event: seqsave.Event) -> None:
        if event.kind == "saved" and event.index == 3:
            _remove(place, "frame_00001.png")

    with pytest.raises(seqsave.SaveError, match="frame 1: it was saved, but another program") as caught:
        seqsave.save(pictures(4), place.url, concurrency=1, storage_options=place.storage_options, on_event=remove)
    result = caught.value.result
    assert result is not None
    assert [failure.index for failure in result.failures] == [1]
    assert [frame.index for frame in result.frames] == [0, 2, 3]
    sequence = seqsave.open_sequence(place.url, storage_options=place.storage_options)
    assert sequence.manifest is not None
    assert not sequence.manifest.complete


def _remove(place: Place, name: str) -> None:
    if place.kind == "memory":
        place._memory().rm(f"{place.url}/{name}")
    elif place.server is not None:
        bucket, _, prefix = place.url.removeprefix("s3://").partition("/")
        place.server.client.delete_object(Bucket=bucket, Key=f"{prefix}/{name}")
    else:
        Path(place.url, name).unlink()


def test_a_frame_under_way_at_an_abort_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One frame is in the storage, and its answer is not; another one has not been sent."""
    real, arrived, leave = LocalTarget.publish, threading.Semaphore(0), threading.Event()

    def publish(self: LocalTarget, path: str, *arguments: Any, **named: Any) -> Any:
        if path == "frame_00002.png":
            arrived.release()
            assert leave.wait(PATIENCE)
        answer = real(self, path, *arguments, **named)
        if path == "frame_00001.png":
            arrived.release()
            assert leave.wait(PATIENCE)
        return answer

    monkeypatch.setattr(LocalTarget, "publish", publish)
    writer = seqsave.open_writer(tmp_path, total=3, concurrency=3)
    first, *_ = writer.write_frames(pictures(3))
    assert first.result(PATIENCE).index == 0
    for _ in range(2):
        assert arrived.acquire(timeout=PATIENCE)
    try:
        writer.abort()
        assert [frame.index for frame in writer.result.frames if frame.status == "saved"] == [0, 1]
        assert [failure.index for failure in writer.result.failures] == [2]
        known = seqsave.open_sequence(tmp_path).manifest
        assert known is not None
        assert [frame.index for frame in known.frames] == [0, 1]
    finally:
        leave.set()
