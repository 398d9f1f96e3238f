"""The nodes on a real S3 server: configured targets, allowed URLs, interruption, failures; and the secret nowhere."""

from __future__ import annotations

import asyncio
import io
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import numpy as np
import pytest
from graphs import Graph, eight_bit, failure, files, refused, seen, seen_array
from helper_nodes import pictures
from PIL import Image
from tests.support.patience import PATIENCE, wait_until
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from server import ComfyServer
    from tests.support.s3 import S3Server

Message = dict[str, Any]
SAVERS = ["Image Sequence Saver", "Save Frames"]
READERS = ["Load Frames", "Fetch Sequence", "Image Sequence Loader"]
WORKFLOW = {"nodes": [{"id": 1, "title": "Übersicht"}]}


@dataclass
class Renders:
    """The configured target ``renders``: ``url`` is what it means; requests go through ``proxy``."""

    s3: S3Server
    proxy: Proxy
    url: str

    def names(self, folder: str = "") -> list[str]:
        """What lies there, without manifests."""
        return frames_of(self.s3.keys(f"{self.url}/{folder}"))

    def read(self, name: str) -> bytes:
        return self.s3.read(f"{self.url}/{name}")

    def image(self, name: str) -> Image.Image:
        image = Image.open(io.BytesIO(self.read(name)))
        image.load()
        return image


def frames_of(names: list[str]) -> list[str]:
    return [name for name in names if ".seqsave/" not in name]


def target(name: str, url: str, **options: str) -> str:
    given = ", ".join(f'{key} = "{value}"' for key, value in options.items())
    return f'[targets.{name}]\nurl = "{url}"\nstorage_options = {{ {given} }}\n'


@pytest.fixture
def renders(s3: S3Server, configure: Callable[[str], int]) -> Iterator[Renders]:
    url = s3.new_prefix()
    with Proxy(s3.endpoint_url) as proxy:
        options = {**s3.storage_options, "endpoint_url": proxy.endpoint_url}
        wrong = {**options, "secret": "wrong-" + s3.secret}
        bucket = url.split("/")[2]
        configure(
            target("renders", url, **options)
            + target("nobucket", "s3://no-such-bucket-here/shots", **options)
            + target("wrongkey", f"s3://{bucket}/shots", **wrong)
        )
        yield Renders(s3, proxy, url)


# --- saving and loading ---


def test_one_picture_to_a_configured_target(comfy: ComfyServer, renders: Renders) -> None:
    graph = Graph()
    saver = graph.saver("renders://shot010", graph.pictures(1, seed=61), graph.counter(3))
    look = graph.seen(log_entry=saver[1])
    outputs = comfy.run(graph, WORKFLOW)
    assert renders.names() == ["shot010/frame_00003.png"]
    image = renders.image("shot010/frame_00003.png")
    assert np.array_equal(np.asarray(image), eight_bit(pictures(61, 1, 8, 12))[0])
    assert json.loads(image.info["workflow"]) == WORKFLOW
    assert json.loads(image.info["prompt"])[saver] == graph[saver]
    assert renders.s3.head(f"{renders.url}/shot010/frame_00003.png")["ContentType"] == "image/png"
    assert seen(outputs, look)["log_entry"]["data"][0][1] == ("Saved frame_00003.png in renders://shot010")
    assert outputs[saver]["text"] == ["renders://shot010/frame_00003.png"]
    (preview,) = outputs[saver]["images"]
    assert preview["type"] == "temp"
    with Image.open(
        io.BytesIO(comfy.download(f"/view?filename={preview['filename']}&subfolder={preview['subfolder']}&type=temp"))
    ) as shown:
        assert shown.size == (12, 8)


def test_variations_over_an_allowed_url(comfy: ComfyServer, s3: S3Server, configure: Any) -> None:
    """Keys come from the machine's own AWS configuration."""
    (comfy.base / "aws").write_text(
        f"[default]\naws_access_key_id = {s3.key}\naws_secret_access_key = {s3.secret}\n"
        f"endpoint_url = {s3.endpoint_url}\nregion = us-east-1\n"
    )
    url = s3.new_prefix()
    configure(f'[comfyui]\nallow = ["{url}/shots"]\n')
    reported = None
    for index in range(2):
        graph = Graph()
        image = graph.pictures(2, seed=62 + index)
        saver = graph.saver(f"{url}/shots/a", image, graph.counter(index, 2), filetype="webp")
        look = graph.seen(animation_sequence=saver[0])
        reported = seen(comfy.run(graph), look)["animation_sequence"]
    names = [f"batch_{batch:04d}/frame_{index:05d}.webp" for batch in range(2) for index in range(2)]
    assert frames_of(s3.keys(f"{url}/shots/a")) == names
    assert reported["files"] == [[f"{url}/shots/a/{name}" for name in names[at : at + 2]] for at in (0, 2)]
    for elsewhere in (f"{url}/shotsy", url, f"{url}/shots/../x", f"{url}/shots?x"):
        graph = Graph()
        graph.saver(elsewhere)
        assert refused(comfy, graph)
    assert frames_of(s3.keys(url)) == [f"shots/a/{name}" for name in names]


