"""Image Sequence Saver in the real server: names, pixels, metadata, the end of an animation, sockets, refusals."""

from __future__ import annotations

import io
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from graphs import Graph, eight_bit, failure, failure_before_rendering, files, refused, seen
from helper_nodes import pictures
from PIL import Image
from server import ComfyError, ComfyServer

WORKFLOW = {"nodes": [{"id": 1, "title": "Übersicht 🎬"}], "version": 0.4}
FILETYPES = ["png with embedded workflow", "png", "jpg", "jpg with embedded workflow", "jpeg", "webp"]


def test_a_picture_goes_straight_into_the_folder_with_its_workflow(comfy: ComfyServer) -> None:
    graph = Graph()
    saver = graph.saver("one", graph.pictures(1, 8, 12, seed=11), graph.counter(17))
    outputs = comfy.run(graph, WORKFLOW)
    assert files(comfy.output / "one") == ["frame_00017.png"]
    path = comfy.output / "one" / "frame_00017.png"
    with Image.open(path) as image:
        assert np.array_equal(np.asarray(image), eight_bit(pictures(11, 1, 8, 12))[0])
        texts = dict(image.text)
    assert {name: json.loads(text) for name, text in texts.items()} == {"prompt": graph, "workflow": WORKFLOW}
    assert outputs[saver] == {
        "images": [{"filename": "frame_00017.png", "subfolder": "one", "type": "output"}],
        "text": [str(path)],
        "warnings": ["frame 17: values outside 0..1 were clipped"],
        "look": [{"folder": str(comfy.output / "one"), "pattern": "frame_#####.png"}],
    }
    assert f"Saved frame_00017.png in {comfy.output / 'one'}" in comfy.log


def test_the_pictures_that_the_front_end_shows_can_be_fetched(comfy: ComfyServer) -> None:
    graph = Graph()
    saver = graph.saver("shown", graph.pictures(2))
    images = comfy.run(graph)[saver]["images"]
    assert [image["subfolder"] for image in images] == ["shown/batch_0000", "shown/batch_0001"]
    for image in images:
        query = "&".join(f"{name}={value}" for name, value in image.items())
        with Image.open(io.BytesIO(comfy.download(f"/view?{query}"))) as shown:
            assert shown.size == (12, 8)


def test_several_pictures_are_variations_of_one_frame(comfy: ComfyServer) -> None:
    graph = Graph()
    graph.saver("batches", graph.pictures(3, seed=12), graph.counter(5), filetype="png", prefix="sub/ä b", digits=3)
    comfy.run(graph)
    names = [f"batch_{number:04d}/sub/ä b_005.png" for number in range(3)]
    assert files(comfy.output / "batches") == names
    for name, expected in zip(names, eight_bit(pictures(12, 3, 8, 12)), strict=True):
        with Image.open(comfy.output / "batches" / name) as image:
            assert np.array_equal(np.asarray(image), expected)
            assert "prompt" not in image.info


@pytest.mark.parametrize("folder", ["", "OUTPUT"])
def test_empty_and_the_default_mean_the_output_folder(comfy: ComfyServer, folder: str) -> None:
    graph = Graph()
    prefix = f"default{len(folder)}"
    graph.saver(folder and str(comfy.output), prefix=prefix)
    comfy.run(graph)
    assert (comfy.output / f"{prefix}_00000.png").is_file()


@pytest.mark.parametrize("filetype", FILETYPES)
def test_every_filetype(comfy: ComfyServer, filetype: str) -> None:
    graph = Graph()
    folder = filetype.replace(" ", "-")
    saver = graph.saver(folder, graph.pictures(1, 16, 16, seed=13, smooth=True), filetype=filetype)
    outputs = comfy.run(graph, WORKFLOW)
    extension = filetype.split(" ", maxsplit=1)[0]
    assert files(comfy.output / folder) == [f"frame_00000.{extension}"]
    assert outputs[saver]["images"] == [{"filename": f"frame_00000.{extension}", "subfolder": folder, "type": "output"}]
    path = comfy.output / folder / f"frame_00000.{extension}"
    with Image.open(path) as image:
        assert image.format == {"jpg": "JPEG"}.get(extension, extension.upper())
        difference = np.asarray(image).astype(int) - eight_bit(pictures(13, 1, 16, 16, smooth=True))[0]
    assert np.abs(difference).max() <= (0 if extension == "png" else 6)
    assert (b"\xc3\x9cbersicht" in path.read_bytes() or rb"\u00dcbersicht" in path.read_bytes()) == (
        "embedded" in filetype
    )


