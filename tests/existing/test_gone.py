"""Frames that another program removes while the run that has saved them goes on."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqsave
from seqsave.errors import TargetError
from seqsave.existing.gone import MOST_ASKED, SAMPLE
from seqsave.targets import Entry
from seqsave.targets.local import LocalTarget

RED = np.zeros((4, 4, 3), np.uint8)
MANY = MOST_ASKED + 50


class LateListing:
    """A storage whose listings lack each frame, as some do of new files; it knows them by their names.

    removed: frames that do not exist any more. asked: those that were looked for.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, removed: range = range(0), fails: bool = False) -> None:
        self.asked: list[str] = []
        self.names = {f"frame_{index:05d}.png" for index in removed}
        real = LocalTarget.list

        def listed(target: LocalTarget, folder: str = "") -> list[Entry]:
            return [entry for entry in real(target, folder) if not entry.name.startswith("frame_")]

        def exists(target: LocalTarget, path: str) -> bool:
            self.asked.append(path)
            if fails:
                raise TargetError("the server does not answer", transient=True)
            return path not in self.names

        monkeypatch.setattr(LocalTarget, "list", listed)
        monkeypatch.setattr(LocalTarget, "exists", exists)

    def failed(self, folder: Path) -> list[int]:
        """Save the frames, and return those that are reported as gone."""
        with contextlib.suppress(seqsave.SaveError), seqsave.open_writer(folder, filetype="png") as writer:
            writer.write_frames([RED] * MANY)
            self.asked.clear()
            writer.close()
        return [one.index for one in writer.result.failures]


def test_a_listing_that_lacks_many_frames_does_not_prove_that_they_are_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert LateListing(monkeypatch).failed(tmp_path) == []


def test_of_many_frames_that_are_gone_a_sample_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = LateListing(monkeypatch, range(MANY))
    assert storage.failed(tmp_path) == list(range(MANY))
    frames = [path for path in storage.asked if path in storage.names]
    assert len(frames) == SAMPLE
    assert {"frame_00000.png", f"frame_{MANY - 1:05d}.png"} <= set(frames)


@pytest.mark.parametrize("removed", [range(1, MANY), range(3, 4), range(MANY - 1)], ids=["all but one", "one", "old"])
def test_where_the_sample_differs_from_the_listing_each_frame_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, removed: range
) -> None:
    assert LateListing(monkeypatch, removed).failed(tmp_path) == list(removed)


def test_frames_that_cannot_be_looked_for_are_not_called_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage: Any = LateListing(monkeypatch, range(MANY), fails=True)
    assert storage.failed(tmp_path) == []
