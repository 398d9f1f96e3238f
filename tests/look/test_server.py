"""The server: what it answers, and to whom."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqsave
from seqsave.look import proxies, server
from seqsave.look.server import Rooms
from seqsave.runtime.retry import RetryPolicy
from tests.look.serving import Served, serving
from tests.support.patience import PATIENCE
from tests.support.places import Place
from tests.support.proxy import Proxy
from tests.support.s3 import S3Server


def frames(count: int = 3, height: int = 90, width: int = 160) -> Any:
    ramp = np.linspace(0, 0.5, width, dtype=np.float32)
    return np.stack([np.broadcast_to(ramp[None, :, None] + index / 10, (height, width, 3)) for index in range(count)])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("served")
    seqsave.save(frames(), folder, metadata={"workflow": {"nodes": ["<script>alert(1)</script>"]}}, rate=25)
    with serving(folder) as running:
        yield running


def test_the_list_of_sequences(served: Served) -> None:
    answer = served.get("sequences.json")
    assert answer.document["default_rate"] == [24, 1]
    (one,) = answer.document["sequences"]
    assert one.pop("version")
    assert one.pop("url").endswith("frame_#####.png")
    assert one.pop("bytes") > 1000
    assert one == {
        "id": 0,
        "name": "frame_#####.png",
        "filetype": "png",
        "width": 160,
        "height": 90,
        "channels": "RGB",
        "dtype": "uint8",
        "rate": [25, 1],
        "space": None,
        "float": False,
        "batches": [None],
        "runs": [[[0, 2, 1]]],
        "first": 0,
        "last": 2,
        "expected": [[0, 2, 1]],
        "missing": [[]],
        "broken": [{}],
        "finished": True,
        "state": "complete",
        "growing": False,
        "proxies": False,
        "stamp": "0",
    }


def test_a_picture_of_each_size(served: Served) -> None:
    for size, shape in (("thumb", (90, 160, 3)), ("half", (90, 160, 3)), ("full", (90, 160, 3))):
        answer = served.get(f"0/f/1/{size}.jpg")
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.pixels.shape == shape


def test_a_missing_frame_is_named(served: Served) -> None:
    answer = served.get("0/f/99/half.jpg")
    assert answer.status == 404
    assert answer.document == {"error": "frame 99 is missing", "reason": "missing"}


# --- addresses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/wrong/", "/wrong/sequences.json", "/sequences.json", "/%00/", "/é/"])
def test_without_the_token_there_is_nothing(served: Served, path: str) -> None:
    answer = served.get("", below=path.encode().decode("latin-1") if path.isascii() else "/%C3%A9/")
    assert answer.status == 404
    assert answer.document["error"] == "there is no such page"


def test_the_token_has_192_bits(served: Served) -> None:
    assert len(served.token) == 32


@pytest.mark.parametrize(
    "path",
    [
        *("0/f/..%2f..%2fetc/half.jpg", "0/f/1/../../../half.jpg", "0/f/frame_00001.png/original", "0/f/1/original/x"),
        *(
            "static/..%2f..%2fserver.py",
            "static/%2e%2e/server.py",
            "static/server.py",
            "static/index.html",
            "x/f/1/half.jpg",
        ),
        *("0/f/1/huge.jpg", "static/", "0/f/1e3/half.jpg", "-1/f/1/half.jpg", "9/f/1/half.jpg", "0/f/1/half.jpg?b=7"),
    ],
)
def test_no_path_reaches_the_storage(served: Served, path: str) -> None:
    assert served.get(path).status == 404


def test_head_has_the_same_headers(served: Served) -> None:
    for path in ("sequences.json", "0/f/1/half.jpg", "0/f/1/original"):
        answer = served.get(path, "HEAD")
        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["content-length"] == served.get(path).headers["content-length"]
    assert served.get("events", "HEAD").status == 200


# --- a frame ---------------------------------------------------------------------------------------------------------


def test_the_original_whole_and_in_ranges(served: Served) -> None:
    whole = served.get("0/f/1/original")
    assert whole.body[:4] == b"\x89PNG"
    assert whole.headers["content-disposition"] == "attachment; filename*=UTF-8''frame_00001.png"
    assert whole.headers["content-type"] == "application/octet-stream"
    size = len(whole.body)
    for asked, part in (("bytes=0-3", whole.body[:4]), ("bytes=4-", whole.body[4:]), ("bytes=-5", whole.body[-5:])):
        answer = served.get("0/f/1/original", headers={"Range": asked})
        assert (answer.status, answer.body) == (206, part)
        assert answer.headers["content-range"].endswith(f"/{size}")
    assert served.get("0/f/1/original", headers={"Range": f"bytes={size}-"}).status == 416
    other = served.get("0/f/1/original", headers={"Range": "bytes=0-3", "If-Range": '"another"'})
    assert (other.status, len(other.body)) == (200, size)
    again = served.get("0/f/1/original", headers={"If-None-Match": whole.headers["etag"]})
    assert (again.status, again.body) == (304, b"")


def test_a_browser_keeps_what_has_a_version(served: Served) -> None:
    plain = served.get("0/f/1/half.jpg")
    assert plain.headers["cache-control"] == "private, no-cache"
    assert "immutable" in served.get("0/f/1/half.jpg?v=1").headers["cache-control"]
    assert served.get("0/f/1/half.jpg", headers={"If-None-Match": plain.headers["etag"]}).status == 304
    assert served.get("0/f/1/half.jpg?ev=1", headers={"If-None-Match": plain.headers["etag"]}).status == 200


def test_what_is_known_of_a_frame(served: Served) -> None:
    about = served.get("0/f/1/about.json").document
    assert json.loads(about["metadata"]["workflow"]) == {"nodes": ["<script>alert(1)</script>"]}
    assert (about["width"], about["height"], about["dtype"], about["channels"]) == (160, 90, "uint8", ["R", "G", "B"])
    assert about["problem"] is None
    assert about["checksum"].startswith("crc32:")


def test_the_values_of_a_pixel(served: Served) -> None:
    found = served.get("0/f/2/pixel.json?x=159&y=0").document
    assert found == {"x": 159, "y": 0, "values": dict.fromkeys("RGB", int(255 * 0.7)), "dtype": "uint8"}
    assert served.get("0/f/2/pixel.json?x=160&y=0").document["values"] == {}
    for query in ("", "?x=1", "?x=a&y=1", "?x=1.5&y=0"):
        assert served.get(f"0/f/2/pixel.json{query}").status == 400


@pytest.mark.parametrize("query", ["ev=x", "ev=nan", "ev=1e9", "gamma=0", "gamma=inf", "ch=z", "b=-1", "b=x"])
def test_settings_that_mean_nothing_are_refused(served: Served, query: str) -> None:
    answer = served.get(f"0/f/1/half.jpg?{query}")
    assert answer.status == 400
    assert "must be" in answer.document["error"]


def test_from_each_storage(place: Place) -> None:
    seqsave.save(frames(2), place.url, storage_options=place.storage_options, filetype="png")
    with serving(place.url, storage_options=place.storage_options) as running:
        (one,) = running.sequences()
        assert one["runs"] == [[[0, 1, 1]]]
        assert abs(running.get("0/f/1/full.jpg").pixels[5, 80, 0] - int(255 * frames()[1, 5, 80, 0])) <= 2
        assert running.get("0/f/1/original").body == place.read("frame_00001.png")


def test_no_secret_is_on_the_page(place: Place) -> None:
    seqsave.save(frames(1), place.url, storage_options=place.storage_options, filetype="png")
    with serving(place.url, storage_options=place.storage_options) as running:
        for path in ("sequences.json", "0/f/0/about.json", "0/f/5/half.jpg"):
            text = running.get(path).body.decode()
            assert not [value for value in place.storage_options.values() if value in text]


def test_broken_frames_are_answers(tmp_path: Path) -> None:
    seqsave.save(frames(5), tmp_path, filetype="png")
    (tmp_path / "frame_00001.png").write_bytes(b"")
    (tmp_path / "frame_00002.png").write_bytes((tmp_path / "frame_00002.png").read_bytes()[:300])
    (tmp_path / "frame_00003.png").write_bytes(b"GIF89a, a name that is wrong")
    with serving(tmp_path) as running:
        for index in (1, 2, 3):
            answer = running.get(f"0/f/{index}/half.jpg")
            assert (answer.status, answer.document["reason"]) == (422, "broken")
            assert f"frame_0000{index}.png" in answer.document["error"]
        assert running.get("0/f/4/half.jpg").status == 200
        assert sorted(running.sequences()[0]["broken"][0]) == ["1", "2", "3"]
        about = running.get("0/f/2/about.json").document
        assert "frame_00002.png" in about["problem"]
        assert running.get("0/f/2/original").body == (tmp_path / "frame_00002.png").read_bytes()


def test_a_frame_of_more_pixels_than_allowed(tmp_path: Path) -> None:
    seqsave.save(frames(1), tmp_path, filetype="png")
    with serving(tmp_path, max_pixels=100) as running:
        answer = running.get("0/f/0/half.jpg")
        assert (answer.status, answer.document["reason"]) == (422, "too large")


def test_a_storage_that_refuses_or_fails_is_an_answer(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    url = s3_server.new_prefix()
    seqsave.save(frames(3), url, storage_options=s3_server.storage_options, filetype="png")
    monkeypatch.setattr(proxies, "PATIENCE", RetryPolicy(attempts=2, first_wait=0.0))
    with Proxy(s3_server.endpoint_url) as proxy:
        options = {**s3_server.storage_options, "endpoint_url": proxy.endpoint_url}
        with serving(url, storage_options=options) as running:
            fault = proxy.answer(403, "AccessDenied", methods=("GET",), path="frame_00001")
            answer = running.get("0/f/1/half.jpg")
            assert (answer.status, answer.document["reason"]) == (502, "storage")
            assert "frame_00001.png" in answer.document["error"]
            assert s3_server.secret not in answer.document["error"]
            assert fault.hits == 1, "no rights: asked once"
            proxy.reset(methods=("GET",), path="frame_00002")
            for path in ("half.jpg", "original", "about.json", "pixel.json?x=0&y=0"):
                assert running.get(f"0/f/2/{path}").status == 502
            proxy.clear()
            assert running.get("0/f/2/half.jpg").status == 200
            assert running.sequences()[0]["broken"] == [{}], "the frame itself may be sound"


def test_a_frame_that_is_deleted_while_the_page_is_open(tmp_path: Path) -> None:
    seqsave.save(frames(2), tmp_path, filetype="png")
    with serving(tmp_path) as running:
        (tmp_path / "frame_00001.png").unlink()
        answer = running.get("0/f/1/half.jpg")
        assert (answer.status, answer.document["reason"]) == (404, "missing")


def test_connections_that_come_at_the_end_are_closed(tmp_path: Path) -> None:
    """One that is being accepted while the server closes is left to the collector, whose warning is an error."""
    seqsave.save(frames(), tmp_path)
    held, connected = threading.Event(), threading.Event()
    with serving(tmp_path) as running, contextlib.ExitStack() as clients:

        def hold() -> None:
            held.set()
            connected.wait(PATIENCE)
            running.loop.call_soon(running.task.cancel)  # before what is accepted becomes a task

        running.loop.call_soon_threadsafe(hold)
        assert held.wait(PATIENCE)
        for _ in range(20):
            clients.enter_context(socket.create_connection(("127.0.0.1", running.port)))
        connected.set()


def test_an_end_that_is_interrupted_closes_the_port(monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[socket.socket] = []

    async def interrupted(listening: socket.socket) -> None:
        left.append(listening)
        raise asyncio.CancelledError

    async def run() -> None:
        task = asyncio.current_task()
        assert task is not None
        await server.serve(Rooms(), 0, lambda _: task.get_loop().call_soon(task.cancel))

    monkeypatch.setattr(server, "_stop_accepting", interrupted)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(run())
    assert [one.fileno() for one in left] == [-1]
