"""The scripts for Slurm, with a stand-in for ``sbatch`` that sets what Slurm sets."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

import seqsave
from tests.farms.farm import FILES, Farm

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.farms

SCRIPTS = sorted((FILES / "slurm").glob("*.sh"))
SUBMIT = FILES / "slurm" / "submit.sh"


@pytest.fixture(autouse=True)
def slurm(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    farm.stand_in("sbatch", monkeypatch)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
@pytest.mark.parametrize("farm", ["local"], indirect=True)
def test_the_shell_can_read_a_script(script: Path, farm: Farm) -> None:
    farm.run("bash", "-n", script)
    assert script.stat().st_mode & 0o111
    assert b"\r" not in script.read_bytes()


def test_an_array_saves_the_frames_and_the_last_job_commits(farm: Farm) -> None:
    printed = farm.run(SUBMIT, farm.source, farm.url, "shot010-v1", "1-12", "5").stdout
    assert printed == "save: 100, commit: 101\n"
    saving, committing = farm.jobs()
    assert (saving["dependency"], committing["dependency"]) == (None, "afterany:100")
    assert [task["status"] for task in saving["tasks"]] == [0, 0, 0]
    assert [task["status"] for task in committing["tasks"]] == [0]
    farm.holds(*range(1, 13))


@pytest.mark.parametrize("farm", ["local"], indirect=True)
def test_a_task_that_died_is_named_and_done_again_under_the_same_name(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FARM_DEAD", "1")
    farm.run(SUBMIT, farm.source, farm.url, "shot010-v1", "1-12x2,12", "3")
    (committing,) = farm.jobs()[1]["tasks"]
    assert committing["status"] == 1
    assert "no task of the run has saved these frames: 7,9,11" in committing["err"]
    monkeypatch.delenv("FARM_DEAD")
    farm.run(SUBMIT, farm.source, farm.url, "shot010-v1", "7,9", "3", "1-12x2,12")
    (committing,) = farm.jobs()[3]["tasks"]
    assert "no task of the run has saved these frames: 11;" in committing["err"]
    farm.run(SUBMIT, farm.source, farm.url, "shot010-v1", "11", "3", "1-12x2,12")
    assert farm.jobs()[5]["tasks"][0]["status"] == 0
    farm.holds(1, 3, 5, 7, 9, 11, 12)


@pytest.mark.parametrize("farm", ["local"], indirect=True)
def test_wrong_calls_submit_nothing(farm: Farm) -> None:
    for arguments in (
        ("1-12", "0"),
        ("1-12", "-3"),
        ("1-12", "x"),
        ("12-1",),
        ("1..12",),
        ("1-12x0",),
        ("1-12y2",),
        ("1-",),
        ("",),
        ("1,",),
        ("1,,2",),
        ("1 2",),
    ):
        farm.run(SUBMIT, farm.source, farm.url, "shot010-v1", *arguments, status=2)
    farm.run(SUBMIT, farm.source, status=2)
    assert farm.jobs() == []


@pytest.mark.parametrize("farm", ["local"], indirect=True)
def test_numbers_may_be_padded_and_negative(farm: Farm) -> None:
    seqsave.save([picture_of(index) for index in range(-2, 10)], farm.source, filetype="png", start=-2, prefix="n")
    farm.run(SUBMIT, f"{farm.source}/n_#####.png", farm.url, "shot010-v1", "-2--1,0008-0009", "2")
    assert [task["status"] for job in farm.jobs() for task in job["tasks"]] == [0, 0, 0]
    assert seqsave.open_sequence(farm.url).indices == (-2, -1, 8, 9)


def picture_of(index: int) -> object:
    from tests.farms.farm import picture

    return picture(index + 2)


@pytest.mark.parametrize("farm", ["local"], indirect=True)
def test_scripts_with_the_line_ends_of_windows_are_refused_before_a_frame_is_saved(farm: Farm) -> None:
    for script in SCRIPTS:
        copy = farm.folder / script.name
        copy.write_bytes(script.read_bytes().replace(b"\n", b"\r\n"))
        copy.chmod(0o755)
    done = subprocess.run(
        ["bash", farm.folder / "submit.sh", farm.source, farm.url, "shot010-v1", "1-12"],
        cwd=farm.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert farm.jobs() == []
