"""Save 24 frames in 6 tasks by Ray and by dask to a real S3 server: requests, and the files afterwards.

Two workers, in a namespace of process ids of their own, as if they were on another machine. While a frame's file is on
its way, the worker that sends it is killed with SIGKILL, three times in a run. A proxy counts requests; a program that
uses nothing of the project looks at the files.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
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
from tests.support.patience import wait_until
from tests.support.proxy import Fault, Proxy
from tests.support.s3 import S3Server

from benchmarks import machines_judge
from benchmarks.machines_judge import HEIGHT, WIDTH, picture
from benchmarks.plan import Claim, Report, Table

if TYPE_CHECKING:
    from tests.support.proxy import Request

    from benchmarks.plan import Plan

ROOT = Path(__file__).parents[1]
FRAMES, TASKS = 24, 6
EACH = FRAMES // TASKS
# Before the PUT of which a worker is killed, counted from the kill before it.
KILLS = (2, 5, 5)
WORKERS = 2

RAY_IMAGES = "Ray's `write_images`"
LOOP = "a loop of `dask.delayed`"
RAY, DASK = "seqsave-ray", "seqsave-dask"
OURS = (RAY, DASK)

SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    "RAY_raylet_start_wait_time_s": "600",
    "RAY_process_startup_timeout_seconds": "600",
    "PYTHONPATH": str(ROOT),
}


def run(plan: Plan) -> Report:
    del plan  # counts, and no times: a second look shows the same
    report = Report()
    with S3Server() as server, Proxy(server.endpoint_url) as proxy, _environment(server, proxy):
        place = _Place(server, proxy)
        rows = []
        with _ray():
            rows += _look(place, {RAY: _ray_ours, RAY_IMAGES: partial(_write_images, place)}, report)
        with _dask():
            rows += _look(place, {DASK: _dask_ours, LOOP: _loop}, report)
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
    apart = (
        "in a namespace of process ids of their own"
        if _unshare()
        else "without a namespace of their own, which is not allowed here"
    )
    note = f"{FRAMES} frames in {TASKS} tasks on {WORKERS} workers, {apart}. Twice: a second run to the same place."
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


def _look(place: _Place, ways: Mapping[str, Way], report: Report) -> list[list[str]]:
    rows = []
    for name, way in ways.items():
        way(place.server.new_prefix())  # workers import what they need
        url = place.server.new_prefix()
        first = _one(place, way, url)
        killed = _one(place, way, place.server.new_prefix(), KILLS)
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


def _one(place: _Place, way: Way, url: str, kills: tuple[int, ...] = ()) -> dict[str, Any]:
    place.proxy.clear()
    error = None
    with _Killer(place.proxy, kills) as killer:
        try:
            way(url)
        except Exception as raised:  # noqa: BLE001 - an outcome like others
            error = type(raised).__name__
    assert len(killer.killed) == len(kills), f"{len(killer.killed)} of {len(kills)} workers were killed"
    requests = len(place.proxy.requests)
    return {"requests": requests, "error": error, **place.judge(url)}


class _Killer:
    """Kills the worker that sends a file, before the store has it. kills: how many PUTs pass before each."""

    def __init__(self, proxy: Proxy, kills: tuple[int, ...]) -> None:
        self.proxy, self.kills = proxy, kills
        self.killed: list[int] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True, name="killer")

    def _work(self) -> None:
        for spare in self.kills:
            fault = self.proxy._add(_Once("stall", path=r"\.png$", spare=spare))
            assert isinstance(fault, _Once)
            wait_until(lambda fault=fault: fault.reached.is_set() or self._ended.is_set())  # type: ignore[misc]
            if self._ended.is_set():
                return
            assert fault.request is not None
            pid = _pid_of(fault.request.port)
            os.kill(pid, signal.SIGKILL)
            self.killed.append(pid)

    def __enter__(self) -> _Killer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


class _Once(Fault):
    """A fault for one request."""

    request: Request | None = None

    def strikes(self, request: Request, dice: Any) -> bool:
        if self.hits or not super().strikes(request, dice):
            return False
        self.request = request
        return True


def _pid_of(port: int) -> int:
    """Return the process with a connection from this port of loopback. Namespaces of other pids are seen too."""
    wanted = f"0100007F:{port:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1] == wanted:
            return _owner(f"socket:[{fields[9]}]")
    raise LookupError(f"no connection from port {port}")


def _owner(link: str) -> int:
    for folder in Path("/proc").glob("[0-9]*/fd"):
        with contextlib.suppress(OSError):
            if any(_link(file) == link for file in folder.iterdir()):
                return int(folder.parent.name)
    raise LookupError(f"no process has {link}")


def _link(file: Path) -> str:
    with contextlib.suppress(OSError):
        return str(file.readlink())
    return ""


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


def _unshare() -> list[str]:
    """Return the beginning of a command for another namespace of process ids; [] where that is not allowed."""
    command = ["unshare", "--kill-child", "--pid", "--fork", "--mount-proc"]
    try:
        subprocess.run([*command, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return []
    return command


@contextlib.contextmanager
def _machine(*command: str) -> Iterator[None]:
    """Run the command that starts the workers, and kill it and them at the end."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([*_unshare(), *command], stdout=log, stderr=log, start_new_session=True)
        try:
            yield
        except AssertionError:
            log.seek(0)
            sys.stderr.write(log.read().decode(errors="replace")[-3000:])
            raise
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextlib.contextmanager
def _ray() -> Iterator[None]:
    folder = tempfile.mkdtemp(prefix="sr-", dir="/tmp")  # short, since sockets are in it
    memory = 150_000_000
    ray.init(
        num_cpus=0,
        object_store_memory=memory,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        _node_ip_address="127.0.0.1",
        _temp_dir=folder,
    )
    ray.data.DataContext.get_current().enable_progress_bars = False
    try:
        address = ray.get_runtime_context().gcs_address
        program = str(Path(sysconfig.get_path("scripts"), "ray"))
        place = [f"--address={address}", "--node-ip-address=127.0.0.1", f"--object-store-memory={memory}"]
        with _machine(program, "start", *place, f"--num-cpus={WORKERS}", "--block", "--disable-usage-stats"):
            wait_until(lambda: ray.cluster_resources().get("CPU", 0) >= WORKERS, "Ray's nodes")
            yield
    finally:
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _dask() -> Iterator[None]:
    with (
        LocalCluster(n_workers=0, dashboard_address=None, host="127.0.0.1", silence_logs=50) as cluster,
        Client(cluster) as client,
    ):
        own = [
            "--nthreads",
            "1",
            "--nworkers",
            str(WORKERS),
            "--memory-limit",
            "1GB",
            "--no-dashboard",
            "--host",
            "127.0.0.1",
        ]
        with _machine(sys.executable, "-m", "distributed.cli.dask_worker", cluster.scheduler_address, *own):
            client.wait_for_workers(WORKERS)
            yield
