"""The accept step: a call that raises has saved nothing and used no index up, with any number of files and threads."""

from __future__ import annotations

import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqsave
from seqsave.targets.memory import MemoryTarget
from tests.support.needs import needs_package

RED = np.zeros((32, 32, 3), np.uint8)
BOTH = ["png", "jpg"]


def files(result: seqsave.SaveResult) -> list[tuple[int, str]]:
    """Index and extension of every file that was accepted."""
    return sorted((one.index, one.url.rpartition(".")[2]) for one in (*result.frames, *result.failures))


def test_a_run_that_stops_accepts_all_files_of_a_frame_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first frame fails at any moment between the submission of the two files of a later one."""
    publish = MemoryTarget.publish

    def refuse_the_first(self: MemoryTarget, path: str, *given: Any, **more: Any) -> Any:
        if path.startswith("frame_00000"):
            raise seqsave.TargetError("no")
        return publish(self, path, *given, **more)

    monkeypatch.setattr(MemoryTarget, "publish", refuse_the_first)
    for run in range(30):
        once = seqsave.RetryPolicy(attempts=1)
        writer = seqsave.open_writer(f"memory://partial{run}", filetype=BOTH, manifest=False, retry=once)
        accepted = 0
        with pytest.raises(seqsave.WriterAbortedError):
            for _ in range(100_000):
                writer.write(RED)
                accepted += 1
        with pytest.raises(seqsave.SaveError) as failed:
            writer.close()
        assert failed.value.result is not None
        assert files(failed.value.result) == [(index, end) for index in range(accepted) for end in ("jpg", "png")]


@pytest.mark.parametrize("at", range(1, 9))
@pytest.mark.parametrize("concurrency", [1, None])
def test_after_an_interrupt_that_was_caught_no_index_comes_twice(at: int, concurrency: int | None) -> None:
    """Ctrl-C inside a listener, at each of the first events, as in a notebook that goes on with its writer."""
    seen: list[str] = []

    def interrupt(event: seqsave.Event) -> None:
        seen.append(event.kind)
        if len(seen) == at:
            raise KeyboardInterrupt

    url = f"memory://interrupted/{at}/{concurrency}"
    writer = seqsave.open_writer(
        url, filetype=BOTH, max_bytes=1, on_event=interrupt, manifest=False, concurrency=concurrency
    )
    interrupts = 0
    for _ in range(6):
        try:
            writer.write(RED)
        except KeyboardInterrupt:  # noqa: PERF203
            interrupts += 1
    writer.close()
    found = files(writer.result)
    assert interrupts == 1
    assert len(found) == len(set(found))
    indices = sorted({index for index, _ in found})
    assert found == [(index, end) for index in indices for end in ("jpg", "png")]
    assert indices == list(range(len(indices)))
    assert len(indices) in (5, 6)  # the interrupt came before or after the frame was accepted


def test_an_interrupted_encoder_leaves_no_file_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(MemoryTarget, "publish", interrupt)
    writer = seqsave.open_writer("memory://inline", filetype=BOTH, concurrency=1, manifest=False)
    with pytest.raises(KeyboardInterrupt):
        writer.write(RED)
    with pytest.raises(seqsave.SaveError) as failed:
        writer.close()
    assert failed.value.result is not None
    assert files(failed.value.result) == [(0, "jpg"), (0, "png")]


def test_a_refused_batch_uses_nothing_up() -> None:
    with seqsave.open_writer("memory://refused", filetype=BOTH) as writer:
        writer.write_batch([RED, RED])
        with pytest.raises(seqsave.ImageError):
            writer.write_batch([RED, np.zeros((32, 32, 3), np.uint16)])  # png would take both
        with pytest.raises(seqsave.FrameExistsError):
            writer.write_batch([RED, RED, RED], index=0)
        writer.write_batch([RED, RED])
    assert files(writer.result) == sorted((index, end) for index in (0, 1) for end in ("jpg", "png") for _ in range(2))


# --- the preview is part of the step ---------------------------------------------------------------------------------


def written_with_preview(folder: Path, write: Any) -> list[str]:
    """Return the warnings of a writer with a preview; one that was lost is a warning."""
    needs_package("av")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with seqsave.open_writer(folder, filetype=BOTH, preview="webm") as writer:
            write(writer)
    return [str(one.message) for one in caught]


def test_a_refused_image_leaves_the_preview_alone(tmp_path: Path) -> None:
    def write(writer: seqsave.SequenceWriter) -> None:
        writer.write(RED)
        with pytest.raises(seqsave.ImageError, match="as jpg"):  # png would take it
            writer.write(np.zeros((32, 32, 3), np.uint16))
        with pytest.raises(seqsave.FrameExistsError):
            writer.write(RED, index=0)
        writer.write(RED)

    assert written_with_preview(tmp_path, write) == []
    assert (tmp_path / "frame.webm").exists()


def test_several_threads_keep_the_preview(tmp_path: Path) -> None:
    def write(writer: seqsave.SequenceWriter) -> None:
        def some() -> None:
            for _ in range(20):
                writer.write(RED)

        threads = [threading.Thread(target=some) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert written_with_preview(tmp_path, write) == []
    assert (tmp_path / "frame.webm").exists()


def test_two_threads_that_close_keep_the_preview(tmp_path: Path) -> None:
    errors: list[BaseException] = []

    def close(writer: seqsave.SequenceWriter) -> None:
        try:
            writer.close()
        except BaseException as error:  # noqa: BLE001 - looked at below
            errors.append(error)

    def write(writer: seqsave.SequenceWriter) -> None:
        for _ in range(6):
            writer.write(RED)
        threads = [threading.Thread(target=close, args=(writer,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    for run in range(5):
        assert written_with_preview(tmp_path / str(run), write) == []
        assert (tmp_path / str(run) / "frame.webm").exists()
    assert errors == []
