"""The submission to Deadline, with a stand-in for ``deadlinecommand``."""

from __future__ import annotations

import sys

import pytest

from tests.farms.farm import FILES, Farm

pytestmark = pytest.mark.farms

SUBMIT = (sys.executable, FILES / "deadline.py")


@pytest.fixture(autouse=True)
def deadline(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    farm.stand_in("deadlinecommand", monkeypatch)


def test_tasks_save_the_frames_and_the_dependent_job_commits(farm: Farm) -> None:
    printed = farm.run(*SUBMIT, farm.source, farm.url, "1-12", "--run", "shot010-v1", "--chunk", "5").stdout
    assert printed == f"save: {0:024x}\ncommit: {1:024x}\n"
    saving, committing = farm.jobs()
    assert len(saving["tasks"]) == 3
    assert (saving["state"], committing["state"]) == ("completed", "completed")
    farm.holds(*range(1, 13))


@pytest.mark.parametrize("farm", ["local"], indirect=True)
def test_frames_with_steps_are_tasks_of_their_own(farm: Farm) -> None:
    farm.run(*SUBMIT, farm.source, farm.url, "1-12x4 10", "--run", "shot010-v1", "--chunk", "2")
    assert [job["state"] for job in farm.jobs()] == ["completed", "completed"]
    farm.holds(1, 5, 9, 10)


@pytest.mark.parametrize("farm", ["local"], indirect=True)
def test_after_a_task_that_failed_the_commit_waits(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FARM_DEAD", "2")
    farm.run(*SUBMIT, farm.source, farm.url, "1-12", "--run", "shot010-v1", "--chunk", "5")
    assert [job["state"] for job in farm.jobs()] == ["failed", "pending"]
    stated = farm.run("seqsave", "commit", farm.url, "--run", "shot010-v1", "--frames", "1-12", status=1).stderr
    assert "no task of the run has saved these frames: 11-12" in stated
    monkeypatch.delenv("FARM_DEAD")
    farm.run(*SUBMIT, farm.source, farm.url, "11-12", "--whole", "1-12", "--run", "shot010-v1")
    assert farm.jobs()[3]["state"] == "completed"
    farm.holds(*range(1, 13))


@pytest.mark.parametrize("farm", ["local"], indirect=True)
@pytest.mark.parametrize("name", ['a "b"', "a\nPlugin=Other"])
def test_what_a_job_file_cannot_hold_is_refused(farm: Farm, name: str) -> None:
    farm.run(*SUBMIT, name, farm.url, "1-12", "--run", "shot010-v1", status=1)
    assert farm.jobs() == []
