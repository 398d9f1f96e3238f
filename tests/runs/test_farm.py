"""Runs without an engine: the command saves parts, leaves records, and commits them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import seqsave
from seqsave import sources, targets
from seqsave.runs import FarmTask
from tests.cli.runner import options
from tests.cli.runner import seqsave as run
from tests.runs.child import picture
from tests.support.clip import bigbuckbunny
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from tests.support.places import Place

pytestmark = pytest.mark.full_with("s3")  # what the storages do alike is tried of each in tests/targets

JOB = ".seqsave/runs/JOB"
MANIFEST = ".seqsave/frame.png.json"


@pytest.fixture
def source(tmp_path: Path) -> str:
    seqsave.save([picture(index) for index in range(10)], tmp_path / "source", filetype="png")
    return str(tmp_path / "source")


def task(source: str, place: Place, frames: str, *more: str, status: int = 0) -> Any:
    return run(
        "save",
        source,
        place.url,
        "--filetype",
        "png",
        "--frames",
        frames,
        "--run",
        "JOB",
        *more,
        *options(place),
        status=status,
    )


def commit(place: Place, *more: str, status: int = 0) -> Any:
    return run("commit", place.url, "--run", "JOB", *more, *options(place), status=status)


def notes(place: Place) -> list[str]:
    return [name.removeprefix(f"{JOB}/") for name in place.names() if name.startswith(JOB)]


def written(place: Place) -> dict[str, Any]:
    return dict(json.loads(place.read(MANIFEST)))


@pytest.mark.every_day
def test_tasks_leave_records_and_a_commit_ends_the_run(source: str, place: Place) -> None:
    task(source, place, "0-4")
    assert notes(place) == ["0-4.json"]
    assert written(place)["complete"] is False
    stated = task(source, place, "5-9").err
    assert f"{JOB}/5-9.json" in stated
    assert notes(place) == ["0-4.json", "5-9.json"]
    stated = commit(place).err
    assert "committed run JOB: frame_#####.png 0-9 (10 frames), complete" in stated
    assert notes(place) == []
    assert not Path(place.url, ".seqsave", "runs").exists()  # nor an empty folder, in a local place
    assert (written(place)["complete"], written(place)["expected"]) == (True, "0-9")
    before = place.read(MANIFEST)
    assert "committed before" in commit(place).err
    assert place.read(MANIFEST) == before


@pytest.mark.parametrize("frames", ["0-8x2", "1,5,9", "3", "0-1,4-5"])
def test_ranges_as_render_managers_write_them(source: str, place: Place, frames: str) -> None:
    task(source, place, frames)
    made = json.loads(commit(place, "--json").out)
    assert made["sequences"][0]["complete"]
    expected = {"0-8x2": "0,2,4,6,8"}.get(frames, frames)
    assert written(place)["expected"] == expected


@pytest.mark.every_day
def test_a_task_that_is_done_again_leaves_a_record_of_its_own(source: str, place: Place) -> None:
    for _ in range(3):
        task(source, place, "0-3")
    # On S3, the same frames have the same versions, so that all attempts leave one and the same record.
    assert notes(place) == (["0-3.json"] if place.kind == "s3" else ["0-3.2.json", "0-3.3.json", "0-3.json"])
    commit(place)
    assert (notes(place), written(place)["complete"]) == ([], True)


def test_gaps_are_named_and_nothing_is_removed(source: str, place: Place) -> None:
    task(source, place, "0-2")
    task(source, place, "6-9")
    stated = commit(place, "--frames", "0-9", status=1).err
    assert "no task of the run has saved these frames: 3-5" in stated
    assert notes(place) == ["0-2.json", "6-9.json"]
    task(source, place, "3-5")
    commit(place, "--frames", "0-9")
    assert written(place)["complete"]


def test_a_task_that_failed_is_missed(source: str, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    task(source, place, "0-7")
    with monkeypatch.context() as patch:
        failing(patch)
        task(source, place, "8-9", "--option", "compression=small", status=1)
    assert notes(place) == ["0-7.json", "8-9.started"]
    assert "no task of the run has saved these frames: 8-9" in commit(place, status=1).err
    task(source, place, "8")  # cut in another way
    task(source, place, "9")
    commit(place)
    assert (notes(place), written(place)["complete"], written(place)["expected"]) == ([], True, "0-9")


def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every frame fail from now on, so that a task ends without its records."""
    from seqsave.encoders.png.encoder import PngEncoder

    def fail(*_: Any, **__: Any) -> None:
        raise seqsave.EncodeError("no memory")

    monkeypatch.setattr(PngEncoder, "encode", fail)


