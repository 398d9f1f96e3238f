"""The page in a real browser: gaps, broken frames, and sequences that change while they are looked at."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqsave
from seqsave.look import viewer
from tests.look.browsing import SMALL, numbered, opened, save
from tests.look.serving import serving
from tests.support.patience import PATIENCE, wait_until
from tests.support.s3 import S3Server

pytestmark = pytest.mark.browser


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """Frames 0 to 19; 5 to 7 are missing, 12 is truncated, 15 is empty."""
    save(tmp_path, range(20))
    for index in (5, 6, 7):
        (tmp_path / f"frame_{index:05}.png").unlink()
    path = tmp_path / "frame_00012.png"
    path.write_bytes(path.read_bytes()[:400])
    (tmp_path / "frame_00015.png").write_bytes(b"")
    return tmp_path


def test_gaps_and_broken_frames_are_hatched_and_worded_over_the_frame_before(chromium: Any, damaged: Path) -> None:
    with serving(damaged) as served, opened(chromium, served.url, "#f=4") as page:
        page.ready(4)
        page.has_text("#problems", "3 gaps, 2 broken")
        x, y, width, height = page.boxes()[0]
        before = page.canvas()[y : y + height, x : x + width].astype(float)
        page.press("ArrowRight")
        page.ready(5)
        assert page.words().startswith("Frame 5 is missing")
        now = page.canvas()[y : y + height, x : x + width].astype(float)
        dimmed = before * 0.3 + np.array([0x14, 0x16, 0x18]) * 0.7
        near = (np.abs(now - dimmed) <= 4).all(axis=-1)
        assert 0.5 < near.mean() < 0.95, "dimmed, but for hatching and words"
        hatched = ((now - dimmed)[..., 0] > 20) & ~near
        assert hatched.mean() > 0.03
        for number in (6, 7, 12, 15):
            page.press("n")
            page.ready(number)
        page.press("n")
        page.has_text("#note", "No gap or broken frame after this one")
        assert page.words().startswith("Frame 15 is broken. frame_00015.png")
        page.press("Shift+N")
        page.ready(12)
        assert page.words().startswith("Frame 12 is broken. ")
        assert "truncated" in page.words()
        for _ in range(3):
            page.press("Shift+N")
        page.ready(5)
        page.page.locator('#panel[data-shown="5"]').wait_for()
        assert "No file has this number." in page.text("#panel")


def test_the_timeline_shows_each_state_where_it_is(chromium: Any, damaged: Path) -> None:
    with serving(damaged) as served, opened(chromium, served.url, "#f=12") as page:
        page.ready(12)
        row = page.canvas("#timeline canvas")[24:36].astype(int)
        cell = (row.shape[1] - 20) / 20
        red = row[..., 0] - row[..., 1] > 60
        share = [red[:, int(10 + cell * at) + 2 : int(10 + cell * (at + 1)) - 2].mean() for at in range(20)]
        assert all((part > 0.2) == (at in (5, 6, 7, 15)) for at, part in enumerate(share) if at != 12), share


def test_playing_goes_on_over_gaps_and_broken_frames(chromium: Any, damaged: Path) -> None:
    with serving(damaged) as served, opened(chromium, served.url) as page:
        page.press("q")
        page.record()
        page.press(" ")
        page.ready(19)
        assert page.recorded() == list(range(1, 20))
        assert page.number() == 19


def test_a_sequence_opens_at_a_gap_by_a_link(chromium: Any, damaged: Path) -> None:
    with serving(damaged) as served, opened(chromium, served.url, "#f=6&mode=sheet") as page:
        cell = page.page.locator('[data-frame="6"]')
        assert cell.get_attribute("aria-label") == "Frame 6, missing"
        page.page.locator('[data-frame="15"][data-state="broken"]').wait_for()
        page.press("Enter")
        page.wait('[data-mode="single"]')
        assert page.words().startswith("Frame 6 is missing")


def test_a_deleted_frame_is_missing_and_a_replaced_one_is_shown(chromium: Any, tmp_path: Path) -> None:
    save(tmp_path, range(4), manifest=False)
    with serving(tmp_path) as served, opened(chromium, served.url) as page:
        assert page.number() == 0
        path = tmp_path / "frame_00000.png"
        save(tmp_path / "other", [77], manifest=False)
        path.write_bytes((tmp_path / "other" / "frame_00077.png").read_bytes())
        wait_until(lambda: page.number() == 77, "the replaced frame")
        (tmp_path / "frame_00002.png").unlink()
        page.has_text("#problems", "1 gap")
        page.go(2)
        assert page.words().startswith("Frame 2 is missing")


def test_events_that_a_page_missed_are_no_old_pictures(
    chromium: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that is too far behind gets no events of single frames: it loads all of the sequence again."""
    monkeypatch.setattr(viewer, "MOST_EVENTS", 1)
    save(tmp_path, range(4), manifest=False)
    save(tmp_path / "other", range(70, 74), manifest=False)
    with serving(tmp_path) as served, opened(chromium, served.url) as page:
        page.go(3)
        assert page.number() == 3
        for index in range(4):
            new = (tmp_path / "other" / f"frame_{70 + index:05}.png").read_bytes()
            (tmp_path / f"frame_{index:05}.png").write_bytes(new)
        wait_until(lambda: page.number() == 73, "the last replaced frame")
        page.go(1)
        assert page.number() == 71


