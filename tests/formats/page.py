"""The table of docs/formats.md: writing it, and reading it again."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import astuple, fields
from pathlib import Path

from tests.formats.pairs import TARGETS, PairRow
from tests.formats.rows import Row

__all__ = ["PAGE", "read_pairs", "read_rows", "update", "update_pairs"]

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
_PAIRS = re.compile(r"(?<=<!-- pairs -->\n).*?(?=<!-- end of pairs -->)", re.DOTALL)
_TABLE = re.compile(r"(?<=<!-- table -->\n).*?(?=<!-- end of table -->)", re.DOTALL)


def table(rows: Iterable[Row]) -> str:
    """Return the table as Markdown."""
    cells = [[TITLES[one.name] for one in fields(Row)], ["---"] * len(fields(Row)), *map(astuple, rows)]
    return "".join(f"| {' | '.join(row)} |\n" for row in cells)


def pairs_table(rows: Iterable[PairRow]) -> str:
    """Return the table as Markdown. The name of a source is in its first row only."""
    lines = [["from", "statement", *TARGETS], ["---"] * (2 + len(TARGETS))]
    last = ""
    for row in rows:
        lines.append(["" if row.source == last else row.source, row.statement, *row.outcomes])
        last = row.source
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def update_pairs(rows: Iterable[PairRow], page: Path = PAGE) -> None:
    """Put the table of statements into the page."""
    text = page.read_text(encoding="utf-8")
    page.write_text(_PAIRS.sub(lambda _: pairs_table(rows), text, count=1), encoding="utf-8")


def read_pairs(page: Path = PAGE) -> list[PairRow]:
    """Return the rows of that table."""
    found = _PAIRS.search(page.read_text(encoding="utf-8"))
    assert found is not None
    rows: list[PairRow] = []
    for line in found[0].splitlines()[2:]:
        source, statement, *outcomes = map(str.strip, line.removeprefix("|").removesuffix("|").split("|"))
        rows.append(PairRow(source or rows[-1].source, statement, tuple(outcomes)))
    return rows


def update(rows: Iterable[Row], page: Path = PAGE) -> None:
    """Put the table of these rows into the page, in place of the last one."""
    text = page.read_text(encoding="utf-8")
    page.write_text(_TABLE.sub(lambda _: table(rows), text, count=1), encoding="utf-8")


def read_rows(page: Path = PAGE) -> list[Row]:
    """Return the rows of the page's table."""
    found = _TABLE.search(page.read_text(encoding="utf-8"))
    assert found is not None
    lines = [line.removeprefix("|").removesuffix("|").split("|") for line in found[0].splitlines()[2:]]
    return [Row(*map(str.strip, cells)) for cells in lines]
