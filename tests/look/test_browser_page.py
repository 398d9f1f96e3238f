"""The page of ``seqsave page`` in a browser: the frame that a link names, gaps, keys, and nothing from elsewhere."""

from __future__ import annotations

import base64
import io
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import seqsave
from seqsave.look.page import make_page, save_page
from tests.support.needs import needs_package
from tests.support.patience import PATIENCE
from tests.support.proxy import Proxy

pytestmark = pytest.mark.browser

BITS = 8
# A picture of what the stage shows. The page's policy allows no code of others, but the browser's debugger does.
PIXELS = """() => {
    const shown = document.querySelector("#video, #picture")
    const canvas = document.createElement("canvas")
    canvas.width = shown.videoWidth || shown.naturalWidth
    canvas.height = shown.videoHeight || shown.naturalHeight
    canvas.getContext("2d").drawImage(shown, 0, 0)
    return canvas.toDataURL("image/png")
}"""


def numbered(number: int) -> Any:
    """A picture with its number in stripes, which any codec keeps, and noise that makes all frames differ."""
    bits = np.array([number >> bit & 1 for bit in range(BITS)], np.uint8) * 180 + 30
    picture = np.repeat(np.repeat(bits, 20)[None, :, None], 90, axis=0)
    noise = np.random.default_rng(number).integers(0, 40, (90, 160, 3), np.uint8)
    return np.ascontiguousarray(picture + noise)


class Opened:
    """A page that is open. failures: errors of its code and of its policy. requests: the schemes of what it loaded."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.failures: list[str] = []
        self.requests: list[str] = []
        page.on("pageerror", lambda error: self.failures.append(str(error)))
        page.on("console", lambda message: self.failures.append(message.text))
        page.on("requestfinished", lambda request: self.requests.append(request.url.partition(":")[0]))

    def ready(self, number: int) -> None:
        self.page.wait_for_selector(f'html[data-ready="frame:{number}"]', state="attached")

    def jump(self, number: int) -> None:
        self.page.evaluate(f"location.hash = '#f={number}'")
        self.ready(number)

    def number(self) -> int:
        """Return the number in the picture that is shown."""
        data = base64.b64decode(self.page.evaluate(PIXELS).partition(",")[2])
        pixels = np.asarray(Image.open(io.BytesIO(data)).convert("L"))
        row = pixels[pixels.shape[0] // 4 : -pixels.shape[0] // 4].mean(axis=0)
        wide = len(row) / BITS
        return sum(int(row[int((bit + 0.5) * wide)] > 130) << bit for bit in range(BITS))

    def lacks(self) -> str:
        """Return the words over the picture, "" where there are none."""
        lack = self.page.locator("#lack")
        return str(lack.inner_text()) if lack.is_visible() else ""


@pytest.fixture
def opened(chromium: Any) -> Iterator[Any]:
    context = chromium.new_context(viewport={"width": 1200, "height": 900})
    page = Opened(context.new_page())
    page.page.set_default_timeout(PATIENCE * 1000)
    yield page
    context.close()
    assert page.failures == []


def page_of(folder: Path, numbers: Any, **settings: Any) -> str:
    """Save frames with these numbers, and return the URL of their page."""
    with seqsave.open_writer(folder / "frames", filetype="png", rate="24000/1001") as writer:
        for number in numbers:
            writer.write(numbered(number), index=1000 + number)
    for name, change in settings.items():
        path = folder / "frames" / f"frame_{int(name[1:]):05}.png"
        path.unlink() if change is None else path.write_bytes(change)
    data, _ = make_page(seqsave.open_sequence(folder / "frames"))
    (folder / "shot.html").write_bytes(data)
    return (folder / "shot.html").as_uri()


def test_twenty_of_twenty_jumps_show_the_right_frame(tmp_path: Path, opened: Opened, medium: str) -> None:
    """At 24000/1001, whose times no number of binary digits holds."""
    numbers = random.Random(7).sample(range(120), 20)
    url = page_of(tmp_path, range(120))
    opened.page.goto(f"{url}#f={1000 + numbers[0]}")
    opened.ready(1000 + numbers[0])
    seen = [opened.number()]
    for number in numbers[1:]:
        opened.jump(1000 + number)
        seen.append(opened.number())
    assert seen == numbers
    assert set(opened.requests) <= {"file", "blob", "data"}


# Holds back what the browser reports of painted pictures, but the last, until the test calls report().
HELD = """
    const original = HTMLVideoElement.prototype.requestVideoFrameCallback
    let free = false, last = () => {}
    HTMLVideoElement.prototype.requestVideoFrameCallback = function (report) {
        const painted = (...facts) => {
            if (free) return report(...facts)
            last = () => report(...facts)
            original.call(this, painted)
        }
        return original.call(this, painted)
    }
    window.report = () => { free = true; last() }
