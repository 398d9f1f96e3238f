"""seqsave's own fsspec filesystems, one for each kind, set of options and process.

fsspec returns one cached instance for equal options. seqsave changes pool sizes, retries and listing caches, so it
makes its own instances with ``skip_instance_cache=True`` and keeps them here; the user's are not changed. fsspec's
configuration (``fsspec.config.conf``, ``FSSPEC_...`` variables, files in its folder) applies to them too.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from seqsave.errors import TargetError, Topic
from seqsave.targets import failures
from seqsave.wording import did_you_mean

__all__ = [
    "create",
    "discard",
    "environment",
    "filesystem_class",
    "merged_options",
    "opening",
    "protocols",
    "refuse_unknown",
    "shared",
]

T = TypeVar("T")

# Names the folder of fsspec's configuration: https://filesystem-spec.readthedocs.io/en/latest/features.html#configuration
_FOLDER = "FSSPEC_CONFIG_DIR"

# The number of objects that are kept, in use or not. A dropped connection closes when no call uses it any more.
_LIMIT = 64

# Variables whose names begin with these, in any case, or end with the last one, state addresses, credentials,
# certificates or proxies where the options do not.
_SETTINGS = (
    *("AWS_", "AZURE_", "GOOGLE_", "GCLOUD_", "STORAGE_EMULATOR_", "BOTO_", "HF_", "OSS_", "FSSPEC_"),
    *("SSL_CERT_", "REQUESTS_CA_", "CURL_CA_"),
)
_PROXY = "_PROXY"

# What ``pip install`` needs where the package is not called like the module that fsspec names.
_PACKAGES = {
    "gs": "'seqsave[gs]'",
    "gcs": "'seqsave[gs]'",
    "az": "'seqsave[az]'",
    "abfs": "'seqsave[az]'",
    "abfss": "'seqsave[az]'",
    "sftp": "paramiko",
    "ssh": "paramiko",
    "smb": "smbprotocol",
    "http": "aiohttp",
    "https": "aiohttp",
    "hdfs": "pyarrow",
    "arrow_hdfs": "pyarrow",
    "hf": "huggingface_hub",
    "oss": "ossfs",
    "git": "pygit2",
    "lakefs": "lakefs-spec",
    "root": "fsspec-xrootd",
    "box": "boxfs",
    "webhdfs": "requests",
    "github": "requests",
    "dbfs": "requests",
    "libarchive": "libarchive-c",
    "dropbox": "dropboxdrivefs requests dropbox",
}


@dataclass(slots=True)
class _Shared:
    """The object made for one key, and its users."""

    made: Any
    users: weakref.WeakSet[Any] = field(default_factory=weakref.WeakSet)


class _Registry:
    """The shared objects by key; thread-safe, and empty in a forked child, where the parent's connections are useless.

    Objects with live users are kept. When there are too many others, the oldest is dropped.
    """

    def __init__(self) -> None:
        self._shared: OrderedDict[Hashable, _Shared] = OrderedDict()
        self._abandoned: list[OrderedDict[Hashable, _Shared]] = []
        self.forget()

    def forget(self) -> None:
        # Kept but not used: closing the parent's connections would disturb the parent and make asyncio log errors.
        self._abandoned.append(self._shared)
        self._shared = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T], user: object = None) -> T:
        with self._lock:
            found = self._taken(key, user)
            if found is not None:
                return found.made  # type: ignore[no-any-return]
            making = self._making.setdefault(key, threading.Lock())
        # Making an object may open a connection: only callers that need the same object wait for it.
        with making:
            with self._lock:
                found = self._taken(key, user)
                if found is not None:
                    return found.made  # type: ignore[no-any-return]
            try:
                made = make()
            except BaseException:
                with self._lock:
                    self._making.pop(key, None)
                raise
            with self._lock:  # in one step, or another thread would make a second object
                self._shared[key] = _Shared(made)
                self._making.pop(key, None)
                self._taken(key, user)
                evicted = self._evict(key)
        # Outside of the lock: this may close connections, which takes a while.
        for shared in evicted:
            if isinstance(shared.made, _EachThread):
                shared.made.clear()
        del evicted
        return made

    def discard(self, made: object) -> None:
        with self._lock:
            shared = list(self._shared.items())
            gone = [self._shared.pop(key) for key, value in shared if value.made is made]
        for value in (value.made for _, value in shared):
            if isinstance(value, _EachThread):
                value.discard(made)
        del gone

    def _taken(self, key: Hashable, user: object) -> _Shared | None:
        shared = self._shared.get(key)
        if shared is not None:
            self._shared.move_to_end(key)
            if user is not None:
                shared.users.add(user)
        return shared

    def _evict(self, newest: Hashable) -> list[_Shared]:
        spare = len(self._shared) - _LIMIT
        if spare <= 0:
            return []
        unused = (key for key, shared in self._shared.items() if not shared.users and key is not newest)
        return [self._shared.pop(key) for key in list(itertools.islice(unused, spare))]


class _EachThread:
    """One object per thread; it is dropped when its thread has ended.

    Not a ``threading.local``: a forked child would drop the connections of the parent's other threads, and close them.
    """

    def __init__(self) -> None:
        self._made: dict[weakref.ref[Any], Any] = {}
        self._pid = os.getpid()
        self._getpid = os.getpid  # threads also end when the interpreter does, and has emptied this module

    def get(self, make: Callable[[], T]) -> T:
        thread = threading.current_thread()
        found = self._made.get(weakref.ref(thread))
        if found is None:
            found = self._made[weakref.ref(thread, self._ended)] = make()
        return cast("T", found)

    def discard(self, made: object) -> None:
        for thread in [thread for thread, value in list(self._made.items()) if value is made]:
            self._made.pop(thread, None)

    def clear(self) -> None:
        self._made.clear()

    def _ended(self, thread: weakref.ref[Any]) -> None:
        if self._getpid() == self._pid:
            self._made.pop(thread, None)


class _Around:
    """The environment in which each user of shared objects first asked for one, in this process."""

    def __init__(self) -> None:
        self._found: weakref.WeakKeyDictionary[object, int] = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()

    def of(self, user: object) -> int:
        with self._lock:
            if user not in self._found:
                self._found[user] = environment()
            return self._found[user]


_registry = _Registry()
_around = _Around()


def _start_afresh() -> None:
    """Reset the state in a forked child, which has no connections and no thread of fsspec's event loop."""
    global _around
    _around = _Around()  # the lock of the other may be held by a thread of the parent
    _registry.forget()
    asyn = sys.modules.get("fsspec.asyn")
    if asyn is not None:
        asyn.reset_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_afresh)


