"""Time per frame against the number of frames in one sequence, for small frames."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.processes import Served

import seqsave
from benchmarks.frames import cropped
from benchmarks.plan import Claim, Curve, Report, Table
from benchmarks.timing import alternate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.plan import Plan

SIZE = (96, 160)
FEW, MANY = 500, 10_000
ROUNDS = 3  # each takes ten seconds or more, in which other load shows as little as in several shorter ones


def run(plan: Plan) -> Report:
    counts = (100, FEW) if plan.quick else (100, FEW, MANY)
    root = Path(tempfile.mkdtemp(prefix="seqsave-bench-"))
    numbers = itertools.count()
    curve = Curve("count", "Time per frame against the number of frames, 160x96", "frames", "ms per frame")
    report = Report(curves=[curve])
    try:
        with Served("tests.support.null_s3") as server:
            options = {"key": "any", "secret": "any", "endpoint_url": server.hello["endpoint_url"]}
            places: dict[str, tuple[Any, Any]] = {
                "local folder": (lambda: root / f"run{next(numbers)}", None),
                "server that drops the bodies": (lambda: f"s3://bucket/run{next(numbers)}", options),
            }
            for label, (new_url, storage_options) in places.items():
                curve.lines[label] = _times(plan, counts, new_url, storage_options)
    finally:
        shutil.rmtree(root)
    rows = [[label, *(f"{value:.2f}" for _, value in points)] for label, points in curve.lines.items()]
    report.tables.append(Table(f"{curve.title}: ms", ["target", *map(str, counts)], rows))
    if not plan.quick:
        for label, points in curve.lines.items():
            per_frame = dict(points)
            ratio = per_frame[MANY] / per_frame[FEW]
            report.claims.append(
                Claim(f"{label}: time per frame, {MANY} against {FEW} frames", ratio, 1.1, at_most=True)
            )
    return report


def _times(plan: Plan, counts: tuple[int, ...], new_url: Any, options: Any) -> list[tuple[float, float]]:
    def save(count: int) -> None:
        result = seqsave.save(_generated(count), new_url(), storage_options=options)
        assert result.counts["saved"] == count

    timings = alternate({str(count): partial(save, count) for count in counts}, min(plan.rounds, ROUNDS), warm=False)
    return [(count, 1000 * timings[str(count)].seconds / count) for count in counts]


def _generated(count: int) -> Iterator[Any]:
    return itertools.islice(itertools.cycle(cropped(32, *SIZE)), count)
