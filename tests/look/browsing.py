"""The page of ``seqsave view`` in a real browser, and frames that carry their number in their pixels."""

from __future__ import annotations

import base64
import io
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

import seqsave
from tests.support.needs import needs_package, needs_program
from tests.support.patience import PATIENCE

__all__ = ["BITS", "SMALL", "Held", "Page", "browser", "numbered", "opened", "save"]

Pixels = npt.NDArray[np.uint8]

BITS = 20
SIZE = (1280, 720)
SMALL = (320, 180)
OFFSET = 1 << (BITS - 1)  # numbers may be negative
MILLISECONDS = PATIENCE * 1000


def numbered(index: int, batch: int = 0, size: tuple[int, int] = SIZE) -> Pixels:
    """Return a picture H,W,3: its number in stripes above, its batch as a grey below, a colour ramp in between."""
    width, height = size
    picture = np.empty((height, width, 3), np.uint8)
    bits = [(index + OFFSET) >> bit & 1 for bit in range(BITS)]
    stripes = np.repeat(np.array(bits, np.uint8) * 200 + 20, -(-width // BITS))[:width]
    quarter = height // 4
    picture[:quarter] = stripes[None, :, None]
    ramp = np.linspace(30, 220, width)
    picture[quarter : 3 * quarter] = np.stack([ramp, ramp[::-1], np.full(width, 40 + (index * 7) % 160)], axis=-1)
    picture[3 * quarter :] = 40 + batch * 40
    return picture


def save(url: Any, indices: Any, *, batch: int | None = None, size: tuple[int, int] = SMALL, **settings: Any) -> None:
    """Save numbered frames."""
    with seqsave.open_writer(url, **{"filetype": "png", **settings}) as writer:
        for index in indices:
            writer.write(numbered(index, batch or 0, size), index=index, batch=batch)


def _ending(function: str) -> str:
    """Return an asynchronous function of the page that fails if it hangs: playwright would wait without end."""
    late = f"setTimeout(() => fail(new Error('the page hangs')), {MILLISECONDS:.0f})"
    return f"(values) => Promise.race([({function})(values), new Promise((_, fail) => {late})])"


class Page:
    """One page. ``page`` is playwright's."""

    def __init__(self, page: Any, url: str) -> None:
        self.page = page
        self.url = url
        self.failures: list[str] = []
        page.on("pageerror", lambda error: self.failures.append(str(error)))
        page.on("console", self._note)

    def _note(self, message: Any) -> None:
        # The browser reports every answer of 404 and 422, which the page shows in its own words.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.failures.append(message.text)

    def open(self, fragment: str = "", number: int | None = None) -> None:
        """Open the page from nothing, and wait for a frame."""
        self.page.goto("about:blank")
        self.page.goto(self.url + fragment)
        self.ready(number)

    def ready(self, number: int | None = None) -> None:
        """Wait until the canvas shows this frame, or any."""
        wanted = '[data-ready^="frame:"]' if number is None else f'[data-ready="frame:{number}"]'
        self.wait(wanted)

    def wait(self, attributes: str) -> None:
        """Wait for attributes of the document.

        A change is drawn with the browser's next frame. Until then, they state what was drawn before.
        """
        drawn = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        self.page.evaluate(_ending(drawn))
        self.page.wait_for_selector(f"html{attributes}", state="attached")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def go(self, number: int) -> None:
        """Type the number of a frame, as a user does, and wait for it."""
        self.press(*str(number), "Enter")
        self.ready(number)

    def stated(self, name: str) -> str:
        """Return a value that the document states: ``data-NAME``."""
        return str(self.page.locator("html").get_attribute(f"data-{name}"))

    def text(self, selector: str) -> str:
        return str(self.page.locator(selector).inner_text())

    def has_text(self, selector: str, text: str) -> None:
        """Wait until an element has this text."""
        needs_package("playwright.sync_api").expect(self.page.locator(selector)).to_contain_text(
            text, timeout=MILLISECONDS
        )

    def words(self) -> str:
        """Return what a screen reader reads of the playhead."""
        return str(self.page.locator("#timeline").get_attribute("aria-valuetext"))

    def canvas(self, selector: str = "#stage") -> Pixels:
        """Return the pixels of a canvas, H,W,3."""
        url = self.page.evaluate(
            "(selector) => document.querySelector(selector).toDataURL('image/png')",
            selector,
        )
        data = base64.b64decode(url.partition(",")[2])
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))

    def boxes(self) -> list[list[int]]:
        """Return x, y, width and height of each picture on the canvas."""
        return list(json.loads(self.page.locator("#stage").get_attribute("data-boxes")))

    def number(self, box: int = 0) -> int:
        """Return the number that a picture on the canvas carries."""
        pixels = self.canvas()
        x, y, width, height = self.boxes()[box]
        columns = [int(x + (bit + 0.5) * width / BITS) for bit in range(BITS)]
        row = max(int(y + height * 0.22), 0)  # below the labels
        return sum(int(pixels[row, column].mean() > 120) << bit for bit, column in enumerate(columns)) - OFFSET

    def batch(self, box: int = 0) -> int:
        """Return the batch that a picture on the canvas carries."""
        x, y, width, height = self.boxes()[box]
        grey = float(self.canvas()[int(y + height * 7 / 8), int(x + width / 2)].mean())
        return round((grey - 40) / 40)

    def record(self) -> None:
        """Keep which frames the canvas shows from now on."""
        self.page.evaluate("""() => {
            window.shown = []
            new MutationObserver(() => window.shown.push(document.documentElement.dataset.ready))
                .observe(document.documentElement, {attributes: true, attributeFilter: ["data-ready"]})
        }""")

    def passed(self, *numbers: int) -> None:
        """Wait until these frames were shown, in this order, since ``record``."""
        self.page.wait_for_function(
            """(numbers) => {
                let at = 0
                for (const one of window.shown) if (one === `frame:${numbers[at]}`) at += 1
                return at === numbers.length
            }""",
            arg=list(numbers),
        )

    def recorded(self) -> list[int]:
        """Return the frames that were shown, one after the other."""
        shown = self.page.evaluate("window.shown")
        numbers = [int(one.removeprefix("frame:")) for one in shown if one.startswith("frame:")]
        return [one for at, one in enumerate(numbers) if at == 0 or numbers[at - 1] != one]

    def module(self, code: str, *values: Any) -> Any:
        """Run code that may import the page's modules, ``await import(at("frames.js"))``."""
        at = "const at = (name) => new URL('static/' + name, document.baseURI).href"
        return self.page.evaluate(_ending(f"async (values) => {{ {at}; {code} }}"), list(values))

    def hold(self, pattern: str) -> Held:
        """Let the browser's requests wait whose addresses match a regular expression."""
        return Held(self.page, pattern)


