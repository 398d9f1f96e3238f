"""Records that a commit accepts, and records that it refuses."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest

import seqsave
from seqsave.manifest import FrameEntry
from seqsave.runs import FrameRecord
from tests.runs.child import picture
from tests.runs.pieces import MANIFEST, is_true, open_run, pixels, task, travelled, written
from tests.support.places import Place

pytestmark = pytest.mark.full_with("s3")  # what the storages do alike is tried of each in tests/targets

BARE = b"no frame"


def test_records_of_another_run_are_refused(place: Place) -> None:
    run, other = open_run(place, total=1), open_run(place, total=1)
    run.begin()
    with pytest.raises(seqsave.RunError, match="belongs to run") as caught:
        run.commit(task(other, 0))
    assert caught.value.reason == "foreign"
    with pytest.raises(seqsave.RunError, match=r"is not a seqsave.FrameRecord"):
        run.commit(["frame_00000.png"])  # type: ignore[list-item]


def test_gaps_are_named_and_nothing_changes(place: Place) -> None:
    run = open_run(place, total=10)
    run.begin()
    records = task(run, 0, 1, 2, 5, 9)
    before = place.read(MANIFEST)
    with pytest.raises(seqsave.RunError, match="has saved these frames: 3-4,6-8;") as caught:
        run.commit(records)
    assert (caught.value.reason, caught.value.frames) == ("missing", (range(3, 5), range(6, 9)))
    assert travelled(caught.value).frames == caught.value.frames
    assert place.read(MANIFEST) == before
    assert run.commit(records + task(run, 3, 4, 6, 7, 8)).complete


def test_without_total_and_frames_gaps_between_records_count() -> None:
    run = seqsave.open_run("memory://gaps", step=2)
    run.begin()
    with pytest.raises(seqsave.RunError, match=r"has saved these frames: 4; .*pass open_run the frames"):
        run.commit(task(run, 2, 6))
    assert run.commit(task(run, 2, 4, 6)).complete
    with pytest.raises(seqsave.RunError, match="no task of the run has saved a frame"):
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


@pytest.mark.every_day
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


@pytest.mark.parametrize("count", [10_000, pytest.param(100_000, marks=pytest.mark.full)])
def test_very_many_records(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Records and frames are invented; the requests are counted."""
    from fsspec.implementations.memory import MemoryFileSystem

    from seqsave.targets.memory import MemoryTarget

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
