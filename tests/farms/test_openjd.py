"""The template of OpenJobDescription, checked and run by ``openjd``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.farms.farm import FILES, Farm
from tests.support.needs import needs_program

if TYPE_CHECKING:
    import subprocess

pytestmark = pytest.mark.farms

TEMPLATE = FILES / "openjd.yaml"


def openjd(farm: Farm, frames: str, *more: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    program = needs_program("openjd", "pip install openjd-cli")
    given = {
        "Source": farm.source,
        "Url": farm.url,
        "Frames": frames,
        "Whole": frames,
        "ChunkSize": 5,
        "Run": "shot010-v1",
    }
    return farm.run(program, "run", TEMPLATE, "-p", json.dumps(given), *more, status=status)


def test_chunks_are_saved_and_the_last_step_commits(farm: Farm) -> None:
    farm.run(needs_program("openjd", "pip install openjd-cli"), "check", TEMPLATE)
    openjd(farm, "1-12", "--step", "Commit", "--run-dependencies")
    farm.holds(*range(1, 13))


@pytest.mark.parametrize("farm", ["local"], indirect=True)
@pytest.mark.parametrize(("frames", "indices"), [("1-12:2,12", (1, 3, 5, 7, 9, 11, 12)), ("9-1:-4", (1, 5, 9))])
def test_chunks_with_steps(farm: Farm, frames: str, indices: tuple[int, ...]) -> None:
    openjd(farm, frames)
    farm.holds(*indices)


@pytest.mark.parametrize("farm", ["local"], indirect=True)
def test_a_task_that_fails_keeps_the_commit_from_running(farm: Farm) -> None:
    done = openjd(farm, "8-15", status=1)
    assert "there are no frames 13-15" in done.stdout + done.stderr
    assert "committed" not in done.stdout + done.stderr
    openjd(farm, "8-12")
    farm.holds(8, 9, 10, 11, 12)


@pytest.mark.parametrize("farm", ["local"], indirect=True)
def test_one_chunk_is_done_again_by_itself(farm: Farm) -> None:
    openjd(farm, "1-12", "--step", "Save", "--task-param", "Chunk=1-10")
    openjd(farm, "1-12", "--step", "Commit", "--no-run-dependencies", status=1)
    openjd(farm, "1-12", "--step", "Save", "--task-param", "Chunk=11-12")
    openjd(farm, "1-12", "--step", "Commit", "--no-run-dependencies")
    farm.holds(*range(1, 13))
