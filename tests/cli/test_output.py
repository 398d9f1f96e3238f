"""The output of the command: harmless to terminals, in the command's own words, each warning once."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import seqsave as library
from seqsave.cli.output import Messages, complain, print_json, print_line, printable, spelled
from tests.support.patience import PATIENCE


def test_advice_names_the_options_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    complain("a_1.png already exists: use `if_exists='overwrite'` or `if_exists='skip'`; see `storage_options`")
    assert capsys.readouterr().err == (
        "seqsave: error: a_1.png already exists: use --if-exists overwrite or --if-exists skip; see --storage-option\n"
    )
    complain("`if_exists='skip same recipe'` needs a `recipe`, not `on_event`")
    assert capsys.readouterr().err == "seqsave: error: --if-exists skip-same-recipe needs a --recipe, not `on_event`\n"


@pytest.mark.parametrize("text", ["/a/storage_options/if_exists='skip'", "/odd`name/`", "`if_exists='never'`"])
def test_what_names_no_setting_stays_as_it_is(text: str) -> None:
    assert spelled(text) == text


def test_every_message_names_settings_that_exist() -> None:
    """A setting in backquotes that the command does not know is misspelt."""
    package = Path(library.__file__).parent
    mentions = [
        (path.name, mention)
        for path in package.rglob("*.py")
        for text in _texts(path)
        for mention in re.findall(r"(?<!`)`([a-z_]+(?:='[^'`]*')?)`(?!`)", text)
    ]
    assert len(mentions) > 10
    assert [one for one in mentions if spelled(f"`{one[1]}`") == f"`{one[1]}`"] == []


def _texts(path: Path) -> list[str]:
    """Return the texts in a module's code, without docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docs = {ast.get_docstring(node, clean=False) for node in ast.walk(tree) if isinstance(node, documented)}
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [text for text in texts if text not in docs]


def test_names_cannot_command_the_terminal() -> None:
    assert printable("a\x1b[2Jb\x07\u202ec\nd\té 東") == "a\\x1b[2Jb\\x07\\u202ec\nd\té 東"


def test_output_that_cannot_hold_a_character_does_not_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, "ascii"))
    print_line("東_#####.png \udcff")
    print_json({"名": "é"})
    sys.stdout.flush()
    assert raw.getvalue() == b'\\u6771_#####.png \\udcff\n{\n  "\\u540d": "\\u00e9"\n}\n'


def test_a_warning_is_reported_once_and_kept(capsys: pytest.CaptureFixture[str]) -> None:
    messages = Messages(quiet=True)
    messages.warn("sizes change")
    messages.warn("sizes change")
    messages.note("not shown")
    assert capsys.readouterr().err == "seqsave: warning: sizes change\n"
    assert messages.warnings == ["sizes change"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a file that takes nothing")
@pytest.mark.parametrize(
    ("place", "status", "words"),
    [
        ("2>&-", 0, ""),
        ("2>/dev/full", 0, ""),
        (">&- 2>&-", 0, ""),
        ("--json >&-", 1, "seqsave: error: standard output is closed, so the result cannot be printed"),
        ("--json >/dev/full", 1, "seqsave: error: the result cannot be written to standard output: "),
    ],
)
def test_frames_are_saved_where_nothing_can_be_printed(tmp_path: Path, place: str, status: int, words: str) -> None:
    np.save(tmp_path / "frames.npy", np.zeros((3, 8, 8, 3), np.uint8))
    command = f"{sys.executable} -m seqsave save frames.npy out --total 5 --filetype jpg {place}"  # with a warning
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, stderr=subprocess.PIPE, text=True, timeout=PATIENCE)
    assert (done.returncode, len(list((tmp_path / "out").glob("*.jpg")))) == (status, 3)
    assert words in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a file that takes nothing")
def test_a_listing_that_cannot_be_printed_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "frame_1.png").write_bytes(b"x")
    for place, words in ((">&-", "is closed"), (">/dev/full", "cannot be written to standard output")):
        command = f"{sys.executable} -m seqsave ls . {place}"
        done = subprocess.run(["sh", "-c", command], cwd=tmp_path, stderr=subprocess.PIPE, text=True, timeout=PATIENCE)
        assert done.returncode == 1
        assert words in done.stderr
