"""The end of a writer: closed, interrupted, by an error of the caller, or never."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqsave
from seqsave import naming
from seqsave.encoders.png.encoder import PngEncoder
from seqsave.runtime.pipeline import Pipeline
from tests.support.patience import PATIENCE
from tests.writer.pictures import RED, URL, names


def test_an_error_in_the_block_lets_accepted_frames_finish() -> None:
    with pytest.raises(ZeroDivisionError):
        with seqsave.open_writer(URL) as writer:
            for _ in range(10):
                writer.write(RED)
            1 / 0  # noqa: B018
    assert len(names()) == 10
    with pytest.raises(seqsave.WriterClosedError):
        writer.write(RED)


def test_our_own_error_says_how_many_frames_are_saved() -> None:
    with pytest.raises(seqsave.ImageError, match=r"frame 3: .*\(the 3 frames saved before the error are kept\)"):
        seqsave.save([RED, RED, RED, np.zeros((0, 3, 3), np.uint8)], URL)
    assert len(names()) == 3


def test_a_keyboard_interrupt_gives_up_what_has_not_begun() -> None:
    with pytest.raises(KeyboardInterrupt):
        with seqsave.open_writer(URL) as writer:
            writer.write(RED)
            raise KeyboardInterrupt
    assert "aborted" in repr(writer)
    with pytest.raises(seqsave.WriterClosedError, match="aborted"):
        writer.write(RED)


class WithoutNotes(KeyboardInterrupt):
    """An exception of Python 3.10."""

    @property
    def add_note(self) -> Any:  # type: ignore[override]
        raise AttributeError


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    """No frame is encoded before the writer is aborted."""
    stopped, encode, stop = threading.Event(), PngEncoder.encode, Pipeline._stop_with

    def late(self: PngEncoder, *arguments: Any, **more: Any) -> Any:
        stopped.wait(PATIENCE)
        return encode(self, *arguments, **more)

    monkeypatch.setattr(PngEncoder, "encode", late)
    monkeypatch.setattr(Pipeline, "_stop_with", lambda *arguments: (stop(*arguments), stopped.set()))


def interrupted(error: BaseException) -> None:
    with seqsave.open_writer(URL, start=7) as writer:
        for _ in range(3):
            writer.write(RED)
        raise error


@pytest.mark.skipif(sys.version_info < (3, 11), reason="only on Python 3.11 and newer: exceptions have notes")
@pytest.mark.usefixtures("stuck")
def test_a_keyboard_interrupt_names_the_frames_that_it_gives_up() -> None:
    with pytest.raises(KeyboardInterrupt) as caught:
        interrupted(KeyboardInterrupt())
    assert caught.value.__notes__ == [f"seqsave: 3 accepted before the interrupt not saved (7-9): given up, in {URL}"]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="only on Python 3.11 and newer: exceptions have notes")
@pytest.mark.parametrize("how", ["save", "close", "with", "error"])
@pytest.mark.usefixtures("stuck")
def test_an_interrupt_while_a_writer_ends_names_the_frames(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Pipeline, "close", interrupt)  # which waits for the frames
    with pytest.raises(KeyboardInterrupt) as caught:
        if how == "save":
            seqsave.save([RED] * 3, URL, start=7)
        elif how == "close":
            writer = seqsave.open_writer(URL, start=7)
            for _ in range(3):
                writer.write(RED)
            writer.close()
        else:
            with seqsave.open_writer(URL, start=7) as writer:
                for _ in range(3):
                    writer.write(RED)
                if how == "error":
                    raise ValueError
    assert caught.value.__notes__ == [f"seqsave: 3 accepted before the interrupt not saved (7-9): given up, in {URL}"]


@pytest.mark.usefixtures("stuck")
def test_where_exceptions_have_no_notes_a_warning_names_them() -> None:
    text = r"3 of 3 accepted frames not saved .* \(7-9; 0 saved\): frame \d: not saved, because the writer was aborted$"
    with pytest.warns(seqsave.SeqSaveWarning, match=text), pytest.raises(KeyboardInterrupt):
        interrupted(WithoutNotes())


@pytest.mark.usefixtures("stuck")
def test_a_warning_that_is_an_error_does_not_replace_an_interrupt() -> None:
    with warnings.catch_warnings(), pytest.raises(KeyboardInterrupt) as caught:
        warnings.simplefilter("error")
        interrupted(WithoutNotes())
    assert "accepted frames not saved" in str(caught.value.__context__)


@pytest.mark.usefixtures("stuck")
def test_frames_that_an_abort_gives_up_say_so() -> None:
    with seqsave.open_writer(URL) as writer:
        futures = [writer.write(RED) for _ in range(50)]
        writer.abort()
    reasons = {str(future.exception()) for future in futures if not future.cancelled()}
    assert any("the writer was aborted" in reason for reason in reasons)
    assert not any("failed before" in reason for reason in reasons)


@pytest.mark.parametrize("error", [SystemExit(3), GeneratorExit(), asyncio.CancelledError()])
def test_an_end_that_is_no_interrupt_lets_accepted_frames_finish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    inside = threading.Event()

    def late(self: PngEncoder, *arguments: Any, **more: Any) -> Any:
        inside.wait(PATIENCE)  # none has begun to be published when the block is left
        return encode(self, *arguments, **more)

    encode, close = PngEncoder.encode, Pipeline.close
    monkeypatch.setattr(PngEncoder, "encode", late)
    monkeypatch.setattr(Pipeline, "close", lambda *arguments: (inside.set(), close(*arguments)))
    with pytest.raises(type(error)):
        with seqsave.open_writer(tmp_path, filetype="png") as writer:
            for _ in range(5):
                writer.write(RED)
            raise error
    assert len(list(tmp_path.glob("*.png"))) == 5
    assert "closed" in repr(writer)


def test_what_is_lost_when_the_program_exits_in_the_block_is_warned_of(tmp_path: Path) -> None:
    (tmp_path / "frame_00001.png").mkdir()

    def program() -> None:
        with seqsave.open_writer(tmp_path, filetype="png", concurrency=1) as writer:
            writer.write(RED)
            writer.write(RED, index=2)
            writer.write(RED, index=1)
            sys.exit(3)

    with pytest.raises(SystemExit), pytest.warns(seqsave.SeqSaveWarning, match=r"1 of 3 accepted .*1: .*is a folder"):
        program()


@pytest.mark.parametrize("place", ["memory", "local"])
def test_a_writer_that_is_not_closed_loses_nothing_and_says_so(place: str, tmp_path: Path) -> None:
    program = (
        "import numpy as np, seqsave, sys\n"
        "writer = seqsave.open_writer(sys.argv[1])\n"
        "for _ in range(60): writer.write(np.zeros((64, 64, 3), np.uint8))\n"
        "import atexit; from fsspec.implementations.memory import MemoryFileSystem as M\n"
        "atexit._run_exitfuncs(); print(sum('.seqsave' not in name for name in M.store))\n"
    )
    url = f"memory://{place}" if place == "memory" else str(tmp_path / "out")
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", program, url], capture_output=True, text=True, check=True
    )
    assert "was never closed: use it in a with block" in done.stderr
    saved = int(done.stdout) if place == "memory" else len(list((tmp_path / "out").glob("*.png")))
    assert saved == 60


def test_what_failed_is_reported_when_the_block_fails_too(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(
        seqsave.FrameNameError, match=r"1 accepted before the error not saved \(0\): .*is a file"
    ) as caught:
        with seqsave.open_writer(tmp_path / "later") as writer:
            (tmp_path / "later").write_bytes(b"")
            writer.write(RED)
            writer.flush()
            naming.NameRule("..")
    assert caught.value.saved == 0


def test_a_save_that_fails_is_an_oserror_and_names_its_cause(tmp_path: Path) -> None:
    (tmp_path / "frame_00001.png").write_bytes(b"there")
    with pytest.raises(OSError, match=r"1 of 2 accepted frames not saved .*\(1; 1 saved\): frame 1: ") as caught:
        with seqsave.open_writer(tmp_path, if_exists="error") as writer:
            writer.write(RED, index=0).result(timeout=PATIENCE)
            writer.write(RED, index=1)
    assert isinstance(caught.value, seqsave.SaveError)
    assert isinstance(caught.value.__cause__, FileExistsError)
    assert caught.value.result is not None
    assert caught.value.result.failures[0].exception is caught.value.__cause__
