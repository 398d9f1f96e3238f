"""Pictures inside HTML, and the few that a writer keeps."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from PIL import Image

from seqsave.pictures.contact import Layout
from seqsave.pictures.embedded import KEPT, Thumbnails, picture_element
from seqsave.types import ImageInfo


def grey(value: int) -> Any:
    return np.full((90, 160, 3), value, np.uint8)


def picture_in(html: str) -> Any:
    found = re.fullmatch(r'<img src="data:image/jpeg;base64,([^"]+)" alt="([^"]*)" style="max-width:100%">', html)
    assert found
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(found[1]))))


def greys_in(html: str, count: int) -> list[int]:
    """The grey of each cell."""
    sheet = picture_in(html)
    layout = Layout.of(count, width=960, columns=None, aspect=16 / 9, has_head=False)
    assert sheet.shape[:2] == (layout.height(count), 960)
    corners = [layout.corner(place) for place in range(count)]
    wide, high = layout.cell
    return [round(float(sheet[top + 8 : top + high - 8, left + 8 : left + wide - 8].mean())) for left, top in corners]


def test_a_picture_is_in_the_element_and_its_text_is_text() -> None:
    element = picture_element(grey(90), "<b>'\"&")
    assert picture_in(element).mean() == pytest.approx(90, abs=1)
    seen: list[Any] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: seen.append((tag, dict(attributes)["alt"]))  # type: ignore[method-assign]
    parser.feed(element)
    assert seen == [("img", "<b>'\"&")]


@pytest.mark.parametrize("count", [1, 5, 12, 13, 25, 100, 1000])
def test_at_most_twelve_at_equal_distances_are_kept(count: int) -> None:
    kept = Thumbnails()
    for index in range(count):
        kept.keep(str(index), grey(index % 250), ImageInfo(), "png")
    step = 1
    while -(-count // step) > KEPT:
        step *= 2
    wanted = [index % 250 for index in range(0, count, step)]
    assert greys_in(kept._repr_html_(), len(wanted)) == pytest.approx(wanted, abs=1)


def test_pictures_are_made_of_few_frames_only(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def shown(array: Any, *_: Any, **__: Any) -> Any:
        made.append(1)
        return array

    monkeypatch.setattr("seqsave.pictures.embedded.show", shown)
    kept, picture = Thumbnails(), grey(1)
    for index in range(10_000):
        kept.keep(str(index), picture, ImageInfo(), "png")
    assert len(made) <= 12 + 10 * 6


def test_a_frame_that_cannot_be_shown_is_left_out() -> None:
    kept = Thumbnails()
    assert kept._repr_html_() == ""
    kept.keep("0", np.zeros((2, 2, 9), np.float32), ImageInfo(channels=()), "exr")
    bad: Any = "no picture"
    kept.keep("1", bad, ImageInfo(), "exr")
    assert kept._repr_html_() == "" or picture_in(kept._repr_html_()).size
    kept.keep("2", grey(70), ImageInfo(), "png")
    assert picture_in(kept._repr_html_()).shape[1] == 960
