"""The extent of measurements, and their results."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Claim", "Curve", "Measurement", "Plan", "Report", "Table"]


@dataclass(frozen=True)
class Plan:
    """The extent of the measurements. quick: fewer rounds and frames, for a first look only.

    rounds: how often each row is measured; rows alternate, medians count.
    rows: parts of the names of the rows to measure; empty for all. Some measurements leave none out.
    """

    quick: bool = False
    out: Path = Path("build/benchmarks")
    rows: Sequence[str] = ()

    @property
    def rounds(self) -> int:
        return 3 if self.quick else 7

    def pick(self, quick: int, full: int) -> int:
        return quick if self.quick else full

    def wants(self, row: str) -> bool:
        """Return whether to measure a row."""
        return not self.rows or any(part in row for part in self.rows)


@dataclass
class Table:
    """One Markdown table; a row has one label, and numbers or texts."""

    title: str
    columns: Sequence[str]
    rows: list[list[str]]
    note: str = ""


@dataclass
class Curve:
    """One picture: ``lines`` maps a label to its points; without lines in it, ``bars`` maps a label to a value."""

    name: str
    title: str
    x: str = ""
    y: str = ""
    lines: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    bars: dict[str, float] = field(default_factory=dict)


@dataclass
class Claim:
    """A claim to check: ``got`` is at least (or at most) ``wanted``."""

    text: str
    got: float
    wanted: float
    at_most: bool = False
    unit: str = "x"

    @property
    def holds(self) -> bool:
        return self.got <= self.wanted if self.at_most else self.got >= self.wanted


@dataclass
class Report:
    """The results of one measurement."""

    tables: list[Table] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)


class Measurement(Protocol):
    """A module of this package; its docstring describes the measurement."""

    def run(self, plan: Plan) -> Report: ...
