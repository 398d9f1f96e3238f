"""The page in a real browser: comparing, looks, the probe and what a file holds, against numpy and the files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqsave
from tests.look.browsing import SMALL, Page, Pixels, numbered, opened, save
from tests.look.serving import Served, serving
from tests.support.patience import wait_until

pytestmark = pytest.mark.browser

WORKFLOW = {"nodes": [{"id": 1, "type": "KSampler", "widgets_values": ["<img src=x onerror=alert(1)>", 7]}]}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Two sequences of 1280 x 720 that have the numbers 10 to 14 in common, and one that begins at 1001."""
    root = tmp_path_factory.mktemp("pair")
    save(root / "a", range(10, 15), size=(1280, 720))
    with seqsave.open_writer(root / "b", filetype="png") as writer:
        for index in range(8, 15):
            writer.write(255 - numbered(index), index=index)
    save(root / "c", range(1001, 1006), size=(1280, 720))
    with serving(root / "a", root / "b", root / "c") as served:
        yield served


@pytest.fixture
def page(chromium: Any, pair: Served) -> Iterator[Page]:
    with opened(chromium, pair.url, "#f=12") as shown:
        yield shown


def jpeg(served: Served, path: str) -> Any:
    return served.get(path).pixels.astype(int)


def large(page: Page) -> None:
    """One pixel of the file is one of the canvas."""
    page.press("z")
    page.wait('[data-size="full"]')


def seen(page: Page, box: int = 0) -> tuple[Pixels, int, int]:
    """Return the visible part of a picture, and which of its pixels is the first."""
    pixels = page.canvas()
    x, y, width, height = page.boxes()[box]
    left, top = max(x, 0), max(y, 0)
    part = pixels[top : min(y + height, pixels.shape[0]), left : min(x + width, pixels.shape[1])]
    return part, left - x, top - y


def near(one: Any, other: Any, within: float = 2.0) -> None:
    """Two decoders of JPEG differ by a level or two."""
    apart = np.abs(one.astype(int) - other.astype(int))
    assert apart.mean() <= within / 2
    assert np.percentile(apart, 99) <= within


def test_the_difference_is_that_of_numpy(page: Page, pair: Served) -> None:
    page.press("d")
    page.wait('[data-mode="difference"]')
    assert page.page.locator("#b").input_value() == "1:0"
    large(page)
    part, left, top = seen(page)
    height, width = part.shape[:2]
    expected = np.abs(jpeg(pair, "0/f/12/full.jpg") - jpeg(pair, "1/f/12/full.jpg"))
    expected = expected[top : top + height, left : left + width]
    assert expected.std() > 20
    near(part[60:], expected[60:])
    page.page.locator("#gain").select_option("4")
    page.ready(12)
    near(seen(page)[0], np.clip(expected * 4, 0, 255), 8)


def test_a_sequence_does_not_differ_from_itself(page: Page) -> None:
    page.open("#f=12&mode=difference&with=0&wb=0&gain=64", 12)
    part, _, _ = seen(page)
    assert part.max() == 0


def test_the_wipe_shows_a_left_of_the_divider_and_b_right_of_it(page: Page, pair: Served) -> None:
    page.open("#f=12&mode=wipe&with=1&wipe=0.4", 12)
    large(page)
    part, left, top = seen(page)
    height, width = part.shape[:2]
    a, b = (jpeg(pair, f"{number}/f/12/full.jpg")[top : top + height, left : left + width] for number in (0, 1))
    divider = round(1280 * 0.4) - left
    near(part[60:, : divider - 20], a[60:, : divider - 20])
    near(part[60:, divider + 20 :], b[60:, divider + 20 :])
    page.press("Alt+ArrowRight")
    page.page.wait_for_function("() => document.getElementById('wipe').value === '0.41'")
    page.press("f")
    page.ready(12)
    x, y, width, height = page.boxes()[0]
    stage = page.page.locator("#stage").bounding_box()
    page.page.mouse.move(stage["x"] + x + width * 0.41, stage["y"] + y + height / 2)
    page.page.mouse.down()
    page.page.mouse.move(stage["x"] + x + width * 0.75, stage["y"] + y + height / 2)
    page.page.mouse.up()
    assert float(page.page.locator("#wipe").input_value()) == pytest.approx(0.75, abs=0.01)


