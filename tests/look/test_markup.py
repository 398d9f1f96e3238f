"""The HTML of a page: what it allows, and that names and reasons are text in it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from seqsave.look.markup import Markup, render

HOSTILE = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;"


class Parsed(HTMLParser):
    """Its tags with their attributes, and the text in each."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append((self.tags[-1][0] if self.tags else "", data))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def made(**different: Any) -> str:
    settings: dict[str, Any] = {
        "title": "frame_#####.png",
        "facts": [("3 frames", False), ("1 missing", True)],
        "script": {"frames": [[0, 2, 1]]},
        "poster": "AAAA",
        "medium": Markup.movie("BBBB"),
        "cells": [("00000", "CCCC", "", 0), ("00003", "", "missing", 3)],
        "aspect": 1.5,
        "problems": [(3, "00003", "missing")],
        "bars": [(0.75, 0.25)],
        "metadata": None,
    }
    return render(**{**settings, **different})


def policy(parsed: Parsed) -> dict[str, str]:
    stated = next(one["content"] for one in parsed.all("meta") if one.get("http-equiv") == "Content-Security-Policy")
    assert stated is not None
    return {name: values for name, _, values in (part.strip().partition(" ") for part in stated.split(";"))}


def test_the_policy_allows_its_own_style_and_script_and_nothing_else() -> None:
    text = made()
    rules = policy(Parsed(text))
    for tag, name in (("style", "style-src"), ("script", "script-src")):
        found = re.search(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert found
        digest = base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()
        assert rules.pop(name) == f"'sha256-{digest}'"
    assert rules == {
        "default-src": "'none'",
        "img-src": "data:",
        "media-src": "blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_the_policy_comes_before_what_it_forbids() -> None:
    tags = [tag for tag, _ in Parsed(made()).tags]
    assert set(tags[: tags.index("style")]) <= {"html", "meta", "title"}
    assert "Content-Security-Policy" in made().partition("<style>")[0]


def test_nothing_is_loaded_from_elsewhere() -> None:
    text = made()
    assert "http:" not in text
    assert "https:" not in text
    for tag, attributes in Parsed(text).tags:
        for name, value in attributes.items():
            assert name not in ("style", "srcset"), tag
            assert not name.startswith("on"), tag
            if name in ("src", "poster"):
                assert (value or "").startswith("data:image/jpeg;base64,")
            if name == "href":
                assert (value or "").startswith("#")


def test_every_text_is_text() -> None:
    hostile = made(
        title=HOSTILE,
        facts=[(HOSTILE, True)],
        script={"broken": [[1, HOSTILE]]},
        cells=[(HOSTILE, "", HOSTILE, 1), (HOSTILE, "AAAA", "", 2)],
        problems=[(1, HOSTILE, HOSTILE)],
        metadata=HOSTILE,
    )
    plain = made(cells=[("a", "", "b", 1), ("c", "AAAA", "", 2)], facts=[("a", True)], metadata="x")
    parsed = Parsed(hostile)
    assert [tag for tag, _ in parsed.tags] == [tag for tag, _ in Parsed(plain).tags]
    assert ("h1", HOSTILE) in parsed.texts
    facts = next(text for tag, text in parsed.texts if tag == "script" and "broken" in text)
    assert json.loads(facts) == {"broken": [[1, HOSTILE]]}


def test_data_for_the_player() -> None:
    assert '<script type="text/plain" id="movie">BBBB</script>' in made()
    pictures = made(medium=Markup.pictures(["AAAA", "BBBB"]))
    assert '<script type="application/json" id="pictures">["AAAA", "BBBB"]</script>' in pictures
    assert Parsed(pictures).all("img")[0]["id"] == "picture"


def test_gaps_are_a_table_and_none_is_stated() -> None:
    assert ("td", "missing") in Parsed(made()).texts
    none = made(problems=[], bars=[])
    assert "every frame between the first and the last one is there" in none
    assert 'id="problem"' not in none


@pytest.mark.parametrize(("count", "rows", "rest"), [(500, 500, ""), (2500, 500, "and 2000 more rows")])
def test_many_gaps_are_counted(count: int, rows: int, rest: str) -> None:
    text = made(
        problems=[(one, str(one), "missing") for one in range(count)],
        bars=[(one / count, 0.5 / count) for one in range(count)],
    )
    assert text.count("<tr><td") == rows
    assert rest in text
    assert text.count('class="gone"') <= 2000


def test_metadata_only_if_given() -> None:
    assert "<details>" not in made()
    assert ("pre", '{"a": 1}') in Parsed(made(metadata='{"a": 1}')).texts
