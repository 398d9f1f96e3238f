"""Workflows in ComfyUI's API form, written as Python."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from server import ComfyError, ComfyServer

__all__ = [
    "Graph",
    "Node",
    "eight_bit",
    "failure",
    "failure_before_rendering",
    "files",
    "refused",
    "seen",
    "seen_array",
]

_seeds = itertools.count(1)


class Node(str):
    """A node's id; ``node[1]`` is a link to its second output."""

    def __getitem__(self, output: Any) -> Any:
        return [str(self), output]


class Graph(dict[str, Any]):
    """``graph.saver(graph.picture())``; it is itself what ``ComfyServer.queue`` takes."""

    def add(self, class_type: str, **inputs: Any) -> Node:
        node = Node(len(self) + 1)
        self[str(node)] = {"class_type": class_type, "inputs": inputs}
        return node

    def ours(self, title: str, **inputs: Any) -> Node:
        return self.add(f"{title} [seqsave]", **inputs)

    def pictures(self, count: int = 1, height: int = 8, width: int = 12, **more: Any) -> Node:
        """Other ones in each graph: ComfyUI runs no node again whose inputs are the same."""
        more.setdefault("seed", next(_seeds))
        return self.add("Test Pictures", count=count, height=height, width=width, **more)

    def counter(self, index: int = 0, total: int = 100, rate: int = 25) -> Node:
        return self.ours("Frame Counter (Simple)", frame_index=index, total_frames=total, frames_per_second=rate)

    def directory_counter(self, folder: Any, total: int = 100, **more: Any) -> Node:
        inputs = {"pattern": "*", "indexing": "numeric", "total_frames": total, "frames_per_second": 30}
        return self.ours("Frame Counter (Directory)", directory_path=folder, **{**inputs, **more})

    def saver(self, folder: Any, image: Node | None = None, counter: Node | None = None, **more: Any) -> Node:
        inputs = {"prefix": "frame", "digits": 5, "at_end": "stop output", "filetype": "png with embedded workflow"}
        return self.ours(
            "Image Sequence Saver",
            frame_counter=(counter or self.counter())[0],
            image=(image or self.pictures())[0],
            directory_path=folder,
            **{**inputs, **more},
        )

    def frames(self, folder: Any, images: Node | None = None, **more: Any) -> Node:
        inputs = {"prefix": "frame", "start": 0, "digits": 5, "filetype": "png", "if_exists": "overwrite"}
        return self.ours(
            "Save Frames", images=(images or self.pictures(3))[0], directory_path=folder, **{**inputs, **more}
        )

    def load(self, folder: Any, **more: Any) -> Node:
        """Load Frames and what it gives: ``image``, ``mask``, ``int``."""
        inputs = {"prefix": "", "start": -1, "count": 0, "step": 1, "missing": "error"}
        node = self.ours("Load Frames", directory_path=folder, **{**inputs, **more})
        return self.seen(image=node[0], mask=node[1], int=node[2])

    def seen(self, **links: Any) -> Node:
        return self.add("Test Seen", **links)


def files(folder: Path) -> list[str]:
    """Every file below, hidden ones too, relative to it; without the manifests and their locks."""
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return [name for name in found if not re.search(r"(^|/)\.seqsave/[^/]*\.json(\.lock)?$", name)]


def eight_bit(images: np.ndarray) -> np.ndarray:
    """Written down from ComfyUI's rule, not from the code under test."""
    return np.clip(255.0 * images, 0, 255).astype(np.uint8)


def seen(outputs: dict[str, Any], node: str) -> Any:
    (found,) = outputs[node]["seen"]
    return found


def seen_array(path: str) -> np.ndarray:
    """What a tensor held that ``Test Seen`` was given."""
    return np.load(Path(path))


def refused(comfy: ComfyServer, graph: Graph) -> str:
    """What the server says when it does not even begin."""
    with pytest.raises(ComfyError) as caught:
        comfy.run(graph)
    assert caught.value.answer["error"]["type"] == "prompt_outputs_failed_validation", caught.value
    ((_, node),) = caught.value.answer["node_errors"].items()
    (error,) = node["errors"]  # once, on the input that is wrong
    return str(error["details"])


def failure(comfy: ComfyServer, graph: Graph, title: str) -> str:
    """Return the error message of the one node of the pack that failed."""
    with pytest.raises(ComfyError) as caught:
        comfy.run(graph)
    answer = caught.value.answer
    assert answer.get("node_type") == f"{title} [seqsave]", caught.value
    return str(answer["exception_message"])


def failure_before_rendering(comfy: ComfyServer, graph: Graph, title: str) -> str:
    """The same, and no picture was rendered before it."""
    with pytest.raises(ComfyError) as caught:
        comfy.run(graph)
    answer = caught.value.answer
    assert answer.get("node_type") == f"{title} [seqsave]", caught.value
    assert not [node for node in answer["executed"] if graph[node]["class_type"] == "Test Pictures"]
    return str(answer["exception_message"])
