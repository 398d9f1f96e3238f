"""The table of docs/formats.md: writing it, and reading it again."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import astuple, fields
from pathlib import Path

from tests.formats.rows import Row

__all__ = ["PAGE", "read_rows", "update"]

PAGE = Path(__file__).parents[2] / "docs" / "formats.md"
TITLES = {
    "filetype": "file type",
    "setting": "with",
    "values": "values",
    "channels": "channels",
    "pixels": "come back",
    "workflow": "workflow in",
    "colour": "colour stated as",
    "stated": "also stated",
    "pattern": "FFmpeg, by pattern",
    "by": "seen by",
}
_TABLE = re.compile(r"(?<=<!-- table -->\n).*?(?=<!-- end of table -->)", re.DOTALL)


def table(rows: Iterable[Row]) -> str:
    """As Markdown."""
    cells = [[TITLES[one.name] for one in fields(Row)], ["---"] * len(fields(Row)), *map(astuple, rows)]
    return "".join(f"| {' | '.join(row)} |\n" for row in cells)


def update(rows: Iterable[Row], page: Path = PAGE) -> None:
    """Put the table of these rows into the page, in place of the last one."""
    text = page.read_text(encoding="utf-8")
    page.write_text(_TABLE.sub(lambda _: table(rows), text, count=1), encoding="utf-8")


def read_rows(page: Path = PAGE) -> list[Row]:
    """The rows of the page's table."""
    found = _TABLE.search(page.read_text(encoding="utf-8"))
    assert found is not None
    lines = [line.removeprefix("|").removesuffix("|").split("|") for line in found[0].splitlines()[2:]]
    return [Row(*map(str.strip, cells)) for cells in lines]
