"""A manifest in a storage that is damaged, or of a newer version."""

from __future__ import annotations

import json
from typing import Any

import pytest

import seqsave
import seqsave.targets
from tests.manifest.saved import PATH, found, picture
from tests.support.places import Place


def test_a_damaged_manifest_is_written_again(place: Place, settings: dict[str, Any]) -> None:
    place.write(PATH, b'{"version": 1, "complete": tr')
    seqsave.save([picture()], place.url, **settings)
    assert place.read(PATH) == b'{"version": 1, "complete": tr'
    seqsave.save([picture()] * 2, place.url, **settings)
    assert found(place).complete


def test_a_newer_manifest_is_left_to_those_who_know_it_but_marked(place: Place, settings: dict[str, Any]) -> None:
    place.write(PATH, json.dumps({"version": 3, "complete": True, "new": [1]}).encode())
    with pytest.raises(seqsave.SaveError, match="version 3, but this seqsave knows 2: update seqsave"):
        seqsave.save([picture()] * 2, place.url, **settings)
    assert place.frames() == []
    seqsave.save([picture()], place.url, **settings)
    assert json.loads(place.read(PATH)) == {"version": 3, "complete": False, "new": [1]}