class Held:
    """Requests that wait. ``release()`` lets them go on, and all later ones."""

    def __init__(self, page: Any, pattern: str) -> None:
        self.routes: list[Any] = []
        self.is_released = False
        page.route(re.compile(pattern), self._take)

    def _take(self, route: Any) -> None:
        if self.is_released:
            route.continue_()
        else:
            self.routes.append(route)

    def release(self) -> None:
        self.is_released = True
        failure = needs_package("playwright.sync_api").Error
        for route in self.routes:
            with suppress(failure):  # the page does not wait for it any more
                route.continue_()


@contextmanager
def browser() -> Iterator[Any]:
    """Chromium without a window. Needs the package playwright, none of the browsers that it brings."""
    playwright = needs_package("playwright.sync_api", "pip install playwright")
    chromium = needs_program("chromium")
    before = threading.excepthook
    with playwright.sync_playwright() as driver:
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--force-color-profile=srgb"]
        running = driver.chromium.launch(executable_path=chromium, args=options)
        yield running
        running.close()
    threading.excepthook = before


@contextmanager
def opened(
    running: Any, url: str, fragment: str = "", size: tuple[int, int] = (1500, 900), wait: bool = True
) -> Iterator[Page]:
    """One page in a context of its own; its code must not fail. wait: until it shows a frame."""
    width, height = size
    context = running.new_context(viewport={"width": width, "height": height}, accept_downloads=True)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.set_default_timeout(MILLISECONDS)
    shown = Page(page, url)
    try:
        if wait:
            shown.open(fragment)
        yield shown
        assert shown.failures == []
    finally:
        context.close()
