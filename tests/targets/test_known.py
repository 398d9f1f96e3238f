"""Facts that a process learns about a storage: that it answers, and that it really refuses to replace a file."""

from __future__ import annotations

import contextlib
import pickle
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from seqsave import targets
from seqsave.errors import TargetError
from seqsave.targets import filesystems
from tests.support.needs import needs_obstore
from tests.support.processes import Served
from tests.support.proxy import Proxy
from tests.support.s3 import S3Server

PROBE = ".seqsave/create.txt"


def seen(proxy: Proxy) -> list[str]:
    return [request.method for request in proxy.requests]


def test_it_is_proved_once_and_leaves_nothing(s3_server: S3Server, proxy: Proxy, options: dict[str, Any]) -> None:
    url = s3_server.new_prefix()
    targets.resolve(url, options).probe_create(PROBE)
    assert seen(proxy) == ["PUT", "PUT", "DELETE"]
    assert s3_server.keys(url) == []
    targets.resolve(url, options).probe_create(PROBE)
    targets.resolve(s3_server.new_prefix(), options).probe_create(PROBE)  # in the same bucket
    assert len(proxy.requests) == 3
    bucket = s3_server.new_bucket()
    targets.resolve(f"s3://{bucket}/x", options).probe_create(PROBE)
    assert len(proxy.requests) == 6


def test_threads_wait_for_one_proof(s3_server: S3Server, proxy: Proxy, options: dict[str, Any]) -> None:
    target = targets.resolve(s3_server.new_prefix(), options)
    threads = [threading.Thread(target=target.probe_create, args=(PROBE,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(proxy.requests) == 3


def test_a_key_that_may_not_delete_leaves_one_file(
    s3_server: S3Server, proxy: Proxy, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy.answer(403, "AccessDenied", methods=("DELETE",))
    url = s3_server.new_prefix()
    targets.resolve(url, options).probe_create(PROBE)
    assert s3_server.keys(url) == [PROBE]
    monkeypatch.setattr(filesystems, "_registry", filesystems._Registry())  # as in another process
    proxy.requests.clear()
    targets.resolve(url, options).probe_create(PROBE)
    assert seen(proxy) == ["PUT", "DELETE"]
    assert s3_server.keys(url) == [PROBE]


def test_what_fails_on_the_way_proves_nothing(s3_server: S3Server, proxy: Proxy, options: dict[str, Any]) -> None:
    target = targets.resolve(s3_server.new_prefix(), options)
    proxy.slow_down(first=1)
    with pytest.raises(TargetError, match="throttling") as caught:
        target.probe_create(PROBE)
    assert caught.value.transient
    target.probe_create(PROBE)
    assert target.known.refuses


def test_a_lost_answer_does_no_harm(s3_server: S3Server, proxy: Proxy, options: dict[str, Any]) -> None:
    url = s3_server.new_prefix()
    target = targets.resolve(url, options)
    proxy.lose_reply(first=1)
    with pytest.raises(TargetError):
        target.probe_create(PROBE)
    target.probe_create(PROBE)
    assert s3_server.keys(url) == []


def test_a_store_without_the_condition_says_so(s3_server: S3Server, proxy: Proxy, options: dict[str, Any]) -> None:
    proxy.answer(501, "NotImplemented")
    with pytest.raises(TargetError, match="it was asked not to replace; use `if_exists='overwrite'`"):
        targets.resolve(s3_server.new_prefix(), options).probe_create(PROBE)


@pytest.mark.parametrize("client", ["s3fs", "obstore"])
def test_a_store_that_overlooks_the_condition_is_found_out(client: str) -> None:
    if client == "obstore":
        needs_obstore()
    with Served("tests.support.null_s3") as server:  # says yes to everything
        options = {"key": "k", "secret": "s", "endpoint_url": server.hello["endpoint_url"], "client": client}
        target = targets.resolve("s3://bucket/x", options)
        for _ in range(2):
            with pytest.raises(TargetError, match="replaces files that it was asked not to replace"):
                target.probe_create(PROBE)
        assert not target.known.refuses


def test_where_the_machine_decides_nothing_is_asked(tmp_path: Any) -> None:
    for url in (str(tmp_path / "a"), "memory://known"):
        target = targets.resolve(url)
        target.probe_create(PROBE)
        assert target.list() == []


def test_what_is_known_belongs_to_the_storage() -> None:
    options = {"key": "k", "secret": "s", "endpoint_url": "http://127.0.0.1:9"}
    one = targets.resolve("s3://bucket/x", options)
    assert targets.resolve("s3://bucket/y/z", options).known is one.known
    assert targets.resolve("s3://other/x", options).known is not one.known
    assert targets.resolve("s3://bucket/x", {**options, "endpoint_url": "http://127.0.0.1:10"}).known is not one.known
    assert targets.resolve("memory://a").known is targets.resolve("memory://b").known


def test_what_is_known_does_not_travel(tmp_path: Any) -> None:
    target = targets.resolve(tmp_path)
    known = target.known
    assert target.known is known
    with filesystems_of_another_process():
        travelled = pickle.loads(pickle.dumps(target))  # noqa: S301 - our own
        assert travelled.known is not known
        assert targets.resolve(tmp_path).known is travelled.known
    assert target.known is known


@contextlib.contextmanager
def filesystems_of_another_process() -> Iterator[None]:
    here, filesystems._registry = filesystems._registry, filesystems._Registry()
    try:
        yield
    finally:
        filesystems._registry = here
