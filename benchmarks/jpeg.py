"""One 1080p picture to JPEG bytes at quality 95: time on one core, size, and what a second thread adds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.png import encoders
from benchmarks.ways import jpeg_ways

if TYPE_CHECKING:
    from benchmarks.plan import Plan, Report


def run(plan: Plan) -> Report:
    return encoders(
        plan, jpeg_ways(), "JPEG quality 95, one 1080p RGB picture to bytes", curve="jpeg", claims=lambda *_: []
    )
