"""Save 24 frames in 6 tasks by Ray and by dask to a real S3 server: requests, and the files afterwards.

Two machines, each with one worker in a namespace of process ids of its own. While a frame's file is on its way, the
machine that sends it is killed with all its processes, three times in a run, and another one takes its place. A proxy
counts requests; a program that uses nothing of the project looks at the files.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import dask
import dask.array
import numpy as np
import ray
import ray.data
from distributed import Client, LocalCluster
from PIL import Image
from seqsave_dask import to_sequence
from seqsave_ray import write_sequence
from tests.support.machines import RAY_SETTINGS, Machines, dask_worker, ray_node
from tests.support.patience import wait_until
from tests.support.proxy import Proxy
from tests.support.s3 import S3Server

from benchmarks import machines_judge
from benchmarks.machines_judge import HEIGHT, WIDTH, picture
from benchmarks.plan import Claim, Report, Table

if TYPE_CHECKING:
    from benchmarks.plan import Plan

ROOT = Path(__file__).parents[1]
FRAMES, TASKS = 24, 6
EACH = FRAMES // TASKS
# How many PUTs of frames pass before the one at which a machine is killed.
KILLS = ({"path": r"\.png$", "spare": 2}, {"path": r"\.png$", "spare": 7}, {"path": r"\.png$", "spare": 12})
MACHINES = 2

RAY_IMAGES = "Ray's `write_images`"
LOOP = "a loop of `dask.delayed`"
RAY, DASK = "seqsave-ray", "seqsave-dask"
OURS = (RAY, DASK)

SETTINGS = {**RAY_SETTINGS, "PYTHONPATH": str(ROOT)}


def run(plan: Plan) -> Report:
    del plan  # counts, and no times: a second look shows the same
    report = Report()
    with S3Server() as server, Proxy(server.endpoint_url) as proxy, _environment(server, proxy):
        place = _Place(server, proxy)
        rows = []
        with _ray() as machines:
            rows += _look(place, machines, {RAY: _ray_ours, RAY_IMAGES: partial(_write_images, place)}, report)
        with _dask() as machines:
            rows += _look(place, machines, {DASK: _dask_ours, LOOP: _loop}, report)
    columns = [
        "way",
        "killed",
        "requests",
        "frames whole",
        "with their number",
        "files wrong",
        "duplicates",
        "complete",
    ]
    note = (
        f"{FRAMES} frames in {TASKS} tasks on {MACHINES} machines, each with one worker in a namespace of process ids "
        "of its own. Twice: a second run to the same place."
    )
    report.tables.append(Table("machines: one sequence on S3, by many workers", columns, rows, note))
    return report


# --- what is compared ------------------------------------------------------------------------------------------------

Way = Callable[[str], object]


def _rendered() -> Any:
    return ray.data.range(FRAMES, override_num_blocks=TASKS).map(_render)


def _render(row: dict[str, Any]) -> dict[str, Any]:
    return {"image": picture(row["id"]), "index": row["id"]}


def _ray_ours(url: str) -> None:
    write_sequence(_rendered(), url, filetype="png", total=FRAMES)


def _write_images(place: _Place, url: str) -> None:
    from pyarrow.fs import S3FileSystem

    given = place.server.storage_options
    filesystem = S3FileSystem(
        access_key=given["key"],
        secret_key=given["secret"],
        endpoint_override=place.proxy.endpoint_url.removeprefix("http://"),
        scheme="http",
        region="us-east-1",
    )
    _rendered().write_images(url.removeprefix("s3://"), column="image", filesystem=filesystem)


def _dask_ours(url: str) -> None:
    shape = ((EACH,) * TASKS, HEIGHT, WIDTH, 3)
    array = dask.array.map_blocks(_block, chunks=shape, dtype=np.uint8)
    to_sequence(array, url, filetype="png")


def _block(block_info: Any = None) -> Any:
    first, last = block_info[None]["array-location"][0]
    return np.stack([picture(index) for index in range(first, last)])


def _loop(url: str) -> None:
    dask.compute([dask.delayed(_save)(url, range(first, first + EACH)) for first in range(0, FRAMES, EACH)])


def _save(url: str, frames: range) -> None:
    import fsspec

    filesystem, path = fsspec.url_to_fs(url)
    for index in frames:
        with filesystem.open(f"{path}/frame_{index:05d}.png", "wb") as file:
            Image.fromarray(picture(index)).save(file, "PNG")


# --- one run ---------------------------------------------------------------------------------------------------------


@dataclass
class _Place:
    server: S3Server
    proxy: Proxy

    def judge(self, url: str) -> dict[str, Any]:
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        given = {**self.server.storage_options, "bucket": bucket, "prefix": prefix, "frames": FRAMES}
        order = [sys.executable, machines_judge.__file__, json.dumps(given)]
        return dict(json.loads(subprocess.run(order, capture_output=True, text=True, check=True).stdout))


def _look(place: _Place, machines: Machines, ways: Mapping[str, Way], report: Report) -> list[list[str]]:
    rows = []
    for name, way in ways.items():
        way(place.server.new_prefix())  # workers import what they need
        url = place.server.new_prefix()
        first = _one(place, way, url)
        with machines.losing(place.proxy, *KILLS):
            killed = _one(place, way, place.server.new_prefix())
        twice = _one(place, way, url)
        for title, found in (("0", first), (str(len(KILLS)), killed), ("0, twice", twice)):
            kept = ("right", "named", "wrong", "duplicates")
            complete = {True: "yes", False: "no", None: "not stated"}[found["complete"]]
            outcome = complete if found["error"] is None else f"{complete} ({found['error']})"
            rows.append([name, title, str(found["requests"]), *(str(found[one]) for one in kept), outcome])
            if name in OURS:
                bad = FRAMES - found["named"] + found["wrong"] + found["duplicates"] + (not found["complete"])
                report.claims.append(
                    Claim(f"machines: {name}, killed: {title}: frames that are not as they must be", bad, 0, True, "")
                )
        if name in OURS:
            report.claims.append(
                Claim(f"machines: {name}: requests beside the frames", first["requests"] - FRAMES, 6, True, "")
            )
    return rows


def _one(place: _Place, way: Way, url: str) -> dict[str, Any]:
    before, error = len(place.proxy.requests), None
    try:
        way(url)
    except Exception as raised:  # noqa: BLE001 - an outcome like others
        error = type(raised).__name__
    requests = len(place.proxy.requests) - before
    return {"requests": requests, "error": error, **place.judge(url)}


# --- engines ---------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _environment(server: S3Server, proxy: Proxy) -> Iterator[None]:
    """Each machine has credentials of its own, and sends all requests through the proxy."""
    given = server.storage_options
    own = {
        "AWS_ACCESS_KEY_ID": given["key"],
        "AWS_SECRET_ACCESS_KEY": given["secret"],
        "AWS_ENDPOINT_URL": proxy.endpoint_url,
        "AWS_REGION": "us-east-1",
    }
    with mock.patch.dict(os.environ, {**SETTINGS, **own}):
        yield


@contextlib.contextmanager
def _ray() -> Iterator[Machines]:
    """One Ray whose head has no CPU, and two machines that are its nodes."""
    folder = Path(tempfile.mkdtemp(prefix="sr-", dir="/tmp"))  # short, since sockets are in it
    ray.init(
        num_cpus=0,
        object_store_memory=150_000_000,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        _node_ip_address="127.0.0.1",
        _temp_dir=str(folder),
    )
    ray.data.DataContext.get_current().enable_progress_bars = False
    try:
        with Machines(ray_node(ray.get_runtime_context().gcs_address, folder), MACHINES, os.environ) as machines:
            wait_until(lambda: ray.cluster_resources().get("CPU", 0) >= MACHINES, "Ray's nodes")
            yield machines
    finally:
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _dask() -> Iterator[Machines]:
    with (
        LocalCluster(n_workers=0, dashboard_address=None, host="127.0.0.1", silence_logs=50) as cluster,
        Client(cluster) as client,
        Machines(dask_worker(cluster.scheduler_address), MACHINES, os.environ) as machines,
    ):
        client.wait_for_workers(MACHINES)
        yield machines
