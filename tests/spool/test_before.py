"""A file may be replaced only if it existed when the frame was put into the spool."""

from __future__ import annotations

import time
from contextlib import nullcontext as does_not_raise
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from seqsave import targets
from seqsave.errors import TargetError
from seqsave.spool import Before, Outcome, Spool, unknown
from seqsave.spool.placing import Placing
from tests.spool.flushing import FRAME, before_of, flushed
from tests.spool.kept import item, keep, target_of

if TYPE_CHECKING:
    from tests.support.places import Place

pytestmark = pytest.mark.full_with("s3")  # what the storages do alike is tried of each in tests/targets


def is_conflict(outcome: Outcome, reason: str = "changed") -> bool:
    entry = outcome.entry
    assert entry is not None
    kept = outcome.status == "conflict" and Path(entry.name).exists() and entry.name in outcome.message
    return kept and outcome.reason == reason and "seqsave flush --replace" in outcome.message


def test_the_file_that_existed_is_replaced(place: Place, spool: Spool) -> None:
    target = target_of(place)
    place.write(FRAME, b"old")
    keep(spool, target, 1, b"ours", before=before_of(target))
    outcome = flushed(spool, target)
    assert outcome.status == "published"
    assert outcome.published is not None
    seen = target.look(FRAME)
    assert seen is not None
    assert outcome.published.version == seen.version
    assert place.read(FRAME) == b"ours"


@pytest.mark.every_day
def test_a_file_that_was_written_since_stays(place: Place, spool: Spool) -> None:
    target = target_of(place)
    place.write(FRAME, b"old")
    sidecar = item(".seqsave/one.json", b"{}", content_type="application/json")
    keep(spool, target, 1, b"ours", before=before_of(target), sidecars=[sidecar])
    target.publish(FRAME, b"theirs", content_type="image/png")
    assert is_conflict(flushed(spool, target))
    assert place.read(FRAME) == b"theirs"
    assert ".seqsave/one.json" not in place.names()


@pytest.mark.every_day
def test_a_file_that_is_new_since_stays(place: Place, spool: Spool) -> None:
    target = target_of(place)
    keep(spool, target, 1, b"ours", before=before_of(target))
    place.write(FRAME, b"theirs")
    assert is_conflict(flushed(spool, target))
    assert place.read(FRAME) == b"theirs"


def test_an_empty_file_is_no_frame(place: Place, spool: Spool) -> None:
    target = target_of(place)
    keep(spool, target, 1, b"ours", before=before_of(target))
    place.write(FRAME, b"")
    assert flushed(spool, target).status == "published"
    assert place.read(FRAME) == b"ours"


def test_a_file_that_was_deleted_since_is_written(place: Place, spool: Spool) -> None:
    target = target_of(place)
    place.write(FRAME, b"old")
    keep(spool, target, 1, b"ours", before=before_of(target))
    target.delete(FRAME)
    assert flushed(spool, target).status == "published"
    assert place.read(FRAME) == b"ours"


@pytest.mark.parametrize("state", ["file", "nothing"])
def test_a_change_after_the_look_is_seen(
    place: Place, spool: Spool, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = target_of(place)
    if state == "file":
        place.write(FRAME, b"old")
    keep(spool, target, 1, b"ours", before=before_of(target))
    look = type(target).look

    def then_theirs(self: targets.Target, path: str) -> targets.Entry | None:
        seen = look(self, path)
        place.write(FRAME, b"theirs")
        return seen

    monkeypatch.setattr(type(target), "look", then_theirs)
    assert is_conflict(flushed(spool, target))
    assert place.read(FRAME) == b"theirs"


def long_ago(before: Before, seconds: float) -> Before:
    return replace(before, began=before.began - seconds, uptime=before.uptime - seconds)


def test_unknown_and_written_before_the_run(place: Place, spool: Spool) -> None:
    target = target_of(place)
    place.write(FRAME, b"old")
    keep(spool, target, 1, b"ours", before=long_ago(unknown(), -10))  # ten seconds later than the file
    assert is_conflict(flushed(spool, target)), "a run that begins in the future: the clock was changed"
    (entry,) = spool.contents().entries
    spool.drop(entry)
    seen = target.look(FRAME)
    assert seen is not None
    assert seen.changed is not None
    began = long_ago(unknown(), 0)
    assert began.is_older(replace(seen, changed=time.time() - 60), time.time())
    assert not began.is_older(replace(seen, changed=time.time() - 60), None)
    assert began.is_older(replace(seen, changed=time.time() - 6000), None)
    assert not began.is_older(replace(seen, changed=None), time.time())


@pytest.mark.every_day
def test_unknown_and_written_after_the_run_began(place: Place, spool: Spool) -> None:
    target = target_of(place)
    keep(spool, target, 1, b"ours", before=unknown())
    place.write(FRAME, b"theirs")
    assert is_conflict(flushed(spool, target))
    assert place.read(FRAME) == b"theirs"


def refuse(fault: Any, _path: str) -> None:
    raise TargetError("no answer", fault=fault)


def test_unknown_and_a_file_that_may_be_newer(place: Place, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    target = target_of(place)
    entry, placing = keep(spool, target, 1, before=unknown()), Placing(target, lambda request: request())
    assert not placing.may_be_newer(entry), "no file"
    place.write(FRAME, b"theirs")
    assert placing.may_be_newer(entry)
    look = target.look

    def long_before(path: str) -> targets.Entry | None:
        seen = look(path)
        return seen and replace(seen, changed=(seen.changed or 0) - 6000)

    monkeypatch.setattr(target, "look", long_before)
    assert not placing.may_be_newer(entry)
    for fault, expected in (("denied", does_not_raise(True)), ("server", pytest.raises(TargetError))):
        monkeypatch.setattr(target, "look", partial(refuse, fault))
        with expected as answer:
            assert placing.may_be_newer(entry) is answer


def test_unknown_and_nothing_there(place: Place, spool: Spool) -> None:
    target = target_of(place)
    keep(spool, target, 1, b"ours", before=unknown())
    assert flushed(spool, target).status == "published"


def test_a_clock_that_was_set_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time since the machine's start decides, if known; otherwise a clock that was set back decides nothing."""
    if not hasattr(time, "CLOCK_BOOTTIME"):
        pytest.skip("only on systems that count the time since their start")
    began = long_ago(unknown(), 100)
    seen = targets.Entry("x", 5, False, changed=time.time() - 50)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 3600)  # set forward since
    assert not began.is_older(replace(seen, changed=real() + 3600 - 50), time.time())
    assert began.is_older(replace(seen, changed=real() + 3600 - 150), time.time())
    monkeypatch.setattr(time, "time", lambda: real() - 3600)
    other_boot = replace(began, boot="another", uptime=0.0, began=real())
    assert not other_boot.is_older(replace(seen, changed=real() - 9999), time.time())
