from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from seqsave import targets
from seqsave.errors import SpoolError, TargetError
from seqsave.runtime.retry import RetryPolicy
from seqsave.spool import Entry, Outcome, Records, Spool, flush_place, flush_spool, overlaps
from tests.spool.flushing import Failing, left
from tests.spool.kept import item, keep, target_of
from tests.support.s3 import S3Server

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.places import Place

QUICK = RetryPolicy(attempts=2, first_wait=0.01)


def statuses(outcomes: Sequence[Outcome]) -> list[str]:
    return [outcome.status for outcome in outcomes]


# --- what is kept arrives ---


def test_what_is_kept_arrives_and_goes(place: Place, spool: Spool) -> None:
    target = target_of(place)
    for index in range(40):
        sidecars = [item(f".seqsave/{index}.json", b"{}", content_type="application/json")]
        keep(spool, target, index, b"picture %d" % index, sidecars=sidecars)
    reported: list[Outcome] = []
    outcomes = flush_place(spool, target, target.identity(), records=Records(), on_outcome=reported.append)
    assert statuses(outcomes) == ["published"] * 40
    assert all(outcome.verified for outcome in outcomes)
    assert reported == outcomes
    assert place.names() == sorted(
        [f".seqsave/{n}.json" for n in range(40)] + [f"frame_{n:05d}.png" for n in range(40)]
    )
    assert [place.read(f"frame_{index:05d}.png") for index in range(40)] == [b"picture %d" % n for n in range(40)]
    assert left(spool) == []
    assert flush_place(spool, target, target.identity(), records=Records()) == []


def test_the_newest_of_a_frame_arrives(spool: Spool, failing: Failing, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Spool, "_remove", lambda *_: None)  # as when another process had put the older one there
        for data in (b"old", b"newer", b"newest"):
            keep(spool, failing.target, 1, data)
    outcomes = flush_place(spool, failing, failing.identity(), records=Records())  # type: ignore[arg-type]
    assert sorted(statuses(outcomes)) == ["published", "superseded", "superseded"]
    assert failing.asked == ["frame_00001.png"]
    assert failing.target.read("frame_00001.png") == b"newest"
    assert left(spool) == []


def test_frames_that_are_added_during_a_flush_are_published_too(spool: Spool, failing: Failing) -> None:
    keep(spool, failing.target, 1)

    class More(Records):
        def end(self, target: targets.Target, outcomes: Sequence[Outcome], policy: RetryPolicy) -> None:
            if outcomes[0].entry is not None and outcomes[0].entry.index < 4:
                keep(spool, failing.target, outcomes[0].entry.index + 1)

    outcomes = flush_place(spool, failing.target, failing.identity(), records=More())
    assert [outcome.entry.index for outcome in outcomes if outcome.entry] == [1, 2, 3, 4]
    assert left(spool) == []


