"""Frames that wait in the spool of this machine are named where their place is listed or verified."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import seqsave
from seqsave import naming, targets
from seqsave.sequences.waiting import waiting_for
from seqsave.spool import Spool
from tests.cli.runner import seqsave as command
from tests.spool.kept import keep


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Spool:
    monkeypatch.setenv("SEQSAVE_SPOOL", str(tmp_path / "spool"))
    return Spool(tmp_path / "spool")


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    seqsave.save(np.zeros((3, 4, 4, 3), np.uint8), tmp_path / "renders" / "shot")
    return tmp_path / "renders" / "shot"


def test_ls_and_verify_name_them(spool: Spool, shot: Path) -> None:
    for index in (5, 6, 9):
        keep(spool, targets.resolve(shot), index)
    message = (
        f"3 frames for {shot} wait in the spool {spool.folder} of this machine: 5-6,9; seqsave flush publishes them"
    )
    assert message in command("ls", shot).err
    assert message in command("verify", shot).err
    assert f"3 frames for {shot.parent} wait" in command("ls", shot.parent).err


def test_the_command_has_the_storage_options_that_were_given(spool: Spool, shot: Path) -> None:
    keep(spool, targets.resolve(shot), 5)
    for name in ("ls", "verify"):
        message = command(name, shot, "--storage-option", "auto_mkdir=true").err
        assert message.endswith(": 5; seqsave flush --storage-option auto_mkdir=... publishes it\n")


@pytest.mark.parametrize("exists", [True, False])
def test_they_are_named_where_no_frame_is_published_yet(spool: Spool, tmp_path: Path, exists: bool) -> None:
    shot = tmp_path / "shot"
    if exists:
        shot.mkdir()
    keep(spool, targets.resolve(shot), 5)
    for url in (shot, shot / "frame_#####.png"):
        for name in ("ls", "verify"):
            result = command(name, url, status=1)
            assert f"1 frame for {shot} waits in the spool {spool.folder}" in result.err
    assert "spool" not in command("verify", shot / "other_#####.png", status=1).err
    assert "spool" not in command("verify", shot / "*.exr", status=1).err


def test_others_are_not_named(spool: Spool, shot: Path) -> None:
    target = targets.resolve(shot)
    assert waiting_for(target) is None  # without a spool
    keep(spool, targets.resolve(f"{shot}2"), 5)
    assert waiting_for(target) is None
    keep(spool, target, 5)
    found = waiting_for(target)
    assert found is not None
    assert (found.count, found.numbers) == (1, (range(5, 6),))
    assert "1 frame for" in str(found)
    assert str(found).endswith("publishes it")
    other = naming.parse_pattern("other_#####.png")
    assert other is not None
    assert waiting_for(target, "", other[1]) is None


def test_a_spool_that_cannot_be_used_has_none(shot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("SEQSAVE_SPOOL", str(tmp_path / "file"))
    assert waiting_for(targets.resolve(shot)) is None
