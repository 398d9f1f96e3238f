"""Filesystem instances of our own: shared where they should be, separate from the user's, new in a forked child."""

from __future__ import annotations

import gc
import os
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from seqsave.errors import TargetError
from seqsave.targets import filesystems
from seqsave.targets.filesystems import _Registry, shared
from tests.support.patience import wait_until
from tests.targets.forking import in_forked_child


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filesystems, "_registry", _Registry())


def test_equal_options_share() -> None:
    options = {"key": "a", "nested": {"list": [1, {"x": None}]}, "flag": True}
    first = shared("s3", options, object)
    assert shared("s3", {"flag": True, "nested": {"list": [1, {"x": None}]}, "key": "a"}, object) is first
    for other in ({**options, "key": "b"}, {**options, "flag": 1}, {**options, "nested": {}}, {}):
        assert shared("s3", other, object) is not first
    assert shared("gs", options, object) is not first


class _User:
    """As a target is."""


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AZURE_CLIENT_ID", "SSL_CERT_FILE", "https_proxy"])
def test_a_variable_that_storages_read_makes_another_client(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(name, raising=False)
    without = filesystems.environment()
    monkeypatch.setenv(name, "one")
    one = filesystems.environment()
    monkeypatch.setenv(name, "other")
    other = filesystems.environment()
    assert len({without, one, other}) == 3
    monkeypatch.setenv("EDITOR", "vi")
    assert filesystems.environment() == other
    monkeypatch.delenv(name)
    assert filesystems.environment() == without


def test_another_thread_may_remove_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    class Vanishing(dict[str, str]):
        def __iter__(self) -> Iterator[str]:
            return iter([*self.keys(), "AWS_PROFILE"])

    before = filesystems.environment()
    monkeypatch.setattr(filesystems.os, "environ", Vanishing(os.environ))
    assert filesystems.environment() != before  # and no KeyError


def test_a_user_stays_where_it_is_and_the_next_one_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    user, next_user = _User(), _User()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    first = shared("s3", {}, object, user=user)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:2")
    assert shared("s3", {}, object, user=user) is first
    assert shared("s3", {}, object, user=next_user) is not first
    assert shared("s3", {}, object) is shared("s3", {}, object, user=next_user)
    assert shared("s3", {}, object, is_local=True) is shared("s3", {}, object, user=user, is_local=True)


def test_what_could_not_be_made_leaves_nothing() -> None:
    def broken() -> object:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        shared("s3", {"key": "a"}, broken)
    assert filesystems._registry._making == {}


def test_objects_are_distinguished_by_identity() -> None:
    session, other = object(), object()
    first = shared("s3", {"session": session}, object)
    assert shared("s3", {"session": session}, object) is first
    assert shared("s3", {"session": other}, object) is not first


def test_the_key_shows_no_secret() -> None:
    shared("s3", {"secret": "very-secret"}, object)
    assert "very-secret" not in repr(filesystems._registry._shared)


def test_it_is_made_once_however_many_ask_at_once() -> None:
    made: list[int] = []
    asked: list[int] = []

    def make() -> object:
        made.append(1)
        wait_until(lambda: len(asked) == 16)
        return object()

    def ask(number: int) -> int:
        asked.append(number)
        return id(shared("x", {}, make))

    with ThreadPoolExecutor(16) as pool:
        found = set(pool.map(ask, range(16)))
    assert len(found) == len(made) == 1


def test_what_failed_is_made_again() -> None:
    def fail() -> object:
        raise OSError("once")

    with pytest.raises(OSError, match="once"):
        shared("x", {}, fail)
    assert shared("x", {}, lambda: "made") == "made"


def test_one_for_each_thread() -> None:
    start = threading.Barrier(4)

    def ask(_: int) -> tuple[int, int]:
        start.wait()
        first, again = (id(shared("x", {}, object, per_thread=True)) for _ in range(2))
        return first, again

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(ask, range(4)))
    assert all(first == again for first, again in found)
    assert len({first for first, _ in found}) == 4


def test_a_broken_one_is_given_up() -> None:
    first = shared("x", {}, object)
    filesystems.discard(first)
    assert shared("x", {}, object) is not first


