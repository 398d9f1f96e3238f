"""A run's notes from its beginning distinguish frames of its own attempts from those of others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import seqsave
from tests.runs.child import picture
from tests.runs.pieces import MANIFEST, is_true, open_run, pixels, task
from tests.support.places import Place


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


@pytest.mark.parametrize("ends", ["commit", "abandon"])
def test_the_folder_of_the_notes_goes_with_the_last_of_them(tmp_path: Path, ends: str) -> None:
    place = Place("local", str(tmp_path / "shot"))
    folder = tmp_path / "shot" / ".seqsave" / "runs"
    first, second = (open_run(place, run=name, frames=[0], if_exists="error", prefix=name) for name in ("a", "b"))
    first.begin()
    second.begin()
    assert sorted(path.name for path in folder.iterdir()) == ["a", "b"]
    (folder / "b" / "0.json").write_bytes(b"of a task")
    for run in (first, second):
        if ends == "commit":
            run.commit(task(run, 0))
        else:
            run.abandon()
    assert [path.relative_to(folder).as_posix() for path in folder.rglob("*")] == ["b", "b/0.json"]
    (folder / "b" / "0.json").unlink()
    second.abandon()
    assert not folder.exists()
