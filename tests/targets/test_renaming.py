"""A new name for a local file is given once, where there are hard links and where there are none."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from seqsave import targets
from seqsave.errors import FrameExistsError, TargetError
from seqsave.targets import renaming
from tests.targets.stores import all_files, posix, publish


@pytest.fixture
def no_hard_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)


@pytest.mark.usefixtures("no_hard_links")
def test_create_without_hard_links(tmp_path: Path) -> None:
    target = targets.resolve(tmp_path)
    publish(target, "a", b"first", create=True)
    with pytest.raises(FrameExistsError):
        publish(target, "a", b"second", create=True)
    assert target.read("a") == b"first"
    assert all_files(tmp_path) == ["a"]


@pytest.mark.usefixtures("no_hard_links")
def test_create_without_hard_links_has_one_winner(tmp_path: Path) -> None:
    target = targets.resolve(tmp_path)
    start = threading.Barrier(8)
    won: list[int] = []

    def create(number: int) -> None:
        start.wait()
        try:
            publish(target, "a", b"%d" % number * 1000, create=True)
        except FrameExistsError:
            return
        won.append(number)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert target.read("a") == b"%d" % won[0] * 1000
    assert all_files(tmp_path) == ["a"]


@posix
@pytest.mark.usefixtures("no_hard_links")
def test_a_reserved_name_is_given_back_when_the_move_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def replace(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(TargetError, match="the disk failed"):
        publish(targets.resolve(tmp_path), "a", create=True)
    assert all_files(tmp_path) == []


@posix
def test_links_that_fail_for_another_reason_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_: object) -> None:
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(TargetError, match="quota"):
        publish(targets.resolve(tmp_path), "a", create=True)
    assert all_files(tmp_path) == []


def test_a_link_that_took_effect_and_was_reported_as_taken_is_our_own_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As NFS does it: the answer to the first request is lost, and the one that is sent again finds the file."""
    real = os.link

    def link(source: str, final: str) -> None:
        real(source, final)
        raise FileExistsError(17, "File exists", final)

    monkeypatch.setattr(os, "link", link)
    target = targets.resolve(tmp_path)
    target.publish("frame", b"ours", content_type="image/png", create=True)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("frame", b"ours")]
    monkeypatch.undo()
    with pytest.raises(FrameExistsError):
        target.publish("frame", b"other", content_type="image/png", create=True)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"ours"]


def test_another_spelling_of_a_file_is_not_a_second_name_of_it(tmp_path: Path) -> None:
    (tmp_path / "frame").write_bytes(b"the only one")
    with pytest.raises(FileExistsError):
        renaming.move(str(tmp_path / "frame"), f"{tmp_path}/./frame")  # as Frame is, where a folder ignores case
    assert (tmp_path / "frame").read_bytes() == b"the only one"


@pytest.mark.skipif(os.name == "nt", reason="renames in one step")
@pytest.mark.usefixtures("no_hard_links")
def test_an_interrupt_after_the_rename_leaves_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "old").write_bytes(b"the only one")
    original = os.replace

    def replace(old: str, new: str) -> None:
        original(old, new)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(KeyboardInterrupt):
        renaming.move(str(tmp_path / "old"), str(tmp_path / "new"))
    assert (tmp_path / "new").read_bytes() == b"the only one"
