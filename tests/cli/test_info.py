"""``seqsave info``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from seqsave import SeqSaveWarning, save
from tests.cli.runner import options, seqsave

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.places import Place

ZEROS = np.zeros((4, 4, 6, 3), "uint8")


def test_a_sequence(place: Place) -> None:
    with pytest.warns(SeqSaveWarning, match="6 of the 10 frames that `total` states"):
        save(
            ZEROS,
            place.url,
            metadata={"workflow": {"a": "s3cr3t"}},
            color="display-p3",
            rate="24000/1001",
            start=1001,
            total=10,
            storage_options=place.storage_options,
        )
    result = seqsave("info", place.url, *options(place))
    lines = {line.split(maxsplit=1)[0]: line for line in result.out.splitlines()}
    assert result.out.startswith(f"frame_#####.png in {place.url}")
    assert "1001-1004 (4 frames), unfinished, 4 of 10; to render again: 1005-1010" in lines["frames"]
    assert lines["expected"].endswith("1001-1010")
    assert lines["picture"].endswith("6x4, 3 channels, uint8")
    assert lines["colour"].endswith("display-p3")
    assert lines["rate"].endswith("24000/1001 frames/s")
    assert lines["metadata"].endswith("workflow")
    assert "s3cr3t" not in result.out
    document = seqsave("info", place.url, "--json", *options(place))
    assert "s3cr3t" not in document.out
    (found,) = document.document["sequences"]
    assert (found["first"], found["last"], found["missing"]) == (1001, 1004, "")
    assert (found["width"], found["height"], found["channels"], found["dtype"]) == (6, 4, 3, "uint8")
    assert (found["color"], found["rate"], found["metadata"]) == ("display-p3", "24000/1001", ["workflow"])
    assert found["progress"]["render_again"] == "1005-1010"
    assert found["size"] == sum(len(place.read(name)) for name in place.frames())


def test_pictures_patterns_and_folders_at_once(tmp_path: Path) -> None:
    save(ZEROS, tmp_path / "a")
    save(ZEROS, str(tmp_path / "b" / "shot.####.jpg"))
    Image.new("L", (5, 3)).save(tmp_path / "still.png")
    names = (tmp_path / "a", tmp_path / "b" / "shot.####.jpg", tmp_path / "still.png", tmp_path / "a/frame_00002.png")
    found = seqsave("info", *names, "--json").document
    assert [one["pattern"] for one in found["sequences"]] == ["frame_#####.png", "shot.####.jpg"]
    assert [one["url"] for one in found["pictures"]] == [str(names[2]), str(names[3])]
    assert (found["pictures"][0]["width"], found["pictures"][0]["channels"]) == (5, 1)
    assert found["pictures"][0]["color"] is None
    assert seqsave("info", names[2]).out.splitlines()[0] == str(names[2])


def test_of_several_sequences_each_is_described(tmp_path: Path) -> None:
    save(ZEROS, tmp_path, prefix="a")
    save(ZEROS, tmp_path, prefix="b")
    assert [line.split()[0] for line in seqsave("info", tmp_path).out.splitlines() if " in " in line] == [
        "a_#####.png",
        "b_#####.png",
    ]
    assert "b_" not in seqsave("info", tmp_path, "--prefix", "a").out
    assert "no sequence c_####" in seqsave("info", tmp_path, "--prefix", "c", status=1).err


def test_a_format_that_nothing_reads(tmp_path: Path) -> None:
    for index in (1, 2):
        (tmp_path / f"plate.{index:04d}.dpx").write_bytes(b"SDPX")
    result = seqsave("info", tmp_path)
    assert "dpx (no installed decoder reads it)" in result.out
    assert "1-2 (2 frames)" in result.out


def test_damage_is_a_problem(tmp_path: Path) -> None:
    save(ZEROS, tmp_path)
    (tmp_path / "frame_00000.png").write_bytes(b"\x89PNG\r\n\x1a\nrest")
    result = seqsave("info", tmp_path, status=1)
    assert "  problem    frame_00000.png: " in result.out
    assert "6x4, 3 channels, uint8" in result.out
    assert "from the manifest" in result.out


def test_what_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"clip")
    save(ZEROS, tmp_path / "a")
    assert "is a movie, not a picture" in seqsave("info", tmp_path / "clip.mp4", status=1).err
    assert "did you mean 'clip.mp4'?" in seqsave("info", tmp_path / "clip.mp", status=1).err
    both = seqsave("info", tmp_path / "nothing", tmp_path / "a", status=1)
    assert "nothing does not exist" in both.err
    assert "frame_#####.png" in both.out
    pattern = seqsave("info", tmp_path / "a" / "x.####.png", status=1)
    assert "no sequence x.####.png in" in pattern.err
    assert "but 1 sequence: frame_#####.png 0-3" in pattern.err
