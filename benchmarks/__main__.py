"""`python -m benchmarks [--quick] [--out FOLDER] [MEASUREMENT...]`: tables on standard output, pictures in FOLDER."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, cast

from benchmarks import report
from benchmarks.plan import Plan

if TYPE_CHECKING:
    from benchmarks.plan import Measurement, Report

MEASUREMENTS = (
    "png",
    "png16",
    "jpeg",
    "formats",
    "conversion",
    "local",
    "s3",
    "null_store",
    "count",
    "cores",
    "memory",
    "latency",
    "overhead",
    "versions",
    "encoding",
    "manifest",
    "copies",
    "finding",
    "reading",
    "png_reading",
    "video",
    "look",
    "extension",
)
# They compare with an older version, and prove nothing without one.
COMPARISONS = ("versions", "encoding")
# Only if they are named. "machines" needs the plugins for Ray and dask.
BY_NAME = ("machines", "commits")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("measurements", nargs="*", choices=[[], *MEASUREMENTS, *BY_NAME], metavar="MEASUREMENT")
    parser.add_argument(
        "--quick", action="store_true", help="a look: few rounds, few frames, numbers that prove nothing"
    )
    parser.add_argument("--out", type=Path, default=Plan.out, help="folder for pictures and results (%(default)s)")
    parser.add_argument("--rows", action="append", default=[], metavar="TEXT", help="only rows with this text")
    given = parser.parse_args()
    plan = Plan(quick=given.quick, out=given.out, rows=given.rows)
    plan.out.mkdir(parents=True, exist_ok=True)

    reports: dict[str, Report] = {}
    seconds: dict[str, float] = {}
    pieces = [report.machine() + (", quick: proves nothing" if plan.quick else f", medians of {plan.rounds}") + "\n"]
    print(pieces[0], flush=True)
    for name in given.measurements or usual():
        start = time.monotonic()
        found = reports[name] = cast("Measurement", importlib.import_module(f"benchmarks.{name}")).run(plan)
        pieces += [report.table(table) for table in found.tables]
        print("\n".join(pieces[-len(found.tables) :]), flush=True)
        for curve in found.curves:
            report.draw(curve, plan.out)
        seconds[name] = round(time.monotonic() - start, 1)
        print(f"{name}: {seconds[name]:.0f} s", file=sys.stderr)
    claims = [claim for found in reports.values() for claim in found.claims]
    pieces += [report.seconds_table(seconds), report.claims_table(claims)]
    print("\n".join(pieces[-2:]))
    report.save(reports, seconds, "\n".join(pieces), plan.out)
    return 0 if plan.quick or all(claim.holds for claim in claims) else 1


def usual() -> list[str]:
    """Return the measurements of a run that names none."""
    return [name for name in MEASUREMENTS if name not in COMPARISONS or "SEQSAVE_BASELINE" in os.environ]


if __name__ == "__main__":
    sys.exit(main())
