"""Saving in the background: a graph ends when its frames are safe, and their readers wait until they are published."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from graphs import Graph, eight_bit, failure, seen, seen_array
from helper_nodes import pictures
from server import ComfyError, ComfyServer
from test_server_s3 import Renders, target
from tests.support.proxy import Proxy

from seqsave.spool import Spool

if TYPE_CHECKING:
    from tests.support.s3 import S3Server


@pytest.fixture
def renders(comfy: ComfyServer, s3: S3Server, configure: Callable[[str], int]) -> Iterator[Renders]:
    url = s3.new_prefix()
    with Proxy(s3.endpoint_url) as proxy:
        options = {**s3.storage_options, "endpoint_url": proxy.endpoint_url}
        configure(target("renders", url, **options))
        prove(comfy)
        yield Renders(s3, proxy, url)


@pytest.fixture
def spool(comfy: ComfyServer) -> Spool:
    return Spool(comfy.base / "spool")


def pngs(names: list[str]) -> list[str]:
    return [name for name in names if name.endswith(".png")]


def prove(comfy: ComfyServer) -> None:
    """The first frame is waited for: only then it is known that the address and the keys are right."""
    graph = Graph()
    graph.saver("renders://proof")
    comfy.run(graph)


def load(comfy: ComfyServer, folder: str) -> Any:
    graph = Graph()
    look = graph.load(folder)
    return seen_array(seen(comfy.run(graph), look)["image"])


def test_a_graph_waits_for_no_bucket_and_readers_wait_for_the_frames(comfy: ComfyServer, renders: Renders) -> None:
    renders.proxy.slow_down(methods=("PUT",))
    graph = Graph()
    saver = graph.frames("renders://shot", graph.pictures(5, seed=81))
    look = graph.seen(text=saver[1])
    outputs = comfy.run(graph)
    urls = [f"renders://shot/frame_{index:05d}.png" for index in range(5)]
    assert outputs[saver]["text"] == urls
    assert [one["text"] for one in outputs[look]["seen"]] == urls
    assert len(outputs[saver]["images"]) == 5
    assert pngs(renders.names("shot")) == []
    renders.proxy.clear()
    expected = np.float32(eight_bit(pictures(81, 5, 8, 12))) / np.float32(255)
    assert np.array_equal(load(comfy, "renders://shot"), expected)
    assert len(pngs(renders.names("shot"))) == 5
    assert b'"complete": true' in renders.read("shot/.seqsave/frame.png.json")


def test_a_failure_makes_the_next_graph_red_and_loses_nothing(
    comfy: ComfyServer, renders: Renders, spool: Spool
) -> None:
    renders.proxy.answer(403, "AccessDenied", methods=("PUT",))
    stated, index = "", 0
    while not stated:  # publishing fails soon after the first one
        graph = Graph()
        graph.saver("renders://red", graph.pictures(1, seed=index), graph.counter(index, 1000), filetype="png")
        index += 1
        assert index < 500, "it never becomes red"
        try:
            comfy.run(graph)
        except ComfyError as error:
            stated = error.answer["exception_message"]
    assert "could not be published (kept in the spool" in stated
    assert "do not allow it" in stated
    assert "seqsave flush" in stated
    assert renders.s3.secret not in stated
    kept = [entry for entry in spool.contents().entries if entry.is_frame and entry.target == "renders://red"]
    assert {entry.index for entry in kept} == set(range(index))
    renders.proxy.clear()
    assert len(load(comfy, "renders://red")) == index
    for number in range(index):
        image = renders.image(f"red/frame_{number:05d}.png")
        assert np.array_equal(np.asarray(image), eight_bit(pictures(number, 1, 8, 12))[0])
    graph = Graph()
    graph.saver("renders://red", graph.pictures(1), graph.counter(index, 1000), filetype="png")
    comfy.run(graph)


def test_a_node_that_reads_unpublished_frames_gets_an_error(comfy: ComfyServer, renders: Renders) -> None:
    renders.proxy.answer(403, "AccessDenied", methods=("PUT",))
    graph = Graph()
    graph.frames("renders://stuck")
    comfy.run(graph)
    graph = Graph()
    graph.load("renders://stuck")
    assert "could not be published" in failure(comfy, graph, "Load Frames")
    renders.proxy.clear()
    assert len(load(comfy, "renders://stuck")) == 3


def test_the_last_frame_waits(comfy: ComfyServer, renders: Renders) -> None:
    renders.proxy.latency = 0.05
    for index in range(4):
        graph = Graph()
        saver = graph.saver("renders://last", graph.pictures(1), graph.counter(index, 4), filetype="png")
        look = graph.seen(animation_sequence=saver[0])
        reported = seen(comfy.run(graph), look)["animation_sequence"]
    assert reported["files"] == [[f"renders://last/frame_{index:05d}.png" for index in range(4)]]
    assert len(pngs(renders.names("last"))) == 4


def test_what_is_local_needs_no_spool_and_no_network(comfy: ComfyServer, renders: Renders, spool: Spool) -> None:
    before = len(spool.contents().entries), renders.proxy.count()
    graph = Graph()
    graph.frames("local_shot")
    comfy.run(graph)
    assert len(load(comfy, "local_shot")) == 3
    assert (len(spool.contents().entries), renders.proxy.count()) == before


def test_a_server_that_was_killed_has_lost_nothing(s3: S3Server, tmp_path: Path) -> None:
    url = s3.new_prefix()
    with Proxy(s3.endpoint_url) as proxy:
        options = {**s3.storage_options, "endpoint_url": proxy.endpoint_url}
        config = tmp_path / "config.toml"
        config.write_text(target("renders", url, **options))
        (tmp_path / "custom_nodes").mkdir()
        (tmp_path / "custom_nodes" / "helper_nodes").symlink_to(Path(__file__).with_name("helper_nodes"))
        env = {"SEQSAVE_CONFIG": str(config), "SEQSAVE_SPOOL": str(tmp_path / "spool")}
        with ComfyServer(tmp_path, env=env) as first:
            prove(first)
            proxy.slow_down(methods=("PUT",))
            graph = Graph()
            graph.frames("renders://killed", graph.pictures(6, seed=82))
            first.run(graph)
            assert first._process is not None
            os.kill(first._process.pid, signal.SIGKILL)
        assert len(pngs(s3.keys(url))) == 1
        proxy.clear()
        with ComfyServer(tmp_path, env=env) as second:
            assert "6 frames of earlier graphs wait in the spool" in second.log
            assert len(pngs(s3.keys(url))) == 1, "nothing is asked of the network before a graph uses that place"
            expected = np.float32(eight_bit(pictures(82, 6, 8, 12))) / np.float32(255)
            assert np.array_equal(load(second, "renders://killed"), expected)


def test_waiting_can_be_chosen(comfy: ComfyServer, renders: Renders, spool: Spool) -> None:
    config = comfy.base / "config.toml"
    config.write_text(config.read_text() + "[comfyui]\npublish_behind = false\n")
    graph = Graph()
    graph.frames("renders://direct")
    comfy.run(graph)
    assert len(pngs(renders.names("direct"))) == 3
