"""A folder on a web server is a folder for every reader."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest

import seqsave
from seqsave import targets
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
    reported = command("mv", url, tmp_path / "there", status=1).err
    assert "changed while it was read" not in reported
    assert len(list((tmp_path / "frames").glob("*.png"))) == 3


def test_one_file(url: str) -> None:
    assert [frame.index for frame in open_source(f"{url}/shot.0008.png")] == [8]


def test_a_presigned_url_of_a_frame(url: str) -> None:
    frame = seqsave.open_frame(f"{url}/shot.0008.png?X-Amz-Signature=hush-hush-hush")
    assert frame.name == "shot.0008.png"
    assert frame.read().shape == (4, 4, 3)
    assert frame.read_metadata() == {}
    assert "hush-hush" not in repr(frame)


# Each name is one that a file on a server may have, with its form in URLs.
NAMES = [
    ("my shot_1.png", "my%20shot_1.png"),
    ("a#b_1.png", "a%23b_1.png"),
    ("what?_1.png", "what%3F_1.png"),
    ("100%_1.png", "100%25_1.png"),
    ("a%20b_1.png", "a%2520b_1.png"),
    ("a+b_1.png", "a%2Bb_1.png"),
    ("grün é日_1.png", "gr%C3%BCn%20%C3%A9%E6%97%A5_1.png"),
    ("a&amp;b_1.png", "a%26amp%3Bb_1.png"),
    ("it's (1).png", "it%27s%20%281%29.png"),
    ("my drawing_1.png", "my%20drawing_1.png"),
    ("a=b;c,d@e_1.png", "a%3Db%3Bc%2Cd%40e_1.png"),
]


@pytest.mark.parametrize(("name", "escaped"), NAMES)
def test_names_are_those_on_the_disk(url: str, tmp_path: Path, name: str, escaped: str) -> None:
    folder = "my takes #2 ü"
    base = url.rpartition("/")[0]
    data = (tmp_path / "frames" / "shot.0007.png").read_bytes()
    (tmp_path / folder).mkdir()
    (tmp_path / folder / name).write_bytes(data)
    for place in (f"{base}/{folder}", f"{base}/{quote(folder)}", f"{base}/{quote(folder)}/"):
        sequence = seqsave.open_sequence(place)
        assert [frame.name for frame in sequence] == [name]
        assert sequence[0].read().shape == (4, 4, 3)
        assert sequence.urls == (f"{base}/{quote(folder)}/{escaped}",)
    assert seqsave.save(seqsave.open_sequence(place), tmp_path / "copy", manifest=False).counts["saved"] == 1
    assert command("save", place, tmp_path / "kept").status == 0
    assert (tmp_path / "kept" / name).read_bytes() == data
    frame = seqsave.open_frame(f"{base}/{folder}/{escaped}")
    assert (frame.name, frame.read().shape, frame.url) == (name, (4, 4, 3), sequence.urls[0])
    if not set(name) & set("?%"):
        assert seqsave.open_frame(f"{base}/{folder}/{name}").name == name
        assert command("info", f"{base}/{folder}/{name}").status == 0
    assert command("info", f"{base}/{folder}/{escaped}").status == 0
    for end in (escaped.replace("1", "#", 1) if name.startswith("it") else escaped.replace("_1.", "_#."), "*.png"):
        assert seqsave.open_sequence(f"{base}/{quote(folder)}/{end}")[0].name == name


def test_folders_below_are_read_by_their_names(url: str, tmp_path: Path) -> None:
    (tmp_path / "frames").rename(tmp_path / "takes 1?")
    base = url.rpartition("/")[0]
    assert command("ls", base).out == "takes%201%3F/\n"
    (one,) = seqsave.find_sequences(base, recursive=True)
    assert (one.folder, one.indices) == ("takes 1?", (7, 8, 9))
    assert one[0].read().shape == (4, 4, 3)


def test_a_link_that_leads_elsewhere_is_no_name(url: str, tmp_path: Path) -> None:
    links = [
        "?C=N;O=D",
        "../",
        "%2e%2e%2fa_1.png",
        "%2E%2E",
        "./",
        "shot.0007.png#top",
        "shot.0007.png?raw",
        "x&amp;y_2.png",
    ]
    page = "".join(f'<a href="{link}">x</a>' for link in links)
    (tmp_path / "frames" / "index.html").write_text(page)
    target = targets.resolve(url)
    assert sorted(entry.name for entry in target.list()) == ["shot.0007.png", "x&y_2.png"]
