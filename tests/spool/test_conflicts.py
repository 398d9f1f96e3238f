"""A frame of the spool never replaces a file that was written since: it is a conflict, and stays."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import seqsave
from seqsave import targets
from seqsave.errors import SaveError, TargetError
from seqsave.spool import Entry, Records, Spool, fingerprint, flush_place, unknown
from seqsave.spool.placing import Placing
from seqsave.targets.local import LocalTarget
from seqsave.writer import publisher_behind
from tests.spool.flushing import FRAME, ONCE, before_of, flushed
from tests.spool.kept import item, keep, target_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.support.places import Place

pytestmark = pytest.mark.full_with("s3")  # what the storages do alike is tried of each in tests/targets


# --- what existed ----------------------------------------------------------------------------------------------------


def test_the_same_bytes_are_no_conflict(place: Place, spool: Spool) -> None:
    target = target_of(place)
    keep(spool, target, 1, b"ours", before=before_of(target))
    place.write(FRAME, b"ours")
    outcome = flushed(spool, target)
    assert (outcome.status, outcome.verified) == ("published", True)
    assert spool.contents().entries == ()


def test_an_older_frame_of_the_same_spool_is_replaced(place: Place, spool: Spool) -> None:
    """It was published, perhaps by another process, after the newer one was made."""
    target = target_of(place)
    keep(spool, target, 1, b"ours, first", before=before_of(target))
    keep(spool, target, 1, b"ours, second", before=unknown())
    place.write(FRAME, b"ours, first")
    assert flushed(spool, target).status == "published"
    assert place.read(FRAME) == b"ours, second"


@pytest.mark.every_day
def test_a_conflict_is_replaced_on_request(place: Place, spool: Spool) -> None:
    target = target_of(place)
    keep(spool, target, 1, b"ours", before=before_of(target))
    keep(spool, target, 2, b"ours", create=True)
    for name in (FRAME, "frame_00002.png"):
        place.write(name, b"theirs")
    outcomes = flush_place(spool, target, target.identity(), records=Records(), replaces=True)
    assert [outcome.status for outcome in outcomes] == ["published", "published"]
    assert place.read(FRAME) == place.read("frame_00002.png") == b"ours"


# --- a storage that could not be asked -------------------------------------------------------------------------------


# --- the same place under other names --------------------------------------------------------------------------------


def test_entries_under_another_spelling_are_published(tmp_path: Path, spool: Spool) -> None:
    """Earlier versions kept them under the name by which their run knew the folder."""
    (tmp_path / "renders").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "renders")
    target = targets.resolve(tmp_path / "link")
    place = {"storage": "file", "root": str(tmp_path / "link")}
    spool.put([item(FRAME, b"ours")], target=target.url, place=place, path=FRAME, index=1)
    (outcome,) = flush_place(spool, target, place, records=Records())
    assert outcome.status == "published"


def test_a_frame_that_waits_for_a_folder_above_may_be_replaced(tmp_path: Path, spool: Spool) -> None:
    above, below = targets.resolve(tmp_path / "renders"), targets.resolve(tmp_path / "renders" / "batch_0001")
    name = f"batch_0001/{FRAME}"
    given = {"target": above.url, "place": above.identity(), "path": name, "index": 1, "batch": 1}
    spool.put([item(name, b"older")], before=before_of(above, name), **given)
    with Away(below):
        writer = writer_to(tmp_path / "renders" / "batch_0001", spool)
        writer.write(picture(7), index=1).result()
        with pytest.raises(SaveError):
            writer.close()
    flush_place(spool, above, above.identity(), records=Records())
    result = seqsave.flush(spool.folder)
    assert result.counts["published"] == 1, result.outcomes
    assert value(tmp_path / "renders" / "batch_0001" / FRAME) == 7


# --- what runs put there ---------------------------------------------------------------------------------------------


def picture(level: int) -> Any:
    return np.full((8, 8, 3), level, "uint8")


def value(path: Path) -> int:
    return int(seqsave.open_frame(path).read()[0, 0, 0]) if hasattr(seqsave, "open_frame") else _decoded(path)


def _decoded(path: Path) -> int:
    from PIL import Image

    return int(np.asarray(Image.open(path))[0, 0, 0])


class Away:
    """A local folder that takes no frames, and has no listings if it is unavailable."""

    def __init__(self, target: targets.Target, *, altogether: bool = False) -> None:
        self.url, self.altogether, self._patch = target.url, altogether, pytest.MonkeyPatch()

    def __enter__(self) -> None:
        for name in ("publish", "update", "replace", *(("list", "read", "look", "exists") if self.altogether else ())):
            self._patch.setattr(LocalTarget, name, self._failing(getattr(LocalTarget, name)))

    def __exit__(self, *_: object) -> None:
        self._patch.undo()

    def _failing(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(target: LocalTarget, *arguments: Any, **more: Any) -> Any:
            if target.url == self.url:
                raise TargetError("the storage is away", transient=True, fault="server")
            return real(target, *arguments, **more)

        return call


def writer_to(folder: Path, spool: Spool, **more: Any) -> seqsave.SequenceWriter:
    return seqsave.open_writer(folder, filetype="png", spool=spool.folder, retry=ONCE, **more)


def spooled(folder: Path, spool: Spool, level: int, *, altogether: bool = False, **more: Any) -> None:
    with Away(targets.resolve(folder), altogether=altogether), pytest.raises(SaveError):
        with writer_to(folder, spool, **more) as writer:
            writer.write(picture(level), index=1)


def saved(folder: Path, level: int) -> None:
    seqsave.save([picture(level)], folder, filetype="png", start=1, manifest=True)


@pytest.mark.parametrize(("own", "other"), [("\xe9", "e\u0301"), ("e\u0301", "\xe9")])
@pytest.mark.parametrize("altogether", [False, True])
def test_a_frame_goes_to_the_file_whose_name_has_the_other_unicode_form(
    tmp_path: Path, spool: Spool, altogether: bool, own: str, other: str
) -> None:
    folder = tmp_path / "renders"
    seqsave.save([picture(10)] * 2, folder, filetype="png", prefix=other)
    spooled(folder, spool, 200, altogether=altogether, prefix=own)
    result = seqsave.flush(spool.folder)
    # Of a file that could not be looked at when the run began, it is not known whether it is older.
    assert [one.reason for one in result.conflicts] == (["changed"] if altogether else [])
    assert sorted(path.name for path in folder.glob("*.png")) == [f"{other}_00000.png", f"{other}_00001.png"]
    assert value(folder / f"{other}_00001.png") == (10 if altogether else 200)


@pytest.mark.parametrize("altogether", [False, True])
def test_a_newer_frame_of_another_run_stays(tmp_path: Path, spool: Spool, altogether: bool) -> None:
    folder = tmp_path / "renders"
    spooled(folder, spool, 10, altogether=altogether)
    saved(folder, 200)
    result = seqsave.flush(spool.folder)
    assert [(one.index, one.reason) for one in result.conflicts] == [(1, "changed")]
    assert result.frames == ()
    assert value(folder / FRAME) == 200
    found = seqsave.open_sequence(folder).manifest
    assert found is not None
    assert found.complete, "the record of the other run stays"
    assert seqsave.flush(spool.folder, replace=True).counts["published"] == 1
    assert value(folder / FRAME) == 10


def test_the_record_of_an_older_frame_of_the_same_spool_does_not_stay(
    tmp_path: Path, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process published the older frame; until the newer one is published, the sequence is not complete."""
    folder, seen, real = tmp_path / "renders", [], Placing.place
    for level in (1, 2):
        spooled(folder, spool, level, altogether=True)
    saved(folder, 1)

    def place(placing: Placing, entry: Entry, data: Sequence[bytes]) -> Any:
        found = seqsave.open_sequence(folder).manifest
        seen.append(found is not None and found.complete)
        return real(placing, entry, data)

    monkeypatch.setattr(Placing, "place", place)
    assert seqsave.flush(spool.folder).counts["published"] == 1
    assert seen == [False] * 3, "for the notes of both runs, and for the frame"
    assert value(folder / FRAME) == 2
    found = seqsave.open_sequence(folder).manifest
    assert found is not None
    assert found.complete


