"""float32 1080p frames to a server that drops the bodies, behind 80 ms, against encoding alone."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from tests.support.processes import Served, cpu_seconds

from benchmarks.clients import CLIENTS, save_with
from benchmarks.frames import floats_1080p
from benchmarks.plan import Claim, Report, Table
from benchmarks.timing import alternate, rate, together
from benchmarks.ways import encode_floats

if TYPE_CHECKING:
    from benchmarks.plan import Plan

LATENCY = 0.08
ALONE = "encoding alone, all cores"
WANTED = {"s3fs": 0.7}
WANTED_FAST = 0.85


def run(plan: Plan) -> Report:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    frames = list(floats_1080p(8)) * plan.pick(4, 32)
    with Served("tests.support.null_s3", f"--latency={LATENCY}") as server:
        options = {"key": "any", "secret": "any", "endpoint_url": server.hello["endpoint_url"]}
        rows = {
            f"seqsave, {client}": partial(save_with, client, frames, lambda: "s3://bucket/folder", options)
            for client in CLIENTS
        }
        before = cpu_seconds(server.pid)
        timings = alternate({ALONE: partial(together, encode_floats, frames, cores), **rows}, plan.rounds)
        spent = (cpu_seconds(server.pid) - before) / (len(frames) * len(CLIENTS) * (plan.rounds + 1))
    rates = {name: rate(timing, len(frames)) for name, timing in timings.items()}
    table = [
        [name, f"{speed:.1f}", f"{speed / rates[ALONE]:.2f}", f"{1000 * timings[name].cpu / len(frames):.1f}"]
        for name, speed in rates.items()
    ]
    note = f"The server's own CPU, not counted above: {1000 * spent:.1f} ms a frame."
    title = f"float32 1080p to a server that drops the bodies, behind {1000 * LATENCY:.0f} ms"
    return Report(
        [Table(title, ["way", "frames/s", "of encoding alone", "client CPU ms per frame"], table, note)],
        claims=[
            Claim(
                f"body-dropping server, {client}: of the encoding rate",
                rates[f"seqsave, {client}"] / rates[ALONE],
                WANTED.get(client, WANTED_FAST),
            )
            for client in CLIENTS
        ],
    )
