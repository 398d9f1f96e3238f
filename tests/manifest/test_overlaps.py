"""Two runs that replace the same frames at the same time: the records say whose frames exist, and what is whole."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqsave
from seqsave.sequences.progress import progress_of
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.filterwarnings("ignore::seqsave.SeqSaveWarning")


def picture(seed: int) -> np.ndarray[Any, Any]:
    """Noise, so that all files have the same size."""
    return np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)


def open_writer(folder: Path, total: int = 2, **more: Any) -> seqsave.SequenceWriter:
    return seqsave.open_writer(folder, filetype="png", total=total, **more)


def write(writer: seqsave.SequenceWriter, seed: int, *indices: int) -> None:
    for index in indices:
        writer.write(picture(seed), index=index).result(PATIENCE)


def found(folder: Path) -> seqsave.Manifest:
    made = seqsave.open_sequence(folder).manifest
    assert made is not None
    for frame in made.frames:
        data = (folder / frame.name).read_bytes()
        assert frame.checksum in (None, f"crc32:{zlib.crc32(data):08x}")
    return made


def state(folder: Path) -> str:
    return str(progress_of(seqsave.open_sequence(folder)))


@pytest.mark.parametrize("last", ["slow", "fast"])
def test_frames_that_all_came_from_one_run_are_complete(tmp_path: Path, last: str) -> None:
    slow, fast = open_writer(tmp_path), open_writer(tmp_path)
    write(slow, 1, 0, 1)
    write(fast, 2, 0, 1)
    first, second = (fast, slow) if last == "slow" else (slow, fast)
    first.close()
    assert not found(tmp_path).complete  # the other one may still replace frames
    second.close()
    assert found(tmp_path).complete
    assert all(frame.checksum for frame in found(tmp_path).frames)
    assert state(tmp_path) == "complete"
    assert "2 saved frames were replaced before this run ended" in " ".join(slow.result.warnings)
    assert fast.result.warnings == ()


@pytest.mark.parametrize("first", ["slow", "fast"])
def test_frames_of_two_runs_mixed_are_no_sequence(tmp_path: Path, first: str) -> None:
    slow, fast = open_writer(tmp_path, total=3), open_writer(tmp_path, total=3)
    if first == "fast":
        write(fast, 2, 2)
    write(slow, 1, 0)
    write(fast, 2, 0, 1, *([2] if first == "slow" else ()))
    fast.close()
    write(slow, 1, 1, 2)
    slow.close()
    made = found(tmp_path)
    assert not made.complete
    assert all(frame.checksum for frame in made.frames)
    progress = progress_of(seqsave.open_sequence(tmp_path))
    # The frames that the run that began later lacks.
    lacking = range(1, 3) if first == "slow" else range(1)
    assert progress.render_again == (lacking,)
    assert str(progress) == f"unfinished, {3 - len(lacking)} of 3"
    # It was neither interrupted, nor are these frames older.
    assert (progress.mixed, progress.older) == ({None: (lacking,)}, {})
    which = f"{3 - len(lacking)} of 3 are from the one that began later"
    assert progress.obstacles == (f"frames of two runs are mixed, which wrote them at the same time: {which}",)
    with open_writer(tmp_path, total=3) as writer:
        write(writer, 3, 0, 1, 2)
    assert state(tmp_path) == "complete"


def test_a_shorter_run_takes_the_place_of_one_that_ends_after_it(tmp_path: Path) -> None:
    """As if the one had ended before the other began: older frames lie beside those of the last run."""
    slow, fast = open_writer(tmp_path, total=3), open_writer(tmp_path)
    write(slow, 1, 0, 1, 2)
    write(fast, 2, 0, 1)
    fast.close()
    slow.close()
    assert found(tmp_path).missing == {}
    assert [frame.index for frame in found(tmp_path).outside] == [2]


def test_a_run_over_another_part_keeps_its_frames(tmp_path: Path) -> None:
    slow, fast = open_writer(tmp_path, total=4), open_writer(tmp_path, start=2)
    write(slow, 1, 0, 1, 2, 3)
    write(fast, 2, 2, 3)
    fast.close()
    slow.close()
    assert found(tmp_path).complete
    assert len({frame.run for frame in found(tmp_path).frames}) == 2


def test_a_frame_that_was_changed_beside_a_longer_run_stays(tmp_path: Path) -> None:
    slow = open_writer(tmp_path)
    write(slow, 1, 0, 1)
    with seqsave.open_writer(tmp_path, filetype="png", manifest=False) as change:
        write(change, 2, 1)
    slow.close()
    assert found(tmp_path).complete
    assert all(frame.checksum for frame in found(tmp_path).frames)


def test_a_file_of_before_the_run_is_not_taken_for_a_newer_one(tmp_path: Path) -> None:
    """A listing that shows what the run replaced is not to be believed."""
    with open_writer(tmp_path) as before:
        write(before, 1, 0, 1)
    name = "frame_00001.png"
    (tmp_path / name).rename(tmp_path / "kept")
    (tmp_path / name).write_bytes((tmp_path / "kept").read_bytes())
    writer = open_writer(tmp_path)
    write(writer, 2, 0, 1)
    (tmp_path / "kept").replace(tmp_path / name)
    writer.close()
    assert [frame.index for frame in found(tmp_path).disputed] == [1]


def test_replace_removes_nothing_of_a_run_that_has_replaced_its_frames(tmp_path: Path) -> None:
    fast = open_writer(tmp_path, total=4)
    write(fast, 2, 3)
    slow = open_writer(tmp_path, if_exists="replace")
    write(slow, 1, 0, 1)
    write(fast, 2, 0, 1, 2)
    fast.close()
    slow.close()
    assert len(list(tmp_path.glob("*.png"))) == 4
    assert found(tmp_path).complete


def test_a_run_that_found_all_frames_leaves_no_trace(tmp_path: Path) -> None:
    fast = open_writer(tmp_path)
    write(fast, 1, 0)
    careful = open_writer(tmp_path, if_exists="error")
    with pytest.raises(seqsave.FrameExistsError):
        write(careful, 2, 0)
    write(fast, 1, 1)
    fast.close()
    with pytest.raises(seqsave.SaveError):
        careful.close()
    assert found(tmp_path).complete
    assert state(tmp_path) == "complete"
