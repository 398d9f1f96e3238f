"""The table of docs/wholeness.md: writing and reading it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from tests.matrix.faces import COLUMNS

__all__ = ["PAGE", "read_rows", "update"]

PAGE = Path(__file__).parents[2] / "docs" / "wholeness.md"
_TABLE = re.compile(r"(?<=<!-- table -->\n).*?(?=<!-- end of table -->)", re.DOTALL)


def update(rows: Iterable[list[str]]) -> None:
    """Put the rows into the page, in place of the last ones."""
    head = ["run", "place", *COLUMNS]
    table = "".join(f"| {' | '.join(row)} |\n" for row in [head, ["---"] * len(head), *rows])
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(_TABLE.sub(lambda _: table, text, count=1), encoding="utf-8")


def read_rows() -> dict[tuple[str, str], list[str]]:
    """Return the rows of the page, by run and place."""
    found = _TABLE.search(PAGE.read_text(encoding="utf-8"))
    assert found is not None
    lines = [[cell.strip() for cell in line.strip()[1:-1].split("|")] for line in found[0].splitlines()[2:]]
    return {(run, place): cells for run, place, *cells in lines}
