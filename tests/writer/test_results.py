"""The outcome of each frame, and the summary."""

from __future__ import annotations

import base64
import io
import pickle
import re
import sys
import traceback
from concurrent.futures import Future
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from seqsave import save
from seqsave.errors import EncodeError, SaveError, TargetError, WriterAbortedError
from seqsave.naming.key import FrameKey
from seqsave.types import FailedFrame, SavedFrame, SaveResult
from seqsave.writer import results
from seqsave.writer.results import Results


def saved(index: int, status: str = "saved") -> SavedFrame:
    return SavedFrame(
        index=index,
        batch=None,
        url=f"memory://x/{index}.png",
        size=10,
        checksum=None,
        etag=None,
        status=status,  # type: ignore[arg-type]
        filetype="png",
    )


def failed(index: int, error: Exception) -> FailedFrame:
    url = f"memory://x/{index}.png"
    return FailedFrame(index=index, batch=None, url=url, error=str(error), exception=error, filetype="png")


def test_frames_come_in_the_order_in_which_they_were_accepted() -> None:
    found = Results(lambda path: f"memory://x/{path}")
    futures: list[Future[SavedFrame]] = [Future() for _ in range(4)]
    keys = [FrameKey(index, None, f"{index}.png") for index in range(4)]
    positions = [found.add(key, future) for key, future in zip(keys, futures, strict=True)]
    futures[2].set_result(saved(2))
    found.end(positions[2], keys[2], futures[2])
    futures[0].set_result(saved(0))  # done, and not reported yet
    futures[1].set_exception(EncodeError("too large"))
    frames, failures = found.all()
    assert [one.index for one in frames] == [0, 2]
    assert [(one.index, one.url, one.error) for one in failures] == [(1, "memory://x/1.png", "too large")]
    assert found.totals() == (4, 1, 10)


def test_a_cancelled_frame_is_not_saved() -> None:
    found = Results(str)
    future: Future[SavedFrame] = Future()
    found.add(FrameKey(0, None, "0.png"), future)
    future.cancel()
    assert isinstance(found.all()[1][0].exception, WriterAbortedError)


def test_frames_that_leave_the_spool_replace_their_records() -> None:
    found = Results(str)
    for index, status in enumerate(("spooled", "spooled", "saved")):
        future: Future[SavedFrame] = Future()
        future.set_result(saved(index, status))
        found.add(FrameKey(index, None, f"{index}.png"), future)
        found.end(index, FrameKey(index, None, f"{index}.png"), future)
    found.replace([saved(1)])
    assert [one.status for one in found.all()[0]] == ["spooled", "saved", "saved"]


def test_the_first_failure_is_named_and_not_its_consequences() -> None:
    root = EncodeError("no room")
    result = SaveResult(
        url="memory://x",
        frames=(saved(0),),
        failures=(failed(1, WriterAbortedError("stopped")), failed(2, root)),
        warnings=(),
    )
    assert results.failure(result, None, None).__cause__ is root
    assert results.summary(result, None) == (
        "2 of 3 accepted frames not saved to memory://x (1-2; 1 saved): frame 2: no room"
    )
    assert (
        results.aftermath(result, None)
        == "the frame saved before the error is kept; 2 accepted before the error not saved: no room"
    )


def test_the_frame_that_ended_the_run_is_named_before_those_that_were_not_tried_again() -> None:
    tried, root = TargetError("busy", transient=True), EncodeError("no room")
    failures = (failed(1, tried), failed(2, root))
    result = SaveResult(url="memory://x", frames=(), failures=failures, warnings=())
    assert results.failure(result, None, root).__cause__ is root
    assert results.summary(result, None, root).endswith("frame 2: no room")
    assert results.aftermath(result, None, root).endswith("no room")
    assert results.failure(result, None, None).__cause__ is tried


@pytest.mark.parametrize("error", [None, KeyError("run")])
def test_without_a_failed_frame_the_run_is_the_cause(error: Exception | None) -> None:
    result = SaveResult(url="memory://x", frames=(saved(0),), failures=(), warnings=())
    assert results.failure(result, None, error).__cause__ is error
    assert results.aftermath(result, None) == "the frame saved before the error is kept"


def test_the_repr_of_a_result_is_short() -> None:
    frames = [
        SavedFrame(index=n, batch=None, filetype="png", url=f"u/{n}", size=1, checksum=None, etag=None, status=status)
        for n, status in enumerate(["saved"] * 38 + ["stopped"] * 2)
    ]
    assert repr(SaveResult(url="s3://b/x", frames=tuple(frames))) == "<SaveResult 38 saved, 2 stopped in s3://b/x>"
    assert repr(SaveResult(url="s3://b/x", frames=())) == "<SaveResult no frames in s3://b/x>"


@pytest.mark.parametrize("keeps", [False, True])
def test_an_error_of_a_storage_is_short_in_a_notebook(
    tmp_path: Path, keeps: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQSAVE_TRACEBACK", "1" if keeps else "")

    def full(*_: object, **__: object) -> None:
        raise TargetError("no space left")

    monkeypatch.setattr("seqsave.targets.local.LocalTarget.publish", full)
    with pytest.raises(SaveError) as caught:
        save(np.zeros((2, 4, 6, 3), np.uint8), tmp_path, manifest=False)
    lines = "".join(traceback.format_exception(caught.value)).splitlines()
    internal = [line for line in lines if "runtime" in line]
    assert bool(internal) is keeps
    assert isinstance(caught.value.__cause__, TargetError)
    assert sum(line.startswith("seqsave.errors.TargetError: ") for line in lines) == 1


def test_where_an_encoder_failed_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("seqsave.encoders.png.encoder.PngEncoder.encode", broken)
    with pytest.raises(SaveError) as caught:
        save(np.zeros((2, 4, 6, 3), np.uint8), tmp_path)
    assert "in broken" in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("is_notebook", [True, False])
def test_a_result_shows_frames_in_a_notebook_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_notebook: bool
) -> None:
    module = ModuleType("IPython")
    shell = SimpleNamespace(kernel=object()) if is_notebook else None
    module.get_ipython = lambda: shell  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", module)
    linear = np.full((36, 64, 3), 0.18, np.float32)
    result = save([linear] * 30, tmp_path, filetype=["png", "jpg"], color="linear-srgb")
    found = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', result._repr_html_())
    assert len(found) == is_notebook
    if is_notebook:
        sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(found[0]))))
        assert abs(int(sheet[40, 60].mean()) - 118) <= 2, "the display's value of 0.18"
    assert "thumbnails" not in repr(result)
    assert pickle.loads(pickle.dumps(result)).urls == result.urls  # noqa: S301
