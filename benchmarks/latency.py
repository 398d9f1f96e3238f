"""Measure how long the caller waits: in `write` while there is room, and in a call that saves one frame."""

from __future__ import annotations

import itertools
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import seqsave
from benchmarks.frames import bytes_1080p, cropped
from benchmarks.plan import Claim, Report, Table
from benchmarks.timing import alternate
from benchmarks.ways import encode

if TYPE_CHECKING:
    from benchmarks.plan import Plan

SINGLES = 10


def run(plan: Plan) -> Report:
    root = Path(tempfile.mkdtemp(prefix="seqsave-bench-"))
    numbers = itertools.count()
    (small,) = cropped(1, 512, 512)
    try:
        held = 1000 * _held_by_write(plan, root)

        def save_one() -> None:
            for _ in range(SINGLES):
                seqsave.save([small], root / "single", filetype="png", start=next(numbers))

        def encode_one() -> None:
            for _ in range(SINGLES):
                encode(small)

        timings = alternate({"save": save_one, "encode": encode_one}, plan.rounds)
    finally:
        shutil.rmtree(root)
    whole, alone = (1000 * timings[name].seconds / SINGLES for name in ("save", "encode"))
    rows = [
        ["write(uint8 1080p), while there is room", f"{held:.2f}"],
        ["save([one 512x512 frame]) to a local folder", f"{whole:.2f}"],
        ["encoding that frame alone", f"{alone:.2f}"],
    ]
    return Report(
        [Table("How long a caller waits", ["call", "ms"], rows)],
        claims=[
            Claim("write of a 1080p frame while there is room", held, 10, at_most=True, unit="ms"),
            Claim("one 512x512 frame in a call of its own, beyond encoding", whole - alone, 5, at_most=True, unit="ms"),
        ],
    )


def _held_by_write(plan: Plan, root: Path) -> float:
    """Return the median seconds of calls with a window that never fills."""
    pictures: Any = bytes_1080p(8)
    calls = []
    for number in range(plan.rounds):
        with seqsave.open_writer(root / f"held{number}", filetype="png", max_bytes=2**31) as writer:
            for picture in itertools.islice(itertools.cycle(pictures), plan.pick(16, 64)):
                start = time.perf_counter()
                writer.write(picture)
                calls.append(time.perf_counter() - start)
    return statistics.median(calls)
