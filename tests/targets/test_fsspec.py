"""Any other filesystem: real ones of fsspec's under other names, with the habits of storages that are not here."""

from __future__ import annotations

import asyncio
import dataclasses
import errno
import gc
import os
import shutil
import sys
import threading
import traceback
import uuid
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import fsspec
import numpy as np
import pytest
from fsspec.asyn import AsyncFileSystem
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import _registry as implementations
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import seqsave
from seqsave import targets
from seqsave.errors import FrameExistsError, TargetError
from seqsave.specs import Traits
from seqsave.targets import clouds, traits
from seqsave.targets.redact import chain_of
from tests.support.patience import PATIENCE
from tests.targets.stores import declare
from tests.targets.test_base import AWKWARD, paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Disk(LocalFileSystem):
    """A filesystem without a declaration: real folders, which it does not create by itself, and a move."""

    protocol = "seqdisk"
    calls: ClassVar[list[str]] = []

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(str(path).removeprefix(f"{cls.protocol}://")))

    def pipe_file(self, path: str, value: bytes, **kwargs: Any) -> None:
        assert not kwargs
        self.calls.append(f"pipe {Path(path).name[:8]}")
        super().pipe_file(path, value)

    def mv(self, path1: str, path2: str, **kwargs: Any) -> None:  # type: ignore[override]
        self.calls.append("mv")
        os.replace(path1, path2)  # noqa: PTH105


class Careful(Disk):
    """Like SMB: it moves over no file, and reading a missing file does not raise FileNotFoundError."""

    protocol = "seqcareful"

    def pipe_file(self, path: str, value: bytes, **kwargs: Any) -> None:
        try:
            super().pipe_file(path, value, **kwargs)
        except FileNotFoundError:
            raise ShareError(errno.ENOENT, "gone") from None

    def mv(self, path1: str, path2: str, **kwargs: Any) -> None:  # type: ignore[override]
        if Path(path2).exists():
            raise ShareError(errno.EEXIST, "in the way")
        shutil.move(path1, path2)


class ShareError(Exception):
    """Carries an errno without being an OSError."""

    def __init__(self, number: int, words: str) -> None:
        super().__init__(words)
        self.__cause__ = OSError(number, words)


class Keeper(MemoryFileSystem):
    """A filesystem without a declaration: no move of its own, one step to write."""

    protocol = "seqkeeper"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return "/" + path.removeprefix("seqkeeper://").strip("/")


class Blobs(AsyncFileSystem):
    """Like gs:// and az://: asynchronous, no folders, conditional create, a driver that parses paths."""

    protocol = "seqblobs"
    blobs: ClassVar[dict[str, tuple[bytes, dict[str, Any]]]] = {}
    made: ClassVar[list[str]] = []

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(path).removeprefix("seqblobs://").strip("/").partition("#")[0]

    async def _pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: Any) -> None:
        if mode == "create" and path in self.blobs:
            raise FileExistsError(path)
        self.blobs[path] = (value, kwargs)

    async def _cat_file(self, path: str, start: int | None = None, end: int | None = None, **kwargs: Any) -> bytes:
        if path not in self.blobs:
            raise FileNotFoundError(path)
        return self.blobs[path][0][start:end]

    async def _info(self, path: str, **kwargs: Any) -> dict[str, Any]:
        if path in self.blobs:
            return {"name": path, "size": len(self.blobs[path][0]), "type": "file"}
        raise FileNotFoundError(path)

    async def _ls(self, path: str, detail: bool = True, **kwargs: Any) -> list[Any]:
        found = [name for name in self.blobs if name.startswith(f"{path}/")]
        if not found:
            raise FileNotFoundError(path)
        tops = {name[len(path) + 1 :].partition("/")[::2] for name in found}
        return [
            {"name": f"{path}/{top}", "size": len(self.blobs.get(f"{path}/{top}", (b"",))[0]), "type": kind}
            for top, kind in {(top, "directory" if rest else "file") for top, rest in tops}
        ]

    async def _rm_file(self, path: str, **kwargs: Any) -> None:
        if self.blobs.pop(path, None) is None:
            raise FileNotFoundError(path)

    async def _mkdir(self, path: str, *_: Any, **__: Any) -> None:
        self.made.append(path)

    _makedirs = _mkdir


