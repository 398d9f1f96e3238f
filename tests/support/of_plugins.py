"""What tests of plugins share with those of the project: a real S3 server, and nothing of the user's machine in reach.

A plugin's conftest imports all of it.
"""

from __future__ import annotations

from tests.conftest import (
    _fresh_memory,
    _fresh_plugins,
    _isolated,
    _living_threads,
    _loopback_only,
    homes,
    own_s3_server,
    place,
    pytest_configure,
    pytest_itemcollected,
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
    "_living_threads",
    "_loopback_only",
    "homes",
    "own_s3_server",
    "place",
    "proxy",
    "pytest_configure",
    "pytest_itemcollected",
    "pytest_make_collect_report",
    "pytest_runtest_makereport",
    "running_s3_server",
    "s3_server",
]
