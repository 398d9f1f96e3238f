"""The same folders, as fileseq, pyseq and ffmpeg see them; docs/naming.md has the differences and their reasons."""

from __future__ import annotations

import shutil
import subprocess
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqsave
from tests.support.needs import needs_package, needs_program
from tests.support.patience import PATIENCE

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
    "versions": ["shot_v1.0001.png", "shot_v2.0001.png"],
    "fractions": ["shot.1001.25.png", "shot.1001.75.png", "shot.1002.25.png", "shot.1002.75.png"],
    "Unicode": ["caf\u00e9_1.png", "cafe\u0301_2.png"],
    "digits": ["f_\u0661.png", "f_\u0662.png"],
    "huge numbers": ["frame.99999999999999999998.png", "frame.99999999999999999999.png"],
    "one number twice": ["f_1.png", "f_2.png", "f_02.png"],
    "other files": ["sim.0001.vdb", "sim.0002.vdb"],
}
# Where the others see something else, by folder.
DIFFERENT = {
    "fileseq": {
        *("mixed padding", "signs", "dashes", "several numbers", "tails", "ComfyUI", "brackets", "capitals"),
        *("versions", "fractions", "Unicode", "digits", "huge numbers", "one number twice", "other files"),
    },
    "pyseq": {
        *("signs", "capitals", "fractions", "Unicode", "digits", "huge numbers", "one number twice", "other files"),
    },
}
# Where ffmpeg reads another number of frames than the sequence has, given its pattern and its first number.
DIFFERENT_IN_FFMPEG = {"gap", "mixed padding", "signs", "capitals", "Unicode", "one number twice"}


def ours(folder: Path) -> list[list[int]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", seqsave.SeqSaveWarning)
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


def of_ffmpeg(sequence: seqsave.FrameSequence) -> int:
    """How many frames its image2 reader finds."""
    name = sequence.name
    pattern = f"{name.head.replace('%', '%%')}%0{name.digits}d{name.ending.replace('%', '%%')}"
    command = [needs_program("ffprobe", "apt-get install ffmpeg"), "-v", "error", "-f", "image2", "-start_number"]
    command += [str(sequence.indices[0]), "-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0"]
    done = subprocess.run(
        [*command, f"{sequence.url}/{pattern}"], capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    return int(done.stdout.strip() or 0)


@pytest.mark.formats
@pytest.mark.parametrize("name", [name for name in FOLDERS if name != "other files"])
def test_ffmpeg_reads_the_same_or_the_difference_is_documented(tmp_path: Path, name: str) -> None:
    picture = Path(seqsave.save(np.zeros((1, 8, 8, 3), np.uint8), tmp_path / "one", filetype="png").frames[0].url)
    (tmp_path / "all").mkdir()
    for file in FOLDERS[name]:
        shutil.copy(picture, tmp_path / "all" / file.replace(".exr", ".png").replace(".jpg", ".png"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", seqsave.SeqSaveWarning)
        found = list(seqsave.find_sequences(tmp_path / "all"))
    assert any(of_ffmpeg(one) != len(one) for one in found) == (name in DIFFERENT_IN_FFMPEG)


def test_each_difference_of_ffmpeg_has_its_reason() -> None:
    page = (ROOT / "docs" / "naming.md").read_text(encoding="utf-8")
    for name in DIFFERENT_IN_FFMPEG:
        assert any(line.startswith(f"| {name} |") and "ffmpeg" in line for line in page.splitlines()), name


def test_each_difference_has_its_reason() -> None:
    page = (ROOT / "docs" / "naming.md").read_text(encoding="utf-8")
    for program, folders in DIFFERENT.items():
        for name in folders:
            assert any(line.startswith(f"| {name} |") and program in line for line in page.splitlines()), name
