"""Compare two versions: CPU time to encode a 1080p frame as each file type, and to copy frames to another folder.

``SEQSAVE_BASELINE=/path/to/older/src`` names the older version; its plugins are taken from ``../plugins`` beside it.
Frames are encoded by one process of each version, and copied by its command. Turns alternate; the least time counts.
A case below the claim is repeated by new processes, because the time of large pictures differs between processes, with
the memory that they get.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.plan import Claim, Report, Table
from benchmarks.timing import Timing, alternate

if TYPE_CHECKING:
    from benchmarks.plan import Plan

ROOT = Path(__file__).parents[1]
THIS, OLDER = "this version", "the older version"
# Of the speed of the older version.
WANTED = 0.97
FRAMES = 2
COPIED = 12
# Rounds for each round of the plan; a case below the claim is repeated: a real difference remains.
MORE, AGAIN = 3, 3
CASES: dict[str, dict[str, Any]] = {
    "png": {"filetype": "png"},
    "png, 16 bits": {"filetype": "png", "dtype": "uint16"},
    "jpg": {"filetype": "jpg"},
    "webp": {"filetype": "webp", "options": {"method": 0}},
    "tiff": {"filetype": "tiff"},
    "exr": {"filetype": "exr", "dtype": "float16"},
    "jxl": {"filetype": "jxl", "options": {"effort": 1}},
}
COLUMNS = ["what", THIS, OLDER, "speed of this / older"]


def run(plan: Plan) -> Report:
    sources = {THIS: ROOT / "src"}
    older = os.environ.get("SEQSAVE_BASELINE")
    if older:
        sources[OLDER] = Path(older)
    report = Report()
    rows: dict[str, list[list[str]]] = {"encode": [], "copy": []}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="seqsave-bench-")))
        versions = {name: stack.enter_context(_Version(source)) for name, source in sources.items()}
        known = set.intersection(*(version.filetypes for version in versions.values()))
        for name, settings in CASES.items():
            if not plan.wants(name):
                continue
            if settings["filetype"] not in known:
                rows["encode"].append([f"{name}: its plugin is not installed", "", "", ""])
                continue
            calls = {one: partial(version.encode, name) for one, version in versions.items()}
            rows["encode"].append(_row(f"{name}, encode", calls, FRAMES, plan, report, list(versions.values())))
            place = folder / name
            versions[THIS].save(name, str(place))
            copies = {one: partial(version.copy, place, folder / "copy") for one, version in versions.items()}
            rows["copy"].append(_row(f"{name}, copy", copies, COPIED, plan, report, []))
    report.tables.append(Table("Least CPU ms to encode a 1080p frame", COLUMNS, rows["encode"]))
    note = f"By 'seqsave save', of {COPIED} frames, with the start of the command."
    report.tables.append(Table("Least CPU ms to copy a 1080p frame to a local folder", COLUMNS, rows["copy"], note))
    return report


def _row(
    text: str, calls: dict[str, Any], frames: int, plan: Plan, report: Report, processes: list[_Version]
) -> list[str]:
    timings = {name: Timing() for name in calls}
    for turn in range(plan.pick(1, 1 + AGAIN)):
        for process in processes if turn else ():
            process.restart()
        for name, timing in alternate(calls, plan.pick(2, MORE * plan.rounds)).items():
            timings[name].add(Timing(timing.results, timing.results))
        if _speed(timings) >= WANTED:
            break
    figures = [f"{1000 * min(timings[name].cpus) / frames:.2f}" if name in timings else "" for name in (THIS, OLDER)]
    if OLDER in timings:
        report.claims.append(Claim(f"{text}: of the older version's speed", _speed(timings), WANTED))
    return [text, *figures, f"{_speed(timings):.3f}" if OLDER in timings else ""]


def _speed(timings: dict[str, Timing]) -> float:
    return min(timings[OLDER].cpus) / min(timings[THIS].cpus) if OLDER in timings else 1.0


# --- one version in a process of its own -----------------------------------------------------------------------------


class _Version:
    """The package in ``source``, with the plugins of the same tree."""

    def __init__(self, source: Path) -> None:
        plugins = sorted(source.parent.glob("plugins/seqsave-*/src"))
        paths = os.pathsep.join(map(str, (source, *plugins, ROOT)))
        self._environment = {
            **os.environ,
            "PYTHONPATH": paths,
            "OMP_NUM_THREADS": "1",
            "SEQSAVE_DISABLE_PLUGINS": "obstore",
        }
        self._process = self._start()

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "benchmarks.encoding"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=self._environment,
            cwd=ROOT,
        )

    def restart(self) -> None:
        """Go on with a new process."""
        self._process.communicate()
        self._process = self._start()

    def __enter__(self) -> _Version:
        found = self._ask(["filetypes"])
        if Path(found["source"]) != Path(self._environment["PYTHONPATH"].split(os.pathsep)[0]):
            raise RuntimeError(f"the package of {found['source']} was imported: install it in editable mode")
        self.filetypes = set(found["filetypes"])
        return self

    def __exit__(self, *error: object) -> None:
        self._process.communicate()

    def encode(self, case: str) -> float:
        """Return the CPU seconds to save frames in memory."""
        return float(self._ask(["encode", case])["cpu"])

    def save(self, case: str, place: str) -> None:
        """Save the frames that are copied."""
        self._ask(["save", case, place])

    def copy(self, place: Path, to: Path) -> float:
        """Return the CPU seconds of the command that copies a folder."""
        shutil.rmtree(to, ignore_errors=True)
        command = [sys.executable, "-m", "seqsave", "save", str(place), str(to), "-q"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, env=self._environment, cwd=ROOT, stdin=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def _ask(self, question: list[str]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process of {self._process.args!r} ended: its own message stands above")
        return json.loads(line)


def _serve() -> None:
    import seqsave

    for line in sys.stdin:
        what, *rest = json.loads(line)
        answer: dict[str, Any] = {}
        if what == "filetypes":
            names = sorted(info.spec.filetype for info in seqsave.describe_filetypes())
            answer = {"filetypes": names, "source": str(Path(seqsave.__file__).parents[1])}
        elif what == "encode":
            start = time.process_time()
            _save(rest[0], "memory://bench", FRAMES)
            answer = {"cpu": time.process_time() - start}
        else:
            _save(rest[0], rest[1], COPIED)
        print(json.dumps(answer), flush=True)


def _save(case: str, place: str, count: int) -> None:
    import seqsave

    frame = _frame()
    seqsave.save((frame for _ in range(count)), place, concurrency=1, manifest=count == COPIED, **CASES[case])


@functools.cache
def _frame() -> Any:
    from benchmarks.frames import floats_1080p

    return floats_1080p(1)[0]


if __name__ == "__main__":
    _serve()
