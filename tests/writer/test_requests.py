"""What a real S3 server sees of a writer, counted at a proxy, and what a writer makes of its faults."""

from __future__ import annotations

import time
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
    return {"storage_options": options, "retry": QUICK}


def seen(proxy: Proxy) -> dict[str, int]:
    counts: dict[str, int] = {}
    for request in proxy.requests:
        counts[request.method] = counts.get(request.method, 0) + 1
    return counts


@pytest.mark.parametrize("concurrency", [1, None])
def test_one_put_for_each_frame_and_nothing_else(
    s3_server: S3Server, proxy: Proxy, settings: dict[str, Any], concurrency: int | None
) -> None:
    seqsave.save([RED] * 7, s3_server.new_prefix(), concurrency=concurrency, **settings)
    assert seen(proxy) == {"PUT": 7}


def test_a_large_frame_is_one_put_as_well(s3_server: S3Server, proxy: Proxy, settings: dict[str, Any]) -> None:
    data = np.random.default_rng(0).bytes(150 * 2**20)
    url = s3_server.new_prefix()
    with seqsave.open_writer(url, **settings) as writer:
        writer.write_encoded(data)
    assert seen(proxy) == {"PUT": 1}
    assert s3_server.read(f"{url}/frame_00000.png") == data


def test_skip_lists_once(s3_server: S3Server, proxy: Proxy, settings: dict[str, Any]) -> None:
    url = s3_server.new_prefix()
    seqsave.save([RED] * 3, url, **settings)
    proxy.requests.clear()
    result = seqsave.save([RED] * 5, url, if_exists="skip", **settings)
    assert result.counts["skipped"] == 3
    assert seen(proxy) == {"GET": 1, "PUT": 2}


def test_content_types(s3_server: S3Server, proxy: Proxy, settings: dict[str, Any]) -> None:
    for filetype in ("png", "jpg"):
        seqsave.save([RED], s3_server.new_prefix(), filetype=filetype, **settings)
    assert [request.headers["content-type"] for request in proxy.requests] == ["image/png", "image/jpeg"]


def test_a_permanent_503_costs_the_attempts_and_not_their_product(
    s3_server: S3Server, proxy: Proxy, settings: dict[str, Any]
) -> None:
    proxy.slow_down()
    events: list[seqsave.Event] = []
    with pytest.raises(seqsave.SaveError, match=r"frame 0: .*throttling"):
        seqsave.save([RED], s3_server.new_prefix(), on_event=events.append, **settings)
    assert seen(proxy) == {"PUT": QUICK.attempts}
    assert [event.kind for event in events].count("retry") == QUICK.attempts - 1


def test_what_passes_is_tried_again(s3_server: S3Server, proxy: Proxy, settings: dict[str, Any]) -> None:
    proxy.slow_down(first=2)
    url = s3_server.new_prefix()
    result = seqsave.save([RED] * 5, url, **settings)
    assert result.counts["saved"] == 5
    assert seen(proxy) == {"PUT": 15}
    assert len(s3_server.keys(url)) == 5


@pytest.mark.parametrize("concurrency", [1, None])
def test_connections_that_break_are_tried_again(
    s3_server: S3Server, proxy: Proxy, settings: dict[str, Any], concurrency: int | None
) -> None:
    proxy.reset(first=1)
    url = s3_server.new_prefix()
    assert seqsave.save([RED] * 5, url, concurrency=concurrency, **settings).counts["saved"] == 5


def test_a_missing_bucket_costs_one_request(s3_server: S3Server, proxy: Proxy, settings: dict[str, Any]) -> None:
    with pytest.raises(seqsave.SaveError, match="no-such-bucket"):
        seqsave.save([RED], "s3://no-such-bucket/x", **settings)
    assert seen(proxy) == {"PUT": 1}
    with pytest.raises(seqsave.TargetError, match="no-such-bucket"):  # and it was not made
        list(seqsave.find_sequences("s3://no-such-bucket/x", storage_options=settings["storage_options"]))


def test_a_wrong_key_stops_at_once_and_is_not_shown(
    s3_server: S3Server, proxy: Proxy, settings: dict[str, Any]
) -> None:
    import traceback

    settings["storage_options"]["secret"] = "hush-hush-hush-hush-hush"
    with pytest.raises(seqsave.SaveError) as caught:
        seqsave.save([RED] * 2, s3_server.new_prefix(), concurrency=1, **settings)
    assert seen(proxy) == {"PUT": 1}
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value.result)
    assert "hush" not in told
    assert "key" in str(caught.value) or "credential" in str(caught.value)


def test_an_interrupt_stops_within_a_second(s3_server: S3Server, proxy: Proxy, settings: dict[str, Any]) -> None:
    proxy.stall()
    began = 0.0
    with pytest.raises(KeyboardInterrupt):
        with seqsave.open_writer(s3_server.new_prefix(), **settings) as writer:
            for _ in range(3):
                writer.write(RED)
            time.sleep(0.3)  # until they hang in the stalled requests
            began = time.monotonic()
            raise KeyboardInterrupt
    assert time.monotonic() - began < 5  # a hang would last for minutes
    assert writer.result.counts["failed"] == 3
