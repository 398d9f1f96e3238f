"""Nodes that make others run several times: lists, loops that add nodes to the graph that runs, and meta batches.

The loops expand the graph as those of ComfyUI and of other packs do; the batch manager plays the protocol of
VideoHelperSuite's one: the prompt is queued again, with a number in the manager's inputs, until the video has ended.
"""

from __future__ import annotations

from typing import Any

import numpy as np

ALL = "*"


class Whatever(str):  # a type name that is equal to every other
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False


ANY = Whatever(ALL)
WHOLE = ("INT", {"default": 0, "min": 0, "max": 2**31})


def coloured(first: int, count: int, height: int = 4, width: int = 6) -> np.ndarray:
    """float32, count,H,W,3: each frame has one colour, from which ``number_of`` reads its number."""
    numbers = np.arange(first, first + count, dtype=np.int64)
    digits = np.stack([numbers % 256, numbers // 256 % 256, numbers // 65536], axis=1).astype(np.float32)
    colour = (digits + np.float32(0.5)) / np.float32(255)
    return np.ascontiguousarray(np.broadcast_to(colour[:, None, None, :], (count, height, width, 3)))


class PictureList:
    """A list of images of so many frames each: ``2,1,3``. Its frames are numbered from ``first``."""

    RETURN_TYPES = ("IMAGE",)
    OUTPUT_IS_LIST = (True,)
    FUNCTION = "run"
    CATEGORY = "test"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        shapes = ("STRING", {"default": "1"})
        return {"required": {"first": WHOLE, "counts": shapes}, "optional": {"height": WHOLE, "width": WHOLE}}

    def run(self, first: int, counts: str, height: int = 4, width: int = 6) -> tuple[Any]:
        import torch

        items = []
        for count in map(int, filter(None, counts.split(","))):
            items.append(torch.from_numpy(coloured(first, count, height, width)))
            first += count
        return (items,)


class PaintedList:
    """A list of single images of any size, each of one colour. They take no memory: all pixels of one are the same."""

    RETURN_TYPES = ("IMAGE",)
    OUTPUT_IS_LIST = (True,)
    FUNCTION = "run"
    CATEGORY = "test"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": dict.fromkeys(("first", "count", "height", "width"), WHOLE)}

    def run(self, first: int, count: int, height: int, width: int) -> tuple[Any]:
        import torch

        dots = torch.from_numpy(coloured(first, count, 1, 1))
        return ([dots[number : number + 1].expand(1, height, width, 3) for number in range(count)],)


class Unequal:
    """A list of single images of other sizes: ``4x6,8x2``."""

    RETURN_TYPES = ("IMAGE",)
    OUTPUT_IS_LIST = (True,)
    FUNCTION = "run"
    CATEGORY = "test"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"sizes": ("STRING", {"default": ""})}}

    def run(self, sizes: str) -> tuple[Any]:
        import torch

        return ([torch.zeros(1, *map(int, size.split("x")), 3) for size in sizes.split(",")],)


def _wait(gate: str) -> None:
    """Say that this point is reached, and wait for the interrupt button."""
    import time

    from comfy import model_management

    with open(gate, "wb"):
        pass
    while True:
        model_management.throw_exception_if_processing_interrupted()
        time.sleep(0.01)


class TextList:
    """A list of texts, one for each line."""

    RETURN_TYPES = ("STRING",)
    OUTPUT_IS_LIST = (True,)
    FUNCTION = "run"
    CATEGORY = "test"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"lines": ("STRING", {"default": "", "multiline": True})}}

    def run(self, lines: str) -> tuple[list[str]]:
        return (lines.split("\n"),)


