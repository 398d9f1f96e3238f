"""Split a clip into PNGs: 132 frames of 720p to a local disk, against ffmpeg's own PNG encoder.

Each way is a program, started for each round. `ffmpeg -i` compresses as it does by default; its fastest way is
compression level 1 with the row filter Up. CPU is that of the program alone, over all its threads. Python keeps what it
compiles, as where seqsave is installed; PYTHONDONTWRITEBYTECODE would add a sixth to our time.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.clip import CLIP_FRAMES, bigbuckbunny

from benchmarks.plan import Claim, Report, Table
from benchmarks.timing import Timing, run_program

if TYPE_CHECKING:
    from benchmarks.plan import Plan

ROUNDS = 5
OURS, DEFAULT, FAST = "seqsave save", "ffmpeg, its default", "ffmpeg, level 1 and filter Up"


def run(plan: Plan) -> Report:
    program = shutil.which("ffmpeg")
    if program is None:
        raise SystemExit("ffmpeg is missing: install it, as with apt-get install ffmpeg")
    clip = str(bigbuckbunny())
    ffmpeg = [program, "-nostdin", "-loglevel", "error", "-i", clip]
    ways = {
        OURS: lambda folder: [sys.executable, "-m", "seqsave", "save", "--quiet", clip, folder],
        DEFAULT: lambda folder: [*ffmpeg, f"{folder}/frame_%05d.png"],
        FAST: lambda folder: [*ffmpeg, "-compression_level", "1", "-pred", "up", f"{folder}/frame_%05d.png"],
    }
    timings = {name: Timing() for name in ways}
    sizes: dict[str, int] = {}
    root = Path(tempfile.mkdtemp(prefix="seqsave-bench-"))
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(root / "compiled")}
    try:
        for number in range(-1, min(plan.rounds, ROUNDS)):
            for name, way in ways.items():
                folder = root / "frames"
                folder.mkdir()
                seconds, used = run_program(way(str(folder)), environment)
                sizes[name] = _size(folder)
                shutil.rmtree(folder)
                if number >= 0:
                    timings[name].walls.append(seconds)
                    timings[name].cpus.append(used)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return _report(timings, sizes)


def _size(folder: Path) -> int:
    files = list(folder.glob("*.png"))
    assert len(files) == CLIP_FRAMES, folder
    return sum(file.stat().st_size for file in files)


def _report(timings: dict[str, Timing], sizes: dict[str, int]) -> Report:
    ours = timings[OURS]
    rows = [
        [
            name,
            f"{timing.seconds:.2f}",
            f"{timing.seconds / ours.seconds:.2f}",
            f"{timing.cpu:.2f}",
            f"{timing.cpu / ours.cpu:.2f}",
            f"{sizes[name] / 1e6:.1f}",
        ]
        for name, timing in timings.items()
    ]
    columns = ["way", "s", "x ours", "CPU s", "CPU, x ours", "MB"]
    title = f"{CLIP_FRAMES} frames of 720p, from H.264 to PNGs on a local disk"
    claims = []
    for name, faster in ((DEFAULT, 4), (FAST, 2)):
        timing = timings[name]
        claims += [
            Claim(f"video to PNG: times as fast as {name}", timing.seconds / ours.seconds, faster),
            Claim(f"video to PNG: of the CPU time of {name}", ours.cpu / timing.cpu, 1 / faster, at_most=True),
            Claim(f"video to PNG: size against {name}", sizes[OURS] / sizes[name], 1.0, at_most=True),
        ]
    return Report([Table(title, columns, rows, "Each way is one call of a program.")], claims=claims)
