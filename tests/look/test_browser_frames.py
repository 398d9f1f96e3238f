"""The page in a real browser: the canvas shows the frame that was meant, whatever key, link or state leads to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.look.browsing import SMALL, Page, opened, save
from tests.look.serving import Served, serving
from tests.support.patience import PATIENCE, wait_until
from tests.support.proxy import Proxy
from tests.support.s3 import S3Server

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Frames 1001 to 1040."""
    folder = tmp_path_factory.mktemp("shot")
    save(folder, range(1001, 1041), rate=25)
    with serving(folder) as served:
        yield served


@pytest.fixture
def page(chromium: Any, shot: Served) -> Iterator[Page]:
    with opened(chromium, shot.url) as shown:
        yield shown


def test_it_opens_at_the_first_frame_and_steps_through_real_numbers(page: Page) -> None:
    page.ready(1001)
    assert page.number() == 1001
    for keys, number in (
        (["ArrowRight"], 1002),
        (["ArrowRight", "."], 1004),
        ([","], 1003),
        (["ArrowLeft"], 1002),
        (["Shift+ArrowRight"], 1012),
        (["Shift+ArrowLeft", "ArrowLeft"], 1001),
        (["End"], 1040),
        (["ArrowRight"], 1040),
        (["Home"], 1001),
        (["ArrowLeft"], 1001),
    ):
        page.press(*keys)
        page.ready(number)
        assert page.number() == number, keys
        assert page.words() == f"Frame {number}"


def test_a_number_is_typed_anywhere_and_the_nearest_frame_answers(page: Page) -> None:
    page.go(1023)
    assert page.number() == 1023
    page.press(*"1500", "Enter")
    page.ready(1040)
    page.has_text("#note", "1500 is outside this sequence: the nearest is 1040")
    page.page.locator("#frame").fill("12x")
    page.press("Enter")
    assert page.page.locator("#frame").get_attribute("aria-invalid") == "true"
    page.has_text("#note", "'12x' is not the number of a frame")
    page.press("Escape")
    assert page.page.locator("#frame").input_value() == "1040"
    assert page.number() == 1040


def test_every_frame_is_shown_while_it_plays_and_a_range_is_a_loop(page: Page) -> None:
    page.record()
    page.press("l")
    page.wait('[data-playing="playing"]')
    page.passed(1040, 1001)
    page.press("k")
    page.wait('[data-playing="paused"]')
    shown = page.recorded()
    assert all(later == (one + 1 if one < 1040 else 1001) for one, later in pairwise(shown)), shown
    assert page.number() == int(page.stated("ready").partition(":")[2])
    assert page.stated("dropped") == "0"

    page.go(1010)
    page.press("i")
    page.go(1013)
    page.press("o", "Home")
    page.ready(1010)
    page.record()
    page.press(" ")
    page.passed(1010, 1013, 1010, 1013)
    page.press(" ")
    assert set(page.recorded()) <= {1010, 1011, 1012, 1013}
    page.press("End")
    page.ready(1013)
    page.press("x", "End")
    page.ready(1040)


def test_j_plays_backward_and_again_is_faster(page: Page) -> None:
    page.press("End")
    page.ready(1040)
    page.press("q")  # no loop
    page.record()
    page.press("j", "j", "j")
    page.has_text("#pace", "× 4")
    page.ready(1001)
    page.wait('[data-playing="paused"]')
    shown = page.recorded()
    assert shown == sorted(shown, reverse=True)
    assert shown[-1] == 1001


def test_played_backward_what_is_before_is_loaded_first(page: Page) -> None:
    """Also where the page has loaded nothing before the frame that it begins at."""
    held, asked = page.hold(r"/f/(?!1020/)\d+/half\.jpg"), list[int]()
    page.page.on("request", lambda one: asked.extend(map(int, re.findall(r"/f/(\d+)/half", one.url))))
    page.open("#f=1020", number=1020)
    page.record()
    page.press("j")
    page.wait('[data-playing="playing"]')
    before = len(asked)
    held.release()
    page.passed(1019, 1005)
    page.press("k")
    assert asked[before : before + 15] == list(range(1019, 1004, -1))


