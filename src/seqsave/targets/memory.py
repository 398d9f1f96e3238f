"""``memory://``: fsspec's in-memory store of this process, shared with its other users here.

Files are kept as immutable bytes. One lock makes "create unless it exists" one step; fsspec itself checks and then
writes. Each reader has its own position, whereas fsspec's open files share one.
"""

from __future__ import annotations

import functools
import inspect
import io
import os
import time
from collections.abc import Mapping
from typing import Any, BinaryIO, ClassVar

from seqsave.runtime.threads import ForkSafeLock
from seqsave.targets import filesystems
from seqsave.targets.base import (
    TRIES,
    Capabilities,
    Change,
    Data,
    Entries,
    Entry,
    Published,
    Target,
    described,
    pause,
)
from seqsave.targets.failures import Scene
from seqsave.targets.guards import guarded
from seqsave.targets.urls import Location

__all__ = ["MemoryTarget"]

_lock = ForkSafeLock()


@functools.cache
def _known_options() -> frozenset[str]:
    """Return the known storage options: ``global_store``, if fsspec is new enough to have it."""
    from fsspec.implementations.memory import MemoryFileSystem

    return frozenset({"global_store"} & inspect.signature(MemoryFileSystem.__init__).parameters.keys())


def _version(file: Any) -> str | None:
    """Return a text that differs for a file and its replacement, for which fsspec makes a new object."""
    return None if file is None else f"{file.modified.timestamp():.6f}-{id(file):x}"


