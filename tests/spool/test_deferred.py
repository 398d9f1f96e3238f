"""Manifest updates for frames that are published from the spool after their run."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqsave
from seqsave import TargetError
from seqsave.sequences.progress import progress_of
from seqsave.spool.deferred import DeferredUpdates
from seqsave.targets.local import LocalTarget

RED = np.zeros((4, 4, 3), np.uint8)


@pytest.fixture
def spooled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a spool with three frames of a run whose storage was unavailable all the time."""
    return _spooled(tmp_path, monkeypatch, total=3)


def _spooled(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    frames: Any = (RED, RED, RED),
    *,
    only: str = "",
    **settings: Any,
) -> Path:
    """Save frames to a storage that is away: for all requests, or those for paths that contain ``only``."""
    spool = tmp_path / "spool"

    def away(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: LocalTarget, *arguments: Any, **named: Any) -> Any:
            if self.url == str(tmp_path / "out") and (not only or only in str(arguments)):
                raise TargetError("the storage cannot be reached", transient=True, fault="unreachable")
            return method(self, *arguments, **named)

        return call

    with monkeypatch.context() as patch:
        for name in ("publish", "read", "list", "update", "exists"):
            patch.setattr(LocalTarget, name, away(getattr(LocalTarget, name)))
        with pytest.raises(seqsave.SaveError, match="seqsave flush"):
            once = seqsave.RetryPolicy(attempts=1)
            seqsave.save(frames, tmp_path / "out", spool=spool, retry=once, **settings)
    assert not list((tmp_path / "out").glob("*.png"))
    return spool


def test_a_flush_completes_the_manifest_of_the_run(tmp_path: Path, spooled: Path) -> None:
    result = seqsave.flush(spooled)
    assert result.counts["published"] == 3
    sequence = seqsave.open_sequence(tmp_path / "out")
    assert sequence.indices == (0, 1, 2)
    assert sequence.manifest is not None
    assert sequence.manifest.complete


def test_a_frame_that_existed_already_is_recorded_only_as_it_is_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An earlier flush was killed after it had published it; then another program writes a file of the same size."""
    seqsave.save([RED] * 3, tmp_path / "same")
    spool = _spooled(tmp_path, monkeypatch, total=3, if_exists="error")
    frame, real = tmp_path / "out" / "frame_00001.png", DeferredUpdates.end
    replaced: list[int] = []
    frame.parent.mkdir(exist_ok=True)
    frame.write_bytes((tmp_path / "same" / frame.name).read_bytes())

    def end(self: DeferredUpdates, target: Any, outcomes: Any, policy: Any) -> None:
        if any(one.entry.index == 1 and one.status == "published" for one in outcomes):
            replaced.append(frame.write_bytes(bytes(frame.stat().st_size)))
        real(self, target, outcomes, policy)

    monkeypatch.setattr(DeferredUpdates, "end", end)
    seqsave.flush(spool)
    assert len(replaced) == 1
    made = seqsave.open_sequence(tmp_path / "out").manifest
    assert made is not None
    assert not made.complete
    assert [one.checksum for one in made.frames if one.index == 1] in ([], [None])


AWAY = pytest.mark.parametrize("only", ["", "frame_"], ids=["for everything", "for frames"])


@AWAY
def test_what_a_copy_doubts_is_recorded_by_the_flush(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, only: str
) -> None:
    """Frames 2 and 3 of the source are an older run's; the new one was interrupted before it replaced them."""
    seqsave.save([RED] * 4, tmp_path / "from")
    with pytest.raises(ZeroDivisionError), seqsave.open_writer(tmp_path / "from", total=4) as writer:
        for index in range(2):
            writer.write(RED + 9, index=index)
        raise ZeroDivisionError
    with pytest.warns(seqsave.SeqSaveWarning, match="to be rendered again: 2-3"):
        spool = _spooled(tmp_path, monkeypatch, seqsave.open_sequence(tmp_path / "from"), only=only)
    assert seqsave.flush(spool).counts["published"] == 4
    found = progress_of(seqsave.open_sequence(tmp_path / "out"))
    assert (found.state, found.done, found.render_again) == ("unfinished", 2, (range(2, 4),))
    assert [entry.checksum is None for entry in found.known.frames] == [False, False, True, True]


@AWAY
def test_a_variation_that_is_gone_is_expected_after_the_flush(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, only: str
) -> None:
    with seqsave.open_writer(tmp_path / "from", total=2) as writer:
        for index in range(2):
            writer.write_batch([RED, RED + 1], index=index)
    shutil.rmtree(tmp_path / "from" / "batch_0001")
    with pytest.warns(seqsave.SeqSaveWarning, match="missing in .*: 0-1 in batch_0001"):
        spool = _spooled(tmp_path, monkeypatch, seqsave.open_sequence(tmp_path / "from"), only=only)
    seqsave.flush(spool)
    found = progress_of(seqsave.open_sequence(tmp_path / "out"))
    assert (found.state, found.done, found.wanted, found.lacking) == ("unfinished", 2, 4, {1: (range(2),)})


@AWAY
def test_a_copy_of_a_run_without_a_known_end_is_unfinished_after_the_flush(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, only: str
) -> None:
    with pytest.raises(ZeroDivisionError), seqsave.open_writer(tmp_path / "from") as writer:
        for index in range(3):
            writer.write(RED, index=index)
        raise ZeroDivisionError
    with pytest.warns(seqsave.SeqSaveWarning, match="from is not complete: .*; the copy is recorded as unfinished"):
        spool = _spooled(tmp_path, monkeypatch, seqsave.open_sequence(tmp_path / "from"), only=only)
    assert seqsave.flush(spool).counts["published"] == 3
    assert str(progress_of(seqsave.open_sequence(tmp_path / "out"))) == "unfinished, 3 frames and no known end"
