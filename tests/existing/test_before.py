"""What the storage held under a frame's name, learned from one listing of its folder or from the manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from seqsave import targets
from seqsave.errors import TargetError
from seqsave.existing.before import FilesBefore
from seqsave.manifest import FrameEntry
from seqsave.naming.key import FrameKey
from seqsave.spool import Spool

if TYPE_CHECKING:
    from pathlib import Path

KEY = FrameKey(index=1, batch=None, path="frame_00001.png")


class Recorded:
    """What the manifest states of frame 1."""

    def __init__(self, version: str | None) -> None:
        self.entry = FrameEntry(index=1, batch=None, name=KEY.name, size=9, version=version)

    def at_start(self, index: int, batch: int | None) -> FrameEntry | None:
        return self.entry if index == 1 else None


@pytest.fixture
def target(tmp_path: Path) -> targets.Target:
    return targets.resolve(tmp_path / "renders")


def files(target: Any, tmp_path: Path, version: str | None = None) -> FilesBefore:
    record: Any = Recorded(version)
    return FilesBefore(target, record, Spool(tmp_path / "spool"))


def test_a_listing_shows_a_file_or_that_there_is_none(target: targets.Target, tmp_path: Path) -> None:
    target.publish("frame_00001.png", b"old", content_type="image/png")
    before = files(target, tmp_path, version="another")
    before.list_folder("")
    found = before.of(KEY)
    assert (found.state, found.size) == ("file", 3)
    assert before.of(FrameKey(index=2, batch=None, path="frame_00002.png")).state == "nothing"


@pytest.mark.parametrize(("version", "state"), [("v1", "file"), (None, "unknown")])
def test_without_a_listing_the_manifest_says_it(
    target: targets.Target, tmp_path: Path, version: str | None, state: str
) -> None:
    found = files(target, tmp_path, version).of(KEY)
    assert (found.state, found.version) == (state, version)


def test_a_folder_is_listed_once_until_it_is_forgotten(target: targets.Target, tmp_path: Path) -> None:
    before = files(target, tmp_path)
    before.list_folder("")
    target.publish("frame_00001.png", b"new", content_type="image/png")
    before.list_folder("")
    assert before.of(KEY).state == "nothing"
    before.forget()
    before.list_folder("")
    assert before.of(KEY).state == "file"


def test_a_storage_that_fails_is_not_asked_again_at_once(target: targets.Target, tmp_path: Path) -> None:
    asked: list[str] = []

    class Failing:
        is_fast = is_local = True

        def list(self, folder: str) -> Any:
            asked.append(folder)
            raise TargetError("away")

    before = files(Failing(), tmp_path)
    for _ in range(3):
        before.list_folder("")
    assert asked == [""]
    assert before.of(KEY).state == "unknown"
