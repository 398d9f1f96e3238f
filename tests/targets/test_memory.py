"""memory://: fsspec's own store, with one writer at a time."""

from __future__ import annotations

import inspect
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from seqsave import targets
from seqsave.errors import TargetError
from seqsave.targets import filesystems, memory
from tests.support.patience import PATIENCE


def publish(target: targets.Target, path: str, data: bytes = b"data", *, create: bool = False) -> None:
    target.publish(path, data, content_type="image/png", create=create)


def test_it_is_fsspec_s_store() -> None:
    target = targets.resolve("memory://renders/shot")
    publish(target, "a/f.png")
    theirs = fsspec.filesystem("memory")
    assert theirs.cat("memory://renders/shot/a/f.png") == b"data"
    theirs.pipe("/renders/shot/g.png", b"theirs")
    assert target.read("g.png") == b"theirs"
    with fsspec.open("memory://renders/shot/h.png", "wb") as file:
        file.write(b"open")
    assert target.read("h.png") == b"open"


def test_bytes_that_were_read_cannot_be_changed() -> None:
    target = targets.resolve("memory://x")
    publish(target, "a", b"0123")
    with target.open_read("a") as file:
        file.write(b"xxxx")
    assert target.read("a") == b"0123"


@pytest.mark.parametrize("url", ["memory://", "memory:///"])
def test_the_root(url: str) -> None:
    target = targets.resolve(url)
    publish(target, "a.png")
    publish(target, "me@home/a.png")
    assert {entry.name for entry in target.list()} == {"a.png", "me@home"}
    for path in ("a.png", "me@home/a.png"):
        parent, name = targets.resolve_file(target.url_of(path))
        assert parent.read(name) == b"data"


def test_a_store_of_one_s_own() -> None:
    if "global_store" not in inspect.signature(MemoryFileSystem.__init__).parameters:
        with pytest.raises(TargetError, match="it has no options"):  # an old fsspec would pass over it in silence
            targets.resolve("memory://x", {"global_store": False})
        return
    mine = targets.resolve("memory://x", {"global_store": False})
    publish(mine, "a")
    assert mine.read("a") == b"data"
    assert targets.resolve("memory://x", {"global_store": False}).exists("a")
    assert not targets.resolve("memory://x").exists("a")


def test_a_file_where_a_folder_is_needed() -> None:
    target = targets.resolve("memory://x")
    publish(target, "shot")
    with pytest.raises(TargetError, match=re.escape("memory://x/shot is a file")):
        publish(target, "shot/a")
    with pytest.raises(TargetError, match="not a folder"):
        target.list("shot")
    assert target.read("shot") == b"data"


def test_a_folder_where_the_file_should_be() -> None:
    target = targets.resolve("memory://x")
    fsspec.filesystem("memory").mkdir("/x/empty")
    for create in (False, True):
        with pytest.raises(TargetError, match="it is a folder"):
            publish(target, "empty", create=create)
    assert target.list("empty") == []


def test_names_with_a_backslash() -> None:
    target = targets.resolve("memory://x")
    publish(target, "back\\slash.png")
    assert target.list() == [targets.Entry("back\\slash.png", 4, False)]


def test_a_store_of_one_s_own_outlives_many_others() -> None:
    if "global_store" not in inspect.signature(MemoryFileSystem.__init__).parameters:
        pytest.skip("only on an fsspec that has such stores")
    mine = targets.resolve("memory://x", {"global_store": False})
    publish(mine, "a")
    for number in range(100):
        filesystems.shared("others", {"number": number}, object)
    assert mine.read("a") == b"data"


# --- update ----------------------------------------------------------------------------------------------------------


def test_a_change_may_use_the_storage_itself() -> None:
    """Also from another thread, which it waits for."""
    target = targets.resolve("memory://x")
    publish(target, "log", b"1")

    def change(before: bytes | None) -> bytes:
        def work() -> None:
            publish(target, "beside", b"2")
            target.update("other", lambda _: b"3", content_type="text/plain")

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(PATIENCE)
        assert not thread.is_alive()
        publish(target, "own", b"4")
        return (before or b"") + b"5"

    target.update("log", change, content_type="text/plain")
    assert [target.read(name) for name in ("log", "beside", "other", "own")] == [b"15", b"2", b"3", b"4"]


def test_a_change_is_made_again_when_the_file_was_changed_under_it() -> None:
    target = targets.resolve("memory://x")
    publish(target, "log", b"1")
    seen: list[bytes | None] = []

    def change(before: bytes | None) -> bytes:
        seen.append(before)
        if len(seen) == 1:
            publish(target, "log", b"12")
        return (before or b"") + b"3"

    assert target.update("log", change, content_type="text/plain") is not None
    assert seen == [b"1", b"12"]
    assert target.read("log") == b"123"


def test_no_change_of_many_threads_is_lost() -> None:
    target = targets.resolve("memory://x")
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(
                lambda _: target.update("count", lambda b: b"%d" % (int(b or b"0") + 1), content_type="text/plain"),
                range(200),
            )
        )
    assert target.read("count") == b"200"


def test_a_file_that_others_change_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "pause", lambda _: None)
    target = targets.resolve("memory://x")

    def change(before: bytes | None) -> bytes:
        publish(target, "log", (before or b"") + b".")
        return b"mine"

    with pytest.raises(TargetError, match="other processes keep changing it") as caught:
        target.update("log", change, content_type="text/plain")
    assert caught.value.transient
