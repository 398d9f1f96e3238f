"""The requests of a writer to a real S3 server, counted at a proxy, and the writer's reaction to faults."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import seqsave
from seqsave import manifest
from tests.support.needs import needs_obstore
from tests.support.patience import PATIENCE
from tests.support.proxy import Proxy
from tests.support.s3 import S3Server

RED = np.zeros((8, 8, 3), np.uint8)
QUICK = seqsave.RetryPolicy(attempts=4, first_wait=0.01)
MANIFEST = "frame.png.json"


@pytest.fixture
def settings(s3_server: S3Server, proxy: Proxy) -> dict[str, Any]:
    options = {**s3_server.storage_options, "endpoint_url": proxy.endpoint_url}
    return {"storage_options": options, "retry": QUICK}


def seen(proxy: Proxy) -> dict[str, int]:
    counts: dict[str, int] = {}
    for request in proxy.requests:
        counts[request.method] = counts.get(request.method, 0) + 1
    return counts


@pytest.mark.parametrize("client", ["obstore", "s3fs"])
@pytest.mark.parametrize("concurrency", [1, None])
def test_one_put_for_each_frame_and_four_requests_for_the_manifest(
    s3_server: S3Server, proxy: Proxy, settings: dict[str, Any], concurrency: int | None, client: str
) -> None:
    if client == "obstore":
        needs_obstore()
    settings["storage_options"]["client"] = client
    url = s3_server.new_prefix()
    seqsave.save([RED] * 7, url, concurrency=concurrency, **settings)
    # One GET reads the manifest, the other one lists the folder before the manifest says that all frames exist.
    assert seen(proxy) == {"GET": 1 + 1, "PUT": 1 + 7 + 1}
    assert [request.path.rpartition("/")[2] for request in (*proxy.requests[:2], proxy.requests[-1])] == [MANIFEST] * 3
    proxy.requests.clear()
    seqsave.save([RED] * 7, url, concurrency=concurrency, **settings)
    assert seen(proxy) == {"GET": 1 + 1, "PUT": 1 + 7 + 1}


@pytest.mark.parametrize("concurrency", [1, None])
def test_without_a_manifest_one_put_for_each_frame_and_a_look_before_and_after(
    s3_server: S3Server, proxy: Proxy, settings: dict[str, Any], concurrency: int | None
) -> None:
    url = s3_server.new_prefix()
    seqsave.save([RED] * 7, url, concurrency=concurrency, manifest=False, **settings)
    # After the last one too: another program may have written a manifest since, which must not state outdated facts.
    assert seen(proxy) == {"GET": 2, "PUT": 7}
    assert s3_server.keys(url) == [f"frame_0000{i}.png" for i in range(7)]


def test_a_single_frame_writes_no_manifest(s3_server: S3Server, proxy: Proxy, settings: dict[str, Any]) -> None:
    seqsave.save([RED], s3_server.new_prefix(), **settings)
    assert seen(proxy) == {"GET": 1, "PUT": 1}


def test_a_key_that_may_only_put_suffices(s3_server: S3Server, proxy: Proxy, settings: dict[str, Any]) -> None:
    proxy.answer(403, "AccessDenied", methods=("GET", "HEAD", "DELETE"))
    url = s3_server.new_prefix()
    seqsave.save([RED] * 3, url, **settings)
    assert seen(proxy) == {"GET": 1 + 1, "PUT": 1 + 3 + 1}
    # All frames are recorded, and since no listing confirmed them, the manifest does not say complete.
    written = manifest.load(s3_server.read(f"{url}/.seqsave/{MANIFEST}"))
    assert (written.complete, written.confirmed, len(written.frames)) == (False, False, 3)
    assert "had no right to list the folder" in written.obstacles()[0]
    lacking = (
        r"the manifest .* reading it failed: cannot read s3://.* ask for s3:GetObject,.* `manifest=False` saves without"
    )
    with pytest.raises(seqsave.SaveError, match=lacking):
        seqsave.save([RED] * 3, url, **settings)
    assert seqsave.save([RED] * 3, url, manifest=False, **settings).counts["saved"] == 3


def test_a_large_frame_is_one_put_as_well(s3_server: S3Server, proxy: Proxy, settings: dict[str, Any]) -> None:
    data = np.random.default_rng(0).bytes(150 * 2**20)
    url = s3_server.new_prefix()
    with seqsave.open_writer(url, **settings) as writer:
        writer.write_encoded(data)
    assert seen(proxy) == {"GET": 1 + 1, "PUT": 1 + 1 + 1}
    assert s3_server.read(f"{url}/frame_00000.png") == data


def test_skip_lists_once(s3_server: S3Server, proxy: Proxy, settings: dict[str, Any]) -> None:
    url = s3_server.new_prefix()
    seqsave.save([RED] * 3, url, **settings)
    proxy.requests.clear()
    result = seqsave.save([RED] * 5, url, if_exists="skip", **settings)
    assert result.counts["skipped"] == 3
    assert seen(proxy) == {"GET": 1 + 2, "PUT": 1 + 2 + 1}
    proxy.requests.clear()
    seqsave.save([RED] * 5, url, if_exists="skip", **settings)
    assert seen(proxy) == {"GET": 1 + 2}  # all frames exist, and the manifest says so


def test_content_types(s3_server: S3Server, proxy: Proxy, settings: dict[str, Any]) -> None:
    for filetype in ("png", "jpg"):
        seqsave.save([RED], s3_server.new_prefix(), filetype=filetype, **settings)
    seqsave.save([RED] * 2, s3_server.new_prefix(), manifest=True, concurrency=1, **settings)
    sent = [request.headers["content-type"] for request in proxy.requests if request.method == "PUT"]
    assert sent == ["image/png", "image/jpeg", "application/json", *["image/png"] * 2, "application/json"]


def test_a_permanent_503_costs_the_attempts_and_not_their_product(
    s3_server: S3Server, proxy: Proxy, settings: dict[str, Any]
) -> None:
    proxy.slow_down()
    events: list[seqsave.Event] = []
    with pytest.raises(seqsave.SaveError, match=r"frame 0: .*throttling"):
        seqsave.save([RED], s3_server.new_prefix(), on_event=events.append, **settings)
    assert seen(proxy) == {"GET": 1, "PUT": QUICK.attempts}
    assert [event.kind for event in events].count("retry") == QUICK.attempts - 1


@pytest.mark.parametrize("concurrency", [1, None])
def test_a_manifest_that_cannot_be_opened_fails_the_frames_and_costs_no_more(
    s3_server: S3Server, proxy: Proxy, settings: dict[str, Any], concurrency: int | None
) -> None:
    proxy.slow_down()
    events: list[seqsave.Event] = []
    with pytest.raises(seqsave.SaveError, match=r"frame \d: cannot save .*frame\.png\.json: .*throttling") as caught:
        with seqsave.open_writer(
            s3_server.new_prefix(), on_event=events.append, concurrency=concurrency, **settings
        ) as writer:
            for _ in range(5):
                writer.write(RED)
    assert caught.value.result is not None
    assert caught.value.result.counts["saved"] == 0
    assert seen(proxy) == {"GET": QUICK.attempts, "PUT": QUICK.attempts}


def test_a_manifest_that_cannot_be_closed_is_reported(
    s3_server: S3Server, proxy: Proxy, settings: dict[str, Any]
) -> None:
    url = s3_server.new_prefix()
    with pytest.raises(
        seqsave.SaveError, match=r"all frames are saved, but the manifest is not: .*throttling"
    ) as caught:
        with seqsave.open_writer(url, **settings) as writer:
            writer.write_frames([RED] * 3)
            writer.flush()
            proxy.slow_down()
    assert caught.value.result is not None
    assert caught.value.result.counts["saved"] == 3
    left = manifest.load(s3_server.read(f"{url}/.seqsave/{MANIFEST}"))
    assert not left.complete
    assert len(left.writers) == 1


def test_a_lost_reply_to_the_manifest_is_no_change_of_anybody_elses(
    s3_server: S3Server, proxy: Proxy, settings: dict[str, Any]
) -> None:
    proxy.lose_reply(first=2, path=r"\.json")
    url = s3_server.new_prefix()
    seqsave.save([RED] * 3, url, **settings)
    found = manifest.load(s3_server.read(f"{url}/.seqsave/{MANIFEST}"))
    assert (found.complete, len(found.frames), found.writers) == (True, 3, ())


def test_what_passes_is_tried_again(s3_server: S3Server, proxy: Proxy, settings: dict[str, Any]) -> None:
    proxy.slow_down(first=2)
    url = s3_server.new_prefix()
    result = seqsave.save([RED] * 5, url, **settings)
    assert result.counts["saved"] == 5
    # Each key is refused twice; each attempt at the manifest that is refused begins with a look. One more GET lists.
    assert seen(proxy) == {"GET": 3 + 1, "PUT": 3 + 15 + 1}
    assert len(s3_server.keys(url)) == 5 + 1


@pytest.mark.parametrize("concurrency", [1, None])
def test_connections_that_break_are_tried_again(
    s3_server: S3Server, proxy: Proxy, settings: dict[str, Any], concurrency: int | None
) -> None:
    proxy.reset(first=1)
    url = s3_server.new_prefix()
    assert seqsave.save([RED] * 5, url, concurrency=concurrency, **settings).counts["saved"] == 5


def test_a_missing_bucket_costs_one_look_and_one_put(
    s3_server: S3Server, proxy: Proxy, settings: dict[str, Any]
) -> None:
    with pytest.raises(seqsave.SaveError, match="no-such-bucket"):
        seqsave.save([RED], "s3://no-such-bucket/x", **settings)
    assert seen(proxy) == {"GET": 1, "PUT": 1}
    with pytest.raises(seqsave.TargetError, match="no-such-bucket"):  # and it was not made
        list(seqsave.find_sequences("s3://no-such-bucket/x", storage_options=settings["storage_options"]))


def test_a_wrong_key_stops_at_once_and_is_not_shown(
    s3_server: S3Server, proxy: Proxy, settings: dict[str, Any]
) -> None:
    import traceback

    settings["storage_options"]["secret"] = "hush-hush-hush-hush-hush"
    with pytest.raises(seqsave.SaveError) as caught:
        seqsave.save([RED] * 2, s3_server.new_prefix(), concurrency=1, **settings)
    assert seen(proxy) == {"GET": 1, "PUT": 1}
    reported = "".join(traceback.format_exception(caught.value)) + repr(caught.value.result)
    assert "hush" not in reported
    assert "key" in str(caught.value) or "credential" in str(caught.value)


def test_an_interrupt_stops_within_a_second(s3_server: S3Server, proxy: Proxy, settings: dict[str, Any]) -> None:
    fault = proxy.stall()
    with pytest.raises(KeyboardInterrupt):
        with seqsave.open_writer(s3_server.new_prefix(), **settings) as writer:
            for _ in range(3):
                writer.write(RED)
            assert fault.reached.wait(PATIENCE)
            raise KeyboardInterrupt
    assert writer.result.counts["failed"] == 3
    assert proxy.count("PUT") == 1  # the client's own time-out, after a minute, would lead to another try