KINDS = (Disk, Careful, Keeper, Blobs)


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from fsspec.registry import _registry

    for kind in KINDS:
        monkeypatch.setitem(_registry, kind.protocol, kind)
    monkeypatch.setitem(traits.TRAITS, "seqblobs", traits.TRAITS["gs"])  # type: ignore[call-overload]
    yield
    Disk.calls.clear()
    Keeper.store.clear()
    Keeper.pseudo_dirs[:] = [""]
    Blobs.blobs.clear()
    Blobs.made.clear()


@pytest.fixture(params=[kind.protocol for kind in KINDS])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if "disk" in request.param or "careful" in request.param:
        (tmp_path / "top").mkdir()
        return f"{request.param}://{tmp_path}/top/shot"
    return f"{request.param}://bucket/{uuid.uuid4().hex}"


def publish(target: targets.Target, path: str, data: Any = b"data", **more: Any) -> targets.Published:
    return target.publish(path, data, content_type="image/png", **more)


# --- what all of them do ---------------------------------------------------------------------------------------------


def test_the_round_trip(root: str) -> None:
    target = targets.resolve(root)
    assert target.list() == []
    assert target.list("none") == []
    assert publish(target, "batch_0001/f.png", b"1").size == 1
    assert publish(target, "batch_0001/f.png", b"second").size == 6
    publish(target, "g.png", bytearray(b"ggg"), checksum=7)
    assert target.read("batch_0001/f.png") == b"second"
    assert target.exists("g.png")
    assert not target.exists("batch_0001")
    assert not target.exists("none/x")
    assert sorted(target.list(), key=lambda entry: entry.name) == [
        targets.Entry("batch_0001", 0, True),
        targets.Entry("g.png", 3, False),
    ]
    assert target.list("batch_0001") == [targets.Entry("f.png", 6, False)]
    with target.open_read("batch_0001/f.png") as file:
        assert file.read(2) == b"se"
        assert file.seek(-1, 2) == 5
        assert file.read() == b"d"
    target.delete("g.png")
    target.delete("g.png")
    assert [entry.name for entry in target.list()] == ["batch_0001"]
    for read in (target.read, target.open_read):
        with pytest.raises(FileNotFoundError):
            read("g.png")
    assert not target.is_local


@pytest.mark.parametrize("path", AWKWARD)
def test_awkward_names(root: str, path: str) -> None:
    target = targets.resolve(root)
    if root.startswith("seqblobs") and "#" in path:
        with pytest.raises(TargetError, match="reads this name as"):
            publish(target, path)
        assert not Blobs.blobs
        return
    publish(target, path, path.encode())
    publish(target, f"{path}.other", b"another")
    assert target.read(path) == path.encode()
    parent, name = targets.resolve_file(target.url_of(path))
    assert parent.read(name) == path.encode()
    assert {entry.name for entry in parent.list()} == {name, f"{name}.other"}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=paths.filter(lambda path: "#" not in path), data=st.binary(max_size=20))
def test_url_of_leads_back_to_the_file(root: str, path: str, data: bytes) -> None:
    target = targets.resolve(f"{root}/{uuid.uuid4().hex}")
    publish(target, path, data)
    parent, name = targets.resolve_file(target.url_of(path))
    assert parent.read(name) == data


def test_sixteen_threads(root: str) -> None:
    target = targets.resolve(root)

    def work(number: int) -> bytes:
        publish(target, f"batch_{number % 3:04d}/{number}.png", b"%d" % number)
        return target.read(f"batch_{number % 3:04d}/{number}.png")

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(work, range(48))) == [b"%d" % number for number in range(48)]


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/x", "a//b", "a::b", "a\0"])
def test_paths_that_lead_out(root: str, path: str) -> None:
    with pytest.raises(TargetError):
        publish(targets.resolve(root), path)


# --- filesystems without a declaration are not trusted ---------------------------------------------------------------


