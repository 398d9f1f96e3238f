"""``seqsave save``: pictures, statements about them, and several file types at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqsave import open_sequence
from tests.cli.runner import seqsave
from tests.support.needs import needs_package


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "frames.npy"
    np.save(path, np.full((3, 8, 8, 3), 0.5, np.float32))
    return path


def test_sixteen_bits_with_what_they_mean(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    seqsave("save", source, out, "--dtype", "uint16", "--color", "srgb", "--dpi", 300, "--tag", "artist=Ada")
    data = (out / "frame_00000.png").read_bytes()
    assert open_sequence(out)[0].read()[0, 0].tolist() == [32768] * 3
    assert all(kind in data for kind in (b"cICP", b"pHYs", b"eXIf", b"Ada"))


def test_several_file_types_and_a_preview(source: Path, tmp_path: Path) -> None:
    needs_package("av")
    out = tmp_path / "out"
    arguments = ["--filetype", "png", "--filetype", "jpg", "--option", "quality=80", "--preview", "webm", "--json"]
    reported = seqsave("save", source, out, *arguments).document
    assert reported["counts"]["saved"] == 6
    assert reported["filetype"] == "png, jpg"
    assert sorted({path.suffix for path in out.glob("frame*")}) == [".jpg", ".png", ".webm"]


@pytest.mark.parametrize(("where", "count"), [("each-frame", 3), ("first-frame", 1), ("sidecar", 0), ("none", 0)])
def test_where_metadata_goes_and_what_is_withheld(source: Path, tmp_path: Path, where: str, count: int) -> None:
    graph = {"nodes": [{"type": "Note", "widgets_values": ["call Ada"]}, {"type": "Load", "widgets_values": ["x.png"]}]}
    (tmp_path / "workflow.json").write_text(json.dumps(graph))
    out = tmp_path / "out"
    given: list[Any] = ["--workflow", tmp_path / "workflow.json", "--metadata-in", where, "--withhold", "Note"]
    seqsave("save", source, out, *given)
    frames = [path.read_bytes() for path in out.glob("frame*.png")]
    assert sum(b"x.png" in data for data in frames) == count
    assert not any(b"Ada" in path.read_bytes() for path in out.rglob("*") if path.is_file())


def test_a_sidecar_needs_no_file_type_that_embeds(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert (
        "--metadata-in sidecar"
        in seqsave("save", source, out, "--filetype", "png", "--metadata", "shot=7", status=2).err
    )
    seqsave("save", source, out, "--filetype", "png", "--metadata", "shot=7", "--metadata-in", "sidecar")
    assert open_sequence(out)[0].read_metadata() == {"shot": 7}


def test_what_asks_for_a_change_does_not_copy(source: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    seqsave("save", source, first, "--metadata", "secret=1")
    seqsave("save", first, second, "--metadata-in", "none")
    assert open_sequence(second)[0].read_metadata() == {}
    assert (open_sequence(second)[0].read() == open_sequence(first)[0].read()).all()


def test_a_conversion(source: Path, tmp_path: Path) -> None:
    needs_package("PyOpenColorIO", "pip install opencolorio")
    seqsave("save", source, tmp_path / "out", "--color", "linear-srgb", "--convert-to", "srgb")
    assert open_sequence(tmp_path / "out")[0].read()[0, 0].tolist() == [187] * 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dtype", "float32"], "takes uint8, uint16"),
        (["--color", "sRGB"], "did you mean 'srgb'"),
        (["--convert-to", "srgb"], "give color as well"),
        (["--tag", "author=x"], "'author' is not known"),
        (["--filetype", "png", "--filetype", "png"], r"two that write .png"),
        (["--preview", "gif"], "'gif' is not one of"),
        (["--metadata-in", "first"], "'first' is not one of"),
    ],
)
def test_what_makes_no_sense_is_a_wrong_call(source: Path, tmp_path: Path, arguments: list[str], message: str) -> None:
    assert message in seqsave("save", source, tmp_path / "out", *arguments, status=2).err
    assert not (tmp_path / "out").exists()
