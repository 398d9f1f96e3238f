"""Measure peak memory while a generator's frames go to a slow store: 500 frames against 10,000."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.processes import Served

from benchmarks.frames import cropped
from benchmarks.plan import Claim, Curve, Report, Table

if TYPE_CHECKING:
    from benchmarks.plan import Plan

SIZE = (320, 480)
MAX_BYTES = 64 * 2**20
ROOM = 150.0
MB = 1e6
RESET_PEAK = Path("/proc/self/clear_refs")


def run(plan: Plan) -> Report:
    if not RESET_PEAK.exists():
        return Report(
            [Table("Peak memory", ["frames"], [], "This system does not report the peak memory of a process.")]
        )
    counts = (100, 500) if plan.quick else (500, 2000, 10_000)
    found = {count: _in_a_process(count) for count in counts}
    rows = [
        [str(count), f"{one['start'] / MB:.0f}", f"{one['peak'] / MB:.0f}", f"{1000 * one['seconds'] / count:.1f}"]
        for count, one in found.items()
    ]
    height, width = SIZE
    title = f"Peak memory, {width}x{height} float32 frames to a store behind 250 ms, max_bytes={MAX_BYTES / MB:.0f} MB"
    grown = {count: (one["peak"] - one["start"] - MAX_BYTES) / MB for count, one in found.items()}
    few, many = counts[0], counts[-1]
    curve = Curve(
        "memory", title, "frames", "MB", {"peak": [(count, one["peak"] / MB) for count, one in found.items()]}
    )
    return Report(
        [Table(title, ["frames", "MB at the start", "MB at the peak", "ms per frame"], rows)],
        [curve],
        [
            Claim(f"memory beyond the start and max_bytes, {count} frames", grown[count], ROOM, at_most=True, unit="MB")
            for count in counts
        ]
        + [
            Claim(
                f"memory at {many} frames beyond that at {few}",
                (found[many]["peak"] - found[few]["peak"]) / MB,
                50,  # memory that an allocator may keep
                at_most=True,
                unit="MB",
            )
        ],
    )


def _in_a_process(count: int) -> dict[str, float]:
    with Served("tests.support.null_s3", "--latency=0.25") as server:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.memory", str(count), server.hello["endpoint_url"]],
            capture_output=True,
            text=True,
            check=True,
        )
    return dict(json.loads(done.stdout))


def main(count: int, endpoint_url: str) -> None:
    import numpy as np

    import seqsave

    pictures = cropped(16, *SIZE)
    options = {"key": "any", "secret": "any", "endpoint_url": endpoint_url}

    def frames(number: int) -> Any:
        for picture in itertools.islice(itertools.cycle(pictures), number):
            yield picture.astype(np.float32) / 255  # a new array each time, as a renderer makes it

    # Measured from a process that has imported all modules and saved one frame.
    seqsave.save(frames(1), "s3://bucket/warm", storage_options=options)
    start = _memory("VmRSS")
    RESET_PEAK.write_text("5")
    begun = time.perf_counter()
    result = seqsave.save(frames(count), "s3://bucket/run", storage_options=options, max_bytes=MAX_BYTES)
    seconds = time.perf_counter() - begun
    assert result.counts["saved"] == count
    print(json.dumps({"start": start, "peak": _memory("VmHWM"), "seconds": seconds}))


def _memory(what: str) -> int:
    """Return the bytes of this process: resident now (VmRSS), or the peak since the last reset (VmHWM)."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(what))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
