"""Facts that all entries of a run share are stored once, as long as one of them needs them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from seqsave import targets
from seqsave.spool import Records, Spool, flush_place
from seqsave.spool.shared import keep_shared, read_shared
from tests.spool.kept import keep

if TYPE_CHECKING:
    from pathlib import Path

FACTS: dict[str, Any] = {"prefix": "frame", "extension": "png", "filetype": "png", "digits": 5, "start": 0, "step": 1}
WORKFLOW = {**FACTS, "metadata": {"workflow": {"text": "x" * 200_000}}}


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_the_workflow_of_a_run_stands_in_the_spool_once(spool: Spool, target: targets.Target) -> None:
    for index in range(20):
        keep(spool, target, index, facts={"manifest": WORKFLOW})
    assert size_of(spool.folder) < 2 * 200_000
    entries = spool.contents().entries
    assert len(entries) == 20
    assert all(entry.facts["manifest"] == WORKFLOW for entry in entries)
    assert len({id(entry.facts["manifest"]) for entry in entries}) == 1


def test_two_runs_keep_their_own(spool: Spool, target: targets.Target) -> None:
    keep(spool, target, 1, facts={"manifest": WORKFLOW})
    keep(spool, target, 2, facts={"manifest": FACTS})
    assert [entry.facts["manifest"] for entry in spool.contents().entries] == [WORKFLOW, FACTS]


@pytest.mark.parametrize("damage", ["gone", "changed"])
def test_a_frame_is_published_without_the_facts_of_its_run(
    spool: Spool, target: targets.Target, tmp_path: Path, damage: str
) -> None:
    entry = keep(spool, target, 1, facts={"manifest": FACTS, "other": 1})
    (path,) = spool.folder.rglob("*.facts")
    path.unlink() if damage == "gone" else path.write_bytes(path.read_bytes()[:-1])
    (found,) = spool.contents().entries
    assert (found.facts, found.shared) == ({"other": 1}, entry.shared)
    flush_place(spool, target, target.identity(), records=Records())
    assert (tmp_path / "renders" / "frame_00001.png").read_bytes() == b"picture"


def test_what_no_entry_names_is_removed_when_it_is_old(spool: Spool, target: targets.Target) -> None:
    keep(spool, target, 1, facts={"manifest": FACTS})
    (path,) = spool.folder.rglob("*.facts")
    flush_place(spool, target, target.identity(), records=Records())
    assert path.exists()  # a run may be writing an entry that names it
    os.utime(path, (0, 0))
    keep(spool, target, 2)
    flush_place(spool, target, target.identity(), records=Records())
    assert not path.exists()


def test_what_an_entry_names_stays(spool: Spool, target: targets.Target) -> None:
    keep(spool, target, 1, facts={"manifest": FACTS})
    (path,) = spool.folder.rglob("*.facts")
    os.utime(path, (0, 0))
    spool.remove_unused_facts(spool.contents().entries[0].identity)
    assert path.exists()


def test_it_is_written_once_and_is_young_again_when_it_is_used(tmp_path: Path) -> None:
    reference = keep_shared(tmp_path, FACTS)
    (path,) = tmp_path.iterdir()
    os.utime(path, (0, 0))
    assert keep_shared(tmp_path, dict(reversed(FACTS.items()))) == reference
    assert path.stat().st_mtime > 1
    assert read_shared(tmp_path, reference) == FACTS
    assert read_shared(tmp_path, "0" * 32) is None