class Looking(Records):
    """Records that check the state of the spool at each call."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.ended: list[int] = []

    def begin(self, target: targets.Target, entries: Sequence[Entry], policy: RetryPolicy) -> None:
        assert self.begun == self.ended
        for entry in entries:
            assert not target.exists(entry.path)
            self.begun.append(entry.index)

    def end(self, target: targets.Target, outcomes: Sequence[Outcome], policy: RetryPolicy) -> None:
        for outcome in outcomes:
            assert outcome.entry is not None
            assert Path(outcome.entry.name).exists()
            assert target.exists(outcome.entry.path)
            assert outcome.entry.facts == {"n": outcome.entry.index}
            self.ended.append(outcome.entry.index)


def test_entries_go_only_after_the_records_are_right(spool: Spool, failing: Failing) -> None:
    for index in range(300):
        keep(spool, failing.target, index, facts={"n": index})
    records = Looking()
    flush_place(spool, failing.target, failing.identity(), records=records)
    assert records.begun == records.ended
    assert sorted(records.ended) == list(range(300))


@pytest.mark.parametrize("when", ["begin", "end"])
def test_records_that_fail_keep_the_entries(spool: Spool, failing: Failing, when: str) -> None:
    for index in range(5):
        keep(spool, failing.target, index)

    def fail(*_: object) -> None:
        raise TargetError("the manifest is away")

    records = Records()
    setattr(records, when, fail)
    outcomes = flush_place(spool, failing.target, failing.identity(), records=records)
    assert statuses(outcomes) == ["failed", "waiting", "waiting", "waiting", "waiting"]
    assert "the manifest is away" in outcomes[0].message
    assert left(spool) == list(range(5))
    assert len(failing.target.list()) == (1 if when == "end" else 0)


# --- collisions ---


# --- what fails ---


def test_a_storage_that_is_away_is_asked_once(spool: Spool, failing: Failing) -> None:
    for index in range(20):
        keep(spool, failing.target, index)
    failing.error = TargetError("cannot be reached", transient=True)
    outcomes = flush_place(spool, failing, failing.identity(), records=Records())  # type: ignore[arg-type]
    assert statuses(outcomes) == ["failed"] + ["waiting"] * 19
    assert len(failing.asked) == 1
    assert left(spool) == list(range(20))


def test_one_that_fails_does_not_stop_the_others(spool: Spool, failing: Failing) -> None:
    for index in range(20):
        keep(spool, failing.target, index)
    failing.error, failing.only = TargetError("not this one"), "00007"
    outcomes = flush_place(spool, failing, failing.identity(), records=Records(), policy=QUICK)  # type: ignore[arg-type]
    assert sorted(statuses(outcomes)) == ["failed"] + ["published"] * 19
    assert left(spool) == [7]


def test_what_passes_is_tried_again(spool: Spool, failing: Failing) -> None:
    for index in range(3):
        keep(spool, failing.target, index)
    keep(spool, failing.target, 9)
    failing.error, failing.only = TargetError("busy", transient=True), "00009"
    flush_place(spool, failing, failing.identity(), records=Records(), policy=QUICK)  # type: ignore[arg-type]
    assert failing.asked.count("frame_00009.png") in (1, 2)  # once when it comes first
    failing.asked.clear()
    failing.error = None
    flush_place(spool, failing, failing.identity(), records=Records())  # type: ignore[arg-type]
    assert left(spool) == []


def test_damaged_entries_are_put_aside_and_reported(spool: Spool, failing: Failing) -> None:
    entries = [keep(spool, failing.target, index, b"picture %d" % index) for index in range(4)]
    Path(entries[0].name).write_bytes(b"")
    broken = Path(entries[1].name)
    broken.write_bytes(broken.read_bytes()[:-1])
    outcomes = flush_place(spool, failing.target, failing.identity(), records=Records())
    assert sorted(statuses(outcomes)) == ["damaged", "damaged", "published", "published"]
    assert left(spool) == []
    assert len(spool.aside()) == 2
    assert all(Path(name).exists() for name in spool.aside())
    assert [name for outcome in outcomes for name in spool.aside() if name in outcome.message]


def test_another_place_is_refused(spool: Spool, failing: Failing, tmp_path: Path) -> None:
    keep(spool, failing.target, 1)
    other = targets.resolve(tmp_path / "elsewhere")
    with pytest.raises(TargetError, match=r"not the target.*root was .*renders and is .*elsewhere"):
        flush_place(spool, other, failing.identity(), records=Records())
    assert left(spool) == [1]
    assert not (tmp_path / "elsewhere").exists()


def test_another_endpoint_is_refused(s3_server: S3Server, spool: Spool) -> None:
    url = s3_server.new_prefix()
    target = targets.resolve(url, s3_server.storage_options)
    keep(spool, target, 1)
    wrong = {**s3_server.storage_options, "endpoint_url": "http://127.0.0.1:9"}
    (outcome,) = flush_spool(spool, lambda url: targets.resolve(url, wrong), records=Records())
    assert outcome.status == "waiting"
    assert f"endpoint was {s3_server.endpoint_url} and is http://127.0.0.1:9" in outcome.message
    assert "key" not in outcome.message.replace("keys", "")
    assert s3_server.secret not in Path(spool.contents().entries[0].name).read_bytes().decode("latin-1")
    assert s3_server.key not in Path(spool.contents().entries[0].name).read_bytes().decode("latin-1")


@pytest.mark.parametrize("client", ["s3fs", None])
def test_a_server_that_was_killed_and_comes_back(client: str | None, own_s3_server: S3Server, spool: Spool) -> None:
    url = own_s3_server.new_prefix()
    more = {} if client is None else {"client": client}
    target = targets.resolve(url, {**own_s3_server.storage_options, **more})
    for index in range(30):
        keep(spool, target, index, b"picture %d" % index)
    own_s3_server.kill()
    outcomes = flush_place(spool, target, target.identity(), records=Records())
    assert statuses(outcomes) == ["failed"] + ["waiting"] * 29
    own_s3_server.restart()
    outcomes = flush_place(spool, target, target.identity(), records=Records())
    assert statuses(outcomes) == ["published"] * 30
    assert [own_s3_server.read(f"{url}/frame_{n:05d}.png") for n in range(30)] == [b"picture %d" % n for n in range(30)]
    assert left(spool) == []


# --- several places, several at once ---


def test_each_place_for_itself(tmp_path: Path, spool: Spool) -> None:
    for name in ("one", "two", "three"):
        target = targets.resolve(tmp_path / name)
        keep(spool, target, 1, name.encode())
    (tmp_path / "two").write_text("a file where a folder should be")
    outcomes = flush_spool(spool, targets.resolve, records=Records())
    assert sorted(statuses(outcomes)) == ["failed", "published", "published"]
    assert (tmp_path / "one" / "frame_00001.png").read_bytes() == b"one"
    assert (tmp_path / "three" / "frame_00001.png").read_bytes() == b"three"
    assert [entry.target for entry in spool.contents().entries] == [str(tmp_path / "two")]


def test_only_what_is_wanted(tmp_path: Path, spool: Spool) -> None:
    for name in ("one", "two"):
        keep(spool, targets.resolve(tmp_path / name), 1)
    flush_spool(spool, targets.resolve, records=Records(), wanted=lambda entry: entry.target.endswith("two"))
    assert [entry.target for entry in spool.contents().entries] == [str(tmp_path / "one")]


def test_a_second_flush_says_so(spool: Spool, failing: Failing) -> None:
    keep(spool, failing.target, 1)
    seen: list[str] = []

    class Second(Records):
        def end(self, *_: object) -> None:
            with pytest.raises(SpoolError, match="published already") as caught:
                flush_place(Spool(spool.folder), failing.target, failing.identity(), records=Records())
            seen.append(str(caught.value))

    flush_place(spool, failing.target, failing.identity(), records=Second())
    assert len(seen) == 1
    assert left(spool) == []


def test_a_flush_that_is_stopped_leaves_the_rest(spool: Spool, failing: Failing) -> None:
    stop = threading.Event()
    for index in range(300):
        keep(spool, failing.target, index)
    outcomes = flush_place(
        spool, failing.target, failing.identity(), records=Records(), stop=stop, on_outcome=lambda _: stop.set()
    )
    counted = statuses(outcomes)
    assert counted.count("published") == 1
    assert counted.count("waiting") == 299
    assert len(left(spool)) == 299


@pytest.mark.parametrize(
    ("one", "other", "answer"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/b/c", True),
        ("a/b/c", "a", True),
        ("a/b", "a/bc", False),
        ("a/b", "b", False),
        ("", "a", True),
        ("/", "/a", True),
    ],
)
def test_places_below_one_another(one: str, other: str, answer: bool) -> None:
    assert overlaps({"storage": "s3", "root": one}, {"storage": "s3", "root": other}) is answer
    assert not overlaps({"storage": "s3", "root": one}, {"storage": "gs", "root": other})
    assert not overlaps({"storage": "s3", "root": one, "endpoint": "x"}, {"storage": "s3", "root": other})


def test_a_frame_that_can_never_be_published_does_not_hold_up_the_others(spool: Spool, tmp_path: Path) -> None:
    target = targets.resolve(tmp_path / "renders")
    for index in range(4):
        keep(spool, target, index)
    (tmp_path / "renders" / "frame_00000.png").mkdir(parents=True)
    outcomes = flush_place(spool, target, target.identity(), records=Records(), policy=QUICK)
    assert sorted(statuses(outcomes)) == ["failed", "published", "published", "published"]
    assert [outcome.status for outcome in outcomes if "it is a folder" in outcome.message] == ["failed"]
    assert left(spool) == [0]


class Refusing(Failing):
    """A target that refuses some names for good, such as those of a folder that the credentials do not cover."""

    def __init__(self, target: targets.Target, refused: set[int], *, transient: bool) -> None:
        super().__init__(target)
        self.refused = {f"frame_{index:05d}.png" for index in refused}
        self.transient = transient

    def publish(self, path: str, data: Any, **more: Any) -> targets.Published:
        self.asked.append(path)
        if path in self.refused:
            raise TargetError("refused", transient=self.transient, fault="server" if self.transient else "denied")
        return self.target.publish(path, data, **more)


@pytest.mark.parametrize("refused", [1, 2, 6])
def test_older_entries_that_are_refused_do_not_hold_up_newer_ones(spool: Spool, tmp_path: Path, refused: int) -> None:
    target = Refusing(targets.resolve(tmp_path / "renders"), set(range(refused)), transient=False)
    for index in range(12):
        keep(spool, target.target, index)
    outcomes = flush_place(spool, target, target.identity(), records=Records(), policy=QUICK)  # type: ignore[arg-type]
    assert statuses(outcomes).count("published") == 12 - refused
    assert left(spool) == list(range(refused))


def test_storages_that_refuse_everything_are_not_asked_for_each_frame(spool: Spool, tmp_path: Path) -> None:
    target = Refusing(targets.resolve(tmp_path / "renders"), set(range(100)), transient=False)
    for index in range(100):
        keep(spool, target.target, index)
    outcomes = flush_place(spool, target, target.identity(), records=Records(), policy=QUICK)  # type: ignore[arg-type]
    assert statuses(outcomes).count("failed") == len(target.asked) == 32
    assert statuses(outcomes).count("waiting") == 68
    assert left(spool) == list(range(100))


def test_an_older_entry_that_always_fails_comes_first_in_some_flushes_only(spool: Spool, tmp_path: Path) -> None:
    target = Refusing(targets.resolve(tmp_path / "renders"), {0}, transient=True)
    for index in range(4):
        keep(spool, target.target, index)
    for _ in range(200):
        flush_place(spool, target, target.identity(), records=Records(), policy=QUICK)  # type: ignore[arg-type]
        if left(spool) == [0]:
            return
    pytest.fail("the newer ones were never tried")


@pytest.mark.parametrize("trouble", ["damaged", "newer version", "conflict", "unreadable"])
def test_an_older_entry_with_any_trouble_does_not_hold_up_newer_ones(
    spool: Spool, tmp_path: Path, trouble: str
) -> None:
    target = targets.resolve(tmp_path / "renders")
    first = Path(keep(spool, target, 0, create=trouble == "conflict").name)
    for index in range(1, 4):
        keep(spool, target, index)
    if trouble == "damaged":
        first.write_bytes(first.read_bytes()[:-1])
    elif trouble == "newer version":
        first.write_bytes(first.read_bytes().replace(b'"seqsave_spool":3', b'"seqsave_spool":4'))
    elif trouble == "conflict":
        target.publish("frame_00000.png", b"another", content_type="image/png")
    else:
        first.unlink()
        first.symlink_to(tmp_path / "elsewhere")
    flush_place(spool, target, target.identity(), records=Records(), policy=QUICK)
    assert [target.exists(f"frame_{index:05d}.png") for index in range(1, 4)] == [True] * 3


def two_entries(spool: Spool, target: targets.Target) -> tuple[Path, Path]:
    """Return the older and the newer entry of one frame, as two processes put them there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Spool, "_remove", lambda *_: None)
        return Path(keep(spool, target, 1, b"older").name), Path(keep(spool, target, 1, b"newer").name)


