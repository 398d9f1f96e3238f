"""A sequence in a notebook: it never raises, reads little, waits little, and its names are text."""

from __future__ import annotations

import base64
import io
import re
import threading
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import seqsave
from seqsave import targets
from seqsave.errors import TargetError
from seqsave.pictures.contact import HATCHED, Layout
from seqsave.sequences import notebook
from tests.support.places import Place
from tests.support.proxy import Proxy
from tests.support.s3 import S3Server


def frames(number: int, rows: int = 36, columns: int = 64) -> Any:
    greys = np.arange(number, dtype=np.uint8) * 2 + 20
    return np.broadcast_to(greys[:, None, None, None], (number, rows, columns, 3))


class Parsed(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def sheet_in(html: str) -> Any:
    found = re.search(r'src="data:image/jpeg;base64,([^"]+)"', html)
    return None if found is None else np.asarray(Image.open(io.BytesIO(base64.b64decode(found[1]))))


def middles(sheet: Any, count: int) -> list[int]:
    layout = Layout.of(count, width=960, columns=None, aspect=64 / 36, has_head=False)
    wide, high = layout.cell
    corners = [layout.corner(place) for place in range(count)]
    return [int(sheet[top + high // 2, left + wide // 4].mean()) for left, top in corners]


def test_twelve_cells_with_names_frames_and_gaps(place: Place) -> None:
    options = {"storage_options": place.storage_options}
    seqsave.save(frames(100), place.url, filetype="png", manifest=False, **options)
    sequence = seqsave.open_sequence(place.url, **options)
    html = sequence._repr_html_()
    parsed = Parsed(html)
    assert parsed.tags == ["div", "br", "br", "img"]
    assert f"frame_#####.png in {sequence.url}" in parsed.text
    assert "100 frames: 0-99" in parsed.text
    shown = middles(sheet_in(html), 12)
    assert shown == pytest.approx([20 + 2 * round(one * 99 / 11) for one in range(12)], abs=2)
    assert len(html) < 200_000


def test_a_gap_and_a_broken_frame_are_hatched(tmp_path: Path) -> None:
    seqsave.save(frames(5), tmp_path, filetype="png", manifest=False)
    (tmp_path / "frame_00001.png").unlink()
    (tmp_path / "frame_00003.png").write_bytes(b"no picture")
    html = seqsave.open_sequence(tmp_path)._repr_html_()
    sheet, layout = sheet_in(html), Layout.of(5, width=960, columns=None, aspect=64 / 36, has_head=False)
    reds = []
    for place in range(5):
        left, top = layout.corner(place)
        corner = sheet[top + 2 : top + 20, left + 2 : left + 20].reshape(-1, 3).mean(axis=0)
        reds.append(bool(np.abs(corner - np.mean(HATCHED, axis=0)).max() < 12))
    assert reds == [False, True, False, True, False]
    assert "gaps: 1" in Parsed(html).text


def test_names_are_text(tmp_path: Path) -> None:
    name = "<img src=x onerror=alert(1)>&"
    seqsave.save(frames(2), tmp_path / name, manifest=False)
    parsed = Parsed(seqsave.open_sequence(tmp_path / name)._repr_html_())
    assert parsed.tags == ["div", "br", "br", "img"]
    assert name in parsed.text


def test_no_frames_and_frames_that_are_gone(tmp_path: Path) -> None:
    seqsave.save(frames(3), tmp_path, filetype="png")
    sequence = seqsave.open_sequence(tmp_path)
    assert "0 frames" in sequence.part([])._repr_html_()
    for path in tmp_path.glob("*.png"):
        path.unlink()
    assert Parsed(sequence._repr_html_()).tags == ["div", "br", "br"]


@pytest.mark.parametrize("error", [RuntimeError("of a plugin"), TargetError("no network"), MemoryError()])
def test_it_never_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    seqsave.save(frames(3), tmp_path, filetype="png")
    sequence = seqsave.open_sequence(tmp_path)

    def failing(*_: Any, **__: Any) -> Any:
        raise error

    for name in ("thumbnail", "missing_in", "draw_sheet", "Pipeline"):
        with monkeypatch.context() as patched:
            patched.setattr(notebook, name, failing)
            assert "3 frames: 0-2" in sequence._repr_html_(), name


def test_a_storage_that_hangs_costs_a_few_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seqsave.save(frames(5), tmp_path, filetype="png", manifest=False)
    sequence = seqsave.open_sequence(tmp_path)
    assert sequence.target is not None
    release = threading.Event()
    read = type(sequence.target).read

    def hanging(self: Any, path: str) -> bytes:
        if "00003" in path:
            release.wait()
        return read(self, path)

    monkeypatch.setattr(type(sequence.target), "read", hanging)
    monkeypatch.setattr(notebook, "_SECONDS", 0.5)
    sheet = sheet_in(sequence._repr_html_())
    assert sheet is not None, "the others are shown"
    monkeypatch.setattr(targets.Target, "exists", hanging)
    monkeypatch.setattr(notebook, "missing_in", lambda _: release.wait())
    monkeypatch.setattr(notebook, "_MORE_SECONDS", 0.1)
    begun = time.monotonic()
    assert "5 frames" in sequence._repr_html_()
    assert sheet_in(sequence._repr_html_()) is None
    assert not release.is_set()
    assert time.monotonic() >= begun
    release.set()


def test_few_bytes_are_read(s3_server: S3Server, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    url = s3_server.new_prefix()
    noise = np.random.default_rng(0).integers(0, 255, (20, 36, 64, 3), np.uint8)
    seqsave.save(noise, url, filetype="png", manifest=False, storage_options=s3_server.storage_options)
    options = {**s3_server.storage_options, "endpoint_url": proxy.endpoint_url}
    sequence = seqsave.open_sequence(url, storage_options=options)
    largest = max(frame.size or 0 for frame in sequence)
    for most, count in ((12 * largest, 12), (5 * largest, 5), (largest, 1), (largest - 1, 0)):
        monkeypatch.setattr(notebook, "_MOST_BYTES", most)
        proxy.requests.clear()
        html = sequence._repr_html_()
        assert len({one.path for one in proxy.requests if one.path.endswith(".png")}) == count
        assert (sheet_in(html) is not None) == (count > 0)
