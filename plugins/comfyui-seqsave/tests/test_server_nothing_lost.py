"""Nothing replaces what the same run has saved: graphs that try it, queues, nodes that run again, and interruptions."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from graphs import Graph, Node
from server import PATIENCE, ComfyError
from test_server_runs import finish, frames, is_whole, looped, metabatch, numbers

import seqsave

if TYPE_CHECKING:
    from server import ComfyServer


@pytest.fixture
def folder(comfy: ComfyServer, request: pytest.FixtureRequest) -> Path:
    return comfy.output / "lost" / request.node.name.replace("[", "_").replace("]", "")


def painted(graph: Graph, first: int, counts: str) -> Any:
    return graph.add("Test PictureList", first=first, counts=counts)


def shown(folder: Path, name: str = "*.png") -> list[int]:
    """The numbers of all pictures, each as often as it is there."""
    return sorted(numbers(folder, name).values())


@pytest.mark.parametrize("start", [0, -1, 5])
def test_the_same_saver_three_times_in_one_graph(comfy: ComfyServer, folder: Path, start: int) -> None:
    graph = Graph()
    for place in range(3):
        graph.frames(str(folder), painted(graph, 10 * place, "2,1"), start=start)
    comfy.run(graph)
    assert shown(folder) == [0, 1, 2, 10, 11, 12, 20, 21, 22]
    assert sorted(numbers(folder)) == list(frames(max(start, 0), range(9)))
    assert is_whole(folder) == (True, [])


def test_a_saver_of_frames_and_one_of_single_frames_in_one_folder(comfy: ComfyServer, folder: Path) -> None:
    """Whichever runs first: the other one counts on, or is an error. No picture is lost."""
    graph = Graph()
    graph.frames(str(folder), painted(graph, 0, "3"))
    graph.saver(str(folder), painted(graph, 50, "1"), graph.counter(1), filetype="png")
    history = comfy.wait(comfy.queue(graph))
    if history["status"]["status_str"] == "success":
        assert shown(folder) == [0, 1, 2, 50]
    else:
        assert "has saved frame_00001.png already" in history["status"]["messages"][-1][1]["exception_message"]
        assert shown(folder) == [0, 1, 2]


@pytest.mark.parametrize("spelling", ["folder", "folder in the prefix", "also_as", "pattern"])
def test_other_spellings_of_the_same_files(comfy: ComfyServer, folder: Path, spelling: str) -> None:
    graph = Graph()
    graph.frames(str(folder), painted(graph, 0, "2"), digits=5)
    other: dict[str, Any] = {
        "folder": {"directory": f"{folder}//./"},
        "folder in the prefix": {"directory": str(folder.parent), "prefix": f"{folder.name}/frame"},
        "also_as": {"filetype": "jpg", "also_as": "png"},
        "pattern": {"prefix": "frame_#####.png"},
    }[spelling]
    graph.frames(other.pop("directory", str(folder)), painted(graph, 10, "2"), **other)
    comfy.run(graph)
    assert shown(folder) == [0, 1, 10, 11]


def test_queued_prompts_of_one_prefix(comfy: ComfyServer, folder: Path) -> None:
    """Each prompt is a run of its own: -1 continues, and a fixed start replaces what another run has saved."""
    ids = []
    for place in range(5):
        graph = Graph()
        looped(graph, folder / "on", 2, start=-1)
        node = next(one for one in graph.values() if one["class_type"] == "Test Numbered")
        node["inputs"]["first"] = 100 * place
        graph.frames(str(folder / "fixed"), painted(graph, 100 * place, "2"))
        ids.append(comfy.queue(graph))
    for one in ids:
        assert comfy.wait(one)["status"]["status_str"] == "success"
    assert shown(folder / "on") == [100 * place + number for place in range(5) for number in range(2)]
    assert sorted(numbers(folder / "on")) == list(frames(0, range(10)))
    assert shown(folder / "fixed") == [400, 401]
    assert is_whole(folder / "on") == (True, [])


@pytest.mark.parametrize("if_exists", ["overwrite", "skip"])
def test_a_run_that_continues_leaves_what_another_program_saves_at_the_same_time(
    comfy: ComfyServer, folder: Path, if_exists: str
) -> None:
    """Such as a second server, which has found the same highest frame."""
    other = folder / "frame_00002.png"
    graph = Graph()
    start = graph.add("Test LoopOpen", times=4)
    render = graph.add("Test Numbered", index=start[1], count=1)
    during = graph.add("Test Vandal", images=render[0], index=start[1], at=1, path=str(other), puts=True)
    saver = graph.frames(str(folder), during, start=-1, if_exists=if_exists)
    end = graph.add("Test LoopClose", loop=start[0], carried=saver[0], titled=True)
    graph.add("PreviewImage", images=end[0])
    with pytest.raises(ComfyError, match=r"frame_00002\.png was saved by another program since this run began"):
        comfy.run(graph)
    assert other.read_bytes() == b"of another program"
    assert numbers(folder, "frame_0000[01].png") == frames(0, range(2))
    graph = Graph()
    graph.frames(str(folder), painted(graph, 7, "1"), start=-1, if_exists=if_exists)
    comfy.run(graph)
    assert other.read_bytes() == b"of another program"
    assert numbers(folder, "frame_00003.png") == frames(3, range(7, 8))


def test_nodes_that_run_again_save_the_same_frames(comfy: ComfyServer, folder: Path) -> None:
    """ComfyUI's cache is emptied between two runs of the same prompt."""
    graph = Graph()
    graph.frames(str(folder), painted(graph, 0, "2,2"), start=3)
    for again in range(3):
        if again:  # and not after the last run: ComfyUI might empty its cache within the next test
            comfy.post("/free", {"free_memory": True})
        comfy.run(graph)
        assert numbers(folder) == frames(3, range(4))
        assert is_whole(folder) == (True, [])


