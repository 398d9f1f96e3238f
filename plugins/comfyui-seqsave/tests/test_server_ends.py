"""What fails when a loop, a list or a meta batch has ended: the graph has failed, and its saver says why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser import SHOWN, FrontEnd, front_end
from graphs import Graph
from test_server_runs import finish, frames, is_whole, looped, numbers

if TYPE_CHECKING:
    from server import ComfyServer


@pytest.fixture
def folder(comfy: ComfyServer, request: pytest.FixtureRequest) -> Path:
    return comfy.output / "ends" / request.node.name.replace("[", "_").replace("]", "")


def damaged(graph: Graph, folder: Path, path: str, times: int = 3, **more: Any) -> str:
    """A loop around Save Frames; before its last iteration another program damages a file. The saver's id."""
    start = graph.add("Test LoopOpen", times=times)
    render = graph.add("Test Numbered", index=start[1], count=1)
    worse = graph.add("Test Vandal", images=render[0], index=start[1], at=times - 1, path=str(folder / path))
    saver = graph.frames(str(folder), worse, **more)
    graph.add("PreviewImage", images=graph.add("Test LoopClose", loop=start[0], carried=saver[0])[0])
    return str(saver)


def errors(history: dict[str, Any]) -> list[dict[str, Any]]:
    return [message for kind, message in history["status"]["messages"] if kind == "execution_error"]


@pytest.mark.parametrize(
    ("path", "stated", "advice"),
    [
        ("frame_00000.png", "1 of 3 accepted frames not saved", "run the graph again with if_exists = skip"),
        (".seqsave", "the manifest is not", "seqsave manifest {folder} --rebuild"),
    ],
    ids=["frame", "records"],
)
def test_a_failure_at_the_end_of_a_loop_is_one_of_the_saver(
    comfy: ComfyServer, folder: Path, path: str, stated: str, advice: str
) -> None:
    graph = Graph()
    saver = damaged(graph, folder, path)
    history = comfy.wait(comfy.queue(graph))
    assert (history["status"]["status_str"], history["status"]["completed"]) == ("error", False)
    (error,) = errors(history)
    assert (error["node_id"], error["node_type"]) == (saver, "Save Frames [seqsave]")
    assert error["exception_type"] == "SaveError"
    assert stated in error["exception_message"]
    assert advice.format(folder=folder) in error["exception_message"]
    assert "\nHelp: https://" in error["exception_message"]
    assert set(history["outputs"]) >= {saver}, "what was saved is still shown"
    graph = Graph()  # and the server goes on
    looped(graph, folder / "next", 2)
    comfy.run(graph)
    assert numbers(folder / "next") == frames(0, range(2))


def test_several_failures_are_one_error(comfy: ComfyServer, folder: Path) -> None:
    graph = Graph()
    start = graph.add("Test LoopOpen", times=2)
    image = graph.add("Test Numbered", index=start[1], count=1)
    for name in ("a", "b"):
        path = str(folder / name / "frame_00000.png")
        image = graph.add("Test Vandal", images=image[0], index=start[1], at=1, path=path)
    for name in ("a", "b", "c"):
        image = graph.frames(str(folder / name), image)
    graph.add("PreviewImage", images=graph.add("Test LoopClose", loop=start[0], carried=image[0])[0])
    (error,) = errors(comfy.wait(comfy.queue(graph)))
    lines = [line for line in error["exception_message"].splitlines() if not line.startswith("Help: ")]
    assert [str(folder / name) in line for name, line in zip("ab", lines, strict=True)] == [True, True]
    assert is_whole(folder / "c") == (True, [])


