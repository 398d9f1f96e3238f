"""One HTML file of a sequence: what it holds, what it costs, and what becomes of it."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import sys
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import seqsave
from seqsave.cli import demo_scene
from seqsave.errors import OptionError, SequenceNotFoundError, TargetError
from seqsave.look.page import make_page, save_page
from seqsave.types import MAX_PIXELS
from tests.cli.runner import seqsave as command
from tests.support.needs import needs_package
from tests.support.places import Place

SECRET = "a workflow of mine"


def frames(number: int, rows: int = 72, columns: int = 128) -> Any:
    greys = np.arange(number, dtype=np.uint8) * 5 + 40
    return np.broadcast_to(greys[:, None, None, None], (number, rows, columns, 3))


def facts(data: bytes) -> Any:
    found = re.search(rb'id="facts">(.*?)</script>', data)
    assert found
    return json.loads(found[1])


def pictures(data: bytes, pattern: bytes) -> list[Any]:
    found = re.findall(pattern + rb'src="data:image/jpeg;base64,([^"]+)"', data)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(one)))) for one in found]


def test_it_holds_every_frame_its_sheet_and_its_facts(place: Place, medium: str) -> None:
    options = {"storage_options": place.storage_options}
    seqsave.save(frames(5), place.url, start=1001, rate="24000/1001", filetype="png", **options)
    sequence = seqsave.open_sequence(place.url, **options)
    data, made = make_page(sequence)
    assert (made.size, made.frames, made.broken) == (len(data), 5, {})
    assert made.share == pytest.approx(len(data) / sequence.size)
    known = facts(data)
    assert (known["rate"], known["frames"]) == ([24000, 1001], [[1001, 1005, 1]])
    assert (known["missing"], known["problems"]) == ([], [])
    assert bool(known["type"]) == (medium == "movie")
    cells = pictures(data, b'<li><a href="#f=[0-9]+"><img ')
    assert [float(one.mean()) for one in cells] == pytest.approx([40, 45, 50, 55, 60], abs=1)
    if medium == "movie":
        movie = base64.b64decode(re.search(rb'id="movie">([^<]+)<', data)[1])  # type: ignore[index]
        with needs_package("av").open(io.BytesIO(movie)) as opened:
            assert sum(1 for _ in opened.decode(video=0)) == 5
        assert made.notes == ()
    else:
        shown = json.loads(re.search(rb'id="pictures">([^<]+)<', data)[1])  # type: ignore[index]
        means = [np.asarray(Image.open(io.BytesIO(base64.b64decode(one)))).mean() for one in shown]
        assert means == pytest.approx([40, 45, 50, 55, 60], abs=1)
        assert "pip install 'seqsave[video]'" in made.notes[0]


def test_it_names_neither_the_place_nor_unasked_the_workflow(tmp_path: Path, medium: str) -> None:
    seqsave.save(frames(2), tmp_path / "client_x", metadata={"workflow": {"text": SECRET}, "prompt": {"text": SECRET}})
    sequence = seqsave.open_sequence(tmp_path / "client_x")
    data, _ = make_page(sequence)
    assert SECRET.encode() not in data
    for block in re.findall(rb"[A-Za-z0-9+/=]{40,}", data):
        assert SECRET.encode() not in base64.b64decode(block + b"===")
    assert b"client_x" not in data
    assert str(tmp_path).encode() not in data
    asked, _ = make_page(sequence, workflow=True)
    assert SECRET.encode() in asked


def test_gaps_and_broken_frames(tmp_path: Path, medium: str) -> None:
    seqsave.save(frames(9), tmp_path, filetype="png")
    for index in (3, 4):
        (tmp_path / f"frame_{index:05}.png").unlink()
    (tmp_path / "frame_00006.png").write_bytes(b"no picture")
    data, made = make_page(seqsave.open_sequence(tmp_path))
    known = facts(data)
    assert known["frames"] == [[0, 2, 1], [5, 5, 1], [7, 8, 1]]
    assert known["missing"] == [[3, 4, 1]]
    assert [(index, why.partition(": ")[0]) for index, why in known["problems"]] == [(6, "broken")]
    assert made.broken.keys() == {6}
    assert made.frames == 6
    text = data.decode()
    assert '<a href="#f=3">00003-00004</a></td><td>missing</td>' in text
    assert re.search(r'<a href="#f=6">00006</a></td><td>broken: [^<]+</td>', text)
    bars = [tuple(map(float, one)) for one in re.findall(r'class="gone" x="([\d.]+)" y="0" width="([\d.]+)"', text)]
    assert bars == [
        pytest.approx((1000 * 3 / 9, 1000 * 2 / 9), abs=0.01),
        pytest.approx((1000 * 6 / 9, 1000 / 9), abs=0.01),
    ]


@pytest.mark.parametrize("gaps", [True, False])
def test_an_unfinished_sequence_says_so_beside_its_title(tmp_path: Path, medium: str, gaps: bool) -> None:
    """Its second run was interrupted over the frames of the first; the page names no process and no machine."""
    seqsave.save(frames(5), tmp_path, filetype="png")
    writer = seqsave.open_writer(tmp_path, filetype="png", total=5)
    writer.write(frames(1)[0] + 9, index=0)
    writer.flush()
    for state in ("active", "aborted"):
        if state == "aborted":
            writer.abort()
        data, _ = make_page(seqsave.open_sequence(tmp_path), gaps=gaps)
        head = re.search('</h1>\n<div class="facts">(.*)</div>', data.decode())
        assert head
        notice = "<span class=bad>unfinished, 1 of 5; to be rendered again: 1-4</span>"
        assert head[1].startswith(notice) is gaps
        assert str(os.getpid()) not in head[1]


def test_every_second_frame_has_no_gaps_but_its_own(tmp_path: Path, medium: str) -> None:
    with seqsave.open_writer(tmp_path, manifest=False) as writer:
        for index in (10, 12, 16, 18):
            writer.write(frames(1)[0], index=index)
    data, _ = make_page(seqsave.open_sequence(tmp_path))
    assert facts(data)["missing"] == [[14, 14, 2]]
    assert data.count(b'class="gone"') == 1


def test_a_stray_number_makes_no_endless_page(tmp_path: Path, medium: str) -> None:
    with seqsave.open_writer(tmp_path, manifest=False) as writer:
        for index in (0, 1, 2, 2_000_000_000):
            writer.write(frames(1)[0], index=index)
    data, _ = make_page(seqsave.open_sequence(tmp_path))
    known = facts(data)
    assert known["missing"] == []
    assert known["problems"] == [[3, "1999999997 frames are missing, up to 1999999999"]]
    assert re.findall(rb'class="gone" x="([0-9.]+)"', data) == [b"600.00"]


def test_a_large_page_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seqsave.save(frames(2), tmp_path)
    monkeypatch.setattr("seqsave.look.page._LARGE", 1000)
    assert "fewer lines or fewer frames make it smaller" in make_page(seqsave.open_sequence(tmp_path))[1].notes[-1]


def test_the_first_frame_is_broken(tmp_path: Path, medium: str) -> None:
    seqsave.save(frames(3), tmp_path, filetype="png")
    (tmp_path / "frame_00000.png").write_bytes(b"")
    data, made = make_page(seqsave.open_sequence(tmp_path))
    assert made.broken.keys() == {0}
    assert facts(data)["frames"] == [[1, 2, 1]]


def test_nothing_that_can_be_shown_is_an_error(tmp_path: Path, medium: str) -> None:
    seqsave.save(frames(2), tmp_path, filetype="png")
    sequence = seqsave.open_sequence(tmp_path)
    with pytest.raises(SequenceNotFoundError, match="has no frames"):
        make_page(sequence.part([]))
    for path in tmp_path.glob("*.png"):
        path.unlink()
    with pytest.raises(TargetError, match="frame_0000"):
        make_page(sequence)
    assert not list(tmp_path.glob("*.html"))


def test_of_variations_the_first_is_shown(tmp_path: Path, medium: str) -> None:
    with seqsave.open_writer(tmp_path, filetype="png") as writer:
        for index in range(2):
            writer.write_batch(np.stack([np.full((72, 128, 3), grey, np.uint8) for grey in (50, 200)]), index=index)
    data, made = make_page(seqsave.open_sequence(tmp_path))
    assert made.frames == 2
    assert all(abs(one.mean() - 50) < 1 for one in pictures(data, b'<li><a href="#f=[0-9]+"><img '))


def test_a_page_of_a_real_clip_is_below_two_percent(tmp_path: Path) -> None:
    """With grain, as rendered frames have it; of 48 frames with the movie and all of the sheet."""
    needs_package("av")
    noise = np.random.default_rng(0).normal(0, 2, (1080, 1920, 3)).astype(np.float32)

    def clip() -> Any:
        for number, picture in enumerate(demo_scene.render()):
            large = Image.fromarray((np.clip(picture, 0, 1) * 255).astype(np.uint8)).resize((1920, 1080))
            grain = np.roll(noise, number * 7919, axis=(0, 1))
            yield np.clip(np.asarray(large) + grain, 0, 255).astype(np.uint8)

    seqsave.save(clip(), tmp_path, filetype="png", manifest=False)
    _, made = make_page(seqsave.open_sequence(tmp_path))
    assert made.frames == 48
    assert made.share is not None
    assert made.share < 0.02


def test_beside_the_frames_it_is_no_frame_and_goes_with_them(place: Place) -> None:
    seqsave.save(frames(3), place.url, filetype="png", storage_options=place.storage_options)
    sequence = seqsave.open_sequence(place.url, storage_options=place.storage_options)
    assert sequence.target is not None
    save_page(sequence, sequence.target, "frame.html")
    assert place.read("frame.html").startswith(b"<!doctype html>")
    found = list(seqsave.find_sequences(place.url, storage_options=place.storage_options))
    assert [len(one) for one in found] == [3]
    given = [part for key, value in place.storage_options.items() for part in ("--storage-option", f"{key}={value}")]
    command("verify", place.url, *given)
    command("mv", place.url, f"{place.url}/shot.####.png", *given, "-q")
    assert [name for name in place.frames() if name.endswith(".html")] == ["shot.html"]
    assert "the page shot.html" in command("rm", place.url, "--yes", *given, "-q").out
    assert place.frames() == []


def test_a_page_of_another_program_stays(tmp_path: Path) -> None:
    seqsave.save(frames(2), tmp_path)
    (tmp_path / "frame.html").write_text("<!doctype html><title>notes</title>")
    assert "frame.html" not in command("rm", tmp_path, "--yes", "-q").out
    assert (tmp_path / "frame.html").exists()


def test_in_a_bucket_browsers_show_it(s3_server: Any) -> None:
    url = s3_server.new_prefix()
    seqsave.save(frames(2), url, storage_options=s3_server.storage_options)
    sequence = seqsave.open_sequence(url, storage_options=s3_server.storage_options)
    assert sequence.target is not None
    save_page(sequence, sequence.target, "frame.html")
    from fsspec.core import url_to_fs

    fs, path = url_to_fs(f"{url}/frame.html", **_for_fsspec(s3_server.storage_options))
    with urllib.request.urlopen(fs.url(path)) as answer:
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"


def _for_fsspec(options: Any) -> Any:
    return {
        "key": options["key"],
        "secret": options["secret"],
        "client_kwargs": {"endpoint_url": options["endpoint_url"]},
    }


@pytest.mark.parametrize("name", ["frame.htm", "frame.png", "html"])
def test_another_ending_is_refused(tmp_path: Path, name: str) -> None:
    seqsave.save(frames(1), tmp_path)
    sequence = seqsave.open_sequence(tmp_path)
    assert sequence.target is not None
    with pytest.raises(OptionError, match=r"a page is \.html, not"):
        save_page(sequence, sequence.target, name)


def test_a_long_sequence_without_a_movie_has_smaller_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    seqsave.save(np.random.default_rng(0).integers(0, 255, (3, 360, 640, 3), np.uint8), tmp_path)
    sequence = seqsave.open_sequence(tmp_path)
    sizes = []
    for most in (10**9, 10**5, 1):
        monkeypatch.setattr("seqsave.look.page._MOST_BYTES", most)
        found = json.loads(re.search(rb'id="pictures">([^<]+)<', make_page(sequence, max_pixels=MAX_PIXELS)[0])[1])  # type: ignore[index]
        sizes.append({Image.open(io.BytesIO(base64.b64decode(one))).width for one in found})
    assert sizes[0] == {640}
    assert sizes[2] == {160}
    assert max(sizes[2]) <= max(sizes[1]) <= max(sizes[0])
