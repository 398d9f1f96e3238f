"""A run over many tasks in one process: what it leaves behind, what it refuses, and what it lets out."""

from __future__ import annotations

import io
import json
import pickle
import zlib
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import seqsave
from seqsave import manifest
from seqsave.manifest import FrameEntry
from seqsave.runs import FrameRecord, Run
from tests.runs.child import picture
from tests.support.places import Place

MANIFEST = ".seqsave/frame.png.json"
BARE = b"no frame"


def travelled(what: Any) -> Any:
    """As an engine hands it to another process."""
    return pickle.loads(pickle.dumps(what))  # noqa: S301 - our own


def open_run(place: Place, **given: Any) -> Run:
    return seqsave.open_run(place.url, storage_options=place.storage_options or None, **given)


def task(run: Run, *indices: int, seed: int = 0, **limits: Any) -> list[FrameRecord]:
    """A task as an engine runs it: the run and the records travel."""
    run = travelled(run)
    with run.part(**limits) as part:
        for index in indices:
            part.write(picture(index, seed), index=index)
    return travelled(part.records)


def written(place: Place) -> dict[str, Any]:
    return dict(json.loads(place.read(MANIFEST)))


def pixels(place: Place, index: int) -> Any:
    with Image.open(io.BytesIO(place.read(f"frame_{index:05d}.png"))) as found:
        return np.asarray(found)


def is_true(place: Place) -> bool:
    """Whether each checksum in the manifest is that of the file."""
    frames = written(place)["frames"]
    return all(one["checksum"] == f"crc32:{zlib.crc32(place.read(one['name'])):08x}" for one in frames)


# --- what a run leaves behind ----------------------------------------------------------------------------------------


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
    with pytest.raises(seqsave.RunError, match=r"without a record: 1:") as caught:
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


def test_a_record_travels_as_json_and_pickled(place: Place) -> None:
    run = open_run(place, recipe="abc")
    run.begin()
    (record,) = task(run, 3)
    data = place.read("frame_00003.png")
    assert (record.size, record.checksum) == (len(data), f"crc32:{zlib.crc32(data):08x}")
    assert record.picture == manifest.Picture(width=24, height=16, channels=3, dtype="uint8")
    assert FrameRecord.from_document(json.loads(json.dumps(record.as_document()))) == record
    for damage in ({}, {**record.as_document(), "checksum": None}, {**record.as_document(), "run": 3}, None):
        with pytest.raises(seqsave.ManifestError, match="damaged"):
            FrameRecord.from_document(damage)  # type: ignore[arg-type]


def test_records_of_another_run_are_refused(place: Place) -> None:
    run, other = open_run(place, total=1), open_run(place, total=1)
    run.begin()
    with pytest.raises(seqsave.RunError, match="is of run") as caught:
        run.commit(task(other, 0))
    assert caught.value.reason == "foreign"
    with pytest.raises(seqsave.RunError, match=r"is not a seqsave.FrameRecord"):
        run.commit(["frame_00000.png"])  # type: ignore[list-item]


# --- gaps, repeats and attempts --------------------------------------------------------------------------------------


def test_gaps_are_named_and_nothing_changes(place: Place) -> None:
    run = open_run(place, total=10)
    run.begin()
    records = task(run, 0, 1, 2, 5, 9)
    before = place.read(MANIFEST)
    with pytest.raises(seqsave.RunError, match="without a record: 3-4,6-8:") as caught:
        run.commit(records)
    assert (caught.value.reason, caught.value.frames) == ("missing", (range(3, 5), range(6, 9)))
    assert travelled(caught.value).frames == caught.value.frames
    assert place.read(MANIFEST) == before
    assert run.commit(records + task(run, 3, 4, 6, 7, 8)).complete


def test_without_total_and_frames_gaps_between_records_count() -> None:
    run = seqsave.open_run("memory://gaps", step=2)
    run.begin()
    with pytest.raises(seqsave.RunError, match=r"without a record: 4: .*give open_run the frames"):
        run.commit(task(run, 2, 6))
    assert run.commit(task(run, 2, 4, 6)).complete
    with pytest.raises(seqsave.RunError, match="no frame has a record"):
        seqsave.open_run("memory://none").commit([])


def test_the_same_record_twice_is_one_and_committing_twice_is_harmless(place: Place) -> None:
    run = open_run(place, total=3)
    run.begin()
    records = task(run, 0, 1, 2)
    made = run.commit(records + records)
    before = place.read(MANIFEST)
    assert run.commit(records).frames == made.frames
    assert place.read(MANIFEST) == before