def test_tiles_have_one_playhead(page: Page) -> None:
    page.press("t")
    page.wait('[data-mode="tile"]')
    for key, number in (("ArrowRight", 13), ("End", 14), ("Home", 10)):
        page.press(key)
        page.ready(number)
        assert page.number(0) == number
        assert ~page.number(1) == number, "all bits of B are turned over"
    page.page.locator("#shift").fill("-2")
    page.press("Enter")
    page.page.locator("#shift").blur()
    page.ready(10)
    assert ~page.number(1) == 8
    page.page.locator("#shift").fill("1")
    page.page.locator("#shift").blur()
    page.press("End")
    page.ready(14)
    assert page.number(0) == 14, "A is there where B is not"


def test_two_without_a_common_number_begin_together(page: Page) -> None:
    page.page.locator("#b").select_option("2:0")
    page.wait('[data-mode="wipe"]')
    assert page.page.locator("#shift").input_value() == "991"
    page.page.locator("#b").blur()
    page.press("t")
    page.wait('[data-mode="tile"]')
    page.ready(12)
    assert [page.number(0), page.number(1)] == [12, 1003]


def test_one_alone_is_compared_with_the_frame_before(chromium: Any, tmp_path: Path) -> None:
    save(tmp_path, range(4))
    with serving(tmp_path) as served, opened(chromium, served.url, "#f=2") as page:
        page.press("t")
        page.wait('[data-mode="tile"]')
        page.ready(2)
        assert [page.number(0), page.number(1)] == [2, 1]


def test_variations_stand_side_by_side_and_none_is_left_out(chromium: Any, tmp_path: Path) -> None:
    for batch in range(5):
        save(tmp_path, range(3), batch=batch)
    (tmp_path / "batch_0003" / "frame_00001.png").unlink()
    with serving(tmp_path) as served, opened(chromium, served.url, "#mode=variations") as page:
        assert len(page.boxes()) == 5
        assert [page.batch(box) for box in range(5)] == [0, 1, 2, 3, 4]
        page.press("ArrowRight")
        page.ready(1)
        assert [page.number(box) for box in (0, 1, 2, 4)] == [1, 1, 1, 1]
        assert page.number(3) != 1
        page.press("s", "ArrowDown", "ArrowDown")
        page.wait('[data-link="#b=2&f=1"]')
        page.ready(1)
        assert page.batch() == 2
        page.press("w")
        page.wait('[data-mode="wipe"]')
        assert page.page.locator("#b").input_value() == "0:3"
        page.ready(1)


def test_more_variations_than_a_page_holds_have_pages(chromium: Any, tmp_path: Path) -> None:
    with seqsave.open_writer(tmp_path, filetype="png") as writer:
        for batch in range(20):
            writer.write(numbered(batch, 0, SMALL), index=0, batch=batch)
    with serving(tmp_path) as served, opened(chromium, served.url, "#mode=variations") as page:
        assert page.text("#page-words") == "Variations 1–16 of 20"
        assert [page.number(box) for box in range(16)] == list(range(16))
        page.press("PageDown")
        page.has_text("#page-words", "17–20 of 20")
        page.ready(0)
        assert [page.number(box) for box in range(4)] == [16, 17, 18, 19]


@pytest.mark.parametrize(
    ("keys", "query"),
    [("]]", "ev=1"), ("[", "ev=-0.5"), ("}}", "gamma=1.2"), ("r", "ch=r"), ("u", "ch=luma"), ("]b", "ev=0.5&ch=b")],
)
def test_exposure_gamma_and_channels_are_those_of_the_server(page: Page, pair: Served, keys: str, query: str) -> None:
    large(page)
    page.press(*keys)
    page.wait(f'[data-look="{query}"][data-ready="frame:12"][data-size="full"]')
    part, left, top = seen(page)
    height, width = part.shape[:2]
    near(part, jpeg(pair, f"0/f/12/full.jpg?{query}")[top : top + height, left : left + width])
    page.press("Backspace")
    page.wait('[data-look=""][data-ready="frame:12"][data-size="full"]')
    near(seen(page)[0], jpeg(pair, "0/f/12/full.jpg")[top : top + height, left : left + width])


