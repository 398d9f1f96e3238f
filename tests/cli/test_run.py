"""The report of a save by the command: as text, as JSON, and after an interrupt."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.cli.runner import seqsave


def test_messages_go_to_standard_error(renders: Path, tmp_path: Path) -> None:
    result = seqsave("save", renders, tmp_path / "out")
    assert result.out == ""
    first, gap, last = result.err.splitlines()
    assert first == f"{renders}: 3 pictures, numbered 3-4,6"
    assert gap == f"seqsave: warning: {renders} has no frame 5: the copy is recorded as complete nevertheless"
    assert last.startswith("saved 3 frames (")
    assert last.endswith(f"frame_#####.png 3-4,6 in {tmp_path / 'out'}")


def test_quiet_prints_only_warnings(renders: Path, tmp_path: Path) -> None:
    (renders / "frame_00006.png").rename(renders / "frame_00005.png")
    assert seqsave("save", renders, tmp_path / "out", "-q").err == ""
    (renders / "notes.txt").write_text("x")
    assert seqsave("save", renders, tmp_path / "out", "-q").err.startswith("seqsave: warning: left out 1 file")


def test_json_is_one_document(renders: Path, tmp_path: Path) -> None:
    result = seqsave("save", renders, tmp_path / "out", "--json")
    assert set(result.document) == {
        *("url", "pattern", "source", "filetype", "counts", "indices", "size"),
        *("seconds", "warnings", "failures", "spooled", "error", "help"),
    }
    assert result.document["url"] == str(tmp_path / "out")
    assert "saved 3 frames" in result.err


@pytest.mark.parametrize("arguments", [(), ("--filetype", "jpg")])
def test_interrupted_by_ctrl_c(
    renders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    from seqsave.sequences import file
    from seqsave.sources import reading

    def interrupted(original: Any) -> Any:
        def frames(*given: Any) -> Any:
            yield next(iter(original(*given)))
            raise KeyboardInterrupt

        return frames

    monkeypatch.setattr(reading._Frames, "iterate", interrupted(reading._Frames.iterate))
    monkeypatch.setattr(file, "files_of", interrupted(file.files_of))
    result = seqsave("save", renders, tmp_path / "out", "--json", "--concurrency", 1, *arguments, status=130)
    assert result.document["counts"]["saved"] == 1
    assert result.document["error"].startswith(f"interrupted: 1 frame saved in {tmp_path / 'out'} (3)")
    assert result.document["error"].endswith("run again with --if-exists skip to resume")
    assert "--if-exists skip" in result.err
    shutil.rmtree(tmp_path / "out")
