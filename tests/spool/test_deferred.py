"""Manifest updates for frames that are published from the spool after their run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqsave
from seqsave import TargetError
from seqsave.spool.deferred import DeferredUpdates
from seqsave.targets.local import LocalTarget

RED = np.zeros((4, 4, 3), np.uint8)


@pytest.fixture
def spooled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a spool with three frames of a run whose storage was unavailable all the time."""
    return _spooled(tmp_path, monkeypatch)


def _spooled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> Path:
    spool = tmp_path / "spool"

    def away(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: LocalTarget, *arguments: Any, **named: Any) -> Any:
            if self.url == str(tmp_path / "out"):
                raise TargetError("the storage cannot be reached", transient=True, fault="unreachable")
            return method(self, *arguments, **named)

        return call

    with monkeypatch.context() as patch:
        for name in ("publish", "read", "list", "update", "exists"):
            patch.setattr(LocalTarget, name, away(getattr(LocalTarget, name)))
        with pytest.raises(seqsave.SaveError, match="seqsave flush"):
            once = seqsave.RetryPolicy(attempts=1)
            seqsave.save([RED] * 3, tmp_path / "out", spool=spool, retry=once, total=3, **settings)
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
    spool = _spooled(tmp_path, monkeypatch, if_exists="error")
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