def test_an_older_entry_does_not_replace_the_newer_frame(spool: Spool, tmp_path: Path) -> None:
    target = targets.resolve(tmp_path / "renders")
    older, newer = two_entries(spool, target)
    newer.unlink()
    target.publish("frame_00001.png", b"newer", content_type="image/png")
    outcomes = flush_place(spool, target, target.identity(), records=Records(), policy=QUICK)
    assert statuses(outcomes) == ["conflict"]
    assert target.read("frame_00001.png") == b"newer"
    assert older.exists()


def test_a_newer_entry_replaces_an_older_one_that_was_published_without_it(spool: Spool, tmp_path: Path) -> None:
    """Only a newer version of seqsave can read the newer entry, and flushes later."""
    target = targets.resolve(tmp_path / "renders")
    older, newer = two_entries(spool, target)
    data = newer.read_bytes()
    newer.write_bytes(data.replace(b'"seqsave_spool":3', b'"seqsave_spool":4'))
    outcomes = flush_place(spool, target, target.identity(), records=Records(), policy=QUICK)
    assert statuses(outcomes) == ["published"]
    assert not older.exists()
    newer.write_bytes(data)
    outcomes = flush_place(spool, target, target.identity(), records=Records(), policy=QUICK)
    assert statuses(outcomes) == ["published"]
    assert target.read("frame_00001.png") == b"newer"