@pytest.mark.parametrize(("is_later", "altogether"), [(False, True), (True, False), (True, True)])
@pytest.mark.parametrize("is_recorded", [False, True])
def test_a_run_that_keeps_existing_frames_keeps_them_from_the_spool_too(
    tmp_path: Path, spool: Spool, is_later: bool, is_recorded: bool, altogether: bool
) -> None:
    folder = tmp_path / "renders"
    if not is_later:
        saved(folder, 200)
    spooled(folder, spool, 10, altogether=altogether, if_exists="skip")
    if is_later:
        saved(folder, 200)
    if not is_recorded:
        (folder / ".seqsave" / "frame.png.json").unlink()
    result = seqsave.flush(spool.folder)
    assert [(one.status, one.reason) for one in result.outcomes] == [("superseded", "exists")]
    assert not spool.contents().entries
    assert value(folder / FRAME) == 200
    made = seqsave.open_sequence(folder).manifest
    assert made is not None
    assert made.obstacles() == []
    assert made.complete
    assert [frame.checksum is not None for frame in made.frames] == [is_recorded]


@pytest.mark.parametrize("altogether", [False, True])
def test_a_run_that_replaces_nothing_leaves_the_record_of_another_run(
    tmp_path: Path, spool: Spool, altogether: bool
) -> None:
    folder = tmp_path / "renders"
    spooled(folder, spool, 10, altogether=altogether, if_exists="error")
    saved(folder, 200)
    before = seqsave.open_sequence(folder).manifest
    assert [one.reason for one in seqsave.flush(spool.folder).conflicts] == ["exists"]
    after = seqsave.open_sequence(folder).manifest
    assert before is not None
    assert after is not None
    assert after.complete
    assert [one.checksum for one in after.frames] == [one.checksum for one in before.frames]


