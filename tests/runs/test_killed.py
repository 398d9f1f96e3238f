"""SIGKILL at named points of drivers and tasks, each a process of its own: the sequence ends complete and right."""

from __future__ import annotations

import io
import json
import os
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

import seqsave
from tests.runs.child import picture
from tests.support.forks import Forks
from tests.support.holds import Hold
from tests.support.needs import needs_obstore
from tests.support.places import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="only on systems with fork")

PLACES = [
    "local",
    pytest.param("s3fs", marks=pytest.mark.s3),
    # The points are above the client: what differs between the two has its own tests.
    pytest.param("obstore", marks=[pytest.mark.s3, pytest.mark.full]),
]
MANIFEST = ".seqsave/frame.png.json"
TASKS = [[0, 1], [2, 3], [4, 5]]
FRAMES = [index for task in TASKS for index in task]
TEMPORARY = r"/\.seqsave-[^/]*\.tmp$"

IN_TASK = [
    Hold(what="publishing", path=r"frame_00002\.png$"),
    Hold(what="published", path=r"frame_00002\.png$"),
    Hold(what="publishing", path=r"frame_00003\.png$"),
    Hold(what="published", path=r"frame_00003\.png$"),
    Hold(what="done"),
]
IN_TASK_LOCALLY = [
    Hold(what="half", path=TEMPORARY),
    Hold(what="temporary", path=r"frame_00003\.png$"),
    Hold(what="named", path=r"frame_00003\.png$"),
]
IN_COMMIT = [Hold(what="listed"), Hold(what="updated", path=r"\.json$"), Hold(what="done")]


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Forks("tests.runs.child") as running:
        yield running


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "local":
        return Place("local", str(tmp_path / "renders" / "shot"))
    if request.param == "obstore":
        needs_obstore()
    server = request.getfixturevalue("s3_server")
    return Place("s3", server.new_prefix(), {**server.storage_options, "client": request.param}, server)


class Farm:
    """Orders the steps of one run, each in a process of its own."""

    def __init__(self, forks: Forks, place: Place, **settings: Any) -> None:
        self.forks, self.place = forks, place
        self.run = seqsave.open_run(place.url, storage_options=place.storage_options or None, total=6, **settings)

    def order(self, what: str, hold: Hold | None = None, **more: Any) -> Any:
        stated = self.forks.run(
            what=what,
            hold=hold,
            **{
                "run": self.run.as_document(),
                "options": self.place.storage_options,
                "indices": [],
                "seed": 0,
                "records": [],
                **more,
            },
        )
        return json.loads(stated[-1]) if stated else None

    def task(self, indices: list[int], hold: Hold | None = None, seed: int = 0) -> Any:
        return self.order("task", hold, indices=indices, seed=seed)

    def commit(self, records: list[Any], hold: Hold | None = None) -> Any:
        return self.order("commit", hold, records=records)

    def all_tasks(self) -> list[Any]:
        return [record for indices in TASKS for record in self.task(indices)]


def judge(place: Place, seeds: dict[int, int] | None = None) -> None:
    """Look at names, pixels and manifest, with nothing of the code under test."""
    assert place.frames() == [f"frame_{index:05d}.png" for index in FRAMES]
    for index in FRAMES:
        with Image.open(io.BytesIO(place.read(f"frame_{index:05d}.png"))) as found:
            assert np.array_equal(np.asarray(found), picture(index, (seeds or {}).get(index, 0)))
    written = json.loads(place.read(MANIFEST))
    assert (written["complete"], written["writers"], written["expected"]) == (True, [], "0-5")
    for frame in written["frames"]:
        data = place.read(frame["name"])
        assert (frame["size"], frame["checksum"]) == (len(data), f"crc32:{zlib.crc32(data):08x}")
    # The lock of a local manifest stays.
    assert {name for name in place.names() if ".seqsave" in name} <= {MANIFEST, f"{MANIFEST}.lock"}


