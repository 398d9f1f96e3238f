"""Requests of one `seqsave commit` to a real S3 server, behind a proxy that counts them: 2,000 frames of 64 tasks.

Tasks that ran twice wrote other bytes the second time. Counts, and no times: a second look shows the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from tests.support.proxy import Proxy
from tests.support.s3 import S3Server

import seqsave
from benchmarks.plan import Claim, Report, Table
from seqsave.runs import FarmTask, commit_run

if TYPE_CHECKING:
    from benchmarks.plan import Plan

TASKS = 64
COLUMNS = ["tasks", "sequences", "all", "GET of frames", "listings and manifests", "of records of tasks"]


def run(plan: Plan) -> Report:
    frames = plan.pick(200, 2000)
    report, rows = Report(), []
    with S3Server() as server, Proxy(server.endpoint_url) as proxy:
        options = {**server.storage_options, "endpoint_url": proxy.endpoint_url}
        for prefixes in (["frame"], ["a", "b"]):
            for attempts in (1, 2):
                url = server.new_prefix()
                for seed in range(attempts):
                    for prefix in prefixes:
                        _save(url, prefix, frames, seed, options)
                proxy.clear()
                made = commit_run(url, "JOB", storage_options=options)
                assert all(one.complete and len(one.frames) == frames for one in made)
                title = "once" if attempts == 1 else "each twice, with other bytes"
                counts = _counted(proxy)
                rows.append([title, str(len(made)), *map(str, counts)])
                name = f"commits: {len(made)} of {frames} frames, tasks {title}: frames that are read"
                report.claims.append(Claim(name, counts[1], 0, at_most=True, unit=""))
    note = f"Each sequence has {frames} frames of {TASKS} tasks, and each task has a record that is read and deleted."
    report.tables.append(Table("commits: requests of one commit to S3", COLUMNS, rows, note))
    return report


def _save(url: str, prefix: str, frames: int, seed: int, options: dict[str, Any]) -> None:
    run = seqsave.open_run(url, run="JOB", prefix=prefix, filetype="png", total=frames, storage_options=options)
    for number in range(TASKS):
        own = range(number * frames // TASKS, (number + 1) * frames // TASKS)
        task = FarmTask(run, (own,))
        task.start()
        with run.part(concurrency=4) as part:
            for index in own:
                part.write(np.full((8, 8, 3), (index + seed) % 251, np.uint8), index=index)
        task.leave(part.records)


def _counted(proxy: Proxy) -> list[int]:
    """Return how many requests there were: all, reads of frames, of listings and manifests, of records of tasks."""
    every, frames, records = len(proxy.requests), proxy.count("GET", r"\.png$"), proxy.count(None, r"/runs/JOB/.")
    return [every, frames, every - frames - records, records]
