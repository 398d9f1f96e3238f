"""The text of generation parameters in saved files, in the real server, read by the rules of those who read it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from graphs import Graph, Node, failure_before_rendering, seen
from PIL import Image

if TYPE_CHECKING:
    from server import ComfyServer

PNG = "png with embedded workflow"
SHA = "0123456789abcdef" * 4

save_with = pytest.mark.parametrize("title", ["Image Sequence Saver", "Save Frames"])


def sampled(graph: Graph, seed: int, text: str = "a käse, 猫", **more: Any) -> Node:
    model = graph.add("Test Checkpoint", ckpt_name="sd15/model.safetensors")
    positive = graph.add("Test Encode", text=text, clip=model[1])
    negative = graph.add("Test Encode", text="blurry", clip=model[1])
    values = {"steps": 20, "cfg": 7.5, "sampler_name": "euler_ancestral", "scheduler": "normal", "denoise": 1.0}
    links = {"model": model[0], "positive": positive[0], "negative": negative[0]}
    return graph.add("Test Sampler", seed=seed, **{**values, **links, **more})


def saving(graph: Graph, title: str, folder: str, images: Node, **more: Any) -> Node:
    more = {"filetype": PNG, "parameters": True, **more}
    if title == "Save Frames":
        return graph.frames(folder, images, **more)
    return graph.saver(folder, images, graph.counter(0, 1), **more)


def comment(path: Path) -> str:
    """The Exif UserComment, by the byte order that Civitai reads: big endian."""
    with Image.open(path) as image:
        value = image.getexif().get_ifd(0x8769)[0x9286]
    assert value.startswith(b"UNICODE\0")
    return value[8:].decode("utf-16-be")


@save_with
def test_a_gallery_reads_what_made_the_picture(comfy: ComfyServer, title: str) -> None:
    graph = Graph()
    images = sampled(graph, 42)
    other = sampled(graph, 43, steps=5)
    for name in ("png", "jpg", "webp"):
        saving(graph, title, f"parameters/{title}", images, filetype=f"{name} with embedded workflow", prefix=name)
    saving(graph, title, f"parameters/{title}", other, prefix="other")
    saving(graph, title, f"parameters/{title}", images, prefix="without", parameters=False)
    model = {"name": "model.safetensors", "hash": SHA, "hash_type": "SHA256"}
    comfy.run(graph, {"nodes": [{"id": 1, "type": "Test Checkpoint", "properties": {"models": [model]}}]})

    folder = comfy.output / "parameters" / title
    with Image.open(folder / "png_00000.png") as image:
        text = image.text["parameters"]
        assert {"prompt", "workflow"} <= set(image.text)
    assert text == (
        "a käse, 猫\n"
        "Negative prompt: blurry\n"
        "Steps: 20, Sampler: Euler a, Schedule type: Normal, CFG scale: 7.5, Seed: 42, Size: 48x32, "
        'Model hash: 0123456789, Model: model, Hashes: {"model": "0123456789"}'
    )
    for name in ("jpg", "webp"):
        path = folder / f"{name}_00000.{name}"
        assert comment(path) == text, name
        with Image.open(path) as image:
            assert image.getexif()[0x0110].startswith("prompt:{"), name
    with Image.open(folder / "other_00000.png") as image:
        assert re.findall(r"(?:Steps|Seed): \d+", image.text["parameters"]) == ["Steps: 5", "Seed: 43"]
    with Image.open(folder / "without_00000.png") as image:
        assert "parameters" not in image.text


def test_text_of_latin_letters_is_in_the_chunk_that_all_read(comfy: ComfyServer) -> None:
    graph = Graph()
    saving(graph, "Save Frames", "parameters/latin", sampled(graph, 1, "a cat"))
    comfy.run(graph)
    assert b"tEXtparameters\0a cat\n" in (comfy.output / "parameters/latin/frame_00000.png").read_bytes()


@save_with
def test_a_picture_of_no_sampler_has_none_and_the_log_says_so(comfy: ComfyServer, title: str) -> None:
    graph = Graph()
    saver = saving(graph, title, f"parameters/none/{title}", graph.pictures(1))
    look = graph.seen(log_entry=saver[1 if title == "Image Sequence Saver" else 3])
    outputs = comfy.run(graph)
    with Image.open(comfy.output / "parameters/none" / title / "frame_00000.png") as image:
        assert "parameters" not in image.text
    lines = [text for _, text in seen(outputs, look)["log_entry"]["data"]]
    assert any(line.startswith("No parameters are written: ") for line in lines)


@save_with
def test_what_is_withheld_is_not_among_them(comfy: ComfyServer, title: str) -> None:
    graph = Graph()
    images = sampled(graph, 4, "PRIVATE")
    saving(graph, title, f"parameters/held/{title}", images, withhold="Test Encode.text, Test Sampler.seed")
    comfy.run(graph)
    path = comfy.output / "parameters/held" / title / "frame_00000.png"
    assert b"PRIVATE" not in path.read_bytes()
    with Image.open(path) as image:
        assert image.text["parameters"].startswith("Steps: 20, Sampler: Euler a, ")
        assert "Seed" not in image.text["parameters"]


@save_with
def test_a_filetype_without_metadata_is_refused(comfy: ComfyServer, title: str) -> None:
    graph = Graph()
    saving(graph, title, "parameters/refused", graph.pictures(1), filetype="png")
    assert "'png with embedded workflow'" in failure_before_rendering(comfy, graph, title)


def test_no_images_need_none(comfy: ComfyServer) -> None:
    graph = Graph()
    saving(graph, "Save Frames", "parameters/empty", graph.pictures(0))
    comfy.run(graph)