def test_every_frame_waits_for_one_that_is_late(page: Page) -> None:
    held = page.hold(r"/f/1006/half\.jpg")
    page.open(number=1001)
    page.record()
    page.press("l")
    page.ready(1005)
    page.has_text("#pace", "waiting")
    assert page.number() == 1005
    assert page.stated("dropped") == "0"
    held.release()
    page.passed(1020)
    page.press("k")
    assert page.recorded()[:12] == list(range(1002, 1014))


def test_real_time_goes_on_and_counts_what_was_dropped(page: Page) -> None:
    held = page.hold(r"/f/10[1-4]\d/half\.jpg")
    page.open(number=1001)
    page.page.locator("#timing").select_option("real")
    page.page.locator("#timing").blur()
    page.record()
    page.press("l")
    page.page.wait_for_function("() => Number(document.documentElement.dataset.dropped) >= 5")
    assert max(page.recorded()) < 1010
    held.release()
    page.press("k")
    page.ready()
    assert page.number() == int(page.stated("ready").partition(":")[2])
    page.has_text("#pace", "dropped")


def test_frames_are_read_ahead_and_the_timeline_shows_them(page: Page) -> None:
    page.wait('[data-held="29"]')  # this one, 24 that come, and in a loop the last 4
    green = (page.canvas("#timeline canvas")[42] == (0x5F, 0xAE, 0x8B)).all(axis=-1)
    width = green.size - 20
    assert green.sum() == pytest.approx(width * 29 / 40, abs=6)


@pytest.fixture
def bare(page: Page) -> Page:
    """A document at the page's address without the page's own requests, for the parts of its code."""
    page.page.goto(f"{page.url}sequences.json")
    return page


@pytest.mark.parametrize("is_full", [True, False], ids=["room for few files", "room for all files"])
def test_the_cache_is_bounded_in_files_and_in_pictures(bare: Page, shot: Served, is_full: bool) -> None:
    numbers = range(1001, 1041)
    sizes = [len(shot.get(f"0/f/{number}/half.jpg").body) for number in numbers]
    files, picture = sum(sizes) // 5 if is_full else 2 * sum(sizes), SMALL[0] * SMALL[1] * 4
    held = bare.module(
        """
        const {Frames} = await import(at("frames.js"))
        const [numbers, files, pictures] = values
        const most = {files: 0, pictures: 0}
        const note = () => { for (const kind in most) most[kind] = Math.max(most[kind], frames.bytes[kind]) }
        const frames = new Frames({loaded: note, arrived: note, files, pictures})
        const firsts = []
        for (const first of [0, 10, 20, 30]) {
            const wanted = numbers.slice(first, first + 20)
            frames.want(wanted.map((number) => ({
                key: String(number), url: `0/f/${number}/half.jpg`, decode: true, tag: {number},
                now: number === wanted[0],
            })), {abort: true})
            while (frames.busy) await new Promise((done) => setTimeout(done))
            firsts.push(Boolean(frames.get(String(wanted[0]))?.picture))
        }
        return {most, firsts, kept: [...frames.held()].map(({tag}) => tag.number)}
        """,
        list(numbers),
        files,
        5 * picture,
    )
    assert held["firsts"] == [True] * 4
    assert 1031 in held["kept"]
    assert held["most"]["pictures"] == 5 * picture
    # A file has the size of those before it, as far as the page knows before it comes; four are on their way at once.
    least = files / 2 if is_full else sum(sizes) - 1
    assert least < held["most"]["files"] <= files + 4 * (max(sizes) - min(sizes))


def test_pictures_that_nothing_shows_any_more_hold_nothing_up(bare: Page) -> None:
    bare.module(
        """
        const {Frames} = await import(at("frames.js"))
        const decode = window.createImageBitmap
        const held = []
        window.createImageBitmap = (file) => new Promise((done) => { held.push(() => decode(file).then(done)) })
        const until = async (condition) => { while (!condition()) await new Promise((done) => setTimeout(done)) }
        const frames = new Frames({loaded: () => {}, arrived: () => {}})
        const want = (...numbers) => frames.want(numbers.map((number) => ({
            key: String(number), url: `0/f/${number}/half.jpg`, decode: true, tag: {number},
        })), {abort: true})
        want(1001, 1002, 1003)
        await until(() => held.length === 3)
        window.createImageBitmap = decode
        frames.forget(() => true)  // as when they were replaced
        want(1001, 1004)
        await until(() => frames.holds("1001") && frames.holds("1004"))
        held.forEach((release) => release())
        await until(() => !frames.busy)
        window.found = ["1001", "1004"].map((key) => Boolean(frames.get(key)))
        """
    )
    assert bare.page.evaluate("window.found") == [True, True]