def test_frames_there_and_back(comfy: ComfyServer, renders: Renders) -> None:
    expected = np.float32(eight_bit(pictures(64, 5, 8, 12))) / np.float32(255)
    graph = Graph()
    saver = graph.frames("renders://video", graph.pictures(5, seed=64), start=1001)
    urls = graph.seen(text=saver[1])
    outputs = comfy.run(graph)
    names = [f"frame_{number:05d}.png" for number in range(1001, 1006)]
    assert renders.names("video") == names
    assert [one["text"] for one in outputs[urls]["seen"]] == [f"renders://video/{name}" for name in names]
    assert len(outputs[saver]["images"]) == 5

    graph = Graph()
    loaded = graph.load("renders://video", start=1002, step=2)
    counter = graph.directory_counter("renders://video")
    next_frame = graph.seen(frame_counter=counter[0])
    loader = graph.ours(
        "Image Sequence Loader",
        frame_counter=graph.counter(1004)[0],
        directory_path="renders://video",
        pattern="*",
        indexing="numeric",
    )
    one = graph.seen(image=loader[0], text=loader[1])
    outputs = comfy.run(graph)
    assert np.array_equal(seen_array(seen(outputs, loaded)["image"]), expected[[1, 3]])
    assert seen(outputs, next_frame)["frame_counter"]["current_frame"] == 1006
    assert seen(outputs, one)["text"] == "frame_01004.png"
    assert np.array_equal(seen_array(seen(outputs, one)["image"]), expected[3:4])


@pytest.mark.parametrize(("if_exists", "kept"), [("overwrite", False), ("skip", True), ("error", True)])
def test_frames_that_are_there(comfy: ComfyServer, renders: Renders, if_exists: str, kept: bool) -> None:
    first = renders.s3
    first.write(f"{renders.url}/there/frame_00001.png", b"somebody's")
    graph = Graph()
    graph.frames("renders://there", if_exists=if_exists)
    if if_exists == "error":
        assert "frame_00001.png" in failure(comfy, graph, "Save Frames")
    else:
        comfy.run(graph)
    assert (renders.read("there/frame_00001.png") == b"somebody's") is kept


def test_fetch_sequence(comfy: ComfyServer, renders: Renders) -> None:
    """What our saver put there becomes local files, one folder for each variation."""
    for index in range(2):
        graph = Graph()
        image = graph.pictures(2, seed=66 + index)
        saver = graph.saver("renders://fetched", image, graph.counter(index, 2, 10), filetype="png")
        local = graph.ours("Fetch Sequence", sequence=saver[0])
        look = graph.seen(animation_sequence=local[0])
        reported = seen(comfy.run(graph), look)["animation_sequence"]
        assert reported["is_defined"] == (index == 1)
    assert (reported["num_batches"], reported["keys"], reported["fps"]) == (2, [0, 1], 10.0)
    temp = comfy.base / "temp"
    for batch, paths in enumerate(reported["files"]):
        for index, path in enumerate(paths):
            assert Path(path).is_relative_to(temp)
            assert Path(path).name == f"frame_{index:05d}.png"
            with Image.open(path) as image:
                assert np.array_equal(np.asarray(image), eight_bit(pictures(66 + index, 2, 8, 12))[batch])


