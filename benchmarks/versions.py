"""Compare two versions in what the other measurements show of one: waiting, local disk, S3, small frames, finding.

``SEQSAVE_BASELINE=/path/to/older/src`` names the older version; without it, only this version is measured. Turns
alternate, as in ``overhead``. At the end of a run this version lists the folder, which its older ones did not: that is
one request more for each run.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.processes import Served
from tests.support.s3 import S3Server

from benchmarks.overhead import LATENCY, OLDER, ROOT, THIS, Case, Version, compare
from benchmarks.plan import Report

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.plan import Plan

SMALL = 96
BEHIND = f"behind {1000 * LATENCY:.0f} ms"


def run(plan: Plan) -> Report:
    report = Report()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="seqsave-bench-")))
        versions = {THIS: stack.enter_context(Version(ROOT / "src", folder))}
        older = os.environ.get("SEQSAVE_BASELINE")
        if older:
            versions[OLDER] = stack.enter_context(Version(Path(older), folder))
        server = stack.enter_context(S3Server())
        proxy = stack.enter_context(Served("tests.support.proxy", server.endpoint_url, f"--latency={LATENCY}"))
        behind = {**server.storage_options, "endpoint_url": proxy.hello["endpoint_url"], "client": "s3fs"}
        cases = [*_local(plan, folder), *_null_store(plan, stack), *_finding(plan, stack, folder)]
        stored = _case(f"s3: float32 1080p, S3 server {BEHIND}", plan, 32, server.new_prefix(), behind)
        # The time is that of the server, which needs the same cores.
        compare(versions, [*cases, replace(stored, timed=False)], plan.pick(2, 7), plan, report)
    return report


def _local(plan: Plan, folder: Path) -> Iterator[Case]:
    url = str(folder / "frames")
    png: dict[str, Any] = {"filetype": "png"}
    frames = plan.pick(8, 24)
    # Encoders keep all cores busy: how long a call takes beside them is chance. So the caller's CPU time counts.
    yield Case("latency: write(float32 1080p) while there is room", 1080, frames, url, png, way="write")
    yield Case("latency: save([one 512x512 frame]), local", 512, plan.pick(5, 30), url, png, way="singles", timed=True)
    yield Case("local: float32 1080p", 1080, frames, url, png, timed=True)
    yield Case("count: 96x96, local", SMALL, plan.pick(100, 1000), url, png, timed=True)


def _null_store(plan: Plan, stack: contextlib.ExitStack) -> Iterator[Case]:
    for name, size, count, latency in (
        (f"null_store: float32 1080p {BEHIND}", 1080, 256, LATENCY),
        ("count: 96x96, server that drops the bodies", SMALL, 500, 0.0),
    ):
        server = stack.enter_context(Served("tests.support.null_s3", f"--latency={latency}"))
        options = {"key": "any", "secret": "any", "endpoint_url": server.hello["endpoint_url"], "client": "s3fs"}
        yield _case(name, plan, count, "s3://bucket/folder", options, size)


def _case(name: str, plan: Plan, count: int, url: str, options: dict[str, Any], size: int = 1080) -> Case:
    settings = {"filetype": "png", "storage_options": options}
    return Case(name, size, max(4, count // plan.pick(4, 1)), url, settings, timed=True)


def _finding(plan: Plan, stack: contextlib.ExitStack, folder: Path) -> Iterator[Case]:
    count = plan.pick(1000, 10_000)
    inside = folder / str(count)
    inside.mkdir()
    for number in range(count):
        (inside / f"frame_{number:06d}.png").touch()
    server = stack.enter_context(Served("tests.support.paged_s3"))
    options = {"storage_options": {**server.hello, "client": "s3fs"}}
    yield Case(f"finding: {count} names, local", 0, count, str(inside), way="open", timed=True)
    yield Case(f"finding: {count} names, S3", 0, count, f"s3://bucket/{count}", options, way="open", timed=True)