def test_a_picture_that_the_browser_cannot_decode_is_tried_once(bare: Page) -> None:
    tries, problem = bare.module(
        """
        const {Frames} = await import(at("frames.js"))
        const decode = window.createImageBitmap
        let tries = 0
        window.createImageBitmap = async () => { tries += 1; throw new Error("damaged") }
        const frames = new Frames({loaded: () => {}, arrived: () => {}})
        const request = {key: "1001", url: "0/f/1001/half.jpg", decode: true, tag: {}}
        frames.want([request], {abort: true})
        while (!frames.get("1001")) await new Promise((done) => setTimeout(done))
        frames.want([request], {abort: true})
        await new Promise((done) => setTimeout(done))
        window.createImageBitmap = decode
        return [tries, frames.get("1001").problem.reason]
        """
    )
    assert (tries, problem) == (1, "broken")


def test_a_link_leads_to_frame_range_and_look(page: Page, shot: Served, chromium: Any) -> None:
    page.go(1012)
    page.press("i")
    page.go(1015)
    page.press("o", "]", "g")
    page.wait('[data-link="#f=1015&in=1012&out=1015&ev=0.5&ch=g"]')
    page.press("Shift+L")
    page.has_text("#note", "Link copied")
    link = page.page.evaluate("navigator.clipboard.readText()")
    assert link == shot.url + "#f=1015&in=1012&out=1015&ev=0.5&ch=g"
    with opened(chromium, link) as other:
        assert other.number() == 1015
        assert other.page.locator("#channels").input_value() == "g"
        assert other.text("#ev-value") == "+0.5"
        other.press("Home")
        other.ready(1012)
        # A link that was followed on the open page.
        other.page.goto(shot.url + "#f=1003")
        other.ready(1003)
        assert other.page.locator("#channels").input_value() == "rgb"


@pytest.mark.parametrize(
    ("fragment", "text"),
    [
        ("#f=ten&mode=dance&ev=1e9", "This link has values that mean nothing here: f=ten, mode=dance, ev=1e9"),
        ("#f=", "This link has values that mean nothing here: f="),
        ("#s=-1&with=7&mode=wipe", "This link has values that mean nothing here: s=-1"),
        ("#f=-4", "Frame -4 is outside this sequence: the nearest is 1001"),
        ("#%", ""),
    ],
)
def test_a_link_that_makes_no_sense_opens_the_first_frame_and_says_why(page: Page, fragment: str, text: str) -> None:
    page.open(fragment, 1001)
    assert page.page.locator("#channels").input_value() == "rgb"
    page.has_text("#note", text)


def test_a_rate_that_cannot_be_is_named(page: Page) -> None:
    page.page.locator("#rate").fill("0")
    page.press("Enter")
    page.has_text("#note", "Type 0.1 to 240 frames per second")
    assert page.page.locator("#rate").input_value() == "25"


def test_nothing_is_cut_off_in_a_narrow_window(page: Page) -> None:
    page.page.set_viewport_size({"width": 360, "height": 740})
    assert page.page.evaluate("document.documentElement.scrollWidth") == 360


def test_without_javascript_it_says_what_does_without(chromium: Any, shot: Served) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(shot.url)
    words = page.locator(".unscripted")
    words.wait_for()
    assert "This page needs JavaScript" in words.inner_text()
    context.close()


def test_the_timeline_is_a_slider_for_the_mouse_and_closer_on_request(page: Page) -> None:
    box = page.page.locator("#timeline").bounding_box()
    x = box["x"] + 10 + (box["width"] - 20) * 20.5 / 40
    page.page.mouse.click(x, box["y"] + 25)
    page.ready(1021)
    assert page.number() == 1021
    slider = page.page.locator("#timeline")
    assert [slider.get_attribute(f"aria-value{end}") for end in ("min", "max", "now")] == ["1001", "1040", "1021"]
    page.page.keyboard.press(">")
    page.page.mouse.click(box["x"] + 11, box["y"] + 25)
    page.page.wait_for_selector("#timeline:not([aria-valuenow='1021'])")
    page.ready()
    assert 1001 < page.number() < 1021, "half of the frames are on the timeline now"