def test_committing_again_leaves_what_a_later_run_wrote(place: Place) -> None:
    run = open_run(place, total=3, recipe="old")
    run.begin()
    records = task(run, 0, 1, 2)
    run.commit(records)
    given = {"storage_options": place.storage_options or None}
    with pytest.warns(seqsave.SeqSaveWarning, match="frames of an older run lie beside those of this one: 2"):
        seqsave.save([picture(index, 1) for index in range(2)], place.url, recipe="new", total=2, **given)
    before = place.read(MANIFEST)
    run.commit(records)
    assert place.read(MANIFEST) == before
    assert is_true(place)


def test_attempts_with_other_bytes_are_settled_by_the_storage(place: Place) -> None:
    run = open_run(place, total=3)
    run.begin()
    first, second = task(run, 0, 1, 2), task(run, 1, seed=5)
    for records in ([*first, *second], [*second, *first]):
        made = run.commit(records)
        assert made.complete
        assert is_true(place)
    assert np.array_equal(pixels(place, 1), picture(1, 5))


def test_a_frame_that_was_replaced_or_is_gone_is_named(place: Place) -> None:
    run = open_run(place, total=3)
    run.begin()
    records = task(run, 0, 1, 2)
    lost = task(run, 1, seed=5)  # a zombie: its record comes nowhere
    with pytest.raises(seqsave.RunError, match=r"have other bytes than their records: 1:") as caught:
        run.commit(records)
    assert (caught.value.reason, caught.value.frames) == ("replaced", (range(1, 2),))
    assert written(place)["complete"] is False
    with pytest.raises(seqsave.RunError, match="other bytes"):
        run.commit([*records, *task(run, 1, seed=6), *task(run, 1, seed=7)][:-1])
    assert run.commit([*records, *lost, *task(run, 1, seed=8)]).complete


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
    with pytest.raises(seqsave.RunError, match=r"without a record: 1:"):
        run.commit(records)
    run.abandon()
    found = written(place)
    assert (found["complete"], found["writers"]) == (False, [])
    run.begin()
    assert run.commit(records + task(run, 1)).complete


def test_a_part_that_fails_keeps_the_records_of_what_is_saved(place: Place) -> None:
    run = open_run(place, total=3)
    run.begin()
    with pytest.raises(ValueError, match="the picture"), run.part() as part:
        part.write(picture(0), index=0)
        raise ValueError("the picture of frame 1 cannot be made")
    assert [record.index for record in part.records] == [0]
    assert run.commit(part.records + task(run, 1, 2)).complete


# --- frames that exist -----------------------------------------------------------------------------------------------


def test_error_accepts_what_an_earlier_attempt_wrote(place: Place) -> None:
    run = open_run(place, total=3, if_exists="error")
    run.begin()
    task(run, 0, 1)
    assert [one.index for one in task(run, 0, 1)] == [0, 1]  # the same bytes
    records = task(run, 0, 1, 2, seed=4)  # other bytes: those of the first attempt stay
    assert np.array_equal(pixels(place, 0), picture(0))
    made = run.commit(records)
    assert made.complete
    assert is_true(place)
    assert {name for name in place.names() if ".seqsave" in name} <= {MANIFEST, f"{MANIFEST}.lock"}


def test_error_never_takes_the_frame_of_another_run(place: Place) -> None:
    given = {"storage_options": place.storage_options or None}
    seqsave.save([picture(0, 9)] * 2, place.url, **given)
    run = open_run(place, total=3, if_exists="error")
    run.begin()
    run.begin()
    with pytest.raises(seqsave.SaveError, match=r"frame_00001.png"):
        task(run, 1)
    other = seqsave.open_writer(place.url, **given)
    other.write(picture(2, 9), index=2).result()
    with pytest.raises(seqsave.SaveError, match=r"frame_00002.png"):
        task(run, 2)
    other.close()
    with pytest.raises(seqsave.SaveError, match=r"frame_00002.png"):
        task(run, 2)
    assert np.array_equal(pixels(place, 1), picture(0, 9))
    assert np.array_equal(pixels(place, 2), picture(2, 9))


