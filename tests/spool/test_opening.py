"""Which folder is the spool, and what is none."""

import os
import sys
from pathlib import Path

import pytest

from seqsave.errors import OptionError
from seqsave.spool import default_folder, open_spool
from seqsave.spool.store import MAX_BYTES


def test_the_default_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    if sys.platform.startswith("linux"):
        assert default_folder() == tmp_path / "state" / "seqsave" / "spool"
    Path(os.environ["SEQSAVE_CONFIG"]).write_text(f'[spool]\nfolder = "{tmp_path.as_posix()}/configured"\n')
    assert default_folder() == tmp_path / "configured"
    monkeypatch.setenv("SEQSAVE_SPOOL", str(tmp_path / "named"))
    assert default_folder() == tmp_path / "named"
    assert open_spool(True).folder == tmp_path / "named"  # type: ignore[union-attr]
    assert open_spool(None) is None
    assert open_spool(False) is None
    assert open_spool(tmp_path / "given").folder == tmp_path / "given"  # type: ignore[union-attr]


def test_its_size_is_configured() -> None:
    assert open_spool(True).max_bytes == MAX_BYTES == 20 * 2**30  # type: ignore[union-attr]
    Path(os.environ["SEQSAVE_CONFIG"]).write_text("[spool]\nmax_bytes = 5_000\n")
    assert open_spool(True).max_bytes == 5000  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("table", "stated"),
    [("max_bytes = 0", "max_bytes is 0"), ('max_bytes = "1G"', "whole number"), ("folder = 1", "must be a path")],
)
def test_a_wrong_configuration_is_reported(table: str, stated: str) -> None:
    Path(os.environ["SEQSAVE_CONFIG"]).write_text(f"[spool]\n{table}\n")
    with pytest.raises(OptionError, match=stated):
        open_spool(True)


def test_an_unknown_setting_is_reported() -> None:
    Path(os.environ["SEQSAVE_CONFIG"]).write_text("[spool]\nmaxbytes = 1\n")
    with pytest.raises(OptionError, match=r"'maxbytes'.*did you mean 'max_bytes'"):
        open_spool(True)


@pytest.mark.parametrize("where", [3, 1.5, "", " ", "s3://bucket/spool", "a\0b", b"\xff\0"])
def test_what_is_no_folder_is_reported(where: object) -> None:
    with pytest.raises(OptionError, match="spool is"):
        open_spool(where)  # type: ignore[arg-type]