def test_not_all_are_kept_for_ever() -> None:
    first = shared("x", {"number": 0}, object)
    for number in range(1, filesystems._LIMIT):
        shared("x", {"number": number}, object)
    assert shared("x", {"number": 0}, object) is first  # used again, so it is not the oldest any more
    shared("x", {"number": -1}, object)
    assert shared("x", {"number": 0}, object) is first
    assert len(filesystems._registry._shared) == filesystems._LIMIT


class User:
    """Something that asks for what is shared."""


def test_what_is_used_is_kept_whatever_comes() -> None:
    user, gone = User(), User()
    kept = shared("x", {"of": "user"}, object, user=user)
    shared("x", {"of": "nobody"}, object, user=gone)
    lost = weakref.ref(shared("x", {"of": "gone"}, User, user=gone))
    del gone
    gc.collect()
    for number in range(2 * filesystems._LIMIT):
        shared("x", {"number": number}, object)
    gc.collect()
    assert shared("x", {"of": "user"}, object) is kept
    assert lost() is None
    assert len(filesystems._registry._shared) == filesystems._LIMIT


def test_many_may_be_used_at_once() -> None:
    users = [User() for _ in range(filesystems._LIMIT + 20)]
    made = [shared("x", {"number": number}, object, user=user) for number, user in enumerate(users)]
    assert [shared("x", {"number": number}, object) for number in range(len(users))] == made
    shared("x", {}, object, user=users[0])
    users.clear()
    gc.collect()
    shared("y", {}, object)
    assert len(filesystems._registry._shared) == filesystems._LIMIT


def test_one_for_each_thread_goes_with_its_thread() -> None:
    seen: list[weakref.ref[User]] = []
    thread = threading.Thread(target=lambda: seen.append(weakref.ref(shared("x", {}, User, per_thread=True))))
    thread.start()
    thread.join()
    own = shared("x", {}, User, per_thread=True)
    del thread
    gc.collect()
    assert seen[0]() is None
    assert shared("x", {}, User, per_thread=True) is own


def test_a_broken_one_of_a_thread_is_given_up_there() -> None:
    own = shared("x", {}, User, per_thread=True)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(lambda: shared("x", {}, User, per_thread=True)).result()
        filesystems.discard(other)
        assert pool.submit(lambda: shared("x", {}, User, per_thread=True)).result() is not other
    assert shared("x", {}, User, per_thread=True) is own


def test_those_of_threads_are_closed_when_they_are_let_go() -> None:
    lost = weakref.ref(shared("x", {}, User, per_thread=True))
    for number in range(filesystems._LIMIT):
        shared("x", {"number": number}, object)
    assert lost() is None


def test_a_forked_child_starts_without_any() -> None:
    parent = shared("x", {}, object)

    def ask() -> None:
        assert shared("x", {}, object) is not parent

    with filesystems._registry._lock:  # as if another thread held it at the moment of the fork
        in_forked_child(ask)


def test_protocols() -> None:
    assert {"s3", "gs", "memory", "file"} <= set(filesystems.protocols())


def test_a_missing_package_is_named_with_its_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from fsspec.registry import _registry, known_implementations

    for protocol, module, install in [
        ("seqone", "no_such_module_a.FileSystem", "pip install no_such_module_a"),
        ("sftp", "no_such_module_b.FileSystem", "pip install paramiko"),
        ("gs", "no_such_module_c.FileSystem", "pip install 'seqsave[gs]'"),
        ("abfs", "no_such_module_d.FileSystem", "pip install 'seqsave[az]'"),
    ]:
        monkeypatch.setitem(known_implementations, protocol, {"class": module, "err": "install it"})
        monkeypatch.delitem(_registry, protocol, raising=False)
        with pytest.raises(TargetError) as caught:
            filesystems.filesystem_class(protocol)
        assert install in str(caught.value)
        assert "no_such_module" in str(caught.value)


def test_an_unknown_protocol() -> None:
    with pytest.raises(TargetError, match="did you mean 'memory'"):
        filesystems.filesystem_class("memorry")
