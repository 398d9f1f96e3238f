"""All other fsspec filesystems, each used as carefully as its known traits require.

``traits`` has the usual filesystems, and a plugin can declare others. For an unknown filesystem, no guarantees are
assumed: files are written under a temporary name and moved if it can move files, ``create`` is refused, and threads
take turns.

- Names are appended to the filesystem's own path, never to a URL. Only the methods for single files are used, because
  the others read ``[ ] * ?`` as a glob. A name that the driver would read differently (for example, cut at ``#``) is
  refused.
- Listings never come from a cache. Folders are created when they are missing; a top level (a bucket, a share) is never
  created, unless it is an ordinary folder.
"""

from __future__ import annotations

import contextlib
import io
import re
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

from seqsave.errors import TargetError
from seqsave.plugins.manager import import_code
from seqsave.runtime.threads import ForkSafeLock
from seqsave.targets import filesystems, registry
from seqsave.targets.base import (
    Capabilities,
    Data,
    Entries,
    Entry,
    Published,
    Target,
    described,
)
from seqsave.targets.failures import Scene, diagnose
from seqsave.targets.faults import Fault
from seqsave.targets.fsspec_entries import entries_of, version_of
from seqsave.targets.guards import guarded, guarded_async
from seqsave.targets.identity import canonical_identity
from seqsave.targets.local_entries import DANGLING, NOT_FOLLOWED
from seqsave.targets.ranges import open_ranges
from seqsave.targets.redact import redact_url, secrets_of, split_user_info
from seqsave.targets.temporary import run_of, temporary_name
from seqsave.targets.traits import may_fold_case, traits_of
from seqsave.targets.urls import Location, refuse_hidden_user_info

if TYPE_CHECKING:
    import asyncio

__all__ = ["FsspecTarget"]


_TOPS = {"gs": "bucket", "gcs": "bucket", "az": "container", "abfs": "container", "abfss": "container", "smb": "share"}

# Protocols that wrap another storage: their URLs alone name no files.
_WRAPPERS = {
    *("async_wrapper", "asyncwrapper", "blockcache", "cached", "data", "dir", "filecache", "generic", "libarchive"),
    *("reference", "simplecache", "tar", "zip"),
}
# Options, and parts of Azure's connection string, that name the server.
_ADDRESS = ("account_host", "account_name", "base_url", "endpoint_url", "host", "port", "share")
_ACCOUNT = re.compile(r"\b(AccountName|BlobEndpoint)=([^;?]*)", re.IGNORECASE)
_making_folders = ForkSafeLock()
_NO_SUCH_FOLDER = (Fault.MISSING, Fault.CONFLICT, Fault.UNKNOWN)


class _Handle:
    """A filesystem, and the lock for threads that must take turns."""

    def __init__(self, kind: type[Any], options: Mapping[str, Any], settle: Callable[[Any], None]) -> None:
        self.filesystem = filesystems.create(kind, options)
        settle(self.filesystem)
        self.lock = threading.RLock()


