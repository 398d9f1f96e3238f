"""What becomes of the frames that one run puts into a spool."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest

from seqsave import targets
from seqsave.errors import TargetError
from seqsave.manifest import UNKNOWN_VERSION, Facts, FrameEntry, Session
from seqsave.manifest.run import RunRecord
from seqsave.naming.key import FrameKey
from seqsave.spool import Spool, flush_place
from seqsave.spool.before import unknown
from seqsave.spool.deferred import DeferredUpdates
from seqsave.spool.run_entries import Gone, RunEntries
from seqsave.wording import crc32_text
from tests.spool.flushing import ONCE
from tests.spool.kept import item

FACTS = Facts(prefix="frame", extension="png", filetype="png")


def opened(spool: Spool, target: targets.Target, *, behind: bool = False, keeps: bool = False) -> RunEntries:
    """Return the entries of a run that has put frames 0, 1 and 2 into the spool."""
    record = RunRecord(Session(target, FACTS), creates=True)
    entries = RunEntries(spool, target, record, ONCE, behind=behind, keeps=keeps, stop_event=threading.Event())
    entries.begin(target.identity())
    for index in range(3):
        put(entries, index, create=keeps)
    return entries


def put(entries: RunEntries, index: int, *, create: bool = False) -> None:
    file = item(f"frame_{index:05d}.png", b"picture %d" % index)
    file = replace(file, facts=replace(file.facts, create=create))
    facts = file.facts
    entry = FrameEntry(
        index=index, batch=None, name=facts.path, size=facts.size, checksum=crc32_text(facts.crc32), run="r"
    )
    entries.put(FrameKey(index, None, facts.path), [file], entry, why="", before=unknown())


def unlink(spool: Spool, index: int) -> None:
    (entry,) = [one for one in spool.contents().entries if one.index == index]
    (spool.folder / entry.name).unlink()


def by_index(gone: list[Gone]) -> dict[int, FrameEntry | None]:
    return {one.key.index: one.entry for one in gone}


def test_nothing_is_gone_before_a_flush(spool: Spool, target: targets.Target) -> None:
    entries = opened(spool, target)
    assert len(entries) == 3
    assert list(entries.gone([])) == []


@pytest.mark.parametrize("is_own", [True, False])
def test_a_file_that_is_kept_in_place_of_a_frame_is_its_outcome(
    spool: Spool, target: targets.Target, is_own: bool
) -> None:
    entries = opened(spool, target, keeps=True)
    target.publish("frame_00001.png", b"of another run", content_type="image/png")
    outcomes = entries.flush()
    assert [(one.status, one.reason) for one in outcomes if one.is_kept] == [("superseded", "exists")]
    kept = [one for one in entries.gone(outcomes if is_own else []) if one.is_kept]
    assert [(one.key.index, one.entry and (one.entry.checksum, one.entry.size)) for one in kept] == [(1, (None, 14))]
    assert target.read("frame_00001.png") == b"of another run"
    assert not spool.contents().entries


def test_frames_of_the_own_flush_have_the_answers(spool: Spool, target: targets.Target) -> None:
    entries = opened(spool, target)
    found = by_index(list(entries.gone(entries.flush())))
    assert list(found) == [0, 1, 2]
    for index, entry in found.items():
        assert entry is not None
        assert target.read(entry.name) == b"picture %d" % index
        assert entry.version == target.read_published(entry.name)[1].version


def test_frames_that_another_process_published_are_looked_at_later(spool: Spool, target: targets.Target) -> None:
    entries = opened(spool, target)
    flush_place(spool, target, target.identity(), records=DeferredUpdates(spool))
    found = by_index(list(entries.gone([])))
    assert {index: entry and entry.version for index, entry in found.items()} == dict.fromkeys(
        range(3), UNKNOWN_VERSION
    )


def test_a_deleted_entry_is_a_frame_that_is_nowhere(spool: Spool, target: targets.Target) -> None:
    entries = opened(spool, target)
    unlink(spool, 1)
    assert by_index(list(entries.gone([]))) == {1: None}
    target.publish("frame_00001.png", b"another")
    assert by_index(list(entries.gone([]))) == {1: None}  # the storage has other bytes


def test_a_damaged_entry_was_put_aside_and_is_not_gone(spool: Spool, target: targets.Target) -> None:
    entries = opened(spool, target)
    (entry,) = [one for one in spool.contents().entries if one.index == 1]
    path = spool.folder / entry.name
    path.write_bytes(path.read_bytes()[:-3] + b"???")
    outcomes = entries.flush()
    assert sorted(outcome.status for outcome in outcomes) == ["damaged", "published", "published"]
    assert list(by_index(list(entries.gone(outcomes)))) == [0, 2]


@pytest.mark.parametrize("behind", [False, True])
def test_a_frame_stays_spooled_while_the_storage_does_not_answer(
    spool: Spool, target: targets.Target, behind: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def away(path: str) -> Any:
        asked.append(path)
        raise TargetError("the storage cannot be reached", transient=True, fault="unreachable")

    entries = opened(spool, target)
    for index in range(3):
        unlink(spool, index)
    monkeypatch.setattr(target, "read", away)
    monkeypatch.setattr(entries, "_behind", behind)
    assert list(entries.gone([])) == []
    assert len(asked) == (1 if behind else 3)


def test_notes_of_a_run_have_its_id(spool: Spool, target: targets.Target) -> None:
    entries = opened(spool, target)
    entries.note_opening()
    notes = [entry for entry in spool.contents().entries if not entry.is_frame]
    assert [(note.path, note.run) for note in notes] == [(f"{FACTS.path}#{entries.run} begins", entries.run)]
    assert entries.names == {entry.name for entry in spool.contents().entries if entry.is_frame}
