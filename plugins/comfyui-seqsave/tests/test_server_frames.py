"""Save Frames, Load Frames and Image Sequence Loader in the real server, on local folders."""

from __future__ import annotations

import re
import shutil
from typing import Any

import numpy as np
import pytest
from graphs import Graph, eight_bit, failure, files, refused, seen, seen_array
from helper_nodes import pictures
from PIL import Image
from server import ComfyError, ComfyServer


def names(numbers: Any, extension: str = "png") -> list[str]:
    return [f"frame_{number:05d}.{extension}" for number in numbers]


# --- Save Frames ---


@pytest.mark.parametrize("start", [0, 1, 1001])
def test_the_batch_is_time(comfy: ComfyServer, start: int) -> None:
    graph = Graph()
    folder = comfy.output / f"time{start}"
    saver = graph.frames(f"time{start}", graph.pictures(4, seed=21 + start), start=start, frames_per_second=12.0)
    look = graph.seen(image=saver[0], animation_sequence=saver[2], log_entry=saver[3])
    urls = graph.seen(text=saver[1])
    outputs = comfy.run(graph)
    expected = pictures(21 + start, 4, 8, 12)
    paths = [str(folder / name) for name in names(range(start, start + 4))]
    assert [str(folder / name) for name in files(folder)] == paths
    for path, pixels in zip(paths, eight_bit(expected), strict=True):
        with Image.open(path) as image:
            assert np.array_equal(np.asarray(image), pixels)
    reported = seen(outputs, look)
    assert np.array_equal(seen_array(reported["image"]), expected), "the images are not passed through"
    assert reported["animation_sequence"]["files"] == [paths]
    assert reported["animation_sequence"]["keys"] == list(range(start, start + 4))
    assert reported["animation_sequence"]["fps"] == 12.0
    assert [text for _, text in reported["log_entry"]["data"]][:4] == [
        f"Saved {name} in {folder}" for name in names(range(start, start + 4))
    ]
    assert [one["text"] for one in outputs[urls]["seen"]] == paths
    assert outputs[saver]["text"] == paths
    assert [image["filename"] for image in outputs[saver]["images"]] == names(range(start, start + 4))


def test_one_picture_is_one_frame(comfy: ComfyServer) -> None:
    graph = Graph()
    graph.frames("single", graph.pictures(1), filetype="webp")
    comfy.run(graph)
    assert files(comfy.output / "single") == names([0], "webp")


def save_again(comfy: ComfyServer, folder: str, if_exists: str, seed: int, **more: Any) -> Graph:
    """Three frames from number 1 on, where 0 to 2 are; what becomes of it is for the test to see."""
    graph = Graph()
    graph.frames(folder, graph.pictures(3, seed=seed - 1))
    comfy.run(graph)
    graph = Graph()
    graph.frames(folder, graph.pictures(3, seed=seed), start=1, if_exists=if_exists, **more)
    return graph


def first_pixels(comfy: ComfyServer, folder: str) -> list[list[int]]:
    found = []
    for name in files(comfy.output / folder):
        with Image.open(comfy.output / folder / name) as image:
            found.append(list(image.getpixel((0, 0))))
    return found


def corner(seed: int) -> list[list[int]]:
    return eight_bit(pictures(seed, 3, 8, 12))[:, 0, 0].tolist()


def test_overwrite(comfy: ComfyServer) -> None:
    comfy.run(save_again(comfy, "overwrite", "overwrite", 32))
    assert first_pixels(comfy, "overwrite") == [*corner(31)[:1], *corner(32)]


def test_skip(comfy: ComfyServer) -> None:
    graph = save_again(comfy, "skip", "skip", 34)
    look = graph.seen(log_entry=["2", 3], animation_sequence=["2", 2])
    outputs = comfy.run(graph)
    assert first_pixels(comfy, "skip") == [*corner(33), *corner(34)[2:]]
    folder = comfy.output / "skip"
    reported = seen(outputs, look)
    assert [text for _, text in reported["log_entry"]["data"]][:3] == [
        f"Kept frame_00001.png in {folder}",
        f"Kept frame_00002.png in {folder}",
        f"Saved frame_00003.png in {folder}",
    ]
    assert reported["animation_sequence"]["keys"] == [1, 2, 3]


def test_error_before_anything_is_replaced(comfy: ComfyServer) -> None:
    graph = save_again(comfy, "error", "error", 36)
    stated = failure(comfy, graph, "Save Frames")
    # All three frames are refused; which one is refused first is up to chance.
    assert re.search(r"frame_0000[123]\.png already exists", stated)
    assert first_pixels(comfy, "error")[:3] == corner(35)
    assert all(name.startswith("frame_") for name in files(comfy.output / "error")), "a temporary file is left"