def test_a_task_of_a_whole_array_that_failed_is_missed(
    source: str, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "clip.npy", np.stack([picture(index) for index in range(4)]))
    whole = ("save", str(tmp_path / "clip.npy"), place.url, "--filetype", "png", "--run", "JOB", *options(place))
    task(source, place, "6-9")
    with monkeypatch.context() as patch:
        failing(patch)
        run(*whole, "--option", "compression=small", status=1)
    assert notes(place) == ["0-3.started", "6-9.json"]
    assert "no task of the run has saved these frames: 0-3" in commit(place, status=1).err
    run(*whole)
    commit(place)
    assert (notes(place), written(place)["complete"], written(place)["expected"]) == ([], True, "0-3,6-9")


def test_a_task_that_cannot_know_its_frames_and_failed_is_missed(
    source: str, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "clip.npy", np.stack([picture(index) for index in range(4)]))
    whole = ("save", str(tmp_path / "clip.npy"), place.url, "--filetype", "png", "--run", "JOB", *options(place))
    task(source, place, "6-9")
    # As of a video, whose container may be wrong about the number of its frames.
    opened = sources.open_source
    monkeypatch.setattr(
        sources, "open_source", lambda *given, **named: dataclasses.replace(opened(*given, **named), about=True)
    )
    with monkeypatch.context() as patch:
        failing(patch)
        run(*whole, "--option", "compression=small", status=1)
    assert notes(place) == ["6-9.json", "from-0.started"]
    assert "has not ended" in commit(place, status=1).err
    assert notes(place) == ["6-9.json", "from-0.started"]
    run(*whole)
    assert notes(place) == ["6-9.json", "from-0.json"]
    commit(place)
    assert (notes(place), written(place)["complete"], written(place)["expected"]) == ([], True, "0-3,6-9")


def test_the_same_name_goes_on_after_a_commit(source: str, place: Place) -> None:
    task(source, place, "0-4")
    commit(place)
    task(source, place, "5-9")
    assert written(place)["complete"] is False
    commit(place)
    assert (written(place)["complete"], written(place)["expected"]) == (True, "0-9")


def test_a_pattern_names_the_files(source: str, place: Place) -> None:
    url = f"{place.url}/shot.####.jpg"
    for frames in ("0-4", "5-9"):
        run("save", source, url, "--frames", frames, "--run", "JOB", *options(place))
    stated = run("commit", url, "--run", "JOB", *options(place)).err
    assert "committed run JOB: shot.####.jpg 0-9 (10 frames), complete" in stated
    assert place.frames() == [f"shot.{index:04d}.jpg" for index in range(10)]
    assert notes(place) == []


def test_metadata_of_the_run_reaches_the_manifest_once(source: str, place: Place) -> None:
    embed = ("--filetype", "png with embedded workflow", "--metadata", 'workflow={"nodes": ["sauce"]}')
    given = ("--frames", "0-9", "--run", "JOB", *embed, *options(place))
    run("save", source, place.url, *given)
    assert b"sauce" not in place.read(f"{JOB}/0-9.json")
    commit(place)
    assert written(place)["metadata"] == {"workflow": {"nodes": ["sauce"]}}


def test_no_secret_is_in_the_records(source: str, place: Place) -> None:
    task(source, place, "0-1")
    record = place.read(f"{JOB}/0-1.json").decode()
    assert not [value for value in place.storage_options.values() if str(value) in record and "http" not in str(value)]


def test_a_run_that_is_not_known_is_an_error(source: str, place: Place) -> None:
    assert "there is no run JOB" in commit(place, status=1).err
    run("save", source, place.url, "--filetype", "png", *options(place))
    assert "there is no run JOB" in commit(place, status=1).err
    place.write(f"{JOB}/0-1.json", b"{")
    assert "0-1.json is damaged" in commit(place, status=1).err
    run("commit", place.url, "--run", "a/b", *options(place), status=2)
    run("save", source, place.url, "--run", "../x", *options(place), status=2)


# --- frames of a source ----------------------------------------------------------------------------------------------


def indices(url: object) -> tuple[int, ...]:
    return seqsave.open_sequence(str(url)).indices


