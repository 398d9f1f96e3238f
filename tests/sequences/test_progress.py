"""How far a sequence has come: the manifest's expectation against the files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import seqsave
from seqsave.sequences.progress import Progress, progress_of
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


def test_without_a_manifest_nothing_is_reported_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    seqsave.save([PICTURE] * 2, tmp_path, filetype="png")
    path = tmp_path / ".seqsave" / "frame.png.json"
    path.write_text("{")
    now = found(tmp_path)
    assert (now.state, str(now), len(now.obstacles)) == ("damaged", "manifest damaged", 1)
    path.unlink()
    assert (found(tmp_path).state, str(found(tmp_path)), found(tmp_path).as_document()) == (None, "", None)
