"""A real cluster of dask.distributed, two workers with bounded memory: killed workers, releases, failures, secrets."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask
import dask.array as da
import numpy as np
import pytest
import strikes
from distributed import Client, LocalCluster
from seqsave_dask import from_sequence, to_sequence
from strikes import Strikes
from test_writing import blocks, judge, pictures
from tests.support.patience import PATIENCE, wait_until
from tests.support.places import Place

import seqsave

if TYPE_CHECKING:
    from tests.support.proxy import Proxy
    from tests.support.s3 import S3Server

# The event loops of distributed leave sockets to the garbage collector when workers die.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:distributed"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    # A busy machine may need long to start another process in place of a killed worker; a cluster gives up after 15 s.
    settings = {
        "distributed.deploy.lost-worker-timeout": f"{PATIENCE:.0f}s",
        "distributed.comm.timeouts.connect": f"{PATIENCE:.0f}s",
        "distributed.scheduler.worker-ttl": None,
    }
    with (
        dask.config.set(settings),
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            memory_limit="700MiB",
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",  # its server of HTTP, on a free port
            worker_dashboard_address=None,
            scheduler_kwargs={"dashboard": False},
            silence_logs=50,
        ) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def struck(
    cluster: LocalCluster, tmp_path_factory: pytest.TempPathFactory, running_s3_server: S3Server | None
) -> Strikes:
    """Orders to the workers of the cluster."""
    folder = tmp_path_factory.mktemp("orders")
    kinds: list[tuple[str, Any]] = [(str(folder), None)]
    if running_s3_server is not None:
        kinds.append(("s3://bucket/folder", running_s3_server.storage_options))
    made = Strikes(folder, kinds)
    with Client(cluster) as client:
        client.register_plugin(made)
    return made


@pytest.fixture
def client(cluster: LocalCluster, struck: Strikes) -> Iterator[Client]:
    """A client of the cluster, which is dask's scheduler then."""
    struck.clear()
    with dask.config.set(scheduler=None), Client(cluster) as running:
        yield running


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.s3)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "local":
        return Place("local", str(tmp_path / "shot"))
    server: S3Server = request.getfixturevalue("s3_server")
    return Place("s3", server.new_prefix(), server.storage_options, server)


def saved(array: da.Array, place: Place, **given: Any) -> Any:
    return to_sequence(array, place.url, storage_options=place.storage_options or None, **given)


def test_an_array_is_saved_and_read_by_the_workers(store: Place, client: Client) -> None:
    frames = pictures()
    assert saved(blocks(frames), store).complete
    judge(store, frames)
    back = from_sequence(store.url, 2, storage_options=store.storage_options or None)
    assert np.array_equal(back.compute(), frames)
    lazy = saved(blocks(frames), store, compute=False)
    assert lazy.compute().complete
    judge(store, frames)


@pytest.mark.parametrize("if_exists", ["overwrite", "error"])
def test_three_killed_workers_are_harmless(store: Place, client: Client, struck: Strikes, if_exists: str) -> None:
    for point, index in zip(strikes.POINTS, (3, 11, 18), strict=True):
        struck.order(point, index)
    frames = pictures(24)
    assert saved(blocks(frames), store, if_exists=if_exists).complete
    assert struck.orders == []
    judge(store, frames)


