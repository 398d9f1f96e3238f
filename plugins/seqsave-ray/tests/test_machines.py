"""Nodes that are lost with all their processes, as when a machine is: each is in a namespace of process ids."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import ray
from pieces import judge, rendered
from seqsave_ray import write_sequence
from tests.support.machines import Machines, ray_node
from tests.support.patience import wait_until
from tests.support.places import Place

if TYPE_CHECKING:
    from tests.support.proxy import Proxy
    from tests.support.s3 import S3Server

# In one process, which joins them to its Ray, if the tests run in several ones.
pytestmark = pytest.mark.xdist_group("machines")

# Write tasks run on machines alone, and one at a time on each.
ON_MACHINES = {"resources": {"machine": 1}}


def count() -> float:
    return float(ray.cluster_resources().get("machine", 0))


@pytest.fixture(scope="module")
def machines(_ray: None, environment: dict[str, str], ray_folder: Path) -> Iterator[Machines]:
    """Two of them, each a node of this Ray."""
    node = ray_node(ray.get_runtime_context().gcs_address, ray_folder)
    with Machines(node, 2, environment) as running:
        wait_until(lambda: count() == 2, "the nodes")
        yield running
    wait_until(lambda: count() == 0, "the end of the nodes")


def lost(index: int, *, stored: bool = False) -> dict[str, Any]:
    """Return the moment at which a machine sends this frame; stored: after the store has it."""
    return {"path": rf"frame_{index:05d}\.png$", "stored": stored}


def sent(proxy: Proxy) -> Counter[int]:
    """Return how often each frame was sent."""
    found = (re.search(r"frame_(\d+)\.png$", one.path) for one in proxy.requests if one.method == "PUT")
    return Counter(int(one[1]) for one in found if one)


@pytest.mark.parametrize("if_exists", ["overwrite", "error"])
def test_three_lost_machines_are_harmless(
    engine: Any, machines: Machines, s3_server: S3Server, proxy: Proxy, if_exists: str
) -> None:
    url, options = s3_server.new_prefix(), {**s3_server.storage_options, "endpoint_url": proxy.endpoint_url}
    with machines.losing(proxy, lost(2), lost(11, stored=True), lost(17)):
        write_sequence(
            rendered(24, 6),
            url,
            filetype="png",
            storage_options=options,
            if_exists=if_exists,
            max_retries=9,  # Ray may count attempts that it gives to a machine which is lost already
            ray_remote_args=ON_MACHINES,
        )
    judge(Place("s3", url, {}, s3_server), range(24))
    # Tasks of four frames: those of which a machine was lost begin once more, and no other one does.
    again = {0, 1, 2, 8, 9, 10, 11, 16, 17}
    assert sent(proxy) == Counter({index: 2 if index in again else 1 for index in range(24)})
