"""``seqsave commit``: the end of a run, for people and for programs."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

import seqsave
from seqsave.sequences.progress import progress_of
from seqsave.sequences.verify import verify
from tests.cli.runner import seqsave as run

if TYPE_CHECKING:
    from pathlib import Path


def left_by_tasks(tmp_path: Path) -> Path:
    seqsave.save(np.zeros((4, 4, 6, 3), np.uint8), tmp_path / "source", filetype="png")
    for frames in ("0-1", "3"):
        run("save", tmp_path / "source", tmp_path / "out", "--filetype", "png", "--run", "JOB", "--frames", frames)
    return tmp_path / "out"


def test_the_result_as_one_document_and_then_that_it_was_committed_before(tmp_path: Path) -> None:
    out = left_by_tasks(tmp_path)
    done = run("commit", out, "--run", "JOB", "--json", "--quiet")
    assert json.loads(done.out) == {
        "run": "JOB",
        "sequences": [{"pattern": "frame_#####.png", "frames": 3, "complete": True, "obstacles": []}],
    }
    assert done.err == ""
    assert "run JOB was committed before" in run("commit", out, "--run", "JOB").err


def test_the_result_for_people(tmp_path: Path) -> None:
    stated = run("commit", left_by_tasks(tmp_path), "--run", "JOB").err
    assert "committed run JOB: frame_#####.png 0-1,3 (3 frames), complete" in stated
    assert "not checked: tasks that left no record" in stated


def test_with_all_expected_frames_everything_is_checked(tmp_path: Path) -> None:
    stated = run("commit", left_by_tasks(tmp_path), "--run", "JOB", "--frames", "0-1,3").err
    assert "complete" in stated
    assert "not checked" not in stated


def test_missing_frames_are_an_error_and_a_wrong_call_is_one(tmp_path: Path) -> None:
    out = left_by_tasks(tmp_path)
    assert (
        "no task of the run has saved these frames: 2"
        in run("commit", out, "--run", "JOB", "--frames", "0-3", status=1).err
    )
    run("commit", out, "--run", "no/name", status=2)
    run("commit", out, status=2)


def test_frames_that_are_missing_are_in_the_document(tmp_path: Path) -> None:
    out = left_by_tasks(tmp_path)
    found = run("commit", out, "--run", "JOB", "--frames", "0-7", "--json", status=1)
    assert "no task of the run has saved these frames: 2,4-7" in found.err
    assert "(save them again with --frames 2,4-7 --run JOB)" in found.err
    assert {key: found.document[key] for key in ("run", "reason", "frames")} == {
        "run": "JOB",
        "reason": "missing",
        "frames": "2,4-7",
    }
    assert run("commit", out, "--run", "OTHER", "--json", status=1).document["frames"] is None


def test_a_run_is_abandoned(tmp_path: Path) -> None:
    out = left_by_tasks(tmp_path)
    run("commit", out, "--run", "JOB", "--abandon", "--frames", "0-3", status=2)
    stated = run("commit", out, "--run", "JOB", "--abandon").err
    assert "abandoned run JOB: its frames stay in" in stated
    assert "frame_#####.png is unfinished" in stated
    assert "there is no run JOB" in run("commit", out, "--run", "JOB", "--abandon", status=1).err


@pytest.mark.parametrize("kind", ["older", "stranger"])
def test_what_a_copy_by_tasks_doubts_is_recorded(tmp_path: Path, kind: str) -> None:
    """Frame 2 of the source is one of an interrupted run's predecessor, or was put there by another program."""
    frames = np.zeros((3, 4, 6, 3), np.uint8)
    if kind == "older":
        seqsave.save(frames, tmp_path / "source")
        with pytest.raises(ZeroDivisionError), seqsave.open_writer(tmp_path / "source", total=3) as writer:
            for index in range(2):
                writer.write(frames[0] + 9, index=index)
            raise ZeroDivisionError
    else:
        seqsave.save(frames[:2], tmp_path / "source")
        shutil.copy(tmp_path / "source" / "frame_00000.png", tmp_path / "source" / "frame_00002.png")
    for part in ("0-1", "2"):
        err = run("save", tmp_path / "source", tmp_path / "out", "--run", "JOB", "--frames", part).err
        assert ("their copies are recorded" in err) == (part == "2")
    for _ in range(2):  # the second time without effect
        run("commit", tmp_path / "out", "--run", "JOB")
        found = progress_of(seqsave.open_sequence(tmp_path / "out"))
        assert (found.state, found.done, found.render_again) == ("unfinished", 2, (range(2, 3),))
    (tmp_path / "out" / "frame_00001.png").write_bytes(b"changed")
    assert verify(seqsave.open_sequence(tmp_path / "out")).indices() == (1, 2)


def test_a_source_without_a_known_end_is_named_as_what_its_copy_by_tasks_is(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), seqsave.open_writer(tmp_path / "source") as writer:
        writer.write(np.zeros((4, 6, 3), np.uint8))
        raise ZeroDivisionError
    err = run("save", tmp_path / "source", tmp_path / "out", "--run", "JOB").err
    assert "a run was interrupted or failed; the copy is recorded as complete nevertheless" in err
    run("commit", tmp_path / "out", "--run", "JOB")
    assert progress_of(seqsave.open_sequence(tmp_path / "out")).state == "complete"
