"""Frames per second to a local disk against the cores that the process may use."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.frames import floats_1080p
from benchmarks.plan import Curve, Report, Table
from benchmarks.timing import alternate

if TYPE_CHECKING:
    from benchmarks.plan import Plan


# No claim is about it, and the least time counts.
ROUNDS = 3


def run(plan: Plan) -> Report:
    if not hasattr(os, "sched_setaffinity"):
        note = "This system does not let a process choose its cores."
        return Report([Table("Against cores", ["cores"], [], note)])
    cores = sorted(os.sched_getaffinity(0))
    steps = sorted({1, 2, 4, 8, 16, 32, len(cores)} & set(range(1, len(cores) + 1)))
    count = plan.pick(16, 64)
    timings = alternate(
        {str(step): partial(_in_a_process, cores[:step], count) for step in steps}, min(plan.rounds, ROUNDS), warm=False
    )
    seconds = {step: min(timings[str(step)].results) for step in steps}
    points = [(float(step), count / seconds[step]) for step in steps]
    curve = Curve("cores", "float32 1080p to a local disk, against cores", "cores", "frames/s", {"seqsave": points})
    rows = [[f"{cores:.0f}", f"{speed:.1f}", f"{speed / points[0][1]:.2f}"] for cores, speed in points]
    return Report([Table(curve.title, ["cores", "frames/s", "x one core"], rows)], [curve])


def _in_a_process(cores: list[int], count: int) -> float:
    """Return the seconds of the saving, in a process that is bound to these cores before it starts threads."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.cores", str(count), *map(str, cores)],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def main(count: int, cores: set[int]) -> None:
    os.sched_setaffinity(0, cores)
    import seqsave

    frames = list(floats_1080p(8)) * (count // 8)
    root = Path(tempfile.mkdtemp(prefix="seqsave-bench-"))
    try:
        seqsave.save(frames[:4], root / "warm", filetype="png")
        start = time.perf_counter()
        seqsave.save(frames, root / "run", filetype="png")
        print(time.perf_counter() - start)
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main(int(sys.argv[1]), {int(core) for core in sys.argv[2:]})
