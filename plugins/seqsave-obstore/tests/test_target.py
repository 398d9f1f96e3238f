"""s3:// through either client: the same behaviour, and obstore only where its requests are those of s3fs."""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import inspect
import os
import pickle
import re
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from seqsave_obstore.errors import explained
from seqsave_obstore.plan import RefusedError, make_plan
from seqsave_obstore.target import FastS3Target
from tests.support.needs import needs_obstore
from tests.support.patience import PATIENCE
from tests.support.processes import Served, free_ports
from tests.support.proxy import Proxy
from tests.support.silence import silence

import seqsave
from seqsave import targets
from seqsave.errors import FrameExistsError, TargetError
from seqsave.targets import filesystems
from seqsave.targets.redact import chain_of
from seqsave.targets.s3 import S3Target
from seqsave.targets.s3_client import StoreAnswerError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.s3 import S3Server

pytestmark = pytest.mark.s3

NAMES = [
    "[a]b",
    "100%",
    "%20",
    "a#b",
    "a+b",
    "größe 🎬",
    "q?*",
    "a b",
    "a&b=c;d",
    "~x",
    "e\u0301",
    "{x}|<>\"'^`",
    "a:b@c",
]
SECRET = "hush-hush-hush-hush-hush"


@pytest.fixture(autouse=True)
def _obstore(monkeypatch: pytest.MonkeyPatch) -> None:
    needs_obstore()
    for name in ("REQUESTS_CA_BUNDLE", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=["s3fs", "obstore"])
def client(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def proxy(s3_server: S3Server) -> Iterator[Proxy]:
    with Proxy(s3_server.endpoint_url) as running:
        yield running


def options_of(s3_server: S3Server, proxy: Proxy, client: str) -> dict[str, Any]:
    return {**s3_server.storage_options, "endpoint_url": proxy.endpoint_url, "client": client}


@pytest.fixture
def options(s3_server: S3Server, proxy: Proxy, client: str) -> dict[str, Any]:
    return options_of(s3_server, proxy, client)


@pytest.fixture
def url(s3_server: S3Server) -> str:
    return s3_server.new_prefix()


@pytest.fixture
def target(url: str, options: dict[str, Any], client: str) -> targets.Target:
    target = targets.resolve(url, options)
    assert type(target) is (FastS3Target if client == "obstore" else S3Target)
    return target


def publish(target: targets.Target, path: str = "f.png", data: Any = b"data", **more: Any) -> targets.Published:
    return target.publish(path, data, content_type="image/png", **more)


def failed(call: Any, *secrets: str) -> TargetError:
    """The error of a call, without secrets anywhere in its chain."""
    with pytest.raises(TargetError) as caught:
        call()
    shown = "".join(traceback.format_exception(caught.value))
    shown += "".join(repr(link) + str(link) for link in chain_of(caught.value))
    assert not [secret for secret in secrets if secret in shown]
    return caught.value


# --- both clients alike ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
@pytest.mark.parametrize("create", [False, True])
def test_one_put_with_what_was_given(
    s3_server: S3Server, target: targets.Target, proxy: Proxy, url: str, kind: Any, create: bool
) -> None:
    data = os.urandom(300_000)
    published = publish(target, "batch_0001/f.png", kind(data), create=create)
    assert s3_server.read(f"{url}/batch_0001/f.png") == data
    about = s3_server.head(f"{url}/batch_0001/f.png")
    assert (about["ContentType"], about["ETag"]) == ("image/png", f'"{published.etag}"')
    assert [(request.method, request.query) for request in proxy.requests] == [("PUT", "")]
    assert proxy.requests[0].headers.get("if-none-match") == ("*" if create else None)
    assert published.acknowledged == target.capabilities.checksum


def test_the_record_is_the_same(url: str, options: dict[str, Any]) -> None:
    records = [
        publish(targets.resolve(url, {**options, "client": client}), f"{client}.png") for client in ("s3fs", "obstore")
    ]
    assert len({(record.size, record.etag, record.checksum) for record in records}) == 1


@pytest.mark.parametrize("name", NAMES)
def test_names_survive(s3_server: S3Server, target: targets.Target, url: str, name: str) -> None:
    path = f"sub {name}/{name}.png"
    publish(target, path, name.encode())
    assert s3_server.keys(url) == [path]
    assert target.read(path) == name.encode()
    assert [entry.name for entry in target.list(f"sub {name}")] == [f"{name}.png"]


def test_150_megabytes_are_one_put(s3_server: S3Server, target: targets.Target, proxy: Proxy, url: str) -> None:
    data = os.urandom(1 << 20) * 150
    publish(target, "big.exr", data)
    assert [(request.method, request.query) for request in proxy.requests] == [("PUT", "")]
    assert s3_server.read(f"{url}/big.exr") == data


def test_the_bytes_are_signed(options: dict[str, Any], url: str, proxy: Proxy) -> None:
    publish(targets.resolve(url, {**options, "client": "obstore"}))
    assert proxy.requests[0].headers["x-amz-content-sha256"] == hashlib.sha256(b"data").hexdigest()


def test_create_never_replaces(s3_server: S3Server, target: targets.Target, proxy: Proxy, url: str) -> None:
    publish(target, create=True)
    with pytest.raises(FrameExistsError, match=r"f\.png: it already exists"):
        publish(target, data=b"other", create=True)
    assert s3_server.read(f"{url}/f.png") == b"data"
    assert proxy.count() == 2


def test_a_race_has_one_winner(target: targets.Target) -> None:
    def attempt(number: int) -> bool:
        try:
            publish(target, data=b"%d" % number, create=True)
        except FrameExistsError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = [number for number, success in enumerate(pool.map(attempt, range(8))) if success]
    assert [target.read("f.png")] == [b"%d" % number for number in won]


def test_a_lost_reply_breaks_the_connection_and_the_file_is_there(target: targets.Target, proxy: Proxy) -> None:
    proxy.lose_reply(first=1)
    assert failed(lambda: publish(target, create=True)).transient
    assert proxy.count("PUT") == 1
    with pytest.raises(FrameExistsError):
        publish(target, create=True)
    assert target.read("f.png") == b"data"


def test_16_threads(s3_server: S3Server, target: targets.Target, proxy: Proxy, url: str) -> None:
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda i: publish(target, f"f_{i}.png", b"%d" % i * 1000), range(64)))
        assert list(pool.map(lambda i: target.read(f"f_{i}.png"), range(64))) == [b"%d" % i * 1000 for i in range(64)]
    assert proxy.count("PUT") == 64
    assert len(s3_server.keys(url)) == 64


