from __future__ import annotations

import hashlib
import itertools
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from seqsave.cli import demo_scene
from tests.cli.runner import options, seqsave

if TYPE_CHECKING:
    from tests.support.places import Place


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray[Any, Any]]:
    return list(demo_scene.render())


@pytest.fixture
def rendered(pictures: list[np.ndarray[Any, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """The command saves the same pictures without drawing them again; tests/cli/test_process.py does that."""
    monkeypatch.setattr(demo_scene, "render", lambda: iter(pictures))


@pytest.mark.usefixtures("rendered")
def test_the_main_job_without_any_input(place: Place) -> None:
    result = seqsave("demo", place.url, "--json", *options(place))
    assert result.document["counts"]["saved"] == demo_scene.FRAMES
    assert place.frames() == [f"frame_{n:05}.png" for n in range(demo_scene.FRAMES)]
    found = seqsave("workflow", f"{place.url}/frame_00007.png", *options(place)).document
    assert found == demo_scene.metadata()


@pytest.mark.usefixtures("rendered")
def test_what_to_try_next_works(tmp_path: Path) -> None:
    url = tmp_path / "my demo"
    told = seqsave("demo", url).err.splitlines()
    assert f"in {url}" in told[0]
    assert told[1] == "Next:"
    assert len(told) == 5
    for line in told[2:]:
        words = shlex.split(line.replace("./copy", str(tmp_path / "copy")))
        assert words.pop(0) == "seqsave"
        seqsave(*words)
    assert len(list((tmp_path / "copy").glob("frame_*.jpg"))) == demo_scene.FRAMES


@pytest.mark.usefixtures("rendered")
def test_without_an_embedding_filetype(tmp_path: Path) -> None:
    told = seqsave("demo", tmp_path, "--filetype", "jpg").err
    assert "seqsave workflow" not in told
    assert seqsave("workflow", tmp_path / "frame_00000.jpg", status=1).out == ""


@pytest.mark.usefixtures("rendered")
def test_memory_is_told_to_be_short(tmp_path: Path) -> None:
    assert "memory:// lasts as long as this command" in seqsave("demo", "memory://demo").err


def test_an_unknown_filetype() -> None:
    assert "did you mean 'jpg'" in seqsave("demo", "memory://demo", "--filetype", "jgp", status=2).err


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


@pytest.mark.usefixtures("rendered")
def test_the_pictures_open_elsewhere(tmp_path: Path) -> None:
    seqsave("demo", tmp_path, "-q")
    with Image.open(tmp_path / "frame_00024.png") as image:
        assert image.size == (640, 360)
        assert set(image.text) == {"prompt", "workflow"}  # type: ignore[attr-defined]
