"""How far a sequence has come: the manifest's expectation against the files."""

from __future__ import annotations

import shutil
import warnings
from typing import TYPE_CHECKING

import pytest

import seqsave
from seqsave.sequences.progress import Progress, progress_of
from seqsave.sequences.repair import rebuild
from seqsave.sequences.verify import verify
from tests.sequences.placed import PICTURE

if TYPE_CHECKING:
    from pathlib import Path


def found(url: object) -> Progress:
    return progress_of(seqsave.open_sequence(str(url)))


def broken_off(url: object, count: int, **settings: object) -> None:
    with pytest.raises(ZeroDivisionError), seqsave.open_writer(url, filetype="png", **settings) as writer:  # type: ignore[arg-type]
        writer.write_frames([PICTURE] * count)
        1 / 0  # noqa: B018


def test_complete_then_with_a_hole(tmp_path: Path) -> None:
    seqsave.save([PICTURE] * 4, tmp_path, filetype="png")
    assert (found(tmp_path).state, str(found(tmp_path)), found(tmp_path).render_again) == ("complete", "complete", ())
    (tmp_path / "frame_00002.png").unlink()
    now = found(tmp_path)
    assert (now.state, str(now), now.render_again) == ("unfinished", "unfinished, 3 of 4", (range(2, 3),))
    document = now.as_document()
    assert document is not None
    assert (document["done"], document["wanted"], document["render_again"]) == (3, 4, "2")


def test_an_interrupted_run_names_what_it_never_reached(tmp_path: Path) -> None:
    broken_off(tmp_path, 2, total=5)
    now = found(tmp_path)
    assert (str(now), now.render_again, now.has_end) == ("unfinished, 2 of 5", (range(2, 5),), True)


def test_without_a_known_end_only_what_exists_is_counted(tmp_path: Path) -> None:
    broken_off(tmp_path, 2)
    now = found(tmp_path)
    assert (str(now), now.has_end) == ("unfinished, 2 frames and no known end", False)
    document = now.as_document()
    assert document is not None
    assert document["wanted"] is None


def test_frames_of_an_older_longer_run_lie_beside(tmp_path: Path) -> None:
    seqsave.save([PICTURE] * 4, tmp_path, filetype="png")
    with pytest.warns(seqsave.SeqSaveWarning):
        seqsave.save([PICTURE + 1] * 2, tmp_path, filetype="png")
    now = found(tmp_path)
    assert (now.state, now.beside) == ("mixed", (range(2, 4),))
    assert str(now) == "finished, but frames of an older run lie beside it: 2-3"


@pytest.mark.parametrize("has_batches", [True, False])
def test_frames_of_the_other_kind_are_neither_older_nor_done(tmp_path: Path, has_batches: bool) -> None:
    """A run in batch folders over one outside of them, or the reverse, is interrupted, continued, and rebuilt."""

    def save(in_batches: bool, count: int, **settings: object) -> None:
        with seqsave.open_writer(tmp_path, filetype="png", total=4, **settings) as writer:  # type: ignore[arg-type]
            for index in range(count):
                writer.write_batch([PICTURE] * 2, index=index) if in_batches else writer.write(PICTURE, index=index)
            assert count == 4

    save(not has_batches, 4)
    with pytest.raises(AssertionError):
        save(has_batches, 2)
    now = found(tmp_path)
    assert (now.older, now.render_again) == ({}, (range(2, 4),))
    assert str(now) == ("unfinished, 4 of 8" if has_batches else "unfinished, 2 of 4")
    with pytest.warns(seqsave.SeqSaveWarning, match="other frames of this name"):
        save(has_batches, 4, if_exists="skip")
    for _ in range(2):
        now = found(tmp_path)
        assert (str(now), now.render_again) == ("finished, but frames of another run lie beside it: 0-3", ())
        assert set(now.foreign) == ({None} if has_batches else {0, 1})
        rebuild(seqsave.open_sequence(tmp_path))


@pytest.mark.parametrize("has_batches", [True, False])
def test_a_rebuild_does_not_turn_the_two_kinds_round(tmp_path: Path, has_batches: bool) -> None:
    def save(in_batches: bool) -> None:
        with warnings.catch_warnings(), seqsave.open_writer(tmp_path, filetype="png") as writer:
            warnings.simplefilter("ignore")
            for index in range(3):
                writer.write_batch([PICTURE] * 2, index=index) if in_batches else writer.write(PICTURE, index=index)

    save(not has_batches)
    shutil.rmtree(tmp_path / ".seqsave")
    rebuild(seqsave.open_sequence(tmp_path))
    assert found(tmp_path).state == "complete"
    save(has_batches)
    for _ in range(2):
        now = found(tmp_path)
        assert (now.state, set(now.foreign)) == ("mixed", {None} if has_batches else {0, 1})
        rebuild(seqsave.open_sequence(tmp_path))


@pytest.mark.parametrize("has_batches", [True, False])
@pytest.mark.parametrize("is_rebuilt", [True, False])
def test_one_frame_of_the_other_kind_does_not_count(tmp_path: Path, has_batches: bool, is_rebuilt: bool) -> None:
    with seqsave.open_writer(tmp_path, filetype="png") as writer:
        for index in range(3):
            writer.write_batch([PICTURE] * 2, index=index) if has_batches else writer.write(PICTURE, index=index)
    if is_rebuilt:
        rebuild(seqsave.open_sequence(tmp_path))
    with warnings.catch_warnings(), seqsave.open_writer(tmp_path, filetype="png") as writer:
        warnings.simplefilter("ignore")
        writer.write(PICTURE, index=1, batch=None if has_batches else 0)
    assert str(found(tmp_path)) == "finished, but frames of another run lie beside it: 1"


def test_doubted_frames_of_the_other_kind_are_not_among_those_that_are_expected(tmp_path: Path) -> None:
    seqsave.save([PICTURE] * 3, tmp_path / "from", filetype="png")
    with warnings.catch_warnings(), seqsave.open_writer(tmp_path / "from", filetype="png") as writer:
        warnings.simplefilter("ignore")
        for index in range(3):
            writer.write(PICTURE, index=index, batch=0)
    with pytest.warns(seqsave.SeqSaveWarning, match="0-2 outside of batch folders; their copies are recorded as to be"):
        seqsave.save(seqsave.open_sequence(tmp_path / "from"), tmp_path / "to")
    assert str(found(tmp_path / "to")) == "finished, but frames of another run lie beside it: 0-2"
    assert verify(seqsave.open_sequence(tmp_path / "to")).findings == ()
    for path in (tmp_path / "to").glob("*.png"):
        path.unlink()
    assert found(tmp_path / "to").state == "complete"


def test_without_a_manifest_nothing_is_reported_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    seqsave.save([PICTURE] * 2, tmp_path, filetype="png")
    path = tmp_path / ".seqsave" / "frame.png.json"
    path.write_text("{")
    now = found(tmp_path)
    assert (now.state, str(now), len(now.obstacles)) == ("damaged", "manifest damaged", 1)
    path.unlink()
    assert (found(tmp_path).state, str(found(tmp_path)), found(tmp_path).as_document()) == (None, "", None)