def test_webp_carries_the_workflow_where_the_front_end_looks_for_it(comfy: ComfyServer) -> None:
    graph = Graph()
    graph.saver("webp", filetype="webp with embedded workflow")
    comfy.run(graph, WORKFLOW)
    with Image.open(comfy.output / "webp" / "frame_00000.webp") as image:
        exif = image.getexif()
    prompt, workflow = exif[0x0110].partition(":"), exif[0x010F].partition(":")
    assert (prompt[0], json.loads(prompt[2])) == ("prompt", graph)
    assert (workflow[0], json.loads(workflow[2])) == ("workflow", WORKFLOW)


def test_plugins_add_to_the_list_by_themselves(comfy: ComfyServer) -> None:
    inputs = comfy.get("/object_info/Image%20Sequence%20Saver%20[seqsave]")["Image Sequence Saver [seqsave]"]["input"]
    choices, settings = inputs["required"]["filetype"]
    assert choices[:3] == ["png with embedded workflow", "png", "jpg"]
    assert {"webp", "webp with embedded workflow"} <= set(choices)
    assert settings["default"] == "png with embedded workflow"
    assert inputs["required"]["directory_path"][1]["default"] == str(comfy.output)
    assert inputs["required"]["at_end"] == [
        ["stop output", "raise error", "keep going"],
        {"default": "stop output", "tooltip": inputs["required"]["at_end"][1]["tooltip"]},
    ]
    assert inputs["required"]["digits"][1]["default"] == 5
    assert inputs["required"]["prefix"][1]["default"] == "frame"


def test_a_call_without_a_workflow_embeds_the_prompt_alone(comfy: ComfyServer) -> None:
    graph = Graph()
    graph.saver("call")
    comfy.run(graph)
    with Image.open(comfy.output / "call" / "frame_00000.png") as image:
        assert {name: json.loads(text) for name, text in image.text.items()} == {"prompt": graph}


def test_alpha_goes_into_png_and_is_left_out_of_jpg(comfy: ComfyServer) -> None:
    graph = Graph()
    image = graph.pictures(1, 16, 16, seed=14, channels=4, smooth=True)
    log = graph.saver("alpha", image, filetype="png")
    jpg = graph.saver("alpha", image, filetype="jpg")
    comfy.run(graph)
    expected = eight_bit(pictures(14, 1, 16, 16, 4, smooth=True))[0]
    with Image.open(comfy.output / "alpha" / "frame_00000.png") as saved:
        assert np.array_equal(np.asarray(saved), expected)
    with Image.open(comfy.output / "alpha" / "frame_00000.jpg") as saved:
        assert np.abs(np.asarray(saved).astype(int) - expected[:, :, :3]).max() <= 6
    assert log != jpg


def test_encoder_options(comfy: ComfyServer) -> None:
    sizes = {}
    for quality in (5, 95):
        graph = Graph()
        image = graph.pictures(1, 64, 64, seed=15)
        graph.saver("options", image, prefix=f"q{quality}", filetype="jpg", options=f"quality={quality}")
        graph.saver("options", image, prefix="default", filetype="jpg")
        comfy.run(graph)
        sizes[quality] = (comfy.output / "options" / f"q{quality}_00000.jpg").read_bytes()
    assert len(sizes[5]) < len(sizes[95]) / 2
    assert sizes[95] == (comfy.output / "options" / "default_00000.jpg").read_bytes(), "95 is not the default"


# --- the end of an animation ---


