"""The completions that shells get, requested as the shells do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seqsave import open_sequence
from seqsave.cli import main
from tests.cli.runner import seqsave
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = [sys.executable, "-c", "from seqsave.cli import main; main()"]


def completed(words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the values for the last word as bash gets them: type and value, separated by a comma."""
    for name, value in request_of(words).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["seqsave"])
    with pytest.raises(SystemExit) as ended:
        main()
    shown = capsys.readouterr()
    assert ended.value.code in (0, 1)
    assert "Traceback" not in shown.err
    return values(shown.out)


def request_of(words: str) -> dict[str, str]:
    """Return the environment with which bash requests the last word."""
    count = len(words.split(" ")) - 1
    return {"_SEQSAVE_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(count)}


def values(shown: str) -> list[str]:
    return [line.partition(",")[2] for line in shown.splitlines()]


def test_a_process_of_its_own_answers(tmp_path: Path) -> None:
    """Request as a shell does. The other tests stay inside this process, which is faster."""
    environment = {**os.environ, **request_of("seqsave in")}
    ended = subprocess.run(COMMAND, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)
    assert ended.returncode in (0, 1), ended
    assert ended.stderr == ""
    assert values(ended.stdout) == ["info"]


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
def test_values(
    words: str, offered: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert completed(words, monkeypatch, capsys) == offered


def test_targets_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text('[targets.renders]\nurl = "s3://bucket/renders"\n')
    monkeypatch.setenv("SEQSAVE_CONFIG", str(tmp_path / "config.toml"))
    (tmp_path / "render").mkdir()
    assert completed("seqsave ls ren", monkeypatch, capsys) == ["renders://", "render/"]
    assert completed("seqsave ls conf", monkeypatch, capsys) == ["conf"]  # the shell completes files itself
    (tmp_path / "config.toml").write_text("[")
    assert completed("seqsave ls ren", monkeypatch, capsys) == ["ren"]


def test_a_file_type_whose_words_are_joined(tmp_path: Path) -> None:
    np.save(tmp_path / "clip.npy", np.zeros((2, 4, 6, 3), "uint8"))
    seqsave("save", tmp_path / "clip.npy", tmp_path / "out", "--filetype", "jpg-with-embedded-workflow")
    assert open_sequence(tmp_path / "out").filetype == "jpg"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shells_script(shell: str, tmp_path: Path) -> None:
    environment = {**os.environ, "_SEQSAVE_COMPLETE": f"{shell}_source"}
    ended = subprocess.run(COMMAND, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)
    if shell == "bash" and shutil.which("bash") is None:
        pytest.skip("no bash here")
    assert "_SEQSAVE_COMPLETE" in ended.stdout
