"""A manifest in a storage that is damaged, or of a newer version."""

from __future__ import annotations

import json
from typing import Any

import pytest

import seqsave
import seqsave.targets
from seqsave.manifest import document, store
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


def test_bytes_and_text_of_a_manifest_are_not_in_memory_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 100,000 frames each of them takes 13 MB, while the frames are read from the text."""

    freed: list[int] = []

    class Data(bytes):
        def __del__(self) -> None:
            freed.append(len(self))

    seqsave.save([picture()] * 2, "memory://handed-on", filetype="png")
    target = seqsave.targets.resolve("memory://handed-on")
    data, parse, seen = target.read(PATH), document.parse, list[Any]()
    monkeypatch.setattr(type(target), "read", lambda *_: Data(data))
    monkeypatch.setattr(document, "parse", lambda *given: (seen.extend(freed), parse(*given))[1])
    assert store.read(target, PATH) is not None
    assert seen == [len(data)]