def test_fetch_takes_sequences_of_other_packs(comfy: ComfyServer, renders: Renders, tmp_path: Path) -> None:
    renders.s3.write(f"{renders.url}/a/frame_1.png", b"remote")
    config = comfy.base / "config.toml"
    config.write_text(config.read_text() + f'[comfyui]\nallow = ["{renders.url}"]\n')
    (comfy.base / "aws").write_text(
        f"[default]\naws_access_key_id = {renders.s3.key}\naws_secret_access_key = {renders.s3.secret}\n"
        f"endpoint_url = {renders.s3.endpoint_url}\n"
    )
    local = str(tmp_path / "frame_0.png")
    graph = Graph()
    given = json.dumps({0: [local], 1: [f"{renders.url}/a/frame_1.png"]})
    foreign = graph.add("Test ForeignSequence", frames=given, frame_counter=graph.counter()[0])
    look = graph.seen(animation_sequence=graph.ours("Fetch Sequence", sequence=foreign[0])[0])
    reported = seen(comfy.run(graph), look)["animation_sequence"]
    assert reported["frames"]["0"] == [local], "local files are passed on as they are"
    assert Path(reported["frames"]["1"][0]).read_bytes() == b"remote"

    graph = Graph()
    given = json.dumps({0: ["s3://elsewhere/frame_1.png"]})
    foreign = graph.add("Test ForeignSequence", frames=given, frame_counter=graph.counter()[0])
    graph.seen(animation_sequence=graph.ours("Fetch Sequence", sequence=foreign[0])[0])
    assert "[comfyui] allow" in failure(comfy, graph, "Fetch Sequence")


# --- what goes wrong ---


@pytest.mark.parametrize("title", SAVERS)
@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("nobucket://x", ["no-such-bucket-here", "bucket"]),
        ("wrongkey://x", ["check the secret key"]),
    ],
)
def test_a_store_that_refuses_makes_the_node_red(
    comfy: ComfyServer, renders: Renders, title: str, place: str, says: list[str]
) -> None:
    graph = Graph()
    _ = graph.saver(place) if title == "Image Sequence Saver" else graph.frames(place)
    stated = failure(comfy, graph, title)
    assert all(word in stated for word in says), stated
    assert renders.s3.secret not in stated


def test_a_store_that_comes_back_loses_nothing(comfy: ComfyServer, renders: Renders) -> None:
    fault = renders.proxy.slow_down(first=1, path="png$")
    graph = Graph()
    graph.frames("renders://shaky", graph.pictures(4))
    comfy.run(graph)
    assert renders.names("shaky") == [f"frame_{index:05d}.png" for index in range(4)]
    assert fault.hits == 4


# --- the interrupt button ---


def run_and_interrupt(comfy: ComfyServer, graph: Graph, ready: Callable[[dict[str, Any]], bool]) -> list[Message]:
    """Press the button once ``ready`` of one of the server's messages; all of them, up to the prompt's end."""

    async def run() -> list[Message]:
        messages: list[Message] = []
        pressed = False
        address = f"{comfy.url}/ws?clientId={comfy.client_id}"
        async with aiohttp.ClientSession() as session, session.ws_connect(address) as socket:
            await asyncio.to_thread(comfy.queue, graph)
            while True:
                message = await socket.receive(timeout=PATIENCE)
                if message.type is not aiohttp.WSMsgType.TEXT:
                    continue
                messages.append(json.loads(message.data))
                if not pressed and ready(messages[-1]):
                    pressed = True
                    await asyncio.to_thread(comfy.interrupt)
                if messages[-1]["type"] in ("execution_interrupted", "execution_success", "execution_error"):
                    return messages

    return asyncio.run(run())


def test_progress(comfy: ComfyServer, renders: Renders) -> None:
    """Half of the frames are saved only when the bar has moved: ComfyUI may leave out later values, never the first."""
    held = renders.proxy.hold(path=r"frame_000[4-7]\d\.png$")
    graph = Graph()
    saver = graph.frames("renders://progress", graph.pictures(80))

    def release(message: Message) -> bool:
        if message["type"] == "progress" and message["data"]["node"] == saver:
            held.may_go_on.set()
        return False

    messages = run_and_interrupt(comfy, graph, release)
    assert messages[-1]["type"] == "execution_success"
    reported = [one["data"] for one in messages if one["type"] == "progress" and one["data"]["node"] == saver]
    values = [one["value"] for one in reported]
    assert values == sorted(values)
    assert 0 < values[0] <= 40
    assert values[-1] == 80
    assert {one["max"] for one in reported} == {80}
    texts = [one for one in messages if one["type"] == "executed"]
    assert len(texts[-1]["data"]["output"]["text"]) == 80