def run_and_report(comfy: ComfyServer, graph: Graph) -> str:
    """``ran``, or the kind of error that made the node red."""
    try:
        comfy.run(graph)
    except ComfyError as error:
        answer = error.answer
    else:
        return "ran"
    assert answer["node_type"] == "Image Sequence Saver [seqsave]"
    return str(answer["exception_type"].rpartition(".")[2])


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("source", ["simple", "directory"])
@pytest.mark.parametrize(
    ("at_end", "saved", "reported"),
    [
        ("stop output", 2, ["ran", "ran", "ran", "ran"]),
        ("raise error", 2, ["ran", "ran", "EndOfSequenceError", "EndOfSequenceError"]),
        ("keep going", 4, ["ran", "ran", "ran", "ran"]),
    ],
)
def test_after_the_last_frame(
    comfy: ComfyServer, at_end: str, saved: int, reported: list[str], source: str, count: int
) -> None:
    folder = f"end-{at_end.replace(' ', '-')}-{source}-{count}"
    answers = []
    for index in range(4):
        graph = Graph()
        counter = graph.counter(index, 2) if source == "simple" else graph.directory_counter(folder, 2)
        graph.saver(folder, graph.pictures(count), counter, at_end=at_end, filetype="png")
        answers.append(run_and_report(comfy, graph))
    assert answers == reported
    names = [f"frame_{index:05d}.png" for index in range(saved)]
    if count > 1:
        names = [f"batch_{batch:04d}/{name}" for batch in range(count) for name in names]
    assert files(comfy.output / folder) == names


def test_the_end_is_in_the_log(comfy: ComfyServer) -> None:
    graph = Graph()
    saver = graph.saver("reported", counter=graph.counter(3, 3))
    stopped = graph.seen(log_entry=saver[1], animation_sequence=saver[0])
    outputs = comfy.run(graph)
    assert "the end of the animation" in seen(outputs, stopped)["log_entry"]["data"][0][1]
    assert seen(outputs, stopped)["animation_sequence"] == {"is_defined": False, "frames": None}
    assert outputs[saver]["images"] == []
    assert "Reached the end of the animation" in comfy.log
    assert not (comfy.output / "reported").exists()


# --- sockets ---


def test_the_sequence_is_there_with_the_last_frame_only(comfy: ComfyServer) -> None:
    folder = comfy.output / "whole"
    folder.mkdir()
    for stranger in ("other_00000.png", "frame_x.png", "frame_00000.jpg", "frame_00001.png.part"):
        (folder / stranger).write_bytes(b"no picture")
    reported = []
    for index in range(3):
        graph = Graph()
        saver = graph.saver("whole", counter=graph.counter(index, 3, 10))
        look = graph.seen(animation_sequence=saver[0])
        reported.append(seen(comfy.run(graph), look)["animation_sequence"])
    assert reported[:2] == [{"is_defined": False, "frames": None}] * 2
    paths = [str(folder / f"frame_{index:05d}.png") for index in range(3)]
    assert reported[2] == {
        "is_defined": True,
        "frames": {str(index): [path] for index, path in enumerate(paths)},
        "fps": 10.0,
        "keys": [0, 1, 2],
        "num_batches": 1,
        "files": [paths],
        "current": 2,
    }


def test_the_sequence_of_variations(comfy: ComfyServer) -> None:
    for index in range(2):
        graph = Graph()
        saver = graph.saver("varied", graph.pictures(2), graph.counter(index, 2))
        look = graph.seen(animation_sequence=saver[0])
        reported = seen(comfy.run(graph), look)["animation_sequence"]
    folders = [comfy.output / "varied" / f"batch_{number:04d}" for number in range(2)]
    names = ["frame_00000.png", "frame_00001.png"]
    assert reported["num_batches"] == 2
    assert reported["files"] == [[str(folder / name) for name in names] for folder in folders]
    assert reported["frames"]["1"] == [str(folder / names[1]) for folder in folders]


def test_log_entry(comfy: ComfyServer) -> None:
    graph = Graph()
    before = time.time()
    saver = graph.saver("logged", graph.pictures(2, smooth=True), filetype="png")
    look = graph.seen(log_entry=saver[1])
    log = seen(comfy.run(graph), look)["log_entry"]
    texts = [f"Saved frame_00000.png in {comfy.output / 'logged' / f'batch_{number:04d}'}" for number in range(2)]
    assert [text for _, text in log["data"]] == texts
    assert all(before - 1 <= moment <= time.time() + 1 for moment, _ in log["data"])
    assert log["filtered"] == log["data"]
    assert log["newer"] == []
    assert log["more"] == ["old", *texts, "more"]