def test_skip_records_size_and_checksum(place: Place) -> None:
    given = {"storage_options": place.storage_options or None}
    seqsave.save([picture(0, 9)] * 2, place.url, manifest=False, **given)
    place.write("frame_00002.png", b"")  # no frame
    run = open_run(place, total=4, if_exists="skip")
    run.begin()
    task(run, 3)
    records = task(run, 0, 1, 2, 3, seed=4)
    assert [one.checksum for one in records] == [
        f"crc32:{zlib.crc32(place.read(f'frame_{index:05d}.png')):08x}" for index in range(4)
    ]
    assert run.commit(records).complete
    assert is_true(place)
    assert np.array_equal(pixels(place, 1), picture(0, 9))
    assert np.array_equal(pixels(place, 3), picture(3))


def test_skip_valid_replaces_what_is_damaged_or_of_another_size(place: Place) -> None:
    given = {"storage_options": place.storage_options or None}
    small = np.zeros((2, 2, 3), np.uint8)
    seqsave.save([picture(0, 9), picture(1, 9)], place.url, manifest=False, **given)
    seqsave.save([small], place.url, start=2, **given)
    place.write("frame_00001.png", place.read("frame_00001.png")[:-20])
    run = open_run(place, total=3, if_exists="skip valid")
    run.begin()
    assert run.commit(task(run, 0, 1, 2)).complete
    assert [np.array_equal(pixels(place, index), picture(index)) for index in range(3)] == [False, True, True]


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"run": "a/b"}, "must be 1 to 64 letters"),
        ({"run": ""}, "must be 1 to 64 letters"),
        ({"total": 3, "frames": "0-2"}, "`total` and frames"),
        ({"frames": []}, "frames is empty"),
        ({"spool": True}, "no setting 'spool'"),
        ({"concurrency": 4}, "give it to run.part"),
        ({"manifest": False}, "manifest=False"),
        ({"filetype": ["png", "jpg"]}, "one filetype"),
        ({"if_exists": "skip same recipe"}, "tasks do not read the manifest"),
        ({"prefex": "a"}, "did you mean 'prefix'"),
    ],
)
def test_settings_that_a_run_cannot_have(given: dict[str, Any], message: str) -> None:
    with pytest.raises(seqsave.OptionError, match=message):
        seqsave.open_run("memory://refused", **given)


@pytest.mark.parametrize("frames", ["", "3-1", "1-3x0", "a", "1,,2", "0-99999999999", [1, "2"], 7])
def test_frames_that_are_none(frames: Any) -> None:
    with pytest.raises(seqsave.FrameNameError):
        seqsave.open_run("memory://refused", frames=frames)


def test_a_part_needs_the_index_and_writes_only_frames_of_its_run() -> None:
    run = seqsave.open_run("memory://part", frames="0-3")
    with run.part() as part:
        with pytest.raises(seqsave.OptionError, match="needs its index"):
            part.write(picture(0))
        with pytest.raises(seqsave.FrameNameError, match="frame 4 is none of this run's frames, 0-3"):
            part.write(picture(0), index=4)
    with pytest.raises(seqsave.EndOfSequenceError, match="frame 3 is after the end"):
        seqsave.open_run("memory://part", total=3).write(picture(3), index=3)


@pytest.mark.filterwarnings("ignore:withhold: ")
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


def test_a_hundred_thousand_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """The records and the frames are made up; the requests are counted."""
    from fsspec.implementations.memory import MemoryFileSystem

    from seqsave.targets.memory import MemoryTarget

    count = 100_000
    run = seqsave.open_run("memory://many", total=count)
    run.begin()
    filesystem = MemoryFileSystem()
    filesystem.pipe({f"/many/frame_{index:05d}.png": BARE for index in range(count)})
    versions = {entry.name: entry.version for entry in run.target.list()}
    checksum = f"crc32:{zlib.crc32(BARE):08x}"
    records = [
        FrameRecord.of(
            run.id,
            FrameEntry(index=i, batch=None, name=name, size=len(BARE), checksum=checksum, version=versions[name]),
        )
        for i in range(count)
        for name in (f"frame_{i:05d}.png",)
    ]
    asked: list[str] = []
    for name in ("list", "read", "update", "publish", "exists", "delete", "read_published"):
        real = getattr(MemoryTarget, name)

        def counted(self: Any, *given: Any, _real: Any = real, _name: str = name, **named: Any) -> Any:
            asked.append(_name)
            return _real(self, *given, **named)

        monkeypatch.setattr(MemoryTarget, name, counted)
    assert run.commit(records).complete
    assert sorted(asked) == ["list", "update"]
    asked.clear()
    assert run.commit(travelled(records)).complete
    assert asked == ["update"]
