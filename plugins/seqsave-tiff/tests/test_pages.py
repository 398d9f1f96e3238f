"""Files of several pictures: the setting ``pages`` chooses the first or all, and without it they are copied whole."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner

import seqsave
from seqsave.cli import cli

_GREY: Any = {"photometric": "minisblack"}


def stack(*values: int) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, np.stack([np.full((4, 6), value, np.uint16) for value in values]), metadata=None, **_GREY)
    return file.getvalue()


def kept(folder: Path) -> list[int]:
    return [int(array[0, 0, 0]) for array in seqsave.open_sequence(folder).arrays()]


@pytest.fixture
def stacks(tmp_path: Path) -> Path:
    folder = tmp_path / "stacks"
    folder.mkdir()
    for number in range(2):
        (folder / f"well_{number:04d}.tif").write_bytes(stack(number, 10 + number, 20 + number))
    return folder


@pytest.mark.parametrize(("pages", "wanted"), [("first", [0, 1]), ("all", [0, 10, 20, 1, 11, 21])])
def test_the_pictures_are_chosen_by_a_setting(stacks: Path, tmp_path: Path, pages: Any, wanted: list[int]) -> None:
    seqsave.save(seqsave.open_sequence(stacks), tmp_path / "library", filetype="png", pages=pages)
    assert kept(tmp_path / "library") == wanted
    arguments = ["save", str(stacks), str(tmp_path / "command"), "--pages", pages, "--filetype", "png"]
    assert CliRunner().invoke(cli, arguments).exit_code == 0
    assert kept(tmp_path / "command") == wanted


def test_without_it_they_are_copied_or_refused(stacks: Path, tmp_path: Path) -> None:
    seqsave.save(seqsave.open_sequence(stacks), tmp_path / "copy")
    copied = (tmp_path / "copy" / "well_0000.tif").read_bytes()
    assert copied == (stacks / "well_0000.tif").read_bytes()
    with pytest.raises(seqsave.SeqSaveError, match="of 3 pictures: choose pages='first' or 'all'"):
        seqsave.save(seqsave.open_sequence(stacks), tmp_path / "png", filetype="png")