def test_frames_choose_by_the_numbers_of_the_source(source: str, tmp_path: Path) -> None:
    run("save", source, tmp_path / "a", "--filetype", "png", "--frames", "2,7-8")
    assert indices(tmp_path / "a") == (2, 7, 8)
    run("save", source, tmp_path / "b", "--filetype", "png", "--frames", "2,7-8", "--start", "1001")
    assert indices(tmp_path / "b") == (1003, 1008, 1009)
    pixels = seqsave.open_sequence(str(tmp_path / "b"))[0].read()
    assert np.array_equal(pixels, picture(2))
    stated = run("save", source, tmp_path / "c", "--frames", "8-12", status=1).err
    assert "there are no frames 10-12 in" in stated
    assert not (tmp_path / "c").exists()
    run("save", source, tmp_path / "c", "--frames", "9-2", status=2)


def test_frames_of_an_array_and_a_video_are_counted_from_zero(tmp_path: Path) -> None:
    np.save(tmp_path / "frames.npy", np.stack([picture(index) for index in range(6)]))
    run("save", tmp_path / "frames.npy", tmp_path / "a", "--frames", "1,4", "--start", "10")
    assert indices(tmp_path / "a") == (11, 14)
    assert np.array_equal(seqsave.open_sequence(str(tmp_path / "a"))[1].read(), picture(4))
    assert (
        "there are no frames 6-7"
        in run("save", tmp_path / "frames.npy", tmp_path / "b", "--frames", "5-7", status=1).err
    )


def test_frames_of_a_video(tmp_path: Path) -> None:
    pytest.importorskip("av")
    run("save", bigbuckbunny(), tmp_path / "a", "--frames", "3-4", "--filetype", "jpg")
    assert indices(tmp_path / "a") == (3, 4)
    assert "there is no frame 99999" in run("save", bigbuckbunny(), tmp_path / "b", "--frames", "99999", status=1).err


