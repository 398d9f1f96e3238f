"""float32 1080p frames to a server that drops the bodies, behind 80 ms, against encoding alone."""

from __future__ import annotations

import os
import statistics
from functools import partial
from typing import TYPE_CHECKING

from tests.support.processes import Served, cpu_seconds

from benchmarks.clients import CLIENTS, save_with
from benchmarks.frames import floats_1080p
from benchmarks.plan import Claim, Report, Table
from benchmarks.timing import alternate, rate, together
from benchmarks.ways import encode_floats

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.plan import Plan

LATENCY = 0.08
ALONE = "encoding alone, all cores"
WANTED = {"s3fs": 0.7}
WANTED_FAST = 0.85
ROUNDS = 5  # each row takes five seconds


def run(plan: Plan) -> Report:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    frames = list(floats_1080p(8)) * plan.pick(4, 64)
    with Served("tests.support.null_s3", f"--latency={LATENCY}") as server:
        options = {"key": "any", "secret": "any", "endpoint_url": server.hello["endpoint_url"]}
        rows = {
            f"seqsave, {client}": partial(save_with, client, frames, lambda: "s3://bucket/folder", options)
            for client in CLIENTS
        }
        spent: list[float] = []
        serve = {name: partial(_with_cpu, way, server.pid, spent) for name, way in rows.items()}
        timings = alternate({ALONE: partial(together, encode_floats, frames, cores), **serve}, min(plan.rounds, ROUNDS))
    rates = {name: rate(timing, len(frames)) for name, timing in timings.items()}
    # The server's share of the CPU time is subtracted, since the client could have used it.
    served = {name: statistics.median(timings[name].results) / cores for name in rows}
    own = {name: len(frames) / (timings[name].seconds - served[name]) for name in rows}
    table = [
        [
            name,
            f"{speed:.1f}",
            f"{speed / rates[ALONE]:.2f}",
            f"{own.get(name, speed) / rates[ALONE]:.2f}",
            f"{1000 * timings[name].cpu / len(frames):.1f}",
        ]
        for name, speed in rates.items()
    ]
    each = 1000 * statistics.median(spent) / len(frames)
    note = f"The server took {each:.1f} ms of CPU a frame, of the same {cores} cores."
    title = f"float32 1080p to a server that drops the bodies, behind {1000 * LATENCY:.0f} ms"
    return Report(
        [
            Table(
                title,
                ["way", "frames/s", "of encoding alone", "the same, server apart", "client CPU ms per frame"],
                table,
                note,
            )
        ],
        claims=[
            Claim(
                f"body-dropping server (its CPU apart), {client}: of the encoding rate",
                own[f"seqsave, {client}"] / rates[ALONE],
                WANTED.get(client, WANTED_FAST),
            )
            for client in CLIENTS
        ],
    )


def _with_cpu(way: Callable[[], object], pid: int, spent: list[float]) -> float:
    """Call ``way`` and return the CPU seconds that the server used for it."""
    before = cpu_seconds(pid)
    way()
    spent.append(cpu_seconds(pid) - before)
    return spent[-1]