def test_the_pool_bounds_the_connections(url: str, options: dict[str, Any], proxy: Proxy) -> None:
    proxy.latency = 0.05
    target = targets.resolve(url, options, connections=3)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda i: publish(target, f"f_{i}.png"), range(32)))
    assert proxy.connections <= 3


def test_listing_all_pages_afresh(s3_server: S3Server, target: targets.Target, url: str) -> None:
    async def fill() -> None:
        coroutines = [target.publish_async(f"many/f_{i:04d}.png", b"x", content_type="a/b") for i in range(1050)]
        await asyncio.gather(*(coroutine for coroutine in coroutines if coroutine is not None))

    assert target.loop is not None
    asyncio.run_coroutine_threadsafe(fill(), target.loop).result(PATIENCE)
    assert sorted(entry.name for entry in target.list("many")) == [f"f_{i:04d}.png" for i in range(1050)]
    assert [(entry.name, entry.is_folder) for entry in target.list()] == [("many", True)]
    s3_server.write(f"{url}/another.png", b"xyz")
    assert {entry.name: entry.size for entry in target.list()} == {"many": 0, "another.png": 3}


def test_read_exists_delete(s3_server: S3Server, target: targets.Target, url: str) -> None:
    data = os.urandom(100_000)
    publish(target, "f.bin", data)
    publish(target, "empty", b"")
    assert (target.read("f.bin"), target.read("empty")) == (data, b"")
    with target.open_read("f.bin") as file:
        file.seek(50_000)
        assert file.read(10) == data[50_000:50_010]
    assert (target.exists("f.bin"), target.exists("none")) == (True, False)
    target.delete("f.bin")
    target.delete("none")
    assert s3_server.keys(url) == ["empty"]
    with pytest.raises(FileNotFoundError, match=r"f\.bin"):
        target.read("f.bin")


def test_a_missing_bucket_costs_one_request(options: dict[str, Any], proxy: Proxy) -> None:
    target = targets.resolve("s3://no-such-bucket/x", options)
    for call in (lambda: publish(target), lambda: publish(target, create=True), lambda: target.read("f.png")):
        proxy.clear()
        error = failed(call)
        assert "bucket 'no-such-bucket' does not exist" in str(error)
        assert not error.transient
        assert proxy.count() == 1