def test_a_temporary_file_then_a_move(tmp_path: Path) -> None:
    target = targets.resolve(f"seqdisk://{tmp_path}")
    assert target.capabilities == targets.Capabilities(
        folders=True, atomic=True, create="none", checksum=False, thread_safe=False
    )
    publish(target, "f.png")
    assert Disk.calls == ["pipe .seqsave", "mv"]
    assert [path.name for path in tmp_path.iterdir()] == ["f.png"]


def written(filesystem: Disk, path: str, data: bytes) -> None:
    filesystem.calls.append("written")
    Path(path).write_bytes(data)


def test_a_plugin_writes_in_its_own_way(tmp_path: Path) -> None:
    declare("seqdisk", traits=Traits(publish="move", write=f"{__name__}:written"))
    target = targets.resolve(f"seqdisk://{tmp_path}")
    publish(target, "f.png", b"data")
    assert Disk.calls == ["written", "mv"]
    assert (tmp_path / "f.png").read_bytes() == b"data"


def test_without_a_move_it_is_not_atomic() -> None:
    assert not targets.resolve("seqkeeper://a/b").capabilities.atomic


@pytest.mark.parametrize("protocol", ["seqdisk", "seqkeeper"])
def test_create_is_refused(protocol: str, tmp_path: Path) -> None:
    target = targets.resolve(f"{protocol}://{tmp_path}")
    for call in (
        lambda: publish(target, "f.png", create=True),
        lambda: target.check(create=True),
    ):
        with pytest.raises(TargetError, match="not known to refuse to replace"):
            call()
    target.check()
    assert target.list() == []


def test_a_move_that_refuses_to_replace(tmp_path: Path) -> None:
    target = targets.resolve(f"seqcareful://{tmp_path}/new")
    publish(target, "f.png", b"first")
    publish(target, "f.png", b"second")
    assert target.read("f.png") == b"second"
    assert [entry.name for entry in target.list()] == ["f.png"]


def test_nothing_is_left_when_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = targets.resolve(f"seqdisk://{tmp_path}")

    def mv(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Disk, "mv", mv)
    with pytest.raises(TargetError, match="the disk is full"):
        publish(target, "f.png")
    assert list(tmp_path.iterdir()) == []


def test_a_temporary_file_is_not_listed(tmp_path: Path) -> None:
    (tmp_path / ".seqsave-0123456789abcdef.tmp").write_bytes(b"")
    assert targets.resolve(f"seqdisk://{tmp_path}").list() == []


def test_folders_are_made_only_below_a_top_that_is_there(tmp_path: Path) -> None:
    target = targets.resolve(f"seqdisk:///no-such-top-{uuid.uuid4().hex}/x")
    with pytest.raises(TargetError, match=r"folder 'no-such-top-\w+' does not exist"):
        publish(target, "f.png")
    assert not Path(target.url.removeprefix("seqdisk://")).parent.exists()
    deep = targets.resolve(f"seqdisk://{tmp_path}/a/b/c")
    publish(deep, "f.png")
    assert (tmp_path / "a" / "b" / "c" / "f.png").exists()


def test_a_file_where_a_folder_is_listed(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"1")
    with pytest.raises(TargetError, match="not a folder"):
        targets.resolve(f"seqdisk://{tmp_path}/f").list()


def test_folders_made_by_many_threads_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(traits.TRAITS, "seqdisk", traits.TRAITS["sftp"])  # type: ignore[call-overload]

    def makedirs(self: Disk, path: str, exist_ok: bool = False) -> None:  # as sftp does it: look, then make, by levels
        for folder in [*reversed(Path(path).parents), Path(path)]:
            if not folder.exists():
                threading.Event().wait(0.002)
                folder.mkdir()

    monkeypatch.setattr(Disk, "makedirs", makedirs)
    target = targets.resolve(f"seqdisk://{tmp_path}")
    start = threading.Barrier(16)

    def work(number: int) -> None:
        start.wait()
        publish(target, f"a/b/c/{number}.png")

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(16)))
    assert len(list((tmp_path / "a" / "b" / "c").iterdir())) == 16


