"""The table of docs/faults.md: writing it, and reading it again."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from tests.faults.trial import Trial

__all__ = ["PAGE", "read_rows", "table", "update"]

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
COLUMNS = (
    "fault",
    "place",
    "how often",
    "frames written",
    "lost",
    "damaged",
    "reported falsely",
    "all there again after",
)
_TABLE = re.compile(r"(?<=<!-- table -->\n).*?(?=<!-- end of table -->)", re.DOTALL)


def table(trials: Iterable[Trial]) -> str:
    """Return the table as Markdown."""
    rows = [COLUMNS, ("---",) * len(COLUMNS), *map(_row, trials)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(trial: Trial) -> tuple[str, ...]:
    numbers = (trial.tried, trial.written, trial.lost, trial.damaged, trial.falsely)
    took = f"{max(trial.seconds):.1f} s" if trial.seconds else ""
    return (trial.fault, trial.where, *(f"{number:,}" for number in numbers), took)


def update(trials: Iterable[Trial], page: Path = PAGE) -> None:
    """Put the table of these trials into the page, in place of the last one."""
    text = page.read_text(encoding="utf-8")
    page.write_text(_TABLE.sub(lambda _: table(trials), text, count=1), encoding="utf-8")


def read_rows(page: Path = PAGE) -> list[dict[str, str]]:
    """Return the rows of the page's table, by column."""
    found = _TABLE.search(page.read_text(encoding="utf-8"))
    assert found is not None
    lines = [[cell.strip() for cell in line.strip("| ").split("|")] for line in found[0].splitlines()[2:]]
    return [dict(zip(COLUMNS, cells, strict=False)) for cells in lines]