def test_what_changes_before_a_page_listens_is_shown(chromium: Any, tmp_path: Path) -> None:
    """A look at the storage for another page found it, so that no later look does."""
    save(tmp_path, range(4), manifest=False)
    save(tmp_path / "other", [77], manifest=False)
    with serving(tmp_path) as served, opened(chromium, "about:blank", wait=False) as page:
        held = page.hold(r"/events$")
        page.url = served.url
        page.open()
        assert page.number() == 0
        (tmp_path / "frame_00000.png").write_bytes((tmp_path / "other" / "frame_00077.png").read_bytes())
        asyncio.run_coroutine_threadsafe(served.viewer.look_again(), served.loop).result(PATIENCE)
        held.release()
        wait_until(lambda: page.number() == 77, "the replaced frame")


def test_a_render_is_followed_up_to_what_is_expected(chromium: Any, tmp_path: Path) -> None:
    writer = seqsave.open_writer(tmp_path, filetype="png", total=8)
    for index in range(3):
        writer.write(numbered(index, 0, SMALL)).result()
    with serving(tmp_path) as served, opened(chromium, served.url) as page:
        page.has_text("#extent", "of 0–7, 5 not yet")
        assert page.text("#growing") == "growing"
        assert not page.page.locator("#problems").is_visible(), "what is not yet rendered is no gap"
        page.press("End")
        page.ready(7)
        assert page.words() == "Frame 7: not yet. The sequence is still growing."
        page.press("Shift+End")
        page.ready(2)
        page.page.locator("#follow").click()
        for index in (3, 4):
            writer.write(numbered(index, 0, SMALL)).result()
        page.ready(4)
        assert page.number() == 4
        for index in (5, 6, 7):
            writer.write(numbered(index, 0, SMALL))
        writer.close()
        page.ready(7)
        assert page.number() == 7
        page.has_text("#extent", "of 0–7")
        page.page.locator("#growing").wait_for(state="hidden")


@pytest.mark.filterwarnings("ignore::seqsave.SeqSaveWarning")
def test_an_interrupted_render_has_gaps_up_to_what_is_expected(chromium: Any, tmp_path: Path) -> None:
    save(tmp_path, range(3), total=6)
    with serving(tmp_path) as served, opened(chromium, served.url) as page:
        page.has_text("#problems", "3 gaps")
        page.press("End")
        page.ready(5)
        assert page.words().startswith("Frame 5 is missing")


def test_frames_that_come_to_a_bucket_are_followed(chromium: Any, s3_server: S3Server) -> None:
    url, options = s3_server.new_prefix(), s3_server.storage_options
    save(url, range(3), storage_options=options, manifest=False)
    with serving(url, storage_options=options) as served, opened(chromium, served.url, "#f=2") as page:
        page.ready(2)
        save(url, range(3, 6), storage_options=options, manifest=False)
        page.has_text("#extent", "of 0–5")
        page.press("End")
        page.ready(5)
        assert page.number() == 5


def test_a_lost_server_is_reported_and_the_page_goes_on_with_the_next(chromium: Any, tmp_path: Path) -> None:
    save(tmp_path, range(40))
    with serving(tmp_path) as served, opened(chromium, served.url) as page:
        page.wait('[data-held="29"]')
        page.page.context.set_offline(True)
        page.press("3", "0", "Enter")
        page.has_text("#lost", "The server does not answer")
        page.page.context.set_offline(False)
        page.ready(30)
        assert page.number() == 30
        page.page.locator("#lost").wait_for(state="hidden")
        page.failures.clear()