def test_an_image_that_the_format_cannot_hold_is_an_error(comfy: ComfyServer) -> None:
    graph = Graph()
    graph.frames("channels", graph.pictures(2, channels=7))
    assert "channel" in failure(comfy, graph, "Save Frames")
    assert not (comfy.output / "channels").exists() or files(comfy.output / "channels") == []


# --- Load Frames ---


@pytest.fixture(scope="module")
def shot(comfy: ComfyServer) -> np.ndarray:
    """Frames 10 to 19 without 14 in the folder ``shot``, as IMAGE; and other things beside them."""
    graph = Graph()
    graph.frames("shot", graph.pictures(10, seed=41), start=10)
    graph.frames("shot", graph.pictures(1), prefix="other")
    comfy.run(graph)
    (comfy.output / "shot" / "frame_00014.png").unlink()
    (comfy.output / "shot" / "readme.txt").touch()
    return np.float32(eight_bit(pictures(41, 10, 8, 12))) / np.float32(255)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"missing": "skip"}, [10, 11, 12, 13, 15, 16, 17, 18, 19]),
        ({"missing": "repeat previous"}, [10, 11, 12, 13, 13, 15, 16, 17, 18, 19]),
        ({"count": 3}, [10, 11, 12]),
        ({"start": 16}, [16, 17, 18, 19]),
        ({"start": 15, "count": 2}, [15, 16]),
        ({"step": 3, "count": 2}, [10, 13]),
        ({"start": 11, "step": 4}, [11, 15, 19]),
        ({"start": 13, "count": 3, "missing": "repeat previous"}, [13, 13, 15]),
        ({"start": 12, "count": 4, "step": 2, "missing": "skip"}, [12, 16, 18]),
    ],
)
def test_ranges(comfy: ComfyServer, shot: np.ndarray, given: dict[str, Any], expected: list[int]) -> None:
    graph = Graph()
    look = graph.load("shot", **{"prefix": "frame", **given})
    reported = seen(comfy.run(graph), look)
    assert reported["int"] == len(expected)
    assert np.array_equal(seen_array(reported["image"]), shot[[number - 10 for number in expected]])
    assert np.array_equal(seen_array(reported["mask"]), np.zeros((len(expected), 8, 12), np.float32))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"prefix": "frame"}, ["has no frame 14", "10-13", "15-19"]),
        ({"prefix": "frame", "start": 30, "count": 2}, ["no frame in this range", "10-13"]),
        ({"prefix": "frame", "start": 30, "count": 2, "missing": "skip"}, ["no frame in this range"]),
        ({}, ["frame", "other"]),
        ({"prefix": "nobody"}, ["nobody"]),
    ],
)
def test_what_cannot_be_loaded(comfy: ComfyServer, shot: np.ndarray, given: dict[str, Any], says: list[str]) -> None:
    graph = Graph()
    graph.load("shot", **given)
    stated = failure(comfy, graph, "Load Frames")
    assert all(word in stated for word in says), stated


def test_an_absurd_count_is_refused(comfy: ComfyServer, shot: np.ndarray) -> None:
    graph = Graph()
    graph.load("shot", prefix="frame", count=2**31 - 1, missing="repeat previous")
    with pytest.raises(ComfyError, match="bigger than max"):
        comfy.run(graph)


def test_alpha_becomes_a_mask(comfy: ComfyServer) -> None:
    graph = Graph()
    graph.frames("masked", graph.pictures(2, seed=42, channels=4))
    comfy.run(graph)
    graph = Graph()
    look = graph.load("masked")
    reported = seen(comfy.run(graph), look)
    expected = np.float32(eight_bit(pictures(42, 2, 8, 12, 4))) / np.float32(255)
    assert np.array_equal(seen_array(reported["image"]), expected[..., :3])
    assert np.array_equal(seen_array(reported["mask"]), 1 - expected[..., 3])


def test_sixteen_bits_stay_sixteen_bits(comfy: ComfyServer) -> None:
    folder = comfy.output / "deep"
    folder.mkdir()
    values = np.random.default_rng(43).integers(0, 65536, (8, 12), dtype=np.uint16)
    Image.fromarray(values).save(folder / "grey_0001.png")
    graph = Graph()
    look = graph.load("deep")
    image = seen_array(seen(comfy.run(graph), look)["image"])
    assert image.shape == (1, 8, 12, 3)
    assert np.allclose(image[0], values[..., None] / 65535.0, atol=1e-7)


