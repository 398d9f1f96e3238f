"""SIGKILL at any moment: what was said to be kept is kept or published, whole, once."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seqsave import targets
from seqsave.spool import Records, Spool, flush_place
from tests.spool.child import picture
from tests.spool.kept import keep
from tests.support.processes import ROOT

if TYPE_CHECKING:
    from tests.support.s3 import S3Server

PLACES = ["local", pytest.param("s3", marks=pytest.mark.s3)]
KILLS = 12


class Child:
    def __init__(self, what: str, spool: Path, target: targets.Target, options: object, first: int, count: int) -> None:
        arguments = [what, spool, target.url, json.dumps(options), first, count]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.spool.child", *map(str, arguments)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.out = self.process.stdout
        assert self.out.readline() == "ready\n"

    def kill_after(self, seconds: float) -> list[str]:
        """What it said until then; the last line may be cut, and does not count."""
        time.sleep(seconds)
        self.process.kill()
        return self.end()

    def end(self) -> list[str]:
        said = self.out.read()
        self.process.wait()
        self.out.close()
        return said.splitlines() if said.endswith("\n") else said.splitlines()[:-1]


@pytest.fixture(params=PLACES)
def where(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, dict[str, object]]:
    if request.param == "local":
        return str(tmp_path / "renders"), {}
    server: S3Server = request.getfixturevalue("s3_server")
    return server.new_prefix(), server.storage_options


def test_killed_while_frames_are_kept(where: tuple[str, dict[str, object]], tmp_path: Path) -> None:
    target = targets.resolve(*where)
    spool = Spool(tmp_path / "spool")
    dice = random.Random(1)
    promised: set[int] = set()
    for turn in range(KILLS):
        child = Child("put", spool.folder, target, where[1], 1000 * turn, 1000)
        promised.update(map(int, child.kill_after(dice.uniform(0, 0.15))))
    found = spool.contents()
    assert found.damaged == ()
    assert promised <= {entry.index for entry in found.entries}
    assert len(promised) > KILLS
    for entry in found.entries:
        assert spool.read(entry) == [picture(entry.index)]
    outcomes = flush_place(spool, target, target.place(), records=Records())
    assert {outcome.status for outcome in outcomes} == {"published"}
    there = [entry.name for entry in target.list() if not entry.is_folder]
    assert len(there) == len(found.entries)
    assert all(target.read(f"frame_{index:05d}.png") == picture(index) for index in promised)


def test_killed_while_frames_are_published(where: tuple[str, dict[str, object]], tmp_path: Path) -> None:
    target = targets.resolve(*where)
    spool = Spool(tmp_path / "spool")
    dice = random.Random(2)
    count = 60
    for index in range(count):
        keep(spool, target, index, picture(index))
    said: list[str] = []
    for _ in range(KILLS):
        said += Child("flush", spool.folder, target, where[1], 0, 0).kill_after(dice.uniform(0, 0.4))
        waiting = {entry.index for entry in spool.contents().entries}
        there = {entry.name for entry in target.list() if not entry.is_folder}
        # Each is kept, or there, or both; and whatever can be seen there is whole.
        assert all(index in waiting or f"frame_{index:05d}.png" in there for index in range(count))
        for name in there:
            assert target.read(name) == picture(int(name[6:11]))
    said += Child("flush", spool.folder, target, where[1], 0, 0).end()
    assert spool.contents() == type(spool.contents())(())
    assert [target.read(f"frame_{index:05d}.png") for index in range(count)] == [picture(n) for n in range(count)]
    told = [line for line in said if line.startswith("published")]
    assert len(told) == len(set(told))  # one that was told as published is never published again
    assert not [line for line in said if line.startswith(("failed", "conflict", "damaged"))]


def test_two_processes_publish_at_once(where: tuple[str, dict[str, object]], tmp_path: Path) -> None:
    target = targets.resolve(*where)
    spool = Spool(tmp_path / "spool")
    for index in range(60):
        keep(spool, target, index, picture(index))
    children = [Child("flush", spool.folder, target, where[1], 0, 0) for _ in range(3)]
    said = [line for child in children for line in child.end()]
    published = [line for line in said if line.startswith("published")]
    assert sorted(published) == sorted(f"published {index}" for index in range(60))  # each by one of them
    assert all(line.startswith(("published", "refused")) for line in said)
    assert spool.contents().entries == ()
    assert [target.read(f"frame_{index:05d}.png") for index in range(60)] == [picture(n) for n in range(60)]
