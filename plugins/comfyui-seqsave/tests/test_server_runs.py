"""A saver that runs several times in one graph: lists, loops, meta batches. All frames are kept, the manifest is right.

What must exist is computed here from the numbers that are painted into the pictures, and read with Pillow alone.
"""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from graphs import Graph, Node, failure, files, refused, seen
from PIL import Image
from server import PATIENCE, ComfyError

import seqsave

if TYPE_CHECKING:
    from collections.abc import Callable

    from server import ComfyServer


def numbers(folder: Path, name: str = "*.png") -> dict[str, int]:
    """The number that each picture shows, by its name."""
    found = {}
    for path in sorted(folder.rglob(name)):
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB")).reshape(-1, 3).astype(int)
        assert (pixels == pixels[0]).all(), path
        red, green, blue = pixels[0]
        found[path.relative_to(folder).as_posix()] = int(red + 256 * green + 65536 * blue)
    return found


def frames(first: int, painted: range, prefix: str = "frame") -> dict[str, int]:
    """Consecutive frames from ``first`` with consecutive numbers."""
    return {f"{prefix}_{first + place:05d}.png": number for place, number in enumerate(painted)}


def record(folder: Path, name: str = "frame.png") -> dict[str, Any]:
    return dict(json.loads((folder / ".seqsave" / f"{name}.json").read_text()))


def is_whole(folder: Path, prefix: str = "frame") -> tuple[bool, list[int]]:
    """Whether the manifest says that it is complete, and which frames are missing."""
    sequence = seqsave.open_sequence(f"{folder}/", prefix=prefix)
    assert sequence.manifest is not None
    return sequence.manifest.complete, list(sequence.missing)


@pytest.fixture
def folder(comfy: ComfyServer, request: pytest.FixtureRequest) -> Path:
    return comfy.output / "runs" / request.node.name.replace("[", "_").replace("]", "")


def looped(graph: Graph, folder: Path, times: int, count: int = 1, *, titled: bool = True, **more: Any) -> Node:
    """A loop around Save Frames; what it saves are the numbers from 0."""
    fails_at = more.pop("fails_at", 0)
    start = graph.add("Test LoopOpen", times=times)
    render = graph.add("Test Numbered", index=start[1], count=count, fails_at=fails_at)
    saver = graph.frames(str(folder), render, **more)
    end = graph.add("Test LoopClose", loop=start[0], carried=saver[0], titled=titled)
    graph.add("PreviewImage", images=end[0])
    return saver


# --- lists -----------------------------------------------------------------------------------------------------------


def test_all_items_of_a_list_are_kept(comfy: ComfyServer, folder: Path) -> None:
    graph = Graph()
    saver = graph.frames(str(folder), graph.add("Test PictureList", first=0, counts="2,1,3"), start=1001)
    look = graph.seen(animation_sequence=saver[2])
    outputs = comfy.run(graph)
    assert numbers(folder) == frames(1001, range(6))
    assert is_whole(folder) == (True, [])
    names = [f"frame_{number}.png" for number in range(1001, 1007)]
    assert [Path(url).name for url in outputs[saver]["text"]] == [
        f"frame_0{number}.png" for number in range(1001, 1007)
    ]
    assert len(outputs[saver]["images"]) == len(names)
    assert seen(outputs, look)["animation_sequence"]["keys"] == list(range(1001, 1007))


def test_items_of_other_sizes_and_an_empty_list(comfy: ComfyServer, folder: Path) -> None:
    graph = Graph()
    items = graph.add("Test PictureList", first=3, counts="")
    saver = graph.frames(str(folder), items)
    assert comfy.run(graph).get(saver, {}).get("text", []) == []
    assert files(folder) == []


def test_lists_of_prefixes_are_paired_with_the_items(comfy: ComfyServer, folder: Path) -> None:
    graph = Graph()
    texts = graph.add("Test TextList", lines="a\nb\nb")
    graph.frames(str(folder), graph.add("Test PictureList", first=0, counts="1,1,1,1"), prefix=texts[0])
    comfy.run(graph)
    assert numbers(folder) == {**frames(0, range(1), "a"), **frames(0, range(1, 4), "b")}


