"""The table of keys in docs/view.md, made from the page's own list: ``python -m tests.look.keys``."""

from __future__ import annotations

import importlib.resources
import json
import re
from collections.abc import Iterator
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "view.md"
START, END = "<!-- made by python -m tests.look.keys -->\n", "<!-- end -->\n"


def keys() -> Iterator[tuple[str, str, str]]:
    """Yield group, key and what it does, for each key that the help shows."""
    source = importlib.resources.files("seqsave.look").joinpath("static", "keys.js").read_text(encoding="utf-8")
    group = ""
    for line in source.partition("export const KEYS = {")[2].partition("\n};")[0].splitlines():
        if title := re.fullmatch(r'  "(.+)": \[', line):
            group = title[1]
        elif entry := re.fullmatch(r"    \[(\[.+?\]), (\".*?\"), (\".*?\"), .*\],", line):
            names, key, words = map(json.loads, entry.groups())
            assert names
            if words:
                yield group, key, words


def table() -> str:
    """Return the table."""
    rows = [f"| {group} | `{key}` | {words} |\n" for group, key, words in keys()]
    seen = set()
    for at, row in enumerate(rows):
        group = row.split(" | ")[0]
        rows[at] = row.replace(group, "|", 1) if group in seen else row
        seen.add(group)
    return "".join(["| | key | |\n", "|---|---|---|\n", *rows])


def made(text: str) -> str:
    """Return the page with its table made again."""
    before, _, rest = text.partition(START)
    _, end, after = rest.partition(END)
    assert end, f"docs/view.md lacks {START!r} or {END!r}"
    return f"{before}{START}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(made(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
