"""Frames are read ahead: each is delivered, or its own error, in order."""

from __future__ import annotations

import threading
import warnings
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqsave
from seqsave.runtime import pipeline
from seqsave.sequences import frame as frames
from seqsave.sequences.ahead import ReadJob
from seqsave.targets.memory import MemoryTarget
from tests.support.patience import PATIENCE


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

    def late(name: str, data: bytes, max_pixels: int, *others: Any) -> Any:
        try:
            if name < "frame_00005.png":
                assert failed.wait(PATIENCE)
            return decode(name, data, max_pixels, *others)
        except seqsave.DecodeError:
            failed.set()
            raise

    monkeypatch.setattr(frames, "decode", late)
    monkeypatch.setattr("seqsave.sequences.frames.os.cpu_count", lambda: 9)
    arrays = seqsave.open_sequence(damaged).arrays()
    assert len([next(arrays) for _ in range(5)]) == 5
    with pytest.raises(seqsave.DecodeError, match=r"frame_00005\.png"):
        next(arrays)


@pytest.mark.parametrize("concurrency", [1, None])
def test_a_picture_is_released_before_the_next_one_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, concurrency: int | None
) -> None:
    """Its memory can be used again at once: new memory for each picture takes a tenth of the time of decoding JPEG."""
    seqsave.save(np.zeros((30, 8, 8, 3), np.uint8), tmp_path)
    inline = pipeline.Pipeline[Any, Any]
    pictures: list[weakref.ref[Any]] = []
    kept: list[int] = []

    def noted(*steps: Any) -> ReadJob[Any]:
        kept.append(sum(picture() is not None for picture in pictures))
        return ReadJob(*steps)

    monkeypatch.setattr("seqsave.sequences.frames.ReadJob", noted)
    # On this thread: another one could be about to let go of a picture that it has handed over.
    monkeypatch.setattr(
        pipeline, "Pipeline", lambda *, max_bytes, **_: inline(workers=0, publishers=0, max_bytes=max_bytes)
    )
    for picture in seqsave.open_sequence(tmp_path).arrays(concurrency):
        pictures.append(weakref.ref(picture))
        del picture
    assert len(pictures) == len(kept) == 30
    assert not any(kept)


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


@pytest.mark.parametrize(
    "wrong", [{"concurrency": 0}, {"concurrency": "3"}, {"concurrency": 2.5}, {"concurrency": True}, {"max_bytes": 0}]
)
def test_limits_of_reading_ahead(tmp_path: Path, wrong: dict[str, Any]) -> None:
    seqsave.save([np.zeros((4, 4, 3), np.uint8)] * 3, tmp_path)
    (name,) = wrong
    with pytest.raises(seqsave.OptionError, match=rf"{name} is .*: it must be a whole number, 1 or more"):
        list(seqsave.open_sequence(tmp_path).arrays(**wrong))


@pytest.mark.parametrize(("concurrency", "on_one_thread"), [(None, True), (4, False)])
def test_a_local_frame_is_read_by_the_thread_that_decodes_it(
    concurrency: int | None, on_one_thread: bool, tmp_path: Path
) -> None:
    seqsave.save(np.zeros((20, 2, 2, 3), np.uint8), tmp_path, filetype="png")
    readers: dict[int, int] = {}

    def read(frame: seqsave.Frame) -> bytes:
        readers[frame.index] = threading.get_ident()
        return frame.read_bytes()

    def decode(frame: seqsave.Frame, data: bytes) -> tuple[int, int]:
        return frame.index, threading.get_ident()

    sequence = seqsave.open_sequence(tmp_path)
    decoders = dict(sequence.decoded(decode, concurrency, read=read))
    assert len(decoders) == 20
    assert (decoders == readers) is on_one_thread
