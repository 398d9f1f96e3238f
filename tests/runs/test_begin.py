"""A run's notes from its beginning distinguish frames of its own attempts from those of others."""

from __future__ import annotations

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
