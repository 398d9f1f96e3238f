"""Pictures and their statements in the files, as the widgets of both savers request; in the real server."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from graphs import Graph, Node, eight_bit, failure, failure_before_rendering, files, refused, seen
from helper_nodes import pictures
from PIL import Image

import seqsave
from seqsave.look.stored import StoredProxies
from seqsave.testing import outside

if TYPE_CHECKING:
    from pathlib import Path

    from server import ComfyServer


PNG = "png with embedded workflow"
TERM = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"

save_with = pytest.mark.parametrize("title", ["Image Sequence Saver", "Save Frames"])


def saving(graph: Graph, title: str, folder: str, images: Node, **more: Any) -> Node:
    more.setdefault("filetype", PNG)
    if title == "Save Frames":
        return graph.frames(folder, images, **more)
    return graph.saver(folder, images, graph.counter(0, 1), **more)


def read(comfy: ComfyServer, path: str) -> bytes:
    return (comfy.output / path).read_bytes()


def chunks(data: bytes) -> dict[bytes, bytes]:
    """A PNG's, by the specification; of several of one kind the last."""
    found, at = {}, 8
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        found[kind] = data[at + 8 : at + 8 + size]
        at += 12 + size
    return found


def about(data: bytes) -> tuple[int, dict[str, str]]:
    """How many pictures a movie has, and its tags."""
    with outside.package("av", "pip install av").open(io.BytesIO(data)) as movie:
        tags = {name.lower(): text for name, text in movie.metadata.items()}
        return sum(1 for _ in movie.decode(video=0)), tags


@save_with
def test_sixteen_bits(comfy: ComfyServer, title: str) -> None:
    cv2 = outside.package("cv2", "pip install opencv-python-headless")
    graph = Graph()
    saving(graph, title, f"deep/{title}", graph.pictures(1, seed=71), dtype="uint16")
    comfy.run(graph)
    found = cv2.imread(str(comfy.output / "deep" / title / "frame_00000.png"), cv2.IMREAD_UNCHANGED)[..., ::-1]
    expected = np.rint(pictures(71, 1, 8, 12)[0].astype(np.float64).clip(0, 1) * 65535)
    assert found.dtype == np.uint16
    assert np.abs(found - expected).max() == 0


@save_with
def test_statements_about_pictures(comfy: ComfyServer, title: str) -> None:
    graph = Graph()
    tags = "artist=Ada; digital_source_type=trainedAlgorithmicMedia"
    saving(graph, title, f"said/{title}", graph.pictures(1), color="display-p3", dpi=300.0, tags=tags)
    comfy.run(graph)
    found = chunks(read(comfy, f"said/{title}/frame_00000.png"))
    assert found[b"cICP"] == bytes((12, 13, 0, 1)), "ITU-T H.273: P3 with D65, sRGB's transfer"
    assert found[b"pHYs"] == struct.pack(">IIB", 11811, 11811, 1)
    assert TERM.encode() in found[b"iTXt"]
    assert b"Ada" in found[b"iTXt"]


@save_with
def test_two_file_types_in_one_run(comfy: ComfyServer, title: str) -> None:
    graph = Graph()
    folder = comfy.output / "two" / title
    saver = saving(
        graph,
        title,
        f"two/{title}",
        graph.pictures(1, seed=72),
        also_as="jpg",
        options="jpg.quality=5, compression=fast",
    )
    look = graph.seen(animation_sequence=saver[0 if title == "Image Sequence Saver" else 2])
    outputs = comfy.run(graph)
    assert files(folder) == ["frame_00000.jpg", "frame_00000.png"]
    with Image.open(folder / "frame_00000.png") as image:
        assert np.array_equal(np.asarray(image), eight_bit(pictures(72, 1, 8, 12))[0])
    with Image.open(folder / "frame_00000.jpg") as image:
        assert image.quantization[0][-1] > 99, "not of quality 5"
    first = str(folder / "frame_00000.png")
    assert seen(outputs, look)["animation_sequence"]["files"] == [[first]]
    assert outputs[saver]["text"] == [first, str(folder / "frame_00000.jpg")]
    assert [image["filename"] for image in outputs[saver]["images"]] == ["frame_00000.png"]
    for kind in ("png", "jpg"):
        document = json.loads(read(comfy, f"two/{title}/.seqsave/frame.{kind}.json"))
        assert document["complete"] is True, kind