@pytest.mark.parametrize(("name", "words"), [("secret", "check the secret key"), ("key", "not know this access key")])
def test_wrong_credentials_cost_one_request_and_are_not_shown(
    url: str, options: dict[str, Any], proxy: Proxy, name: str, words: str
) -> None:
    error = failed(lambda: publish(targets.resolve(url, {**options, name: SECRET})), SECRET)
    assert words in str(error)
    assert not error.transient
    assert proxy.count() == 1


@pytest.mark.parametrize(
    ("status", "code", "transient", "words"),
    [
        (503, "SlowDown", True, "throttling"),
        (503, "ErrTooManyRequest", True, "throttling"),
        (429, "TooManyRequests", True, "throttling"),
        (500, "InternalError", True, "the store failed"),
        (409, "ConditionalRequestConflict", True, "another request"),
        (409, "OperationAborted", True, "another request"),
        (400, "RequestTimeout", True, "in time"),
        (400, "BadDigest", True, "did not arrive whole"),
        (403, "AccessDenied", False, "do not allow it"),
        (403, "RequestTimeTooSkewed", False, "clock"),
        (400, "ExpiredToken", False, "expired"),
        (400, "KeyTooLongError", False, "too long"),
        (501, "NotImplemented", False, "cannot do that"),
    ],
)
@pytest.mark.parametrize("create", [False, True])
def test_what_the_store_answers(
    target: targets.Target, proxy: Proxy, status: int, code: str, transient: bool, words: str, create: bool
) -> None:
    proxy.answer(status, code)
    error = failed(lambda: publish(target, create=create))
    assert words in str(error)
    assert error.transient is transient
    assert proxy.count("PUT") == 1


