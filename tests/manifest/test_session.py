"""Several runs change one manifest: none of them makes it state what is not so, and it costs each of them little."""

from __future__ import annotations

import threading
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import seqsave
import seqsave.targets
from seqsave import manifest
from seqsave.manifest import Manifest
from seqsave.targets.local import LocalTarget
from tests.manifest.saved import PATH, found, indices, picture
from tests.support.patience import PATIENCE
from tests.support.places import Place

pytestmark = pytest.mark.full_with("s3")  # what the storages do alike is tried of each in tests/targets


@pytest.mark.every_day
def test_parts_of_several_runs_at_once_make_one_manifest(place: Place, settings: dict[str, Any]) -> None:
    start = threading.Barrier(4)

    def part(number: int) -> None:
        with seqsave.open_writer(place.url, start=5 * number, **settings) as writer:
            start.wait(PATIENCE)
            writer.write_frames([picture(number)] * 5)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(part, range(4)))
    one = found(place)
    assert one.complete
    assert indices(one) == list(range(20))
    assert one.expected == (range(20),)


def test_who_closes_first_does_not_claim_what_others_are_at(place: Place, settings: dict[str, Any]) -> None:
    one = seqsave.open_writer(place.url, **settings)
    other = seqsave.open_writer(place.url, start=5, **settings)
    one.write(picture()).result(PATIENCE)
    other.write(picture()).result(PATIENCE)
    one.close()
    assert len(found(place).writers) == 1
    assert not found(place).complete
    other.close()
    assert found(place).complete


@pytest.mark.every_day
def test_of_two_that_write_the_same_frame_the_storage_says_who_was_last(place: Place, settings: dict[str, Any]) -> None:
    one, other = (seqsave.open_writer(place.url, **settings) for _ in range(2))
    one.write(picture(1)).result(PATIENCE)
    other.write(picture(2)).result(PATIENCE)
    one.write(picture(3)).result(PATIENCE)
    other.write(picture(3)).result(PATIENCE)
    with pytest.warns(seqsave.SeqSaveWarning, match="1 saved frame was replaced before this run ended, .*: 0;"):
        one.close()
    doubtful = found(place)
    assert [frame.disputed for frame in doubtful.frames] == [True, False]
    assert "frames were replaced after they were recorded: 0" in doubtful.obstacles()
    other.close()
    settled = found(place)
    assert settled.complete
    assert [frame.checksum for frame in settled.frames] == [
        f"crc32:{zlib.crc32(place.read(frame.name)):08x}" for frame in settled.frames
    ]


def test_a_run_without_one_does_not_make_a_later_one_lie(place: Place, settings: dict[str, Any]) -> None:
    with seqsave.open_writer(place.url, manifest=False, **settings) as quiet:
        quiet.write(picture(1), index=5).result(PATIENCE)
        with pytest.warns(seqsave.SeqSaveWarning, match="frames that no run recorded lie beside those of this one: 5"):
            seqsave.save([picture(2)] * 4, place.url, total=4, **settings)
        assert found(place).complete
        quiet.write(picture(3), index=0)
    now = found(place)
    assert now.complete
    assert now.frames[0].checksum == f"crc32:{zlib.crc32(place.read('frame_00000.png')):08x}"


def test_a_part_that_breaks_off_is_not_made_up_for_by_one_that_does_not(place: Place, settings: dict[str, Any]) -> None:
    other = seqsave.open_writer(place.url, start=5, **settings)
    other.write(picture()).result(PATIENCE)
    with pytest.raises(ZeroDivisionError):
        with seqsave.open_writer(place.url, **settings) as writer:
            writer.write(picture()).result(PATIENCE)
            1 / 0  # noqa: B018
    other.close()
    assert found(place).obstacles() == ["a run was interrupted or failed"]


def test_a_run_that_is_refused_leaves_the_manifest_as_it_was(place: Place, settings: dict[str, Any]) -> None:
    seqsave.save([picture(i) for i in range(12)], place.url, **settings)
    before = found(place)
    with pytest.raises(seqsave.SaveError, match="exist"):
        seqsave.save([picture(9)] * 12, place.url, if_exists="error", **settings)
    after = found(place)
    assert after.complete
    assert (after.frames, after.expected, after.unfinished) == (before.frames, before.expected, ())