def test_a_cached_saver_is_not_counted_twice(comfy: ComfyServer, folder: Path) -> None:
    graph = Graph()
    saver = graph.frames(str(folder / "one"), painted(graph, 0, "2"), start=-1)
    comfy.run(graph)
    graph.frames(str(folder / "other"), saver)  # the first saver's inputs are the same: it does not run
    comfy.run(graph)
    assert shown(folder / "one") == [0, 1]
    assert shown(folder / "other") == [0, 1]


def test_lists_of_differing_lengths_and_sizes(comfy: ComfyServer, folder: Path) -> None:
    graph = Graph()
    texts = graph.add("Test TextList", lines="\n".join("abcab"))
    graph.frames(str(folder), painted(graph, 0, "1,2,1"), prefix=texts[0])
    comfy.run(graph)
    found = numbers(folder)
    # The last item is repeated, as in ComfyUI; each prefix counts on where it comes again.
    assert Counter(name[0] for name in found) == {"a": 2, "b": 3, "c": 1}
    assert sorted(found.values()) == [0, 1, 2, 3, 3, 3]
    graph = Graph()
    sizes = graph.add("Test Unequal", sizes="4x6,8x2,1x1")
    graph.frames(str(folder / "sizes"), sizes)
    comfy.run(graph)
    (sequence,) = seqsave.find_sequences(str(folder / "sizes"))
    assert list(sequence.indices) == [0, 1, 2]


@pytest.mark.parametrize("start", [0, -1])
def test_an_empty_list_leaves_the_sequence_as_it_is(comfy: ComfyServer, folder: Path, start: int) -> None:
    for counts in ("2", "", "1"):
        graph = Graph()
        graph.frames(str(folder), painted(graph, 5, counts), start=start)
        comfy.run(graph)
    assert shown(folder) == ([5, 5, 6] if start == -1 else [5, 6])


def test_savers_of_one_meta_batch_in_one_folder(comfy: ComfyServer, folder: Path) -> None:
    graph = Graph()
    metabatch(graph, folder, 5, 2, by=["saver"])
    graph.frames(str(folder), Node("2"), meta_batch=["1", 0])
    comfy.run(graph)
    finish(comfy)
    assert shown(folder) == sorted([*range(5), *range(5)])
    assert sorted(numbers(folder)) == list(frames(0, range(10)))


def test_a_loop_in_a_subgraph(comfy: ComfyServer, folder: Path) -> None:
    """The front end sends the nodes of a subgraph with ids such as 7:2."""
    graph = Graph()
    looped(graph, folder, 3, 2, start=4)
    inner = json.loads(json.dumps(graph))

    def renamed(value: Any) -> Any:
        return [f"7:{value[0]}", value[1]] if isinstance(value, list) else value

    for node in inner.values():
        node["inputs"] = {name: renamed(value) for name, value in node["inputs"].items()}
    comfy.run({f"7:{name}": node for name, node in inner.items()})
    assert numbers(folder) == frames(4, range(6))
    assert is_whole(folder) == (True, [])


# --- interruption ----------------------------------------------------------------------------------------------------


def _wait_for(path: Path) -> None:
    end = time.monotonic() + PATIENCE
    while not path.exists():
        if time.monotonic() > end:
            raise TimeoutError(f"{path} was not saved")
        time.sleep(0.01)


@pytest.mark.parametrize("kind", ["loop", "list", "meta batch"])
def test_an_interrupted_run_is_unfinished_and_the_next_prompt_works(
    comfy: ComfyServer, folder: Path, kind: str
) -> None:
    graph = Graph()
    gate = comfy.base / f"gate_{kind.replace(' ', '_')}"
    if kind == "list":
        # So large that the button is pressed while it is saved.
        images = graph.add("Test PaintedList", first=0, count=4000, height=720, width=1280)
        graph.frames(str(folder), images)
    elif kind == "loop":
        looped(graph, folder, 6)
        node = next(one for one in graph.values() if one["class_type"] == "Test Numbered")
        node["inputs"] |= {"waits_at": 3, "gate": str(gate)}
    else:
        metabatch(graph, folder, 12, 2, by=["saver"])
        node = next(one for one in graph.values() if one["class_type"] == "Test VideoPart")
        node["inputs"] |= {"waits_at": 6, "gate": str(gate)}
    prompt = comfy.queue(graph)
    for index in range(3):  # frames of a list are saved side by side
        _wait_for(folder / f"frame_{index:05d}.png")
    if kind != "list":
        _wait_for(gate)
    comfy.interrupt()
    finish(comfy)
    history = comfy.get("/history")
    last = history[prompt] if kind != "meta batch" else list(history.values())[-1]
    assert last["status"]["status_str"] == "error"
    assert last["status"]["messages"][-1][0] == "execution_interrupted"
    found = numbers(folder)
    saved = sorted(int(name[6:11]) for name in found)
    assert found == {f"frame_{index:05d}.png": index for index in saved}, "whole frames"
    # Of a list, an interruption gives up frames that are under way while later ones are saved already.
    assert saved[:3] == [0, 1, 2]
    assert kind == "list" or saved == list(range(len(saved)))
    assert 3 <= len(found) < 4000
    assert is_whole(folder)[0] is False
    record = json.loads((folder / ".seqsave" / "frame.png.json").read_text())
    assert {frame["name"] for frame in record["frames"]} <= set(found)
    graph = Graph()
    graph.frames(str(folder / "next"), painted(graph, 0, "1,1"))
    comfy.run(graph)
    assert numbers(folder / "next") == frames(0, range(2))
    assert is_whole(folder / "next") == (True, [])
