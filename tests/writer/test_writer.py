"""The writer's own rules: numbering, ends, errors, warnings, events. In memory; test_places.py has other storages."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import seqsave
from seqsave.encoders.png.encoder import PngEncoder
from seqsave.runtime.pipeline import Pipeline
from seqsave.targets.local import LocalTarget
from seqsave.targets.memory import MemoryTarget
from seqsave.types import SavedFrame
from seqsave.writer.publish import FramePublisher
from tests.kit import WordlessError
from tests.support.patience import PATIENCE
from tests.writer.pictures import RED, URL, OnlyArray, names


def read(path: str) -> np.ndarray[Any, Any]:
    from fsspec.implementations.memory import MemoryFileSystem

    data = MemoryFileSystem.store["/renders/shot/" + path].getvalue()
    return np.asarray(Image.open(io.BytesIO(data)))


# --- numbering ------------------------------------------------------------------------------------------------------


def test_start_and_step() -> None:
    seqsave.save([RED] * 3, URL, start=1001, step=10, digits=4)
    assert names() == ["frame_1001.png", "frame_1011.png", "frame_1021.png"]


def test_writing_goes_on_after_the_index_that_was_given() -> None:
    with seqsave.open_writer(URL) as writer:
        for index in (None, 40, None, 3):
            writer.write(RED, index=index)
    assert [frame.index for frame in writer.result.frames] == [0, 40, 41, 3]


def test_an_index_wider_than_digits() -> None:
    seqsave.save([RED] * 2, URL, start=99, digits=2)
    assert names() == ["frame_100.png", "frame_99.png"]
    assert seqsave.open_sequence(URL).indices == (99, 100)


def test_numpy_integers_are_indices() -> None:
    with seqsave.open_writer(URL) as writer:
        writer.write(RED, index=np.int64(5), batch=np.uint8(1))
    assert names() == ["batch_0001/frame_00005.png"]


@pytest.mark.parametrize("batch", [None, 2])
def test_the_same_frame_twice(batch: int | None) -> None:
    with seqsave.open_writer(URL) as writer:
        writer.write(RED, index=5, batch=batch)
        writer.write(RED, index=5, batch=7)
        with pytest.raises(FileExistsError, match="was already written by this writer"):
            writer.write(RED, index=5, batch=batch)
    assert writer.result.counts["saved"] == 2


def test_a_refused_image_uses_no_index_up() -> None:
    with seqsave.open_writer(URL) as writer:
        writer.write(RED)
        with pytest.raises(seqsave.ImageError, match=r"^frame 1: "):
            writer.write(np.zeros((3, 4, 5, 6, 7)))
        writer.write(RED)
    assert names() == ["frame_00000.png", "frame_00001.png"]


def test_frames_from_a_generator_are_taken_lazily() -> None:
    made = []

    def render() -> Iterator[np.ndarray[Any, Any]]:
        for i in range(1000):
            made.append(i)
            yield RED
            if i == 20:
                raise RuntimeError("the renderer broke")

    with pytest.raises(RuntimeError) as caught:
        seqsave.save(render(), URL)
    assert len(made) == 21
    assert len(names()) == 21
    if hasattr(caught.value, "__notes__"):
        assert "the 21 frames saved before the error are kept" in caught.value.__notes__[0]


@pytest.mark.parametrize("shape", [(6, 8), (6, 8, 3), (2, 2, 6, 8, 3)])
def test_arrays_of_frames_have_four_axes(shape: tuple[int, ...]) -> None:
    with pytest.raises(seqsave.ImageError, match=f"{len(shape)} axes"):
        seqsave.save(np.zeros(shape), URL)
    with seqsave.open_writer(URL) as writer, pytest.raises(seqsave.ImageError, match=f"{len(shape)} axes"):
        writer.write_batch(np.zeros(shape))


@pytest.mark.parametrize("frames", ["text", b"bytes", {"a": 1}, 7, None, Image.new("RGB", (4, 4))])
def test_what_is_no_frames(frames: object) -> None:
    with pytest.raises(seqsave.ImageError):
        seqsave.save(frames, URL)


@pytest.mark.parametrize("bad", [{"index": 10}, {"index": 0, "batch": 1}])
def test_a_refused_image_leaves_the_numbering_as_it_was(bad: dict[str, int]) -> None:
    with seqsave.open_writer(URL) as writer:
        writer.write(RED)
        writer.write(RED)
        with pytest.raises(seqsave.ImageError):
            writer.write(np.zeros((4, 6, 5)), **bad)
        writer.write(RED)
    assert [frame.index for frame in writer.result.frames] == [0, 1, 2]


def test_a_batch_with_a_bad_variation_is_refused_as_a_whole() -> None:
    with seqsave.open_writer(URL) as writer:
        with pytest.raises(seqsave.ImageError, match=r"^frame 0: "):
            writer.write_batch([RED, RED, np.zeros((4, 6, 5))])
        writer.write_batch([RED, RED])
    assert names() == ["batch_0000/frame_00000.png", "batch_0001/frame_00000.png"]


def test_batches_from_several_threads_get_indices_of_their_own() -> None:
    from concurrent.futures import ThreadPoolExecutor

    with seqsave.open_writer(URL) as writer, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: writer.write_batch([RED, RED]), range(100)))
    sequence = seqsave.open_sequence(URL)
    assert sequence.indices == tuple(range(100))
    assert len(sequence) == 200


def test_a_stack_that_is_only_array_like() -> None:
    seqsave.save(OnlyArray(np.zeros((3, 4, 6, 3), np.uint8)), URL)
    assert len(names()) == 3


# --- the end --------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(
    start=st.integers(0, 50), step=st.integers(1, 5), total=st.integers(0, 6),
    at_end=st.sampled_from(["stop output", "raise error", "keep going"]),
)  # fmt: skip
def test_a_frame_is_after_the_end_by_the_rule(start: int, step: int, total: int, at_end: Any) -> None:
    url = f"memory://ends/{start}/{step}/{total}/{at_end}"
    with seqsave.open_writer(url, start=start, step=step, total=total, at_end=at_end) as writer:
        for number in range(total + 2):
            index = start + number * step
            if number >= total and at_end == "raise error":
                with pytest.raises(seqsave.EndOfSequenceError, match=f"frame {index} is after the end"):
                    writer.write(RED)
                break
            status = writer.write(RED).result(timeout=PATIENCE).status
            assert status == ("stopped" if number >= total and at_end == "stop output" else "saved")


def test_the_end_is_no_stop_iteration() -> None:
    assert not issubclass(seqsave.EndOfSequenceError, StopIteration)


# --- the caller's picture is its own --------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float16, np.bool_, np.uint16])
def test_the_buffer_may_change_as_soon_as_write_returns(dtype: Any) -> None:
    buffer = np.zeros((64, 64, 3), dtype)
    with seqsave.open_writer(URL, filetype="png") as writer:
        for i in range(16):
            buffer[...] = i % 2
            writer.write(buffer)
            buffer[...] = 1 - i % 2  # right away
    for i in range(16):
        decoded = seqsave.open_sequence(URL).frame(i).read()
        assert (decoded > 0).all() == bool(i % 2)
        assert (decoded == 0).all() == (not i % 2)


def test_floats_become_the_pixels_that_comfyui_writes() -> None:
    rng = np.random.default_rng(3)
    for dtype in (np.float16, np.float32, np.float64):
        image = rng.random((32, 32, 3)).astype(dtype)
        seqsave.save([image], URL, filetype="png")
        expected = np.clip(255.0 * image, 0, 255).astype(np.uint8)
        np.testing.assert_array_equal(read("frame_00000.png"), expected)


# --- warnings and events --------------------------------------------------------------------------------------------


def test_each_loss_is_reported_once_with_its_first_frame() -> None:
    bright, empty = np.full((4, 6, 3), 1.5, np.float32), np.full((4, 6, 3), np.nan, np.float32)
    fine = np.full((4, 6, 3), 0.5, np.float32)
    with pytest.warns(seqsave.SeqSaveWarning) as reported:
        result = seqsave.save([fine, bright, empty, bright, empty, fine], URL)
    assert [str(warning.message) for warning in reported] == list(result.warnings)
    assert result.warnings[0].startswith("frame 1: values outside 0..1")
    assert result.warnings[1].startswith("frame 2: NaN became 0")
    assert len(result.warnings) == 2


def test_a_size_that_changes_is_reported() -> None:
    with pytest.warns(seqsave.SeqSaveWarning, match="frame 1: is 8x4, the frames before are 6x4"):
        seqsave.save([RED, np.zeros((4, 8, 3), np.uint8)], URL)
    assert len(names()) == 2


@pytest.mark.parametrize(
    ("second", "text"),
    [
        (np.zeros((4, 6, 4), np.uint8), "frame 1: has 4 channels of uint8, the frames before have 3 channels of uint8"),
        (np.zeros((4, 6), np.uint8), "frame 1: has 1 channel of uint8, the frames before have 3 channels of uint8"),
        (
            np.zeros((4, 6, 3), np.uint16),
            "frame 1: has 3 channels of uint16, the frames before have 3 channels of uint8",
        ),
    ],
)
def test_channels_and_dtypes_that_change_are_reported(second: Any, text: str) -> None:
    with pytest.warns(seqsave.SeqSaveWarning) as reported:
        seqsave.save([RED, second, RED], URL)
    assert [str(one.message) for one in reported] == [text]
    assert len(names()) == 3


@pytest.mark.parametrize("shapes", [((4, 6, 4), (4, 6, 3)), ((4, 6), (4, 6, 2)), ((4, 6, 3), (4, 6, 4))])
def test_alpha_that_the_files_do_not_hold_is_no_change(shapes: Any) -> None:
    opaque = [np.full(shape, 255, np.uint8) for shape in shapes]
    assert seqsave.save(opaque, URL, filetype="jpg").warnings == ()
    with pytest.warns(seqsave.SeqSaveWarning) as reported:
        seqsave.save([*opaque, np.zeros((4, 6, 3 if len(shapes[0]) == 2 else 1), np.uint8)], URL, filetype="jpg")
    (text,) = (str(one.message) for one in reported)
    assert re.match(
        r"frame 2: has (3 channels|1 channel) of uint8, the frames before have (1 channel|3 channels)", text
    )


def test_a_change_is_reported_where_the_first_frame_was_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    goes, encode = threading.Event(), Pipeline._encode

    def late(self: Pipeline[Any, Any], job: Any) -> None:
        goes.wait(PATIENCE)
        encode(self, job)

    monkeypatch.setattr(Pipeline, "_encode", late)
    writer = seqsave.open_writer(URL)
    first = writer.write(RED)
    writer.write(RED)
    writer.write(np.zeros((4, 6), np.uint8))
    assert first.cancel()
    goes.set()
    with (
        pytest.warns(seqsave.SeqSaveWarning, match="frame 2: has 1 channel of uint8, the frames before have 3"),
        pytest.raises(seqsave.SaveError, match="frame 0: cancelled"),
    ):
        writer.close()


def test_a_change_is_reported_also_where_the_first_frame_is_encoded_last(monkeypatch: pytest.MonkeyPatch) -> None:
    from seqsave.writer.encode import Encoding

    others, encode = threading.Barrier(2), Encoding._encode

    def in_turn(self: Encoding, key: Any, taken: Any, inside: Any) -> Any:
        if key.index == 0:
            others.wait(PATIENCE)
        made = encode(self, key, taken, inside)
        if key.index == 1:
            others.wait(PATIENCE)
        return made

    monkeypatch.setattr(Encoding, "_encode", in_turn)
    grey = np.zeros((4, 6), np.uint8)
    with pytest.warns(
        seqsave.SeqSaveWarning, match="frame 1: has 1 channel of uint8, the frames before have 3 channels"
    ):
        seqsave.save([RED, grey], URL, concurrency=2)


def test_a_change_after_a_frame_that_stays_is_reported() -> None:
    grey = np.zeros((4, 6), np.uint8)
    seqsave.save([RED], URL)
    with pytest.warns(
        seqsave.SeqSaveWarning, match="frame 2: has 1 channel of uint8, the frames before have 3 channels"
    ):
        seqsave.save([RED, RED, grey], URL, if_exists="skip valid")


def test_a_conversion_to_the_same_kind_is_no_change() -> None:
    assert seqsave.save([RED, np.zeros((4, 6, 3), np.float32)], URL).warnings == ()


def test_events_come_on_the_callers_thread_and_add_up() -> None:
    events: list[seqsave.Event] = []
    threads = set()

    def listen(event: seqsave.Event) -> None:
        events.append(event)
        threads.add(threading.get_ident())

    seqsave.save([RED] * 5, URL, total=4, on_event=listen)
    assert threads == {threading.get_ident()}
    kinds = [event.kind for event in events]
    assert kinds.count("saved") == 4
    assert kinds.count("stopped") == 1
    assert kinds.count("encoded") == 4
    assert kinds.count("accepted") == 5
    assert kinds[-1] == "closed"
    last = events[-1]
    assert (last.done, last.total, last.encoding, last.publishing) == (5, 4, 0, 0)
    assert last.bytes_done == sum(event.size for event in events if event.kind == "saved")


# --- endings --------------------------------------------------------------------------------------------------------


def call_back(writer: seqsave.SequenceWriter, call: Callable[[], object]) -> object:
    """Return what ``call`` returned or raised, called by the first frame's thread while two others are under way."""
    outcome: Future[object] = Future()

    def back(_: Future[SavedFrame]) -> None:
        try:
            outcome.set_result(call())
        except seqsave.SeqSaveError as error:
            outcome.set_result(error)

    may_go_on = threading.Event()
    encode = PngEncoder.encode

    def late(self: PngEncoder, *arguments: Any, **more: Any) -> Any:
        may_go_on.wait(PATIENCE)
        return encode(self, *arguments, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PngEncoder, "encode", late)
        futures = [writer.write(RED) for _ in range(3)]
        futures[0].add_done_callback(back)
        may_go_on.set()
        return outcome.result(PATIENCE)