def test_a_reset_passes(target: targets.Target, proxy: Proxy) -> None:
    publish(target, "old.png", b"x" * 500_000)
    proxy.reset(methods=("PUT", "GET"))
    assert failed(lambda: publish(target, data=b"x" * 500_000)).transient
    assert failed(lambda: target.read("old.png")).transient
    assert (proxy.count("PUT"), proxy.count("GET")) == (2, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux a full line of waiting clients drops the next one")
@pytest.mark.parametrize("client", ["obstore", "s3fs"])
def test_a_host_that_answers_no_connection_cannot_be_reached(url: str, options: dict[str, Any], client: str) -> None:
    with silence() as endpoint:
        options = {**options, "endpoint_url": endpoint, "client": client, "config_kwargs": {"connect_timeout": 0.5}}
        with pytest.raises(TargetError, match="cannot be reached") as caught:
            targets.resolve(url, options).publish("a.png", b"x", content_type="image/png")
    assert caught.value.fault == "unreachable"
    assert caught.value.transient


def test_a_refused_connection_passes(url: str, options: dict[str, Any]) -> None:
    host = f"127.0.0.1:{free_ports(1)[0]}"
    error = failed(lambda: publish(targets.resolve(url, {**options, "endpoint_url": f"http://{host}"})))
    assert "cannot be reached" in str(error)
    assert host in str(error)
    assert error.transient


def test_a_silent_store_is_given_up(url: str, options: dict[str, Any], proxy: Proxy) -> None:
    target = targets.resolve(url, {**options, "config_kwargs": {"read_timeout": 0.5}})
    publish(target)
    proxy.stall(methods=("PUT", "GET"))
    for call in (lambda: publish(target), lambda: target.read("f.png")):
        error = failed(call)
        assert "in time" in str(error)
        assert error.transient


def test_a_slow_upload_is_not_given_up(s3_server: S3Server, url: str, proxy: Proxy) -> None:
    proxy.bandwidth = 1e6
    target = targets.resolve(url, {**options_of(s3_server, proxy, "obstore"), "config_kwargs": {"read_timeout": 1}})
    assert publish(target, data=os.urandom(2_000_000)).size == 2_000_000


def test_pickled(target: targets.Target) -> None:
    again = pickle.loads(pickle.dumps(target))  # noqa: S301 - our own
    publish(again)
    assert type(again) is type(target)
    assert again.read("f.png") == b"data"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only on systems that fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child(s3_server: S3Server, target: targets.Target, url: str) -> None:
    publish(target)
    pid = os.fork()
    if not pid:
        try:
            publish(target, "child.png")
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    assert s3_server.keys(url) == ["child.png", "f.png"]


# --- the writer ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("concurrency", [1, None])
def test_the_writer(s3_server: S3Server, proxy: Proxy, url: str, options: dict[str, Any], concurrency: Any) -> None:
    frames = np.random.default_rng(1).integers(0, 256, (9, 20, 30, 3), dtype=np.uint8)
    proxy.slow_down(first=1)
    more = {"storage_options": options, "retry": seqsave.RetryPolicy(first_wait=0.01)}
    result = seqsave.save(frames, url, if_exists="error", concurrency=concurrency, **more)
    assert result.counts["saved"] == 9
    frames_only = r"/frame_\d+\.png$"  # the manifest has requests of its own
    assert proxy.count(path=frames_only) == proxy.count("PUT", frames_only) == 18
    assert [key for key in s3_server.keys(url) if "/" not in key] == [f"frame_{i:05d}.png" for i in range(9)]
    sequence = seqsave.open_sequence(url, storage_options=options)
    assert all(np.array_equal(frame.read(), frames[i]) for i, frame in enumerate(sequence))


def test_an_interrupt_ends_what_hangs(url: str, options: dict[str, Any], proxy: Proxy) -> None:
    proxy.stall()
    with pytest.raises(KeyboardInterrupt):
        with seqsave.open_writer(url, storage_options=options) as writer:
            writer.write(np.zeros((4, 4, 3), np.uint8))
            raise KeyboardInterrupt
    assert writer.result.counts["failed"] == 1


# --- which client ----------------------------------------------------------------------------------------------------

PLAIN = {"key": "k", "secret": SECRET, "endpoint_url": "http://127.0.0.1:9"}


def kind_of(options: dict[str, Any]) -> type[targets.Target]:
    return type(targets.resolve("s3://b/x", options))


def test_obstore_by_itself_and_by_name() -> None:
    assert kind_of(PLAIN) is FastS3Target
    assert kind_of({**PLAIN, "client": "obstore"}) is FastS3Target
    assert kind_of({**PLAIN, "client": "s3fs"}) is S3Target
    error = failed(lambda: kind_of({**PLAIN, "client": "boto"}))
    assert "client' of s3:// is 'boto': it must be one of 'obstore', 's3fs'" in str(error)


def test_without_obstore(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqsave_obstore.target.OLDEST", (999, 0))
    assert kind_of(PLAIN) is S3Target
    assert "pip install 'seqsave[fast]'" in str(failed(lambda: kind_of({**PLAIN, "client": "obstore"})))


REFUSED = [
    ({"requester_pays": True}, "'requester_pays'"),
    ({"s3_additional_kwargs": {"ServerSideEncryption": "AES256"}}, "'s3_additional_kwargs'"),
    ({"cache_regions": True}, "'cache_regions'"),
    ({"client_kwargs": {"verify": False}}, "client_kwargs['verify']"),
    ({"config_kwargs": {"proxies": {"http": "http://x"}}}, "config_kwargs['proxies']"),
    ({"config_kwargs": {"retries": {"max_attempts": 5}}}, "config_kwargs['retries']"),
    ({"config_kwargs": {"request_checksum_calculation": "when_supported"}}, "request_checksum_calculation"),
    ({"config_kwargs": {"signature_version": "s3"}}, "signature_version"),
    ({"config_kwargs": {"s3": {"use_arn_region": True}}}, "config_kwargs['s3']"),
    ({"config_kwargs": {"read_timeout": None}}, "config_kwargs['read_timeout']"),
]


@pytest.mark.parametrize(("more", "words"), REFUSED)
def test_what_obstore_cannot_honour(more: dict[str, Any], words: str) -> None:
    assert kind_of({**PLAIN, **more}) is S3Target
    error = failed(lambda: kind_of({**PLAIN, **more, "client": "obstore"}), SECRET)
    assert words in str(error)
    assert "client='s3fs'" in str(error)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_SKIP_SIGNATURE", "true"),
        ("AWS_SERVER_SIDE_ENCRYPTION", "AES256"),
        ("AWS_UNSIGNED_PAYLOAD", "true"),
        ("AWS_CHECKSUM_ALGORITHM", "sha256"),
        ("AWS_REQUEST_PAYER", "true"),
        ("AWS_CONDITIONAL_PUT", "disabled"),
        ("AWS_SOMETHING_NEW", "1"),
        ("http_proxy", "http://127.0.0.1:1"),
        ("ALL_PROXY", "http://127.0.0.1:1"),
    ],
)
def test_variables_that_mean_something_else_there(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    assert kind_of(PLAIN) is S3Target
    words = "proxy" if "proxy" in name.lower() else name
    assert words in str(failed(lambda: kind_of({**PLAIN, "client": "obstore"})))


def test_a_bundle_of_certificates_matters_with_https_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        with monkeypatch.context() as patch:
            patch.setenv(name, "/nowhere.pem")
            assert kind_of(PLAIN) is FastS3Target
            assert kind_of({**PLAIN, "endpoint_url": "https://127.0.0.1:9"}) is S3Target


def test_every_option_of_s3fs_is_translated_or_refused() -> None:
    from aiobotocore.session import AioSession
    from s3fs import S3FileSystem

    translated = {"anon", "client_kwargs", "config_kwargs", "endpoint_url", "key", "password", "profile", "secret"}
    translated |= {"token", "use_ssl", "username"}
    of_files = {"default_block_size", "default_cache_type", "default_fill_cache", "fixed_upload_size"}
    of_files |= {"local_expiry_check", "max_concurrency", "version_aware"}
    names = {*inspect.signature(S3FileSystem.__init__).parameters, *inspect.signature(AioSession.__init__).parameters}
    names -= {"self", "kwargs", "asynchronous", "loop"}
    assert translated | of_files <= names
    for name in names - translated:
        if name in of_files:
            make_plan("b", {**PLAIN, name: True}, 4)
            continue
        with pytest.raises(RefusedError, match=repr(name)):
            make_plan("b", {**PLAIN, name: True}, 4)


# --- the same requests -----------------------------------------------------------------------------------------------

TEXT = st.text("abcdefghijkXYZ0123456789/+", min_size=3, max_size=20).filter(lambda text: "//" not in text)
REGION = st.sampled_from(["us-east-1", "eu-central-1", "garage"])


@st.composite
def any_options(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, str]]:
    """Options without an endpoint, and an environment."""
    options: dict[str, Any] = {}
    environment: dict[str, str] = {}
    key, secret, token = draw(TEXT), draw(TEXT), draw(st.none() | TEXT)
    where = draw(st.sampled_from(["named", "user", "client", "environment", "anon", "nowhere"]))
    if where == "named":
        options |= {"key": key, "secret": secret, "token": token}
    elif where == "user":
        options |= {"username": key, "password": secret}
    elif where == "client":
        options["client_kwargs"] = {"aws_access_key_id": key, "aws_secret_access_key": secret}
    elif where == "environment":
        environment |= {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}
        environment |= {"AWS_SESSION_TOKEN": token} if token else {}
    elif where == "anon":
        options["anon"] = True
    if draw(st.booleans()):
        environment["AWS_DEFAULT_REGION"] = draw(REGION)
    if draw(st.booleans()):
        options.setdefault("client_kwargs", {})["region_name"] = draw(REGION)
    if draw(st.booleans()):
        options["config_kwargs"] = draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "s3": st.just({"addressing_style": "path"}),
                    "signature_version": st.just("s3v4"),
                    "region_name": REGION,
                    "max_pool_connections": st.integers(1, 64),
                },
            )
        )
    options |= draw(
        st.fixed_dictionaries(
            {}, optional={"use_ssl": st.booleans(), "version_aware": st.booleans(), "requester_pays": st.booleans()}
        )
    )
    return options, environment