def test_a_slider_shows_its_effect_before_the_server_answers(page: Page) -> None:
    held = page.hold(r"/f/12/.*ev=2")
    page.page.locator("#ev").evaluate("(ev) => { ev.value = 2; ev.dispatchEvent(new Event('input')) }")
    page.page.locator("#stage.previewing").wait_for()
    amplitude = page.page.locator("#preview feFuncR").get_attribute("amplitude")
    assert amplitude == "4"
    page.wait('[data-ready="loading"]')
    held.release()
    page.wait('[data-look="ev=2"][data-ready="frame:12"]')
    page.page.locator("#stage:not(.previewing)").wait_for()


def test_the_probe_shows_the_values_of_the_file(chromium: Any, tmp_path: Path) -> None:
    picture = np.arange(180 * 320 * 3, dtype=np.uint32).reshape(180, 320, 3) * 7 % 65536
    seqsave.save([picture.astype(np.uint16)] * 2, tmp_path, filetype="png", dtype="uint16")
    with serving(tmp_path) as served, opened(chromium, served.url) as page:
        page.press("p")
        red, green, blue = picture[90, 160]
        page.has_text("#values", f"R {red}")
        assert page.text("#values").split() == f"x 160 y 90 R {red} G {green} B {blue} uint16".split()
        page.press("Alt+ArrowRight", "Alt+ArrowDown")
        red = picture[91, 161][0]
        page.has_text("#values", f"R {red}")
        x, y, width, height = page.boxes()[0]
        stage = page.page.locator("#stage").bounding_box()
        page.page.mouse.move(stage["x"] + x + width * 20.5 / 320, stage["y"] + y + height * 10.5 / 180)
        page.has_text("#values", f"R {picture[10, 20][0]}")
        page.press("p")
        page.page.locator("#values").wait_for(state="hidden")


def test_metadata_is_text_and_the_file_is_the_file(chromium: Any, tmp_path: Path) -> None:
    filetype = "png with embedded workflow"
    with seqsave.open_writer(tmp_path, filetype=filetype) as writer:
        for index in range(2):
            metadata = {"workflow": WORKFLOW, "seed": 7 + index, "note": "<b onclick=alert(1)>x</b>" * 9}
            writer.write(numbered(index, 0, SMALL), metadata=metadata)
    with serving(tmp_path) as served, opened(chromium, served.url, "#f=1") as page:
        page.page.locator('#panel[data-shown="1"]').wait_for()
        panel = page.page.locator("#panel")
        assert "frame_00001.png" in panel.inner_text()
        assert "320 × 180" in panel.inner_text()
        workflow = panel.locator("pre[aria-label=workflow]")
        assert json.loads(workflow.inner_text()) == WORKFLOW
        assert panel.locator("img, b").count() == 0
        assert "8" in panel.locator("dd").all_inner_texts()
        panel.locator("details", has_text="workflow").get_by_role("button", name="Copy").click()
        page.has_text("#note", "workflow copied")
        assert json.loads(page.page.evaluate("navigator.clipboard.readText()")) == WORKFLOW
        with page.page.expect_download() as download:
            panel.get_by_role("link", name="Download this file").click()
        assert download.value.suggested_filename == "frame_00001.png"
        assert Path(download.value.path()).read_bytes() == (tmp_path / "frame_00001.png").read_bytes()
        with page.page.expect_download() as download:
            panel.locator("details", has_text="workflow").get_by_role("button", name="Save as file").click()
        assert download.value.suggested_filename == "workflow_1.json"
        assert json.loads(Path(download.value.path()).read_text(encoding="utf-8")) == WORKFLOW
        page.press("ArrowLeft")
        page.page.locator('#panel[data-shown="0"]').wait_for()


def test_grids_load_small_pictures_only(chromium: Any, tmp_path: Path) -> None:
    save(tmp_path, range(30))
    with serving(tmp_path) as served, opened(chromium, served.url, wait=False) as page:
        asked: list[str] = []
        page.page.on("request", lambda request: asked.append(request.url))
        page.open("#mode=sheet")
        page.page.locator('[data-frame="29"][data-state="shown"]').wait_for()
        sizes = {url.partition("?")[0].rpartition("/")[2] for url in asked if "/f/" in url and "about" not in url}
        assert sizes == {"thumb.jpg"}


