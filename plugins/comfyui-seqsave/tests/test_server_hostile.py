"""Hostile graphs whose savers are made while they run: no check before the run has seen these nodes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from graphs import Graph, files
from server import ComfyError

if TYPE_CHECKING:
    from server import ComfyServer

HOSTILE: list[dict[str, Any]] = [
    {"directory_path": "{outside}"},
    {"directory_path": "../outside"},
    {"directory_path": "hostile/link"},
    {"directory_path": "hostile/link/deep"},
    {"directory_path": "s3://bucket/x"},
    {"directory_path": "http://169.254.169.254/latest"},
    {"directory_path": "simplecache::file://{outside}"},
    {"directory_path": "~"},
    {"directory_path": "/proc/1/root/tmp"},
    {"prefix": "../outside/x"},
    {"prefix": "link/x"},
    {"prefix": "{outside}/x"},
    {"prefix": "%Test Numbered.index%/../../x"},
    {"filetype": "exe"},
    {"if_exists": "replace", "start": -1},
    {"start": -5},
]


@pytest.fixture
def outside(comfy: ComfyServer) -> Path:
    folder = comfy.base / "outside"
    folder.mkdir(exist_ok=True)
    link = comfy.output / "hostile" / "link"
    link.parent.mkdir(exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(folder)
    return folder


def failed(comfy: ComfyServer, graph: Graph) -> str:
    with pytest.raises(ComfyError) as caught:
        comfy.run(graph)
    return json.dumps(caught.value.answer)


@pytest.mark.parametrize("kind", ["added", "loop", "list"])
@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda one: "-".join(map(str, one.values())))
def test_a_saver_in_a_loop_or_a_list_leads_nowhere(
    comfy: ComfyServer, outside: Path, hostile: dict[str, Any], kind: str
) -> None:
    own = {"directory_path": "hostile", "prefix": "frame", "start": 0, "digits": 5, "filetype": "png"}
    before = files(comfy.output)
    odd = {name: str(one).format(outside=outside) if isinstance(one, str) else one for name, one in hostile.items()}
    given = {**own, "if_exists": "overwrite", **odd}
    graph = Graph()
    if kind == "list":
        texts = {name: f"{given[name]}\n{given[name]}" for name in ("directory_path", "prefix") if name in hostile}
        lists = {name: graph.add("Test TextList", lines=text)[0] for name, text in texts.items()}
        graph.ours("Save Frames", images=graph.add("Test PictureList", first=0, counts="1,1")[0], **{**given, **lists})
    elif kind == "added":
        images = graph.add("Test Numbered", index=0, count=2)
        added = graph.add("Test Unrolled", images=images[0], saver=json.dumps(given))
        graph.add("PreviewImage", images=added[0])
    else:
        start = graph.add("Test LoopOpen", times=2)
        texts = {name: given.pop(name) for name in ("directory_path", "prefix")}
        lists = {name: graph.add("Test TextList", lines=text)[0] for name, text in texts.items()}
        saver = graph.ours(
            "Save Frames", images=graph.add("Test Numbered", index=start[1], count=1)[0], **given, **lists
        )
        graph.add("PreviewImage", images=graph.add("Test LoopClose", loop=start[0], carried=saver[0])[0])
    stated = failed(comfy, graph)
    assert "text, not tuple" not in stated
    assert list(outside.iterdir()) == []
    assert files(comfy.output) == before
