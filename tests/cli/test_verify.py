"""``seqsave verify``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from seqsave import save
from tests.cli.runner import options, seqsave

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.places import Place


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    save(np.zeros((60, 4, 6, 3), "uint8"), tmp_path, manifest=False)
    return tmp_path


def test_whole(place: Place) -> None:
    save(np.zeros((3, 4, 6, 3), "uint8"), place.url, storage_options=place.storage_options)
    result = seqsave("verify", place.url, *options(place))
    assert result.out.endswith(": 3 frames, not decoded: complete, as recorded in its manifest\n")
    deep = seqsave("verify", place.url, "--deep", *options(place))
    assert deep.out.endswith(": complete and intact, as recorded in its manifest\n")
    assert ": 3 frames, 3 decoded (6x4, 3 channels, uint8): " in deep.out


def test_what_to_render_again(frames: Path) -> None:
    for index in (17, *range(40, 53)):
        (frames / f"frame_{index:05d}.png").unlink()
    (frames / "frame_00003.png").write_bytes(b"\x89PNG")
    shallow = seqsave("verify", str(frames), status=1)
    assert shallow.out.splitlines() == [
        f"frame_#####.png in {frames}: 46 frames, not decoded: 14 problems",
        "  missing: 17,40-52",
        "render again: 17,40-52",
    ]
    deep = seqsave("verify", str(frames), "--deep", status=1).out.splitlines()
    assert "  undecodable: 3" in deep
    assert any(line.startswith("    frame_00003.png: ") for line in deep)
    assert deep[-1] == "render again: 3,17,40-52"


def test_json(frames: Path) -> None:
    (frames / "frame_00002.png").unlink()
    document = seqsave("verify", str(frames), "--json", status=1).document
    assert document["ok"] is False
    assert document["render_again"] == "2"
    assert document["findings"] == [{"kind": "missing", "index": 2, "batch": None, "url": None, "message": ""}]
    assert seqsave("verify", str(frames), "--frames", "3-59", "--json").document["ok"] is True


@pytest.mark.parametrize("wrong", ["all", "9-3", "0-10x0", "-3", "1..5"])
def test_wrong_ranges(frames: Path, wrong: str) -> None:
    assert "is not a range of frames" in seqsave("verify", str(frames), f"--frames={wrong}", status=2).err


def test_nothing_there(tmp_path: Path) -> None:
    assert "no sequence" in seqsave("verify", str(tmp_path), status=1).err


def test_against_the_manifest(tmp_path: Path) -> None:
    save(np.zeros((3, 4, 6, 3), "uint8"), tmp_path, total=5)
    (tmp_path / "frame_00001.png").write_bytes(b"\x89PNG")
    (tmp_path / "frame_00009.png").write_bytes(b"\x89PNG")
    lines = seqsave("verify", str(tmp_path), status=1).out.splitlines()
    assert lines[0].endswith("4 frames, not decoded: 4 problems")
    assert lines[1:] == [
        "  unfinished: frames are missing: 3-4",
        "  changed: 1",
        "  missing: 3-4",
        "  foreign: 9",
        f"    frame_00001.png has 4 bytes, {(tmp_path / 'frame_00000.png').stat().st_size} were written",
        "    frame_00009.png is not in the manifest",
        "render again: 1,3-4",
    ]
    document = seqsave("verify", str(tmp_path), "--json", status=1).document
    assert document["manifest"] == "unfinished"
    assert document["obstacles"] == ["frames are missing: 3-4"]
    assert document["render_again"] == "1,3-4"
