"""The example workflows: both forms are one graph, laid out to be read, free of this machine's paths; they run."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import examples
import pytest

if TYPE_CHECKING:
    from server import ComfyServer
    from tests.support.s3 import S3Server

TITLE_HEIGHT = 30
NOTE = "MarkdownNote"  # lives in the front end alone


def test_every_file_is_known() -> None:
    assert {path.stem for path in examples.FOLDER.glob("*.json")} == set(examples.NAMES)
    assert {path.stem for path in (examples.FOLDER / "api").iterdir()} == set(examples.NAMES)


@pytest.mark.parametrize("name", examples.NAMES)
def test_both_forms_are_the_same_graph(name: str) -> None:
    ui, api = examples.ui(name), examples.api(name)
    nodes = {str(node["id"]): node for node in ui["nodes"] if node["type"] != NOTE}
    assert {key: node["type"] for key, node in nodes.items()} == {key: node["class_type"] for key, node in api.items()}
    links = {link[0]: [str(link[1]), link[2]] for link in ui["links"]}
    for key, node in nodes.items():
        linked = {slot["name"]: links[slot["link"]] for slot in node["inputs"] if slot["link"] is not None}
        given = api[key]["inputs"]
        assert {slot: value for slot, value in given.items() if isinstance(value, list)} == linked
        widgets = {slot: value for slot, value in given.items() if not isinstance(value, list)}
        assert widgets.items() <= node.get("widgets_values_named", {}).items()
        assert all(value in node["widgets_values"] for value in widgets.values())  # what older front ends read


@pytest.mark.parametrize("name", examples.NAMES)
def test_no_node_lies_on_another(name: str) -> None:
    def box(node: dict[str, Any]) -> tuple[float, float, float, float]:
        (x, y), (width, height) = node["pos"], node["size"]
        return x, y - TITLE_HEIGHT, x + width, y + height

    for one, other in itertools.combinations(examples.ui(name)["nodes"], 2):
        left, top, right, bottom = box(one)
        beside = box(other)
        apart = right <= beside[0] or beside[2] <= left or bottom <= beside[1] or beside[3] <= top
        assert apart, (one["title"] if "title" in one else one["type"], other["type"])


@pytest.mark.parametrize("name", examples.NAMES)
def test_nothing_of_one_machine(name: str) -> None:
    for node in examples.api(name).values():
        path = node["inputs"].get("directory_path", "")
        assert not os.path.isabs(path)
        assert ".." not in path
    for text in (examples.ui(name), examples.api(name)):
        assert not any(word in json.dumps(text) for word in ("/tmp", "/home", "/root", "custom_nodes", "http://"))


def without_warnings(outputs: dict[str, Any]) -> dict[str, Any]:
    assert [output["warnings"] for output in outputs.values() if "warnings" in output] == []
    return outputs


def test_only_nodes_of_core_and_ours(comfy: ComfyServer) -> None:
    known = comfy.get("/object_info")
    for name in examples.NAMES:
        for node in examples.api(name).values():
            module = known[node["class_type"]]["python_module"]
            assert module == "custom_nodes.comfyui-seqsave" or not module.startswith("custom_nodes"), module


def test_a_frame_is_saved_each_time_until_the_end(comfy: ComfyServer) -> None:
    prompt = examples.api("save_animation_frame_by_frame")
    frame = next(node for node in prompt.values() if node["class_type"] == "PrimitiveInt")
    for index in (0, 1, 23, 24):
        frame["inputs"]["value"] = index
        outputs = comfy.run(prompt)
        if index != 23:  # the animation has gaps then
            without_warnings(outputs)
    names = sorted(path.name for path in (comfy.output / "animation").iterdir() if path.is_file())
    assert names == ["frame_00000.png", "frame_00001.png", "frame_00023.png"]


def test_a_batch_is_saved_changed_and_saved_again(comfy: ComfyServer) -> None:
    without_warnings(comfy.run(examples.api("save_video_frames")))
    without_warnings(comfy.run(examples.api("load_change_save")))
    names = {path.name for path in (comfy.output / "video").iterdir() if path.is_file()}
    numbers = range(1001, 1017)
    assert names == {f"frame_0{n}.png" for n in numbers} | {f"inverted_0{n}.jpg" for n in numbers}


def test_a_loop_continues_in_the_next_run(comfy: ComfyServer) -> None:
    prompt = examples.api("save_in_a_loop")
    prompt["5"]["inputs"]["directory_path"] = "loop2"
    for seed in (7, 8):
        prompt["3"]["inputs"]["seed"] = seed
        without_warnings(comfy.run(prompt))
    names = sorted(path.name for path in (comfy.output / "loop2").iterdir() if path.is_file())
    assert names == [f"frame_{number:05d}.png" for number in range(32)]


def test_to_a_bucket_and_back(comfy: ComfyServer, s3: S3Server, configure: Callable[[str], int]) -> None:
    url = s3.new_prefix()
    configure(examples.targets(url, s3.storage_options))
    prompt = examples.api("save_to_bucket")
    before = set((comfy.base / "temp").glob("seqsave_*/batch_0000/*.png"))
    outputs = without_warnings(comfy.run(prompt))
    keys = [key for key in s3.keys(url + "/shot010") if not key.startswith(".")]
    assert keys == [f"frame_{number:05d}.png" for number in range(16)]
    shown = {prompt[key]["_meta"]["title"]: output for key, output in outputs.items()}
    assert shown["Save Frames"]["text"] == [f"renders://shot010/{key}" for key in keys]
    assert {entry["type"] for entry in shown["Save Frames"]["images"]} == {"temp"}
    copies = sorted(set((comfy.base / "temp").glob("seqsave_*/batch_0000/*.png")) - before)
    assert [path.name for path in copies] == keys
    assert str(copies[0]) in shown["local copies"]["text"][0]
    assert s3.key not in json.dumps(outputs)
    assert s3.secret not in json.dumps(outputs)
