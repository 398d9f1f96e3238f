"""``seqsave save --run``: one task of a run leaves its records and says where."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

import seqsave
from tests.cli.runner import seqsave as run

if TYPE_CHECKING:
    from pathlib import Path


def test_a_task_leaves_its_records_and_says_what_ends_the_run(tmp_path: Path) -> None:
    seqsave.save(np.zeros((4, 4, 6, 3), np.uint8), tmp_path / "source", filetype="png")
    task = ("save", tmp_path / "source", tmp_path / "out", "--filetype", "png", "--run", "JOB")
    stated = run(*task, "--frames", "1-2").err
    path = tmp_path / "out" / ".seqsave" / "runs" / "JOB" / "1-2.json"
    assert f"the records of this task are in {path}" in stated.replace("file://", "")
    assert "'seqsave commit' ends the run" in stated
    assert [record["index"] for record in json.loads(path.read_text())["frames"]] == [1, 2]
    found = json.loads(run(*task, "--frames", "0,3", "--json").out)
    assert (found["counts"]["saved"], found["indices"]) == (2, "0,3")


def test_a_task_may_convert_what_it_saves(tmp_path: Path) -> None:
    seqsave.save(np.zeros((4, 4, 6, 3), np.uint8), tmp_path / "source", filetype="png", start=1001)
    for frames in ("1001-1002", "1003-1004"):
        run("save", tmp_path / "source", tmp_path / "out", "--filetype", "jpg", "--frames", frames, "--run", "JOB")
    assert "frame_#####.jpg 1001-1004 (4 frames), complete" in run("commit", tmp_path / "out", "--run", "JOB").err
