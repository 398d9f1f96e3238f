"""What the shell's completion is offered, asked as the shells ask."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seqsave import open_sequence
from tests.cli.runner import seqsave

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = [sys.executable, "-c", "from seqsave.cli import main; main()"]


def completed(words: str, folder: Path, shell: str = "bash") -> list[str]:
    """The values for the last word; as (type, value) separated by a comma in bash."""
    count = len(words.split(" ")) - 1
    environment = {
        **os.environ,
        "_SEQSAVE_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(count),
    }
    ended = subprocess.run(COMMAND, env=environment, cwd=folder, capture_output=True, text=True, timeout=60)
    assert ended.returncode in (0, 1), ended
    assert "Traceback" not in ended.stderr, ended
    return [line.partition(",")[2] for line in ended.stdout.splitlines()]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("seqsave in", ["info"]),
        ("seqsave save a b --if-exists sk", ["skip", "skip-valid", "skip-same-recipe"]),
        ("seqsave save a b --at-end st", ["stop-output"]),
        ("seqsave save a b --filetype png", ["png-with-embedded-workflow", "png"]),
        (
            "seqsave verify a --filetype jp",
            ["jpg", "jpg-with-embedded-workflow", "jpeg", "jpeg-with-embedded-workflow"],
        ),
        ("seqsave save a b --color aces", ["acescg", "aces2065-1"]),
        ("seqsave rm --dry", ["--dry-run"]),
    ],
)
def test_values(tmp_path: Path, words: str, offered: list[str]) -> None:
    assert completed(words, tmp_path) == offered


def test_targets_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.toml").write_text('[targets.renders]\nurl = "s3://bucket/renders"\n')
    monkeypatch.setenv("SEQSAVE_CONFIG", str(tmp_path / "config.toml"))
    (tmp_path / "render").mkdir()
    assert completed("seqsave ls ren", tmp_path) == ["renders://", "render/"]
    assert completed("seqsave ls conf", tmp_path) == ["conf"]  # the shell completes files itself
    (tmp_path / "config.toml").write_text("[")
    assert completed("seqsave ls ren", tmp_path) == ["ren"]


def test_a_file_type_whose_words_are_joined(tmp_path: Path) -> None:
    np.save(tmp_path / "clip.npy", np.zeros((2, 4, 6, 3), "uint8"))
    seqsave("save", tmp_path / "clip.npy", tmp_path / "out", "--filetype", "jpg-with-embedded-workflow")
    assert open_sequence(tmp_path / "out").filetype == "jpg"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shells_script(shell: str, tmp_path: Path) -> None:
    environment = {**os.environ, "_SEQSAVE_COMPLETE": f"{shell}_source"}
    ended = subprocess.run(COMMAND, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    if shell == "bash" and shutil.which("bash") is None:
        pytest.skip("no bash here")
    assert "_SEQSAVE_COMPLETE" in ended.stdout
