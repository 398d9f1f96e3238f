"""``seqsave save --recursive``: each sequence of a tree arrives, or is named."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqsave import save
from seqsave.cli import run
from tests.cli.runner import seqsave
from tests.sources.pictures import encode, picture


def names(folder: Path) -> list[str]:
    """Return every file, without those in ``.seqsave``."""
    found = [path.relative_to(folder).as_posix() for path in folder.rglob("*.*") if path.is_file()]
    return sorted(name for name in found if ".seqsave/" not in name)


def tree_of(folder: Path, **sequences: int) -> Path:
    """Make a tree with sequences ``a/f_1.png`` ... of these lengths."""
    for name, count in sequences.items():
        (folder / name).mkdir(parents=True)
        for number in range(1, count + 1):
            (folder / name / f"f_{number}.png").write_bytes(encode(picture(number)))
    return folder


def test_a_tree_of_sequences(renders: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(renders, tree / "a" / "b")
    for number in (1, 2):
        for side in "LR":
            (tree / f"shot.{number:04}_{side}.png").write_bytes(encode(picture(number)))
    (tree / "notes.txt").write_text("notes")
    result = seqsave("save", tree, tmp_path / "out", "--recursive")
    assert "notes.txt" in result.err
    wanted = [path for path in names(tree) if path.endswith(".png")]
    assert names(tmp_path / "out") == wanted
    assert all((tmp_path / "out" / name).read_bytes() == (tree / name).read_bytes() for name in wanted)
    assert len(seqsave("save", tree, tmp_path / "more", "--recursive", "--json").document["sequences"]) == 3
    assert "lies in" in seqsave("save", tree, tree / "out", "--recursive", status=2).err


def test_folders_with_names_of_patterns_and_movies(tmp_path: Path) -> None:
    tree = tree_of(tmp_path / "tree", **{"take.####.png": 2, "####": 1, "movie.mp4": 1, "all [x]": 1})
    seqsave("save", tree, tmp_path / "out", "--recursive")
    assert names(tmp_path / "out") == names(tree)


def test_what_is_left_is_named(tmp_path: Path) -> None:
    tree = tree_of(tmp_path / "tree", a=1, b=2, c=1, d=1)
    (tree / "b" / "f_2.png").write_bytes(b"")
    reported = seqsave("save", tree, tmp_path / "out", "--recursive", "--quiet", status=1).err
    assert reported.splitlines()[-1] == (
        "seqsave: error: 1 sequence not saved completely: b/f_#.png; 2 sequences not begun: c/f_#.png, d/f_#.png; "
        "--keep-going saves them too"
    )
    assert names(tmp_path / "out") == ["a/f_1.png", "b/f_1.png"]
    result = seqsave("save", tree, tmp_path / "out", "--recursive", "--keep-going", "--json", status=1)
    assert result.err.splitlines()[-1] == "seqsave: error: 1 sequence not saved completely: b/f_#.png"
    assert result.document["error"] == "1 sequence not saved completely: b/f_#.png"
    assert [one["error"] is None for one in result.document["sequences"]] == [True, False, True, True]
    assert names(tmp_path / "out") == ["a/f_1.png", "b/f_1.png", "c/f_1.png", "d/f_1.png"]


def test_a_sequence_that_cannot_be_saved_at_all(tmp_path: Path) -> None:
    tree = tree_of(tmp_path / "tree", a=1, b=10)
    shutil.copy(tree / "a" / "f_1.png", tree / "b" / "f_010.png")
    reported = seqsave("save", tree, tmp_path / "out", "--recursive", status=2).err
    assert "f_010.png have the same number 10" in reported
    assert not (tmp_path / "out").exists()
    result = seqsave("save", tree, tmp_path / "out", "--recursive", "--keep-going", "--json", status=1)
    assert [("f_#.png" in one["pattern"], bool(one["error"])) for one in result.document["sequences"]] == [
        (False, True),
        (True, False),
    ]
    assert "1 sequence not saved completely: b/f_" in result.err
    assert names(tmp_path / "out") == ["a/f_1.png"]
    assert (
        "unknown file type"
        in seqsave("save", tree, tmp_path / "more", "--recursive", "--keep-going", "--filetype", "jgp", status=2).err
    )


def test_an_interrupt_ends_the_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = tree_of(tmp_path / "tree", a=1, b=1, c=1)
    summary = run.Job._write

    def write(job: run.Job) -> Any:
        if job.url.rstrip("/").endswith("b"):
            job.feed = _interrupt
        return summary(job)

    monkeypatch.setattr(run.Job, "_write", write)
    reported = seqsave("save", tree, tmp_path / "out", "--recursive", "--keep-going", status=130).err
    assert reported.splitlines()[-1] == (
        "seqsave: error: 1 sequence not saved completely: b/f_#.png; 1 sequence not begun: c/f_#.png"
    )
    assert names(tmp_path / "out") == ["a/f_1.png"]


def _interrupt(_writer: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("option", ["--frames", "--run", "--preview"])
def test_options_for_one_sequence(tmp_path: Path, option: str) -> None:
    tree = tree_of(tmp_path / "tree", a=1)
    value = {"--frames": "1", "--run": "job", "--preview": "mp4"}[option]
    reported = seqsave("save", tree, tmp_path / "out", "--recursive", option, value, status=2).err
    assert "contradict each other" in reported


@pytest.mark.skipif(sys.platform == "win32", reason="no links without rights")
def test_links_to_folders_are_named_and_not_followed(tmp_path: Path) -> None:
    shot = tmp_path / "in" / "shot"
    save(np.zeros((2, 4, 6, 3), np.uint8), shot)
    (shot / "loop").symlink_to("..")
    (tmp_path / "in" / "again").symlink_to("shot")
    (tmp_path / "in" / "broken").symlink_to("nowhere")
    stated = seqsave("save", "-r", tmp_path / "in", tmp_path / "out", "-q").err.splitlines()
    assert [line.partition(": ")[2].partition(", since")[0] for line in stated] == [
        f"warning: not followed in {tmp_path / 'in'}",
        f"warning: not followed in {shot}",
    ]
    assert [line.rpartition(": ")[2].partition(";")[0] for line in stated] == ["again", "loop"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["shot"]
