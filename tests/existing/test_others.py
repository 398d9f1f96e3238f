"""The frames that a run did not write: those that lack, and those that an older run left."""

from __future__ import annotations

import sys
import unicodedata
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import seqsave
from seqsave import SeqSaveWarning

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.places import Place


def pictures(count: int) -> np.ndarray:
    return np.full((count, 6, 8, 3), 7, np.uint8)


def warned(place: Place, frames: Any, **settings: Any) -> tuple[str, ...]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return seqsave.save(frames, place.url, storage_options=place.storage_options, **settings).warnings


def test_a_shorter_run_names_the_older_frames(place: Place) -> None:
    seqsave.save(pictures(9), place.url, storage_options=place.storage_options)
    with pytest.warns(SeqSaveWarning, match="frames of an older run"):
        result = seqsave.save(pictures(4), place.url, storage_options=place.storage_options)
    (warning,) = result.warnings
    assert "beside those of this one: 4-8" in warning


def test_frames_of_a_run_at_work_stay(tmp_path: Path) -> None:
    seqsave.save(pictures(9), tmp_path)
    other = seqsave.open_writer(tmp_path, start=20)
    other.write(pictures(1)[0]).result()
    with pytest.warns(SeqSaveWarning, match="frames of older runs are kept"):
        seqsave.save(pictures(2), tmp_path, if_exists="replace")
    with pytest.warns(SeqSaveWarning, match="frames of an older run lie beside those of this one: 2-8"):
        other.close()
    assert seqsave.open_sequence(tmp_path).indices == (*range(9), 20)


@pytest.mark.parametrize("manifest", [True, False])
def test_frames_that_total_states_and_that_were_not_written_are_named(place: Place, manifest: bool) -> None:
    (text,) = warned(place, pictures(5), start=10, step=2, total=8, manifest=manifest)
    assert text == (
        "3 of the 8 frames that `total` states are not saved: 20,22,24; the sequence is unfinished without them"
    )
    assert warned(place, pictures(9), start=10, step=2, total=8, manifest=manifest) == ()


def test_a_run_without_a_frame_says_so_if_total_states_some(place: Place) -> None:
    assert warned(place, [], total=4) == ("no frame was written, and `total` states 4: nothing is saved",)
    assert warned(place, [], total=0) == warned(place, []) == ()
    with seqsave.open_writer(place.url, total=4, storage_options=place.storage_options) as writer:
        writer.write(pictures(1)[0], index=9)  # after the end
    assert writer.result.warnings == ()


def test_a_part_of_the_animation_is_not_called_unfinished(place: Place) -> None:
    """A run that leaves out the first frame is one of several."""
    assert warned(place, pictures(2), start=0, total=4)[0].startswith("2 of the 4 frames that `total` states")
    with seqsave.open_writer(place.url, total=4, storage_options=place.storage_options) as writer:
        writer.write(pictures(1)[0], index=2)
    assert writer.result.warnings == ()
    with seqsave.open_writer(place.url, total=4, storage_options=place.storage_options) as writer:
        writer.write(pictures(1)[0], index=3)
    known = seqsave.open_sequence(place.url, storage_options=place.storage_options).manifest
    assert known is not None
    assert known.complete


def test_a_frame_that_is_saved_by_a_call_of_its_own_is_no_animation(place: Place) -> None:
    settings: dict[str, Any] = {"total": 9, "manifest": False, "storage_options": place.storage_options}
    with seqsave.open_writer(place.url, **settings) as writer:
        writer.write_batch(pictures(3), index=0)
    assert writer.result.warnings == ()


def test_frames_that_another_run_is_writing_do_not_lack(place: Place) -> None:
    settings: dict[str, Any] = {"total": 4, "storage_options": place.storage_options}
    with seqsave.open_writer(place.url, **settings) as other:
        other.write(pictures(1)[0], index=3).result()
        with seqsave.open_writer(place.url, **settings) as writer:
            writer.write_frames(pictures(3))
        assert writer.result.warnings == ()


def test_a_run_that_failed_names_no_frames_as_lacking(place: Place) -> None:
    with (
        pytest.raises(ValueError, match="the caller's"),
        seqsave.open_writer(place.url, total=4, storage_options=place.storage_options) as writer,
    ):
        writer.write(pictures(1)[0]).result()
        raise ValueError("the caller's own")
    assert writer.result.warnings == ()


@pytest.mark.skipif(sys.platform == "darwin", reason="its file systems take both forms for one name")
@pytest.mark.parametrize("folder", ["größe", "a/größe/b"])
def test_a_second_folder_in_the_other_unicode_form_is_named(place: Place, folder: str) -> None:
    one, other = (unicodedata.normalize(form, folder) for form in ("NFC", "NFD"))
    assert warned(place, pictures(2), prefix=f"{one}/frame") == ()
    texts = warned(place, pictures(2), prefix=f"{other}/frame")
    assert len(texts) == 1
    assert "have one name: " in texts[0]
    assert "(in Unicode's decomposed form), with the frames of this run, and " in texts[0]
    assert "(composed). Move the frames into one of them" in texts[0]