def test_a_folder_that_another_thread_makes_at_the_same_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = targets.resolve(f"seqdisk://{tmp_path}")
    real = Disk.pipe_file
    failures = [RuntimeError("no such folder, in the driver's own words")]

    def pipe_file(self: Disk, path: str, value: bytes, **kwargs: Any) -> None:
        if failures and value == b"late":
            failure = failures.pop()
            publish(target, "new/early.png")
            raise failure
        real(self, path, value, **kwargs)

    monkeypatch.setattr(Disk, "pipe_file", pipe_file)
    publish(target, "new/late.png", b"late")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["early.png", "late.png"]


def test_a_folder_that_was_removed_is_made_again(tmp_path: Path) -> None:
    target = targets.resolve(f"seqdisk://{tmp_path}")
    publish(target, "new/a.png")
    shutil.rmtree(tmp_path / "new")
    publish(target, "new/b.png")
    assert [entry.name for entry in target.list("new")] == ["b.png"]


def test_a_failure_that_is_no_missing_folder_is_not_tried_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def pipe_file(self: Disk, path: str, value: bytes, **kwargs: Any) -> None:
        tried.append(path)
        raise RuntimeError("the driver's own words")

    monkeypatch.setattr(Disk, "pipe_file", pipe_file)
    target = targets.resolve(f"seqdisk://{tmp_path}")
    for expected in (2, 3):  # a second time for the folder's sake, once
        with pytest.raises(TargetError, match="the driver's own words"):
            publish(target, "f.png")
        assert len(tried) == expected


# --- what is known ---------------------------------------------------------------------------------------------------


def test_one_put_with_a_content_type_and_a_condition() -> None:
    target = targets.resolve("seqblobs://bucket/x")
    can = target.capabilities
    assert (can.create, can.atomic, can.folders, can.thread_safe) == ("conditional", True, False, True)
    data = b"x" * 60_000_000
    publish(target, "f.png", data, create=True)
    value, keywords = Blobs.blobs["bucket/x/f.png"]
    assert value is data  # no copy
    assert keywords["content_type"] == "image/png"
    assert keywords["chunksize"] > len(data)  # or it would go in several requests
    with pytest.raises(FrameExistsError):
        publish(target, "f.png", b"other", create=True)
    assert Blobs.made == []


def test_coroutines() -> None:
    target = targets.resolve("seqblobs://bucket/x")
    assert target.loop is not None
    coroutine = target.publish_async("f.png", b"1", content_type="a/b", create=True)
    assert coroutine is not None
    assert asyncio.run_coroutine_threadsafe(coroutine, target.loop).result(PATIENCE).size == 1
    again = target.publish_async("f.png", b"2", content_type="a/b", create=True)
    assert again is not None
    with pytest.raises(FrameExistsError):
        asyncio.run_coroutine_threadsafe(again, target.loop).result(PATIENCE)


def test_those_that_are_not_asynchronous_have_no_coroutines(tmp_path: Path) -> None:
    target = targets.resolve(f"seqdisk://{tmp_path}")
    assert target.loop is None
    assert target.publish_async("f.png", b"1", content_type="a/b") is None


def test_a_client_that_tries_again_by_itself_has_the_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise ConnectionResetError("reset")

    monkeypatch.setattr(Blobs, "_pipe_file", fail)
    stubborn = dataclasses.replace(traits.TRAITS["gs"], retries=True)
    monkeypatch.setitem(traits.TRAITS, "seqblobs", stubborn)  # type: ignore[call-overload]
    with pytest.raises(TargetError, match="the connection broke") as caught:
        publish(targets.resolve("seqblobs://bucket/x", {"run": "failing"}), "f.png")
    assert not caught.value.transient


def test_one_instance_for_each_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(traits.TRAITS, "seqdisk", traits.TRAITS["sftp"])  # type: ignore[call-overload]
    seen: set[tuple[int, int]] = set()
    real = Disk.pipe_file

    def pipe_file(self: Disk, path: str, value: bytes, **kwargs: Any) -> None:
        seen.add((id(self), threading.get_ident()))
        real(self, path, value, **kwargs)

    monkeypatch.setattr(Disk, "pipe_file", pipe_file)
    target = targets.resolve(f"seqdisk://{tmp_path}")
    start = threading.Barrier(4)

    def work(number: int) -> None:
        start.wait()
        publish(target, f"{number}.png")
        publish(target, f"{number}.png")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert len(seen) == len({instance for instance, _ in seen}) == len({thread for _, thread in seen}) == 4


