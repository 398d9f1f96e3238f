"""Write Markdown tables and pictures, and check the claims of README."""

from __future__ import annotations

import json
import os
import platform
from typing import TYPE_CHECKING

from benchmarks.plan import Table

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.plan import Claim, Curve, Report

__all__ = ["claims_table", "draw", "machine", "save", "seconds_table", "table"]


def machine() -> str:
    load = f", load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    return f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores{load}"


def table(found: Table) -> str:
    lines = [f"### {found.title}", "", _row(found.columns), _row(["---", *["---:"] * (len(found.columns) - 1)])]
    lines += [_row(row) for row in found.rows]
    if found.note:
        lines += ["", found.note]
    return "\n".join(lines) + "\n"


def _row(cells: object) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"  # type: ignore[call-overload]


def claims_table(claims: list[Claim]) -> str:
    lines = ["### What has to hold", "", "| claim | wanted | measured | |", "| --- | ---: | ---: | --- |"]
    for claim in claims:
        sign = "at most" if claim.at_most else "at least"
        holds = "yes" if claim.holds else "**no**"
        lines.append(
            f"| {claim.text} | {sign} {claim.wanted:g} {claim.unit} | {claim.got:.2f} {claim.unit} | {holds} |"
        )
    return "\n".join(lines) + "\n"


def seconds_table(seconds: dict[str, float]) -> str:
    """Return how long each measurement took."""
    rows = [[name, f"{took:.0f}"] for name, took in sorted(seconds.items(), key=lambda one: -one[1])]
    found = Table("What it took", ["measurement", "seconds"], [*rows, ["all", f"{sum(seconds.values()):.0f}"]])
    return table(found)


def draw(curve: Curve, folder: Path) -> Path | None:
    """Return one SVG; None if matplotlib is not installed."""
    try:
        import matplotlib as mpl
    except ImportError:
        return None
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = curve.name  # equal numbers make equal files
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 0.45 * len(curve.bars) + 1 if curve.bars else 4), layout="constrained")
    if curve.bars:
        names = list(curve.bars)[::-1]
        colours = ["tab:orange" if name.startswith("seqsave") else "tab:grey" for name in names]
        drawn = axes.barh(names, [curve.bars[name] for name in names], color=colours)
        axes.bar_label(drawn, fmt="%.3g", padding=3)
        axes.set_xlabel(curve.y)
        axes.margins(x=0.12)
    for label, points in curve.lines.items():
        axes.plot(*zip(*points, strict=True), marker="o", label=label)
    if curve.lines:
        axes.set_xlabel(curve.x)
        axes.set_ylabel(curve.y)
        axes.set_ylim(bottom=0)
        axes.legend()
    axes.set_title(curve.title, fontsize=10)
    path = folder / f"{curve.name}.svg"
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    return path


def save(reports: dict[str, Report], seconds: dict[str, float], text: str, folder: Path) -> None:
    """Save the tables as Markdown, and the claims and the seconds of each measurement as JSON for comparing runs."""
    (folder / "results.md").write_text(text, encoding="utf-8")
    claims = [
        {"measurement": name, "claim": claim.text, "got": claim.got, "wanted": claim.wanted, "holds": claim.holds}
        for name, report in reports.items()
        for claim in report.claims
    ]
    (folder / "claims.json").write_text(json.dumps(claims, indent=1) + "\n", encoding="utf-8")
    (folder / "seconds.json").write_text(json.dumps(seconds, indent=1) + "\n", encoding="utf-8")
