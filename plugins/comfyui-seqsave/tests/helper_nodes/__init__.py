"""Nodes for tests only: sources of pictures and counters that are not the pack's, and one that reports its inputs.

``server.ComfyServer`` never links this folder; the fixture ``comfy`` does. Tests import ``pictures`` from here too.
"""

from __future__ import annotations

import json
import os
import uuid
from typing import Any

import numpy as np

from .flow import ALL_NODES
from .sampling import SAMPLING

ANYTHING = "*"


def pictures(seed: int, count: int, height: int, width: int, channels: int = 3, smooth: bool = False) -> np.ndarray:
    """float32, count,H,W,C, also a bit below 0 and above 1. smooth: faint gradients, which survive lossy formats."""
    random = np.random.default_rng(seed)
    if not smooth:
        return random.random((count, height, width, channels), dtype=np.float32) * np.float32(1.2) - np.float32(0.1)
    top, bottom = random.random((2, count, 1, 1, channels), dtype=np.float32)
    across = np.arange(height, dtype=np.float32).reshape(1, height, 1, 1) / np.float32(max(64, height))
    return np.broadcast_to(top + (bottom - top) * across, (count, height, width, channels)).astype(np.float32)


class Any_(str):  # noqa: N801 - a type name that is equal to every other
    def __ne__(self, other: object) -> bool:
        return False


class Pictures:
    """A source of random images."""

    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "run"
    CATEGORY = "test"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        whole = ("INT", {"default": 1, "min": 0, "max": 2**31})
        return {
            "required": dict.fromkeys(("seed", "count", "height", "width"), whole),
            "optional": {"channels": whole, "smooth": ("BOOLEAN", {"default": False})},
        }

    def run(self, **given: Any) -> tuple[Any]:
        import torch

        return (torch.from_numpy(pictures(**given)),)


class ForeignCounter:
    """A frame counter of another pack: another class, the same attributes and nothing more."""

    RETURN_TYPES = ("FRAME_COUNTER",)
    FUNCTION = "run"
    CATEGORY = "test"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        whole = ("INT", {"default": 0, "min": 0})
        return {"required": {"current_frame": whole, "total_frames": whole}}

    def run(self, current_frame: int, total_frames: int) -> tuple[Any]:
        class Counter:
            __slots__ = ("current_frame", "frames_per_second", "total_frames")

        counter = Counter()
        counter.current_frame, counter.total_frames, counter.frames_per_second = current_frame, total_frames, 12.5
        return (counter,)


class ForeignSequence:
    """A sequence of another pack: another class, the same attributes. ``frames`` is JSON."""

    RETURN_TYPES = ("ANIMATION_SEQUENCE",)
    FUNCTION = "run"
    CATEGORY = "test"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"frames": ("STRING", {"default": "{}"}), "frame_counter": ("FRAME_COUNTER",)}}

    def run(self, frames: str, frame_counter: Any) -> tuple[Any]:
        class Sequence:
            pass

        sequence = Sequence()
        sequence.frames = {int(index): files for index, files in json.loads(frames).items()} or None
        sequence.is_defined = bool(sequence.frames)
        sequence.frame_counter = frame_counter
        sequence.fps = frame_counter.frames_per_second
        sequence.keys_in_order = sorted(sequence.frames or {})
        return (sequence,)


class Seen:
    """Report the input by the attributes that nodes of the Dream pack use."""

    RETURN_TYPES = ()
    FUNCTION = "run"
    CATEGORY = "test"
    OUTPUT_NODE = True

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        sockets = ("ANIMATION_SEQUENCE", "LOG_ENTRY", "FRAME_COUNTER", "IMAGE", "MASK", "INT")
        named = {socket.lower(): (socket, {"forceInput": True}) for socket in sockets}
        return {"required": {}, "optional": {**named, "text": (Any_(ANYTHING), {"forceInput": True})}}

    @classmethod
    def IS_CHANGED(cls, **_: Any) -> float:
        return float("nan")

    def run(self, **given: Any) -> dict[str, Any]:
        reported = {"animation_sequence": _sequence, "log_entry": _log, "frame_counter": _counter}
        reported |= {"image": _array, "mask": _array}
        return {"ui": {"seen": [{name: reported.get(name, lambda it: it)(value) for name, value in given.items()}]}}


class Secret:
    """Return a node with a secret text, and another node."""

    RETURN_TYPES = ("STRING",)
    FUNCTION = "run"
    CATEGORY = "test"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": dict.fromkeys(("text", "hidden"), ("STRING", {"default": ""}))}

    def run(self, text: str, hidden: str) -> tuple[str]:
        return (text,)


def _counter(counter: Any) -> dict[str, Any]:
    later = counter.incremented(2)
    names = ("current_frame", "total_frames", "frames_per_second", "is_first_frame", "is_final_frame")
    names += ("is_after_last_frame", "current_time_in_seconds", "total_time_in_seconds", "remaining_time_in_seconds")
    return {**{name: getattr(counter, name) for name in (*names, "progress")}, "later": later.current_frame}


def _sequence(sequence: Any) -> dict[str, Any]:
    if not sequence.is_defined:
        return {"is_defined": sequence.is_defined, "frames": sequence.frames}
    return {
        "is_defined": sequence.is_defined,
        "frames": sequence.frames,
        "fps": sequence.fps,
        "keys": list(sequence.keys_in_order),
        "num_batches": sequence.num_batches,
        "files": [list(sequence.get_image_files_of_batch(number)) for number in sequence.batches],
        "current": sequence.frame_counter.current_frame,
    }


def _log(log: Any) -> dict[str, Any]:
    more = log.add("more").merge(type(log)([(1.0, "old")]))
    return {
        "data": log._data,
        "filtered": list(log.get_filtered_entries(0)),
        "newer": list(log.get_filtered_entries(2**40)),
        "more": [text for _, text in more.get_filtered_entries(0)],
    }


def _array(tensor: Any) -> str:
    """Where its values are, as an .npy file in ComfyUI's temp folder."""
    import folder_paths

    os.makedirs(folder_paths.get_temp_directory(), exist_ok=True)
    path = os.path.join(folder_paths.get_temp_directory(), f"seen_{uuid.uuid4().hex}.npy")
    np.save(path, tensor.numpy())
    return path


_ALL = (Pictures, ForeignCounter, ForeignSequence, Secret, Seen, *ALL_NODES, *SAMPLING)
NODE_CLASS_MAPPINGS = {f"Test {node.__name__}": node for node in _ALL}