def test_others_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    inside = 0
    most = 0
    real = Keeper.pipe_file

    def pipe_file(self: Keeper, path: str, value: bytes, **kwargs: Any) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        threading.Event().wait(0.002)
        real(self, path, value, **kwargs)
        inside -= 1

    monkeypatch.setattr(Keeper, "pipe_file", pipe_file)

    def work(number: int) -> None:  # another target, the same filesystem
        publish(targets.resolve(f"seqkeeper://a/{number % 2}"), f"{number}.png")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(32)))
    assert most == 1


def test_a_broken_connection_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[int] = []

    def pipe_file(self: Keeper, path: str, value: bytes, **kwargs: Any) -> None:
        used.append(id(self))
        instances.append(self)
        raise ConnectionResetError("reset")

    instances: list[Keeper] = []
    monkeypatch.setattr(Keeper, "pipe_file", pipe_file)
    target = targets.resolve("seqkeeper://a/b")
    for _ in range(2):
        with pytest.raises(TargetError) as caught:
            publish(target, "f.png")
        assert caught.value.transient
    assert len(set(used)) == 2


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["zip", "simplecache", "filecache", "reference", "dir", "tar", "data"])
def test_storages_that_are_made_of_others(protocol: str) -> None:
    with pytest.raises(TargetError, match="wraps another storage"):
        targets.resolve(f"{protocol}://x/y")


def test_a_url_that_the_driver_reads_differently() -> None:
    with pytest.raises(TargetError, match="reads the path as 'bucket/a'"):
        targets.resolve("seqblobs://bucket/a#b")


def test_http_is_for_reading() -> None:
    pytest.importorskip("aiohttp")
    target = targets.resolve("http://127.0.0.1:9/folder?sig=verysecret")
    assert "verysecret" not in repr(target)
    for save in (
        target.check,
        lambda: publish(target, "frame1.png"),
        lambda: seqsave.open_writer("http://127.0.0.1:9/folder?sig=verysecret"),
    ):
        with pytest.raises(TargetError, match=r"cannot save to .*: http:// is only read\. Save to a folder") as caught:
            save()
        assert caught.value.fault == "unsupported"
        assert "verysecret" not in str(caught.value)


def test_options_that_do_not_fit() -> None:
    class Picky(Keeper):
        protocol = "seqpicky"

        def __init__(self, host: str, **kwargs: Any) -> None:
            super().__init__(**kwargs)

    fsspec.register_implementation("seqpicky", Picky, clobber=True)
    with pytest.raises(TargetError, match="the storage options are not valid") as caught:
        publish(targets.resolve("seqpicky://a/b", {"password": "verysecret"}), "f.png")
    assert "host" in str(caught.value)
    assert "verysecret" not in str(caught.value)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    secret=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9/+=%&; '-]{10,40}[A-Za-z0-9]", fullmatch=True),
    name=st.sampled_from(["secret", "token", "password", "connection_string", "account_key"]),
    nested=st.booleans(),
    way=st.sampled_from(["publish", "read", "list", "exists", "delete", "open_read", "construct", "async"]),
)
def test_no_backend_can_give_a_secret_away(
    monkeypatch: pytest.MonkeyPatch, secret: str, name: str, nested: bool, way: str
) -> None:
    def leak(*_: Any, **__: Any) -> Any:
        inner = ValueError({"tried": secret})
        inner.__context__ = KeyError(f"Authorization: {secret}")
        raise OSError(errno.EACCES, f"no: {secret!r}") from inner

    class Leaky(Blobs):
        protocol = "seqleaky"

        def __init__(self, **kwargs: Any) -> None:
            super().__init__()
            if way == "construct":
                leak()

        async def _pipe_file(self, *_: Any, **__: Any) -> None:
            leak()

        pipe_file = cat_file = info = ls = rm_file = leak

        @classmethod
        def _strip_protocol(cls, path: str) -> str:
            return path.removeprefix("seqleaky://").strip("/")

    fsspec.register_implementation("seqleaky", Leaky, clobber=True)
    monkeypatch.setitem(traits.TRAITS, "seqleaky", Traits(publish="put"))  # type: ignore[call-overload]
    options = {"client_kwargs": {name: secret}} if nested else {name: secret}
    target = targets.resolve("seqleaky://bucket/x", {**options, "run": uuid.uuid4().hex})
    calls: dict[str, Callable[[], object]] = {
        "read": lambda: target.read("f"),
        "list": target.list,
        "exists": lambda: target.exists("f"),
        "delete": lambda: target.delete("f"),
        "open_read": lambda: target.open_read("f"),
        "async": lambda: asyncio.run_coroutine_threadsafe(
            target.publish_async("f", b"", content_type="a/b"),  # type: ignore[arg-type]
            target.loop,  # type: ignore[arg-type]
        ).result(PATIENCE),
    }
    with pytest.raises(TargetError) as caught:
        calls.get(way, lambda: publish(target, "f"))()
    shown = repr(target) + "".join(traceback.format_exception(type(caught.value), caught.value, None))
    for link in chain_of(caught.value):
        shown += str(link) + repr(link)
    assert secret not in shown


