"""Existing frames: which of them each value of ``if_exists`` keeps."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqsave
from seqsave.existing.skipping import ExistingFrames
from seqsave.settings.limits import LOOKS
from seqsave.targets.memory import MemoryTarget
from tests.support.patience import PATIENCE

OLD, NEW = np.full((4, 4, 3), 10, np.uint8), np.full((4, 4, 3), 200, np.uint8)


def again(folder: Path, **settings: Any) -> list[str]:
    """Save three new frames; return what happened to each."""
    return [frame.status for frame in seqsave.save([NEW] * 3, folder, **settings).frames]


def values(folder: Path) -> list[int]:
    return [int(picture[0, 0, 0]) for picture in seqsave.open_sequence(folder).arrays()]


@pytest.mark.parametrize(
    ("if_exists", "status", "value"),
    [("overwrite", "saved", 200), ("skip", "skipped", 10), ("skip valid", "skipped", 10)],
)
def test_an_existing_frame_is_replaced_or_kept(tmp_path: Path, if_exists: Any, status: str, value: int) -> None:
    seqsave.save([OLD] * 3, tmp_path)
    assert again(tmp_path, if_exists=if_exists) == [status] * 3
    assert values(tmp_path) == [value] * 3


@pytest.mark.parametrize("if_exists", ["skip", "skip valid"])
def test_an_empty_file_is_not_a_frame(tmp_path: Path, if_exists: Any) -> None:
    seqsave.save([OLD] * 3, tmp_path, manifest=False)
    (tmp_path / "frame_00001.png").write_bytes(b"")
    assert again(tmp_path, if_exists=if_exists, manifest=False) == ["skipped", "saved", "skipped"]
    assert values(tmp_path) == [10, 200, 10]


@pytest.mark.filterwarnings("ignore:.*the frames before are")
def test_skip_valid_replaces_a_damaged_frame_and_one_of_another_size(tmp_path: Path) -> None:
    seqsave.save([OLD, OLD, OLD[:2]], tmp_path, manifest=False)
    damaged = tmp_path / "frame_00000.png"
    damaged.write_bytes(damaged.read_bytes()[:-20])
    assert again(tmp_path, if_exists="skip valid", manifest=False) == ["saved", "skipped", "saved"]
    assert values(tmp_path) == [200, 10, 200]


def test_frames_behind_a_network_are_examined_at_once_however_few_cores_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A run that was killed left them without a record, so that the next one has to read each."""
    real, all_of_them = ExistingFrames._decoded, threading.Barrier(LOOKS)

    def decoded(self: ExistingFrames, *given: Any) -> Any:
        all_of_them.wait(PATIENCE)
        return real(self, *given)

    seqsave.save([OLD] * LOOKS, "memory://examined", manifest=False)
    monkeypatch.setattr(MemoryTarget, "is_fast", False)
    monkeypatch.setattr(ExistingFrames, "_decoded", decoded)
    result = seqsave.save([NEW] * LOOKS, "memory://examined", if_exists="skip valid")
    assert [frame.status for frame in result.frames] == ["skipped"] * LOOKS


def test_skip_same_recipe_replaces_what_was_made_otherwise(tmp_path: Path) -> None:
    seqsave.save([OLD] * 3, tmp_path, recipe="one")
    assert again(tmp_path, if_exists="skip same recipe", recipe="one") == ["skipped"] * 3
    assert again(tmp_path, if_exists="skip same recipe", recipe="two") == ["saved"] * 3
    assert values(tmp_path) == [200] * 3


def test_error_keeps_an_existing_frame(tmp_path: Path) -> None:
    seqsave.save([OLD] * 3, tmp_path)
    with pytest.raises(seqsave.SaveError, match="already exists"):
        again(tmp_path, if_exists="error")
    assert values(tmp_path) == [10] * 3
