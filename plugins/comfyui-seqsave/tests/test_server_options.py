"""A server that is started otherwise: without metadata, with the original ids, beside a pack that has one of them.

It has several users, an output folder elsewhere, and no cache, so that each run of a graph runs every node.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from graphs import Graph, files
from PIL import Image
from server import ComfyServer, comfyui_folder

from seqsave.testing import outside

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.comfyui

ELSEWHERE = "elsewhere"
OTHER_PACK = '''
class Counter:
    """The other pack's."""
    RETURN_TYPES = ("FRAME_COUNTER",)
    FUNCTION = "run"
    CATEGORY = "other pack"
    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {}}
    def run(self):
        raise AssertionError

NODE_CLASS_MAPPINGS = {"Frame Counter (Simple) [Dream]": Counter}
'''


@pytest.fixture(scope="module")
def started_otherwise(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComfyServer]:
    if comfyui_folder() is None:
        outside.missing("ComfyUI", "tox -e comfyui")
    base = tmp_path_factory.mktemp("otherwise")
    (base / "config.toml").write_text("[comfyui]\noriginal_ids = true\n")
    other = base / "custom_nodes" / "other-pack"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text(OTHER_PACK)
    env = {"SEQSAVE_CONFIG": str(base / "config.toml")}
    arguments = ("--disable-metadata", "--multi-user", "--cache-none", "--output-directory", str(base / ELSEWHERE))
    with ComfyServer(base, *arguments, env=env) as server:
        yield server


def test_disable_metadata(started_otherwise: ComfyServer) -> None:
    comfy = started_otherwise
    graph = Graph()
    image = graph.add("EmptyImage", width=8, height=8, batch_size=1, color=0x336699)
    for filetype in ("png with embedded workflow", "jpg with embedded workflow", "webp with embedded workflow"):
        graph.saver("bare", image, filetype=filetype)
    graph.frames("bare", image, prefix="many", filetype="png with embedded workflow")
    comfy.run(graph, {"nodes": ["canary"]})
    names = files(comfy.base / ELSEWHERE / "bare")
    assert names == ["frame_00000.jpg", "frame_00000.png", "frame_00000.webp", "many_00000.png"]
    for name in names:
        data = (comfy.base / ELSEWHERE / "bare" / name).read_bytes()
        assert b"canary" not in data, name
        assert b"class_type" not in data, name
        with Image.open(comfy.base / ELSEWHERE / "bare" / name) as saved:
            assert saved.size == (8, 8)


def test_the_original_ids_open_old_workflows(started_otherwise: ComfyServer) -> None:
    comfy = started_otherwise
    info = comfy.get("/object_info")
    ids = {name: node["python_module"] for name, node in info.items() if name.endswith("[Dream]")}
    ours = "custom_nodes.comfyui-seqsave"
    assert ids == {
        "Image Sequence Saver [Dream]": ours,
        "Image Sequence Loader [Dream]": ours,
        "Frame Counter (Directory) [Dream]": ours,
        "Frame Counter (Simple) [Dream]": "custom_nodes.other-pack",
    }
    graph = Graph()
    saver = graph.saver("old", graph.add("EmptyImage", width=8, height=8, batch_size=1, color=0))
    graph[saver]["class_type"] = "Image Sequence Saver [Dream]"
    comfy.run(graph)
    assert files(comfy.base / ELSEWHERE / "old") == ["frame_00000.png"]


def test_a_second_run_saves_again_where_the_cache_is_off(started_otherwise: ComfyServer) -> None:
    comfy = started_otherwise
    graph = Graph()
    image = graph.add("EmptyImage", width=8, height=8, batch_size=2, color=0)
    graph.frames("again", image, start=-1)
    comfy.run(graph)
    comfy.run(graph)
    assert files(comfy.base / ELSEWHERE / "again") == [f"frame_{number:05d}.png" for number in range(4)]
    assert not (comfy.output / "again").exists()


def test_without_the_setting_the_ids_are_ours_alone(comfy: ComfyServer) -> None:
    assert not [name for name in comfy.get("/object_info") if name.endswith("[Dream]")]
