"""One 1080p picture of 16 bits to PNG bytes: time on one core, size, and what a second thread adds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.frames import wide_photographs_1080p, words_1080p
from benchmarks.plan import Claim, Report
from benchmarks.png import encoders, with_native
from benchmarks.ways import native_png16_ways, png16_ways

if TYPE_CHECKING:
    from benchmarks.plan import Plan

# Slow ways. The claim is about the fastest other one.
ONCE = ("seqsave, compression=balanced", "imagecodecs")


def run(plan: Plan) -> Report:
    title = "PNG of 16 bits, one 1080p RGB picture of a clip to bytes"
    found = Report()
    if plan.wants(title):
        found = encoders(plan, png16_ways(), title, curve="png16", claims=_claims, frames=words_1080p, once=ONCE)
    title = "PNG of 16 bits, one 1080p RGB photograph to bytes"
    if plan.wants(title):
        more = with_native(plan, native_png16_ways(), title, wide_photographs_1080p, 0.55, 1.0)
        found.tables += more.tables
        found.claims += more.claims
    return found


def _claims(times: dict[str, float], sizes: dict[str, int], gains: dict[str, float]) -> list[Claim]:
    others = [seconds for name, seconds in times.items() if not name.startswith("seqsave")]
    return [Claim("PNG of 16 bits: faster than the fastest other", min(others) / times["seqsave"], 4)]