def test_an_older_frame_is_replaced(tmp_path: Path, spool: Spool) -> None:
    folder = tmp_path / "renders"
    saved(folder, 100)
    spooled(folder, spool, 10)
    assert seqsave.flush(spool.folder).counts["published"] == 1
    assert value(folder / FRAME) == 10
    found = seqsave.open_sequence(folder).manifest
    assert found is not None
    assert found.complete


def test_runs_that_follow_each_other_closely(tmp_path: Path, spool: Spool) -> None:
    """The frame of the first run is published after the second run has listed the existing files."""
    folder = tmp_path / "renders"
    where = targets.resolve(folder).identity()
    spool.put([], target=str(folder), place=where, path="makes the folder", index=0)
    with spool.locked(fingerprint(where)):
        for level in (1, 2):
            with writer_to(folder, spool, publish_behind=True) as writer:
                writer.write(picture(level), index=1).result()
            if level == 1:  # published by another process since
                (entry,) = [one for one in spool.contents().entries if one.is_frame]
                targets.resolve(folder).publish(FRAME, spool.read(entry)[0], content_type="image/png")
    publisher_behind(spool).wait(where)
    assert value(folder / FRAME) == 2


@pytest.mark.parametrize("what", ["entry", "spool"])
def test_a_frame_that_vanishes_before_it_is_published_behind(tmp_path: Path, spool: Spool, what: str) -> None:
    folder = tmp_path / "renders"
    where = targets.resolve(folder).identity()
    spool.put([], target=str(folder), place=where, path="makes the folder", index=0)
    with spool.locked(fingerprint(where)):
        writer = writer_to(folder, spool, publish_behind=True)
        for index in (1, 2):
            assert writer.write(picture(index), index=index).result().status == "spooled"
        (first,) = [one for one in spool.contents().entries if one.is_frame and one.index == 1]
        if what == "entry":
            Path(first.name).unlink()
        else:  # at once, as the writer's threads may add files to it
            shutil.rmtree(spool.folder.rename(tmp_path / "vanished"))
        with pytest.raises(SaveError, match="deleted from the spool") as caught:
            writer.close()
    assert caught.value.result is not None
    counts = caught.value.result.counts
    assert (counts["saved"], counts["failed"], counts["spooled"]) == ((0, 1, 1) if what == "entry" else (0, 2, 0))


def test_the_newer_one_of_two_entries_replaces_the_older_one(
    place: Place, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flush was killed after it had published the older one; two processes had put both there at once."""
    target = target_of(place)
    monkeypatch.setattr(Spool, "_remove", lambda *_: None)
    monkeypatch.setattr(Spool, "_older", lambda *_: [])
    for data in (b"older", b"newer"):
        keep(spool, target, 1, data, before=before_of(target))
    place.write(FRAME, b"older")
    outcomes = flush_place(spool, target, target.identity(), records=Records())
    assert [outcome.status for outcome in outcomes] == ["superseded", "published"]
    assert place.read(FRAME) == b"newer"


def test_a_conflict_at_the_end_of_a_run_is_reported(tmp_path: Path, spool: Spool) -> None:
    folder = tmp_path / "renders"
    saved(folder, 100)
    target = targets.resolve(folder)
    with pytest.raises(SaveError, match="was written after this frame") as caught:
        with writer_to(folder, spool) as writer:
            with Away(target):
                writer.write(picture(10), index=1).result()
            saved(folder, 200)
    assert caught.value.result is not None
    assert caught.value.result.counts["spooled"] == 1
    assert value(folder / FRAME) == 200


@pytest.mark.parametrize("prefix", ["other", "frame"])
def test_a_conflict_of_an_earlier_run_is_a_warning_that_names_it(tmp_path: Path, spool: Spool, prefix: str) -> None:
    folder = tmp_path / "renders"
    saved(folder, 100)
    target = targets.resolve(folder)
    with pytest.raises(SaveError), writer_to(folder, spool) as writer:
        with Away(target):
            writer.write(picture(10), index=1).result()
        saved(folder, 200)
    with pytest.warns(seqsave.SeqSaveWarning, match="1 frame of earlier runs left in the spool") as caught:
        result = seqsave.save([picture(30)] * 2, folder, start=5, prefix=prefix, spool=spool.folder)
    assert [str(one.message).count(FRAME) for one in caught if "spool" in str(one.message)] == [1]
    assert result.counts["saved"] == 2
    assert value(folder / FRAME) == 200
