"""The fixtures of the project's own tests: a real S3 server, and nothing of the user's machine in reach."""

from __future__ import annotations

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

__all__ = [
    "_fresh_memory",
    "_fresh_plugins",
    "_isolated",
    "_loopback_only",
    "homes",
    "place",
    "pytest_make_collect_report",
    "pytest_runtest_makereport",
    "running_s3_server",
    "s3_server",
]
