"""The common behaviour of all targets: memory, a local folder, a bucket of a real S3 server. The kit, and more."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import uuid
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from seqsave import targets
from seqsave.errors import FrameExistsError, OptionError, TargetError
from seqsave.testing import TargetPlace, TargetSuite
from tests.support.needs import needs_obstore, needs_package
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from tests.support.places import Place
    from tests.support.s3 import S3Server

PNG = "image/png"

# Names as people and programs make them. "::" is refused; what Unicode calls control or half a character too.
letters = st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="/")
names = (
    st.text(letters, min_size=1, max_size=24)
    .filter(lambda name: name not in (".", "..") and "::" not in name and len(name.encode()) < 200)
    .filter(lambda name: sys.platform == "linux" or (name.isascii() and not set(name) & set('\\:*?"<>| .')))
)
paths = st.lists(names, min_size=1, max_size=3).map("/".join)

AWKWARD = [
    "plain_00001.png",
    "with spaces  and\u3000more_00001.png",
    " leading and trailing ",
    "dots.and..more...",
    ".hidden",
    "ünïcödé_日本_🎬_00001.png",
    "e\u0301 and \u00e9",
    "[a-z]_[!x]_00001.png",
    "star*and?what_00001.png",
    "100%_%20_%2F_%s_00001.png",
    "hash#tag_00001.png",
    "a+b&c=d;e,f_00001.png",
    "quote'double\"tick`_00001.png",
    "~tilde$dollar!{x}(y)|z<w>^@:_00001.png",
    "?versionId=3",
    "sub folder/batch_0001/frame_00001.png",
]
on_posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such file names")


class TestMemory(TargetSuite):
    updates_are_safe = True

    def place(self, tmp_path: Path) -> TargetPlace:
        return TargetPlace(f"memory://{uuid.uuid4().hex}/shot")


class TestLocal(TargetSuite):
    updates_are_safe = True

    def place(self, tmp_path: Path) -> TargetPlace:
        return TargetPlace(str(tmp_path / "renders" / "shot"))


class TestS3(TargetSuite):
    updates_are_safe = True
    server: S3Server

    @pytest.fixture(autouse=True)
    def _server(self, s3_server: S3Server) -> None:
        type(self).server = s3_server

    def place(self, tmp_path: Path) -> TargetPlace:
        return ServerPlace(self.server, {**self.server.storage_options, "client": "s3fs"})

    @pytest.mark.full  # 2,100 requests; tests/sequences/test_pages.py has longer listings every day
    def test_long_listing(self, tmp_path: Path) -> None:
        super().test_long_listing(tmp_path)


class ServerPlace(TargetPlace):
    """A prefix on the server, read and written through a separate client."""

    def __init__(self, server: S3Server, storage_options: dict[str, Any]) -> None:
        super().__init__(server.new_prefix(), storage_options)
        self.server = server

    def read(self, path: str) -> bytes:
        return self.server.read(f"{self.url}/{path}")

    def write(self, path: str, data: bytes) -> None:
        self.server.write(f"{self.url}/{path}", data)

    def names(self) -> list[str]:
        return self.server.keys(self.url)


@pytest.fixture
def target(place: Place) -> targets.Target:
    return targets.resolve(place.url, place.storage_options)


def publish(target: targets.Target, path: str, data: Any = b"data", **more: Any) -> targets.Published:
    return target.publish(path, data, content_type=PNG, **more)


# --- saving and reading ----------------------------------------------------------------------------------------------


def test_a_checksum_that_is_known_is_passed_on(target: targets.Target) -> None:
    published = publish(target, "a", b"abc", checksum=zlib.crc32(b"abc"))
    assert published.checksum == f"crc32:{zlib.crc32(b'abc'):08x}"
    assert target.capabilities.checksum or not published.acknowledged


@on_posix
@pytest.mark.parametrize("path", AWKWARD)
def test_awkward_names(place: Place, target: targets.Target, path: str) -> None:
    publish(target, path, path.encode())
    publish(target, f"{path}.other", b"another")
    assert place.names() == sorted([path, f"{path}.other"])
    assert place.read(path) == path.encode()
    assert target.read(path) == path.encode()
    assert target.exists(path)
    folder, _, name = path.rpartition("/")
    assert targets.Entry(name, len(path.encode()), False) in target.list(folder)
    parent, last = targets.resolve_file(target.url_of(path), place.storage_options)
    assert parent.read(last) == path.encode()
    target.delete(path)
    assert place.names() == [f"{path}.other"]


@on_posix
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(folder=paths, path=paths, data=st.binary(max_size=64))
def test_url_of_leads_back_to_the_file(place: Place, folder: str, path: str, data: bytes) -> None:
    assume(place.kind != "s3" or "\\" not in folder + path)  # this server takes it for "/"
    # Each part in a folder of its own, so that no example's file stands where another one needs a folder.
    folder = f"{abs(hash((folder, path)))}/{folder}"
    target = targets.resolve(f"{place.url}/{folder}", place.storage_options)
    publish(target, path, data)
    parent, name = targets.resolve_file(target.url_of(path), place.storage_options)
    assert parent.read(name) == data
    assert [entry for entry in parent.list() if entry.name == name and not entry.is_folder]
    assert parent.url_of(name) == target.url_of(path)
    assert place.read(f"{folder}/{path}") == data


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_kinds_of_data(place: Place, target: targets.Target, kind: Any) -> None:
    source = bytearray(b"0123456789" * 300_000)
    data = kind(source)
    assert publish(target, "a", data).size == len(source)
    source[:3] = b"xxx"  # the caller's again
    assert place.read("a") == b"0123456789" * 300_000
    assert publish(target, "empty", kind(b"")).size == 0
    assert target.read("empty") == b""


def test_a_view_of_wider_items(place: Place, target: targets.Target) -> None:
    import array

    words = array.array("I", range(1000))
    assert publish(target, "words", memoryview(words)).size == 4000
    assert place.read("words") == words.tobytes()


def test_publish_async_runs_on_its_loop(place: Place, target: targets.Target) -> None:
    coroutine = target.publish_async("a", b"data", content_type=PNG, create=True)
    if coroutine is None:
        assert target.loop is None
        return
    assert target.loop is not None
    published = asyncio.run_coroutine_threadsafe(coroutine, target.loop).result(PATIENCE)
    assert published.size == 4
    assert place.read("a") == b"data"
    again = target.publish_async("a", b"data", content_type=PNG, create=True)
    assert again is not None
    with pytest.raises(FrameExistsError):
        asyncio.run_coroutine_threadsafe(again, target.loop).result(PATIENCE)


# --- changing --------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["obstore", "s3fs"])
def shared(request: pytest.FixtureRequest, place: Place) -> targets.Target:
    """Return a target of each S3 client; other storages have one."""
    if place.kind != "s3":
        if request.param == "s3fs":
            pytest.skip("only on S3 there are two clients")
        return targets.resolve(place.url, place.storage_options)
    if request.param == "obstore":
        needs_obstore()
    return targets.resolve(place.url, {**place.storage_options, "client": request.param})


def update(target: targets.Target, path: str, change: Any, **more: Any) -> targets.Published | None:
    return target.update(path, change, content_type=PNG, **more)


def one_more(data: bytes | None) -> bytes:
    return b"%d" % (int(data or 0) + 1)


def test_update_makes_changes_and_removes(place: Place, shared: targets.Target) -> None:
    seen: list[bytes | None] = []

    def make(then: bytes | None) -> Any:
        return lambda now: seen.append(now) or then

    first = update(shared, ".seqsave/x.json", make(b"one"))
    assert first is not None
    assert first.size == 3
    assert place.read(".seqsave/x.json") == b"one"
    again = update(shared, ".seqsave/x.json", make(b"three"), known=(b"one", first.etag))
    assert again is not None
    assert again.size == 5
    assert (again.etag is not None) == (place.kind == "s3")
    same = update(shared, ".seqsave/x.json", lambda now: seen.append(now) or now)
    assert same is not None
    assert (same.size, same.etag) == (5, again.etag)
    assert update(shared, ".seqsave/x.json", make(None)) is None
    assert seen == [None, b"one", b"three", b"three"]
    assert not shared.exists(".seqsave/x.json")
    assert update(shared, ".seqsave/x.json", make(None)) is None
    assert [name for name in place.names() if not name.endswith(".lock")] == []


def test_update_notices_that_what_was_known_is_so_no_more(place: Place, shared: targets.Target) -> None:
    first = update(shared, "x", one_more)
    assert first is not None
    place.write("x", b"41")
    update(shared, "x", one_more, known=(b"1", first.etag))
    assert place.read("x") == b"42"
    shared.delete("x")
    update(shared, "x", one_more, known=(b"42", first.etag))
    assert place.read("x") == b"1"


def test_an_error_in_the_change_changes_nothing(place: Place, shared: targets.Target) -> None:
    def refuse(now: bytes | None) -> bytes:
        raise TargetError("no")

    place.write("x", b"1")
    with pytest.raises(TargetError, match=r"^no$"):
        update(shared, "x", refuse)
    assert place.read("x") == b"1"
    update(shared, "x", one_more)  # and nothing is locked any more
    assert place.read("x") == b"2"


def test_of_updates_from_many_threads_none_is_lost(place: Place, shared: targets.Target) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: update(shared, "a/x", one_more), range(80)))
    assert place.read("a/x") == b"80"


ADDING = """
import sys
from seqsave import targets
from tests.targets.test_base import one_more

