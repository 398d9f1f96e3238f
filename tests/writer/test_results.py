"""The outcome of each frame."""

from __future__ import annotations

import base64
import io
import pickle
import re
import sys
from concurrent.futures import Future
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from seqsave import save
from seqsave.errors import EncodeError, WriterAbortedError
from seqsave.naming.key import FrameKey
from seqsave.types import SavedFrame, SaveResult
from seqsave.writer.results import Results
from tests.writer.outcomes import saved


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


def test_the_repr_of_a_result_is_short() -> None:
    frames = [
        SavedFrame(index=n, batch=None, filetype="png", url=f"u/{n}", size=1, checksum=None, etag=None, status=status)
        for n, status in enumerate(["saved"] * 38 + ["stopped"] * 2)
    ]
    assert repr(SaveResult(url="s3://b/x", frames=tuple(frames))) == "<SaveResult 38 saved, 2 stopped in s3://b/x>"
    assert repr(SaveResult(url="s3://b/x", frames=())) == "<SaveResult no frames in s3://b/x>"


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