def test_numbers_may_be_negative_and_have_steps(chromium: Any, tmp_path: Path) -> None:
    save(tmp_path, range(-6, 8, 2), start=-6, step=2)
    with serving(tmp_path) as served, opened(chromium, served.url) as page:
        assert page.number() == -6
        page.press("ArrowRight")
        page.ready(-4)
        page.go(-2)
        assert page.number() == -2
        page.press("End")
        page.ready(6)
        assert page.text("#extent") == "of -6–6"
        assert not page.page.locator("#problems").is_visible()


def test_a_bucket_behind_a_network_plays_every_frame(chromium: Any, s3_server: S3Server, proxy: Proxy) -> None:
    url = s3_server.new_prefix()
    save(url, range(40), storage_options=s3_server.storage_options)
    options = {**s3_server.storage_options, "endpoint_url": proxy.endpoint_url}
    proxy.latency = 0.08
    with serving(url, storage_options=options) as served, opened(chromium, served.url) as page:
        page.press("q")
        page.record()
        page.press(" ")
        page.ready(39)
        page.wait('[data-playing="paused"]')
        assert page.recorded() == list(range(1, 40))
        assert page.stated("dropped") == "0"
        assert page.number() == 39
        # A request that is not wanted any more does not stand in the way of the one that is.
        for number in (5, 30, 12):
            page.press(*str(number), "Enter")
        page.ready(12)
        assert page.number() == 12


def test_stored_proxies_play_without_the_frames(chromium: Any, s3_server: S3Server, proxy: Proxy) -> None:
    url = s3_server.new_prefix()
    save(url, range(80), proxies=True, color="display-p3", storage_options=s3_server.storage_options)
    options = {**s3_server.storage_options, "endpoint_url": proxy.endpoint_url}
    with serving(url, storage_options=options) as served, opened(chromium, served.url, size=(900, 700)) as page:
        page.press("q")
        page.record()
        page.press(" ")
        page.ready(79)
        page.wait('[data-playing="paused"]')
        assert page.recorded() == list(range(1, 80))
        assert page.number() == 79
        wait_until(lambda: served.sequences()[0]["space"] == "display-p3", "what the first frame states")
        read = [one.path.rpartition("/")[2] for one in list(proxy.requests) if one.path.endswith((".png", ".pack"))]
        assert [name for name in read if name.endswith(".png")] == ["frame_00000.png"]
        assert read[0].endswith(".pack"), "no frame is waited for"
        assert len(read) < 12, "many pictures come with one request"


def test_every_frame_of_a_hundred_thousand_is_in_reach(chromium: Any, tmp_path: Path) -> None:
    save(tmp_path, [0, 50_000], digits=6, size=(160, 90), manifest=False)
    others = (3, 54_321, 99_999)
    for index in range(1, 100_000):
        if index not in (*others, 50_000, 70_000, 70_001):
            first = tmp_path / f"frame_{index // 50_000 * 50_000:06}.png"  # a file may have 65,000 names
            (tmp_path / f"frame_{index:06}.png").hardlink_to(first)
    save(tmp_path, others, digits=6, size=(160, 90), manifest=False)
    with serving(tmp_path) as served, opened(chromium, served.url) as page:
        assert page.text("#extent") == "of 0–99999"
        assert page.text("#problems") == "2 gaps"
        red = (page.canvas("#timeline canvas")[29] == (0xD0, 0x56, 0x4F)).all(axis=-1)
        assert red.sum() >= 2, "as narrow as a gap is, it is seen"
        for number in others:
            page.go(number)
            assert page.number() == number
        page.press("Home", "n")
        page.ready(70_000)
        assert page.words().startswith("Frame 70000 is missing")
        page.go(54_321)
        page.press("c")
        cell = page.page.locator('[data-frame="54321"]')
        cell.wait_for()
        assert cell.get_attribute("aria-current") == "true"
        assert page.page.locator(".cell").count() < 200, "only cells near the visible part are in the document"
        page.press("Home")
        page.page.locator('[data-frame="3"]').wait_for()
        page.press("End")
        page.page.locator('[data-frame="99999"][data-state="shown"]').click()
        page.wait('[data-mode="single"]')
        page.ready(99_999)
        assert page.number() == 99_999
