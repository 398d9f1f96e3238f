"""Fixtures of a proxy before the real S3 server, and of the storage options with which each client goes through it.

tests/conftest.py gives them to every test; a module may have its own fixtures of these names.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.needs import needs_obstore
from tests.support.proxy import Proxy
from tests.support.s3 import S3Server

__all__ = ["options", "proxy"]


@pytest.fixture
def proxy(s3_server: S3Server) -> Iterator[Proxy]:
    """A proxy before the real S3 server: it counts requests, and fails on request."""
    with Proxy(s3_server.endpoint_url) as running:
        yield running


@pytest.fixture(params=["s3fs", "obstore"])
def options(request: pytest.FixtureRequest, s3_server: S3Server, proxy: Proxy) -> dict[str, Any]:
    """Storage options of each S3 client, through the proxy."""
    if request.param == "obstore":
        needs_obstore()
    return {**s3_server.storage_options, "endpoint_url": proxy.endpoint_url, "client": request.param}
