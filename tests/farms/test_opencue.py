"""The submission to OpenCue: pyoutline writes the job, and the test runs its frames as Cuebot and RQD do."""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from seqsave import naming
from tests.farms.farm import FILES, Farm
from tests.support.needs import needs_package

pytestmark = pytest.mark.farms

SUBMIT = FILES / "opencue.py"


def layers(farm: Farm, *arguments: str) -> Any:
    needs_package("outline", "pip install opencue-pyoutline packaging six")
    return json.loads(farm.run(sys.executable, Path(__file__).parent / "layers.py", SUBMIT, *arguments).stdout)


def dispatch(farm: Farm, layer: Any) -> list[str]:
    """Run the frames of a layer, and return the frame specifications of its tasks."""
    frames, size = layer["frames"], layer["chunk"]
    specs = [spec(frames[first : first + size]) for first in range(0, len(frames), size)]
    for one in specs:
        farm.run("sh", "-c", layer["command"].replace("#FRAMESPEC#", one))
    return specs


def spec(frames: list[int]) -> str:
    """Return a list of frames as Cuebot writes it: 7, 1-10, 1-9x2, or with commas."""
    steps = {after - before for before, after in itertools.pairwise(frames)}
    if len(steps) != 1:
        return ",".join(map(str, frames))
    (step,) = steps
    return f"{frames[0]}-{frames[-1]}" + ("" if step == 1 else f"x{step}")


def test_frames_are_saved_and_the_dependent_layer_commits(farm: Farm) -> None:
    save, commit = layers(farm, farm.source, farm.url, "1-12", "--run", "shot010-v1", "--chunk", "5")
    assert (save["after"], commit["after"], len(commit["frames"])) == (None, save["name"], 1)
    assert dispatch(farm, save) == ["1-5", "6-10", "11-12"]
    dispatch(farm, commit)
    farm.holds(*range(1, 13))


@pytest.mark.parametrize("farm", ["local"], indirect=True)
@pytest.mark.parametrize("frames", ["1-12x3", "12-1x-5", "9,2,4-6"])
def test_frames_are_the_same_for_cuebot_and_for_the_commit(farm: Farm, frames: str) -> None:
    save, commit = layers(farm, farm.source, farm.url, frames, "--run", "shot010-v1", "--chunk", "3")
    for layer in (save, commit):
        dispatch(farm, layer)
    farm.holds(*sorted(save["frames"]))
    _, again = layers(farm, farm.source, farm.url, "2", "--whole", frames, "--run", "shot010-v1")
    assert again["command"] == commit["command"]
    assert [frame for run in naming.parse_frames(frames) for frame in run] == sorted(save["frames"])


@pytest.mark.parametrize("farm", ["local"], indirect=True)
@pytest.mark.parametrize("frames", ["1-12:3", "1-12y3"])
def test_signs_of_another_meaning_are_refused(farm: Farm, frames: str) -> None:
    needs_package("outline", "pip install opencue-pyoutline packaging six")
    done = farm.run(sys.executable, SUBMIT, farm.source, farm.url, frames, "--run", "shot010-v1", status=1)
    assert "write FRAMES without" in done.stderr
