"""A folder on a web server is a folder for every reader."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqsave
from seqsave.sources import open_source


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    pytest.importorskip("aiohttp")
    seqsave.save(np.zeros((3, 4, 4, 3), np.uint8), tmp_path / "frames" / "shot.####.png", start=7, filetype="png")
    handler = functools.partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/frames"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("end", ["", "/", "/shot.####.png", "/shot.%04d.png", "/*.png"])
def test_every_reader(url: str, end: str) -> None:
    assert seqsave.open_sequence(url + end).indices == (7, 8, 9)
    assert [one.indices for one in seqsave.find_sequences(url + end)] == [(7, 8, 9)]
    assert [frame.index for frame in open_source(url + end)] == [7, 8, 9]


def test_one_file(url: str) -> None:
    assert [frame.index for frame in open_source(f"{url}/shot.0008.png")] == [8]


def test_a_presigned_url_of_a_frame(url: str) -> None:
    frame = seqsave.open_frame(f"{url}/shot.0008.png?X-Amz-Signature=hush-hush-hush")
    assert frame.name == "shot.0008.png"
    assert frame.read().shape == (4, 4, 3)
    assert frame.read_metadata() == {}
    assert "hush-hush" not in repr(frame)
