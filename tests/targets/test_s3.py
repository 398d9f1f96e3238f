"""s3:// against the real server, its requests counted at a proxy, and every way in which it fails."""

from __future__ import annotations

import asyncio
import gc
import mmap
import os
import re
import socket
import sys
import threading
import traceback
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import seqsave
from seqsave import targets
from seqsave.errors import FrameExistsError, SeqSaveError, TargetError
from seqsave.targets import registry, s3_client
from seqsave.targets.redact import chain_of
from tests.support.patience import PATIENCE
from tests.support.processes import free_ports, give_back
from tests.support.proxy import Proxy
from tests.targets.forking import in_forked_child

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.s3 import S3Server

pytestmark = pytest.mark.s3


@pytest.fixture(autouse=True)
def _through_s3fs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever other client there may be for s3://, this is about the one through s3fs."""
    for protocol in ("s3", "s3a"):
        monkeypatch.setitem(registry.BUILTIN, protocol, "seqsave.targets.s3:S3Target")


@pytest.fixture
def options(s3_server: S3Server, proxy: Proxy) -> dict[str, Any]:
    return {**s3_server.storage_options, "endpoint_url": proxy.endpoint_url}


@pytest.fixture
def url(s3_server: S3Server) -> str:
    return s3_server.new_prefix()


@pytest.fixture
def target(url: str, options: dict[str, Any]) -> targets.Target:
    return targets.resolve(url, options)


def publish(target: targets.Target, path: str = "f.png", data: Any = b"data", **more: Any) -> targets.Published:
    return target.publish(path, data, content_type="image/png", **more)


