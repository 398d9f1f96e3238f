"""What all file types of one writer share."""

from __future__ import annotations

from pathlib import Path

import seqsave
from seqsave.writer.common import spool_of


def test_the_spool_is_the_one_that_the_settings_name(tmp_path: Path) -> None:
    found = spool_of(seqsave.check_settings(spool=tmp_path / "spool"))
    assert found is not None
    assert found.folder == tmp_path / "spool"
    assert not found.folder.exists()  # it is made when a frame needs it


def test_without_the_setting_there_is_none() -> None:
    assert spool_of(seqsave.check_settings()) is None
