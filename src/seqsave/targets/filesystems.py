"""Filesystems of fsspec's of our own, one for each kind, set of options and process; the user's stay as they are.

fsspec hands one cached instance to everybody who asks with the same options. Pool size, retries and listing caches are
set on ours, so they are made with ``skip_instance_cache=True`` and kept here instead. What fsspec's configuration
(``fsspec.config.conf``, ``FSSPEC_...`` variables, files in its folder) says for a protocol holds for ours too.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Mapping
from typing import Any, TypeVar, cast

from seqsave.errors import TargetError
from seqsave.targets import failures
from seqsave.wording import did_you_mean

__all__ = [
    "create",
    "discard",
    "filesystem_class",
    "merged_options",
    "opening",
    "protocols",
    "refuse_unknown",
    "shared",
]

T = TypeVar("T")

# More than anybody uses at once; the oldest is let go, and closes when the last target that has it is gone.
_LIMIT = 64

# What ``pip install`` needs where the package is not called like the module that fsspec names.
_PACKAGES = {
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


class _Registry:
    """What was made, by key; thread-safe, and empty in a forked child, where connections of the parent are useless."""

    def __init__(self) -> None:
        self._made: OrderedDict[Hashable, Any] = OrderedDict()
        self._abandoned: list[OrderedDict[Hashable, Any]] = []
        self.forget()

    def forget(self) -> None:
        # Kept, not used: closing a connection of the parent's would disturb the parent, and asyncio complains aloud.
        self._abandoned.append(self._made)
        self._made = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        with self._lock:
            if key in self._made:
                self._made.move_to_end(key)
                return cast("T", self._made[key])
            making = self._making.setdefault(key, threading.Lock())
        # Making may connect to somewhere: others that want the same wait for it, nobody else does.
        with making:
            with self._lock:
                if key in self._made:
                    return cast("T", self._made[key])
            made = make()
            with self._lock:
                self._made[key] = made
                self._making.pop(key, None)
                if len(self._made) > _LIMIT:
                    self._made.popitem(last=False)
            return made

    def discard(self, made: object) -> None:
        with self._lock:
            for key in [key for key, value in self._made.items() if value is made]:
                del self._made[key]


_registry = _Registry()


def _start_afresh() -> None:
    """In a forked child: nothing of the parent's works, and the thread of fsspec's event loop is not there."""
    _registry.forget()
    asyn = sys.modules.get("fsspec.asyn")
    if asyn is not None:
        asyn.reset_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_afresh)


def shared(kind: str, options: Mapping[str, Any], make: Callable[[], T], *, per_thread: bool = False) -> T:
    """What ``make`` returns, made once for each kind and set of options in this process (or thread)."""
    held = _Held(options)
    return _registry.get((kind, held, threading.get_ident() if per_thread else None), make)


def discard(made: object) -> None:
    """Make a new one next time: the connection of this one is broken."""
    _registry.discard(made)


def create(cls: type[Any], options: Mapping[str, Any]) -> Any:
    """A new filesystem that nobody else has, without listing cache, for synchronous use."""
    made = cls(**{**options, "skip_instance_cache": True})
    # Afterwards, since some pass every option that they do not know on to their client, which then objects.
    cache: Any = getattr(made, "dircache", None)
    if hasattr(cache, "use_listings_cache"):
        cache.use_listings_cache = False
        cache.clear()
    return made


def merged_options(cls: type[Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """``options`` over what fsspec's configuration says for this class."""
    from fsspec.config import apply_config

    merged: dict[str, Any] = apply_config(cls, dict(options))
    # Ours are always driven from outside of the event loop; and these three are ours to choose.
    for name in ("asynchronous", "loop", "skip_instance_cache", "use_listings_cache"):
        merged.pop(name, None)
    return merged


def protocols() -> Collection[str]:
    """Every protocol that fsspec knows here, installed or not."""
    from fsspec.registry import known_implementations, registry

    return {*known_implementations, *registry}


def refuse_unknown(options: Mapping[str, Any], known: Collection[str], where: str) -> None:
    """Raise TargetError for an option that would silently mean nothing, with its near miss."""
    for name in options:
        if name not in known:
            there_are = f"known are {', '.join(sorted(known))}" if known else "it has none"
            near = did_you_mean(name, known)
            raise TargetError(f"storage option {name!r}{near} means nothing for {where}: {there_are}")


def filesystem_class(protocol: str) -> type[Any]:
    """The class of fsspec's for a protocol. Raises TargetError, with the install line where a package is missing."""
    from fsspec.registry import get_filesystem_class

    try:
        return cast("type[Any]", get_filesystem_class(protocol))
    except ImportError as error:
        cause = error.__cause__ or error
        message = f"{protocol}:// needs a package that is not installed ({cause}): pip install {_package_for(protocol)}"
    except ValueError:
        cause = None
        message = f"unknown protocol {protocol!r}{did_you_mean(protocol, protocols())}"
    raise TargetError(message) from cause


def opening(scene: failures.Scene, make: Callable[[], T]) -> T:
    """What ``make`` returns; what it raises becomes a TargetError, by default one about the storage options."""
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
    """Options as a dictionary's key. It holds them, so that the ``id`` of what cannot be compared stays taken."""

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
