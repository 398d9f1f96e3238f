"""SIGKILL at every step: each frame that was reported as kept is kept or published, whole and once."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from seqsave import targets
from seqsave.spool import Records, Spool, flush_place
from tests.spool.child import picture
from tests.spool.kept import keep
from tests.support.forks import Forks
from tests.support.holds import Hold

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.s3 import S3Server

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="only on systems with fork")

PLACES = ["local", pytest.param("s3", marks=pytest.mark.s3)]
TEMPORARY = r"/\.seqsave-[^/]*\.tmp$"
PUTTING = [
    Hold(what=what, path=path, nth=nth)
    for what, path in (("half", TEMPORARY), ("temporary", r"\.frame$"), ("named", r"\.frame$"))
    for nth in (1, 5)
]
# The first frame is published and dropped alone, before the others are.
PUBLISHING = [
    Hold(what=what, nth=nth)
    for what, several in (("publishing", (1, 2, 15)), ("published", (1, 20)), ("dropping", (1, 2)), ("dropped", (1, 9)))
    for nth in several
]
PUBLISHING_LOCALLY = [
    Hold(what=what, path=path, nth=3)
    for what, path in (("half", TEMPORARY), ("temporary", r"\.png$"), ("named", r"\.png$"))
]


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Forks("tests.spool.child") as running:
        yield running


@pytest.fixture(params=PLACES)
def where(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, dict[str, object]]:
    if request.param == "local":
        return str(tmp_path / "renders"), {}
    server: S3Server = request.getfixturevalue("s3_server")
    return server.new_prefix(), server.storage_options


def order(what: str, spool: Spool, where: tuple[str, dict[str, object]], first: int = 0, count: int = 0) -> Any:
    return {
        "what": what,
        "spool": str(spool.folder),
        "url": where[0],
        "options": where[1],
        "first": first,
        "count": count,
    }


@pytest.mark.full_with("s3")  # only the spool is written
def test_killed_while_frames_are_kept(where: tuple[str, dict[str, object]], tmp_path: Path, forks: Forks) -> None:
    target = targets.resolve(*where)
    spool = Spool(tmp_path / "spool")
    promised: set[int] = set()
    for turn, hold in enumerate(PUTTING):
        stated = forks.run(hold=hold, **order("put", spool, where, 1000 * turn, 10))
        assert stated == [str(1000 * turn + number) for number in range(hold.nth - 1)]
        promised.update(map(int, stated))
    found = spool.contents()
    assert found.damaged == ()
    kept = {entry.index for entry in found.entries}
    assert promised <= kept
    for entry in found.entries:
        assert spool.read(entry) == [picture(entry.index)]
    outcomes = flush_place(spool, target, target.identity(), records=Records())
    assert {outcome.status for outcome in outcomes} == {"published"}
    there = [entry.name for entry in target.list() if not entry.is_folder]
    assert len(there) == len(found.entries)
    assert all(target.read(f"frame_{index:05d}.png") == picture(index) for index in kept)


def test_killed_while_frames_are_published(where: tuple[str, dict[str, object]], tmp_path: Path, forks: Forks) -> None:
    target = targets.resolve(*where)
    spool = Spool(tmp_path / "spool")
    count = 40
    for index in range(count):
        keep(spool, target, index, picture(index))
    stated: list[str] = []
    for hold in PUBLISHING + (PUBLISHING_LOCALLY if not where[1] else []):
        for index in range(count, count + hold.nth):  # what an earlier flush has written is not written again
            keep(spool, target, index, picture(index))
        count += hold.nth
        stated += forks.run(hold=hold, **order("flush", spool, where))
        waiting = {entry.index for entry in spool.contents().entries}
        there = {entry.name for entry in target.list() if not entry.is_folder}
        # Each is kept, or there, or both; and whatever can be seen there is whole.
        assert all(index in waiting or f"frame_{index:05d}.png" in there for index in range(count))
        for name in there:
            assert target.read(name) == picture(int(name[6:11]))
    assert spool.contents().entries, "all were published before the last kill: it proves nothing"
    stated += forks.run(**order("flush", spool, where))
    assert spool.contents() == type(spool.contents())(())
    assert [target.read(f"frame_{index:05d}.png") for index in range(count)] == [picture(n) for n in range(count)]
    reported = [line for line in stated if line.startswith("published")]
    assert len(reported) == len(set(reported))  # a frame that was reported as published is never published again
    assert not [line for line in stated if line.startswith(("failed", "conflict", "damaged"))]


@pytest.mark.full_with("s3")  # only the spool is shared
def test_two_processes_publish_at_once(where: tuple[str, dict[str, object]], tmp_path: Path) -> None:
    target = targets.resolve(*where)
    spool = Spool(tmp_path / "spool")
    for index in range(40):
        keep(spool, target, index, picture(index))
    with Forks("tests.spool.child") as one, Forks("tests.spool.child") as other, ThreadPoolExecutor(2) as pool:
        running = [pool.submit(forks.run, **order("flush", spool, where)) for forks in (one, other)]
        stated = [line for future in running for line in future.result()]
    published = [line for line in stated if line.startswith("published")]
    assert sorted(published) == sorted(f"published {index}" for index in range(40))  # each by one of them
    assert all(line.startswith(("published", "refused")) for line in stated)
    assert spool.contents().entries == ()
    assert [target.read(f"frame_{index:05d}.png") for index in range(40)] == [picture(n) for n in range(40)]
