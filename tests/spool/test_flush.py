"""``seqsave.flush``: what is published, what is left and why."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import seqsave
from seqsave import targets
from seqsave.errors import OptionError, TargetError
from seqsave.spool import Spool
from tests.spool.kept import keep, target_of

if TYPE_CHECKING:
    from tests.support.places import Place


def test_everything_has_its_record(place: Place, spool: Spool) -> None:
    target = target_of(place)
    published, other, refused, damaged = (keep(spool, target, index, create=index == 3) for index in range(1, 5))
    for entry in (other, refused):
        place.write(entry.path, b"another picture")
    Path(damaged.name).write_bytes(b"no entry")
    seen: list[seqsave.FlushedFrame] = []
    result = seqsave.flush(spool.folder, storage_options=place.storage_options, on_frame=seen.append)
    assert tuple(seen) == result.outcomes
    assert result.spool == str(spool.folder)
    nothing = dict.fromkeys(("superseded", "gone", "failed", "waiting", "unread"), 0)
    assert result.counts == {"published": 1, "conflict": 2, "damaged": 1, **nothing}
    assert [(one.index, one.verified, one.message) for one in result.frames] == [(1, True, "")]
    assert result.frames[0].url == f"{target.url}/{published.path}"
    assert {one.index: one.reason for one in result.conflicts} == {2: "changed", 3: "exists"}
    assert [(one.index, one.status) for one in result.failures] == [(None, "damaged")]
    assert Path(result.failures[0].file).read_bytes() == b"no entry"
    assert len(result.left) == 3
    assert all(Path(one.file).exists() and one.message for one in result.left)
    assert repr(result) == f"<FlushResult {spool.folder}: 1 published, 2 conflict, 1 damaged>"
    assert pickle.loads(pickle.dumps(result)).counts == result.counts  # noqa: S301 - our own bytes


def test_nothing_waits(spool: Spool) -> None:
    result = seqsave.flush(spool.folder)
    assert (result.outcomes, sum(result.counts.values())) == ((), 0)
    assert repr(result) == f"<FlushResult {spool.folder}: nothing waited>"
    assert not spool.folder.exists()


def test_the_usual_folder(spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(spool, targets.resolve(tmp_path / "renders"), 1)
    monkeypatch.setenv("SEQSAVE_SPOOL", str(spool.folder))
    assert seqsave.flush().counts["published"] == 1


def test_one_target_only(spool: Spool, tmp_path: Path) -> None:
    for name in ("one", "two"):
        keep(spool, targets.resolve(tmp_path / name), 1)
    assert [one.target for one in seqsave.flush(spool.folder, target=tmp_path / "two").outcomes] == [
        str(tmp_path / "two")
    ]
    assert seqsave.flush(spool.folder).counts["published"] == 1


def test_a_storage_that_is_away_raises_nothing(spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = targets.resolve(tmp_path / "renders")
    for index in range(3):
        keep(spool, target, index)

    def away(*_: object, **__: object) -> Any:
        raise TargetError("it is away", transient=True)

    monkeypatch.setattr(type(target), "look", away)
    result = seqsave.flush(spool.folder, retry=seqsave.RetryPolicy(attempts=1))
    assert (result.counts["failed"], result.counts["waiting"]) == (1, 2)
    assert "it is away" in result.failures[0].message


def test_an_entry_of_a_newer_version_stays(spool: Spool, tmp_path: Path) -> None:
    target = targets.resolve(tmp_path / "renders")
    newer, _ = Path(keep(spool, target, 1).name), keep(spool, target, 2)
    newer.write_bytes(b'{"seqsave_spool":99}\n')
    for _ in range(2):
        result = seqsave.flush(spool.folder)
        (left,) = result.failures
        assert (left.status, left.file) == ("unread", str(newer))
        assert "newer version of seqsave" in left.message
        assert newer.exists()
    assert (tmp_path / "renders" / "frame_00002.png").exists()


@pytest.mark.parametrize("wrong", [{"spool": 3}, {"spool": ""}, {"spool": False}, {"retry": 3}, {"spool": "s3://b/x"}])
def test_a_wrong_argument(wrong: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        seqsave.flush(**wrong)


def test_an_entry_that_is_deleted_in_between(spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = targets.resolve(tmp_path / "renders")
    keep(spool, target, 1)
    read = Spool.read

    def gone(self: Spool, entry: Any) -> list[bytes]:
        Path(entry.name).unlink()
        return read(self, entry)

    monkeypatch.setattr(Spool, "read", gone)
    result = seqsave.flush(spool.folder)
    assert (result.counts["gone"], result.left) == (1, ())
    assert "deleted from the spool before it was published" in result.outcomes[0].message
