"""Save float32 1080p frames to a real S3 server with added latency, compared with common ways of saving."""

from __future__ import annotations

import io
import itertools
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from PIL import Image
from tests.support.processes import Served, cpu_seconds
from tests.support.s3 import S3Server

from benchmarks.clients import CLIENTS, save_with
from benchmarks.frames import floats_1080p
from benchmarks.plan import Claim, Report, Table
from benchmarks.timing import alternate, rate
from benchmarks.ways import as_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.plan import Plan

LATENCIES = (0.02, 0.08)
THREADS = 16
LOOK = 3  # rounds without a claim
LOOP = "loop of fs.open and Image.save"
POOL = f"the same on {THREADS} threads"
BOTO = f"Pillow and boto3 on {THREADS} threads"


def run(plan: Plan) -> Report:
    report = Report()
    with S3Server() as server:
        for latency in LATENCIES[-1:] if plan.quick else LATENCIES:
            with Served("tests.support.proxy", server.endpoint_url, f"--latency={latency}") as proxy:
                _behind(plan, server, proxy, latency, report)
    return report


def _behind(plan: Plan, server: S3Server, proxy: Served, latency: float, report: Report) -> None:
    options = {**server.storage_options, "endpoint_url": proxy.hello["endpoint_url"]}
    frames = list(floats_1080p(8)) * plan.pick(2, 8)
    # Common ways take over a second for a frame on each core; fewer frames give the same rate.
    few, some = frames[: plan.pick(1, 3)], frames[:THREADS]
    rows: dict[str, tuple[Callable[[], object], Sequence[Any]]] = {
        f"seqsave, {client}": (partial(save_with, client, frames, server.new_prefix, options), frames)
        for client in CLIENTS
    }
    rows[LOOP] = (partial(_loop, few, server.new_prefix(), options), few)
    rows[POOL] = (partial(_loop, some, server.new_prefix(), options, THREADS), some)
    rows[BOTO] = (partial(_boto, some, server.new_prefix(), options), some)

    servers = cpu_seconds(server.pid) + cpu_seconds(proxy.pid)
    # Claims are about the longest latency.
    rounds = plan.rounds if latency == LATENCIES[-1] else min(plan.rounds, LOOK)
    once = (POOL,) if latency == LATENCIES[-1] else (LOOP, POOL, BOTO)
    timings = alternate({name: function for name, (function, _) in rows.items()}, rounds, once=once)
    servers = cpu_seconds(server.pid) + cpu_seconds(proxy.pid) - servers
    rates = {name: rate(timing, len(rows[name][1])) for name, timing in timings.items()}
    table = [
        [name, f"{speed:.2f}", f"{speed / rates[LOOP]:.1f}", f"{1000 * timings[name].cpu / len(rows[name][1]):.0f}"]
        for name, speed in rates.items()
    ]
    milliseconds = f"{1000 * latency:.0f} ms"
    # With the round that does not count.
    count = sum(len(done) * (1 if name in once else rounds + 1) for name, (_, done) in rows.items())
    note = f"The server and the proxy share the cores: they took {1000 * servers / count:.0f} ms of CPU a frame. "
    note += f"One round: {', '.join(once)}."
    title = f"float32 1080p to S3 behind {milliseconds}, PNG"
    report.tables.append(Table(title, ["way", "frames/s", "x the loop", "client CPU ms per frame"], table, note))
    if latency == LATENCIES[-1]:
        for client in CLIENTS:
            ratio = rates[f"seqsave, {client}"] / rates[LOOP]
            report.claims.append(Claim(f"S3 behind {milliseconds}, {client}: faster than the plain loop", ratio, 10))


def _loop(frames: Sequence[Any], url: str, options: dict[str, Any], threads: int = 1) -> None:
    """Save as a script does that was written for a folder, and then given a bucket."""
    import s3fs

    filesystem = s3fs.S3FileSystem(**options)
    numbers = itertools.count()

    def save(frame: Any) -> None:
        with filesystem.open(f"{url}/frame_{next(numbers):05d}.png", "wb") as file:
            Image.fromarray(as_bytes(frame)).save(file, "PNG")

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(save, frames))


def _boto(frames: Sequence[Any], url: str, options: dict[str, Any]) -> None:
    import boto3
    from botocore.config import Config

    client = boto3.client(
        "s3",
        aws_access_key_id=options["key"],
        aws_secret_access_key=options["secret"],
        endpoint_url=options["endpoint_url"],
        region_name="us-east-1",
        config=Config(max_pool_connections=THREADS),
    )
    bucket, _, folder = url.removeprefix("s3://").partition("/")
    numbers = itertools.count()

    def save(frame: Any) -> None:
        file = io.BytesIO()
        Image.fromarray(as_bytes(frame)).save(file, "PNG")
        key = f"{folder}/frame_{next(numbers):05d}.png"
        client.put_object(Bucket=bucket, Key=key, Body=file.getvalue(), ContentType="image/png")

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(save, frames))
    client.close()