# Of each bar: whether all of it is seen, and where the middles of its parts are.
ROWS = """() => [".tools", ".transport"].map((name) => document.querySelector(name)).map((bar) => [
    bar.scrollWidth <= bar.clientWidth,
    [...bar.children].map((one) => one.getBoundingClientRect()).filter((box) => box.width)
        .map((box) => Math.round((box.top + box.bottom) / 2))])"""


def is_one_row(page: Page) -> bool:
    return all(is_seen and max(middles) - min(middles) <= 3 for is_seen, middles in page.page.evaluate(ROWS))


def test_the_bars_are_one_row_at_900_pixels(chromium: Any, tmp_path: Path) -> None:
    """Also with large numbers, gaps, a range, and the pace of playing."""
    for name in "ab":
        save(tmp_path / name, [*range(10001, 10060), *range(10064, 10241)])
    with serving(tmp_path / "a", tmp_path / "b") as served, opened(chromium, served.url, size=(900, 700)) as page:
        page.press("i", "End", "o", "Home")
        for key in "swdtc":
            page.press(key)
            assert is_one_row(page), key
        page.press("s", "y", " ")
        wait_until(lambda: page.text("#pace"), "the pace")
        assert is_one_row(page)


# Controls that are outside of the window, cut off by what holds them, or that cover each other or a text beside them.
COLLISIONS = """() => {
    const name = (one) => one.id || one.getAttribute("aria-label") || one.textContent.trim().slice(0, 20)
    const parts = [...document.querySelectorAll(`header, .tools, footer .transport`)].flatMap((bar) =>
        [...bar.querySelectorAll("button, input, select, output, h1, .badge, .extent, .pace, label > span")]
    )
    const shown = parts.filter((one) => one.checkVisibility({visibilityProperty: true}))
        .map((one) => [name(one), one.getBoundingClientRect(), one])
        .filter(([, box]) => box.width > 1 && box.height > 1)
    const found = shown.filter(([, box]) => box.left < 0 || box.top < 0 || box.right > innerWidth + 0.5 ||
        box.bottom > innerHeight + 0.5).map(([one]) => `${one} leaves the window`)
    for (const [one, , element] of shown) {
        const box = element.getBoundingClientRect()
        for (let around = element.parentElement; around && around !== document.body; around = around.parentElement) {
            const outer = around.getBoundingClientRect(), how = getComputedStyle(around)
            if (how.overflowX !== "visible" && (box.left < outer.left - 0.5 || box.right > outer.right + 0.5))
                found.push(`${one} is cut off`)
        }
    }
    shown.forEach(([one, a, first], place) => shown.slice(place + 1).forEach(([other, b, second]) => {
        const width = Math.min(a.right, b.right) - Math.max(a.left, b.left)
        const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)
        if (width > 1 && height > 1 && !first.contains(second) && !second.contains(first))
            found.push(`${one} and ${other} overlap`)
    }))
    return [shown.length, found, document.documentElement.scrollWidth > innerWidth] }"""


@pytest.mark.parametrize("width", [900, 1500])
def test_no_control_overlaps_another_or_leaves_the_window(chromium: Any, tmp_path: Path, width: int) -> None:
    """With all controls that there are: gaps, a range, two long names, more variations than a page holds."""
    for name in ("a_long_name_of_a_shot_of_a_film", "another_long_name_of_a_shot"):
        with seqsave.open_writer(tmp_path / name, filetype="png") as writer:
            for index in (1001, 1002, 1005, 1009):
                for batch in range(20):
                    writer.write(numbered(index, size=SMALL), index=index, batch=batch)
    with (
        serving(*sorted(tmp_path.iterdir())) as served,
        opened(chromium, served.url, "#f=1002", size=(width, 800)) as page,
    ):
        page.press("i", "o", "Enter")
        for key in "swdtvcmp":
            page.press(key)
            page.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            number, found, is_wider = page.page.evaluate(COLLISIONS)
            assert number > 30
            assert (key, found, is_wider) == (key, [], False)