"""
# A seek has ended and its listeners have run: two pictures of the page later, what they began has run too.
SOUGHT = """() => new Promise((done) => {
    const later = () => requestAnimationFrame(() => requestAnimationFrame(done))
    const video = document.querySelector("#video")
    if (video.readyState >= 2 && video.currentTime > 0 && !video.seeking) later()
    else video.addEventListener("seeked", later, { once: true })
})"""


def test_a_frame_is_ready_when_it_is_painted_not_when_its_seek_ends(tmp_path: Path, opened: Opened) -> None:
    needs_package("av")
    url = page_of(tmp_path, range(5))
    opened.page.add_init_script(HELD)
    opened.page.goto(f"{url}#f=1003")
    opened.page.evaluate(SOUGHT)
    assert opened.page.locator("html").get_attribute("data-ready") is None
    opened.page.evaluate("window.report()")
    opened.ready(1003)
    assert opened.number() == 3


# Loses the report of the first picture but that of time 0, as browsers may when two follow each other closely.
LOSES = """
    const original = HTMLVideoElement.prototype.requestVideoFrameCallback
    window.lost = 0
    HTMLVideoElement.prototype.requestVideoFrameCallback = function (report) {
        return original.call(this, (time, picture) => {
            if (window.lost || picture.mediaTime === 0) return report(time, picture)
            window.lost += 1
            this.requestVideoFrameCallback(report)
        })
    }