@given(given_=any_options(), name=st.sampled_from(NAMES), how=st.sampled_from(["option", "kwargs", "variable"]))
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_same_request_from_both(given_: tuple[dict[str, Any], dict[str, str]], name: str, how: str) -> None:
    options, environment = given_
    with Proxy(null_server()) as proxy, pytest.MonkeyPatch.context() as patch:
        if how == "option":
            options = {**options, "endpoint_url": proxy.endpoint_url}
        elif how == "kwargs":
            options = {
                **options,
                "client_kwargs": {**options.get("client_kwargs", {}), "endpoint_url": proxy.endpoint_url},
            }
        else:
            environment = {**environment, "AWS_ENDPOINT_URL_S3": proxy.endpoint_url}
        for variable, value in environment.items():
            patch.setenv(variable, value)
        filesystems._registry.forget()  # an s3fs instance keeps to the environment in which it was made
        reported = []
        for client in ("s3fs", None):
            target = targets.resolve("s3://bucket/sub", {**options, **({"client": client} if client else {})})
            try:
                publish(target, f"{name}.png")
            except TargetError as error:
                reported.append(str(error))
        stated = [identity(request) for request in proxy.requests]
        assert not proxy.requests or len(stated) == 2
        assert len(set(stated)) <= 1
        assert len(reported) in (0, 2)
        assert len(set(reported)) <= 1
        assert (type(target) is S3Target) == bool(options.get("requester_pays"))


