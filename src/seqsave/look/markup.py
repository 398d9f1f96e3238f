"""Write the HTML of a page. Everything from outside of this package becomes text in it, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from seqsave.sequences.belongings import PAGE_MARK
from seqsave.wording import counted

__all__ = ["Markup", "render"]

# Rows of the table of problems; more are counted.
_MOST_ROWS = 500
_MOST_BARS = 2000


@dataclass(frozen=True, slots=True)
class Markup:
    """The element that shows frames, and the data that it shows."""

    element: str
    data: str

    @classmethod
    def movie(cls, data: str) -> Markup:
        """Return the markup of a movie in Base64."""
        return cls(
            '<video id="video" muted playsinline preload="auto"{poster}></video>',
            f'<script type="text/plain" id="movie">{data}</script>',
        )

    @classmethod
    def pictures(cls, pictures: Sequence[str]) -> Markup:
        """Return the markup of JPEG pictures in Base64."""
        return cls(
            '<img id="picture" class="picture" alt="The frame"{source}>',
            f'<script type="application/json" id="pictures">{json.dumps(list(pictures))}</script>',
        )


def render(
    *,
    title: str,
    facts: Iterable[tuple[str, bool]],
    script: Mapping[str, Any],
    poster: str,
    medium: Markup,
    cells: Iterable[tuple[str, str, str, int]],
    aspect: float,
    problems: Sequence[tuple[int, str, str]],
    bars: Sequence[tuple[float, float]],
    metadata: str | None,
) -> str:
    """Return the page."""
    css, code = _part("page.css"), _part("page.js")
    shape = f":root {{ --aspect: {min(max(aspect, 0.4), 3):.4f}; }}\n"
    style = shape + css
    picture = f"data:image/jpeg;base64,{poster}" if poster else ""
    element = medium.element.format(
        poster=f' poster="{picture}"' if picture else "", source=f' src="{picture}"' if picture else ""
    )
    lines = [
        "<!doctype html>",
        '<html lang="en">',
        '<meta charset="utf-8">',
        f'<meta name="generator" content="{PAGE_MARK}">',
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(style, code)}">',
        '<meta name="referrer" content="no-referrer">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{_text(title)}</title>",
        f"<style>{style}</style>",
        "<main>",
        f"<h1>{_text(title)}</h1>",
        f'<div class="facts">{"".join(_fact(*one) for one in facts)}</div>',
        f'<div class="stage player" id="stage" hidden>{element}'
        '<div class="lack"><p id="lack" role="status"></p></div></div>',
        f'<div class="bar player" hidden>{_timeline(bars)}'
        '<input type="range" id="slider" min="0" max="0" value="0" aria-label="Frame"></div>',
        '<div class="controls player" hidden>',
        '<button id="play" type="button">Play</button>',
        '<button id="back" type="button" aria-label="Previous frame">◀</button>',
        '<button id="next" type="button" aria-label="Next frame">▶</button>',
        '<label>Frame <input id="number" inputmode="numeric" autocomplete="off"></label>',
        '<button id="problem" type="button">Next problem</button>' if problems else "",
        '<span class="keys">Space plays, ← and → step, Home and End'
        f"{', G finds the next problem' if problems else ''}</span>",
        "</div>",
        '<p class="noted player" id="noted" role="status" hidden></p>',
        "<noscript><p>The player needs JavaScript. The contact sheet below does not.</p></noscript>",
        '<h2 id="sheet">Contact sheet</h2>',
        f'<ul class="sheet" aria-labelledby="sheet">{"".join(_cell(*one) for one in cells)}</ul>',
        *_problems(problems),
        *_metadata(metadata),
        "<footer>One file, made by seqsave page: it loads nothing from elsewhere.</footer>",
        "</main>",
        f'<script type="application/json" id="facts">{_json(script)}</script>',
        medium.data,
        f"<script>{code}</script>",
        "",
    ]
    return "\n".join(line for line in lines[:-1] if line) + "\n"


def _part(name: str) -> str:
    return resources.files("seqsave.look").joinpath("static_page").joinpath(name).read_text(encoding="utf-8")


def _policy(style: str, code: str) -> str:
    """Return a policy that allows this style, this script and what the page holds, and nothing from elsewhere."""
    style_, code_ = (base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in (style, code))
    return (
        f"default-src 'none'; script-src 'sha256-{code_}'; style-src 'sha256-{style_}'; img-src data:; "
        "media-src blob:; base-uri 'none'; form-action 'none'"
    )


def _text(text: str) -> str:
    return html.escape(text, quote=True)


def _json(value: Any) -> str:
    """Return JSON that no parser of HTML takes for the end of a script."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def _fact(text: str, is_bad: bool) -> str:
    return f"<span{' class=bad' if is_bad else ''}>{_text(text)}</span>"


def _timeline(bars: Sequence[tuple[float, float]]) -> str:
    shown = bars if len(bars) <= _MOST_BARS else bars[:: -(-len(bars) // _MOST_BARS)]
    gone = "".join(
        f'<rect class="gone" x="{1000 * begin:.2f}" y="0" width="{max(1.5, 1000 * width):.2f}" height="6"/>'
        for begin, width in shown
    )
    there = '<rect class="there" x="0" y="0" width="1000" height="6"/>'
    return f'<svg viewBox="0 0 1000 6" preserveAspectRatio="none" aria-hidden="true">{there}{gone}</svg>'


def _cell(label: str, picture: str, words: str, index: int) -> str:
    number = f'<span class="number">{_text(label)}</span>'
    if picture:
        image = f'<img src="data:image/jpeg;base64,{picture}" alt="">'
        return f'<li><a href="#f={index}">{image}{number}</a></li>'
    hatch = f'<span class="hatch"><span>{_text(words)}</span></span>'
    return f'<li><a class="lacking" href="#f={index}">{hatch}{number}</a></li>'


def _problems(problems: Sequence[tuple[int, str, str]]) -> list[str]:
    if not problems:
        return ["<h2>Gaps</h2>", "<p>None: every frame between the first and the last one is there.</p>"]
    rows = [
        f'<tr><td class="numbers"><a href="#f={index}">{_text(numbers)}</a></td><td>{_text(words)}</td></tr>'
        for index, numbers, words in problems[:_MOST_ROWS]
    ]
    left = len(problems) - _MOST_ROWS
    more = [f'<p class="note">and {counted(left, "more row")}</p>'] if left > 0 else []
    head = "<tr><th>Frames</th><th>Problem</th></tr>"
    return ["<h2>Gaps and broken frames</h2>", f"<table>{head}{''.join(rows)}</table>", *more]


def _metadata(metadata: str | None) -> list[str]:
    if metadata is None:
        return []
    return [
        "<h2>Metadata of the first frame</h2>",
        f"<details><summary>Workflow and other texts</summary><pre>{_text(metadata)}</pre></details>",
    ]
