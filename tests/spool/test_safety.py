"""A spool belongs to its user: folders and files that others own, can write into or have linked are refused."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import seqsave
from seqsave import targets
from seqsave.errors import SpoolError
from seqsave.spool import Records, Spool, flush_place, open_spool
from tests.spool.kept import keep

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="only on systems with users")
OTHER = 51002


def give_away(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only as root: gives a file to another user")
    os.chown(path, OTHER, OTHER, follow_symlinks=False)


@contextmanager
def umask(value: int) -> Iterator[None]:
    before = os.umask(value)
    try:
        yield
    finally:
        os.umask(before)


def expect_refusal(spool: Spool, target: targets.Target, match: str) -> None:
    """Check that nothing is read from it, written into it, or published."""
    for act in (
        lambda: seqsave.flush(spool.folder),
        lambda: spool.contents(),
        lambda: keep(spool, target, 9),
        lambda: spool.waiting(target.identity()),
        lambda: flush_place(spool, target, target.identity(), records=Records()),
    ):
        with pytest.raises(SpoolError, match=match) as caught:
            act()
        assert caught.value.reason == "unsafe"
        assert "chmod 700" in str(caught.value)
    assert target.list() == []


@pytest.mark.parametrize("where", ["spool", "place"])
@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o702, 0o770])
def test_a_folder_that_others_can_write_into(spool: Spool, target: targets.Target, where: str, mode: int) -> None:
    entry = keep(spool, target, 1)
    (spool.folder if where == "spool" else Path(entry.name).parent).chmod(mode)
    with umask(0o022):
        expect_refusal(spool, target, "can write into it")
    (spool.folder if where == "spool" else Path(entry.name).parent).chmod(0o755)
    assert seqsave.flush(spool.folder).counts["published"] == 1


def test_a_group_of_the_users_own_may_write(tmp_path: Path, target: targets.Target) -> None:
    """The umask of many systems, on which each user has a group, allows that."""
    with umask(0o002):
        spool = Spool(tmp_path / "spool")
        spool.folder.mkdir()
        assert spool.folder.stat().st_mode & 0o020
        keep(spool, target, 1)
        assert seqsave.flush(spool.folder).counts["published"] == 1


@pytest.mark.parametrize("where", ["spool", "place"])
def test_a_folder_of_another_user(spool: Spool, target: targets.Target, where: str) -> None:
    entry = keep(spool, target, 1)
    give_away(spool.folder if where == "spool" else Path(entry.name).parent)
    expect_refusal(spool, target, f"belongs to the user {OTHER}")


def test_a_link_of_another_user_to_the_spool(spool: Spool, target: targets.Target, tmp_path: Path) -> None:
    keep(spool, target, 1)
    link = tmp_path / "link"
    link.symlink_to(spool.folder)
    assert seqsave.flush(link).counts["published"] == 1  # one's own
    give_away(link)
    keep(spool, target, 2)
    with pytest.raises(SpoolError, match=f"a link of the user {OTHER}"):
        open_spool(link)


def test_a_link_inside_the_spool(spool: Spool, target: targets.Target, tmp_path: Path) -> None:
    place = Path(keep(spool, target, 1).name).parent
    place.rename(tmp_path / "elsewhere")
    place.symlink_to(tmp_path / "elsewhere")
    expect_refusal(spool, target, "it is a link")


@pytest.mark.parametrize("kind", ["link", "other user", "writable", "pipe", "folder"])
def test_an_entry_that_is_not_ones_own(spool: Spool, target: targets.Target, tmp_path: Path, kind: str) -> None:
    first, _ = keep(spool, target, 1), keep(spool, target, 2)
    name = Path(first.name)
    if kind == "link":
        name.rename(tmp_path / "entry")
        name.symlink_to(tmp_path / "entry")
    elif kind == "other user":
        give_away(name)
    elif kind == "writable":
        name.chmod(0o666)
    else:
        name.unlink()
        os.mkfifo(name) if kind == "pipe" else name.mkdir()
    result = seqsave.flush(spool.folder)
    assert result.counts["published"] == 1
    (problem,) = result.failures
    assert problem.status == "damaged"
    assert str(name) in problem.message
    assert [one.name for one in target.list() if not one.is_folder and one.name.endswith(".png")] == ["frame_00002.png"]


def test_an_entry_in_the_folder_of_another_place(spool: Spool, target: targets.Target, tmp_path: Path) -> None:
    """Such as one that was published long ago, and that another program moved here."""
    entry = Path(keep(spool, targets.resolve(tmp_path / "other"), 1).name)
    keep(spool, target, 2)
    place = next(folder for folder in spool.folder.iterdir() if folder != entry.parent)
    entry.rename(place / entry.name)
    result = seqsave.flush(spool.folder)
    assert result.counts["published"] == result.counts["damaged"] == 1
    assert "another place" in result.failures[0].message


def test_a_writer_refuses_it_at_once(spool: Spool, tmp_path: Path) -> None:
    spool.folder.mkdir(mode=0o700)
    spool.folder.chmod(0o777)
    with pytest.raises(SpoolError, match="can write into it"):
        seqsave.open_writer(tmp_path / "renders", spool=spool.folder)