@save_with
def test_colours_are_converted(comfy: ComfyServer, title: str) -> None:
    outside.package("PyOpenColorIO", "pip install opencolorio")
    graph = Graph()
    saving(
        graph,
        title,
        f"converted/{title}",
        graph.pictures(1, seed=73),
        dtype="uint16",
        color="srgb",
        convert_to="linear-srgb",
    )
    comfy.run(graph)
    data = read(comfy, f"converted/{title}/frame_00000.png")
    assert chunks(data)[b"cICP"] == bytes((1, 8, 0, 1))
    cv2 = outside.package("cv2", "pip install opencv-python-headless")
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)[..., ::-1] / 65535
    given = pictures(73, 1, 8, 12)[0].clip(0, 1)
    light = np.where(given <= 0.04045, given / 12.92, ((given + 0.055) / 1.055) ** 2.4)  # IEC 61966-2-1
    assert np.abs(found - light).max() < 1e-3


@save_with
def test_what_is_private_is_left_out_wherever_it_would_be_written(
    comfy: ComfyServer, configure: Callable[[str], int], title: str
) -> None:
    """By the graph's own patterns, and by the administrator's."""
    configure('[comfyui]\nwithhold = ["Test Secret.hidden"]')
    graph = Graph()
    secret = graph.add("Test Secret", text="PRIVATE-TEXT-OF-GRAPH", hidden="PRIVATE-TEXT-OF-SERVER")
    images = graph.pictures(1)
    graph.seen(text=secret[0])
    workflow = {
        "nodes": [
            {"id": 1, "type": "Test Secret", "widgets_values": ["PRIVATE-TEXT-OF-GRAPH", "PRIVATE-TEXT-OF-SERVER"]},
            {"id": 2, "type": "Note", "widgets_values": ["kept-note"]},
        ]
    }
    saving(graph, title, f"private/{title}", images, also_as="jpg", withhold="Test Secret.text", preview="mp4")
    comfy.run(graph, workflow)
    written = {path: path.read_bytes() for path in (comfy.output / "private" / title).rglob("*") if path.is_file()}
    assert {path.suffix for path in written} >= {".png", ".jpg", ".mp4", ".json"}
    for path, data in written.items():
        assert b"PRIVATE-TEXT" not in data, path
    assert b"kept-note" in read(comfy, f"private/{title}/frame_00000.png")
    assert b"kept-note" in read(comfy, f"private/{title}/frame.mp4")


def test_the_workflow_in_the_first_frame_only(comfy: ComfyServer) -> None:
    for index in range(3):
        graph = Graph()
        graph.saver("first", graph.pictures(1), graph.counter(index, 3), metadata_in="first frame")
        comfy.run(graph, {"nodes": ["canary"]})
    graph = Graph()
    graph.frames("first", graph.pictures(3), prefix="many", start=1001, filetype=PNG, metadata_in="first frame")
    comfy.run(graph, {"nodes": ["canary"]})
    names = [name for name in files(comfy.output / "first") if b"canary" in read(comfy, f"first/{name}")]
    assert names == ["frame_00000.png", "many_01001.png"]


@save_with
def test_the_workflow_beside_the_frames(comfy: ComfyServer, title: str) -> None:
    graph = Graph()
    saving(graph, title, f"beside/{title}", graph.pictures(1), filetype="png", metadata_in="sidecar")
    comfy.run(graph, {"nodes": ["canary"]})
    found = [path for path in (comfy.output / "beside" / title / ".seqsave").iterdir() if "workflow" in path.name]
    assert [json.loads(path.read_text()) for path in found] == [{"nodes": ["canary"]}]
    assert b"canary" not in read(comfy, f"beside/{title}/frame_00000.png")


@pytest.mark.parametrize("extension", ["mp4", "webm"])
def test_a_movie_beside_the_batch(comfy: ComfyServer, extension: str) -> None:
    graph = Graph()
    images = graph.pictures(5, 64, 64)
    graph.frames(f"movie/{extension}", images, prefix="a/b", filetype=PNG, preview=extension)
    comfy.run(graph, {"nodes": ["canary"]})
    count, tags = about(read(comfy, f"movie/{extension}/a/b.{extension}"))
    assert count == 5
    assert json.loads(tags["workflow"]) == {"nodes": ["canary"]}


@pytest.mark.parametrize("batches", [1, 2])
def test_a_movie_of_single_frames_is_made_with_the_last_one(comfy: ComfyServer, batches: int) -> None:
    folder = f"movie/single{batches}"
    for index in range(4):
        graph = Graph()
        saver = graph.saver(folder, graph.pictures(batches, 64, 64), graph.counter(index, 4), preview="mp4")
        look = graph.seen(log_entry=saver[1])
        outputs = comfy.run(graph, {"nodes": ["canary"]})
        assert (comfy.output / folder / "frame.mp4").exists() == (index == 3)
    count, tags = about(read(comfy, f"{folder}/frame.mp4"))
    assert count == 4
    assert json.loads(tags["workflow"]) == {"nodes": ["canary"]}
    reported = [text for _, text in seen(outputs, look)["log_entry"]["data"]]
    assert reported[-1] == f"Saved {comfy.output / folder / 'frame.mp4'}"


