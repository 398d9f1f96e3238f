"""A run over many tasks in one process: its files, its errors, and the secrets that it keeps."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seqsave
from seqsave.errors import SeqSaveError
from seqsave.runs import Run
from tests.runs.child import picture
from tests.runs.pieces import MANIFEST, is_true, open_run, pixels, task, travelled, written
from tests.support.places import Place

pytestmark = pytest.mark.full_with("s3")  # what the storages do alike is tried of each in tests/targets

# --- what a run leaves behind ----------------------------------------------------------------------------------------


@pytest.mark.every_day
@pytest.mark.parametrize("concurrency", [1, 3])
def test_tasks_write_one_sequence(place: Place, concurrency: int) -> None:
    run = open_run(place, total=6, metadata={"workflow": {"nodes": []}}, rate=24, recipe="abc")
    run.begin()
    assert written(place)["complete"] is False
    assert (written(place)["expected"], len(written(place)["writers"])) == ("0-5", 1)
    records = [record for first in (4, 0, 2) for record in task(run, first, first + 1, concurrency=concurrency)]
    made = run.commit(records)
    assert made.complete
    assert place.frames() == [f"frame_{index:05d}.png" for index in range(6)]
    assert {name for name in place.names() if ".seqsave" in name} <= {MANIFEST, f"{MANIFEST}.lock"}
    assert is_true(place)
    assert all(np.array_equal(pixels(place, index), picture(index)) for index in range(6))
    assert (made.metadata, made.recipe, str(made.rate)) == ({"workflow": {"nodes": []}}, "abc", "24")
    frame = seqsave.open_frame(f"{place.url}/frame_00003.png", place.storage_options or None)
    assert travelled(frame).read_metadata() == {"workflow": {"nodes": []}}
    sequence = seqsave.open_sequence(place.url, storage_options=place.storage_options or None)
    assert sequence.manifest is not None
    assert (sequence.manifest.frames, sequence.manifest.complete) == (made.frames, True)


def test_a_single_frame(place: Place) -> None:
    run = open_run(place, frames=[7, 9])
    run.begin()
    records = [run.write(picture(index), index=index, recipe="x", metadata={"seed": 1}) for index in (9, 7)]
    assert [(one.index, one.batch, one.name, one.recipe) for one in records] == [
        (9, None, "frame_00009.png", "x"),
        (7, None, "frame_00007.png", "x"),
    ]
    assert run.commit(records).expected == (range(7, 8), range(9, 10))


@pytest.mark.filterwarnings("ignore:metadata .* is not saved")
def test_batches_and_subfolders(place: Place) -> None:
    run = open_run(
        place, prefix="a/b/frame", filetype="jpg", total=2, metadata={"workflow": "{}"}, metadata_in="sidecar"
    )
    run.begin()
    records = []
    for index in range(2):
        with run.part() as part:
            part.write_batch([picture(0), picture(1)], index=index, metadata={"seed": 3})
        records += part.records
    with pytest.raises(seqsave.RunError, match=r"has saved these frames: 1;") as caught:
        run.commit(records[:3])
    assert caught.value.frames == (range(1, 2),)
    assert run.commit(records).complete
    assert [one.name for one in records[:2]] == ["batch_0000/frame_00000.jpg", "batch_0001/frame_00000.jpg"]


@pytest.mark.parametrize(
    ("frames", "expected"), [("-2-1", "-2-1"), ("0-3", "0-3"), ("0-4x2", "0,2,4"), ("5,1,1-2", "1-2,5")]
)
def test_frames_as_render_managers_write_them(frames: str, expected: str) -> None:
    run = seqsave.open_run("memory://runs", frames=frames)
    assert run.as_document()["frames"] == expected
    run.begin()
    assert run.commit([record for one in run.frames or () for record in task(run, *one)]).complete


def test_a_pattern_names_the_files(place: Place) -> None:
    run = seqsave.open_run(f"{place.url}/shot.####_left.png", storage_options=place.storage_options or None, total=2)
    assert Run.from_document(json.loads(json.dumps(run.as_document())), run.storage_options) == run
    run.begin()
    made = run.commit(task(run, 0, 1))
    assert made.complete
    assert place.frames() == ["shot.0000_left.png", "shot.0001_left.png"]


# --- records ---------------------------------------------------------------------------------------------------------


# --- gaps, repeats and attempts --------------------------------------------------------------------------------------


@pytest.mark.every_day
def test_a_zombie_after_the_commit_is_found_by_verify(place: Place) -> None:
    from seqsave.sequences.verify import verify

    run = open_run(place, total=3)
    run.begin()
    assert run.commit(task(run, 0, 1, 2)).complete
    task(run, 1, seed=5)
    sequence = seqsave.open_sequence(place.url, storage_options=place.storage_options or None)
    problems = verify(sequence, deep=True)
    assert not problems.ok


def test_a_task_that_always_fails_leaves_the_run_unfinished(place: Place) -> None:
    run = open_run(place, total=3)
    run.begin()
    records = task(run, 0, 2)
    for _ in range(3):
        with pytest.raises(seqsave.ImageError), run.part() as part:
            part.write(np.zeros((2, 2, 9), np.uint8), index=1)
        assert part.records == []
    with pytest.raises(seqsave.RunError, match=r"has saved these frames: 1;"):
        run.commit(records)
    run.abandon()
    found = written(place)
    assert (found["complete"], found["writers"]) == (False, [])
    run.begin()
    assert run.commit(records + task(run, 1)).complete


# --- frames that exist -----------------------------------------------------------------------------------------------


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"run": "a/b"}, "must be 1 to 64 letters"),
        ({"run": ""}, "must be 1 to 64 letters"),
        ({"total": 3, "frames": "0-2"}, "`total` and frames"),
        ({"frames": []}, "frames is empty"),
        ({"total": 10**9}, "more frames than one run"),
        ({"total": 10**7, "step": 2}, "more frames than one run"),
        ({"spool": True}, "no setting 'spool'"),
        ({"concurrency": 4}, "pass it to run.part"),
        ({"manifest": False}, "manifest=False"),
        ({"filetype": ["png", "jpg"]}, "one file type"),
        ({"if_exists": "skip same recipe"}, "tasks do not read the manifest"),
        ({"prefex": "a"}, "did you mean 'prefix'"),
    ],
)
def test_settings_that_a_run_cannot_have(given: dict[str, Any], message: str) -> None:
    with pytest.raises(seqsave.OptionError, match=message):
        seqsave.open_run("memory://refused", **given)


@pytest.mark.parametrize(
    "frames", ["", "3-1", "1-3x0", "a", "1,,2", "0-99999999999", f"-{2**62}-{2**63 - 1}", [1, "2"], 7]
)
def test_frames_that_are_none(frames: Any) -> None:
    with pytest.raises(seqsave.FrameNameError):
        seqsave.open_run("memory://refused", frames=frames)


def test_no_secret_shows() -> None:
    secret = "wJalrXUtnFEMI/K7MDENG"
    options = {"key": "AKIA", "secret": secret, "endpoint_url": "http://127.0.0.1:9"}
    run = seqsave.open_run(
        "s3://bucket/shot",
        storage_options=options,
        withhold=["*.api_key"],
        metadata={"prompt": {"1": {"class_type": "X", "inputs": {"api_key": secret}}}},
    )
    assert secret not in repr(run) + json.dumps(run.as_document())
    with run.part() as part:
        assert secret not in repr(part)
    assert travelled(run) == run
    bare = seqsave.open_run("s3://bucket/shot")
    assert bare.storage_options is None
    assert Run.from_document(json.loads(json.dumps(run.as_document())), options) == run
    quick = seqsave.RetryPolicy(attempts=1)
    with pytest.raises(seqsave.TargetError) as caught:
        seqsave.open_run("s3://bucket/shot", storage_options=options, retry=quick).begin()
    assert secret not in str(caught.value) + repr(caught.value)


# --- many ------------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_split_with_any_repeats_and_attempts_ends_complete_and_right(data: st.DataObject) -> None:
    """Frames are cut into tasks; each is tried one to three times, with other bytes, and some records are lost."""
    from fsspec.implementations.memory import MemoryFileSystem

    MemoryFileSystem.store.clear()
    place = Place("memory", "memory://split/shot")
    total = data.draw(st.integers(1, 8), "frames")
    cuts = sorted(data.draw(st.sets(st.integers(1, total)), "cuts") | {0, total})
    tasks = [list(range(one, two)) for one, two in pairwise(cuts)]
    tries = [task for task in tasks for _ in range(data.draw(st.integers(1, 3), "tries"))]
    order = data.draw(st.permutations(tries), "order")
    if_exists = data.draw(st.sampled_from(["overwrite", "error", "skip"]), "if_exists")
    run = open_run(place, total=total, if_exists=if_exists)
    run.begin()
    kept, last = [], dict.fromkeys(range(total), -1)
    for seed, indices in enumerate(order):
        records = task(run, *indices, seed=seed)
        is_last = indices not in order[seed + 1 :]
        if is_last or data.draw(st.booleans(), "its records arrive"):
            kept.append(records)
        for index in indices:
            if if_exists == "overwrite" or last[index] < 0:
                last[index] = seed
    records = [record for one in data.draw(st.permutations(kept), "they come") for record in one]
    for _ in range(2):
        made = run.commit(records * data.draw(st.integers(1, 2), "as often"))
        assert made.complete
        assert is_true(place)
    assert all(np.array_equal(pixels(place, index), picture(index, seed)) for index, seed in last.items())


@pytest.mark.parametrize("name", ["filetype", "dtype", "color", "if_exists", "prefix", "tags", "x" * 100_000])
@pytest.mark.parametrize("value", ["x" * 100_000, ["x" * 100_000], {"x" * 100_000: 5}])
def test_an_error_about_a_long_value_in_a_document_is_short(name: str, value: Any) -> None:
    document = seqsave.open_run("memory://long-values", run="JOB", filetype="png").as_document()
    document["settings"][name] = value
    with pytest.raises(SeqSaveError) as caught:
        Run.from_document(document)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("version", [None, 0, 2])
def test_a_pickle_of_another_version_is_refused(version: int | None) -> None:
    run = seqsave.open_run("memory://runs", run="JOB", filetype="png")
    assert travelled(run) == run
    of_another = Run.__new__(Run)
    with pytest.raises(seqsave.OptionError, match=rf"pickled as version {version}, .* same seqsave on all machines"):
        of_another.__setstate__({**run.__getstate__(), "version": version, "news": 1})
    assert not vars(of_another)
