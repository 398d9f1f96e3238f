"""One 1080p picture to PNG bytes: time on one core, size, and what a second thread adds; with seqsave-native too."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.frames import bytes_1080p, opaque_1080p, photographs_1080p
from benchmarks.plan import Claim, Curve, Report, Table
from benchmarks.timing import alternate, settled, together
from benchmarks.ways import NATIVE, WITHOUT, native_png_ways, png_ways

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from benchmarks.plan import Plan

EVERY = "every way"  # for --rows; the other tables go by their kinds of pictures
ORIGINAL, COMFY, LEVEL_1 = "Pillow optimize=True (the original node)", "Pillow level 4 (ComfyUI)", "Pillow level 1"
# Ways that take tenths of a second for a picture, and that neither a claim nor README is about.
ONCE = ("seqsave, compression=balanced", "Pillow level 6 (its default)", "imageio")
# Of these, the table of every way has the same figures.
ONCE_WITH_NATIVE = (LEVEL_1, "OpenCV", "libspng")
# Seconds of work for each thread, for the gain of a second one.
WORK = 0.5


def run(plan: Plan) -> Report:
    title = "PNG, one 1080p RGB picture of a clip to bytes"
    found = Report()
    if plan.wants(EVERY):
        found = encoders(plan, png_ways(), title, curve="png", claims=_claims, once=ONCE)
    kinds = {
        "RGB photograph": (photographs_1080p, 0.40, 0.98),
        "RGBA photograph": (opaque_1080p, 0.45, 0.98),
        "RGB picture of a clip": (bytes_1080p, 0.95, 0.98),
    }
    for kind, (frames, most_time, most_size) in kinds.items():
        if not plan.wants(kind):
            continue
        more = with_native(plan, native_png_ways(), f"PNG, one 1080p {kind} to bytes", frames, most_time, most_size)
        found.tables += more.tables
        found.claims += more.claims
    return found


def with_native(
    plan: Plan,
    ways: dict[str, Callable[[Any], bytes]],
    title: str,
    frames: Callable[[int], tuple[Any, ...]],
    most_time: float,
    most_size: float,
) -> Report:
    """Compare CPU time, the least of all rounds, with and without seqsave-native and with other libraries.

    Claims are about seqsave and fpng. The others are there for a look: they run once.
    """
    pictures = frames(2)
    raw = sum(picture.nbytes for picture in pictures)
    several = [*pictures] * 4  # the first one after another way pays for memory that the others use again
    rows = {name: partial(_bytes, way, several) for name, way in ways.items()}
    timings = settled(rows, plan.rounds, once=ONCE_WITH_NATIVE)
    times = {name: timing.least_cpu / len(several) for name, timing in timings.items()}
    sizes = {name: timing.results[0] / 4 / raw for name, timing in timings.items()}
    gains = {NATIVE: two_threads(plan, ways[NATIVE], times[NATIVE], frames)} if NATIVE in ways else {}
    columns = ["way", "CPU ms", "of seqsave's", "file / raw", "gain of 2 threads"]
    cells = [
        [
            name,
            f"{1000 * seconds:.1f}",
            f"{seconds / times[WITHOUT]:.2f}",
            f"{sizes[name]:.3f}",
            f"{gains[name]:.2f}" if name in gains else "",
        ]
        for name, seconds in times.items()
    ]
    once = ", ".join(name for name in ONCE_WITH_NATIVE if name in ways)
    table = Table(title, columns, cells, note=f"CPU time: the least of all rounds. One round: {once}.")
    if NATIVE not in ways:
        return Report([table])
    claims = [
        Claim(f"{title}: time with seqsave-native", times[NATIVE] / times[WITHOUT], most_time, at_most=True),
        Claim(f"{title}: size with seqsave-native", sizes[NATIVE] / sizes[WITHOUT], most_size, at_most=True),
        Claim(f"{title}: gain of two threads", gains[NATIVE], 1.9),
    ]
    claims += [
        Claim(f"{title}: {what} against fpng", mine / theirs, 1.0, at_most=True)
        for what, mine, theirs in (
            ("time", times[NATIVE], times.get("fpng", 0)),
            ("size", sizes[NATIVE], sizes.get("fpng", 0)),
        )
        if theirs
    ]
    return Report([table], claims=claims)


def encoders(
    plan: Plan,
    ways: dict[str, Callable[[Any], bytes]],
    title: str,
    curve: str,
    claims: Callable[..., list[Claim]],
    frames: Callable[[int], tuple[Any, ...]] = bytes_1080p,
    once: Collection[str] = (),
) -> Report:
    """Compare the median time of all rounds. once: ways that run once."""
    pictures = frames(2)
    raw = sum(picture.nbytes for picture in pictures)
    one = alternate({name: partial(_bytes, way, pictures) for name, way in ways.items()}, plan.rounds, once=once)
    times = {name: timing.seconds / len(pictures) for name, timing in one.items()}
    sizes = {name: timing.results[0] for name, timing in one.items()}
    ours = times["seqsave"]
    gains = {"seqsave": two_threads(plan, ways["seqsave"], ours, frames)}
    rows = [
        [
            name,
            f"{1000 * seconds:.1f}",
            f"{seconds / ours:.1f}",
            f"{sizes[name] / raw:.3f}",
            f"{gains[name]:.2f}" if name in gains else "",
        ]
        for name, seconds in times.items()
    ]
    note = f"One round: {', '.join(name for name in once if name in ways)}." if once else ""
    table = Table(title, ["way", "ms", "x ours", "file / raw", "gain of 2 threads"], rows, note)
    bars = Curve(curve, title, y="ms", bars={name: 1000 * seconds for name, seconds in times.items()})
    return Report([table], [bars], claims(times, sizes, gains))


def _bytes(way: Callable[[Any], bytes], pictures: Sequence[Any]) -> int:
    """Return how many bytes the files have. Each is dropped at once, so that the next one uses its memory."""
    return sum(len(way(picture)) for picture in pictures)


def two_threads(
    plan: Plan, way: Callable[[Any], bytes], seconds: float, frames: Callable[[int], tuple[Any, ...]]
) -> float:
    """Return how many times faster two threads are than one, with the same pictures. seconds: the time of one."""
    pictures = list(frames(4)) * max(1, round(plan.pick(0.1, WORK) / seconds / 4))
    timings = alternate({str(threads): partial(together, way, pictures, threads) for threads in (1, 2)}, plan.rounds)
    return timings["1"].seconds / timings["2"].seconds


def _claims(times: dict[str, float], sizes: dict[str, int], gains: dict[str, float]) -> list[Claim]:
    ours = times["seqsave"]
    return [
        Claim("PNG: faster than Pillow level 1", times[LEVEL_1] / ours, 8),
        Claim("PNG: faster than ComfyUI's way", times[COMFY] / ours, 12),
        Claim("PNG: faster than the original node", times[ORIGINAL] / ours, 60),
        Claim("PNG: size against Pillow level 1", sizes["seqsave"] / sizes[LEVEL_1], 1.02, at_most=True),
        Claim("PNG: gain of two threads", gains["seqsave"], 1.8),
    ]