@pytest.mark.parametrize("if_exists", ["overwrite", "error", "skip"])
def test_tasks_that_are_killed_are_done_again(place: Place, forks: Forks, if_exists: str) -> None:
    farm = Farm(forks, place, if_exists=if_exists)
    farm.order("begin")
    records = farm.task(TASKS[0]) + farm.task(TASKS[2])
    for hold in IN_TASK + (IN_TASK_LOCALLY if place.kind == "local" else []):
        if hold.what in ("half", "temporary", "named", "published", "publishing") and if_exists != "overwrite":
            # What an earlier attempt has published is found, and that point comes up once only.
            for name in ("frame_00002.png", "frame_00003.png"):
                _remove(place, name)
        assert farm.task(TASKS[1], hold) is None
        assert json.loads(place.read(MANIFEST))["complete"] is False
    missing = farm.commit(records)
    assert (missing["error"], "2-3" in missing["message"]) == ("RunError", True)
    records += farm.task(TASKS[1])
    assert farm.commit(records) == {"complete": True, "frames": 6}
    judge(place)


def _remove(place: Place, name: str) -> None:
    if place.kind == "local":
        Path(place.url, name).unlink(missing_ok=True)
    elif place.server is not None:
        bucket, _, key = f"{place.url}/{name}".removeprefix("s3://").partition("/")
        place.server.client.delete_object(Bucket=bucket, Key=key)


def test_a_driver_killed_after_begin_goes_on_elsewhere(place: Place, forks: Forks) -> None:
    farm = Farm(forks, place)
    farm.order("begin", Hold(what="done"))
    records = farm.task(TASKS[0])
    before = json.loads(place.read(MANIFEST))
    farm.order("begin")
    assert json.loads(place.read(MANIFEST))["writers"] == before["writers"]
    assert [writer["id"] for writer in before["writers"]] == [f"run-{farm.run.id}"]
    records += farm.task(TASKS[1]) + farm.task(TASKS[2])
    assert farm.commit(records) == {"complete": True, "frames": 6}
    judge(place)


@pytest.mark.parametrize("hold", IN_COMMIT, ids=lambda hold: str(hold.what))
def test_a_driver_killed_amid_its_commit_commits_again(place: Place, forks: Forks, hold: Hold) -> None:
    farm = Farm(forks, place)
    farm.order("begin")
    records = farm.all_tasks()
    farm.commit(records, hold)
    was_complete = json.loads(place.read(MANIFEST))["complete"]
    assert was_complete == (hold.what != "listed")
    for _ in range(2):
        assert farm.commit(records) == {"complete": True, "frames": 6}
    judge(place)


def test_an_attempt_with_other_bytes_of_a_killed_task_is_settled_by_the_storage(place: Place, forks: Forks) -> None:
    farm = Farm(forks, place)
    farm.order("begin")
    records = farm.all_tasks()
    farm.task([2], Hold(what="done"), seed=7)  # its bytes are there, and its record is lost
    refused = farm.commit(records)
    assert (refused["error"], ": 2:" in refused["message"]) == ("RunError", True)
    assert json.loads(place.read(MANIFEST))["complete"] is False
    records += farm.task([2], seed=8)
    assert farm.commit(records) == {"complete": True, "frames": 6}
    judge(place, {2: 8})


def test_a_run_that_is_abandoned_stays_unfinished(place: Place, forks: Forks) -> None:
    farm = Farm(forks, place)
    farm.order("begin")
    farm.task(TASKS[0])
    farm.task(TASKS[1], Hold(what="published", path=r"frame_00002\.png$"))
    farm.order("abandon")
    written = json.loads(place.read(MANIFEST))
    assert (written["complete"], written["writers"]) == (False, [])
    farm.order("begin")  # the same id goes on
    assert farm.commit(farm.all_tasks()) == {"complete": True, "frames": 6}
    judge(place)
