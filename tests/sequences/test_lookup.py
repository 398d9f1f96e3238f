"""What a URL means: a file, a folder, a pattern, a glob, or nothing."""

from __future__ import annotations

from typing import Any

import seqsave
from seqsave.sequences import lookup
from seqsave.sources import open_source
from seqsave.targets import Entry
from tests.cli.runner import seqsave as command
from tests.sequences.placed import PICTURE


def test_a_pattern_that_matches_nothing_names_what_was_found(tmp_path: Any) -> None:
    (tmp_path / "sim.0001.vdb").write_bytes(b"x")
    (tmp_path / "sim.0002.vdb").write_bytes(b"x")
    error = command("ls", tmp_path, status=1).err
    assert "but files with numbers: sim.####.vdb; give this pattern" in error
    assert command("ls", tmp_path / "sim.####.vdb").out.startswith("sim.####.vdb 1-2 (2 frames)")
    error = command("verify", tmp_path / "other.####.vdb", status=1).err
    assert "no sequence other.####.vdb in" in error
    assert "sim.####.vdb" in error


def test_an_empty_folder_of_an_object_store_is_called_one(tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(lookup, "_siblings", lambda *_: ("shot", [Entry("shot", 0, True), Entry("pipe", 0, False)]))
    assert lookup.describe_missing(tmp_path / "shot") == f"{tmp_path / 'shot'} is an empty folder"


def test_what_exists_is_never_a_pattern(tmp_path: Any) -> None:
    for folder in ("take #1.v2", "mix_##.png", "all*.png"):
        seqsave.save([PICTURE] * 2, f"{tmp_path / folder}/", filetype="png")
        assert seqsave.open_sequence(tmp_path / folder).indices == (0, 1)
        assert [frame.index for frame in open_source(tmp_path / folder)] == [0, 1]
        assert command("ls", tmp_path / folder).out.startswith("frame_#####.png 0-1")
        command("verify", tmp_path / folder)