class FsspecTarget(Target):
    """A folder or prefix on a filesystem that has no class of its own here."""

    def __init__(self, protocol: str, root: str, options: Mapping[str, Any], *, url: str) -> None:
        """Open a filesystem. root: its own path. options: with what the URL says (host, user) merged in."""
        self.url = url
        self._protocol = protocol
        self._root = root
        self._options = options
        self._secrets = secrets_of("", options)
        self._traits = traits_of(protocol)
        self._folders_seen: set[str] = set()
        if self._traits.own_top:
            self._container = f"{_TOPS.get(protocol, 'folder')} {root.strip('/').partition('/')[0]!r}"
        self.capabilities = Capabilities(
            folders=self._traits.folders,
            atomic=self._traits.publish != "plain",
            create="conditional" if self._traits.create else "none",
            checksum=False,
            thread_safe=self._traits.threads != "turns",
        )

    @classmethod
    def open(cls, location: Location, options: Mapping[str, Any], *, connections: int, url: str) -> FsspecTarget:
        """Create a target for ``targets.resolve``; see ``Target.open``."""
        protocol = location.scheme
        refuse_hidden_user_info(location)
        if protocol in _WRAPPERS:
            raise TargetError(f"{url}: {protocol}:// wraps another storage; use the URL of that storage")
        kind = _kind(protocol)
        scene = Scene("open", url, secrets=secrets_of(location.url, options))
        root, merged = filesystems.opening(scene, lambda: _understood(kind, location, options))
        target = cls(protocol, root, merged, url=url)
        target._secrets = tuple(dict.fromkeys((*scene.secrets, *target._secrets)))
        return target

    @property
    @guarded("open")
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """Return the event loop; see ``Target.loop``. The first call makes the filesystem, which may sign in."""
        if not self._is_async():
            return None
        loop: asyncio.AbstractEventLoop = self._handle().filesystem.loop
        return loop

    @guarded("save")
    def publish(
        self,
        path: str,
        data: Data,
        *,
        content_type: str = "application/octet-stream",
        create: bool = False,
        checksum: int | None = None,
    ) -> Published:
        """Publish a file; see ``Target.publish``."""
        full, keywords = self._ready(path, data, content_type, create)
        body = data if isinstance(data, bytes) else bytes(data)
        with self._filesystem() as filesystem:
            write = self._move_in if self._traits.publish == "move" else self._write
            self._in_folder(filesystem, full, lambda: write(filesystem, full, body, keywords))
        return described(body, checksum)

    def publish_async(
        self,
        path: str,
        data: Data,
        *,
        content_type: str = "application/octet-stream",
        create: bool = False,
        checksum: int | None = None,
    ) -> Coroutine[Any, Any, Published] | None:
        """Return a coroutine that publishes a file; see ``Target.publish_async``."""
        if not self._is_async():
            return None
        full, keywords = self._ready(path, data, content_type, create)
        body = data if isinstance(data, bytes) else bytes(data)
        return self._pipe(path, full, body, keywords, checksum)

    @guarded("read")
    def read(self, path: str) -> bytes:
        """Return the bytes of a file; see ``Target.read``."""
        with self._filesystem() as filesystem:
            return bytes(filesystem.cat_file(self._full(path)))

    @guarded("read")
    def open_read(self, path: str) -> BinaryIO:
        """Return an open file; see ``Target.open_read``."""
        with self._filesystem() as filesystem:
            size = filesystem.info(self._full(path)).get("size")
        if size is None:
            return io.BytesIO(self.read(path))
        return open_ranges(size, lambda start, stop: self._read_range(path, start, stop))

    @guarded("list")
    def list(self, folder: str = "") -> Entries:
        """Return the entries of a folder; see ``Target.list``."""
        folder = self._checked_folder(folder)
        full = self._full(folder) if folder else self._root
        with self._filesystem() as filesystem:
            return entries_of(self._found(filesystem, full), full, partial(self._followed, filesystem))

    @guarded("list")
    def remove_stale_temporaries(self, folder: str = "", *, run: str = "") -> int:
        """Remove temporary files of a run that has ended; other files may still be in use. See ``Target``."""
        if self._traits.publish != "move" or not run:
            return 0
        folder = self._checked_folder(folder)
        removed = 0
        with self._filesystem() as filesystem:
            for found in self._found(filesystem, self._full(folder) if folder else self._root):
                if run_of(str(found["name"]).rstrip("/").rpartition("/")[2]) == run:
                    filesystem.rm_file(found["name"])
                    removed += 1
        return removed

    def _found(self, filesystem: Any, full: str) -> Any:
        try:
            if self._traits.ls is not None:
                return import_code(self._traits.ls)(filesystem, full)
            return filesystem.ls(full, detail=True)
        except Exception as error:
            if diagnose(error) is not Fault.MISSING:
                raise
            return []

    def _info(self, filesystem: Any, full: str) -> Mapping[str, Any] | None:
        """Return what a path leads to, through links; None for nothing."""
        try:
            found: Mapping[str, Any] = filesystem.info(full)
        except Exception as error:
            if diagnose(error) is not Fault.MISSING:
                raise
            return None
        return found

    def _followed(self, filesystem: Any, full: str) -> Mapping[str, Any] | str:
        """Return what a link leads to; in words what the link is, if it leads to nothing."""
        try:
            found: Mapping[str, Any] = filesystem.info(full)
        except Exception as error:
            fault = diagnose(error)
            if fault.transient:
                raise
            return DANGLING if fault is Fault.MISSING else NOT_FOLLOWED
        return found

    @guarded("look for")
    def exists(self, path: str) -> bool:
        """Return whether a file exists; see ``Target.exists``."""
        with self._filesystem() as filesystem:
            item = self._info(filesystem, self._full(path))
        return item is not None and item["type"] != "directory"

    @guarded("look for")
    def look(self, path: str) -> Entry | None:
        """Return a file as a listing shows it; see ``Target.look``."""
        with self._filesystem() as filesystem:
            item = self._info(filesystem, self._full(path))
        if item is None or item["type"] == "directory":
            return None
        return Entry(path.rpartition("/")[2], int(item.get("size") or 0), False, version=version_of(item))

    @guarded("delete")
    def delete(self, path: str) -> None:
        """Delete a file; see ``Target.delete``."""
        with self._filesystem() as filesystem:
            try:
                filesystem.rm_file(self._full(path))
            except Exception as error:
                if diagnose(error) is not Fault.MISSING:
                    raise

    def may_fold_case(self, path: str) -> bool:
        """Return whether names in other letters may be the same; see ``Target.may_fold_case``."""
        return may_fold_case(self._protocol)

    def identity(self) -> Mapping[str, str]:
        """Return the identity; see ``Target.identity``."""
        named = {name: redact_url(str(self._options[name])) for name in _ADDRESS if self._options.get(name)}
        parts = _ACCOUNT.findall(str(self._options.get("connection_string") or ""))
        return canonical_identity({"storage": self._protocol, "root": self._root.rstrip("/"), **named, **dict(parts)})

    # --- publishing ---

    def _ready(self, path: str, data: Data, content_type: str, create: bool) -> tuple[str, dict[str, Any]]:
        """Return the full path and the keywords of ``pipe_file``, checked."""
        if create and not self._traits.create:
            raise self._no_create(self.url_of(path))
        for character in self._traits.refused:
            if character in path:
                raise TargetError(
                    f"cannot save {self.url_of(path)}: {self._protocol}:// does not support names with {character!r}"
                )
        mode = {"mode": "create"} if create else {}
        return self._full(path), {**self._keywords(content_type, memoryview(data).nbytes), **mode}

    @guarded_async("save")
    async def _pipe(
        self, path: str, full: str, body: bytes, keywords: Mapping[str, Any], checksum: int | None
    ) -> Published:
        # The underscore marks fsspec's coroutines, which are public.
        await self._handle().filesystem._pipe_file(full, body, **keywords)  # noqa: SLF001
        return described(body, checksum)

    def _move_in(self, filesystem: Any, full: str, body: bytes, keywords: Mapping[str, Any]) -> None:
        folder, slash, _ = full.rpartition("/")
        temporary = f"{folder}{slash}{temporary_name(self._run)}"
        try:
            self._write(filesystem, temporary, body, keywords)
            self._replace(filesystem, temporary, full)
        except BaseException:
            with contextlib.suppress(Exception):
                filesystem.rm_file(temporary)
            raise

    def _write(self, filesystem: Any, path: str, body: bytes, keywords: Mapping[str, Any]) -> None:
        if self._traits.write is None:
            filesystem.pipe_file(path, body, **keywords)
        else:
            import_code(self._traits.write)(filesystem, path, body)

    def _replace(self, filesystem: Any, old: str, new: str) -> None:
        try:
            self._move(filesystem, old, new)
        except Exception as error:
            if diagnose(error) is not Fault.EXISTS:
                raise
            # This storage cannot move over a file: for a moment the file is missing, but it is never partial.
            filesystem.rm_file(new)
            self._move(filesystem, old, new)

    def _move(self, filesystem: Any, old: str, new: str) -> None:
        if self._traits.move is None:
            filesystem.mv(old, new)
        else:
            import_code(self._traits.move)(filesystem, old, new)

    def _keywords(self, content_type: str, size: int) -> dict[str, Any]:
        code = self._traits.keywords
        return {} if code is None else dict(import_code(code)(content_type, size))

    def _in_folder(self, filesystem: Any, full: str, write: Callable[[], object]) -> None:
        """Write a file; if that failed, perhaps because of a missing folder, create the folder and write again."""
        folder = full.rpartition("/")[0]
        # Checked before: another thread may create the folder while this one fails.
        suspects = (Fault.MISSING,) if folder in self._folders_seen else _NO_SUCH_FOLDER
        try:
            write()
        except Exception as error:
            if diagnose(error) not in suspects or not self._make_folder(filesystem, folder):
                raise
        else:
            return
        self._folders_seen.add(folder)
        write()

    def _make_folder(self, filesystem: Any, folder: str) -> bool:
        """Create a folder unless it is a top level; return whether it exists now."""
        if not self._traits.folders or not folder.strip("/"):
            return False
        # Drivers check and then create, level by level: another thread must not do so at the same time.
        with _making_folders:
            if filesystem.isdir(folder):
                return True
            if self._traits.own_top and not self._has_top(filesystem, folder):
                return False
            filesystem.makedirs(folder, exist_ok=True)
        return True

    def _has_top(self, filesystem: Any, folder: str) -> bool:
        top, _, below = folder.strip("/").partition("/")
        slashes = folder[: len(folder) - len(folder.lstrip("/"))]
        return bool(below) and bool(filesystem.exists(slashes + top))

    @guarded("read")
    def read_range(self, path: str, start: int, stop: int) -> bytes:
        """Return a part of a file; see ``Target.read_range``."""
        return self._read_range(path, start, stop)

    @guarded("read")
    def _read_range(self, path: str, start: int, stop: int) -> bytes:
        with self._filesystem() as filesystem:
            return bytes(filesystem.cat_file(self._full(path), start=start, end=stop))

    # --- the filesystem ---

    def _settle(self, filesystem: Any) -> None:
        """Change a filesystem that was just made."""

    def _distinguished(self) -> Mapping[str, Any]:
        """Return what makes this filesystem another one than those with the same options."""
        return {}

    def _handle(self) -> _Handle:
        kind = filesystems.filesystem_class(self._protocol)
        return filesystems.shared(
            self._protocol,
            {**self._options, **self._distinguished()},
            lambda: _Handle(kind, self._options, self._settle),
            user=self,
            per_thread=self._traits.threads == "each",
        )

    @contextlib.contextmanager
    def _filesystem(self) -> Iterator[Any]:
        handle = self._handle()
        with handle.lock if self._traits.threads == "turns" else contextlib.nullcontext():
            # Some drivers cache listings despite use_listings_cache.
            handle.filesystem.invalidate_cache()
            try:
                yield handle.filesystem
            except Exception as error:
                if diagnose(error).transient:
                    filesystems.discard(handle)
                raise

    def _storage(self) -> Mapping[str, Any]:
        top = self._root.strip("/").partition("/")[0] if self._traits.own_top else ""
        return {**self._options, "storage": self._protocol, "top": top}

    def _is_async(self) -> bool:
        kind = filesystems.filesystem_class(self._protocol)
        is_plain = self._traits.publish != "move" and self._traits.write is None
        return is_plain and bool(getattr(kind, "async_impl", False))

    def _full(self, path: str) -> str:
        path = self._checked(path)
        full = f"{self._root.rstrip('/')}/{path}" if self._root else path
        # How the driver reads a path, as it does in each of its methods.
        read_as = filesystems.filesystem_class(self._protocol)._strip_protocol(full)  # noqa: SLF001 - fsspec's own interface
        if read_as.strip("/") == full.strip("/"):
            return full
        raise TargetError(f"{self.url_of(path)}: the driver of {self._protocol}:// reads this name as {read_as!r}")

    def _scene(self, doing: str, path: str) -> Scene:
        return replace(super()._scene(doing, path), tried=self._traits.retries)


def _kind(protocol: str) -> type[Any]:
    """Return fsspec's class. Raises TargetError, which ends with the install line of the declaration."""
    try:
        return filesystems.filesystem_class(protocol)
    except TargetError as error:
        spec = registry.find(protocol)
        if spec is None or spec.install_hint is None:
            raise
        raise TargetError(
            f"{str(error).partition(': pip install')[0]}; install it with: {spec.install_hint}"
        ) from error


def _understood(kind: type[Any], location: Location, options: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the driver's path for a URL, and the URL's options merged with the given ones."""
    url = location.url
    root: str = kind._strip_protocol(url)  # noqa: SLF001 - fsspec's own interface
    named = kind._get_kwargs_from_urls(url)  # noqa: SLF001 - likewise
    path = split_user_info(url)[2].partition("/")[2].strip("/")
    if not root.rstrip("/").endswith(path):
        shown = redact_url(url)
        raise TargetError(f"{shown}: the driver of {location.scheme}:// reads the path as {redact_url(root)!r}")
    return root, filesystems.merged_options(kind, {**named, **options})