@pytest.mark.parametrize("title", [*SAVERS, *READERS])
def test_interrupt_while_the_store_is_silent(comfy: ComfyServer, renders: Renders, title: str) -> None:
    """Some requests never are answered: only something that does not wait for them can end."""
    count = 30
    if title in READERS:
        graph = Graph()
        graph.frames("renders://silent", graph.pictures(count))
        comfy.run(graph)
        wait_until(lambda: len(renders.names("silent")) == count)  # some may be in the spool until then
    renders.proxy.clear()
    every_other = r"(frame_0000|batch_000)[13579]|batch_001"
    fault = renders.proxy.stall(methods=("PUT", "GET"), path="frame_" if "Loader" in title else every_other)
    graph = Graph()
    node = interruptible(graph, title, renders, count)
    messages = run_and_interrupt_when_stalled(comfy, graph, fault)
    assert messages[-1]["type"] == "execution_interrupted", messages[-1]
    assert messages[-1]["data"]["node_id"] == node
    renders.proxy.clear()
    saved = renders.names("silent")
    for name in saved:
        assert renders.image(f"silent/{name}").size == (12, 8), f"{name} is half a file"
    assert len(saved) == count if title in READERS else len(saved) < count
    graph = Graph()
    graph.frames("renders://after")
    comfy.run(graph)
    graph = Graph()
    graph.load("renders://after")  # which waits until they are there
    comfy.run(graph)
    assert len(renders.names("after")) == 3, "the server does not go on"


def interruptible(graph: Graph, title: str, renders: Renders, count: int) -> str:
    if title == "Save Frames":
        return graph.frames("renders://silent", graph.pictures(count))
    if title == "Image Sequence Saver":
        return graph.saver("renders://silent", graph.pictures(count))
    if title == "Load Frames":
        graph.load("renders://silent")
        return "1"
    if title == "Image Sequence Loader":
        inputs = {"pattern": "*", "indexing": "numeric", "frame_counter": graph.counter(9)[0]}
        loader = graph.ours(title, directory_path="renders://silent", **inputs)
        graph.seen(image=loader[0])
        return loader
    frames = {index: [f"renders://silent/frame_{index:05d}.png"] for index in range(count)}
    foreign = graph.add("Test ForeignSequence", frames=json.dumps(frames), frame_counter=graph.counter()[0])
    fetch = graph.ours("Fetch Sequence", sequence=foreign[0])
    graph.seen(animation_sequence=fetch[0])
    return fetch


def run_and_interrupt_when_stalled(comfy: ComfyServer, graph: Graph, fault: Any) -> list[Message]:
    ended = threading.Event()

    def press() -> None:
        while not fault.hits and not ended.wait(0.02):
            pass
        if not ended.is_set():
            comfy.interrupt()

    thread = threading.Thread(target=press)
    thread.start()
    try:
        return run_and_interrupt(comfy, graph, lambda _: False)
    finally:
        ended.set()
        thread.join()


def test_interrupt_of_a_local_save(comfy: ComfyServer) -> None:
    graph = Graph()
    images = graph.pictures(100, 400, 400)
    saver = graph.frames("stopped", images, filetype="png", options="compression=small")

    def first_is_saved(message: Message) -> bool:
        return message["type"] == "progress" and message["data"]["node"] == saver and message["data"]["value"] > 0

    messages = run_and_interrupt(comfy, graph, first_is_saved)
    assert messages[-1]["type"] == "execution_interrupted", messages[-1]
    found = files(comfy.output / "stopped")
    assert 0 < len(found) < 100
    for name in found:
        assert name.startswith("frame_"), f"{name} is left over"
        with Image.open(comfy.output / "stopped" / name) as image:
            image.load()


# --- secrets ---


def test_the_secret_is_nowhere(comfy: ComfyServer, renders: Renders) -> None:
    """After all tests above, on the same server: files, messages, history and log."""
    graph = Graph()
    saver = graph.saver("renders://secret", graph.pictures(2), graph.counter(0, 1))
    graph.seen(animation_sequence=saver[0], log_entry=saver[1])
    graph.frames("renders://secret/video", filetype="jpg with embedded workflow")
    comfy.run(graph, WORKFLOW)
    graph = Graph()
    graph.saver("wrongkey://x")
    failure(comfy, graph, "Image Sequence Saver")
    reported = {path: json.dumps(comfy.get(path)) for path in ("/history", "/object_info", "/queue", "/system_stats")}
    reported["server log"] = comfy.log
    for name in renders.names():
        reported[name] = renders.read(name).decode("latin-1")
    for path in comfy.base.rglob("*"):
        if path.is_file() and path.name not in ("config.toml", "aws") and "custom_nodes" not in path.parts:
            reported[str(path)] = path.read_bytes().decode("latin-1")
    assert len(reported) > 10
    for where, text in reported.items():
        assert renders.s3.secret not in text, where
        assert renders.s3.key not in text, where