def test_a_folder_and_a_name_that_other_nodes_give(comfy: ComfyServer, folder: Path) -> None:
    graph = Graph()
    inputs = {
        name: graph.add("Test TextList", lines=text)[0] for name, text in (("folder", str(folder)), ("prefix", "a"))
    }
    graph.frames(inputs["folder"], graph.add("Test PictureList", first=0, counts="1,2"), prefix=inputs["prefix"])
    graph.saver(inputs["folder"], graph.add("Test PictureList", first=9, counts="1"), prefix="one", filetype="png")
    comfy.run(graph)
    assert numbers(folder) == {**frames(0, range(3), "a"), **frames(0, range(9, 10), "one")}


def test_images_of_a_list_go_on_to_other_nodes(comfy: ComfyServer, folder: Path) -> None:
    graph = Graph()
    saver = graph.frames(str(folder / "a"), graph.add("Test PictureList", first=0, counts="2,3"))
    graph.frames(str(folder / "b"), saver)
    comfy.run(graph)
    assert numbers(folder / "a") == numbers(folder / "b") == frames(0, range(5))


def test_a_picture_without_its_batch_axis_is_an_error() -> None:
    from comfyui_seqsave import saving

    with pytest.raises(seqsave.ImageError, match="3 axes"):
        saving.check_picture(np.zeros((64, 48, 3), np.float32), "images")


def test_the_saver_of_single_frames_never_replaces_what_the_same_run_saved(comfy: ComfyServer, folder: Path) -> None:
    graph = Graph()
    graph.saver(str(folder), graph.add("Test PictureList", first=0, counts="1,1"), graph.counter(4))
    assert "has saved frame_00004.png already" in failure(comfy, graph, "Image Sequence Saver")
    assert numbers(folder) == frames(4, range(1))
    graph = Graph()  # another run of the graph replaces it, as in the original
    graph.saver(str(folder), graph.add("Test PictureList", first=7, counts="1"), graph.counter(4))
    comfy.run(graph)
    assert numbers(folder) == frames(4, range(7, 8))


# --- where it starts -------------------------------------------------------------------------------------------------


def test_minus_one_continues_after_the_highest_frame(comfy: ComfyServer, folder: Path) -> None:
    for first in (0, 10, 20):
        graph = Graph()
        graph.frames(str(folder), graph.add("Test PictureList", first=first, counts="2,1"), start=-1)
        comfy.run(graph)
    assert numbers(folder) == {**frames(0, range(3)), **frames(3, range(10, 13)), **frames(6, range(20, 23))}
    assert is_whole(folder) == (True, [])


def test_two_savers_of_one_sequence_keep_all_frames(comfy: ComfyServer, folder: Path) -> None:
    graph = Graph()
    graph.frames(str(folder), graph.add("Test Numbered", index=0, count=3))
    relative = folder.relative_to(comfy.output)  # another spelling of the same folder
    graph.frames(
        relative.parent.as_posix(), graph.add("Test Numbered", index=1, count=3), prefix=f"{folder.name}/frame"
    )
    comfy.run(graph)
    assert sorted(numbers(folder).values()) == list(range(6))
    assert list(numbers(folder)) == list(frames(0, range(6)))


# --- loops -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("titled", [True, False])
@pytest.mark.parametrize("count", [1, 3])
def test_each_iteration_of_a_loop_is_kept(comfy: ComfyServer, folder: Path, count: int, titled: bool) -> None:
    graph = Graph()
    looped(graph, folder, 4, count, titled=titled, start=10)
    comfy.run(graph)
    assert numbers(folder) == frames(10, range(4 * count))
    assert is_whole(folder) == (True, [])
    document = record(folder)
    assert document["complete"] is True


def test_a_loop_that_fails_is_not_recorded_as_whole(comfy: ComfyServer, folder: Path) -> None:
    graph = Graph()
    looped(graph, folder, 4, fails_at=2)
    with pytest.raises(ComfyError, match="this iteration fails"):
        comfy.run(graph)
    assert numbers(folder) == frames(0, range(2))
    assert is_whole(folder)[0] is False


