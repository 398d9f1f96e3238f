"""The nodes as replacements of the original ones, and the settings that the front end shows."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from comfyui_seqsave import host, replacing
from graphs import Graph, files
from loading import load_folder
from server import PACK

if TYPE_CHECKING:
    from server import ComfyServer

OLD, NEW = "Image Sequence Saver [Dream]", "Image Sequence Saver [seqsave]"


class Replace:
    """Takes what ComfyUI's own class takes, and no more."""

    def __init__(
        self,
        new_node_id: str,
        old_node_id: str,
        old_widget_ids: list[str] | None = None,
        input_mapping: list[dict[str, Any]] | None = None,
        output_mapping: list[dict[str, Any]] | None = None,
    ) -> None:
        self.new, self.old, self.widgets = new_node_id, old_node_id, old_widget_ids
        self.inputs, self.outputs = input_mapping, output_mapping


class Server:
    """The parts of ComfyUI's server that packs may use when they are loaded."""

    def __init__(self) -> None:
        self.registered: dict[str, Replace] = {}
        self.handlers: list[Callable[[dict[str, Any]], dict[str, Any]]] = []
        self.node_replace_manager = SimpleNamespace(register=lambda one: self.registered.update({one.old: one}))
        self.add_on_prompt_handler = self.handlers.append


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, write_config: Callable[[str], int]) -> Server:
    made = Server()
    monkeypatch.setitem(sys.modules, "server", SimpleNamespace(PromptServer=SimpleNamespace(instance=made)))
    monkeypatch.setitem(sys.modules, "comfy_api.latest", SimpleNamespace(io=SimpleNamespace(NodeReplace=Replace)))
    monkeypatch.setitem(sys.modules, "nodes", SimpleNamespace(NODE_CLASS_MAPPINGS={}))
    return made


def test_the_interface_of_the_original_is_mapped(server: Server, folders: host.Folders) -> None:
    load_folder(PACK)
    assert sorted(server.registered) == [
        "Frame Counter (Directory) [Dream]",
        "Frame Counter (Simple) [Dream]",
        "Image Sequence Loader [Dream]",
        OLD,
    ]
    one = server.registered[OLD]
    widgets = ["directory_path", "prefix", "digits", "at_end", "filetype"]
    assert (one.new, one.widgets) == (NEW, widgets)
    assert one.inputs == [{"new_id": name, "old_id": name} for name in ("frame_counter", "image", *widgets)]
    assert one.outputs is not None
    assert {"new_idx": 1, "old_idx": 1} in one.outputs
    loader = server.registered["Image Sequence Loader [Dream]"]
    assert loader.inputs is not None
    assert {"new_id": "default_image", "old_id": "default_image"} in loader.inputs


def test_prompts_are_changed_before_comfyui_looks_at_them(server: Server, folders: host.Folders) -> None:
    load_folder(PACK)
    (handler,) = server.handlers
    prompt: dict[str, Any] = {"1": {"class_type": OLD, "inputs": {"digits": 4}}, "2": {"class_type": "KSampler"}}
    assert handler({"prompt": prompt, "x": 1})["x"] == 1
    assert prompt == {"1": {"class_type": NEW, "inputs": {"digits": 4}}, "2": {"class_type": "KSampler"}}
    for odd in (None, [], "x", {"1": None, "2": {"class_type": ["x"]}, "last_node_id": 3}):
        assert handler({"prompt": odd}) == {"prompt": odd}


def test_nodes_of_the_original_pack_stay(
    server: Server, folders: host.Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_folder(PACK)
    monkeypatch.setitem(sys.modules, "nodes", SimpleNamespace(NODE_CLASS_MAPPINGS={OLD: object()}))
    prompt = {"1": {"class_type": OLD, "inputs": {}}}
    server.handlers[0]({"prompt": prompt})
    assert prompt["1"]["class_type"] == OLD


def test_another_interface_than_the_known_one_stops_nothing(server: Server, folders: host.Folders) -> None:
    del server.add_on_prompt_handler
    assert NEW in load_folder(PACK).NODE_CLASS_MAPPINGS
    server.node_replace_manager = SimpleNamespace()
    assert NEW in load_folder(PACK).NODE_CLASS_MAPPINGS
    del server.node_replace_manager
    assert NEW in load_folder(PACK).NODE_CLASS_MAPPINGS


def test_graphs_of_the_original_pack_run(comfy: ComfyServer) -> None:
    if not comfy.has("/node_replacements"):
        pytest.skip("this server does not replace nodes")
    graph = Graph()
    graph[graph.saver("replaced")]["class_type"] = OLD  # no titles, as a program sends it
    comfy.run(graph)
    assert files(comfy.output / "replaced") == ["frame_00000.png"]


def test_what_the_settings_panel_gets(comfy: ComfyServer, configure: Callable[[str], int]) -> None:
    assert comfy.get("/seqsave/settings") == {
        "targets": [],
        "allow": 0,
        "publish_behind": True,
        "original_ids": False,
        "withhold": 0,
    }
    configure(
        '[targets.renders]\nurl = "s3://SECRET-BUCKET/x"\nstorage_options = { secret = "SECRET-KEY" }\n'
        '[comfyui]\nallow = ["/SECRET-FOLDER"]\npublish_behind = false\nwithhold = ["SECRET-NODE.text"]\n'
    )
    found = comfy.get("/seqsave/settings")
    assert (found["targets"], found["allow"], found["publish_behind"]) == (["renders"], 1, False)
    assert "SECRET" not in str(found)
    configure('[comfyui]\nallow = "SECRET-ENTRY"\n')
    found = comfy.get("/seqsave/settings")
    assert list(found) == ["error"]
    assert "SECRET" not in str(found)


def test_a_prompt_is_changed_where_an_id_is_unknown_only() -> None:
    prompt = {"1": {"class_type": OLD}}
    replacing.replaced(prompt, {})
    assert prompt == {"1": {"class_type": OLD}}