class Numbered:
    """``count`` frames whose numbers begin at ``index * count + first``: what a loop renders."""

    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "run"
    CATEGORY = "test"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        more = dict.fromkeys(("first", "fails_at", "waits_at", "height", "width"), WHOLE)
        more["gate"] = ("STRING", {"default": ""})
        return {"required": {"index": WHOLE, "count": WHOLE}, "optional": more}

    def run(
        self,
        index: int,
        count: int,
        first: int = 0,
        fails_at: int = 0,
        waits_at: int = 0,
        height: int = 4,
        width: int = 6,
        gate: str = "",
    ) -> tuple[Any]:
        import torch

        if waits_at and index == waits_at:
            _wait(gate)
        if fails_at and index == fails_at:
            raise RuntimeError("this iteration fails")
        return (torch.from_numpy(coloured(first + index * count, count, height, width)),)


class LoopOpen:
    """Where the body of a loop begins: the iteration's index, and what the iteration before has given."""

    RETURN_TYPES = ("TEST_LOOP", "INT", ANY)
    FUNCTION = "run"
    CATEGORY = "test"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"times": WHOLE}, "optional": {"index": WHOLE, "carried": (ANY,)}}

    def run(self, times: int, index: int = 0, carried: Any = None) -> tuple[Any, ...]:
        return ("loop", index, carried)


class LoopClose:
    """Where it ends: adds a copy of the body, and of the savers that hang on it, until all iterations have run.

    titled: copies are shown as the nodes that they are copies of.
    """

    RETURN_TYPES = (ANY,)
    FUNCTION = "run"
    CATEGORY = "test"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {"loop": ("TEST_LOOP", {"rawLink": True}), "carried": (ANY,)},
            "optional": {"titled": ("BOOLEAN", {"default": True})},
            "hidden": {"dynprompt": "DYNPROMPT", "unique_id": "UNIQUE_ID"},
        }

    def run(self, loop: Any, carried: Any, dynprompt: Any, unique_id: str, titled: bool = True) -> Any:
        from comfy_execution.graph_utils import GraphBuilder, is_link

        start = loop[0]
        inputs = dynprompt.get_node(start)["inputs"]
        index = inputs.get("index", 0) + 1
        if index >= inputs["times"]:
            return (carried,)
        known = {name: dynprompt.get_node(name) for name in dynprompt.all_node_ids()}

        def depends(name: str, on: str) -> bool:
            links = [value for value in known[name].get("inputs", {}).values() if is_link(value)]
            return name == on or any(link[0] in known and depends(link[0], on) for link in links)

        # An earlier iteration's copies hang on an earlier beginning.
        body = [name for name in known if depends(name, start)]
        graph = GraphBuilder()
        copies = {name: graph.node(known[name]["class_type"], _short(name)) for name in body}
        for name, copy in copies.items():
            if titled:
                copy.set_override_display_id(dynprompt.get_display_node_id(name))
            for key, value in known[name].get("inputs", {}).items():
                copy.set_input(key, copies[value[0]].out(value[1]) if is_link(value) and value[0] in copies else value)
        copies[start].set_input("index", index)
        copies[start].set_input("carried", carried)
        return {"result": (copies[unique_id].out(0),), "expand": graph.finalize()}


def _short(name: str) -> str:
    return name.rpartition(".")[2]


class Unrolled:
    """Adds one saver for each image of a batch, all at once. ``saver`` is JSON: its other inputs."""

    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "run"
    CATEGORY = "test"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"images": ("IMAGE",), "saver": ("STRING", {"default": "{}"})}}

    def run(self, images: Any, saver: str) -> Any:
        import json

        from comfy_execution.graph_utils import GraphBuilder

        graph = GraphBuilder()
        for number in range(len(images)):
            one = graph.node("ImageFromBatch", image=images, batch_index=number, length=1)
            graph.node("Save Frames [seqsave]", images=one.out(0), **json.loads(saver))
        return {"result": (images,), "expand": graph.finalize()}


