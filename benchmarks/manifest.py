"""Measure the cost of a manifest: 100,000 frames loaded, one frame changed, runs over 1, 8 and 64 tasks, a whole run.

``SEQSAVE_BASELINE=/path/to/older/src`` compares a whole run with that of an older version, in turns.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.proxy import Proxy
from tests.support.s3 import S3Server

from benchmarks.memory import MB, RESET_PEAK, _memory
from benchmarks.overhead import OLDER, ROOT, THIS, Case, Version, in_turns, paired
from benchmarks.plan import Claim, Report, Table

if TYPE_CHECKING:
    from benchmarks.plan import Plan

MANY = 100_000
# Frames of the sequence in which one is changed: as many as one listing shows.
LISTED = 1000
FRAMES = 64
WHOLE_RUN = 240
LONGEST_LOAD, MOST_MEMORY = 1.0, 100.0
MOST_REQUESTS = 5
MOST = 1.02
LOOK = 2  # rounds of a whole run without an older version, which no claim is about


def run(plan: Plan) -> Report:
    report = Report()
    _load(plan, report)
    with S3Server() as server, Proxy(server.endpoint_url) as proxy:
        options = {**server.storage_options, "endpoint_url": proxy.endpoint_url}
        _change(plan, report, server, proxy, options)
        _tasks(report, server, proxy, options)
    _whole_runs(plan, report)
    return report


# --- 100,000 frames --------------------------------------------------------------------------------------------------


def _load(plan: Plan, report: Report) -> None:
    count = plan.pick(MANY // 10, MANY)
    with tempfile.TemporaryDirectory(prefix="seqsave-bench-") as folder:
        path = Path(folder, "manifest.json")
        path.write_bytes(_dumped(count))
        found = [
            json.loads(subprocess.check_output([sys.executable, "-m", "benchmarks.manifest", str(path)], cwd=ROOT))
            for _ in range(plan.rounds)
        ]
        size = path.stat().st_size
    seconds, peak = min(one["cpu"] for one in found), max(one["peak"] for one in found) / MB
    rows = [
        [str(count), f"{size / MB:.1f}", f"{seconds:.2f}", f"{min(one['wall'] for one in found):.2f}", f"{peak:.0f}"]
    ]
    columns = ["frames", "MB of the file", "CPU s to load, least", "s to load, least", "MB of memory beyond the start"]
    report.tables.append(Table("A large manifest", columns, rows))
    report.claims += [
        Claim(f"CPU to load {count} frames", seconds, LONGEST_LOAD, at_most=True, unit="s"),
        Claim(f"memory to load {count} frames", peak, MOST_MEMORY, at_most=True, unit="MB"),
    ]


def _dumped(count: int) -> bytes:
    from seqsave.manifest import Facts, FrameEntry, Outcome
    from seqsave.manifest.document import dump
    from seqsave.manifest.merging import ended
    from seqsave.manifest.outcome import Seen
    from seqsave.manifest.records import WriterEntry

    frames = [
        FrameEntry(
            index=index,
            batch=None,
            name=f"frame_{index:05d}.png",
            size=100_000 + index,
            checksum=f"crc32:{index:08x}",
            etag=f"{index:032x}",
            version=f"{index:032x}",
            acknowledged=True,
        )
        for index in range(count)
    ]
    facts = Facts(prefix="frame", extension="png", filetype="png", total=count)
    me = WriterEntry(id="bench", host="bench", pid=1, since="2026-01-01T00:00:00Z")
    listing = {frame.name: Seen(frame.size or 0, frame.version) for frame in frames}
    made = ended(None, facts, me, Outcome(frames=frames), None, listing)
    assert made.complete
    return dump(made)


def _load_here(path: Path) -> None:
    from seqsave.manifest.document import load

    data = path.read_bytes()
    load(data[: data.index(b'"frames"')] + b'"frames": []}')  # imports and other first-time work
    start = _memory("VmRSS")
    if RESET_PEAK.exists():
        RESET_PEAK.write_text("5")
    cpu, wall = time.process_time(), time.perf_counter()
    manifest = load(data)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    assert manifest.complete
    print(json.dumps({"cpu": cpu, "wall": wall, "peak": _memory("VmHWM") - start}))


# --- requests --------------------------------------------------------------------------------------------------------


def _kinds(proxy: Proxy) -> Counter[str]:
    found: Counter[str] = Counter()
    for request in proxy.requests:
        what = "manifest" if ".seqsave/" in request.path else "frame" if ".png" in request.path else "listing"
        found[f"{request.method} {what}"] += 1
    return found


def _change(plan: Plan, report: Report, server: S3Server, proxy: Proxy, options: dict[str, Any]) -> None:
    import numpy as np

    import seqsave

    count, url, picture = plan.pick(100, LISTED), server.new_prefix(), np.zeros((8, 8, 3), np.uint8)
    settings: dict[str, Any] = {"filetype": "png", "storage_options": options}
    seqsave.save((picture for _ in range(count)), url, total=count, **settings)
    proxy.requests.clear()
    seqsave.save([picture + 1], url, start=count // 2, **settings)
    found = _kinds(proxy)
    rows = [[kind, str(number)] for kind, number in sorted(found.items())]
    report.tables.append(Table(f"One frame of {count} changed, on a real S3 server", ["request", "how often"], rows))
    reads = found["GET manifest"] + found["HEAD manifest"]
    report.claims.append(Claim("reads of the manifest for one changed frame", reads, 1, at_most=True, unit="requests"))


def _tasks(report: Report, server: S3Server, proxy: Proxy, options: dict[str, Any]) -> None:
    import numpy as np

    import seqsave

    rows, picture = [], np.zeros((8, 8, 3), np.uint8)
    for tasks in (1, 8, 64):
        proxy.requests.clear()
        job = seqsave.open_run(server.new_prefix(), storage_options=options, total=FRAMES, filetype="png")
        job.begin()
        records = []
        for first in range(tasks):
            with job.part() as part:
                for index in range(first, FRAMES, tasks):
                    part.write(picture, index=index)
            records += part.records
        assert job.commit(records).complete
        found = _kinds(proxy)
        others = sum(found.values()) - found["PUT frame"]
        rows.append([str(tasks), str(found["PUT frame"]), str(others), str(found["GET listing"])])
        report.claims.append(
            Claim(f"requests beside frames, {tasks} tasks", others, MOST_REQUESTS + 1, at_most=True, unit="requests")
        )
    columns = ["tasks", "requests for frames", "others", "of them listings"]
    report.tables.append(Table(f"A run of {FRAMES} frames over tasks, on a real S3 server", columns, rows))


# --- a whole run -----------------------------------------------------------------------------------------------------


def _whole_runs(plan: Plan, report: Report) -> None:
    count = plan.pick(24, WHOLE_RUN)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="seqsave-bench-")))
        versions = {THIS: stack.enter_context(Version(ROOT / "src", folder))}
        older = os.environ.get("SEQSAVE_BASELINE")
        if older:
            versions[OLDER] = stack.enter_context(Version(Path(older), folder))
        server = stack.enter_context(S3Server())
        stored = {"storage_options": {**server.storage_options, "client": "s3fs"}}
        rows = []
        for place, url, more in (("local", str(folder / "frames"), {}), ("S3", server.new_prefix(), stored)):
            case = Case(f"{count} frames of 512x512, {place}", 512, count, url, {"filetype": "png", **more})
            rounds = plan.rounds if older else min(plan.rounds, LOOK)
            measured = in_turns({name: (version, case) for name, version in versions.items()}, rounds)
            rows += [[case.name, name, f"{of.least_cpu:.3f}", f"{of.cpu:.3f}"] for name, of in measured.items()]
            if len(measured) > 1:
                this, before = measured[THIS], measured[OLDER]
                ratios = (this.least_cpu / before.least_cpu, paired(this.cpus, before.cpus))
                rows.append([case.name, "**ratio**", *(f"{one:.3f}" for one in ratios)])
                text = f"{case.name}: CPU of the older version's"
                report.claims.append(Claim(text, min(ratios), MOST, at_most=True))
    report.tables.append(Table("A whole run, with its manifest", ["run", "version", "CPU s, least", "median"], rows))


if __name__ == "__main__":
    _load_here(Path(sys.argv[1]))
