"""The page in a real browser: readable by a screen reader, usable by keys alone, at two widths."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.look.browsing import Page, opened, save
from tests.look.serving import Served, serving
from tests.support.needs import needs_package

pytestmark = pytest.mark.browser

WIDTHS = [(1500, 900), (900, 650)]
VIEWS = {
    "single": ("#f=3", []),
    "gap": ("#f=5", []),
    "broken": ("#f=7", []),
    "wipe": ("#f=3&mode=wipe", []),
    "difference": ("#f=3&mode=difference", []),
    "tile": ("#f=3&mode=tile", []),
    "variations": ("#f=3&mode=variations", []),
    "sheet": ("#f=3&mode=sheet", []),
    "range": ("#f=3&in=2&out=6&ev=1&ch=r", []),
    "probe": ("#f=3", ["p"]),
    "keys": ("#f=3", ["?"]),
    "info": ("#f=3", ["m"]),
    "message": ("#f=3", ["Shift+L"]),
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("views")
    for batch in (0, 1):
        workflow = {"workflow": {"nodes": list(range(400))}}
        save(folder, range(10), batch=batch, filetype="png with embedded workflow", metadata=workflow)
    (folder / "batch_0000" / "frame_00005.png").unlink()
    path = folder / "batch_0000" / "frame_00007.png"
    path.write_bytes(path.read_bytes()[:300])
    with serving(folder) as running:
        yield running


@pytest.mark.parametrize("size", WIDTHS, ids=lambda size: str(size[0]))
@pytest.mark.parametrize("view", VIEWS)
def test_no_view_has_a_violation(chromium: Any, served: Served, view: str, size: tuple[int, int]) -> None:
    axe = needs_package("axe_playwright_python.sync_playwright", "pip install axe-playwright-python")
    fragment, keys = VIEWS[view]
    with opened(chromium, served.url, fragment, size) as page:
        page.press(*keys)
        if page.page.locator("#panel").is_visible():
            page.page.locator("#panel[data-shown]").wait_for()
        found = axe.Axe().run(page.page)
        broken = [(one["id"], [node["html"] for node in one["nodes"]]) for one in found.response["violations"]]
        assert broken == []
        wide = page.page.evaluate(
            "[document.documentElement.scrollWidth, innerWidth, document.body.scrollHeight, innerHeight]"
        )
        assert wide[0] <= wide[1], "nothing reaches beyond the right edge"
        assert wide[2] <= wide[3]
        for control in page.page.locator(":is(header, .tools, .transport) :is(button, select, input)").all():
            if control.is_visible():
                box = control.bounding_box()
                assert box["x"] >= 0
                assert box["x"] + box["width"] <= size[0] + 0.5, control.evaluate("(one) => one.id")


@pytest.fixture
def page(chromium: Any, served: Served) -> Iterator[Page]:
    with opened(chromium, served.url) as shown:
        yield shown


def test_every_key_of_the_help_does_something(page: Page) -> None:
    lists = page.module(
        """const {KEYS} = await import(at("keys.js"))
        return Object.values(KEYS).flat().map(([names, shown, words, action]) => [names, shown, words, action])"""
    )
    page.press("?")
    dialog = page.page.get_by_role("dialog", name="Keys")
    dialog.wait_for()
    shown = dialog.inner_text()
    for names, key, words, action in lists:
        assert names
        assert action
        if words:
            assert key in shown
            assert words.lower() in shown.lower()
    page.press("Escape")
    dialog.wait_for(state="hidden")


def test_a_control_that_has_the_focus_keeps_its_keys(page: Page) -> None:
    page.page.locator("#loop").focus()
    page.press(" ")
    assert page.page.locator("#loop").get_attribute("aria-pressed") == "false"
    assert page.stated("playing") == "paused"
    page.page.locator("#gamma").focus()
    page.press("ArrowRight")
    page.has_text("#gamma-value", "1.05")
    page.ready(0)
    page.page.locator("#timeline").focus()
    page.press("ArrowRight")
    page.ready(1)
    page.page.locator("#frame").fill("4")
    page.press("c", "d")
    assert page.stated("mode") == "single"
    page.press("Escape", "w")
    page.wait('[data-mode="wipe"]')


def test_after_a_click_keys_belong_to_the_picture(page: Page) -> None:
    loop = page.page.get_by_role("button", name="Loop")
    loop.click()
    loop.click()  # in a loop again, or it could have played to the end before anything looks
    page.press("ArrowRight", " ")
    page.wait('[data-playing="playing"]')
    page.press(" ")
    page.wait('[data-playing="paused"]')


def test_tab_reaches_every_control_and_leaves_the_page(page: Page) -> None:
    page.page.evaluate("document.activeElement.blur()")
    reached = set()
    for _ in range(60):
        page.press("Tab")
        name = page.page.evaluate("(({id, dataset, tagName}) => id || dataset.mode || tagName)(document.activeElement)")
        if name == "BODY":
            break
        reached.add(name)
    above = {"a", "b", "copy", "info", "keys", "single", "wipe", "variations", "sheet"}
    looks = {"ev", "gamma", "channels", "probe", "stage", "panel"}
    below = {"timeline", "first", "play", "frame", "problems", "in", "out", "loop", "timing", "rate"}
    assert above | looks | below <= reached


def test_what_is_shown_is_spoken(page: Page) -> None:
    page.press("n")
    page.has_text("#spoken", "Frame 5 is missing. No file has this number.")
    assert page.page.locator("#stage").get_attribute("aria-label").startswith("Frame 5 is missing")