def test_a_client_that_is_dropped_ends_its_connections(url: str, options: dict[str, Any]) -> None:
    """Also in a thread with an event loop that does not run, where old versions of s3fs left them to that one."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        client = s3_client.S3Client(s3_client.checked_options(options), 4)
        request = client.call("head_bucket", bucket=url.split("/")[2])
        asyncio.run_coroutine_threadsafe(request, client.loop).result(PATIENCE)
        del client, request
        gc.collect()
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    del loop
    gc.collect()  # of what was never awaited, Python warns here


def failed(call: Callable[[], object], secrets: tuple[str, ...] = ()) -> SeqSaveError:
    """Return the error of a call, after checking that no secret is anywhere in its chain."""
    with pytest.raises(SeqSaveError) as caught:
        call()
    error = caught.value
    shown = "".join(traceback.format_exception(type(error), error, None))
    shown += "".join(str(link) + repr(link) for link in chain_of(error))
    assert not [secret for secret in secrets if secret in shown]
    assert "\n" not in str(error)
    return error


# --- requests -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("create", [False, True])
def test_one_put_for_each_object_and_nothing_else(target: targets.Target, proxy: Proxy, create: bool) -> None:
    for number in range(3):
        publish(target, f"batch_0001/frame_{number:05d}.png", b"x" * 100_000, create=create)
    assert [request.method for request in proxy.requests] == ["PUT"] * 3
    for request in proxy.requests:
        assert request.query == ""
        assert request.headers["content-type"] == "image/png"
        assert request.headers["x-amz-checksum-crc32"]
        assert request.headers.get("if-none-match") == ("*" if create else None)
        assert "expect" not in request.headers  # a round trip less


def test_one_put_for_150_megabytes(s3_server: S3Server, target: targets.Target, proxy: Proxy, url: str) -> None:
    data = os.urandom(1 << 20) * 150
    published = publish(target, "big.tif", data)
    assert [(request.method, request.query) for request in proxy.requests] == [("PUT", "")]
    assert s3_server.head(f"{url}/big.tif")["ContentLength"] == len(data)
    assert published.size == len(data)
    assert published.acknowledged


def test_what_the_store_keeps(s3_server: S3Server, target: targets.Target, url: str) -> None:
    published = publish(target, "f.png", b"data")
    about = s3_server.head(f"{url}/f.png")
    assert about["ContentType"] == "image/png"
    assert about["ETag"].strip('"') == published.etag
    assert published.checksum == f"crc32:{zlib.crc32(b'data'):08x}"
    assert published.acknowledged


def test_the_other_calls_are_one_request_each(target: targets.Target, proxy: Proxy) -> None:
    publish(target, "f.png")
    for method, call in {
        "GET": lambda: (target.read("f.png"), target.list(), target.list("none")),
        "HEAD": lambda: (target.exists("f.png"), target.exists("none")),
        "DELETE": lambda: target.delete("f.png"),
    }.items():
        proxy.clear()
        call()
        assert {request.method for request in proxy.requests} == {method}
        assert len(proxy.requests) == {"GET": 3, "HEAD": 2, "DELETE": 1}[method]


def test_no_bucket_is_ever_made(s3_server: S3Server, options: dict[str, Any]) -> None:
    before = [bucket["Name"] for bucket in s3_server.client.list_buckets()["Buckets"]]
    failed(lambda: publish(targets.resolve("s3://no-such-bucket-here/x", options)))
    failed(lambda: publish(targets.resolve("s3://no-such-bucket-here", options), create=True))
    assert [bucket["Name"] for bucket in s3_server.client.list_buckets()["Buckets"]] == before


def test_a_key_that_may_only_write_suffices(target: targets.Target, proxy: Proxy) -> None:
    proxy.answer(403, "AccessDenied", methods=("GET", "HEAD", "DELETE", "POST"))
    publish(target, "f.png")
    publish(target, "g.png", create=True)
    with pytest.raises(FrameExistsError):
        publish(target, "g.png", create=True)
    assert proxy.count() == 3


def test_the_pool_is_as_large_as_asked_for(s3_server: S3Server, url: str) -> None:
    for connections in (3, 24):
        with Proxy(s3_server.endpoint_url, latency=0.1) as proxy:
            options = {**s3_server.storage_options, "endpoint_url": proxy.endpoint_url}
            target = targets.resolve(url, options, connections=connections)
            with ThreadPoolExecutor(24) as pool:
                list(pool.map(lambda number, target=target: publish(target, f"f{number}.png"), range(48)))
            assert (proxy.connections <= 3) if connections == 3 else (proxy.connections > 10)


def test_many_coroutines_in_flight(target: targets.Target, proxy: Proxy) -> None:
    proxy.latency = 0.05
    assert target.loop is not None

    async def all_of_them() -> list[Any]:
        coroutines = [target.publish_async(f"f{number}.png", b"x", content_type="a/b") for number in range(100)]
        return await asyncio.gather(*(coroutine for coroutine in coroutines if coroutine is not None))

    published = asyncio.run_coroutine_threadsafe(all_of_them(), target.loop).result(PATIENCE)
    assert len(published) == 100
    assert proxy.count("PUT") == proxy.count() == 100


def test_a_store_that_refuses_checksums(target: targets.Target, proxy: Proxy) -> None:
    proxy.answer(501, "ChecksumNotSupported", path="first")
    with pytest.raises(TargetError):
        publish(target, "first.png")  # refused with and without
    proxy.clear()
    assert not publish(target, "f.png").acknowledged
    assert publish(target, "g.png").checksum == f"crc32:{zlib.crc32(b'data'):08x}"
    assert proxy.count() == 2
    assert not [request for request in proxy.requests if "x-amz-checksum-crc32" in request.headers]


def test_a_store_is_asked_once_more_without_the_checksum(target: targets.Target, proxy: Proxy) -> None:
    proxy.answer(501, "ChecksumNotSupported", first=1)
    assert publish(target, "f.png").size == 4
    assert ["x-amz-checksum-crc32" in request.headers for request in proxy.requests] == [True, False]


def test_a_file_of_five_gibibytes_is_refused_at_once(target: targets.Target, proxy: Proxy) -> None:
    with mmap.mmap(-1, s3_client_limit()) as data, memoryview(data) as view:
        error = failed(lambda: publish(target, "f.tif", view))
    assert "less than 5 GiB" in str(error)
    assert "f.tif" in str(error)
    assert proxy.count() == 0


def s3_client_limit() -> int:
    from seqsave.targets.s3 import LARGEST_PUT

    return LARGEST_PUT


# --- whose settings -------------------------------------------------------------------------------------------------


def test_the_user_s_instance_is_left_alone(url: str, options: dict[str, Any]) -> None:
    import fsspec

    theirs = fsspec.filesystem("s3", **options)
    target = targets.resolve(url, options)
    publish(target)
    again = fsspec.filesystem("s3", **options)
    assert again is theirs
    assert theirs.retries == 5
    assert theirs.config_kwargs == {}
    assert theirs.dircache.use_listings_cache
    ours = target._client()._connection.filesystem  # type: ignore[attr-defined]
    assert ours not in list(type(ours)._cache.values())  # nor does ours get into anybody's hands


def test_targets_with_the_same_options_share_a_connection_pool(url: str, options: dict[str, Any]) -> None:
    def client(connections: int = 8, **more: Any) -> Any:
        return targets.resolve(url, {**options, **more}, connections=connections)._client()  # type: ignore[attr-defined]

    assert client() is client()
    assert client() is not client(connections=9)
    assert client() is not client(secret="another")


def test_what_the_user_configures_wins(url: str, options: dict[str, Any]) -> None:
    config = {"read_timeout": 7, "user_agent_extra": "mine"}
    target = targets.resolve(url, {**options, "config_kwargs": config}, connections=5)
    publish(target)
    used = target._client()._connection.filesystem.config_kwargs  # type: ignore[attr-defined]
    assert used["read_timeout"] == 7
    assert used["user_agent_extra"] == "mine"
    assert used["max_pool_connections"] == 5
    assert config == {"read_timeout": 7, "user_agent_extra": "mine"}


def test_each_request_names_seqsave_and_what_the_user_adds(url: str, options: dict[str, Any], proxy: Proxy) -> None:
    publish(targets.resolve(url, options))
    publish(targets.resolve(url, {**options, "config_kwargs": {"user_agent_extra": "mine"}}))
    agents = [request.headers["user-agent"].split() for request in proxy.requests]
    assert [("seqsave" in agent, "mine" in agent) for agent in agents] == [(True, False), (True, True)]


def test_no_slow_parser_reads_the_times_of_a_listing(
    url: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import botocore.parsers
    import botocore.utils

    def refuse(value: object) -> None:
        raise AssertionError(f"botocore parsed {value!r}")

    monkeypatch.setattr(botocore.utils, "parse_timestamp", refuse)
    monkeypatch.setattr(botocore.parsers, "DEFAULT_TIMESTAMP_PARSER", refuse)
    target = targets.resolve(url, options, connections=11)  # with a client of its own
    target.publish("a.png", b"bytes")
    assert [entry.name for entry in target.list()] == ["a.png"]


def test_additional_arguments_of_the_user_are_sent(url: str, options: dict[str, Any], proxy: Proxy) -> None:
    publish(targets.resolve(url, {**options, "s3_additional_kwargs": {"CacheControl": "no-store"}}))
    assert proxy.requests[0].headers["cache-control"] == "no-store"


def test_fsspec_s_configuration_holds(url: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec.config

    config = {"client_kwargs": {"region_name": "eu-west-1"}, "config_kwargs": {"user_agent_extra": "theirs"}}
    monkeypatch.setitem(fsspec.config.conf, "s3", {**options, **config})
    target = targets.resolve(url)
    publish(target)
    assert target.read("f.png") == b"data"
    assert target._client()._connection.filesystem.config_kwargs["user_agent_extra"] == "theirs"  # type: ignore[attr-defined]


def test_credentials_of_the_environment(url: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", options["key"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", options["secret"])
    publish(targets.resolve(url, {"endpoint_url": options["endpoint_url"]}))


def test_a_profile(url: str, options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "credentials"
    file.write_text(f"[renderer]\naws_access_key_id={options['key']}\naws_secret_access_key={options['secret']}\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    publish(targets.resolve(url, {"endpoint_url": options["endpoint_url"], "profile": "renderer"}))
    error = failed(lambda: publish(targets.resolve(url, {"profile": "nobody"})))
    assert "the profile is not in the credentials file" in str(error)
    assert "nobody" in str(error)


def test_s3a_is_the_same(s3_server: S3Server, url: str, options: dict[str, Any]) -> None:
    target = targets.resolve(url.replace("s3://", "s3a://"), options)
    publish(target)
    assert s3_server.read(f"{url}/f.png") == b"data"
    assert target.url_of("f.png") == f"{url}/f.png".replace("s3://", "s3a://")


# --- failures -------------------------------------------------------------------------------------------------------


def test_a_permanent_503_costs_one_request(target: targets.Target, proxy: Proxy) -> None:
    proxy.slow_down()
    for call in (lambda: publish(target), lambda: publish(target, create=True)):
        proxy.requests.clear()
        error = failed(call)
        assert isinstance(error, TargetError)
        assert error.transient
        assert "throttling" in str(error)
        assert proxy.count() == 1


@pytest.mark.parametrize(
    ("status", "code", "transient"),
    [
        (500, "InternalError", True),
        (502, "BadGateway", True),
        (503, "ServiceUnavailable", True),
        (429, "TooManyRequests", True),
        (409, "ConditionalRequestConflict", True),
        (400, "RequestTimeout", True),
        (403, "AccessDenied", False),
        (400, "ExpiredToken", False),
        (403, "RequestTimeTooSkewed", False),
        (400, "InvalidRequest", False),
        (501, "NotImplemented", False),
    ],
)
def test_other_answers_cost_one_request_too(
    target: targets.Target, proxy: Proxy, status: int, code: str, transient: bool
) -> None:
    proxy.answer(status, code)
    error = failed(lambda: publish(target))
    assert isinstance(error, TargetError)
    assert error.transient == transient
    assert proxy.count() == 1


@pytest.mark.parametrize("warm", [False, True])
def test_a_reset_costs_one_request(target: targets.Target, proxy: Proxy, warm: bool) -> None:
    if warm:  # aiohttp sends again by itself on a connection that was in use before
        publish(target, "other.png")
    proxy.requests.clear()
    proxy.reset()
    error = failed(lambda: publish(target, data=b"x" * 2_000_000))
    assert isinstance(error, TargetError)
    assert error.transient
    assert "connection broke" in str(error)
    assert proxy.count() == 1


def test_a_lost_reply_is_not_mistaken_for_another_writers_frame(target: targets.Target, proxy: Proxy) -> None:
    publish(target, "other.png")
    proxy.lose_reply(first=1, path="f.png")
    proxy.requests.clear()
    error = failed(lambda: publish(target, create=True))
    assert isinstance(error, TargetError)
    assert error.transient
    assert proxy.count("PUT") == 1
    with pytest.raises(FrameExistsError):  # the store had it all the same: whose it is, is for the caller to compare
        publish(target, create=True)
    assert target.read("f.png") == b"data"


def test_a_store_that_does_not_answer(url: str, options: dict[str, Any], proxy: Proxy) -> None:
    proxy.stall()
    target = targets.resolve(url, {**options, "config_kwargs": {"read_timeout": 0.5}})
    error = failed(lambda: publish(target))
    assert isinstance(error, TargetError)
    assert error.transient
    assert "did not answer in time" in str(error)
    assert proxy.count() == 1


def test_a_slow_line_is_not_mistaken_for_silence(url: str, options: dict[str, Any], proxy: Proxy) -> None:
    proxy.bandwidth = 500_000
    target = targets.resolve(url, {**options, "config_kwargs": {"read_timeout": 0.5}})
    assert publish(target, data=b"x" * 1_000_000).size == 1_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels have no such option")
def test_a_store_that_does_not_read(url: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_client, "STALL_TIMEOUT", 1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = f"http://127.0.0.1:{server.getsockname()[1]}"
        target = targets.resolve(url, {**options, "endpoint_url": endpoint})
        error = failed(lambda: publish(target, data=b"x" * 30_000_000))
    assert isinstance(error, TargetError)
    assert error.transient


def test_a_missing_bucket_costs_one_request(options: dict[str, Any], proxy: Proxy) -> None:
    for call in (publish, lambda target: target.list(), lambda target: target.read("f.png")):
        proxy.clear()
        error = failed(lambda call=call: call(targets.resolve("s3://no-such-bucket-here/x", options)))  # type: ignore[misc]
        assert isinstance(error, TargetError)
        assert not error.transient
        assert "bucket 'no-such-bucket-here' does not exist; create it" in str(error)
        assert proxy.count() == 1


def test_a_wrong_key(url: str, options: dict[str, Any], proxy: Proxy) -> None:
    target = targets.resolve(url, {**options, "key": "AKIAWRONGWRONG"})
    error = failed(lambda: publish(target), ("AKIAWRONGWRONG", options["secret"]))
    assert isinstance(error, TargetError)
    assert not error.transient
    assert "does not know this access key" in str(error)
    assert proxy.count() == 1


def test_a_wrong_secret(url: str, options: dict[str, Any], proxy: Proxy) -> None:
    target = targets.resolve(url, {**options, "secret": "wrong/secret+wrong"})
    error = failed(lambda: publish(target), ("wrong/secret+wrong", options["key"]))
    assert isinstance(error, TargetError)
    assert not error.transient
    assert "refuses the signature" in str(error)
    assert proxy.count() == 1
    assert "wrong/secret" not in repr(target)


def test_no_credentials(url: str, options: dict[str, Any], proxy: Proxy) -> None:
    error = failed(lambda: publish(targets.resolve(url, {"endpoint_url": options["endpoint_url"]})))
    assert "no credentials were found" in str(error)
    assert proxy.count() == 0
    anonymous = targets.resolve(url, {"endpoint_url": options["endpoint_url"], "anon": True})
    assert "the credentials do not allow it" in str(failed(lambda: publish(anonymous)))


def test_a_refused_connection(url: str, options: dict[str, Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = f"http://127.0.0.1:{server.getsockname()[1]}"
    error = failed(lambda: publish(targets.resolve(url, {**options, "endpoint_url": endpoint})))
    assert isinstance(error, TargetError)
    assert error.transient
    assert "cannot be reached" in str(error)
    assert endpoint.removeprefix("http://") in str(error)


def test_bytes_that_are_not_those_of_the_checksum(target: targets.Target) -> None:
    error = failed(lambda: publish(target, checksum=12345))
    assert isinstance(error, TargetError)
    assert error.transient
    assert "did not arrive whole" in str(error)
    assert not target.exists("f.png")


def test_a_bucket_that_cannot_be(options: dict[str, Any]) -> None:
    assert "not allowed there" in str(failed(lambda: publish(targets.resolve("s3://what a bucket!", options))))
    for url in ("s3://", "s3:///shot010"):
        assert "names no bucket" in str(failed(lambda url=url: targets.resolve(url, options)))


def test_a_name_that_is_too_long(target: targets.Target) -> None:
    error = failed(lambda: publish(target, "n" * 1100))
    assert "name is too long" in str(error)
    assert len(str(error)) < 500


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"endpoint": "x"}, "did you mean 'endpoint_url'?"),
        ({"config_kwargs": 3}, "config_kwargs must be a mapping"),
        ({"username": "twice"}, "are not valid"),
        ({"config_kwargs": {"nothing_like_it": 1}}, "are not valid"),
        ({"client_kwargs": {"nothing_like_it": 1}}, "are not valid"),
    ],
)
def test_options_that_do_not_fit(url: str, options: dict[str, Any], more: dict[str, Any], says: str) -> None:
    error = failed(lambda: publish(targets.resolve(url, {**options, **more})), (options["secret"],))
    assert says in str(error)


def test_credentials_in_the_url_are_refused() -> None:
    error = failed(lambda: targets.resolve("s3://AKIAKEY:very/secret@bucket/x"), ("AKIAKEY", "very/secret"))
    assert "storage options" in str(error)


def test_a_file_that_is_replaced_while_it_is_read(s3_server: S3Server, target: targets.Target, url: str) -> None:
    publish(target, "f.bin", b"1" * 9_000_000)
    with target.open_read("f.bin") as file:
        assert file.read(10) == b"1" * 10
        s3_server.write(f"{url}/f.bin", b"2" * 9_000_000)
        assert "replaced while it was being read" in str(failed(lambda: file.read()))


def test_a_read_that_breaks_off(target: targets.Target, proxy: Proxy) -> None:
    publish(target, "f.bin", b"1" * 3_000_000)
    proxy.reset(methods=("GET",))
    error = failed(lambda: target.read("f.bin"))
    assert isinstance(error, TargetError)
    assert error.transient


# --- processes ------------------------------------------------------------------------------------------------------


def test_a_forked_child_has_a_connection_of_its_own(s3_server: S3Server, target: targets.Target, url: str) -> None:
    publish(target, "parent.png")
    in_forked_child(lambda: publish(target, "child.png"))
    assert s3_server.keys(url) == ["child.png", "parent.png"]
    publish(target, "parent.png")


def test_threads_and_coroutines_at_once(s3_server: S3Server, target: targets.Target, url: str) -> None:
    assert target.loop is not None
    coroutine = target.publish_async("async.png", b"x" * 1_000_000, content_type="a/b")
    assert coroutine is not None
    future = asyncio.run_coroutine_threadsafe(coroutine, target.loop)
    threads = [threading.Thread(target=publish, args=(target, f"{number}.png")) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert future.result(PATIENCE).size == 1_000_000
    assert len(s3_server.keys(url)) == 5


def test_a_wrong_key_is_found_in_no_log(url: str, options: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        failed(lambda: publish(targets.resolve(url, {**options, "secret": "wrong/secret+wrong"})))
    assert "wrong/secret" not in caplog.text
    assert not re.search("secret", caplog.text)


@pytest.mark.parametrize("client", ["s3fs", None])
@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"endpoint_url": "http://user:WORDWORD@host"}, "holds '@'"),
        ({"endpoint_url": "http://user:WORD/WORDWORD@host"}, "holds '@'"),
        ({"endpoint_url": "user:WORDWORD@host:9000"}, "holds '@'"),
        ({"client_kwargs": {"endpoint_url": "http://user:WORDWORD@host"}}, "holds '@'"),
        ({"endpoint_url": "127.0.0.1:1"}, "has no scheme: write 'https://127.0.0.1:1'"),
        ({"endpoint_url": "ftp://host"}, "is not the address of a store"),
        ({"endpoint_url": "http://"}, "is not the address of a store"),
        ({"endpoint_url": 9000}, "is a URL, not int"),
        ({"client_kwargs": {"verify": "/nope.pem"}}, "'/nope.pem', which does not exist"),
    ],
)
def test_settings_that_can_never_work(client: str | None, more: dict[str, Any], says: str) -> None:
    options = {"key": "k", "secret": "s", "client": client, **more}
    error = failed(lambda: targets.resolve("s3://bucket/x", options), ("WORDWORD",))
    assert says in str(error)
    assert isinstance(error, TargetError)
    assert not error.transient


def test_a_bundle_of_certificates_that_is_not_there(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nope.pem")
    target = targets.resolve("s3://bucket/x", {**options, "endpoint_url": "https://127.0.0.1:1"})
    error = failed(lambda: publish(target))
    assert isinstance(error, TargetError)
    assert not error.transient
    assert "options are not valid" in str(error)


@pytest.mark.parametrize(
    "endpoint", ["https://s3.eu-west-1.amazonaws.com", "http://[::1]:9000/", "HTTP://minio:9000/s3"]
)
def test_endpoints_that_can_be(endpoint: str) -> None:
    assert s3_client.checked_options({"endpoint_url": endpoint})["endpoint_url"] == endpoint


def test_an_endpoint_that_the_program_sets_later_is_used(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    [refused_port] = free_ports(1)
    quick = {"retry": seqsave.RetryPolicy(attempts=1)}
    url, picture = s3_server.new_prefix(), np.zeros((4, 4), np.uint8)
    for name, value in {**s3_server.environment, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{refused_port}"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(seqsave.SaveError, match=str(refused_port)) as kept:  # as a notebook keeps the last error
        seqsave.save([picture], url, **quick)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server.endpoint_url)
    assert seqsave.save([picture], url, **quick).counts["saved"] == 1
    assert s3_server.keys(url) == ["frame_00000.png"]
    del kept
    give_back([refused_port])