def test_a_run_that_is_refused_later_leaves_the_manifest_as_it_was(place: Place, settings: dict[str, Any]) -> None:
    seqsave.save([picture(i) for i in range(3)], place.url, **settings)
    place.write(PATH, manifest.dump(replace(found(place), updated="2026-01-01T00:00:00Z")))
    with pytest.raises(seqsave.SaveError, match="exist"):
        seqsave.save([picture(9)] * 3, place.url, if_exists="error", **settings)
    assert found(place).complete


def test_a_refused_run_does_not_hide_what_another_program_did(place: Place, settings: dict[str, Any]) -> None:
    seqsave.save([picture(i) for i in range(3)], place.url, **settings)
    place.write("frame_00001.png", b"another's")
    with pytest.raises(seqsave.SaveError, match="exist"):
        seqsave.save([picture(9)] * 3, place.url, if_exists="error", **settings)
    assert not found(place).complete
    assert [frame.index for frame in found(place).disputed] == [1]


class Counted:
    """Counts what a target is asked to do with the manifest, and its listings."""

    def __init__(self, target: Any) -> None:
        self.reads = self.writes = self.listings = 0
        for name in ("read", "publish", "list"):
            setattr(target, name, self._counting(name, getattr(target, name)))

    def _counting(self, name: str, real: Any) -> Any:
        def call(path: str, *args: Any, **more: Any) -> Any:
            self.reads += name == "read" and path == PATH
            self.writes += name == "publish" and path == PATH
            self.listings += name == "list"
            return real(path, *args, **more)

        return call


def test_a_run_that_failed_and_may_not_list_claims_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its frame arrived, and the answer was an error: only a listing would show that."""
    seqsave.save([picture(1)] * 2, tmp_path)
    publish = LocalTarget.publish

    def arrives(self: LocalTarget, path: str, *given: Any, **named: Any) -> Any:
        answer = publish(self, path, *given, **named)
        if path.startswith("frame_"):
            raise seqsave.TargetError("the answer is an error")
        return answer

    def denied(*_: Any) -> Any:
        raise seqsave.TargetError("listing is not allowed")

    with monkeypatch.context() as patch:
        patch.setattr(LocalTarget, "publish", arrives)
        patch.setattr(LocalTarget, "list", denied)
        with pytest.raises(seqsave.SaveError):
            seqsave.save([picture(2)], tmp_path, manifest=True)
    made = seqsave.open_sequence(tmp_path).manifest
    assert made is not None
    assert not made.complete
    assert "had no right to list the folder" in " ".join(made.obstacles())


def test_one_frame_of_a_long_sequence_costs_one_read_and_one_write(tmp_path: Path) -> None:
    target = seqsave.targets.resolve(str(tmp_path))
    (tmp_path / ".seqsave").mkdir()
    (tmp_path / PATH).write_bytes(manifest.dump(long_one(2_000)))
    counted = Counted(target)
    entry = replace(long_one(1).frames[0], index=7, name="frame_00007.png")
    facts = manifest.Facts(prefix="frame", extension="png", filetype="png")
    manifest.merge_into(target, facts, [entry])
    assert (counted.reads, counted.writes, counted.listings) == (1, 1, 1)


def long_one(count: int) -> Manifest:
    """Return a manifest of many frames."""
    frames = [
        manifest.FrameEntry(
            index=index,
            batch=None,
            name=f"frame_{index:05d}.png",
            size=10**6 + index,
            checksum=f"crc32:{index:08x}",
            etag=f"{index:032x}",
            version=f"{index:032x}",
            acknowledged=True,
            run="a",
        )
        for index in range(count)
    ]
    run = manifest.RunEntry(id="a", total=count, expected=(range(count),))
    return Manifest(
        prefix="frame", extension="png", filetype="png", expected=run.expected, frames=tuple(frames), runs=(run,)
    )


def test_a_long_manifest_costs_no_more_for_each_frame_than_a_short_one() -> None:
    """Memory in bytes for each frame, and the file's; a second of 100,000 frames is measured in benchmarks."""
    short, long = (held(manifest.dump(long_one(count))) for count in (1_000, 20_000))
    assert long < 1.2 * short
    assert long < 700
    assert len(manifest.dump(long_one(20_000))) / 20_000 < 177


def held(data: bytes) -> float:
    """Peak memory while a manifest is read, for each frame of it."""
    manifest.load(data)
    tracemalloc.start()
    try:
        one = manifest.load(data)
        return tracemalloc.get_traced_memory()[1] / len(one.frames)
    finally:
        tracemalloc.stop()