_served: list[Served] = []


def null_server() -> str:
    if not _served:
        _served.append(Served("tests.support.null_s3"))
    return str(_served[0].hello["endpoint_url"])


@pytest.fixture(scope="module", autouse=True)
def _stop_null_server() -> Iterator[None]:
    yield
    while _served:
        _served.pop().stop()


def identity(request: Any) -> tuple[Any, ...]:
    """What, where and as whom, as the store sees it."""
    headers = request.headers
    scope = re.search(r"Credential=(\S+?)/\d{8}/(\S+?),", headers.get("authorization", ""))
    return (
        (request.method, request.path, request.query, headers["host"], headers["content-type"])
        + (scope.groups() if scope else ())
        + (headers.get("x-amz-security-token"), headers.get("x-amz-request-payer"))
    )


@pytest.mark.parametrize(
    ("options", "environment", "address", "region"),
    [
        ({}, {}, "https://bucket.s3.amazonaws.com", "us-east-1"),
        ({"client_kwargs": {"region_name": "eu-west-1"}}, {}, "https://bucket.s3.eu-west-1.amazonaws.com", "eu-west-1"),
        ({}, {"AWS_DEFAULT_REGION": "eu-west-1"}, "https://bucket.s3.eu-west-1.amazonaws.com", "eu-west-1"),
        ({"use_ssl": False}, {}, "http://bucket.s3.amazonaws.com", "us-east-1"),
        ({"config_kwargs": {"s3": {"addressing_style": "path"}}}, {}, "https://s3.amazonaws.com/bucket", "us-east-1"),
        (
            {"config_kwargs": {"s3": {"use_accelerate_endpoint": True}}},
            {"AWS_DEFAULT_REGION": "eu-west-1"},
            "https://bucket.s3-accelerate.amazonaws.com",
            "eu-west-1",
        ),
        (
            {"config_kwargs": {"s3": {"addressing_style": "virtual"}}, "endpoint_url": "https://objects.example/v1"},
            {},
            "https://bucket.objects.example/v1",
            "us-east-1",
        ),
        ({"endpoint_url": "https://objects.example"}, {}, "https://objects.example/bucket", "us-east-1"),
        ({}, {"AWS_ENDPOINT_URL": "https://objects.example"}, "https://objects.example/bucket", "us-east-1"),
        (
            {"endpoint_url": "https://right.example"},
            {"AWS_ENDPOINT_URL_S3": "https://wrong.example", "AWS_ENDPOINT": "https://wrong.example"},
            None,
            None,
        ),
        (
            {"endpoint_url": "https://right.example"},
            {"AWS_ENDPOINT_URL_S3": "https://wrong.example"},
            "https://right.example/bucket",
            "us-east-1",
        ),
        ({"profile": "p"}, {}, "https://bucket.s3.eu-north-1.amazonaws.com", "eu-north-1"),
        ({"profile": "p", "endpoint_url": "https://a.example"}, {}, "https://a.example/bucket", "eu-north-1"),
        ({}, {"AWS_PROFILE": "q"}, "https://q.example/bucket", "us-east-1"),
        ({"profile": "trust"}, {}, None, None),
    ],
)
def test_addresses(
    monkeypatch: pytest.MonkeyPatch, options: Any, environment: Any, address: str | None, region: str | None
) -> None:
    import obstore

    Path(os.environ["AWS_CONFIG_FILE"]).write_text(
        "[profile p]\nregion = eu-north-1\n[profile q]\nendpoint_url = https://q.example\n"
        "[profile trust]\nca_bundle = /x.pem\n"
    )
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    target = targets.resolve("s3://bucket/sub", {"key": "k", "secret": "s", **options})
    if address is None:
        assert type(target) is S3Target
        return
    assert isinstance(target, FastS3Target)
    sender = target._sender()
    assert sender is not None
    signed = urlsplit(obstore.sign(sender._put_store, "PUT", "sub/größe [1].png", datetime.timedelta(hours=1)))
    assert unquote(f"{signed.scheme}://{signed.netloc}{signed.path}") == f"{address}/sub/größe [1].png"
    assert f"k/{datetime.datetime.now(datetime.timezone.utc):%Y%m%d}/{region}/s3/aws4_request" in unquote(signed.query)


