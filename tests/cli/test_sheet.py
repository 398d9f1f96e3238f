"""``seqsave sheet``."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from seqsave import save
from tests.cli.runner import options, seqsave
from tests.support.places import Place


def frames(count: int) -> Any:
    return np.repeat(np.linspace(0, 1, count, dtype=np.float32), 36 * 64 * 3).reshape(count, 36, 64, 3)


def test_beside_the_frames_on_any_storage(place: Place) -> None:
    save(frames(9), place.url, storage_options=place.storage_options)
    made = seqsave("sheet", place.url, f"{place.url}/frame_sheet.jpg", *options(place), "--json").document
    with Image.open(io.BytesIO(place.read("frame_sheet.jpg"))) as image:
        assert image.size == (made["width"], made["height"])
    assert (made["width"], made["problems"]) == (1600, [])
    listed = seqsave("ls", place.url, *options(place), "--json").document
    assert [one["indices"] for one in listed["sequences"]] == ["0-8"]
    assert seqsave("verify", place.url, *options(place)).status == 0


def test_width_columns_and_cells(tmp_path: Path) -> None:
    save(frames(40), tmp_path / "a")
    arguments = ["--cells", 10, "--columns", 5, "--width", 500, "-q"]
    out = seqsave("sheet", tmp_path / "a", tmp_path / "b.png", *arguments).out
    with Image.open(tmp_path / "b.png") as image:
        assert out.startswith(f"{tmp_path / 'b.png'}: 500x{image.height} pixels, ")
        assert image.height < 250


def test_broken_frames_are_warnings_and_chosen_frames_have_no_gaps(tmp_path: Path) -> None:
    save(frames(5), tmp_path / "a", filetype="png")
    (tmp_path / "a" / "frame_00003.png").write_bytes(b"no picture")
    result = seqsave("sheet", tmp_path / "a", tmp_path / "b.webp", "--frames", "0,3", "--json", "-q")
    assert [one["index"] for one in result.document["problems"]] == [3]
    assert "seqsave: warning: frame 3 cannot be shown: " in result.err
    with Image.open(tmp_path / "b.webp") as image:
        two = image.height
    seqsave("sheet", tmp_path / "a", tmp_path / "c.png", "--frames", "0,3,4", "-q")
    with Image.open(tmp_path / "c.png") as image:
        assert image.height == two, "in one row, as the gap between chosen frames has no cell"


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["{0}/a", "{0}/a.gif"], 2, "a sheet is .png, .jpg or .webp, not 'a.gif'"),
        (["{0}/a", "{0}/a/frame_7.png"], 2, "would be taken for frame 7"),
        (["{0}/none", "{0}/a.png"], 1, "{0}/none does not exist"),
        (["{0}/a", "{0}/a.png", "--columns", "400"], 2, "columns is 400: a sheet of 1600 pixels has room for 1 to 65"),
        (["{0}/a", "{0}/a.png", "--width", "9"], 2, "9 is not in the range"),
        (["{0}/a", "{0}/a.png", "--frames", "7"], 1, "has no frame 7"),
        (["{0}/a"], 2, "Missing argument 'OUT'"),
    ],
)
def test_what_cannot_be_is_one_error(tmp_path: Path, arguments: list[str], status: int, message: str) -> None:
    save(frames(2), tmp_path / "a")
    error = seqsave("sheet", *(one.format(tmp_path) for one in arguments), "-q", status=status).err
    assert message.format(tmp_path) in error
    assert not list(tmp_path.glob("*.*"))
