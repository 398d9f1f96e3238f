"""The fixtures of the project's own tests: a real S3 server, and nothing of the user's machine in reach."""

from __future__ import annotations

from collections.abc import Iterator

import dask
import pytest
from tests.conftest import (
    _fresh_memory,
    _fresh_plugins,
    _isolated,
    _loopback_only,
    homes,
    place,
    pytest_make_collect_report,
    pytest_runtest_makereport,
    running_s3_server,
    s3_server,
)
from tests.support.proxied import proxy

__all__ = [
    "_fresh_memory",
    "_fresh_plugins",
    "_isolated",
    "_loopback_only",
    "homes",
    "place",
    "proxy",
    "pytest_make_collect_report",
    "pytest_runtest_makereport",
    "running_s3_server",
    "s3_server",
]


@pytest.fixture(autouse=True)
def _own_scheduler() -> Iterator[None]:
    """Without a cluster in the way: a test that uses one asks for it by name."""
    with dask.config.set(scheduler="threads"):
        yield