def test_a_movie_of_another_program_stays(comfy: ComfyServer) -> None:
    (comfy.output / "with_foreign_movie").mkdir()
    movie = comfy.output / "with_foreign_movie" / "frame.mp4"
    movie.write_bytes(b"of another program")
    for index in range(2):
        graph = Graph()
        saver = graph.saver("with_foreign_movie", graph.pictures(1, 64, 64), graph.counter(index, 2), preview="mp4")
        look = graph.seen(log_entry=saver[1])
        outputs = comfy.run(graph)
    assert movie.read_bytes() == b"of another program"
    (line,) = [text for _, text in seen(outputs, look)["log_entry"]["data"] if "preview" in text]
    assert f"{movie} exists, and seqsave did not make it: it is not replaced" in line


def test_proxies_of_the_batch(comfy: ComfyServer) -> None:
    graph = Graph()
    graph.frames("proxies/batch", graph.pictures(5, 64, 64), filetype=PNG, proxies=True)
    comfy.run(graph)
    assert proxied(comfy.output / "proxies/batch") == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("batches", [1, 2])
def test_proxies_of_single_frames_are_made_with_the_last_one(comfy: ComfyServer, batches: int) -> None:
    folder = f"proxies/single{batches}"
    for index in range(3):
        graph = Graph()
        graph.saver(folder, graph.pictures(batches, 64, 64), graph.counter(index, 3), proxies=True)
        comfy.run(graph)
        assert proxied(comfy.output / folder) == ([] if index < 2 else [0, 1, 2] * batches)
    assert len(list((comfy.output / folder).glob(".seqsave/*/*.pack"))) == batches


def proxied(folder: Path) -> list[int]:
    """Return the numbers of the frames with small pictures, for each variation."""
    sequence = seqsave.open_sequence(folder)
    stored = StoredProxies(sequence)
    found = [frame for frame in sequence if stored.jpeg(frame, "half") is not None]
    return [frame.index for frame in sorted(found, key=lambda frame: (frame.batch or 0, frame.index))]


def test_a_movie_that_cannot_be_made_stops_nothing(comfy: ComfyServer) -> None:
    """The second frame cannot be read: the node that makes the movie reports it, and the animation is saved."""
    for index in range(3):
        graph = Graph()
        saver = graph.saver("broken", graph.pictures(1, 64, 64), graph.counter(index, 3), preview="mp4")
        look = graph.seen(log_entry=saver[1], animation_sequence=saver[0])
        outputs = comfy.run(graph)
        if index == 1:
            (comfy.output / "broken" / "frame_00001.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    reported = seen(outputs, look)
    assert reported["animation_sequence"]["keys"] == [0, 1, 2]
    (line,) = [text for _, text in reported["log_entry"]["data"] if "preview" in text]
    assert line.startswith("The preview could not be written: ")
    assert "frame_00001.png" in line
    assert not (comfy.output / "broken" / "frame.mp4").exists()


@save_with
@pytest.mark.parametrize(
    ("given", "stated"),
    [
        ({"also_as": "png"}, "two that write .png"),
        ({"filetype": "jpg", "dtype": "uint16"}, "takes uint8"),
        ({"convert_to": "acescg"}, "give color as well"),
        ({"tags": "author=Ada"}, "author"),
        ({"options": "jpg.quality=5"}, "jpg.quality"),
    ],
)
def test_refused_before_anything_is_rendered(
    comfy: ComfyServer, title: str, given: dict[str, Any], stated: str
) -> None:
    graph = Graph()
    saving(graph, title, "refused", graph.pictures(1), **given)
    assert stated in failure_before_rendering(comfy, graph, title)
    assert not (comfy.output / "refused").exists()


@save_with
@pytest.mark.parametrize("given", [{"also_as": "tga"}, {"color": "ProPhoto"}, {"dpi": -1.0}, {"preview": "gif"}])
def test_refused_before_the_graph_runs(comfy: ComfyServer, title: str, given: dict[str, Any]) -> None:
    graph = Graph()
    saving(graph, title, "refused", graph.pictures(1), **given)
    assert next(iter(given)) in refused(comfy, graph)


def test_values_that_another_node_fills_in_are_checked_all_the_same(comfy: ComfyServer) -> None:
    graph = Graph()
    text = graph.add("PrimitiveString", value="author=Ada")
    graph.frames("linked", graph.pictures(1), tags=text[0])
    assert "author" in failure(comfy, graph, "Save Frames")
    assert not (comfy.output / "linked").exists()