def test_a_failure_at_the_end_of_a_meta_batch_is_one_of_its_last_part(comfy: ComfyServer, folder: Path) -> None:
    graph = Graph()
    manager = graph.add("Test BatchManager", frames_per_batch=2)
    part = graph.add("Test VideoPart", meta_batch=manager[0], total=4)
    worse = graph.add("Test Vandal", images=part[0], index=0, at=0, path=str(folder / "frame_00001.png"))
    graph.frames(str(folder), worse, meta_batch=manager[0])
    before = set(comfy.get("/history"))
    first = comfy.queue(graph)
    assert comfy.wait(first)["status"]["status_str"] == "success"
    finish(comfy)
    history = comfy.get("/history")
    (last,) = set(history) - before - {first}
    (error,) = errors(history[last])
    assert "1 of 4 accepted frames not saved" in error["exception_message"]


def test_the_front_end_marks_the_node_and_shows_the_message(comfy: ComfyServer, folder: Path) -> None:
    graph = Graph()
    saver = damaged(graph, folder, "frame_00000.png")
    with front_end(comfy) as page:
        ended = _run(page, comfy, graph)
        assert (ended["kind"], ended["node_id"]) == ("execution_error", saver)
        page.page.get_by_text("View details").click()
        page.page.get_by_text("1 of 3 accepted frames not saved").first.wait_for()
        assert page.page.evaluate("String(app.lastExecutionError?.node_id)") == saver
        assert page.failures == []


def _run(page: FrontEnd, comfy: ComfyServer, graph: Graph) -> dict[str, Any]:
    page.page.evaluate("async (graph) => { await app.loadApiJson(graph, 'loop') }", graph)
    page.press_run()
    page.page.wait_for_function("window.ended.some((one) => one.kind === 'execution_error')")
    return dict(page.page.evaluate("window.ended.find((one) => one.kind === 'execution_error')"))


# --- warnings: nothing has failed, but the user should know ----------------------------------------------------------


def test_a_warning_at_the_end_of_a_loop_is_in_the_history_on_its_saver(comfy: ComfyServer, folder: Path) -> None:
    for times in (5, 3):
        graph = Graph()
        looped(graph, folder, times)
        history = comfy.wait(comfy.queue(graph))
        assert history["status"]["status_str"] == "success"
    saver = next(name for name, node in graph.items() if node["class_type"].startswith("Save Frames"))
    (warning,) = history["outputs"][saver]["warnings"]
    assert "`if_exists='replace'` removes them" in warning
    assert history["outputs"][saver]["images"], "what was saved is still shown"


def test_a_warning_of_a_single_call_is_in_what_the_saver_shows(comfy: ComfyServer, folder: Path) -> None:
    for count in (5, 3):
        graph = Graph()
        saver = graph.frames(str(folder), graph.pictures(count))
        shown = comfy.run(graph)[saver]
    assert any("`if_exists='replace'` removes them" in warning for warning in shown["warnings"]), shown["warnings"]


def test_an_animation_with_missing_frames_is_a_warning_of_its_last_one(comfy: ComfyServer, folder: Path) -> None:
    graph = Graph()
    saver = graph.saver(str(folder), graph.pictures(1), graph.counter(4, 5))
    warnings = comfy.run(graph)[saver]["warnings"]
    assert "Not complete: frames are missing: 0-3" in warnings


@pytest.mark.parametrize("kind", ["loop", "list"])
def test_the_front_end_shows_warnings_on_the_node(comfy: ComfyServer, folder: Path, kind: str) -> None:
    def made(count: int) -> Graph:
        graph = Graph()
        if kind == "loop":
            looped(graph, folder, count)
            for node in graph.values():
                if node["class_type"] == "Test Numbered":
                    node["inputs"] |= {"height": 4, "width": 6}  # the page sends a 0 for what is not given
        else:
            graph.frames(str(folder), graph.pictures(count))
        return graph

    comfy.run(made(5))
    with front_end(comfy) as page:
        page.page.evaluate("async (graph) => { await app.loadApiJson(graph, 'loop') }", made(3))
        page.press_run()
        code = f"(type) => ({SHOWN})(type).text?.includes('Warning: ')"
        page.page.wait_for_function(code, arg="Save Frames [seqsave]")
        text = page.shown("Save Frames [seqsave]")["text"]
        assert "removes them" in text
        assert "frame_0000" in text
        assert page.failures == []
