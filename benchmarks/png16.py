"""One 1080p picture of 16 bits to PNG bytes: time on one core, size, and what a second thread adds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.frames import words_1080p
from benchmarks.plan import Claim
from benchmarks.png import encoders
from benchmarks.ways import png16_ways

if TYPE_CHECKING:
    from benchmarks.plan import Plan, Report


def run(plan: Plan) -> Report:
    title = "PNG of 16 bits, one 1080p RGB picture to bytes"
    return encoders(plan, png16_ways(), title, curve="png16", claims=_claims, frames=words_1080p)


def _claims(times: dict[str, float], sizes: dict[str, int], gains: dict[str, float]) -> list[Claim]:
    others = [seconds for name, seconds in times.items() if not name.startswith("seqsave")]
    return [Claim("PNG of 16 bits: faster than the fastest other", min(others) / times["seqsave"], 4)]
