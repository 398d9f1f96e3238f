"""Workers that are lost with all their processes, as when a machine is: each is in a namespace of process ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dask
import pytest
from distributed import Client, LocalCluster
from seqsave_dask import to_sequence
from test_writing import blocks, judge, pictures
from tests.support.machines import Machines, dask_worker
from tests.support.places import Place

if TYPE_CHECKING:
    from tests.support.proxy import Proxy
    from tests.support.s3 import S3Server

# The event loops of distributed leave sockets to the garbage collector when workers die.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:distributed"),
]

# One of them is lost after the store has its frame, and before it knows that.
LOST = [{"path": rf"frame_{index:05d}\.png$", "stored": index == 11} for index in (3, 11, 18)]


@pytest.fixture
def machines() -> Iterator[Machines]:
    """Two of them, with a worker each."""
    with (
        LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address=None, silence_logs=50) as cluster,
        Client(cluster) as client,
        dask.config.set(scheduler=None),
    ):
        with Machines(dask_worker(cluster.scheduler_address), 2) as running:
            client.wait_for_workers(2)
            yield running


@pytest.mark.parametrize("if_exists", ["overwrite", "error"])
def test_three_lost_machines_are_harmless(
    machines: Machines, s3_server: S3Server, proxy: Proxy, if_exists: str
) -> None:
    url, options = s3_server.new_prefix(), {**s3_server.storage_options, "endpoint_url": proxy.endpoint_url}
    frames = pictures(24)
    with machines.losing(proxy, *LOST):
        assert to_sequence(blocks(frames), url, storage_options=options, if_exists=if_exists).complete
    judge(Place("s3", url, s3_server.storage_options, s3_server), frames)
