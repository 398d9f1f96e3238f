"""What a page learns while it is open: growth, replaced and deleted frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqsave
from seqsave.look import viewer
from tests.look.serving import serving
from tests.support.patience import wait_until
from tests.support.places import Place


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewer, "SOONEST", 0.05)
    monkeypatch.setattr(viewer, "LATEST", 0.2)


def frame(shade: float) -> Any:
    return np.full((20, 40, 3), shade, np.float32)


def put(place: Place, path: str, data: bytes) -> None:
    """Replace a file in one step. A page may see a file that is written in place twice: cut off, and whole."""
    if place.kind == "local":
        new = Path(place.url, ".new")
        new.write_bytes(data)
        new.replace(Path(place.url, path))
    else:
        place.write(path, data)


def test_a_sequence_that_grows(place: Place) -> None:
    options = {"storage_options": place.storage_options}
    writer = seqsave.open_writer(place.url, filetype="png", total=4, **options)
    writer.write(frame(0.1)).result()
    with serving(place.url, **options) as served:
        (one,) = served.sequences()
        assert one["runs"] == [[[0, 0, 1]]]
        assert (one["first"], one["last"], one["finished"]) == (0, 3, False)
        with served.events() as events:
            for shade in (0.2, 0.3, 0.4):
                writer.write(frame(shade)).result()
            writer.close()
            wait_until(lambda: served.sequences()[0]["finished"], "the end")
            wait_until(lambda: events.named("sequences"), "the event")
            assert served.sequences()[0]["runs"] == [[[0, 3, 1]]]
            wait_until(
                lambda: events.named("sequences")[-1]["version"] == served.sequences()[0]["version"], "the last event"
            )


def test_a_replaced_frame_of_equal_size(place: Place, tmp_path: Path) -> None:
    seqsave.save([frame(0.9)], tmp_path / "new", filetype="png")
    new = (tmp_path / "new" / "frame_00000.png").read_bytes()
    options = {"storage_options": place.storage_options}
    seqsave.save([frame(0.1), frame(0.2)], place.url, filetype="png", manifest=False, **options)
    with serving(place.url, **options) as served:
        before = served.get("0/f/1/full.jpg")
        with served.events() as events:
            assert len(new) == len(place.read("frame_00001.png"))
            put(place, "frame_00001.png", new)
            wait_until(lambda: events.named("frame"), "the event")
            # A look may also have come while the file was being written.
            for event in events.named("frame"):
                assert {name: event[name] for name in ("id", "batch", "index")} == {"id": 0, "batch": 0, "index": 1}
            after = served.get("0/f/1/full.jpg")
            assert abs(int(after.pixels[0, 0, 0]) - 229) < 4
            assert after.headers["etag"] != before.headers["etag"]
            assert served.sequences()[0]["stamp"] != "0"


def test_a_frame_that_is_written_in_place(tmp_path: Path) -> None:
    seqsave.save([frame(0.1), frame(0.9)], tmp_path, filetype="png", manifest=False)
    first, second = (tmp_path / f"frame_0000{index}.png" for index in range(2))
    with serving(tmp_path) as served, served.events() as events:
        second.write_bytes(b"")  # as a program begins that writes in place
        wait_until(lambda: events.named("frame"), "the event")
        assert served.sequences()[0]["broken"] == [{"1": "frame_00001.png has no bytes"}]
        second.write_bytes(first.read_bytes())
        wait_until(lambda: len(events.named("frame")) == 2, "the second event")
        assert served.sequences()[0]["broken"] == [{}]
        assert abs(int(served.get("0/f/1/full.jpg").pixels[0, 0, 0]) - 25) < 4


def test_deleted_frames_and_a_deleted_sequence(tmp_path: Path) -> None:
    seqsave.save([frame(0.1)] * 4, tmp_path, filetype="png", manifest=False)
    with serving(tmp_path) as served, served.events() as events:
        (tmp_path / "frame_00002.png").unlink()
        wait_until(lambda: served.sequences()[0]["missing"] == [[[2, 2, 1]]], "the gap")
        for path in tmp_path.glob("*.png"):
            path.unlink()
        wait_until(lambda: served.sequences()[0]["runs"] == [[]], "the end")
        assert events.named("sequences")
        assert served.get("0/f/1/half.jpg").status == 404


def test_the_format_is_known_once_a_frame_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "frame_00000.png").write_bytes(b"")
    with serving(tmp_path) as served, served.events():
        assert served.sequences()[0]["width"] is None
        seqsave.save([frame(0.1)], tmp_path, filetype="png", manifest=False)
        wait_until(lambda: served.sequences()[0]["width"] == 40, "the width")


def test_two_places_of_one_sequence(tmp_path: Path) -> None:
    seqsave.save([frame(0.1)], tmp_path, filetype="png", manifest=False)
    with serving(tmp_path, str(tmp_path / "frame_#####.png")) as served, served.events():
        assert len(served.sequences()) == 1
        seqsave.save([frame(0.1)], tmp_path, filetype="png", manifest=False, start=1)
        wait_until(lambda: served.sequences()[0]["runs"] == [[[0, 1, 1]]], "the new frame")


def test_a_new_sequence_gets_the_next_number(tmp_path: Path) -> None:
    seqsave.save([frame(0.1)], tmp_path, prefix="b", filetype="png", manifest=False)
    with serving(tmp_path) as served, served.events():
        seqsave.save([frame(0.1)], tmp_path, prefix="a", filetype="png", manifest=False)
        wait_until(lambda: len(served.sequences()) == 2, "the other one")
        assert [one["name"] for one in served.sequences()] == ["b_#####.png", "a_#####.png"]


def test_nothing_is_looked_at_while_no_page_is_open(tmp_path: Path) -> None:
    seqsave.save([frame(0.1)], tmp_path, filetype="png", manifest=False)
    with serving(tmp_path) as served:
        with served.events():
            wait_until(lambda: served.viewer._following is not None, "following")
        wait_until(lambda: served.viewer._following is None, "the end of following")


def test_a_broken_frame_is_an_event(tmp_path: Path) -> None:
    seqsave.save([frame(0.1)] * 3, tmp_path, filetype="png")
    path = tmp_path / "frame_00001.png"
    path.write_bytes(path.read_bytes()[:60])
    with serving(tmp_path) as served, served.events() as events:
        before = served.sequences()[0]["version"]
        assert served.get("0/f/1/thumb.jpg").status == 422
        wait_until(
            lambda: events.named("sequences") and events.named("sequences")[-1]["version"] != before, "the event"
        )


def test_events_end_with_the_server(tmp_path: Path) -> None:
    seqsave.save([frame(0.1)], tmp_path, filetype="png")
    with serving(tmp_path) as served, served.events() as events:
        served.loop.call_soon_threadsafe(served.viewer.close)
        wait_until(lambda: events.has_ended, "the end")
