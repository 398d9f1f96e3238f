"""What a local listing says of each entry, and what it leaves out and names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seqsave import targets
from seqsave.targets.local_entries import check_version, version_of

posix = pytest.mark.skipif(os.name == "nt", reason="links need a right of their own there")


@posix
def test_what_cannot_be_read_is_left_out_and_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"whole")
    (tmp_path / "folder").mkdir()
    (tmp_path / "to_a.png").symlink_to("a.png")
    (tmp_path / "lost.png").symlink_to("gone.png")
    (tmp_path / "loop.png").symlink_to("loop.png")
    (tmp_path / "long.png").symlink_to("x" * 300)
    os.mkfifo(tmp_path / "pipe.png")
    found = targets.resolve(tmp_path).list()
    assert {entry.name for entry in found} == {"a.png", "folder", "to_a.png"}
    assert targets.unreadable_in(found) == {
        "lost.png": "a link to a file that does not exist",
        "loop.png": "a link to a file that does not exist",
        "long.png": "a link that cannot be followed",
        "pipe.png": "not a regular file",
    }


def test_other_storages_name_nothing() -> None:
    assert targets.unreadable_in(targets.resolve("memory://entries").list()) == {}


def test_a_changed_file_has_another_version(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    check_version(str(path), None)
    path.write_bytes(b"one")
    before = version_of(path.stat())
    check_version(str(path), before)
    (tmp_path / "new").write_bytes(b"two")
    (tmp_path / "new").replace(path)
    for wrong in (before, None):
        with pytest.raises(FileExistsError):
            check_version(str(path), wrong)