url, count, options = sys.argv[1], int(sys.argv[2]), dict(pair.split("=", 1) for pair in sys.argv[3:])
target = targets.resolve(url, options)
for _ in range(count):
    target.update("a/x", one_more, content_type="text/plain")
"""


@pytest.mark.parametrize("shared", ["obstore", pytest.param("s3fs", marks=pytest.mark.full)], indirect=True)
def test_of_updates_from_several_processes_none_is_lost(
    place: Place, shared: targets.Target, request: pytest.FixtureRequest
) -> None:
    if place.kind == "memory":
        pytest.skip("only on storages that processes share")
    client = [f"client={request.node.callspec.params['shared']}"] if place.kind == "s3" else []
    options = [f"{name}={value}" for name, value in place.storage_options.items()]
    command = [sys.executable, "-c", ADDING, place.url, "50", *options, *client]
    children = [subprocess.Popen(command, cwd=Path(__file__).parents[2]) for _ in range(2)]
    assert [child.wait(PATIENCE) for child in children] == [0] * 2
    assert place.read("a/x") == b"100"


# --- paths -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a\\..\\b", "a/./b", "a\0b", "a\nb", "\x7f", None, 3]
)
def test_paths_that_lead_out_or_nowhere(place: Place, target: targets.Target, path: Any) -> None:
    for call in (publish, lambda t, p: t.read(p), lambda t, p: t.exists(p), lambda t, p: t.delete(p)):
        with pytest.raises(TargetError, match="a path has names with"):
            call(target, path)
    with pytest.raises(TargetError, match="a path has names with"):
        target.url_of(path)
    assert place.names() == []


def test_the_folder_of_a_listing_is_checked_too(target: targets.Target) -> None:
    for folder in ("..", "a/../..", "/etc"):
        with pytest.raises(TargetError):
            target.list(folder)


# --- the object ------------------------------------------------------------------------------------------------------


def test_it_says_what_it_can_do(place: Place, target: targets.Target) -> None:
    can = target.capabilities
    assert can.atomic
    assert can.thread_safe
    assert can.create in ("conditional", "exclusive")
    assert can.folders == (place.kind != "s3")
    assert target.is_local == (place.kind == "local")
    assert target.is_fast == (place.kind != "s3")
    assert target.url == place.url


@pytest.mark.parametrize("options", [3, "key=x", [("key", "x")]])
def test_options_that_are_no_mapping(place: Place, options: Any) -> None:
    with pytest.raises(OptionError, match="must be a mapping"):
        targets.resolve(place.url, options)


def test_an_unknown_option_is_named_with_its_near_miss(place: Place) -> None:
    wrong = {"memory": "global_stor", "local": "fsnyc", "s3": "endpoint"}[place.kind]
    right = {"memory": "global_store", "local": "fsync", "s3": "endpoint_url"}[place.kind]
    with pytest.raises(TargetError, match=re.escape(repr(wrong))) as caught:
        targets.resolve(place.url, {**place.storage_options, wrong: "my-secret-value"})
    assert f"did you mean {right!r}?" in str(caught.value) or "it has no options" in str(caught.value)
    assert "my-secret-value" not in str(caught.value)


def test_a_universal_path(place: Place) -> None:
    upath = needs_package("upath").UPath
    target = targets.resolve(upath(place.url, **place.storage_options))
    publish(target, "a", b"1")
    assert place.read("a") == b"1"
    parent, name = targets.resolve_file(upath(place.url, **place.storage_options) / "a")
    assert parent.read(name) == b"1"
