"""Files of a local folder that are opened only if they lie in it, whatever links are made at that moment."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from seqsave import targets
from seqsave.errors import TargetError
from seqsave.targets import beneath

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="only on systems where anybody may make links")


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    (tmp_path / "outside" / "deep").mkdir(parents=True)
    (tmp_path / "outside" / "file").write_bytes(b"secret")
    (tmp_path / "outside" / "deep" / "file").write_bytes(b"secret")
    (tmp_path / "inside" / "deep").mkdir(parents=True)
    (tmp_path / "inside" / "file").write_bytes(b"own")
    (tmp_path / "inside" / "deep" / "file").write_bytes(b"own")
    return tmp_path / "inside"


def target_of(inside: Path) -> targets.Target:
    return targets.resolve(inside, {"within": [str(inside)]})


def test_files_folders_and_links_that_stay_inside(inside: Path) -> None:
    (inside / "link").symlink_to(inside / "file")
    (inside / "folder").symlink_to(inside / "deep")
    target = target_of(inside)
    for path in ("file", "deep/file", "link", "folder/file"):
        assert target.read(path) == b"own"
        with target.open_read(path) as file:
            assert file.read() == b"own"
    assert {entry.name for entry in target.list()} == {"file", "deep", "link", "folder"}
    assert [entry.name for entry in target.list("folder")] == ["file"]
    assert target.list("absent") == []
    with pytest.raises(FileNotFoundError):
        target.read("absent")


def test_links_that_lead_out(inside: Path) -> None:
    (inside / "link").symlink_to(inside.parent / "outside" / "file")
    (inside / "folder").symlink_to(inside.parent / "outside")
    target = target_of(inside)
    for refused in (
        lambda: target.read("link"),
        lambda: target.open_read("link"),
        lambda: target.read("folder/file"),
        lambda: target.read("folder/absent"),
        lambda: target.list("folder"),
    ):
        with pytest.raises(TargetError, match="this user lacks the permission"):
            refused()


def test_a_pipe_is_no_file(inside: Path) -> None:
    os.mkfifo(inside / "pipe")
    with pytest.raises(TargetError, match="this user lacks the permission"):
        target_of(inside).read("pipe")


def swap(path: Path, goal: Path) -> Callable[[], None]:
    def change() -> None:
        path.rename(path.with_name("before"))
        path.symlink_to(goal)

    return change


@pytest.mark.parametrize("compare", [False, True], ids=["step by step", "compared"])
@pytest.mark.parametrize("name", ["deep/file", "deep"])
def test_a_link_that_appears_after_the_check(
    inside: Path, name: str, compare: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes the place of the file, or of its folder, once the path has been resolved."""
    change = swap(inside / name, inside.parent / "outside" / name)
    resolve = beneath._real_path
    waiting = [change]

    def then_swapped(path: str) -> str | None:
        real = resolve(path)
        if waiting:
            waiting.pop()()
        return real

    monkeypatch.setattr(beneath, "_real_path", then_swapped)
    monkeypatch.setattr(beneath, "_CAN_STEP", not compare)
    if compare and name == "deep":
        pytest.skip("only on systems that open relative to a folder")
    with pytest.raises(TargetError, match="this user lacks the permission"):
        target_of(inside).read("deep/file")
    assert not waiting


def test_a_path_that_may_not_be_looked_at(inside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = target_of(inside)

    def refuse(path: str) -> str:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os.path, "realpath", refuse)
    with pytest.raises(TargetError, match="this user lacks the permission"):
        target.read("file")


def test_the_option_is_a_list(inside: Path) -> None:
    with pytest.raises(TargetError, match="'within' must be a list of folders"):
        targets.resolve(inside, {"within": str(inside)})
