"""Random graphs with lists, loops and meta batches in one folder, against a computation that uses nothing of ours."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from graphs import Graph
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_server_runs import finish, looped, metabatch, numbers
from tests.support.environment import FULL

import seqsave

if TYPE_CHECKING:
    from server import ComfyServer

folders = itertools.count()

graphs = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["list", "loop", "meta batch", "batch"]),
        "times": st.integers(1, 3),
        "count": st.integers(1, 3),
        "start": st.sampled_from([-1, 0, 2, 1001]),
        "filetype": st.sampled_from(["png", "png with embedded workflow"]),
        "if_exists": st.sampled_from(["overwrite", "skip", "error", "replace"]),
    }
)


@settings(max_examples=200 if FULL else 10, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    runs=st.lists(graphs, min_size=1, max_size=3),
    prefix=st.sampled_from(["frame", "sub/frame", "shot.####.png", "x%width%"]),
)
def test_exactly_the_right_frames_exist(comfy: ComfyServer, runs: list[dict[str, Any]], prefix: str) -> None:
    folder = comfy.output / "random_runs" / str(next(folders))
    exist: dict[int, int] = {}
    is_mixed = False  # a run has written over a part of an earlier one, whose other frames are still there
    for number, run in enumerate(runs):
        total = run["times"] * run["count"]
        start = max(exist, default=-1) + 1 if run["start"] == -1 else run["start"]
        made = {start + place: 1000 * number + place for place in range(total)}
        if (run["start"] == -1 and run["if_exists"] == "replace") or (
            run["if_exists"] == "error" and not exist.keys().isdisjoint(made)
        ):
            run["if_exists"] = "overwrite"
        is_mixed |= not exist.keys().isdisjoint(made) and not exist.keys() <= made.keys()
        render(comfy, folder, prefix, first=1000 * number, **run)
        exist = {
            "overwrite": {**exist, **made},
            "error": {**exist, **made},
            "skip": {**made, **exist},
            "replace": made,
        }[run["if_exists"]]
        assert numbers(folder) == {name(prefix, index): painted for index, painted in exist.items()}
    # What a manifest says of frames that a run has replaced is the library's own matter.
    if prefix == "frame" and all(run["if_exists"] != "replace" for run in runs):
        manifest = seqsave.open_sequence(f"{folder}/", prefix=prefix).manifest
        assert manifest is not None
        assert manifest.complete or (is_mixed and "frames of an older run" in manifest.obstacles()[0])


def name(prefix: str, index: int) -> str:
    return f"shot.{index:04d}.png" if "#" in prefix else f"{prefix.replace('%width%', '6')}_{index:05d}.png"


def render(comfy: ComfyServer, folder: Any, prefix: str, *, kind: str, times: int, count: int, **more: Any) -> None:
    graph = Graph()
    first, given = more.pop("first"), {"prefix": prefix, **more}
    if kind == "batch":
        graph.frames(str(folder), graph.add("Test PictureList", first=first, counts=str(times * count)), **given)
    elif kind == "list" or (kind == "meta batch" and times == 1):  # ComfyUI would not run its manager again
        items = graph.add("Test PictureList", first=first, counts=",".join([str(count)] * times))
        graph.frames(str(folder), items, **given)
    elif kind == "loop":
        looped(graph, folder, times, count, **given)
        render_node = next(node for node in graph.values() if node["class_type"] == "Test Numbered")
        render_node["inputs"]["first"] = first
    else:
        metabatch(graph, folder, times * count, count, first=first, by=["saver"], **given)
    comfy.run(graph)
    finish(comfy)