def test_frame_counter(comfy: ComfyServer) -> None:
    graph = Graph()
    look = graph.seen(frame_counter=graph.counter(5, 11, 10)[0])
    assert seen(comfy.run(graph), look)["frame_counter"] == {
        "current_frame": 5,
        "total_frames": 11,
        "frames_per_second": 10.0,
        "is_first_frame": False,
        "is_final_frame": False,
        "is_after_last_frame": False,
        "current_time_in_seconds": 0.5,
        "total_time_in_seconds": 1.1,
        "remaining_time_in_seconds": pytest.approx(0.6),
        "progress": 0.5,
        "later": 7,
    }


def test_a_counter_of_another_pack(comfy: ComfyServer) -> None:
    graph = Graph()
    foreign = graph.add("Test ForeignCounter", current_frame=2, total_frames=3)
    saver = graph.saver("foreign", counter=foreign)
    look = graph.seen(animation_sequence=saver[0])
    reported = seen(comfy.run(graph), look)["animation_sequence"]
    assert files(comfy.output / "foreign") == ["frame_00002.png"]
    assert (reported["fps"], reported["current"], reported["keys"]) == (12.5, 2, [2])


@pytest.mark.parametrize(
    ("indexing", "pattern", "expected"),
    [
        ("numeric", "*", 8),
        ("numeric", "b*", 4),
        ("alphabetic order", "*", 3),
        ("numeric", "c*", 0),
    ],
)
def test_directory_counter(comfy: ComfyServer, indexing: str, pattern: str, expected: int) -> None:
    folder = comfy.output / "counted"
    folder.mkdir(exist_ok=True)
    for name in ("a_7.png", "b_3.png", "nonumber.jpg", "notes_99.txt", ".hidden_50.png"):
        (folder / name).touch()
    graph = Graph()
    counter = graph.directory_counter("counted", 100, pattern=pattern, indexing=indexing)
    look = graph.seen(frame_counter=counter[0])
    reported = seen(comfy.run(graph), look)["frame_counter"]
    assert (reported["current_frame"], reported["total_frames"], reported["frames_per_second"]) == (expected, 100, 30.0)


# --- refusals ---


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"folder": "/etc"}, "[comfyui] allow = ["),
        ({"folder": "s3://bucket/x"}, '[comfyui] allow = ["s3://bucket/x"]'),
        ({"folder": "../escape"}, "'..'"),
        ({"folder": "rendres://shot"}, "neither a storage nor a configured target"),
        ({"folder": "s3://KEY:SECRET@bucket/x"}, "credentials do not belong in a graph"),
    ],
)
def test_mistakes_are_reported_before_anything_is_rendered(
    comfy: ComfyServer, given: dict[str, str], says: str
) -> None:
    graph = Graph()
    before = comfy.get("/history")
    graph.saver(**{"folder": "refused", **given})
    assert says in refused(comfy, graph)
    assert comfy.get("/history") == before
    assert not (comfy.output / "refused").exists()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"prefix": "../frame"}, ".."),
        ({"filetype": "jpg", "options": "quality=1000"}, "quality"),
        ({"filetype": "png", "options": "qualty"}, "NAME=VALUE"),
        ({"prefix": "%nothing%"}, "%date:yyyy-MM-dd%"),
    ],
)
def test_other_inputs_fail_before_anything_is_rendered(comfy: ComfyServer, given: dict[str, str], says: str) -> None:
    graph = Graph()
    graph.saver("refused", **given)
    assert says in failure_before_rendering(comfy, graph, "Image Sequence Saver")
    assert not (comfy.output / "refused").exists()


def test_a_refused_place_over_a_link_makes_the_node_red(comfy: ComfyServer, tmp_path: Path) -> None:
    graph = Graph()
    text = graph.add("PrimitiveString", value=str(tmp_path))
    graph.saver(text[0])
    assert f'[comfyui] allow = ["{tmp_path}"]' in failure(comfy, graph, "Image Sequence Saver")
    assert os.listdir(tmp_path) == []


def test_an_allowed_folder(comfy: ComfyServer, configure: Any, tmp_path: Path) -> None:
    configure(f'[comfyui]\nallow = ["{tmp_path}"]\n')
    graph = Graph()
    saver = graph.saver(str(tmp_path / "deep" / "er"))
    shown = comfy.run(graph)[saver]
    assert files(tmp_path) == ["deep/er/frame_00000.png"]
    assert shown["text"] == [str(tmp_path / "deep" / "er" / "frame_00000.png")]
    assert [image["type"] for image in shown["images"]] == ["temp"], "the front end cannot reach the file itself"
