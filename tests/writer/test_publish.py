"""The publish flow on a real S3 server: if_exists="error" replaces nothing, and a store that throttles is spared.

The condition is proved first; a lost reply, or another saver's frame, is not mistaken for the own frame.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import seqsave
from tests.support.processes import Served
from tests.support.proxy import Proxy
from tests.support.s3 import S3Server

pytestmark = pytest.mark.s3

RED = np.zeros((8, 8, 3), np.uint8)
QUICK = seqsave.RetryPolicy(attempts=4, first_wait=0.01)


@pytest.fixture
def settings(s3_server: S3Server, proxy: Proxy) -> dict[str, Any]:
    options = {**s3_server.storage_options, "endpoint_url": proxy.endpoint_url}
    return {"storage_options": options, "retry": QUICK, "manifest": False}


def seen(proxy: Proxy) -> dict[str, int]:
    """Requests for frames, lists and trials; those for a manifest are counted elsewhere."""
    counts: dict[str, int] = {}
    for request in proxy.requests:
        if not request.path.endswith(".json"):
            counts[request.method] = counts.get(request.method, 0) + 1
    return counts


def frames_in(server: S3Server, url: str) -> list[str]:
    return [name for name in server.keys(url) if not name.endswith(".json")]


@pytest.mark.parametrize("concurrency", [1, None])
def test_never_to_replace_is_proved_once(
    s3_server: S3Server, proxy: Proxy, settings: dict[str, Any], concurrency: int | None
) -> None:
    url = s3_server.new_prefix()
    seqsave.save([RED] * 7, url, if_exists="error", concurrency=concurrency, **settings)
    assert seen(proxy) == {"PUT": 7 + 2, "DELETE": 1}
    assert frames_in(s3_server, url) == [f"frame_0000{i}.png" for i in range(7)]
    proxy.requests.clear()
    seqsave.save([RED] * 7, s3_server.new_prefix(), if_exists="error", concurrency=concurrency, **settings)
    assert seen(proxy) == {"PUT": 7}


@pytest.mark.parametrize("concurrency", [1, None])
def test_a_store_that_would_replace_gets_no_frame(concurrency: int | None) -> None:
    with Served("tests.support.null_s3") as server:
        options = {"key": "k", "secret": "s", "endpoint_url": server.hello["endpoint_url"]}
        with pytest.raises(seqsave.SaveError, match="replaces files that it was asked not to replace"):
            seqsave.save(
                [RED] * 3, "s3://bucket/x", if_exists="error", concurrency=concurrency, storage_options=options
            )
        assert server.stop()["requests"] <= 6 * 3  # the trials of the three, and none of them


def test_resuming_without_a_list_is_proved_as_well(s3_server: S3Server, proxy: Proxy, settings: dict[str, Any]) -> None:
    proxy.answer(403, "AccessDenied", methods=("GET",))
    seqsave.save([RED] * 3, s3_server.new_prefix(), if_exists="skip", **settings)
    assert seen(proxy) == {"GET": 1, "PUT": 3 + 2, "DELETE": 1}


def test_resuming_with_a_list_needs_no_proof(s3_server: S3Server, proxy: Proxy, settings: dict[str, Any]) -> None:
    seqsave.save([RED] * 3, s3_server.new_prefix(), if_exists="skip", **settings)
    assert seen(proxy) == {"GET": 1, "PUT": 3}


@pytest.mark.parametrize("concurrency", [1, None])
def test_a_lost_reply_is_no_collision(
    s3_server: S3Server, proxy: Proxy, settings: dict[str, Any], concurrency: int | None
) -> None:
    proxy.lose_reply(first=1)
    url = s3_server.new_prefix()
    frames = [RED, RED + 1, RED + 2]
    assert seqsave.save(frames, url, if_exists="error", concurrency=concurrency, **settings).counts["saved"] == 3
    assert frames_in(s3_server, url) == [f"frame_0000{i}.png" for i in range(3)]


@pytest.mark.parametrize("concurrency", [1, None])
def test_a_lost_reply_where_reading_is_denied(
    s3_server: S3Server, proxy: Proxy, settings: dict[str, Any], concurrency: int | None
) -> None:
    """The origin of the frame is unknown then: it exists, and the run does not claim it."""
    proxy.lose_reply(first=1, path="frame")
    proxy.answer(403, "AccessDenied", methods=("GET",))
    url = s3_server.new_prefix()
    with pytest.raises(seqsave.SaveError, match=r"may be this very frame.* the credentials do not allow it") as caught:
        seqsave.save([RED], url, if_exists="error", concurrency=concurrency, **settings)
    assert caught.value.result is not None
    assert caught.value.result.counts == dict(caught.value.result.counts, saved=0, failed=1)
    assert frames_in(s3_server, url) == ["frame_00000.png"]
    # Resuming, a frame that is there is all that is wanted.
    result = seqsave.save([RED] * 2, url, if_exists="skip", concurrency=concurrency, **settings)
    assert result.counts["failed"] == 0


@pytest.mark.parametrize("concurrency", [1, None])
def test_a_lost_reply_and_another_frame_in_its_place(
    s3_server: S3Server, proxy: Proxy, settings: dict[str, Any], concurrency: int | None
) -> None:
    """The request was lost before the store received it, and another writer's frame came first."""
    url = s3_server.new_prefix()
    seqsave.save([RED + 7], url, **settings)
    theirs = s3_server.read(f"{url}/frame_00000.png")
    proxy.reset(first=1, path="frame")
    with pytest.raises(seqsave.SaveError, match="already exists"):
        seqsave.save([RED], url, if_exists="error", concurrency=concurrency, **settings)
    assert s3_server.read(f"{url}/frame_00000.png") == theirs


# --- a store that throttles ----------------------------------------------------------------------------------------


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
