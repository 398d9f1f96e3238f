"""Pages that are made from stored proxies: no such frame is read."""

from __future__ import annotations

import base64
import io
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

import seqsave
from seqsave.look.halves import stored_halves
from seqsave.look.page import make_page
from seqsave.types import MAX_PIXELS
from tests.look.test_page import facts, frames, pictures
from tests.support.needs import needs_package
from tests.support.proxy import Proxy
from tests.support.s3 import S3Server

if TYPE_CHECKING:
    from pathlib import Path


def greys(data: bytes) -> list[int]:
    """Return the grey of each picture of the movie in a page."""
    movie = base64.b64decode(re.search(rb'id="movie">([^<]+)<', data)[1])  # type: ignore[index]
    with needs_package("av").open(io.BytesIO(movie)) as opened:
        return [int(one.to_ndarray(format="rgb24").mean()) for one in opened.decode(video=0)]


def test_a_page_of_a_bucket_reads_no_frame(s3_server: S3Server, proxy: Proxy, options: dict[str, Any]) -> None:
    needs_package("av")
    url = s3_server.new_prefix()
    seqsave.save(frames(9, 720, 1280), url, proxies=True, rate=25, storage_options=s3_server.storage_options)
    sequence = seqsave.open_sequence(url, storage_options=options)
    proxy.requests.clear()
    data, made = make_page(sequence)
    assert [one.path for one in proxy.requests if not re.search(r"\.seqsave/|\.pack$", one.path + one.query)] == []
    assert (made.frames, made.stored, made.broken) == (9, 9, {})
    assert greys(data) == pytest.approx([40 + 5 * number for number in range(9)], abs=3)
    assert b"1280x720, 3 channels of uint8" in data, "the frames' own size, as the manifest states it"
    cells = pictures(data, b'<li><a href="#f=[0-9]+"><img ')
    assert [float(one.mean()) for one in cells] == pytest.approx([40 + 5 * number for number in range(9)], abs=2)


def test_frames_that_were_replaced_are_read_and_broken_ones_named(tmp_path: Path) -> None:
    needs_package("av")
    seqsave.save(frames(9, 720, 1280), tmp_path, proxies=True)
    Image.new("RGB", (1280, 720), (200, 200, 200)).save(tmp_path / "frame_00004.png")
    (tmp_path / "frame_00006.png").write_bytes(b"no picture")
    data, made = make_page(seqsave.open_sequence(tmp_path))
    assert (made.frames, made.stored, list(made.broken)) == (8, 7, [6])
    wanted = [40 + 5 * number for number in range(9)]
    wanted[4] = 200
    del wanted[6]
    assert greys(data) == pytest.approx(wanted, abs=3)
    assert made.notes == (), "all pictures have one size"
    assert facts(data)["frames"] == [[0, 5, 1], [7, 8, 1]]


def test_few_proxies_or_more_lines_than_they_have_are_not_used(tmp_path: Path) -> None:
    seqsave.save(frames(3, 720, 1280), tmp_path, proxies=True)
    seqsave.save(frames(3, 720, 1280), tmp_path / "none")
    sequence = seqsave.open_sequence(tmp_path)
    for height, is_used in ((None, True), (360, True), (361, False), (4000, False)):
        assert (stored_halves(sequence, height, MAX_PIXELS) is not None) is is_used
    assert stored_halves(seqsave.open_sequence(tmp_path / "none"), None, MAX_PIXELS) is None
    seqsave.save(255 - frames(5, 720, 1280), tmp_path, start=3)
    assert stored_halves(seqsave.open_sequence(tmp_path), None, MAX_PIXELS) is None, "3 of 8"


def test_a_frame_without_one_becomes_a_picture_as_the_stored_ones(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    noise = np.kron(rng.integers(0, 256, (2, 9, 16, 3), "uint8"), np.ones((1, 80, 80, 1), "uint8"))
    seqsave.save(noise, tmp_path, proxies=True)
    halves = stored_halves(seqsave.open_sequence(tmp_path), None, MAX_PIXELS)
    assert halves is not None
    frame = seqsave.open_sequence(tmp_path)[1]
    made = halves.decode(frame, frame.read_bytes()).array
    stored = halves.decode(frame, halves.read(frame)).array
    assert made.shape == stored.shape == (360, 640, 3)
    assert np.abs(made.astype(int) - stored).mean() < 4, "what JPEG loses"
    assert halves.count == 1