def test_savers_that_a_node_adds_all_at_once(comfy: ComfyServer, folder: Path) -> None:
    graph = Graph()
    inputs = {"directory_path": str(folder), "prefix": "frame", "start": 5, "digits": 5, "filetype": "png"}
    images = graph.add("Test Numbered", index=0, count=4)
    added = graph.add("Test Unrolled", images=images[0], saver=json.dumps({**inputs, "if_exists": "error"}))
    graph.add("PreviewImage", images=added[0])
    comfy.run(graph)
    assert sorted(numbers(folder).values()) == list(range(4))
    assert list(numbers(folder)) == list(frames(5, range(4)))
    assert is_whole(folder) == (True, [])


def test_the_recipe_of_each_iteration_is_another_one(comfy: ComfyServer, folder: Path) -> None:
    def run(count: int) -> list[str]:
        graph = Graph()
        looped(graph, folder, 3, count, if_exists="skip same recipe")
        log = comfy.run(graph)
        return [text for output in log.values() for text in output.get("text", [])]

    run(1)
    before = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.png")}
    recipes = {frame["recipe"] for frame in record(folder)["frames"] if "recipe" in frame}
    assert len(recipes) in (0, 3)
    run(1)  # the same graph again: all of it is left as it is
    assert {path.name: path.stat().st_mtime_ns for path in folder.glob("*.png")} == before
    run(2)  # another graph
    assert numbers(folder) == frames(0, range(6))


def test_replace_removes_older_frames_and_none_of_its_own(comfy: ComfyServer, folder: Path) -> None:
    graph = Graph()
    graph.frames(str(folder), graph.add("Test Numbered", index=9, count=9))
    comfy.run(graph)
    graph = Graph()
    looped(graph, folder, 3, 2, if_exists="replace")
    comfy.run(graph)
    assert numbers(folder) == frames(0, range(6))
    assert is_whole(folder) == (True, [])


# --- meta batches ----------------------------------------------------------------------------------------------------


def metabatch(graph: Graph, folder: Path, total: int, size: int, **more: Any) -> Node:
    manager = graph.add("Test BatchManager", frames_per_batch=size)
    shape = {name: more.pop(name) for name in ("fails_at", "first", "height", "width") if name in more}
    part = graph.add("Test VideoPart", meta_batch=manager[0], total=total, **shape)
    by = more.pop("by", ["video end"])
    saver = graph.frames(str(folder), part, **more, **({"meta_batch": manager[0]} if "saver" in by else {}))
    if "video end" in by:
        graph.add("Test VideoEnd", images=part[0], meta_batch=manager[0])
    return saver