class BatchManager:
    """Plays VideoHelperSuite's one. On the socket is the object itself, with what its nodes use of it."""

    RETURN_TYPES = ("VHS_BatchManager",)
    FUNCTION = "run"
    CATEGORY = "test"

    def __init__(self) -> None:
        self.at = 0
        self.has_closed_inputs = False
        self.frames_per_batch = 0
        self.total_frames = float("inf")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        hidden = {"prompt": "PROMPT", "unique_id": "UNIQUE_ID"}
        return {"required": {"frames_per_batch": WHOLE}, "hidden": hidden}

    def run(self, frames_per_batch: int, prompt: Any, unique_id: str) -> tuple[Any]:
        if prompt[unique_id]["inputs"].get("requeue", 0) == 0:
            self.__init__()  # type: ignore[misc]
        self.frames_per_batch = frames_per_batch
        return (self,)


class VideoPart:
    """The next part of a video of so many frames, as the manager says. Fails at one part if it is to."""

    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "run"
    CATEGORY = "test"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {"meta_batch": ("VHS_BatchManager",), "total": WHOLE},
            "optional": {
                **dict.fromkeys(("first", "fails_at", "waits_at", "height", "width"), WHOLE),
                "gate": ("STRING", {"default": ""}),
            },
        }

    def run(
        self,
        meta_batch: Any,
        total: int,
        first: int = 0,
        fails_at: int = 0,
        waits_at: int = 0,
        height: int = 4,
        width: int = 6,
        gate: str = "",
    ) -> tuple[Any]:
        import torch

        if waits_at and meta_batch.at >= waits_at:
            _wait(gate)
        if fails_at and meta_batch.at >= fails_at:
            raise RuntimeError("the video is damaged")
        count = min(meta_batch.frames_per_batch, total - meta_batch.at)
        part = coloured(first + meta_batch.at, count, height, width)
        meta_batch.total_frames = total
        meta_batch.at += count
        meta_batch.has_closed_inputs = meta_batch.at >= total
        return (torch.from_numpy(part),)


class VideoEnd:
    """The output node that queues the prompt again while the video has not ended."""

    RETURN_TYPES = ()
    FUNCTION = "run"
    CATEGORY = "test"
    OUTPUT_NODE = True

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"images": ("IMAGE",), "meta_batch": ("VHS_BatchManager",)}}

    def run(self, images: Any, meta_batch: Any) -> dict[str, Any]:
        if not meta_batch.has_closed_inputs:
            _queue_again()
        return {"ui": {"closed": [meta_batch.has_closed_inputs]}}


class Vandal:
    """Passes images on, and at one index plays another program that takes a file away, or puts one in its place."""

    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "run"
    CATEGORY = "test"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {"images": ("IMAGE",), "index": WHOLE, "at": WHOLE, "path": ("STRING", {"default": ""})},
            "optional": {"puts": ("BOOLEAN", {"default": False})},
        }

    def run(self, images: Any, index: int, at: int, path: str, puts: bool = False) -> tuple[Any]:
        import os
        import shutil

        if index == at and os.path.isdir(path):
            shutil.rmtree(path)
            with open(path, "wb"):
                pass
        elif index == at and os.path.exists(path):
            os.remove(path)
        elif index == at and puts:
            with open(path, "wb") as file:
                file.write(b"of another program")
        return (images,)


def _queue_again() -> None:
    from server import PromptServer

    server = PromptServer.instance
    (item,) = server.prompt_queue.currently_running.values()
    prompt = item[2].copy()
    for node in prompt.values():
        if node["class_type"] == "Test BatchManager":
            node["inputs"]["requeue"] = node["inputs"].get("requeue", 0) + 1
    number = -server.number
    server.number += 1
    server.prompt_queue.put((number, str(server.number), prompt, *item[3:]))


ALL_NODES = (
    PictureList,
    PaintedList,
    Unequal,
    TextList,
    Numbered,
    LoopOpen,
    LoopClose,
    Unrolled,
    BatchManager,
    VideoPart,
    VideoEnd,
    Vandal,
)