@pytest.mark.parametrize("fault", ["a gap", "a replaced frame"])
def test_one_sequence_that_cannot_be_committed_keeps_the_others_as_they_are(
    source: str, place: Place, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    task(source, place, "0-3", "--prefix", "a")
    task(source, place, "0-3", "--prefix", "b")
    if fault == "a gap":
        with monkeypatch.context() as patch:
            failing(patch)
            task(source, place, "5", "--prefix", "b", "--option", "compression=small", status=1)
    else:
        place.write("b_00002.png", b"another file")
    before = {name: place.read(name) for name in place.names()}
    assert {"a gap": "these frames: 5", "a replaced frame": "records: 2"}[fault] in commit(place, status=1).err
    assert {name: place.read(name) for name in place.names()} == before
    task(source, place, "5" if fault == "a gap" else "2", "--prefix", "b")
    commit(place)
    assert all(json.loads(place.read(f".seqsave/{prefix}.png.json"))["complete"] for prefix in "ab")


def test_a_hostile_list_of_frames_takes_no_memory(source: str, place: Place) -> None:
    task(source, place, "0-1")
    path = f"{JOB}/0-1.json"
    document = json.loads(place.read(path))
    for stated in ({**document["run"], "frames": None}, document["run"]):
        place.write(path, json.dumps({**document, "run": stated, "asked": f"0-{2**62}"}).encode())
        assert "no task of the run has saved these frames: 2-" in commit(place, status=1).err


@pytest.mark.parametrize(
    ("name", "value"),
    [("asked", 5), ("asked", [1]), ("asked", {}), ("run", []), ("frames", 3), ("frames", [[]]), ("version", "x")],
)
def test_a_record_with_values_of_another_type_is_named(source: str, place: Place, name: str, value: Any) -> None:
    task(source, place, "0-1")
    path = f"{JOB}/0-1.json"
    place.write(path, json.dumps({**json.loads(place.read(path)), name: value}).encode())
    err = commit(place, status=1).err
    assert "0-1.json is damaged" in err or "0-1.json was written by a newer version" in err


def test_two_sequences_may_have_tasks_of_the_same_frames(
    source: str, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    task(source, place, "4-7", "--prefix", "a")
    with monkeypatch.context() as patch:
        failing(patch)
        task(source, place, "0-3", "--prefix", "a", "--option", "compression=small", status=1)
    task(source, place, "0-3", "--prefix", "b")  # it must not take the note of the other sequence's task away
    assert "no task of the run has saved these frames: 0-3" in commit(place, status=1).err
    task(source, place, "0-3", "--prefix", "a")
    commit(place)
    found = {prefix: json.loads(place.read(f".seqsave/{prefix}.png.json")) for prefix in "ab"}
    assert [(one["complete"], one["expected"]) for one in found.values()] == [(True, "0-7"), (True, "0-3")]
    assert notes(place) == []


def test_a_later_commit_of_the_same_run_knows_the_frames_of_the_earlier_one(source: str, place: Place) -> None:
    task(source, place, "0-3")
    commit(place, "--frames", "0-3")
    stated = commit(place, "--frames", "0-9", status=1).err
    assert "run JOB was committed without frames 4-9" in stated
    assert "committed before" in commit(place, "--frames", "1-2").err
    task(source, place, "4-6")
    assert "no task of the run has saved these frames: 7-9;" in commit(place, "--frames", "0-9", status=1).err
    task(source, place, "7-9")
    commit(place, "--frames", "0-9")
    assert (written(place)["complete"], written(place)["expected"]) == (True, "0-9")
    commit(place, "--frames", "0-9")


def test_frames_of_older_runs_are_no_result_of_a_run(source: str, place: Place) -> None:
    run("save", source, place.url, "--filetype", "png", *options(place))
    task(source, place, "4-6")
    assert "no task of the run has saved these frames: 0-3,7-9" in commit(place, "--frames", "0-9", status=1).err
    commit(place)
    assert "committed without frames 0-3,7-9" in commit(place, "--frames", "0-9", status=1).err


def test_the_sequence_that_lacks_frames_is_named(source: str, place: Place) -> None:
    task(source, place, "0-3", "--prefix", "a")
    task(source, place, "4-6", "--prefix", "b")
    assert (
        "a_#####.png: no task of the run has saved these frames: 4-6" in commit(place, "--frames", "0-6", status=1).err
    )


# --- runs that are given up ------------------------------------------------------------------------------------------


def test_an_abandoned_run_keeps_its_frames_and_leaves_nothing_else(source: str, place: Place) -> None:
    task(source, place, "0-4", "--if-exists", "error")
    assert [name for name in notes(place) if name.endswith(".begun")]
    before = place.frames()
    commit(place, "--abandon")
    assert (place.frames(), notes(place)) == (before, [])
    assert (written(place)["complete"], written(place)["writers"]) == (False, [])
    assert "there is no run JOB" in commit(place, status=1).err
    run("save", source, place.url, "--filetype", "png", *options(place))
    assert written(place)["complete"] is True


def test_a_run_whose_task_left_only_its_entry_is_abandoned(source: str, place: Place) -> None:
    task(source, place, "0-1")
    target = targets.resolve(place.url, place.storage_options)
    for name in notes(place):
        target.delete(f"{JOB}/{name}")
    refused = commit(place, status=1).err
    assert f"run JOB has begun in {place.url}, but no task has left records there" in refused
    assert "seqsave commit --abandon" in refused
    commit(place, "--abandon")
    assert written(place)["writers"] == []


def test_one_of_two_runs_is_abandoned(source: str, place: Place) -> None:
    task(source, place, "0-4")
    other = ("--filetype", "png", "--frames", "5-9", "--run", "OTHER", *options(place))
    run("save", source, place.url, *other)
    commit(place, "--abandon")
    stated = run("commit", place.url, "--run", "OTHER", *options(place)).err
    assert "committed run OTHER: frame_#####.png" in stated
    assert [name for name in place.names() if name.startswith(".seqsave/runs")] == []


def test_a_task_that_ends_after_the_commit_is_named_and_committed_again(source: str, place: Place) -> None:
    """Its manager took it for dead, and started it again elsewhere."""
    given = seqsave.open_run(place.url, run="JOB", filetype="png", storage_options=place.storage_options or None)
    late = FarmTask(given, (range(5),))
    late.start()
    with given.part() as part:
        for index in range(5):
            if index == 3:
                task(source, place, "0-4")
                commit(place)
            part.write(picture(index, 7), index=index).result(PATIENCE)
    late.leave(part.records)
    assert written(place)["complete"]
    assert "render again: 3-4" in run("verify", place.url, *options(place), status=1).out
    assert "complete" in commit(place).err
    assert "complete" in run("verify", place.url, *options(place)).out
