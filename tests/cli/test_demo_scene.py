"""The scene that the demo renders."""

import hashlib
import itertools
from typing import Any

import numpy as np

from seqsave.cli import demo_scene


def test_it_moves(pictures: list[np.ndarray[Any, Any]]) -> None:
    assert len(pictures) == demo_scene.FRAMES
    assert all(frame.shape == (360, 640, 3) and frame.dtype == np.uint8 for frame in pictures)
    assert len({hashlib.sha256(frame.tobytes()).digest() for frame in pictures}) == demo_scene.FRAMES


def test_it_is_the_same_each_time(pictures: list[np.ndarray[Any, Any]]) -> None:
    for frame, again in zip(pictures[:3], itertools.islice(demo_scene.render(), 3), strict=True):
        assert np.array_equal(frame, again)


def test_it_is_a_loop_with_night_and_day(pictures: list[np.ndarray[Any, Any]]) -> None:
    frames = [frame.astype(float) for frame in pictures]
    steps = [np.abs(one - other).mean() for one, other in zip(frames, [*frames[1:], frames[0]], strict=True)]
    assert steps[-1] <= 1.2 * max(steps[:-1])  # the last one leads back to the first
    light = [frame.mean() for frame in frames]
    assert max(light) > 3 * min(light)
    assert light.index(min(light)) in (0, 1, 2, demo_scene.FRAMES - 1, demo_scene.FRAMES - 2)


def test_the_workflow_has_the_shape_that_comfyui_reads() -> None:
    prompt, workflow = demo_scene.metadata()["prompt"], demo_scene.metadata()["workflow"]
    for node in prompt.values():
        assert set(node) >= {"class_type", "inputs"}
    ids = [node["id"] for node in workflow["nodes"]]
    assert workflow["last_node_id"] == max(ids)
    assert workflow["links"] == []
    assert workflow["version"] == 0.4
    for node in workflow["nodes"]:
        assert set(node) >= {"id", "type", "pos", "size", "flags", "order", "mode", "properties", "widgets_values"}
    assert "not rendered by ComfyUI" in workflow["nodes"][0]["widgets_values"][0]