"""


def test_a_frame_whose_painting_is_not_reported_is_painted_again(tmp_path: Path, opened: Opened) -> None:
    needs_package("av")
    url = page_of(tmp_path, range(5))
    opened.page.add_init_script(LOSES)
    opened.page.goto(f"{url}#f=1003")
    opened.ready(1003)
    assert opened.page.evaluate("window.lost") == 1
    assert opened.number() == 3
    opened.page.keyboard.press("ArrowRight")
    opened.ready(1004)
    assert opened.number() == 4


def test_gaps_and_broken_frames_are_worded_over_the_frame_before(tmp_path: Path, opened: Opened, medium: str) -> None:
    opened.page.goto(page_of(tmp_path, range(9), f1003=None, f1004=None, f1006=b"no picture"))
    for number, shown, words in ((1002, 2, ""), (1003, 2, "01003: missing"), (1005, 5, ""), (1008, 8, "")):
        opened.jump(number)
        assert (opened.number(), opened.lacks()) == (shown, words)
    opened.jump(1006)
    assert opened.number() == 5
    assert opened.lacks().startswith("01006: broken: ")
    opened.page.locator("#problem").click()
    opened.ready(1003)
    opened.page.keyboard.press("g")
    opened.ready(1006)


def test_keys_buttons_links_and_the_number(tmp_path: Path, opened: Opened, medium: str) -> None:
    opened.page.goto(page_of(tmp_path, range(30)))
    opened.ready(1000)
    for key, number in (("ArrowRight", 1001), ("End", 1029), ("ArrowLeft", 1028), ("Home", 1000)):
        opened.page.keyboard.press(key)
        opened.ready(number)
    opened.page.locator("#next").click()
    opened.ready(1001)
    opened.page.locator('.sheet a[href="#f=1007"]').click()
    opened.ready(1007)
    assert opened.number() == 7
    assert opened.page.locator('.sheet a[aria-current="true"]').get_attribute("href") == "#f=1007"
    opened.page.locator("#number").fill("1020")
    opened.page.locator("#number").press("Enter")
    opened.ready(1020)
    assert opened.page.evaluate("location.hash") == "#f=1020"
    opened.page.locator("#number").fill("5000")
    opened.page.locator("#number").press("Enter")
    opened.ready(1029)
    assert opened.page.locator("#slider").get_attribute("aria-valuetext") == "frame 01029"


@pytest.mark.parametrize(
    ("typed", "shown", "noted"),
    [
        ("", 1003, "Type the number of a frame"),
        ("abc", 1003, "'abc' is not the number of a frame"),
        ("1e3", 1003, "'1e3' is not the number of a frame"),
        ("1002.5", 1003, "'1002.5' is not the number of a frame"),
        ("-0", 1000, "There is no frame 0: 1000 is the nearest"),
        ("9" * 30, 1004, "1004 is the nearest"),
        (" 1001 ", 1001, ""),
    ],
)
def test_a_number_of_no_frame_is_named_and_leaves_the_field(
    tmp_path: Path, opened: Opened, typed: str, shown: int, noted: str
) -> None:
    needs_package("av")
    opened.page.goto(f"{page_of(tmp_path, range(5))}#f=1003")
    opened.ready(1003)
    opened.page.locator("#number").fill(typed)
    opened.page.locator("#number").press("Enter")
    opened.ready(shown)
    assert noted in opened.page.locator("#noted").inner_text()
    opened.page.locator("#number").press("Tab")
    assert opened.page.locator("#number").input_value() == f"{shown:05}"
    opened.page.locator("#next").click()
    opened.ready(min(shown + 1, 1004))
    assert opened.page.locator("#noted").inner_text() == ""


@pytest.mark.parametrize(
    ("fragment", "shown", "noted"),
    [
        ("#f=2000", 1004, "There is no frame 2000: 1004 is the nearest"),
        ("#f=x", 1000, "'x' is not the number of a frame"),
        ("#f=%E0%A4", 1000, "is not the number of a frame"),
        ("#sheet", 1000, ""),
    ],
)
def test_a_link_to_no_frame_says_so(tmp_path: Path, opened: Opened, fragment: str, shown: int, noted: str) -> None:
    needs_package("av")
    opened.page.goto(f"{page_of(tmp_path, range(5))}{fragment}")
    opened.ready(shown)
    assert noted in opened.page.locator("#noted").inner_text()
    assert opened.page.evaluate("location.hash") == f"#f={shown}"


def test_without_javascript_there_is_the_contact_sheet_and_no_dead_button(tmp_path: Path, chromium: Any) -> None:
    url = page_of(tmp_path, range(5))
    context = chromium.new_context(viewport={"width": 360, "height": 740}, java_script_enabled=False)
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(url)
    page.locator("noscript p").wait_for()
    assert page.locator(".sheet img").count() == 5
    assert [page.locator(one).is_visible() for one in ("#play", "#number", "#slider", "#stage", ".sheet")] == [
        False
    ] * 4 + [True]
    context.close()


def test_it_plays_to_the_end(tmp_path: Path, opened: Opened, medium: str) -> None:
    opened.page.goto(page_of(tmp_path, range(12)))
    opened.ready(1000)
    opened.page.keyboard.press(" ")
    opened.ready(1011)
    assert opened.number() == 11
    assert opened.page.locator("#play").inner_text() == "Play"


def test_in_a_bucket(s3_server: Any, opened: Opened) -> None:
    from fsspec.core import url_to_fs

    needs_package("av")
    url, options = s3_server.new_prefix(), s3_server.storage_options
    seqsave.save([numbered(one) for one in range(5)], url, storage_options=options)
    sequence = seqsave.open_sequence(url, storage_options=options)
    assert sequence.target is not None
    save_page(sequence, sequence.target, "frame.html")
    endpoint = {"endpoint_url": options["endpoint_url"]}
    fs, path = url_to_fs(f"{url}/frame.html", key=options["key"], secret=options["secret"], client_kwargs=endpoint)
    opened.page.goto(f"{fs.url(path)}#f=3")
    opened.ready(3)
    assert opened.number() == 3
    assert [one for one in opened.requests if one == "http"] == ["http"], "the page itself"


def test_from_stored_proxies_in_a_bucket_the_right_frames_are_shown_and_none_is_read(
    s3_server: Any, proxy: Proxy, opened: Opened
) -> None:
    from fsspec.core import url_to_fs

    needs_package("av")
    url, options = s3_server.new_prefix(), s3_server.storage_options
    seqsave.save([numbered(one) for one in range(70)], url, proxies=True, storage_options=options)
    sequence = seqsave.open_sequence(url, storage_options={**options, "endpoint_url": proxy.endpoint_url})
    assert sequence.target is not None
    proxy.requests.clear()
    made = save_page(sequence, sequence.target, "frame.html")
    assert made.stored == 70
    assert [one.path for one in proxy.requests if one.path.endswith(".png")] == []
    endpoint = {"endpoint_url": options["endpoint_url"]}
    fs, path = url_to_fs(f"{url}/frame.html", key=options["key"], secret=options["secret"], client_kwargs=endpoint)
    opened.page.goto(f"{fs.url(path)}#f=69")
    opened.ready(69)
    assert opened.number() == 69
    for number in (0, 63, 64, 17):
        opened.jump(number)
        assert opened.number() == number


def test_the_policy_stops_code_and_requests_of_others(tmp_path: Path, opened: Opened) -> None:
    needs_package("av")
    opened.page.goto(page_of(tmp_path, range(3)))
    opened.ready(1000)
    opened.page.evaluate("""() => {
        const code = document.createElement("script")
        code.textContent = "document.title = 'taken over'"
        document.body.append(code)
        const picture = new Image()
        picture.src = "http://127.0.0.1:9/x.png"
        document.body.append(picture)
    }""")
    assert opened.page.title() == "frame_#####.png"
    assert "http" not in opened.requests
    assert any("Content Security Policy" in one for one in opened.failures)
    opened.failures.clear()


@pytest.mark.parametrize("width", [900, 1500])
def test_it_is_accessible(tmp_path: Path, chromium: Any, opened: Opened, width: int) -> None:
    axe = needs_package("axe_playwright_python.sync_playwright", "pip install axe-playwright-python")
    needs_package("av")
    url = page_of(tmp_path, range(9), f1003=None, f1006=b"")
    # axe is code of others, which the policy would stop.
    context = chromium.new_context(viewport={"width": width, "height": 900}, bypass_csp=True)
    page = context.new_page()
    for fragment in ("#f=1001", "#f=1003"):
        page.goto(url + fragment)
        page.wait_for_selector("html[data-ready]", state="attached")
        found = axe.Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
    context.close()