# --- credentials -----------------------------------------------------------------------------------------------------


def test_credentials_of_a_profile(s3_server: S3Server, proxy: Proxy, url: str, client: str) -> None:
    Path(os.environ["AWS_SHARED_CREDENTIALS_FILE"]).write_text(
        f"[p]\naws_access_key_id={s3_server.key}\naws_secret_access_key={s3_server.secret}\n"
    )
    publish(targets.resolve(url, {"profile": "p", "endpoint_url": proxy.endpoint_url, "client": client}))
    assert len(s3_server.keys(url)) == 1


def test_credentials_that_expire_are_fetched_again(
    s3_server: S3Server, proxy: Proxy, url: str, client: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Fifteen minutes: botocore asks again before each request, since they expire soon.
    script = tmp_path / "credentials.py"
    script.write_text(
        "import datetime, json, sys\n"
        f"open({str(tmp_path / 'asked')!r}, 'a').write('x')\n"
        "until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=14)\n"
        f"print(json.dumps(dict(Version=1, AccessKeyId={s3_server.key!r}, SecretAccessKey={s3_server.secret!r},\n"
        "                      SessionToken='', Expiration=until.isoformat())))\n"
    )
    Path(os.environ["AWS_CONFIG_FILE"]).write_text(f"[profile p]\ncredential_process = {sys.executable} {script}\n")
    monkeypatch.setattr("seqsave_obstore.plan._CREDENTIALS_KEPT", datetime.timedelta(seconds=0))
    target = targets.resolve(url, {"profile": "p", "endpoint_url": proxy.endpoint_url, "client": client})
    for number in range(3):
        publish(target, f"f_{number}.png")
    assert len(s3_server.keys(url)) == 3
    assert len((tmp_path / "asked").read_text()) >= 2


def test_no_credentials_and_no_profile(proxy: Proxy, url: str, client: str) -> None:
    options = {"endpoint_url": proxy.endpoint_url, "client": client}
    assert "no credentials were found" in str(failed(lambda: publish(targets.resolve(url, options))))
    missing = {**options, "profile": "nobody"}
    assert "nobody" in str(failed(lambda: publish(targets.resolve(url, missing))))
    assert proxy.count() == 0


def test_anonymous_requests_are_not_signed(proxy: Proxy, url: str, client: str) -> None:
    options = {"endpoint_url": proxy.endpoint_url, "client": client, "anon": True}
    assert "do not allow it" in str(failed(lambda: publish(targets.resolve(url, options))))
    assert "authorization" not in proxy.requests[0].headers


# --- handed over -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code"), [(301, "PermanentRedirect"), (307, "TemporaryRedirect"), (400, "AuthorizationHeaderMalformed")]
)
def test_another_region_is_left_to_s3fs(s3_server: S3Server, proxy: Proxy, url: str, status: int, code: str) -> None:
    proxy.answer(status, code, first=1, path="f.png")
    target = targets.resolve(url, options_of(s3_server, proxy, "obstore"))
    publish(target, "f.png")
    publish(target, "g.png")
    assert s3_server.keys(url) == ["f.png", "g.png"]
    assert ["object_store" in request.headers["user-agent"] for request in proxy.requests] == [True, False, False]


# --- obstore's words -------------------------------------------------------------------------------------------------


def test_only_the_code_and_the_message_are_kept_of_an_answer() -> None:
    body = (
        f"<Error><Code>SignatureDoesNotMatch</Code><Message>no</Message><StringToSign>{SECRET}</StringToSign></Error>"
    )
    text = f"Error performing PUT http://h/b/a in 2ms - Server returned non-2xx status code: 403 Forbidden: {body}\n\n"
    answer = explained(Exception(f"{text}Debug source:\n {body!r}"))
    assert isinstance(answer, StoreAnswerError)
    assert answer.response["Error"] == {"Code": "SignatureDoesNotMatch", "Message": "no"}
    assert str(answer) == "403 SignatureDoesNotMatch: no"


def test_what_is_not_understood_is_left_as_it_is() -> None:
    assert explained(Exception("Generic S3 error: Header: Content-Length Header missing")) is None
