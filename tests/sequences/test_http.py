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
from tests.cli.runner import seqsave as command


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


def test_a_listing_without_sizes_makes_no_frame_empty(url: str, tmp_path: Path) -> None:
    """The server of Python's library states none."""
    assert {frame.size for frame in seqsave.open_sequence(url)} == {None}
    assert command("ls", url).out == "shot.####.png 7-9 (3 frames)  size not known, complete\n"
    assert command("ls", url, "--json").document["sequences"][0]["size"] is None
    for more in ((), ("--deep",)):
        assert command("verify", url, "--json", *more).document["findings"] == []
    assert command("verify", url, "--deep", "--json").document["decoded"] == 3
    assert "bytes      not known" in command("info", url).out
    assert seqsave.save(seqsave.open_sequence(url), tmp_path / "copy").counts["saved"] == 3
    (tmp_path / "frames" / "shot.0008.png").write_bytes(b"")
    assert command("verify", url, "--deep", "--json", status=1).document["render_again"] == "8"


def test_a_move_from_a_server_that_only_reads(url: str, tmp_path: Path) -> None:
    told = command("mv", url, tmp_path / "there", status=1).err
    assert "changed while it was read" not in told
    assert len(list((tmp_path / "frames").glob("*.png"))) == 3


def test_one_file(url: str) -> None:
    assert [frame.index for frame in open_source(f"{url}/shot.0008.png")] == [8]


def test_a_presigned_url_of_a_frame(url: str) -> None:
    frame = seqsave.open_frame(f"{url}/shot.0008.png?X-Amz-Signature=hush-hush-hush")
    assert frame.name == "shot.0008.png"
    assert frame.read().shape == (4, 4, 3)
    assert frame.read_metadata() == {}
    assert "hush-hush" not in repr(frame)
