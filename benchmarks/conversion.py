"""One 1080p float picture to the 8-bit pixels that ComfyUI's saver makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.frames import floats_1080p
from benchmarks.plan import Report, Table
from benchmarks.timing import alternate
from benchmarks.ways import as_bytes
from seqsave.pictures import arrays

if TYPE_CHECKING:
    from benchmarks.plan import Plan


def run(plan: Plan) -> Report:
    (single,) = floats_1080p(1)
    half = single.astype(np.float16)

    def ours(picture: object) -> object:
        return arrays.prepare(arrays.as_array(picture), ("uint8",), (1, 3, 4)).array

    timings = alternate(
        {
            "seqsave, float32": lambda: ours(single),
            "numpy clip(255 * x, 0, 255).astype, float32": lambda: as_bytes(single),
            "seqsave, float16": lambda: ours(half),
            "numpy clip(255 * x, 0, 255).astype, float16": lambda: as_bytes(half),
        },
        plan.rounds * 3,
    )
    rows = [[name, f"{1000 * timing.seconds:.1f}"] for name, timing in timings.items()]
    return Report([Table("Float to 8 bit, one 1080p RGB picture", ["way", "ms"], rows)])
