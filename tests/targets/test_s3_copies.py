"""The store copies its own objects, of one version, and a refusal changes nothing. Both clients; requests counted."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import seqsave
from seqsave import manifest, naming, targets
from seqsave.errors import SaveError, TargetError
from seqsave.targets import s3_copies
from tests.support.needs import needs_copies_that_create
from tests.support.proxy import Proxy, Request
from tests.support.s3 import S3Server

DATA = b"data of a frame" * 100
PICTURES = np.random.default_rng(0).integers(0, 255, (4, 6, 8, 3), np.uint8)


@pytest.fixture
def source(s3_server: S3Server, options: dict[str, Any]) -> targets.Target:
    return targets.resolve(f"{s3_server.new_prefix()}/a #b/é", options)


@pytest.fixture
def target(s3_server: S3Server, options: dict[str, Any]) -> targets.Target:
    bucket = s3_server.new_bucket()
    return targets.resolve(f"s3://{bucket}/to", options)


def original_of(source: targets.Target, data: bytes = DATA, name: str = "x 1.png") -> targets.Original:
    published = source.publish(name, data, content_type="image/jpeg")
    crc32 = int(str(published.checksum).removeprefix("crc32:"), 16)
    assert published.etag is not None
    return targets.Original(target=source, path=name, etag=published.etag, size=len(data), crc32=crc32)


def copy_in(target: targets.Target, original: targets.Original, **more: Any) -> targets.Published | None:
    return target.copy_in("f.png", original, content_type="image/png", **more)


def kinds(proxy: Proxy, path: str = "") -> list[str]:
    return [_kind(one) for one in proxy.requests if re.search(path, one.path)]


def _kind(request: Request) -> str:
    return "COPY" if "x-amz-copy-source" in request.headers else request.method


# --- one object -----------------------------------------------------------------------------------------------------


def test_one_request_and_what_a_put_would_state(
    s3_server: S3Server, source: targets.Target, target: targets.Target, proxy: Proxy
) -> None:
    original = original_of(source)
    proxy.clear()
    published = copy_in(target, original)
    assert kinds(proxy) == ["COPY"]
    assert published == targets.Published(
        size=len(DATA),
        etag=original.etag,
        checksum=f"crc32:{original.crc32:08x}",
        acknowledged=True,
        version=original.etag,
    )
    assert target.read("f.png") == DATA
    about = s3_server.head(f"{target.url}/f.png")
    assert (about["ContentType"], about["Metadata"]) == ("image/png", {})
    assert target.look("f.png").version == published.version  # type: ignore[union-attr]


def test_another_version_is_not_copied(source: targets.Target, target: targets.Target, proxy: Proxy) -> None:
    original = original_of(source)
    source.publish(original.path, b"replaced", content_type="image/png")
    proxy.clear()
    assert copy_in(target, original) is None
    assert kinds(proxy) == ["COPY"]
    assert not target.exists("f.png")
    source.delete(original.path)
    assert copy_in(target, original) is None
    assert not target.exists("f.png")
    assert copy_in(target, original_of(source)) is not None  # neither concerns the next object


def test_create_replaces_nothing(
    source: targets.Target, target: targets.Target, options: dict[str, Any], proxy: Proxy
) -> None:
    needs_copies_that_create(options["client"])
    original = original_of(source)
    assert target.refuses_copies("trial.txt")
    assert not target.exists("trial.txt")
    proxy.clear()
    assert target.refuses_copies("trial.txt")
    assert proxy.requests == []
    target.publish("f.png", b"other", content_type="image/png")
    assert copy_in(target, original, create=True) is None
    assert target.read("f.png") == b"other"
    assert copy_in(target, original) is not None
    assert target.read("f.png") == DATA


def test_a_store_that_ignores_the_condition_is_found_out(
    target: targets.Target, source: targets.Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = s3_copies.CopyingTarget._request

    def without_condition(self: Any, original: targets.Original, content_type: str, *, create: bool) -> Any:
        return request(self, original, content_type, create=False)

    monkeypatch.setattr(s3_copies.CopyingTarget, "_request", without_condition)
    assert not target.refuses_copies("trial.txt")
    assert not target.exists("trial.txt")


REFUSALS = [(501, "NotImplemented"), (403, "AccessDenied"), (400, "InvalidRequest"), (405, "MethodNotAllowed")]


@pytest.mark.parametrize(("status", "code"), REFUSALS)
def test_a_refusal_is_remembered(
    source: targets.Target, target: targets.Target, proxy: Proxy, status: int, code: str
) -> None:
    original = original_of(source)
    assert target.can_copy(source)
    fault = proxy.answer(status, code, path="f.png", first=1)
    proxy.requests.clear()
    assert copy_in(target, original) is None
    assert fault.hits == 1
    assert not target.can_copy(source)
    proxy.requests.clear()
    assert copy_in(target, original) is None
    assert proxy.requests == []


@pytest.mark.parametrize(
    ("status", "code", "is_throttled"),
    [(200, "InternalError", False), (200, "SlowDown", True), (503, "SlowDown", True), (500, "InternalError", False)],
)
def test_a_temporary_failure_also_under_status_200(
    source: targets.Target, target: targets.Target, proxy: Proxy, status: int, code: str, is_throttled: bool
) -> None:
    original = original_of(source)
    proxy.answer(status, code, path="f.png", first=1)
    with pytest.raises(TargetError) as caught:
        copy_in(target, original)
    assert caught.value.transient
    assert caught.value.throttled == is_throttled
    assert not target.exists("f.png")
    assert copy_in(target, original) is not None


def test_an_answer_that_is_none_of_a_store(source: targets.Target, target: targets.Target, proxy: Proxy) -> None:
    original = original_of(source)
    proxy.answer(200, "", path="f.png", first=1)
    with pytest.raises(TargetError):
        copy_in(target, original)


def test_too_large_and_weak_versions_send_nothing(source: targets.Target, target: targets.Target, proxy: Proxy) -> None:
    original = original_of(source)
    proxy.clear()
    for other in (replace(original, size=5 * 2**30), replace(original, etag='W/"1"'), replace(original, etag="")):
        assert copy_in(target, other) is None
    assert proxy.requests == []


def test_only_within_one_store_and_with_the_same_credentials(
    s3_server: S3Server, source: targets.Target, target: targets.Target, options: dict[str, Any]
) -> None:
    assert target.can_copy(source)
    assert source.can_copy(target)
    for other in (
        {**options, "endpoint_url": s3_server.endpoint_url},
        {**options, "key": "another", "secret": "other"},
    ):
        assert not target.can_copy(targets.resolve(source.url, other))
    assert not target.can_copy(targets.resolve("memory://any"))
    assert not targets.resolve("memory://any").can_copy(source)


# --- sequences ------------------------------------------------------------------------------------------------------


@pytest.fixture
def urls(source: targets.Target, target: targets.Target, options: dict[str, Any], proxy: Proxy) -> tuple[str, str]:
    seqsave.save(PICTURES, source.url, storage_options=options, metadata={"k": "v"}, metadata_in="sidecar")
    proxy.clear()
    return source.url, target.url


def contents(url: str, options: dict[str, Any]) -> list[bytes]:
    return [frame.read_bytes() for frame in seqsave.open_sequence(url, storage_options=options)]


def save(urls: tuple[str, str], options: dict[str, Any], **more: Any) -> seqsave.SaveResult:
    sequence = seqsave.open_sequence(urls[0], storage_options=options)
    return seqsave.save(sequence, urls[1], storage_options=options, **more)


@pytest.mark.parametrize("if_exists", ["overwrite", "skip", "error", "replace"])
def test_a_recorded_sequence_is_copied_without_reading_a_frame(
    urls: tuple[str, str], options: dict[str, Any], proxy: Proxy, if_exists: str
) -> None:
    if if_exists in ("skip", "error"):
        needs_copies_that_create(options["client"])
    result = save(urls, options, if_exists=if_exists)
    assert kinds(proxy, r"/frame_\d+\.png$") == ["COPY"] * len(PICTURES)
    assert contents(urls[1], options) == contents(urls[0], options)
    before, after = (seqsave.open_sequence(url, storage_options=options).manifest for url in urls)
    assert before is not None
    assert after is not None
    assert after.complete
    facts = [[(one.name, one.size, one.checksum, one.picture) for one in made.frames] for made in (before, after)]
    assert facts[0] == facts[1]
    assert [frame.checksum for frame in result.frames] == [one.checksum for one in after.frames]
    (frame, *_) = seqsave.open_sequence(urls[1], storage_options=options)
    assert frame.read_metadata()["k"] == "v"


def test_without_a_record_frames_are_read_and_checked_and_not_sent(
    urls: tuple[str, str], options: dict[str, Any], proxy: Proxy, source: targets.Target
) -> None:
    source.delete(manifest.path_of("", naming.NamePattern("frame_", 5, "", "png")))
    proxy.clear()
    save(urls, options)
    assert sorted(kinds(proxy, r"/frame_\d+\.png$")) == ["COPY"] * len(PICTURES) + ["GET"] * len(PICTURES)
    made = seqsave.open_sequence(urls[1], storage_options=options).manifest
    assert made is not None
    assert all(one.checksum for one in made.frames)
    damaged = source.read("frame_00001.png")[:-20]
    source.publish("frame_00001.png", damaged, content_type="image/png")
    with pytest.raises(SaveError, match="ends before its picture does"):
        save((urls[0], f"{urls[1]}/again"), options)


def test_a_frame_that_was_replaced_since_is_an_error_that_names_it(
    urls: tuple[str, str], options: dict[str, Any], source: targets.Target
) -> None:
    # Of the same size, so that only its version shows it.
    data = bytearray(source.read("frame_00002.png"))
    data[-20] ^= 1
    source.publish("frame_00002.png", bytes(data), content_type="image/png")
    with pytest.raises(SaveError, match=r"frame_00002.png .*(damaged|differs)") as caught:
        save(urls, options)
    assert [one.index for one in caught.value.result.failures] == [2]
    there = targets.resolve(urls[1], options)
    assert not there.exists("frame_00002.png")


def test_a_frame_that_is_replaced_after_it_was_read(
    urls: tuple[str, str],
    options: dict[str, Any],
    source: targets.Target,
    s3_server: S3Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The version that was read and checked is saved, and no mixture of the two."""
    source.delete(manifest.path_of("", naming.NamePattern("frame_", 5, "", "png")))
    checked = source.read("frame_00002.png")
    request = s3_copies.CopyingTarget._request

    def replaced(self: Any, original: targets.Original, *more: Any, **how: Any) -> Any:
        if original.path == "frame_00002.png":
            s3_server.client.put_object(Bucket=bucket, Key=f"{prefix}/frame_00002.png", Body=other)
        return request(self, original, *more, **how)

    bucket, _, prefix = source.url.removeprefix("s3://").partition("/")
    other = source.read("frame_00001.png")
    monkeypatch.setattr(s3_copies.CopyingTarget, "_request", replaced)
    save(urls, options)
    assert targets.resolve(urls[1], options).read("frame_00002.png") == checked


