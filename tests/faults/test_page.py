"""docs/faults.md lists exactly the existing trials."""

from __future__ import annotations

from pathlib import Path

from tests.faults import kills, page
from tests.faults.catalogue import FAULTS
from tests.faults.trial import Trial


def test_the_rows_are_those_of_the_trials() -> None:
    rows = [(row["fault"], row["place"]) for row in page.read_rows()]
    assert rows == [(one.name, one.where) for one in FAULTS]


def test_the_page_shows_a_full_run_in_which_all_went_well() -> None:
    for row, one in zip(page.read_rows(), FAULTS, strict=True):
        assert (row["lost"], row["damaged"], row["reported falsely"]) == ("0", "0", "0"), row
        assert number(row["frames written"]) > 0, row
        if one.exact:
            assert number(row["how often"]) == one.times, row


def test_a_saver_is_killed_two_hundred_times_and_twenty_times_in_each_phase() -> None:
    assert all(one.times >= 20 for one in kills.FAULTS)
    for where in ("local", "S3"):
        assert sum(one.times for one in kills.FAULTS if one.where == where) >= 100


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    copy = tmp_path / "faults.md"
    copy.write_text("before\n<!-- table -->\nold\n<!-- end of table -->\nafter\n")
    page.update([Trial("A fault", "S3", tried=1200, due=9, written=9, seconds=[0.5, 1.26])], copy)
    assert copy.read_text().startswith("before\n<!-- table -->\n| fault |")
    assert copy.read_text().endswith("|\n<!-- end of table -->\nafter\n")
    (row,) = page.read_rows(copy)
    assert list(row.values()) == ["A fault", "S3", "1,200", "9", "0", "0", "0", "1.3 s"]


def number(text: str) -> int:
    return int(text.replace(",", ""))