def shared(
    kind: str,
    options: Mapping[str, Any],
    make: Callable[[], T],
    *,
    user: object = None,
    per_thread: bool = False,
    is_local: bool = False,
) -> T:
    """Return the result of ``make``, called once for each kind and set of options in this process (or thread).

    Variables of the environment that storages read count as options, as they were when ``user`` first came here: when a
    program sets another endpoint or key, the next target uses it, and open ones stay where they are.

    is_local: no variable matters.
    user: the result is kept at least as long as this object exists; otherwise, the oldest results are dropped when
          there are many.
    """
    around = 0 if is_local else environment() if user is None else _around.of(user)
    key = (kind, _Held(options), per_thread, around)
    if per_thread:
        return _registry.get(key, _EachThread, user).get(make)
    return _registry.get(key, make, user)


def environment() -> int:
    """Return a number that is another one when a variable that storages read has changed.

    Equal options then do not make the same client. What a system states elsewhere, such as the proxies in the settings
    of macOS and Windows, is not looked at.
    """
    names = [name for name in list(os.environ) if name.upper().startswith(_SETTINGS) or name.upper().endswith(_PROXY)]
    return hash(frozenset((name, os.environ.get(name)) for name in names))  # another thread may remove one


def discard(made: object) -> None:
    """Drop a shared object whose connection is broken, so that the next call makes a new one."""
    _registry.discard(made)