def test_existing_frames_stay(urls: tuple[str, str], options: dict[str, Any], proxy: Proxy) -> None:
    there = targets.resolve(urls[1], options)
    there.publish("frame_00001.png", b"other", content_type="image/png")
    proxy.clear()
    with pytest.raises(SaveError, match="already exists"):
        save(urls, options, if_exists="error")
    assert there.read("frame_00001.png") == b"other"


@pytest.mark.parametrize(("status", "code"), REFUSALS)
def test_frames_are_read_and_sent_where_the_store_refuses(
    urls: tuple[str, str], options: dict[str, Any], proxy: Proxy, status: int, code: str
) -> None:
    proxy.answer(status, code, header="x-amz-copy-source")
    save(urls, options)
    assert contents(urls[1], options) == contents(urls[0], options)


@pytest.mark.parametrize(
    "break_it",
    [
        lambda proxy, **which: proxy.answer(200, "InternalError", **which),
        lambda proxy, **which: proxy.lose_reply(**which),
        lambda proxy, **which: proxy.slow_down(**which),
    ],
    ids=["200 with an error", "lost reply", "throttled"],
)
@pytest.mark.parametrize("if_exists", ["overwrite", "error"])
def test_a_copy_that_fails_for_a_while(
    urls: tuple[str, str],
    options: dict[str, Any],
    proxy: Proxy,
    break_it: Callable[..., Any],
    if_exists: str,
) -> None:
    fault = break_it(proxy, path="to/frame_0", first=1)
    save(urls, options, if_exists=if_exists)
    assert fault.hits == len(PICTURES)
    assert contents(urls[1], options) == contents(urls[0], options)
    made = seqsave.open_sequence(urls[1], storage_options=options).manifest
    assert made is not None
    assert made.complete
