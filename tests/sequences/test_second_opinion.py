"""The same folders, listed by fileseq and pyseq; docs/naming.md has the differences and their reasons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import seqsave
from tests.support.needs import needs_package

ROOT = Path(__file__).parents[2]
FOLDERS: dict[str, list[str]] = {
    "gap": ["shot.1001.exr", "shot.1002.exr", "shot.1004.exr"],
    "overflow": ["f_0999.png", "f_1000.png"],
    "no head": ["0001.png", "0002.png"],
    "two sequences": ["a_01.png", "a_02.png", "b_01.jpg"],
    "mixed padding": ["f_1.png", "f_02.png", "f_003.png"],
    "signs": ["render_-0004.png", "render_0000.png"],
    "dashes": ["shot-0001.png", "shot-0002.png"],
    "several numbers": ["sh010-v003-000123.jpg", "sh010-v003-000124.jpg"],
    "tails": ["0001_L.png", "0001_R.png", "0002_L.png", "0002_R.png"],
    "ComfyUI": ["ComfyUI_00001_.png", "ComfyUI_00002_.png"],
    "brackets": ["img (1).png", "img (2).png"],
    "capitals": ["a_1.PNG", "a_2.png"],
}
# Where the others see something else, by folder.
DIFFERENT = {
    "fileseq": {
        *("mixed padding", "signs", "dashes", "several numbers", "tails", "ComfyUI", "brackets", "capitals"),
    },
    "pyseq": {"signs", "capitals"},
}


def ours(folder: Path) -> list[list[int]]:
    return sorted(list(one.indices) for one in seqsave.find_sequences(folder))


def of_fileseq(folder: Path) -> list[list[int]]:
    import fileseq

    return sorted([int(frame) for frame in one.frameSet() or ()] for one in fileseq.findSequencesOnDisk(str(folder)))


def of_pyseq(folder: Path) -> list[list[int]]:
    import pyseq

    found: list[Any] = pyseq.get_sequences(str(folder))
    # It knows no number of a file that stands alone.
    return sorted([int(n) for n in one.frames()] if len(one) > 1 else [int(one[0].digits[-1])] for one in found)


@pytest.mark.parametrize("name", FOLDERS)
@pytest.mark.parametrize(("program", "listed"), [("fileseq", of_fileseq), ("pyseq", of_pyseq)])
def test_others_see_the_same_or_the_difference_is_documented(
    tmp_path: Path, name: str, program: str, listed: Any
) -> None:
    needs_package(program)
    for file in FOLDERS[name]:
        (tmp_path / file).write_bytes(b"x")
    assert (listed(tmp_path) != ours(tmp_path)) == (name in DIFFERENT[program])


def test_each_difference_has_its_reason() -> None:
    page = (ROOT / "docs" / "naming.md").read_text(encoding="utf-8")
    for program, folders in DIFFERENT.items():
        for name in folders:
            assert any(line.startswith(f"| {name} |") and program in line for line in page.splitlines()), name
