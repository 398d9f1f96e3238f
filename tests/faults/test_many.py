"""A small variant of ``python -m tests.faults.many``, whose processes are killed at frames and not by the clock."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from tests.faults.judge import MANIFEST, flaws_of
from tests.faults.many import SHAPE, save_many
from tests.support.places import Place

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.many import How
    from tests.support.s3 import S3Server

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(sys.platform != "linux", reason="only on Linux: it forks, and reads /proc"),
]


@pytest.mark.parametrize(("how", "kills"), [("tasks", 3), ("writers", 3)])
def test_killed_processes_leave_one_complete_sequence(s3_server: S3Server, how: How, kills: int) -> None:
    place = Place("s3", s3_server.new_prefix(), s3_server.storage_options, s3_server)
    figures = save_many(place, frames=240, processes=3, how=how, task=24, kill_after=60)
    assert figures.flaws == []
    assert figures.troubles == []
    assert figures.killed >= kills
    assert figures.again == figures.killed
    assert 0 < figures.worker_peak < 2**30


# --- the judge -------------------------------------------------------------------------------------------------------


@pytest.fixture
def place(tmp_path: Path) -> Place:
    import seqsave
    from tests.faults.child import picture

    seqsave.save([picture(index, 0, SHAPE) for index in range(3)], str(tmp_path / "renders"), filetype="png")
    return Place("local", str(tmp_path / "renders"))


def flaws(place: Place) -> str:
    return "\n".join(flaws_of(place, 3, seed=0, shape=SHAPE))


def test_a_whole_sequence_has_no_flaws(place: Place) -> None:
    assert flaws(place) == ""


def test_the_judge_sees_other_pixels_and_other_bytes(place: Place) -> None:
    place.write("frame_00001.png", place.read("frame_00002.png"))
    assert "frame_00001.png has other bytes than the manifest states" in flaws(place)
    stated = json.loads(place.read(MANIFEST))
    stated["frames"][1] |= {"size": len(place.read("frame_00001.png")), "checksum": None}
    place.write(MANIFEST, json.dumps(stated).encode())
    assert flaws(place) == "frame_00001.png has other pixels"


def test_the_judge_sees_what_is_too_little_and_too_much(place: Place) -> None:
    place.write("frame_00003.png", place.read("frame_00002.png"))
    assert "frame_00003.png should not be there" in flaws(place)
    assert "is missing" in "\n".join(flaws_of(place, 5, seed=0, shape=SHAPE))


def test_the_judge_sees_a_manifest_that_is_not_complete(place: Place) -> None:
    stated = json.loads(place.read(MANIFEST)) | {"complete": False, "unfinished": ["a run"]}
    stated["frames"].pop()
    place.write(MANIFEST, json.dumps(stated).encode())
    found = flaws(place)
    assert "the manifest says complete: False" in found
    assert "the manifest says unfinished: ['a run']" in found
    assert "the manifest records 2 frames" in found