def finish(comfy: ComfyServer, patience: float = PATIENCE) -> None:
    """Wait until nothing runs and nothing waits."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        queue = comfy.get("/queue")
        if not queue["queue_running"] and not queue["queue_pending"]:
            return
        time.sleep(0.02)
    raise TimeoutError("the queue did not become empty")


@pytest.mark.parametrize("by", [["video end"], ["saver"], ["video end", "saver"]], ids="-".join)
@pytest.mark.parametrize("start", [0, 1001, -1])
def test_all_parts_of_a_meta_batch_are_kept(comfy: ComfyServer, folder: Path, start: int, by: list[str]) -> None:
    for _ in range(2):  # the second time from the first part on again
        graph = Graph()
        metabatch(graph, folder, 8, 3, start=start, by=by)
        comfy.run(graph)
        finish(comfy)
    if start == -1:
        assert numbers(folder) == {**frames(0, range(8)), **frames(8, range(8))}
    else:
        assert numbers(folder) == frames(start, range(8))
    assert is_whole(folder) == (True, [])


def test_two_savers_of_one_meta_batch_queue_each_part_once(comfy: ComfyServer, folder: Path) -> None:
    graph = Graph()
    metabatch(graph, folder / "a", 7, 2, by=["saver"])
    graph.frames(str(folder / "b"), Node("2"), meta_batch=["1", 0])
    before = len(comfy.get("/history"))
    comfy.run(graph)
    finish(comfy)
    assert numbers(folder / "a") == numbers(folder / "b") == frames(0, range(7))
    assert len(comfy.get("/history")) - before == 4


@pytest.mark.parametrize("way", ["list", "meta batch"])
def test_memory_does_not_grow_with_the_length_of_a_video(comfy: ComfyServer, folder: Path, way: str) -> None:
    """benchmarks/long_video.py measures it, and the time of each call, with 1,000 frames."""

    def peak(total: int) -> int:
        """Bytes that the server holds at most while it saves so many frames of 11 MB each."""
        assert comfy.pid is not None
        Path(f"/proc/{comfy.pid}/clear_refs").write_text("5")  # the peak is counted from now on
        graph = Graph()
        shape = {"height": 720, "width": 1280}
        if way == "list":
            images = graph.add("Test PaintedList", first=0, count=total, **shape)
            graph.frames(str(folder / str(total)), images, prefix=f"v{total}")
        else:
            metabatch(graph, folder / str(total), total, 8, by=["saver"], prefix=f"v{total}", **shape)
        comfy.run(graph)
        finish(comfy)
        assert numbers(folder / str(total)) == frames(0, range(total), f"v{total}")
        status = Path(f"/proc/{comfy.pid}/status").read_text()
        return int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) * 1024

    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("needs Linux, which counts the peak of a process")
    short = peak(24)
    assert peak(240) < short + 200 * 2**20, "216 frames more are 2.4 GB"


def test_a_meta_batch_that_breaks_off_is_not_recorded_as_whole(comfy: ComfyServer, folder: Path) -> None:
    graph = Graph()
    metabatch(graph, folder, 8, 3, fails_at=6, by=["saver"])
    comfy.run(graph)
    finish(comfy)
    assert numbers(folder) == frames(0, range(6))
    assert is_whole(folder)[0] is False


def test_a_part_of_an_unknown_beginning_replaces_nothing(comfy: ComfyServer, folder: Path) -> None:
    """The server was restarted between two parts, or someone queues an old prompt."""
    graph = Graph()
    graph.frames(str(folder), graph.add("Test Numbered", index=0, count=2))
    comfy.run(graph)
    graph = Graph()
    metabatch(graph, folder, 2, 2, first=50)
    graph["1"]["inputs"]["requeue"] = 3
    comfy.run(graph)
    finish(comfy)
    assert numbers(folder) == {**frames(0, range(2)), **frames(2, range(50, 52))}


def test_the_saved_prompt_is_not_one_of_a_later_part(comfy: ComfyServer, folder: Path) -> None:
    graph = Graph()
    metabatch(graph, folder, 4, 2, filetype="png with embedded workflow")
    comfy.run(graph)
    finish(comfy)
    for path in folder.glob("*.png"):
        with Image.open(path) as image:
            assert "requeue" not in image.info["prompt"]


def test_in_a_bucket_as_well(comfy: ComfyServer, configure: Callable[[str], int], folder: Path) -> None:
    configure(f'[targets.ram]\nurl = "memory://{folder.name}"')
    graph = Graph()
    looped(graph, Path("x"), 3, 2)
    saver = next(node for node in graph.values() if node["class_type"].startswith("Save Frames"))
    saver["inputs"]["directory_path"] = "ram://loop"
    comfy.run(graph)
    back = Graph()
    look = back.load("ram://loop")
    assert seen(comfy.run(back), look)["int"] == 6


# --- what other nodes get --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["local", "remote", "disk"])
def test_what_was_saved_is_loaded_by_its_outputs(
    comfy: ComfyServer, configure: Callable[[str], int], folder: Path, tmp_path: Path, where: str
) -> None:
    configure(f'[targets.ram]\nurl = "memory://{folder.name}-facts"\n[targets.disk]\nurl = "{tmp_path}"')
    place = {"local": str(folder), "remote": "ram://day", "disk": "disk://day"}[where]
    files_in = f"{tmp_path}/day" if where == "disk" else place
    graph = Graph()
    saver = graph.frames(place, graph.pictures(3), prefix="shots/a_%width%", start=7)
    texts = [graph.seen(text=saver[number]) for number in (4, 5, 6)]
    count = graph.seen(int=saver[7])
    look = graph.load(saver[5])
    outputs = comfy.run(graph)
    first, above, pattern = (seen(outputs, text)["text"] for text in texts)
    assert first == f"{files_in}/shots/a_12_00007.png"
    assert (above, pattern) == (f"{place}/shots", "a_12_#####.png")
    assert seen(outputs, count)["int"] == seen(outputs, look)["int"] == 3


@pytest.mark.parametrize(("variations", "index"), [(1, 3), (2, 3), (1, 9)])
@pytest.mark.parametrize("where", ["local", "disk"])
def test_a_frame_that_was_saved_is_loaded_by_its_outputs(
    comfy: ComfyServer,
    configure: Callable[[str], int],
    folder: Path,
    tmp_path: Path,
    where: str,
    variations: int,
    index: int,
) -> None:
    configure(f'[targets.disk]\nurl = "{tmp_path}"')
    place = "disk://day" if where == "disk" else str(folder)
    graph = Graph()
    saver = graph.saver(place, graph.pictures(variations), graph.counter(index, 9), filetype="png")
    texts = [graph.seen(text=saver[number]) for number in (3, 4, 5)]
    count = graph.seen(int=saver[6])
    outputs = comfy.run(graph)
    there = f"{tmp_path}/day" if where == "disk" else place
    name = f"{there}/batch_0000/frame_00003.png" if variations > 1 else f"{there}/frame_00003.png"
    is_after = index == 9
    assert [seen(outputs, text)["text"] for text in texts] == ["" if is_after else name, place, "frame_#####.png"]
    assert seen(outputs, count)["int"] == (0 if is_after else variations)
    if not is_after:
        back = Graph()
        look = back.load(seen(outputs, texts[1])["text"])
        assert seen(comfy.run(back), look)["int"] == 1


def test_each_sequence_of_a_list_has_its_own_outputs(comfy: ComfyServer, folder: Path) -> None:
    graph = Graph()
    saver = graph.frames(str(folder), graph.pictures(2), prefix="a%batch_num%")
    look = graph.seen(text=saver[4])
    outputs = comfy.run(graph)
    assert [one["text"] for one in outputs[look]["seen"]] == [f"{folder}/a{number}_00000.png" for number in range(2)]


# --- one wrong input is shown once -----------------------------------------------------------------------------------


def test_a_wrong_folder_is_shown_once_for_a_list(comfy: ComfyServer) -> None:
    graph = Graph()
    graph.frames("/no/such/place", graph.add("Test PictureList", first=0, counts="1,2,3"))
    assert "graphs may not access /no/such/place" in refused(comfy, graph)


@pytest.mark.parametrize("kind", ["list", "loop"])
def test_a_wrong_text_is_shown_once_for_a_list_or_a_loop(comfy: ComfyServer, folder: Path, kind: str) -> None:
    graph = Graph()
    if kind == "loop":
        looped(graph, folder, 3, prefix="%one%_%two%")
    else:
        graph.frames(str(folder), graph.add("Test PictureList", first=0, counts="1,2,3"), prefix="%one%_%two%")
    stated = failure(comfy, graph, "Save Frames")
    assert stated.count("'%one%', '%two%', which stand for nothing") == 1
    assert not files(folder)


# --- names -----------------------------------------------------------------------------------------------------------


def names_of(comfy: ComfyServer, folder: Path, prefix: str, images: Any = None, **more: Any) -> list[str]:
    graph = Graph()
    directory = more.pop("directory", str(folder))
    graph.frames(directory, images(graph) if images else graph.pictures(2, 6, 10), prefix=prefix, **more)
    comfy.run(graph, {"nodes": []})
    return files(folder)


def test_values_in_prefix_and_folder(comfy: ComfyServer, folder: Path) -> None:
    today = time.strftime("%Y-%m-%d")
    found = names_of(
        comfy, folder, "%Test Pictures.width%x%height%/shot_%date:yyyy%", directory=f"{folder}/%date:yyyy-MM-dd%"
    )
    assert found == [f"{today}/10x6/shot_{today[:4]}_0000{number}.png" for number in range(2)]


def test_values_in_a_folder_below_a_target(comfy: ComfyServer, configure: Callable[[str], int], folder: Path) -> None:
    configure(f'[targets.days]\nurl = "{folder}"')
    found = names_of(comfy, folder, "%height%", directory="days://%date:yyyy-MM-dd%/%Test Pictures.width%")
    assert found == [f"{time.strftime('%Y-%m-%d')}/10/6_0000{number}.png" for number in range(2)]


def test_the_number_of_each_image_and_of_each_run(comfy: ComfyServer, folder: Path) -> None:
    assert names_of(comfy, folder, "a%batch_num%") == ["a0_00000.png", "a1_00000.png"]
    for _ in range(2):
        found = names_of(comfy, folder / "c", "v%counter%/shot")
    assert found == [f"v0000{run}/shot_0000{frame}.png" for run in (1, 2) for frame in range(2)]
    for _ in range(2):
        found = names_of(comfy, folder / "d", "shot_%counter%")
    assert found == [f"shot_0000{run}_0000{frame}.png" for run in (1, 2) for frame in range(2)]
    for _ in range(2):
        names_of(comfy, folder / "e", "x", directory=f"{folder}/e/run%counter%")
    assert files(folder / "e") == [f"run0000{run}/x_0000{frame}.png" for run in (1, 2) for frame in range(2)]


def test_one_loop_is_one_run(comfy: ComfyServer, folder: Path) -> None:
    graph = Graph()
    looped(graph, folder, 3, prefix="v%counter%/shot")
    comfy.run(graph)
    assert numbers(folder) == {f"v00001/{name}": number for name, number in frames(0, range(3), "shot").items()}


@pytest.mark.parametrize("name", ["shot.####.png", "shot.%04d.png", "shot.####"])
def test_a_whole_name(comfy: ComfyServer, folder: Path, name: str) -> None:
    graph = Graph()
    graph.frames(str(folder), graph.add("Test PictureList", first=0, counts="2,1"), prefix=name, start=1001)
    comfy.run(graph)
    assert numbers(folder) == {f"shot.{1001 + number}.png": number for number in range(3)}
    graph = Graph()
    graph.frames(str(folder), graph.add("Test PictureList", first=3, counts="1"), prefix=name, start=-1)
    comfy.run(graph)
    assert numbers(folder)["shot.1004.png"] == 3
    (sequence,) = seqsave.find_sequences(str(folder))
    assert sequence.manifest is not None
    assert sequence.manifest.complete


def test_a_whole_name_of_another_filetype(comfy: ComfyServer, folder: Path) -> None:
    graph = Graph()
    graph.frames(str(folder), prefix="shot.####.jpg")
    assert "filetype is png" in failure(comfy, graph, "Save Frames")


def test_a_whole_name_and_an_empty_prefix_of_single_frames(comfy: ComfyServer, folder: Path) -> None:
    for prefix, name in (("shot.####.png", "shot.{:04d}.png"), ("", "_{:05d}.png")):
        for index in range(2):
            graph = Graph()
            saver = graph.saver(str(folder), counter=graph.counter(index, 2), prefix=prefix, filetype="png")
            look = graph.seen(animation_sequence=saver[0], image=saver[2])
            outputs = comfy.run(graph)
        reported = seen(outputs, look)["animation_sequence"]
        assert reported["files"] == [[str(folder / name.format(index)) for index in range(2)]]


def test_the_last_frame_lists_variations_below_a_folder_of_the_prefix(comfy: ComfyServer, folder: Path) -> None:
    for index in range(2):
        graph = Graph()
        saver = graph.saver(str(folder), graph.pictures(2), graph.counter(index, 2), prefix="sub/frame", filetype="png")
        look = graph.seen(animation_sequence=saver[0])
        outputs = comfy.run(graph)
    reported = seen(outputs, look)["animation_sequence"]
    paths = [[str(folder / f"batch_000{batch}/sub/frame_0000{index}.png") for index in range(2)] for batch in range(2)]
    assert reported["files"] == paths
