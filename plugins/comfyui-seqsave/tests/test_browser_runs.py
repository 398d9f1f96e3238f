"""What a user sees of graphs that save more than once: lists, loops, subgraphs; nodes that are bypassed or muted."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import browser
import examples
import pytest
from browser import FrontEnd
from graphs import Graph
from server import PATIENCE
from test_browser import FRAMES, SAVER
from test_server_runs import frames, is_whole, looped, numbers

if TYPE_CHECKING:
    from server import ComfyServer

LOADER = "Load Frames [seqsave]"
MUTED, BYPASSED = 2, 4  # the front end's numbers for what happens to a node
LOAD_API = "async (prompt) => { await app.loadApiJson(prompt, 'test.json') }"
MODE = "([type, mode]) => { for (const node of app.graph.nodes) if (node.type === type) node.mode = mode }"
LISTEN = """() => {
    window.shown = []
    app.api.addEventListener("progress", ({detail}) => window.shown.push(detail))
}"""
INSIDE = """(type) => {
    const inside = [...app.rootGraph.subgraphs.values()].flatMap(({ nodes }) => nodes)
    const node = inside.find((node) => node.type === type)
    if (!node) return { text: null, images: [] }
    const output = app.nodeOutputs[`${node.graph.id}:${node.id}`]
    return {
        text: node.widgets.find((widget) => widget.name === "saved to")?.value ?? null,
        images: (output?.images ?? []).map(({ filename }) => filename),
    } }"""

# An image into the blueprint, and its folder.
FEED = """(folder) => {
    const [saver] = app.graph.nodes
    const image = LiteGraph.createNode("EmptyImage")
    app.graph.add(image)
    image.connect(0, saver, 0)
    for (const widget of saver.widgets) if (widget.name === "directory_path") widget.value = folder
}"""
OPEN = """() => {
    const node = app.graph.nodes.find((node) => node.isSubgraphNode?.())
    app.canvas.openSubgraph(node.subgraph, node)
}"""


@pytest.fixture(scope="module")
def one_page(comfy: ComfyServer) -> Iterator[FrontEnd]:
    with browser.front_end(comfy) as shown:
        yield shown


@pytest.fixture
def page(comfy: ComfyServer, one_page: FrontEnd) -> Iterator[FrontEnd]:
    """Nothing of an earlier test is taken from ComfyUI's cache; the page's own code must not fail."""
    comfy.post("/free", {"free_memory": True})
    one_page.failures.clear()
    yield one_page
    assert one_page.failures == []


@pytest.fixture
def folder(comfy: ComfyServer, request: pytest.FixtureRequest) -> Path:
    return comfy.output / "seen" / request.node.name.replace("[", "_").replace("]", "")


def load(page: FrontEnd, graph: Graph) -> None:
    """Open a graph of the API as a workflow."""
    for node in graph.values():
        if node["class_type"] in ("Test PictureList", "Test Numbered"):  # the front end's widgets for them begin at 0
            node["inputs"] = {"height": 4, "width": 6, **node["inputs"]}
    page.page.evaluate(LOAD_API, graph)
    page.wait_for_nodes(len(graph))


def painted(graph: Graph, first: int, counts: str) -> Any:
    return graph.add("Test PictureList", first=first, counts=counts)


def run(page: FrontEnd) -> None:
    ended = page.run()
    assert ended["kind"] == "execution_success", ended.get("exception_message")


def wait_for(path: Path) -> None:
    end = time.monotonic() + PATIENCE
    while not path.exists():
        assert time.monotonic() < end, f"{path} does not exist"
        time.sleep(0.02)


# --- bypass and mute -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["list", "loop"])
def test_a_bypassed_saver_passes_all_images_on(page: FrontEnd, folder: Path, kind: str) -> None:
    graph = Graph()
    if kind == "list":
        saver = graph.frames(str(folder / "left out"), painted(graph, 0, "2,1"))
        last = graph.add("SaveImage", images=saver[0], filename_prefix=f"seen/{folder.name}/core")
    else:
        looped(graph, folder / "left out", 3)
        last = next(name for name, node in graph.items() if node["class_type"] == "PreviewImage")
        graph[last] = {
            "class_type": "SaveImage",
            "inputs": {**graph[last]["inputs"], "filename_prefix": f"seen/{folder.name}/core"},
        }
    load(page, graph)
    page.page.evaluate(MODE, [FRAMES, BYPASSED])
    run(page)
    assert not (folder / "left out").exists()
    # Each item of the list; of a loop, what the last iteration hands out, in the saver's copies too.
    assert sorted(set(numbers(folder).values())) == ([0, 1, 2] if kind == "list" else [2])
    page.page.evaluate(MODE, [FRAMES, 0])
    run(page)
    assert numbers(folder / "left out") == frames(0, range(3))


def test_a_bypassed_saver_of_single_frames_passes_its_image_on(page: FrontEnd, folder: Path) -> None:
    graph = Graph()
    saver = graph.saver(str(folder / "left out"), painted(graph, 7, "1"), graph.counter(1), filetype="png")
    again = graph.frames(str(folder), saver)
    graph[again]["inputs"]["images"] = saver[2]
    load(page, graph)
    page.page.evaluate(MODE, [SAVER, BYPASSED])
    run(page)
    assert not (folder / "left out").exists()
    assert numbers(folder) == frames(0, range(7, 8))


def test_a_muted_saver_saves_nothing_and_the_other_one_everything(page: FrontEnd, folder: Path) -> None:
    graph = Graph()
    images = painted(graph, 0, "1,2")
    graph.frames(str(folder / "frames"), images)
    graph.saver(str(folder / "one"), painted(graph, 5, "1"), graph.counter(2), filetype="png")
    load(page, graph)
    page.page.evaluate(MODE, [FRAMES, MUTED])
    run(page)
    assert numbers(folder) == {"one/frame_00002.png": 5}
    page.page.evaluate(MODE, [FRAMES, 0])
    page.page.evaluate(MODE, [SAVER, MUTED])
    run(page)
    assert numbers(folder / "frames") == frames(0, range(3))


# --- progress and interruption ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["one sequence", "a sequence for each item"])
def test_progress_counts_all_images_of_a_list(page: FrontEnd, folder: Path, kind: str) -> None:
    graph = Graph()
    texts = graph.add("Test TextList", lines="a\nb\nc\nd")
    prefix = texts[0] if kind != "one sequence" else "a"
    saver = graph.frames(str(folder), painted(graph, 0, "1,2,1,3"), prefix=prefix)
    load(page, graph)
    page.page.evaluate(LISTEN)
    run(page)
    shown = [one for one in page.page.evaluate("window.shown") if str(one["node"]) == saver]
    assert {one["max"] for one in shown} == {7}
    values = [one["value"] for one in shown]
    assert values == sorted(values)
    assert values[-1] == 7
    assert len(numbers(folder)) == 7


@pytest.mark.parametrize("kind", ["list", "loop"])
def test_the_interrupt_button_and_the_same_graph_again(
    page: FrontEnd, comfy: ComfyServer, folder: Path, kind: str
) -> None:
    """What is saved stays; the next run of the same graph with start -1 continues after it."""
    graph = Graph()
    gate = comfy.base / f"button_{kind}"
    if kind == "list":
        images = graph.add("Test PaintedList", first=0, count=4000, height=720, width=1280)
        graph.frames(str(folder), images, start=-1)
    else:
        looped(graph, folder, 4, start=-1)
        node = next(one for one in graph.values() if one["class_type"] == "Test Numbered")
        node["inputs"] |= {"waits_at": 2, "gate": str(gate)}
    load(page, graph)
    page.press_run()
    wait_for(folder / "frame_00001.png")
    if kind == "loop":
        wait_for(gate)
    page.page.evaluate("app.extensionManager.command.execute('Comfy.Interrupt')")
    page.page.wait_for_function("window.ended.length > 0")
    assert page.page.evaluate("window.ended[0].kind") == "execution_interrupted"
    assert not page.shown(FRAMES)["red"]
    before = numbers(folder)
    last = max(before.values())
    assert before.items() <= frames(0, range(last + 1)).items()
    # Of pictures that were under way on several threads, a later one may be saved and an earlier one may not.
    gaps = [number for number in range(last + 1) if number not in before.values()]
    assert kind == "list" or not gaps
    assert is_whole(folder)[0] is False
    if kind == "list":
        page.set("Test PaintedList", count=3)
    else:
        page.set("Test Numbered", waits_at=0)
    run(page)
    more = range(3 if kind == "list" else 4)
    assert numbers(folder) == {**before, **frames(last + 1, more)}
    assert is_whole(folder)[1] == gaps  # but the list that was interrupted has not come to its end: not complete
    assert f"frame_{last + len(more):05d}.png" in page.shown(FRAMES)["text"]


def test_a_warning_of_an_early_iteration_is_still_shown_when_the_loop_has_ended(page: FrontEnd, folder: Path) -> None:
    graph = Graph()
    start = graph.add("Test LoopOpen", times=3)
    images = graph.add("Test Pictures", count=1, height=8, width=12, channels=3, seed=start[1])  # beyond 0..1
    saver = graph.frames(str(folder), images)
    end = graph.add("Test LoopClose", loop=start[0], carried=saver[0], titled=True)
    graph.add("PreviewImage", images=end[0])
    load(page, graph)
    run(page)
    shows = f"(type) => ({browser.SHOWN})(type).text.includes('Warning: frame 0: values outside 0..1 were clipped')"
    page.page.wait_for_function(shows, arg=FRAMES)


# --- what is missing -------------------------------------------------------------------------------------------------


def test_the_loader_names_missing_frames_until_it_loads_all(page: FrontEnd, folder: Path) -> None:
    first = Graph()
    first.frames(str(folder), first.pictures(3))
    load(page, first)
    run(page)
    (folder / "frame_00002.png").unlink()
    graph = Graph()
    loader = graph.ours("Load Frames", directory_path=str(folder), prefix="", start=0, count=0, step=1, missing="skip")
    graph.add("PreviewImage", images=loader[0])
    load(page, graph)
    page.set(LOADER, missing="skip")
    run(page)
    has_text = f"([type, text]) => ({browser.SHOWN})(type).text === text"
    warning = "Warning: frame_#####.png has no frame 2: left out"
    page.page.wait_for_function(has_text, arg=[LOADER, warning])
    page.set(LOADER, count=2)
    run(page)
    page.page.wait_for_function(has_text, arg=[LOADER, ""])


# --- subgraphs -------------------------------------------------------------------------------------------------------


def test_a_saver_in_a_subgraph_shows_its_files_also_after_the_page_was_loaded_again(
    page: FrontEnd, comfy: ComfyServer, folder: Path
) -> None:
    listed = comfy.get("/global_subgraphs")
    (key,) = (key for key, entry in listed.items() if entry["info"]["node_pack"] == "custom_nodes.comfyui-seqsave")
    page.load(json.loads(comfy.get(f"/global_subgraphs/{key}")["data"]))
    page.page.evaluate(FEED, str(folder))
    run(page)
    shows = f"(type) => ({INSIDE})(type).images.length === 1"
    page.page.wait_for_function(shows, arg=SAVER)
    before = page.page.evaluate(INSIDE, SAVER)
    assert before == {"text": str(folder / "frame_00000.png"), "images": ["frame_00000.png"]}
    workflow = json.loads(page.page.evaluate("JSON.stringify(app.rootGraph.serialize())"))

    page.open(comfy.url)
    page.load(examples.ui("save_in_a_loop"))
    page.load(workflow)
    page.page.wait_for_function(shows, arg=SAVER)
    assert page.page.evaluate(INSIDE, SAVER) == before
    page.page.evaluate(OPEN)
    pictures = "(type) => app.canvas.graph.nodes.find((node) => node.type === type)?.imgs?.length === 1"
    page.page.wait_for_function(pictures, arg=SAVER)
