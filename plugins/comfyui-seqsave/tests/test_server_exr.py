"""EXR files, read by OpenEXR's own module."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from graphs import Graph, Node, failure_before_rendering, seen
from helper_nodes import pictures

import seqsave
from seqsave.testing import outside

if TYPE_CHECKING:
    from server import ComfyServer

EXR = "exr with embedded workflow"
REC709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)  # ITU-R BT.709, and D65

save_with = pytest.mark.parametrize("title", ["Image Sequence Saver", "Save Frames"])


@pytest.fixture(autouse=True)
def _exr() -> None:
    if "exr" not in seqsave.filetypes():
        outside.missing("seqsave-exr", "pip install seqsave-exr")


def saving(graph: Graph, title: str, folder: str, images: Node, **more: Any) -> Node:
    more = {"filetype": EXR, **more}
    if title == "Save Frames":
        return graph.frames(folder, images, **more)
    return graph.saver(folder, images, graph.counter(0, 1), **more)


def read(comfy: ComfyServer, path: str) -> tuple[dict[str, Any], np.ndarray]:
    openexr = outside.package("OpenEXR", "pip install openexr")
    file = openexr.File(io.BytesIO((comfy.output / path).read_bytes()))
    return file.header(), file.channels()["RGB"].pixels


@save_with
def test_by_name_as_comfyui_itself_writes_them(comfy: ComfyServer, title: str) -> None:
    """Linear, from sRGB, beyond 0 and 1 as well; chromaticities of Rec. 709; prompt and workflow as texts."""
    outside.package("PyOpenColorIO", "pip install opencolorio")
    graph = Graph()
    saving(graph, title, f"exr/{title}", graph.pictures(1, seed=91), convert_to="linear-srgb, from srgb")
    comfy.run(graph, {"nodes": ["canary"]})
    header, found = read(comfy, f"exr/{title}/frame_00000.exr")
    given = pictures(91, 1, 8, 12)[0].astype(np.float64)
    light = np.where(given <= 0.04045, given / 12.92, ((np.maximum(given, 0) + 0.055) / 1.055) ** 2.4)  # IEC 61966-2-1
    inside = given >= 0
    assert found.dtype == np.float32
    assert np.abs(found - light)[inside].max() < 1e-5
    assert found[~inside].max() < 0, "values below 0 stay there"
    assert found[given > 1].min() > 1, "and those above 1"
    assert header["chromaticities"] == pytest.approx(REC709, abs=1e-4)
    assert header["colorInteropID"] == "lin_rec709_scene"
    assert json.loads(header["workflow"]) == {"nodes": ["canary"]}
    assert json.loads(header["prompt"]) == graph


@save_with
def test_what_is_not_converted_says_so(comfy: ComfyServer, title: str) -> None:
    graph = Graph()
    saver = saving(graph, title, f"exr/plain/{title}", graph.pictures(1, seed=92))
    look = graph.seen(log_entry=saver[1 if title == "Image Sequence Saver" else 3])
    outputs = comfy.run(graph)
    header, found = read(comfy, f"exr/plain/{title}/frame_00000.exr")
    assert np.array_equal(found, pictures(92, 1, 8, 12)[0])
    assert header["colorInteropID"] == "srgb_rec709_scene"
    assert header["chromaticities"] == pytest.approx(REC709, abs=1e-4)
    assert any("expect EXR files to be scene-linear" in text for _, text in seen(outputs, look)["log_entry"]["data"])


@save_with
def test_values_that_are_linear_already(comfy: ComfyServer, title: str) -> None:
    graph = Graph()
    for name, more in {"stated": {}, "converted": {"convert_to": "linear-srgb, from srgb"}}.items():
        where = {"prefix": name, "color": "linear-srgb"}
        saving(graph, title, f"exr/linear/{title}", graph.pictures(1, seed=93), **where, **more)
    comfy.run(graph)
    for name in ("stated", "converted"):
        header, found = read(comfy, f"exr/linear/{title}/{name}_00000.exr")
        assert np.array_equal(found, pictures(93, 1, 8, 12)[0])
        assert header["colorInteropID"] == "lin_rec709_scene"


def test_other_conversions_need_to_know_from_what(comfy: ComfyServer) -> None:
    graph = Graph()
    saving(graph, "Save Frames", "exr/refused", graph.pictures(1), convert_to="acescg")
    assert "give color as well" in failure_before_rendering(comfy, graph, "Save Frames")
