"""How benchmarks count rounds, and that the commands which pages name for their figures exist."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from benchmarks import __main__ as command
from benchmarks import report, timing

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("plugins/*/README.md")]


@pytest.fixture
def row(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Callable[[], int]]:
    """Return a maker of rows: each run takes the next of some seconds, then the last one, and returns its number."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(timing, "time", SimpleNamespace(process_time=lambda: clock.now, perf_counter=lambda: clock.now))

    def make(*seconds: float) -> Callable[[], int]:
        calls: list[float] = []

        def run() -> int:
            calls.append(seconds[min(len(calls), len(seconds) - 1)])
            clock.now += calls[-1]
            return len(calls)

        return run

    return make


def test_rounds_end_once_the_least_time_has_settled(row: Callable[..., Callable[[], int]]) -> None:
    (found,) = timing.settled({"row": row(20, 9, 8, 7, 6, 5, 4, 3)}, 50).values()
    assert found.cpus == [9, 8, 7, 6, 5, 4, 3, 3, 3, 3]


def test_each_row_has_settled(row: Callable[..., Callable[[], int]]) -> None:
    found = timing.settled({"flat": row(3), "falling": row(20, 9, 8, 7, 6, 5, 4, 3)}, 50)
    assert [len(timing.cpus) for timing in found.values()] == [10, 10]


def test_a_time_that_does_not_settle_has_all_rounds(row: Callable[..., Callable[[], int]]) -> None:
    (found,) = timing.settled({"row": row(*(100 - number for number in range(50)))}, 12).values()
    assert len(found.cpus) == 12


def test_a_slow_way_runs_once(row: Callable[..., Callable[[], int]]) -> None:
    found = timing.alternate({"ours": row(1), "slow": row(5)}, 4, once=["slow"])
    assert {name: timing.results for name, timing in found.items()} == {"ours": [2, 3, 4, 5], "slow": [1]}


def test_seconds_are_listed_from_the_longest() -> None:
    lines = report.seconds_table({"jpeg": 5.2, "png": 61.4}).splitlines()
    assert lines[-3:] == ["| png | 61 |", "| jpeg | 5 |", "| all | 67 |"]


def test_versions_are_compared_only_with_an_older_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEQSAVE_BASELINE", raising=False)
    alone = command.usual()
    monkeypatch.setenv("SEQSAVE_BASELINE", "/older/src")
    assert [name for name in command.usual() if name not in alone] == list(command.COMPARISONS)


def test_measurements_that_pages_name_exist() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    found = re.findall(r"(?:python -m benchmarks|tox -e bench --) ([a-z0-9_ ]+)", text)
    named = {name for one in found for name in one.split()}
    assert {"png_reading", "png", "extension", "look", "copies", "formats"} <= named
    assert named <= {*command.MEASUREMENTS, *command.BY_NAME}


@pytest.mark.parametrize("name", [*command.MEASUREMENTS, *command.BY_NAME])
def test_a_measurement_is_a_file(name: str) -> None:
    assert (ROOT / "benchmarks" / f"{name}.py").is_file()
