"""Manifest updates for frames that are published from the spool after their run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqsave
from seqsave import TargetError
from seqsave.targets.local import LocalTarget

RED = np.zeros((4, 4, 3), np.uint8)


@pytest.fixture
def spooled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A spool with three frames of a run whose storage was away from start to end."""
    spool = tmp_path / "spool"

    def away(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: LocalTarget, *arguments: Any, **settings: Any) -> Any:
            if self.url == str(tmp_path / "out"):
                raise TargetError("the storage cannot be reached", transient=True, fault="unreachable")
            return method(self, *arguments, **settings)

        return call

    with monkeypatch.context() as patch:
        for name in ("publish", "read", "list", "update", "exists"):
            patch.setattr(LocalTarget, name, away(getattr(LocalTarget, name)))
        with pytest.raises(seqsave.SaveError, match="seqsave flush"):
            seqsave.save([RED] * 3, tmp_path / "out", spool=spool, retry=seqsave.RetryPolicy(attempts=1), total=3)
    assert not list((tmp_path / "out").glob("*.png"))
    return spool


def test_a_flush_completes_the_manifest_of_the_run(tmp_path: Path, spooled: Path) -> None:
    result = seqsave.flush(spooled)
    assert result.counts["published"] == 3
    sequence = seqsave.open_sequence(tmp_path / "out")
    assert sequence.indices == (0, 1, 2)
    assert sequence.manifest is not None
    assert sequence.manifest.complete