@pytest.mark.parametrize("publishers", [None, 2])
@pytest.mark.parametrize("call", ["close", "flush"])
def test_a_callback_of_a_frame_cannot_wait_for_the_writer(
    call: str, publishers: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with one_worker(monkeypatch, publishers) as writer:
        error = call_back(writer, getattr(writer, call))
        assert isinstance(error, seqsave.WriterClosedError)
        assert "a callback of a frame's future cannot wait" in str(error)
    assert writer.result.counts["saved"] == 3


@pytest.mark.parametrize("publishers", [None, 2])
def test_a_callback_of_a_frame_may_write(publishers: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not wait for room, which only its own thread can make."""
    with one_worker(monkeypatch, publishers) as writer:
        call_back(writer, lambda: [writer.write(RED) for _ in range(20)])
    assert writer.result.counts["saved"] == 23


def test_a_callback_closes_the_writer_between_the_files_of_a_frame(tmp_path: Path) -> None:
    errors: list[BaseException] = []
    writer = seqsave.open_writer(tmp_path, filetype=["png", "jpg"], concurrency=1)

    def close(event: Future[SavedFrame]) -> None:
        try:
            writer.close()
        except seqsave.WriterClosedError as error:
            errors.append(error)

    enter = writer._log.add

    def add(key: Any, future: Future[SavedFrame]) -> None:
        enter(key, future)
        future.add_done_callback(close)

    writer._log.add = add  # type: ignore[method-assign]
    writer.write(RED)
    writer.close()
    assert errors
    assert writer.result.counts["saved"] == 2


@contextlib.contextmanager
def one_worker(monkeypatch: pytest.MonkeyPatch, publishers: int | None) -> Iterator[seqsave.SequenceWriter]:
    """Open a writer with one encoding thread and room for three frames."""
    real = Pipeline.__init__

    def narrow(self: Pipeline[Any, Any], **settings: Any) -> None:
        usual = {"workers": 1, "publishers": publishers or 0, "max_bytes": 1, "least": 3}
        real(self, **{**settings, **usual})

    monkeypatch.setattr(Pipeline, "__init__", narrow)
    with seqsave.open_writer(URL, filetype="png", manifest=False) as writer:
        yield writer


def test_a_frame_is_not_tried_again_behind_one_that_failed_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_waiting, publish = threading.Event(), LocalTarget.publish

    def fail(self: LocalTarget, path: str, *arguments: Any, **more: Any) -> Any:
        if path.endswith("00000.png"):
            raise seqsave.TargetError("busy", transient=True)
        if path.endswith("00001.png"):
            assert is_waiting.wait(PATIENCE)
            raise seqsave.TargetError("denied")
        return publish(self, path, *arguments, **more)

    def note(self: FramePublisher, *arguments: Any) -> None:
        is_waiting.set()

    monkeypatch.setattr(LocalTarget, "publish", fail)
    monkeypatch.setattr("seqsave.writer.publish._Attempts.note", note)
    for_ever = seqsave.RetryPolicy(deadline=None, first_wait=10**9, longest_wait=10**9)
    writer = seqsave.open_writer(tmp_path, filetype="png", manifest=False, retry=for_ever, concurrency=4)
    futures = [writer.write(RED), writer.write(RED)]
    with pytest.raises(seqsave.SaveError, match=r"2 of 2 accepted frames .* frame 1: denied"):
        writer.close()
    assert [str(future.exception(0)) for future in futures] == ["busy", "denied"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_may_not_write() -> None:
    writer = seqsave.open_writer(URL)
    writer.write(RED).result(timeout=PATIENCE)
    child = os.fork()
    if child == 0:
        try:
            writer.write(RED)
        except seqsave.WriterClosedError:
            os._exit(42)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 42
    writer.close()


@pytest.mark.parametrize("concurrency", [1, None])
def test_a_listener_that_raises_does_not_lose_frames(concurrency: int | None) -> None:
    def listen(event: seqsave.Event) -> None:
        if event.kind == "saved":
            raise ZeroDivisionError(event.index)

    writer = seqsave.open_writer(URL, on_event=listen, concurrency=concurrency)
    for _ in range(10):
        writer.write(RED)
    with pytest.raises(ZeroDivisionError):
        writer.close()
    assert len(names()) == 10
    assert writer.result.counts["saved"] == 10


def test_warnings_point_at_the_callers_line() -> None:
    with pytest.warns(seqsave.SeqSaveWarning) as reported:
        seqsave.save([np.full((4, 6, 3), 2.0)], URL)
    assert reported[0].filename == __file__


@pytest.mark.parametrize(
    ("behaviour", "says"),
    [
        ("None", "returned NoneType and not seqsave.Encoded"),
        ("seqsave.Encoded(data='text')", "data is str and not bytes"),
        ("seqsave.Encoded(data=b'')", "data is empty"),
        ("seqsave.Encoded(data=b'x', leftover={'a': 3})", "leftover metadata is not text"),
        ("sys.exit(3)", "SystemExit: 3"),
        ("raising(GeneratorExit(3))", "GeneratorExit: 3"),
        ("wordless()", "WordlessError"),
    ],
)
def test_encoders_that_misbehave_are_named(behaviour: str, says: str) -> None:
    spec = seqsave.EncoderSpec(filetype="odd", extensions=("odd",), encoder=f"{__name__}:Odd", dtypes=("uint8",))
    Odd.behaviour = behaviour
    seqsave.register_encoder(spec)
    try:
        with pytest.raises(seqsave.SaveError, match=f"frame 0: the encoder of 'odd' failed: .*{says}"):
            seqsave.save([RED, RED], URL, filetype="odd", concurrency=2)
    finally:
        seqsave.unregister_encoder("odd")
    assert names() == []


@pytest.mark.parametrize(
    ("error", "reason", "concurrency"),
    [
        (RuntimeError("boom"), "RuntimeError: boom", 1),
        (RuntimeError("boom"), "RuntimeError: boom", 2),
        (WordlessError(), "WordlessError", 1),
        (WordlessError(), "WordlessError", 2),
        (SystemExit(4), "SystemExit: 4", 2),  # on the caller's thread it may come from a signal, and is raised
    ],
)
def test_a_storage_that_raises_foreign_errors(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, reason: str, concurrency: int
) -> None:
    def publish(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(MemoryTarget, "publish", publish)
    with pytest.raises(seqsave.SaveError, match=rf"accepted frames? not saved .*frame \d: {reason}") as caught:
        seqsave.save([RED] * 3, URL, concurrency=concurrency, manifest=False)
    assert caught.value.result is not None
    assert error in [failure.exception for failure in caught.value.result.failures]


def raising(error: BaseException) -> None:
    raise error


def wordless() -> None:
    raise WordlessError


class Odd:
    behaviour = ""

    def encode(self, image: Any, **_: Any) -> Any:
        return eval(self.behaviour, globals())  # noqa: S307 - texts of this file


# --- bad settings ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        ({"filetype": "pgn"}, seqsave.EncoderNotFoundError, r"'pgn' \(did you mean 'png'\?\).*'jpg'"),
        ({"filetype": "webp9"}, seqsave.EncoderNotFoundError, "unknown file type 'webp9'"),
        ({"filetype": "PNG"}, seqsave.EncoderNotFoundError, "did you mean 'png'"),
        ({"filetype": None}, seqsave.EncoderNotFoundError, "must be text"),
        ({"options": {"qualty": 3}, "filetype": "jpg"}, seqsave.OptionError, "did you mean 'quality'"),
        ({"options": {"quality": 300}, "filetype": "jpg"}, seqsave.OptionError, "from 1 to 100"),
        ({"at_end": "stop"}, seqsave.OptionError, "'stop output'"),
        ({"if_exists": "replaces"}, seqsave.OptionError, "'overwrite', 'error', 'skip'"),
        ({"start": 0.5}, seqsave.FrameNameError, "start is 0.5"),
        ({"step": 0}, seqsave.FrameNameError, "step is 0"),
        ({"total": -1}, seqsave.FrameNameError, "total is -1"),
        ({"digits": 1000}, seqsave.FrameNameError, "digits is 1000"),
        ({"prefix": "../x"}, seqsave.FrameNameError, "leave the target"),
        ({"metadata": {"a": object()}}, seqsave.MetadataError, "a"),
        ({"concurrency": 0}, seqsave.OptionError, "concurrency is 0"),
        ({"max_bytes": -5}, seqsave.OptionError, "max_bytes is -5"),
        ({"digits": -1}, seqsave.FrameNameError, "digits is -1: .* from 0 to 32"),
        ({"options": ["quality"]}, seqsave.OptionError, "mapping"),
        ({"rate": 0}, seqsave.OptionError, "rate is 0"),
        ({"rate": "fast"}, seqsave.OptionError, "rate is 'fast'"),
        ({"rate": float("nan")}, seqsave.OptionError, "rate is nan"),
        ({"on_event": 3}, seqsave.OptionError, "on_event is 3"),
        ({"retry": 3}, seqsave.OptionError, "RetryPolicy"),
    ],
)
def test_settings_that_are_refused(settings: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        seqsave.open_writer(URL, **settings)
    assert names() == []


@pytest.mark.parametrize("index", [-(2**63), 1.5, "3"])
def test_indices_that_are_refused(index: Any) -> None:
    with seqsave.open_writer(URL) as writer, pytest.raises(seqsave.FrameNameError, match="index is"):
        writer.write(RED, index=index)


def test_one_frame_starts_no_thread(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    seqsave.save([RED], tmp_path / "one")
    assert set(threading.enumerate()) == before


# --- settings, endings and the threads of both -----------------------------------------------------------------------


@pytest.mark.parametrize("refused", [{"preview": "mov"}, {"spool": "s3://x"}, {"spool": 5}, {"options": {"no": 1}}])
def test_settings_that_are_refused_leave_no_thread(refused: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from seqsave.runtime import progress

    monkeypatch.setattr(progress, "is_terminal", lambda _: True)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    before = set(threading.enumerate())
    with pytest.raises(seqsave.OptionError):
        seqsave.open_writer(URL, progress=True, **refused)
    assert set(threading.enumerate()) == before


@pytest.mark.parametrize("frames", [list, np.array(3), 7, None])
def test_what_has_no_length_is_no_frames(frames: Any) -> None:
    with pytest.raises(seqsave.ImageError, match="frames"):
        seqsave.save(frames, URL)