def test_a_frame_is_loaded_again_when_it_has_changed(comfy: ComfyServer) -> None:
    folder = comfy.output / "changed"
    folder.mkdir()
    graph = Graph()
    look = graph.load("changed")
    reported, kept = [], []
    for grey in (10, 20, None):
        if grey is not None:
            Image.new("L", (4, 4), grey).save(folder / "frame_0.png")
        history = comfy.wait(comfy.queue(graph))
        reported.append(seen_array(seen(history["outputs"], look)["image"])[0, 0, 0, 0])
        kept += [stated["nodes"] for kind, stated in history["status"]["messages"] if kind == "execution_cached"]
    assert reported == [np.float32(grey) / np.float32(255) for grey in (10, 20, 20)]
    assert kept == [[], [], ["1"]], "loaded again although it has not changed"


def test_sizes_that_differ_are_an_error(comfy: ComfyServer) -> None:
    graph = Graph()
    graph.frames("sizes", graph.pictures(1, 8, 12))
    graph.frames("sizes", graph.pictures(1, 9, 12), start=1)
    comfy.run(graph)
    graph = Graph()
    graph.load("sizes")
    assert "12x9" in failure(comfy, graph, "Load Frames")


def test_no_such_folder(comfy: ComfyServer) -> None:
    graph = Graph()
    graph.load("nowhere")
    assert "nowhere" in failure(comfy, graph, "Load Frames")
    graph = Graph()
    graph.load("/nowhere")
    assert "[comfyui] allow" in refused(comfy, graph)


# --- Image Sequence Loader ---


def loaded(comfy: ComfyServer, folder: str, index: int, default: bool = False, **more: Any) -> tuple[np.ndarray, str]:
    graph = Graph()
    inputs = {"pattern": "*", "indexing": "numeric", **more}
    if default:
        inputs["default_image"] = graph.pictures(1, 2, 2, seed=50)[0]
    loader = graph.ours("Image Sequence Loader", frame_counter=graph.counter(index)[0], directory_path=folder, **inputs)
    look = graph.seen(image=loader[0], text=loader[1])
    reported = seen(comfy.run(graph), look)
    return seen_array(reported["image"]), reported["text"]


def test_numeric_loader(comfy: ComfyServer, shot: np.ndarray) -> None:
    image, name = loaded(comfy, "shot", 12, pattern="frame_*")
    assert name == "frame_00012.png"
    assert np.array_equal(image, shot[2:3])


def test_alphabetic_loader(comfy: ComfyServer, shot: np.ndarray) -> None:
    image, name = loaded(comfy, "shot", 4, pattern="frame_*", indexing="alphabetic order")
    assert name == "frame_00015.png", "14 is missing, so it is the one at position 4"
    assert np.array_equal(image, shot[5:6])


def test_default_image(comfy: ComfyServer, shot: np.ndarray) -> None:
    for folder, index in (("shot", 14), ("nowhere", 0)):
        image, name = loaded(comfy, folder, index, default=True, pattern="frame_*")
        assert name == ""
        assert np.array_equal(image, pictures(50, 1, 2, 2))
    image, name = loaded(comfy, "shot", 12, default=True, pattern="frame_*")
    assert (name, image.shape) == ("frame_00012.png", (1, 8, 12, 3))


def test_no_frame_and_no_default_image(comfy: ComfyServer, shot: np.ndarray) -> None:
    graph = Graph()
    loader = graph.ours(
        "Image Sequence Loader",
        frame_counter=graph.counter(14)[0],
        directory_path="shot",
        pattern="frame_*",
        indexing="numeric",
    )
    graph.seen(image=loader[0])
    stated = failure(comfy, graph, "Image Sequence Loader")
    assert "no frame 14" in stated
    assert "default_image" in stated


def test_variations_become_one_image(comfy: ComfyServer) -> None:
    graph = Graph()
    graph.saver("variations", graph.pictures(3, seed=51), graph.counter(7), filetype="png")
    comfy.run(graph)
    shutil.rmtree(comfy.output / "variations" / "batch_0001")  # a gap does not end it
    image, name = loaded(comfy, "variations", 7)
    assert name == "frame_00007.png"
    assert np.array_equal(image, np.float32(eight_bit(pictures(51, 3, 8, 12)))[[0, 2]] / np.float32(255))


def test_a_pattern_is_no_path(comfy: ComfyServer) -> None:
    graph = Graph()
    loader = graph.ours(
        "Image Sequence Loader",
        frame_counter=graph.counter()[0],
        directory_path="shot",
        pattern="../*",
        indexing="numeric",
    )
    graph.seen(image=loader[0])
    assert "pattern" in failure(comfy, graph, "Image Sequence Loader")
