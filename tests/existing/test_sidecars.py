"""Metadata files of replaced frames go, and none that another run may need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import seqsave
from seqsave.cli import cli
from seqsave.errors import TargetError
from seqsave.manifest import Manifest, load
from seqsave.sequences import belongings
from seqsave.targets.local import LocalTarget
from seqsave.targets.memory import MemoryTarget

BLACK, WHITE = np.zeros((2, 8, 8, 3), np.uint8), np.full((2, 8, 8, 3), 255, np.uint8)
BESIDE: dict[str, Any] = {"filetype": "jpg with embedded workflow", "metadata_in": "sidecar"}


def sidecars(folder: Path) -> list[str]:
    return sorted(path.name.split(".")[-2] for path in (folder / ".seqsave").glob("frame_*.json"))


def manifest_of(folder: Path) -> Manifest:
    return load((folder / ".seqsave" / "frame.jpg.json").read_bytes())


def read(url: Path | str) -> dict[str, Any]:
    return seqsave.open_sequence(url)[0].read_metadata()


def test_a_frame_of_equal_bytes_does_not_inherit_metadata(tmp_path: Path) -> None:
    seqsave.save(BLACK, tmp_path, metadata={"seed": 7, "secret": "x"}, **BESIDE)
    assert read(tmp_path) == {"seed": 7, "secret": "x"}
    seqsave.save(BLACK, tmp_path, metadata={"seed": 8}, **BESIDE)
    assert read(tmp_path) == {"seed": 8}
    seqsave.save(BLACK, tmp_path, filetype="jpg")
    assert read(tmp_path) == {}
    assert sidecars(tmp_path) == []


def test_the_metadata_of_other_bytes_goes_too_and_that_of_frames_that_stay_stays(tmp_path: Path) -> None:
    seqsave.save(BLACK, tmp_path, metadata={"first": 1}, **BESIDE)
    seqsave.save(BLACK, tmp_path, metadata={"later": 1}, start=2, **BESIDE)
    seqsave.save(WHITE, tmp_path, metadata={"new": 1}, **BESIDE)
    assert sidecars(tmp_path) == ["later", "new"]
    seqsave.save(BLACK, tmp_path, metadata={"unused": 1}, if_exists="skip", **BESIDE)
    assert sidecars(tmp_path) == ["later", "new"]


def test_batch_folders(tmp_path: Path) -> None:
    for number in range(2):
        with seqsave.open_writer(tmp_path, metadata={f"run {number}": 1}, **BESIDE) as writer:
            writer.write_batch(WHITE)
    assert [sidecars(tmp_path / f"batch_000{batch}") for batch in range(2)] == [["run%201"]] * 2


def test_no_request_is_made_unless_the_manifest_records_some(monkeypatch: pytest.MonkeyPatch) -> None:
    deleted: list[str] = []
    real = MemoryTarget.delete

    def noting(target: MemoryTarget, path: str) -> None:
        deleted.append(path)
        real(target, path)

    monkeypatch.setattr(MemoryTarget, "delete", noting)
    monkeypatch.setattr(belongings, "list_folder", None)
    for _ in range(2):
        seqsave.save(BLACK, "memory://sidecars", filetype="jpg with embedded workflow", metadata={"seed": 7})
    seqsave.save(BLACK, "memory://sidecars", metadata={"a/b": 7}, **BESIDE)
    seqsave.save(BLACK, "memory://sidecars", metadata={"a/b": 7}, **BESIDE)
    assert deleted == []
    seqsave.save(BLACK, "memory://sidecars", filetype="jpg")
    assert [path.rpartition(".jpg.")[2].partition(".")[2] for path in deleted] == ["a%2Fb.json"]


def test_parts_of_a_run_record_them(tmp_path: Path) -> None:
    run = seqsave.open_run(tmp_path, total=2, metadata={"seed": 7}, **BESIDE)
    records = []
    for index in range(2):
        with run.part() as part:
            part.write(BLACK[0], index=index)
        records += part.records
    run.commit(records)
    assert [frame.sidecars for frame in manifest_of(tmp_path).frames] == [("seed",), ()]
    seqsave.save(BLACK, tmp_path, filetype="jpg")
    assert sidecars(tmp_path) == []


def test_a_renamed_sequence_keeps_them(tmp_path: Path) -> None:
    seqsave.save(BLACK, tmp_path, metadata={"seed": 7}, **BESIDE)
    arguments = ["mv", str(tmp_path), str(tmp_path / "shot.####.jpg"), "--start", "10"]
    assert CliRunner().invoke(cli, arguments).exit_code == 0
    seqsave.save(BLACK, tmp_path / "shot.####.jpg", start=10, filetype="jpg")
    assert list((tmp_path / ".seqsave").glob("*.seed.json")) == []


def test_a_rebuilt_manifest_records_them_again(tmp_path: Path) -> None:
    seqsave.save(BLACK, tmp_path, metadata={"seed": 7}, **BESIDE)
    (tmp_path / ".seqsave" / "frame.jpg.json").unlink()
    assert CliRunner().invoke(cli, ["manifest", str(tmp_path), "--rebuild"]).exit_code == 0
    seqsave.save(BLACK, tmp_path, filetype="jpg")
    assert sidecars(tmp_path) == []


def test_metadata_that_cannot_be_deleted_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seqsave.save(BLACK, tmp_path, metadata={"seed": 7}, **BESIDE)

    def refused(target: LocalTarget, path: str) -> None:
        raise TargetError(f"{path}: access denied")

    monkeypatch.setattr(LocalTarget, "delete", refused)
    with pytest.warns(seqsave.SeqSaveWarning, match=r"older metadata files remain in \.seqsave/.*denied"):
        result = seqsave.save(BLACK, tmp_path, filetype="jpg")
    assert result.counts["saved"] == 2
    monkeypatch.undo()
    seqsave.save(BLACK, tmp_path, filetype="jpg")  # the record still has it
    assert sidecars(tmp_path) == []


def test_a_run_beside_another_one_deletes_none(tmp_path: Path) -> None:
    seqsave.save(BLACK, tmp_path, metadata={"seed": 7}, **BESIDE)
    with seqsave.open_writer(tmp_path, metadata={"other": 1}, start=1, **BESIDE) as other:
        for image in WHITE:  # two: the first one alone would not begin a manifest
            other.write(image).result()
        seqsave.save(WHITE[:1], tmp_path, metadata={"new": 1}, **BESIDE)
        assert {"seed", "new"} <= set(sidecars(tmp_path))


def test_they_go_while_the_run_is_still_a_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seqsave.save(BLACK, tmp_path, metadata={"seed": 7}, **BESIDE)
    writers: list[int] = []
    real = LocalTarget.delete

    def looking(target: LocalTarget, path: str) -> None:
        if path.endswith(".seed.json"):
            writers.append(len(manifest_of(tmp_path).writers))
        real(target, path)

    monkeypatch.setattr(LocalTarget, "delete", looking)
    seqsave.save(BLACK, tmp_path, filetype="jpg")
    assert writers == [1]
    assert [frame.sidecars for frame in manifest_of(tmp_path).frames] == [(), ()]


def test_a_run_that_fails_leaves_them_and_the_next_one_does_not(tmp_path: Path) -> None:
    seqsave.save(BLACK, tmp_path, metadata={"seed": 7}, **BESIDE)
    with pytest.raises(ValueError, match="stop"), seqsave.open_writer(tmp_path, filetype="jpg") as writer:
        writer.write_frames(BLACK)
        raise ValueError("stop")
    assert [frame.sidecars for frame in manifest_of(tmp_path).frames] == [("seed",), ()]
    seqsave.save(BLACK, tmp_path, filetype="jpg")
    assert sidecars(tmp_path) == []


def test_a_run_over_many_tasks_leaves_them_on_record(tmp_path: Path) -> None:
    seqsave.save(BLACK, tmp_path, metadata={"seed": 7}, **BESIDE)
    run = seqsave.open_run(tmp_path, total=2, filetype="jpg")
    with run.part() as part:
        for index in range(2):
            part.write(BLACK[index], index=index)
    run.commit(part.records)
    assert [frame.sidecars for frame in manifest_of(tmp_path).frames] == [("seed",), ()]
    seqsave.save(BLACK, tmp_path, filetype="jpg")
    assert sidecars(tmp_path) == []