def test_a_frame_that_kills_workers_is_named(
    client: Client, cluster: LocalCluster, struck: Strikes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One task alone: the scheduler blames each task that waits on a dead worker, and reports any of them first."""
    monkeypatch.setattr(cluster.scheduler, "allowed_failures", 0)
    struck.order("publishing", 1)
    with pytest.raises(seqsave.SaveError, match=r"frames 0-1 of frame_#####\.png: KilledWorker"):
        to_sequence(blocks(pictures(2)), tmp_path / "shot")


def test_results_are_released_as_tasks_finish_and_their_writes_do_not_run_again(
    client: Client, cluster: LocalCluster, struck: Strikes, tmp_path: Path
) -> None:
    """The last block waits until nothing else is left on the cluster. Then its worker is killed."""
    go = tmp_path / "go"

    def render(images: Any, go: Path, block_id: Any = None) -> Any:
        import time

        while block_id[0] == 11 and not go.exists():
            time.sleep(0.01)
        return images

    tasks: dict[Any, Any] = cluster.scheduler.tasks

    def watch() -> None:
        wait_until(lambda: len(struck.written) == 11)
        wait_until(lambda: sum(str(key).startswith("('seqsave-write-") for key in [*tasks]) == 1)
        struck.order("recorded", 22)
        go.touch()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    place, frames = Place("local", str(tmp_path / "shot")), pictures(24)
    array = blocks(frames).map_blocks(render, go=go, dtype="uint8")
    assert saved(array, place).complete
    watcher.join(PATIENCE)
    assert go.exists()
    judge(place, frames)
    assert struck.orders == []
    assert struck.written == [*range(0, 24, 2), 22]
    wait_until(lambda: not tasks)


def test_many_tasks_take_one_request_for_each_frame(client: Client, s3_server: S3Server, proxy: Proxy) -> None:
    """64 tasks."""
    frames = pictures(128)
    url, options = s3_server.new_prefix(), {**s3_server.storage_options, "endpoint_url": proxy.endpoint_url}
    assert to_sequence(blocks(frames), url, storage_options=options).complete
    judge(Place("s3", url, s3_server.storage_options, s3_server), frames)
    assert len(proxy.requests) <= 128 + 6


def test_a_failing_frame_is_named_and_may_be_tried_again(client: Client, tmp_path: Path) -> None:
    def render(images: Any, folder: str, block_id: Any = None) -> Any:
        from pathlib import Path

        if block_id[0] == 2:
            marker = Path(folder, "failed")
            if not marker.exists():
                marker.touch()
                raise ValueError("no such texture")
        return images

    place = Place("local", str(tmp_path / "shot"))
    array = blocks(pictures()).map_blocks(render, folder=str(tmp_path), dtype="uint8")
    with pytest.raises(seqsave.SaveError, match=r"frames 4-5 of .*: ValueError: no such texture") as caught:
        saved(array, place)
    assert isinstance(caught.value.__cause__, ValueError)
    (tmp_path / "failed").unlink()
    assert saved(array, place, retries=1).complete
    judge(place, pictures())


def test_losses_in_workers_are_warnings_of_the_driver(client: Client, tmp_path: Path) -> None:
    frames = da.full((6, 4, 4, 3), 200.0, chunks=(1, 4, 4, 3))
    with pytest.warns(seqsave.SeqSaveWarning, match=r"frame \d: values outside 0\.\.1 were clipped") as caught:
        assert to_sequence(frames, tmp_path).complete
    assert [Path(one.filename).name for one in caught if one.category is seqsave.SeqSaveWarning] == [
        Path(__file__).name
    ]


def test_a_frame_that_cannot_be_saved_is_named(client: Client, tmp_path: Path) -> None:
    (tmp_path / "shot" / "frame_00005.png").mkdir(parents=True)
    with pytest.raises(seqsave.SaveError, match=r"frame 5: .*is a folder"):
        to_sequence(blocks(pictures()), tmp_path / "shot")


DRIVER = """
    import os, signal, sys
    import dask.array as da
    import numpy as np
    from distributed import Client
    from seqsave_dask import computing, to_sequence

    address, folder, kills = sys.argv[1:]
    real = computing.blocks_in
    done = []

    def blocks_in(written):
        done.append(written)
        if len(done) == 2 and kills == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        return real(written)

    computing.blocks_in = blocks_in
    frames = np.random.default_rng(5).integers(0, 256, (7, 9, 14, 3), dtype=np.uint8)
    with Client(address):
        made = to_sequence(da.from_array(frames, chunks=(2, -1, -1, -1)), folder, run="job-4")
    print(made.complete)
"""


def test_a_driver_that_was_killed_is_started_again(client: Client, cluster: LocalCluster, tmp_path: Path) -> None:
    place = Place("local", str(tmp_path / "shot"))
    command = [sys.executable, "-c", textwrap.dedent(DRIVER), cluster.scheduler_address, place.url]
    assert subprocess.run([*command, "killed"], timeout=PATIENCE, check=False).returncode == -9
    assert json.loads(place.read(".seqsave/frame.png.json"))["complete"] is False
    subprocess.run([*command, ""], timeout=PATIENCE, check=True)
    judge(place, pictures())


def test_storage_options_are_in_no_key_and_no_log(
    client: Client, cluster: LocalCluster, s3_server: S3Server, tmp_path: Path
) -> None:
    url, options, keys = s3_server.new_prefix(), s3_server.storage_options, set[str]()
    lazy = to_sequence(blocks(pictures()), url, storage_options=options, compute=False)
    future = client.compute(lazy)
    keys |= set(map(str, cluster.scheduler.tasks))
    assert future.result().complete
    with pytest.raises(seqsave.SaveError) as caught:
        to_sequence(
            blocks(pictures()).map_blocks(lambda images: images.astype("int64"), dtype="uint8"),
            url,
            storage_options=options,
        )
    logs = repr((client.get_worker_logs(), client.get_scheduler_logs()))
    for text in (logs, *keys, str(caught.value), repr(caught.value.__cause__)):
        assert s3_server.secret not in text


def test_a_frame_that_is_gone_at_the_end_is_an_error(client: Client) -> None:
    """Each worker has a memory:// of its own, so that the driver sees no frame."""
    with pytest.raises(seqsave.RunError, match="gone"):
        to_sequence(blocks(pictures()), "memory://shot")