class MemoryTarget(Target):
    """A folder in memory."""

    is_fast: ClassVar[bool] = True
    _refuses_for_certain: ClassVar[bool] = True
    capabilities = Capabilities(folders=True, atomic=True, create="exclusive", checksum=False, thread_safe=True)

    def __init__(self, root: str, options: Mapping[str, Any], *, url: str) -> None:
        """Open a folder. root: its path without slashes around it, "" for the root."""
        self.url = url
        self._root = root
        self._options = options
        self._held: tuple[int, Any] | None = None

    @classmethod
    def open(cls, location: Location, options: Mapping[str, Any], *, connections: int, url: str) -> MemoryTarget:
        """Create a target for ``targets.resolve``; see ``Target.open``."""
        filesystems.refuse_unknown(options, _known_options(), "memory://")
        from fsspec.implementations.memory import MemoryFileSystem

        merged = filesystems.merged_options(MemoryFileSystem, options)
        target = cls(location.rest.strip("/"), merged, url=url)
        filesystems.opening(Scene("open", url), lambda: target._filesystem)
        return target

    @property
    def _filesystem(self) -> Any:
        held, process = self._held, os.getpid()
        if held is None or held[0] != process:
            held = self._held = (process, self._shared())
        return held[1]

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_held": None}

    def _shared(self) -> Any:
        from fsspec.implementations.memory import MemoryFileSystem

        return filesystems.shared(
            "memory",
            self._options,
            lambda: filesystems.create(MemoryFileSystem, self._options),
            user=self,
            is_local=True,
        )

    @guarded("save")
    def publish(
        self,
        path: str,
        data: Data,
        *,
        content_type: str = "application/octet-stream",
        create: bool = False,
        checksum: int | None = None,
        replacing: str | None = None,
    ) -> Published:
        """Publish a file; see ``Target.publish``. replacing: as ``version`` of ``replace``."""
        full, content = self._full(path), bytes(data)
        with _lock:
            if replacing is not None and _version(self._filesystem.store.get(full)) != replacing:
                raise FileExistsError(full)
            version = _version(self._put(full, content, create))
        return described(content, checksum, version=version)

    @guarded("save")
    def update(
        self, path: str, change: Change, *, content_type: str, known: tuple[bytes, str | None] | None = None
    ) -> Published | None:
        """Change a small file; see ``Target.update``."""
        full = self._full(path)
        for attempt in range(TRIES):
            before = self._stored(full)
            # Not under the lock: ``change`` may use this storage, or wait for a thread that does.
            after = change(before)
            with _lock:
                if self._stored(full) == before:
                    if after is None or after == before:
                        return self._left(path, before, after)
                    self._put(full, after, create=False)
                    return described(after, None)
            pause(attempt)
        raise self._contended(path)

    @guarded("read")
    def read(self, path: str) -> bytes:
        """Return the bytes of a file; see ``Target.read``."""
        return self._bytes(path)

    @guarded("read")
    def read_published(self, path: str) -> tuple[bytes, Published]:
        """Return a whole file and what is known of it; see ``Target.read_published``."""
        file = self._filesystem.store.get(self._full(path))
        if file is None:
            raise FileNotFoundError(self._full(path))
        data = bytes(file.getvalue())
        return data, described(data, None, version=_version(file))

    @guarded("read")
    def open_read(self, path: str) -> BinaryIO:
        """Return an open file; see ``Target.open_read``."""
        return io.BytesIO(self._bytes(path))

    @guarded("list")
    def list(self, folder: str = "") -> Entries:
        """Return the entries of a folder; see ``Target.list``."""
        folder = self._checked_folder(folder)
        full = self._full(folder) if folder else self._top
        try:
            found = self._filesystem.ls(full, detail=True)
        except FileNotFoundError:
            return []
        if [entry["name"] for entry in found[:2]] == [full]:  # fsspec lists a file as itself
            raise NotADirectoryError(full)
        store = self._filesystem.store
        return [
            Entry(
                entry["name"].rpartition("/")[2],
                entry["size"],
                entry["type"] == "directory",
                version=_version(store.get(entry["name"])),
            )
            for entry in found
        ]

    @guarded("look for")
    def exists(self, path: str) -> bool:
        """Return whether a file exists; see ``Target.exists``."""
        return self._full(path) in self._filesystem.store

    @guarded("look for")
    def look(self, path: str) -> Entry | None:
        """Return a file as a listing shows it; see ``Target.look``."""
        file = self._filesystem.store.get(self._full(path))
        if file is None:
            return None
        changed = file.modified.timestamp()
        return Entry(path.rpartition("/")[2], len(file.getvalue()), False, version=_version(file), changed=changed)

    def replace(
        self, path: str, data: Data, *, content_type: str, version: str | None, checksum: int | None = None
    ) -> Published:
        """Replace a known version of a file; see ``Target.replace``."""
        return self.publish(path, data, content_type=content_type, checksum=checksum, replacing=version or "")

    @guarded("delete")
    def delete(self, path: str) -> None:
        """Delete a file; see ``Target.delete``."""
        self._filesystem.store.pop(self._full(path), None)

    def clock(self, path: str) -> float | None:
        """Return the time by the storage's clock; see ``Target.clock``."""
        return time.time()

    def identity(self) -> Mapping[str, str]:
        """Return the identity; see ``Target.identity``. The memory of another process is another place."""
        return {"storage": "memory", "root": self._top, "process": str(os.getpid())}

    def _stored(self, full: str) -> bytes | None:
        file = self._filesystem.store.get(full)
        return None if file is None else bytes(file.getvalue())

    def _put(self, full: str, content: bytes, create: bool) -> Any:
        filesystem = self._filesystem
        self._check_folders(filesystem, full)
        if create and full in filesystem.store:
            raise FileExistsError(full)
        filesystem.pipe_file(full, content)
        return filesystem.store[full]

    @property
    def _top(self) -> str:
        return f"/{self._root}" if self._root else ""

    def _full(self, path: str) -> str:
        return f"{self._top}/{self._checked(path)}"

    def _bytes(self, path: str) -> bytes:
        full = self._full(path)
        try:
            return bytes(self._filesystem.store[full].getvalue())
        except KeyError:
            raise FileNotFoundError(full) from None

    def _check_folders(self, filesystem: Any, full: str) -> None:
        """Raise as a disk would for a file in place of a folder, or a folder in place of the file."""
        above = full
        while above := above.rpartition("/")[0]:
            if above in filesystem.store:
                raise NotADirectoryError(20, f"memory:/{above} is a file")
        if full in filesystem.pseudo_dirs:
            raise IsADirectoryError(21, f"memory:/{full} is a folder")
