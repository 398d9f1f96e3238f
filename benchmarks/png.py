"""One 1080p picture to PNG bytes: time on one core, size, and what a second thread adds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.frames import bytes_1080p
from benchmarks.plan import Claim, Curve, Report, Table
from benchmarks.timing import alternate, together
from benchmarks.ways import png_ways

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.plan import Plan

ORIGINAL, COMFY, LEVEL_1 = "Pillow optimize=True (the original node)", "Pillow level 4 (ComfyUI)", "Pillow level 1"


def run(plan: Plan) -> Report:
    ways = png_ways()
    return encoders(plan, ways, "PNG, one 1080p RGB picture to bytes", curve="png", claims=_claims)


def encoders(
    plan: Plan, ways: dict[str, Callable[[Any], bytes]], title: str, curve: str, claims: Callable[..., list[Claim]]
) -> Report:
    pictures = bytes_1080p(4)
    raw = sum(picture.nbytes for picture in pictures)
    sizes = {name: sum(len(way(picture)) for picture in pictures) for name, way in ways.items()}
    one = alternate({name: lambda way=way: way(pictures[0]) for name, way in ways.items()}, plan.rounds)
    gains = two_threads(plan, ways)
    ours = one["seqsave"].seconds
    rows = [
        [
            name,
            f"{1000 * timing.seconds:.1f}",
            f"{timing.seconds / ours:.1f}",
            f"{sizes[name] / raw:.3f}",
            f"{gains[name]:.2f}",
        ]
        for name, timing in one.items()
    ]
    table = Table(title, ["way", "ms", "x ours", "file / raw", "gain of 2 threads"], rows)
    bars = Curve(curve, title, y="ms", bars={name: 1000 * timing.seconds for name, timing in one.items()})
    times = {name: timing.seconds for name, timing in one.items()}
    return Report([table], [bars], claims(times, sizes, gains))


def two_threads(plan: Plan, ways: dict[str, Callable[[Any], bytes]]) -> dict[str, float]:
    """How many times faster two threads are than one, over the same pictures."""
    pictures = list(bytes_1080p(4)) * plan.pick(1, 3)
    gains = {}
    for name, way in ways.items():
        some = pictures[: 2 if "optimize" in name else len(pictures)]  # a slow way needs no long run
        timings = alternate(
            {
                "1": lambda way=way, some=some: together(way, some, 1),
                "2": lambda way=way, some=some: together(way, some, 2),
            },
            plan.rounds,
            warm=False,
        )
        gains[name] = timings["1"].seconds / timings["2"].seconds
    return gains


def _claims(times: dict[str, float], sizes: dict[str, int], gains: dict[str, float]) -> list[Claim]:
    ours = times["seqsave"]
    return [
        Claim("PNG: faster than Pillow level 1", times[LEVEL_1] / ours, 8),
        Claim("PNG: faster than ComfyUI's way", times[COMFY] / ours, 12),
        Claim("PNG: faster than the original node", times[ORIGINAL] / ours, 60),
        Claim("PNG: size against Pillow level 1", sizes["seqsave"] / sizes[LEVEL_1], 1.02, at_most=True),
        Claim("PNG: gain of two threads", gains["seqsave"], 1.8),
    ]
