"""A store that throttles is asked for less, and everything is saved all the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import seqsave
from tests.support.proxy import Proxy
from tests.support.s3 import S3Server

pytestmark = pytest.mark.s3

RED = np.zeros((8, 8, 3), np.uint8)
QUICK = seqsave.RetryPolicy(attempts=4, first_wait=0.01)


@pytest.fixture
def proxy(s3_server: S3Server) -> Iterator[Proxy]:
    with Proxy(s3_server.endpoint_url) as proxy:
        yield proxy


@pytest.fixture
def settings(s3_server: S3Server, proxy: Proxy) -> dict[str, Any]:
    options = {**s3_server.storage_options, "endpoint_url": proxy.endpoint_url}
    return {"storage_options": options, "retry": QUICK, "manifest": False}


def test_throttling_halves_what_is_under_way_and_recovers(
    s3_server: S3Server, proxy: Proxy, settings: dict[str, Any]
) -> None:
    proxy.slow_down(probability=0.2)
    url = s3_server.new_prefix()
    seen_at_once: list[int] = []
    with seqsave.open_writer(
        url, on_event=lambda _: seen_at_once.append(writer._pipeline.at_once), **settings | {"retry": None}
    ) as writer:
        for i in range(150):
            writer.write(RED + i)
        writer.flush()
        least = min(seen_at_once)
        proxy.clear()
        recovered = 0
        while writer._pipeline.at_once < 32 and recovered < 2000:
            writer.write(RED)
            recovered += 1
        writer.flush()
        assert writer._pipeline.at_once == 32
    assert least < 32
    assert writer.result.counts["failed"] == 0
    assert len(s3_server.keys(url)) == writer.result.counts["saved"] == 150 + recovered