def test_an_open_file_fails_as_any_other_read() -> None:
    class Breaking(MemoryFileSystem):
        protocol = "seqopen"

        def __init__(self, **_: Any) -> None:
            super().__init__()

        def cat_file(self, *_: Any, **__: Any) -> bytes:
            raise OSError(errno.ECONNRESET, "reset, as verysecret says")

    fsspec.register_implementation("seqopen", Breaking, clobber=True)
    target = targets.resolve("seqopen://folder", {"password": "verysecret"})
    publish(target, "f.bin", b"0123456789")
    file = target.open_read("f.bin")
    for read in (lambda: file.read(4), lambda: target.read_range("f.bin", 0, 4)):
        with pytest.raises(TargetError, match="cannot read") as caught:
            read()
        assert caught.value.transient
        assert not [link for link in chain_of(caught.value) if "verysecret" in str(link)]


# --- one client for each thread --------------------------------------------------------------------------------------


class FakeFtp(MemoryFileSystem):
    """A filesystem like that of ftp, where each instance stands for one connection."""

    protocol = "ftp"
    cachable = False
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    made: ClassVar[list[weakref.ref[FakeFtp]]] = []
    together: threading.Barrier

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.made.append(weakref.ref(self))

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return "/" + path.removeprefix("ftp://host").strip("/")

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: Any) -> None:
        self.together.wait(PATIENCE)
        super().pipe_file(path, value, mode=mode, **kwargs)

    def mv(self, path1: str, path2: str, **kwargs: Any) -> None:
        self.store[path2] = self.store.pop(path1)


@pytest.mark.parametrize("publishers", [8, 70])
def test_each_thread_keeps_its_connection(publishers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(implementations, "ftp", FakeFtp)
    monkeypatch.setattr(FakeFtp, "store", {})
    monkeypatch.setattr(FakeFtp, "made", [])
    # All of them publish at once, four times over: each needs its own connection, and none a second one.
    monkeypatch.setattr(FakeFtp, "together", threading.Barrier(publishers), raising=False)
    before = set(threading.enumerate())
    frames = [np.zeros((2, 2, 3), np.uint8)] * (4 * publishers)
    result = seqsave.save(frames, f"ftp://host/{publishers}", filetype="png", concurrency=publishers, manifest=False)
    assert result.counts["saved"] == len(FakeFtp.store) == len(frames)
    assert len(FakeFtp.made) <= publishers + 1  # and the caller's own
    thread = None
    for thread in set(threading.enumerate()) - before:
        thread.join(PATIENCE)
    FakeFtp.store.clear()  # each file holds the instance that wrote it
    del thread  # also where all of them had ended already
    gc.collect()
    assert sum(connection() is not None for connection in FakeFtp.made) <= 1


def test_gcsfs_is_prepared_for_an_emulator_and_the_environment_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gcsfs.py").write_text("import os\nseen = os.getenv('GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "gcsfs", raising=False)
    monkeypatch.delenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", raising=False)
    before = dict(os.environ)
    clouds.prepare_google({"endpoint_url": "http://127.0.0.1:9"})
    assert sys.modules.pop("gcsfs").seen == "false"
    assert dict(os.environ) == before
