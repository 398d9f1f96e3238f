"""What a writer's errors say of its frames."""

from __future__ import annotations

import traceback
from pathlib import Path

import numpy as np
import pytest

from seqsave import save
from seqsave.errors import EncodeError, SaveError, TargetError, WriterAbortedError
from seqsave.types import SaveResult
from seqsave.writer.summary import Summary
from tests.writer.outcomes import failed, saved


def test_the_first_failure_is_named_and_not_its_consequences() -> None:
    root = EncodeError("no room")
    result = SaveResult(
        url="memory://x",
        frames=(saved(0),),
        failures=(failed(1, WriterAbortedError("stopped")), failed(2, root)),
        warnings=(),
    )
    assert Summary(result).failure().__cause__ is root
    assert Summary(result).text() == ("2 of 3 accepted frames not saved to memory://x (1-2; 1 saved): frame 2: no room")
    assert (
        Summary(result).aftermath()
        == "the frame saved before the error is kept; 2 accepted before the error not saved (1-2): no room"
    )


def test_the_frame_that_ended_the_run_is_named_before_those_that_were_not_tried_again() -> None:
    tried, root = TargetError("busy", transient=True), EncodeError("no room")
    failures = (failed(1, tried), failed(2, root))
    result = SaveResult(url="memory://x", frames=(), failures=failures, warnings=())
    assert Summary(result, None, root).failure().__cause__ is root
    assert Summary(result, None, root).text().endswith("frame 2: no room")
    assert Summary(result, None, root).aftermath().endswith("no room")
    assert Summary(result).failure().__cause__ is tried


@pytest.mark.parametrize("error", [None, KeyError("run")])
def test_without_a_failed_frame_the_run_is_the_cause(error: Exception | None) -> None:
    result = SaveResult(url="memory://x", frames=(saved(0),), failures=(), warnings=())
    assert Summary(result, None, error).failure().__cause__ is error
    assert Summary(result).aftermath() == "the frame saved before the error is kept"


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
