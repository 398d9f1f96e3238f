"""Measure the cost of saving beside encoding: each frame, a call for a single frame, the manifest, the spool.

``SEQSAVE_BASELINE=/path/to/older/src`` also measures an older version. Each version has one process for all of its
turns. Turns alternate, and figures are compared with those of the other version in the same round.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.processes import Served
from tests.support.s3 import S3Server

from benchmarks.plan import Claim, Report, Table
from benchmarks.timing import Timing, alternate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.plan import Plan

ROOT = Path(__file__).parents[1]
LATENCY = 0.08
THIS, OLDER = "this version", "the older version"
SIZES = {"64x64": 64, "512x512": 512, "1080p": 1080}
# Enough frames for a tenth of a second, so that the resolution of the clock does not matter.
COUNTS = {64: 200, 512: 40, 1080: 8}
MOST = 1.03
MOST_WITH_MANIFEST = 1.05


@dataclass(frozen=True, slots=True)
class Case:
    """One saving. With concurrency=1 in ``settings`` it uses one thread, and its calls are counted.

    size:   the height; 1080 is 1920 wide, others are square.
    way:    "sequence" for one call of ``save``; "singles" for one call for each frame; "write" for the median of the
            calls of ``write`` of a writer with room for all frames, whose CPU time is that of the calling thread;
            "open" for ``open_sequence``, once.
    timed:  the time is compared as well as the CPU time.
    """

    name: str
    size: int
    count: int
    url: str
    settings: dict[str, Any] = field(default_factory=dict)
    way: str = "sequence"
    timed: bool = False

    @property
    def counts_calls(self) -> bool:
        return self.way == "singles" or self.settings.get("concurrency") == 1


def run(plan: Plan) -> Report:
    report = Report()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="seqsave-bench-")))
        versions = {THIS: stack.enter_context(Version(ROOT / "src", folder))}
        older = os.environ.get("SEQSAVE_BASELINE")
        if older:
            versions[OLDER] = stack.enter_context(Version(Path(older), folder))
        # Claims about a frame compare versions; without an older one, the rows are a look.
        alone, rounds = plan.pick(3, 5), plan.pick(3, 11)
        server = stack.enter_context(S3Server())
        slow = stack.enter_context(Served("tests.support.null_s3", f"--latency={LATENCY}"))
        cases = [*_frames(plan, folder), *_singles(plan, folder), *_on_s3(plan, server)]
        compare(versions, cases, rounds if older else alone, plan, report)
        for place, around in _manifests(plan, folder, slow.hello["endpoint_url"]).items():
            if plan.wants(place):
                _share(versions[THIS], place, around, rounds, report)
    return report


# --- what is measured ------------------------------------------------------------------------------------------------


def _frames(plan: Plan, folder: Path) -> Iterator[Case]:
    for place, url in {"memory": "memory://bench", "local": str(folder / "frames")}.items():
        for label, size in SIZES.items():
            for filetype in ("png", "jpg"):
                count = max(1, COUNTS[size] // plan.pick(4, 1))
                yield Case(f"{label} {filetype}, {place}", size, count, url, {"filetype": filetype, "concurrency": 1})


def _singles(plan: Plan, folder: Path) -> Iterator[Case]:
    for place, url in {"memory": "memory://bench", "local": str(folder / "frames")}.items():
        for label, size in (("64x64", 64), ("512x512", 512)):
            count = max(1, COUNTS[size] // plan.pick(8, 2))
            yield Case(f"save([one {label} frame]), {place}", size, count, url, {"filetype": "png"}, way="singles")


def _on_s3(plan: Plan, server: S3Server) -> Iterator[Case]:
    for label, size in SIZES.items():
        count = max(1, COUNTS[size] // plan.pick(4, 1))
        settings = {"filetype": "png", "storage_options": {**server.storage_options, "client": "s3fs"}}
        yield Case(f"{label} png, S3 server", size, count, server.new_prefix(), settings)
        alone = {**settings, "manifest": False}
        yield Case(f"{label} png, S3 server, no manifest", size, count, server.new_prefix(), alone)


def _manifests(plan: Plan, folder: Path, endpoint_url: str) -> dict[str, list[Case]]:
    options = {"key": "any", "secret": "any", "endpoint_url": endpoint_url}
    places: dict[str, tuple[str, dict[str, Any]]] = {
        "memory": ("memory://bench", {}),
        "a local disk": (str(folder / "frames"), {}),
        f"a server behind {1000 * LATENCY:.0f} ms": ("s3://bucket/folder", {"storage_options": options}),
    }
    spool = {"spool": str(folder / "spool")}
    count = plan.pick(4, 32)
    return {
        place: [
            Case("manifest=False", 1080, count, url, {**settings, "manifest": False}),
            Case("as usual (manifest)", 1080, count, url, settings),
            Case("with a spool", 1080, count, url, {**settings, **spool}),
        ]
        for place, (url, settings) in places.items()
    }


# --- in turns --------------------------------------------------------------------------------------------------------


def compare(versions: dict[str, Version], cases: Sequence[Case], rounds: int, plan: Plan, report: Report) -> None:
    """Measure each case with every version, in turns."""
    cases = [case for case in cases if plan.wants(case.name)]
    columns = ["saving", "version", "CPU us per frame, least", "median", "us per frame, least", "median", "calls"]
    rows = []
    for case in cases:
        measured = in_turns({name: (version, case) for name, version in versions.items()}, rounds)
        calls = {name: version.calls(case) for name, version in versions.items() if case.counts_calls}
        for name, of in measured.items():
            figures = [f"{1e6 * one / case.count:.0f}" for one in (of.least_cpu, of.cpu, min(of.walls), of.seconds)]
            rows.append([case.name, name, *figures, f"{calls[name]:.0f}" if calls else ""])
        if len(measured) > 1:
            this, older = measured[THIS], measured[OLDER]
            ratios = [this.least_cpu / older.least_cpu, paired(this.cpus, older.cpus)]
            ratios += [min(this.walls) / min(older.walls), paired(this.walls, older.walls)]
            ratio = f"{calls[THIS] / calls[OLDER]:.3f}" if calls else ""
            rows.append([case.name, "**ratio**", *(f"{one:.3f}" for one in ratios), ratio])
            report.claims.append(Claim(f"{case.name}: CPU of the older version's", min(ratios[:2]), MOST, at_most=True))
            if case.timed:
                text = f"{case.name}: time of the older version's"
                report.claims.append(Claim(text, min(ratios[2:]), MOST, at_most=True))
    note = (
        "The ratio of the medians is the median of each round's ratio. Calls: of functions, Python's and C's, a frame."
    )
    report.tables.append(Table("What a frame takes", columns, rows, note))


def _share(version: Version, place: str, cases: Sequence[Case], rounds: int, report: Report) -> None:
    """Measure what manifest and spool add: each case against the first one."""
    measured = in_turns({case.name: (version, case) for case in cases}, rounds)
    plain = measured[cases[0].name]
    rows = []
    for case in cases:
        of = measured[case.name]
        ratio = paired(of.cpus, plain.cpus)
        cpu, wall = 1000 * of.cpu / case.count, 1000 * of.seconds / case.count
        rows.append([case.name, f"{cpu:.1f}", f"{ratio:.3f}", f"{wall:.1f}", f"{paired(of.walls, plain.walls):.3f}"])
        if of is not plain:
            text = f"CPU to {place}, {case.name}: of {cases[0].name}"
            report.claims.append(Claim(text, ratio, MOST_WITH_MANIFEST, at_most=True))
    columns = ["run", "CPU ms per frame", "of the first", "ms per frame", "of the first"]
    report.tables.append(Table(f"{cases[0].count} float32 frames of 1080p to {place}", columns, rows))


def in_turns(rows: dict[str, tuple[Version, Case]], rounds: int) -> dict[str, Timing]:
    """Measure the rows in turns, with the seconds that the processes of the versions report."""
    timings = alternate({name: partial(version.save, case) for name, (version, case) in rows.items()}, rounds)
    return {
        name: Timing([wall for _, wall in timing.results], [cpu for cpu, _ in timing.results])
        for name, timing in timings.items()
    }


def paired(these: Sequence[float], others: Sequence[float]) -> float:
    return statistics.median(this / other for this, other in zip(these, others, strict=True))


# --- one version in a process of its own -----------------------------------------------------------------------------


class Version:
    """A process that saves with the package in ``source``, one case after another on request."""

    def __init__(self, source: Path, folder: Path) -> None:
        paths = os.pathsep.join([str(source), str(ROOT)])
        # No plugins: the installed ones work with one of the versions only.
        environment = {**os.environ, "PYTHONPATH": paths, "SEQSAVE_LOAD_PLUGINS": ""}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.overhead", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=ROOT,
        )

    def __enter__(self) -> Version:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.communicate()

    def save(self, case: Case) -> tuple[float, float]:
        """Return the CPU seconds and the wall seconds that the case took."""
        answer = self._ask(case, calls=False)
        return answer["cpu"], answer["wall"]

    def calls(self, case: Case) -> float:
        """Return the number of function calls for a frame."""
        return float(self._ask(case, calls=True)["calls"])

    def _ask(self, case: Case, *, calls: bool) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([asdict(case), calls]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process of {self._process.args!r} ended: its own message stands above")
        return json.loads(line)


def _serve(folder: Path) -> None:
    import seqsave

    # Imports and other first-time work are not measured.
    seqsave.save([_frame_of(64)] * 2, "memory://warm", filetype="png")
    for line in sys.stdin:
        document, calls = json.loads(line)
        case = Case(**document)
        if case.url.startswith("s3://") and case.way != "open":  # an older version cannot read newer manifests
            case = replace(case, url=f"{case.url}/{os.getpid()}")
        shutil.rmtree(folder / "frames", ignore_errors=True)
        _forget_memory()
        gc.collect()
        answer = {"calls": _count_calls(case)} if calls else _timed(case)
        print(json.dumps(answer), flush=True)


def _timed(case: Case) -> dict[str, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    waited = _save(case)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    if waited is not None:
        wall, cpu = (case.count * seconds for seconds in waited)
    return {"cpu": cpu, "wall": wall}


def _count_calls(case: Case) -> float:
    count = 0

    def note(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        _save(case)
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
    return count / case.count


def _save(case: Case) -> tuple[float, float] | None:
    """Do what the case says. Return the median seconds of its calls and of their CPU, if these are to be compared."""
    import seqsave

    if case.way == "open":
        assert len(seqsave.open_sequence(case.url, **case.settings)) == case.count
        return None
    frame = _frame_of(case.size)
    if case.way == "write":
        with seqsave.open_writer(case.url, max_bytes=2**31, **case.settings) as writer:
            walls, cpus = zip(*(_seconds(writer.write, frame) for _ in range(case.count)), strict=True)
        return statistics.median(walls), statistics.median(cpus)
    if case.way == "sequence":
        seqsave.save((frame for _ in range(case.count)), case.url, **case.settings)
        return None
    for number in range(case.count):
        seqsave.save([frame], case.url, start=number, **case.settings)
    return None


def _seconds(function: Callable[[Any], object], value: Any) -> tuple[float, float]:
    """Return the seconds of a call, and the CPU seconds of this thread."""
    cpu, wall = time.thread_time(), time.perf_counter()
    function(value)
    return time.perf_counter() - wall, time.thread_time() - cpu


@functools.cache
def _frame_of(size: int) -> Any:
    from benchmarks.frames import cropped, floats_1080p

    return floats_1080p(1)[0] if size == 1080 else cropped(1, size, size)[0]


def _forget_memory() -> None:
    from fsspec.implementations.memory import MemoryFileSystem

    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
