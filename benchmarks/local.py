"""Save float32 1080p frames as PNG on a local disk, compared with encoding alone and with common ways of saving."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

import seqsave
from benchmarks.frames import floats_1080p
from benchmarks.plan import Claim, Report, Table
from benchmarks.timing import alternate, rate, together
from benchmarks.ways import as_bytes, encode_floats

if TYPE_CHECKING:
    from benchmarks.plan import Plan


def run(plan: Plan) -> Report:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    frames = list(floats_1080p(8)) * plan.pick(2, 16)
    few = frames[:2]
    root = Path(tempfile.mkdtemp(prefix="seqsave-bench-"))

    def prepare(way: str) -> None:
        """Remove the files of the last way, and allocate memory for those of the next one.

        A virtual machine may return memory to its host after two seconds, and allocating it again takes longer than
        encoding. Without this, chance would decide which way pays for it.
        """
        for run in root.glob("*"):
            shutil.rmtree(run) if run.is_dir() else run.unlink()
        filler = root / "filler"
        with filler.open("wb") as file:
            for _ in range(counts[way]):
                file.write(bytes(frames[0].size))  # one raw picture: for a file, and for frames being saved
        filler.unlink()

    number = itertools.count()

    def plain(frame: Any, **settings: Any) -> None:
        Image.fromarray(as_bytes(frame)).save(root / f"plain_{next(number):05d}.png", **settings)

    counts = {
        "seqsave.save": len(frames),
        "encoding alone, all cores": len(frames),
        "loop, Pillow optimize=True (the original node)": len(few),
        "loop, Pillow level 4 (ComfyUI)": len(few),
    }
    original, comfy = list(counts)[2:]
    try:
        timings = alternate(
            {
                "seqsave.save": lambda: seqsave.save(frames, root / f"run{next(number)}", filetype="png"),
                "encoding alone, all cores": lambda: together(encode_floats, frames, cores),
                original: lambda: together(partial(plain, optimize=True), few, 1),
                comfy: lambda: together(partial(plain, compress_level=4), few, 1),
            },
            plan.rounds,
            before=prepare,
        )
    finally:
        shutil.rmtree(root)
    rates = {name: rate(timing, counts[name]) for name, timing in timings.items()}
    ours = rates["seqsave.save"]
    rows = [
        [name, f"{speed:.1f}", f"{ours / speed:.2f}", f"{1000 * timings[name].cpu / counts[name]:.0f}"]
        for name, speed in rates.items()
    ]
    note = f"{cores} cores; the loops run on one. {len(frames)} frames each ({len(few)} for the loops)."
    return Report(
        [Table("float32 1080p to a local disk, PNG", ["way", "frames/s", "ours is x", "CPU ms per frame"], rows, note)],
        claims=[
            Claim("local disk: of the encoding rate", ours / rates["encoding alone, all cores"], 0.9),
            Claim("local disk: per core, faster than the original node", ours / cores / rates[original], 60),
        ],
    )
