"""What Load Frames says of frames that are missing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from comfyui_seqsave.nodes.frames import LoadFrames
from PIL import Image

import seqsave
from seqsave import FrameNameError, SequenceNotFoundError

if TYPE_CHECKING:
    from comfyui_seqsave import host

ALL = {"start": -1, "count": 0, "step": 1, "missing": "error"}


def load(**more: Any) -> tuple[list[int], list[str]]:
    """Return the numbers of the loaded frames, which are their pixels, and the node's warnings."""
    done = LoadFrames().load("shot", "", **{**ALL, **more})
    images, mask, count = done["result"]
    assert len(images) == len(mask) == count
    return [round(float(image[0, 0, 0]) * 255) for image in images], done["ui"].get("warnings", [])


@pytest.fixture
def shot(folders: host.Folders) -> Path:
    """Frames 2 to 7 of a run over 2 to 11 that was interrupted, and of these only 4 to 7 still exist."""
    folder = Path(folders.output, "shot")
    frames = [np.full((2, 2, 3), index, np.uint8) for index in range(2, 8)]
    with pytest.warns(seqsave.SeqSaveWarning, match="are not saved: 8-11"):
        seqsave.save(frames, folder, total=10, start=2)
    for index in (2, 3):
        (folder / f"frame_{index:05d}.png").unlink()
    return folder


def test_what_lies_beside_the_sequence_is_named(folders: host.Folders) -> None:
    folder = Path(folders.output, "shot")
    seqsave.save(np.zeros((3, 2, 2, 3), np.uint8), folder)
    assert load() == ([0, 0, 0], [])
    for name in ("cover.png", "old_1.png"):
        (folder / name).write_bytes((folder / "frame_00000.png").read_bytes())
    with pytest.warns(seqsave.SeqSaveWarning, match="left out beside it"):
        frames, warned = load()
    assert (frames, warned) == ([0] * 3, ["frame_#####.png is loaded; left out beside it: old_#.png, cover.png"])
    assert LoadFrames().load("shot", "frame", **ALL)["ui"].get("warnings", []) == []


@pytest.mark.parametrize(
    ("given", "lacking"),
    [
        ({}, "frames 2-3,8-11"),
        ({"start": 4}, "frames 8-11"),
        ({"count": 3}, "frames 2-3"),
        ({"start": 4, "step": 2}, "frames 8-10x2"),
        ({"start": 5, "step": 3}, "frames 8-11x3"),
        ({"start": 4, "step": 5}, "frame 9"),
    ],
)
def test_an_open_range_of_an_unfinished_sequence_lacks_what_its_manifest_expects(
    shot: Path, given: dict[str, Any], lacking: str
) -> None:
    with pytest.raises(SequenceNotFoundError) as caught:
        load(**given)
    assert f"has no {lacking}, only 4-7; its manifest expects 2-11. Choose another range" in str(caught.value)
    frames, warned = load(**given, missing="skip")
    assert set(frames) <= {4, 5, 6, 7}
    assert warned == [f"frame_#####.png has no {lacking}: left out"]


@pytest.mark.parametrize(
    ("given", "frames"),
    [
        ({"start": 4, "count": 4}, [4, 5, 6, 7]),
        ({"start": 5, "step": 100, "count": 1}, [5]),
        ({"start": 5, "step": 100}, [5]),
    ],
)
def test_ranges_without_a_gap(shot: Path, given: dict[str, Any], frames: list[int]) -> None:
    assert load(**given) == (frames, [])


def test_all_of_a_finished_sequence_is_loaded_without_a_word(folders: host.Folders) -> None:
    seqsave.save([np.full((2, 2, 3), index, np.uint8) for index in range(3)], Path(folders.output, "shot"))
    assert load() == ([0, 1, 2], [])


def test_a_damaged_manifest_is_named(shot: Path) -> None:
    (shot / ".seqsave" / "frame.png.json").write_text("{")
    frames, (warning,) = load()
    assert frames == [4, 5, 6, 7]
    assert "is damaged" in warning
    assert "Whether frames are missing before the first or after the last one is not known" in warning
    assert load(start=4, count=4) == (frames, [])


def test_repeated_and_left_out_frames_are_named(shot: Path) -> None:
    (shot / "frame_00006.png").unlink()
    frames, warned = load(start=1, missing="repeat previous")
    assert frames == [4, 5, 5, 7]
    assert warned == [
        "frame_#####.png has no frames 1-3,8-11: left out",
        "frame_#####.png has no frame 6: the frame before is loaded in its place",
    ]


def test_beyond_the_end(shot: Path) -> None:
    assert load(start=6, count=3, missing="skip") == ([6, 7], ["frame_#####.png has no frame 8: left out"])
    with pytest.raises(SequenceNotFoundError, match="no frame in this range, only 4-7"):
        load(start=8, missing="skip")


def test_a_number_below_the_first_one_is_a_frame_as_well(folders: host.Folders) -> None:
    """The widget takes -1 at least; another node may give any number."""
    folder = Path(folders.output, "shot")
    seqsave.save([np.full((2, 2, 3), index, np.uint8) for index in range(4)], folder, start=-3)
    assert load(start=-2) == ([1, 2, 3], [])
    assert load(start=-1) == ([0, 1, 2, 3], [])
    with pytest.raises(SequenceNotFoundError, match="has no frames -7--4, only -3-0"):
        load(start=-7)


def test_pictures_of_one_file(folders: host.Folders) -> None:
    first, *others = [Image.new("RGB", (2, 2), (index,) * 3) for index in range(3)]
    first.save(Path(folders.output, "shot.webp"), save_all=True, append_images=others, lossless=True)

    def load_file(**more: Any) -> tuple[int, list[str]]:
        done = LoadFrames().load("shot.webp", "", **{**ALL, **more})
        return done["result"][2], done["ui"].get("warnings", [])

    assert load_file() == (3, [])
    assert load_file(start=1, count=4, missing="skip") == (2, ["shot.webp has no frames 3-4: left out"])
    repeated = load_file(start=1, count=4, missing="repeat previous")
    assert repeated == (4, ["shot.webp has no frames 3-4: the last one is loaded in its place"])
    with pytest.raises(FrameNameError, match="start"):
        load_file(start=-2)
    with pytest.raises((SequenceNotFoundError, FrameNameError)):
        load_file(count=2**62, step=4, missing="repeat previous")
