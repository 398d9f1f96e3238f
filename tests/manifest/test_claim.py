"""While frames are moved or removed, the manifest claims nothing, and no run may write the sequence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import seqsave
from seqsave import targets
from seqsave.errors import TargetError
from seqsave.manifest.claim import Claim
from tests.manifest.saved import PATH, found, is_there, picture
from tests.support.places import Place

pytestmark = pytest.mark.full_with("s3")  # what the storages do alike is tried of each in tests/targets


def claim(place: Place) -> Claim:
    return Claim(targets.resolve(place.url, place.storage_options), PATH)


@pytest.mark.every_day
def test_inside_it_is_not_complete_and_afterwards_as_it_was(place: Place, settings: dict[str, Any]) -> None:
    seqsave.save([picture()] * 2, place.url, **settings)
    stay = claim(place)
    stay.enter()
    assert (found(place).complete, len(found(place).writers)) == (False, 1)
    assert stay.before is not None
    assert stay.before.complete
    stay.restore()
    assert (found(place).complete, found(place).writers) == (True, ())


def test_it_is_left_with_what_was_made_of_it(place: Place, settings: dict[str, Any]) -> None:
    seqsave.save([picture()] * 2, place.url, **settings)
    stay = claim(place)
    stay.enter()
    made = stay.leave(lambda current: replace(current, recipe="other"))
    assert made is not None
    assert (made.writers, found(place).recipe) == ((), "other")
    stay = claim(place)
    stay.enter()
    assert stay.leave(lambda _: None) is None
    assert not is_there(place)


def test_a_run_at_work_refuses_it(place: Place, settings: dict[str, Any]) -> None:
    with seqsave.open_writer(place.url, **settings) as writer:
        writer.write(picture())
        writer.flush()
        before = found(place)
        with pytest.raises(TargetError, match="is in use") as caught:
            claim(place).enter()
        assert caught.value.fault == "in_use"
        assert found(place).writers == before.writers


def test_without_a_manifest_nothing_is_made(place: Place) -> None:
    stay = claim(place)
    stay.enter()
    stay.restore()
    assert not is_there(place)