def create(cls: type[Any], options: Mapping[str, Any]) -> Any:
    """Return a new filesystem that is not shared, without listing cache, for synchronous use."""
    made = cls(**{**options, "skip_instance_cache": True})
    # Set afterwards, because some filesystems pass unknown options on to their client, which then fails.
    cache: Any = getattr(made, "dircache", None)
    if hasattr(cache, "use_listings_cache"):
        cache.use_listings_cache = False
        cache.clear()
    return made


def merged_options(cls: type[Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``options`` merged over fsspec's configuration for this class, of which only ``protocol`` is read."""
    merged = dict(options)
    if _may_be_configured():
        from fsspec.config import apply_config

        merged = apply_config(cls, merged)
    # seqsave always calls its filesystems from outside of the event loop, and sets these three options itself.
    for name in ("asynchronous", "loop", "skip_instance_cache", "use_listings_cache"):
        merged.pop(name, None)
    return merged


def _may_be_configured() -> bool:
    """Return False if fsspec's configuration is certainly empty, so that fsspec need not be imported to read it."""
    if "fsspec" in sys.modules or any(name.startswith("FSSPEC_") and name != _FOLDER for name in os.environ):
        return True
    return Path(os.environ.get(_FOLDER) or Path("~", ".config", "fsspec").expanduser()).is_dir()


def protocols() -> Collection[str]:
    """Return every protocol that fsspec knows, installed or not."""
    from fsspec.registry import known_implementations, registry

    return {*known_implementations, *registry}


def refuse_unknown(options: Mapping[str, Any], known: Collection[str], where: str) -> None:
    """Raise TargetError for an unknown option, with a hint at the nearest one."""
    for name in options:
        if name not in known:
            there_are = f"known options are {', '.join(sorted(known))}" if known else "it has no options"
            near = did_you_mean(name, known)
            raise TargetError(f"storage option {name!r}{near} is unknown for {where}: {there_are}")


def filesystem_class(protocol: str) -> type[Any]:
    """Return fsspec's class for a protocol. Raises TargetError, with the install line for a missing package."""
    from fsspec.registry import get_filesystem_class

    topic: Topic = "unknown-storage"
    try:
        return cast("type[Any]", get_filesystem_class(protocol))
    except ImportError as error:
        cause = error.__cause__ or error
        topic = "storage-not-installed"
        message = f"{protocol}:// needs a package that is not installed ({cause}): pip install {_package_for(protocol)}"
    except ValueError:
        cause = None
        message = f"unknown protocol {protocol!r}{did_you_mean(protocol, protocols())}"
    raise TargetError(message, topic=topic) from cause


def opening(scene: failures.Scene, make: Callable[[], T]) -> T:
    """Return the result of ``make``; its errors become TargetError, by default one about the storage options."""
    try:
        return make()
    except Exception as error:  # noqa: BLE001 - any backend, any exception: translate() sorts them
        failure = failures.translate(error, scene, default=failures.Fault.BAD_OPTION)
    raise failure


def _package_for(protocol: str) -> str:
    from fsspec.registry import known_implementations

    module = str(known_implementations.get(protocol, {}).get("class", protocol)).partition(".")[0]
    return _PACKAGES.get(protocol, protocol if module == "fsspec" else module)


class _Held:
    """Options as a dictionary's key. It keeps them alive, so that the ``id`` of incomparable values stays unique."""

    __slots__ = ("_frozen", "_options")

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = options
        self._frozen = _freeze(options)

    def __hash__(self) -> int:
        return hash(self._frozen)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and self._frozen == other._frozen

    def __repr__(self) -> str:
        return "<options>"


def _freeze(value: Any) -> Hashable:
    if isinstance(value, Mapping):
        return frozenset((name, _freeze(inner)) for name, inner in value.items())
    if isinstance(value, (list, tuple)):
        return tuple(_freeze(inner) for inner in value)
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return type(value).__name__, value
    return id(value)
