"""``if_exists="replace"``, and the older frames that a shorter run names."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import seqsave
from seqsave import OptionError, SeqSaveWarning, TargetError, open_sequence
from seqsave.targets.local import LocalTarget

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.places import Place


def pictures(count: int) -> np.ndarray:
    return np.full((count, 4, 6, 3), count, np.uint8)


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*") if ".seqsave" not in path.parts)


def frames(*indices: int) -> list[str]:
    return [f"frame_{index:05d}.png" for index in indices]


def test_replace_removes_the_older_frames(place: Place) -> None:
    seqsave.save(pictures(9), place.url, storage_options=place.storage_options)
    result = seqsave.save(pictures(4), place.url, if_exists="replace", storage_options=place.storage_options)
    sequence = open_sequence(place.url, storage_options=place.storage_options)
    assert (result.warnings, sequence.indices) == ((), (0, 1, 2, 3))
    known = sequence.manifest
    assert known is not None
    assert known.complete
    assert len(known.frames) == 4


def test_without_small_pictures_the_frames_are_not_listed_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seqsave.save(pictures(9), tmp_path, manifest=False)
    listed: list[str] = []
    real = LocalTarget.list

    def counting(target: LocalTarget, folder: str = "") -> Any:
        listed.append(folder)
        return real(target, folder)

    monkeypatch.setattr(LocalTarget, "list", counting)
    seqsave.save(pictures(4), tmp_path, manifest=False, if_exists="replace")
    assert names(tmp_path) == frames(0, 1, 2, 3)
    assert listed.count("") == 2  # before the first frame, and after the last one


@pytest.mark.parametrize("manifest", [True, False])
def test_frames_that_no_manifest_records_are_removed_too(tmp_path: Path, manifest: bool) -> None:
    seqsave.save(pictures(9), tmp_path, manifest=False)
    seqsave.save(pictures(2), tmp_path, if_exists="replace", manifest=manifest)
    assert names(tmp_path) == frames(0, 1)


def test_other_sequences_stay(tmp_path: Path) -> None:
    others = ["frame_7.png", "frame_00007.jpg", "frame_00007_L.png", "frameb_00007.png", "batch_0001/frame_00007.png"]
    for name in others:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    with pytest.warns(seqsave.SeqSaveWarning, match="another file has the number of frames of this sequence: 7"):
        seqsave.save(pictures(9), tmp_path)
    seqsave.save(pictures(1), tmp_path, if_exists="replace")
    assert names(tmp_path) == sorted([*others, *frames(0)])


def test_variations_and_sidecars(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"metadata": {"seed": 7}, "metadata_in": "sidecar", "filetype": "jpg"}
    with seqsave.open_writer(tmp_path, **settings) as writer:
        for index in range(3):
            writer.write_batch(pictures(3), index=index, metadata={"text": "x" * 70_000})
    assert any((tmp_path / "batch_0002" / ".seqsave").iterdir())
    (tmp_path / "frame_00000.jpg").write_bytes(b"another run's")
    with seqsave.open_writer(tmp_path, if_exists="replace", **settings) as writer:
        writer.write_batch(pictures(2), index=0)
    assert names(tmp_path) == ["batch_0000/frame_00000.jpg", "batch_0001/frame_00000.jpg", "frame_00000.jpg"]
    assert not list((tmp_path / "batch_0002" / ".seqsave").iterdir())
    known = open_sequence(tmp_path / "frame_#####.jpg").manifest or open_sequence(tmp_path).manifest
    assert known is not None
    assert {entry.key for entry in known.frames} == {(0, 0), (0, 1)}


@pytest.mark.parametrize("total", [None, 2])
@pytest.mark.parametrize("is_interrupted", [False, True])
def test_the_run_is_the_whole_sequence_whatever_the_earlier_one_expected(
    tmp_path: Path, total: int | None, is_interrupted: bool
) -> None:
    earlier = pytest.raises(ValueError, match="stop") if is_interrupted else contextlib.nullcontext()
    with earlier, seqsave.open_writer(tmp_path, total=9) as writer:
        writer.write_frames(pictures(4 if is_interrupted else 9))
        if is_interrupted:
            raise ValueError("stop")
    seqsave.save(pictures(2), tmp_path, start=5, total=total, if_exists="replace")
    assert names(tmp_path) == frames(5, 6)
    sequence = open_sequence(tmp_path)
    assert sequence.expected == (5, 6)
    assert sequence.missing == ()
    assert sequence.manifest is not None
    assert sequence.manifest.complete


@pytest.mark.parametrize("end", [ValueError, KeyboardInterrupt])
def test_a_run_that_does_not_end_well_removes_nothing(tmp_path: Path, end: type[BaseException]) -> None:
    seqsave.save(pictures(9), tmp_path)
    with pytest.raises(end), seqsave.open_writer(tmp_path, if_exists="replace") as writer:
        writer.write(pictures(1)[0]).result()
        raise end
    assert names(tmp_path) == frames(*range(9))


def test_a_run_without_frames_removes_nothing(tmp_path: Path) -> None:
    seqsave.save(pictures(3), tmp_path)
    with seqsave.open_writer(tmp_path, if_exists="replace"):
        pass
    assert names(tmp_path) == frames(0, 1, 2)


def test_a_delete_that_fails_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seqsave.save(pictures(5), tmp_path)
    delete = LocalTarget.delete

    def refuse(self: LocalTarget, path: str) -> None:
        if path == "frame_00003.png":
            raise TargetError("cannot delete it: this user lacks the permission")
        delete(self, path)

    monkeypatch.setattr(LocalTarget, "delete", refuse)
    with pytest.warns(SeqSaveWarning, match=r"beside those of this one: 3, as deleting them failed: cannot delete it"):
        seqsave.save(pictures(2), tmp_path, if_exists="replace")
    assert names(tmp_path) == frames(0, 1, 3)
    known = open_sequence(tmp_path).manifest
    assert known is not None
    assert (known.complete, [frame.index for frame in known.outside]) == (False, [3])


def test_a_run_over_many_tasks_has_no_replace(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="has no `if_exists='replace'`"):
        seqsave.open_run(tmp_path, run="a", total=3, if_exists="replace")
