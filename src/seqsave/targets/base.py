"""The base class of all targets: its contract, checks of paths, messages, and files that are read in pieces."""

from __future__ import annotations

import contextlib
import copy
import os
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from seqsave.errors import FrameExistsError, SeqSaveError, TargetError
from seqsave.targets import filesystems
from seqsave.targets.failures import FileMissingError, Scene, translate
from seqsave.targets.records import Capabilities, Change, Data, Entries, Entry, Known, Original, Published, described
from seqsave.targets.urls import Location, bad_component

if TYPE_CHECKING:
    import asyncio

    from typing_extensions import Self

__all__ = [
    "Capabilities",
    "Change",
    "Data",
    "Entries",
    "Entry",
    "Known",
    "Original",
    "Published",
    "Target",
    "described",
    "pause",
]


# The content of the file with which a storage is tested.
_TRIAL = b"seqsave asks whether this is refused\n"


# How often a change is tried if other writers keep changing the same file, and the seconds between two tries.
TRIES = 100
_LONGEST_PAUSE = 0.25


class Target(ABC):
    """A place to save to and read from: a root, and the files below it.

    Paths are relative to the root, with ``/`` between their parts. Paths that are empty, absolute, or contain ``..`` or
    control characters raise TargetError. Every failure is a FrameExistsError, or a TargetError whose ``transient`` says
    whether the same call may succeed later (for a missing file it is also a FileNotFoundError). No chain of exceptions
    contains a secret. Targets do not retry; ``runtime.retry`` does.

    Targets may be used from several threads at once, survive a fork, and can be pickled (with their secrets).

    url:          the root, without secrets, for messages.
    is_local:     the root is a folder of this machine, and ``url_of`` returns absolute paths.
    is_fast:      publishing does not wait for a network.
    takes_within: the storage option ``within`` confines the target, for URLs from untrusted sources.
    capabilities: the guarantees of the storage.
    option_names: of the storage options that the caller gave, which a command for this target needs as well.
    """

    is_local: ClassVar[bool] = False
    is_fast: ClassVar[bool] = False
    takes_within: ClassVar[bool] = False
    url: str
    capabilities: Capabilities
    option_names: tuple[str, ...] = ()
    _refuses_for_certain: ClassVar[bool] = False  # create=True is decided by this machine, and need not be tried
    _container: str = ""  # as a phrase, "bucket 'renders'"
    _run: str = ""  # is part of the names of temporary files
    _secrets: tuple[str, ...] = ()
    _learned: tuple[int, Known] | None = None  # with the process, since a forked child begins with nothing

    @classmethod
    @abstractmethod
    def open(cls, location: Location, options: Mapping[str, Any], *, connections: int, url: str) -> Target:
        """Create a target, for ``resolve``. Sends no request. Raises TargetError for an invalid location or option.

        options:     storage options: configured ones, those of the URL object and those of the caller, merged.
        connections: how many requests may be in flight at once.
        url:         what to show as the root.
        """

    # --- what every storage does in its own way ---

    @abstractmethod
    def publish(
        self, path: str, data: Data, *, content_type: str, create: bool = False, checksum: int | None = None
    ) -> Published:
        """Publish a complete file in one step, and replace an existing one; folders are created as needed.

        create:   raise FrameExistsError if the name is taken, as decided by the storage in the same step; raise
                  TargetError if ``capabilities.create`` is ``"none"``.
        checksum: the CRC-32 of ``data`` as zlib computes it, if it is known already.
        """

    @abstractmethod
    def read(self, path: str) -> bytes:
        """Return the bytes of a file."""

    @abstractmethod
    def list(self, folder: str = "") -> Entries:
        """Return the current entries of a folder, one level, in no particular order; ``[]`` if it does not exist.

        The result never comes from a cache. Temporary files of unfinished writes are left out.
        """

    @abstractmethod
    def exists(self, path: str) -> bool:
        """Return whether a file (not a folder) of this name exists."""

    @abstractmethod
    def delete(self, path: str) -> None:
        """Delete a file. A missing file is no error."""

    @abstractmethod
    def open_read(self, path: str) -> BinaryIO:
        """Return a seekable binary file, which the caller must close."""

    # --- what some do better ---

    def read_range(self, path: str, start: int, stop: int) -> bytes:
        """Return the bytes from ``start`` up to ``stop`` of a file; fewer where it ends before."""
        with self.open_read(path) as file:
            raw = getattr(file, "raw", file)  # which reads no more than it is asked for
            raw.seek(start)
            return bytes(raw.read(stop - start))

    def update(
        self,
        path: str,
        change: Change,
        *,
        content_type: str,
        known: tuple[bytes, str | None] | None = None,
    ) -> Published | None:
        """Replace the content of a small file by the result of ``change``, without losing changes of other processes.

        change: gets the current bytes, or None for a missing file; returns the new bytes, None to delete the file, or
                the same bytes to leave it unchanged. It may be called several times.
        known:  bytes and ETag as last seen, to avoid reading them again if the storage can compare.

        Returns the bytes of the file afterwards, or None if there is no file. Local folders and memory use a lock; S3
        compares the ETag in the same request. On a storage that can do neither, the file is read again afterwards: of
        two simultaneous changes, one may be lost unnoticed.
        """
        for attempt in range(TRIES):
            before = self._content(path)
            after = change(before)
            if after is None or after == before:
                return self._left(path, before, after)
            try:
                create = before is None and self.capabilities.create != "none"
                published = self.publish(path, after, content_type=content_type, create=create)
            except FrameExistsError:
                published = None
            if published is not None and self._holds(path, after):
                return published
            pause(attempt)
        raise self._contended(path)

    def read_published(self, path: str) -> tuple[bytes, Published]:
        """Return the whole file, and its record as of reading."""
        data = self.read(path)
        return data, described(data, None)

    def of_run(self, run: str) -> Self:
        """Return this target for a part of a run over tasks: the run is named in the names of temporary files."""
        mine = copy.copy(self)
        mine._run = run  # noqa: SLF001 - another one of this very class
        return mine

    def look(self, path: str) -> Entry | None:
        """Return a file as a listing would show it, or None if there is no such file. Raises TargetError."""
        folder, _, name = path.rpartition("/")
        return next((one for one in self.list(folder) if one.name == name and not one.is_folder), None)

    def replace(
        self, path: str, data: Data, *, content_type: str, version: str | None, checksum: int | None = None
    ) -> Published:
        """Replace the file of this version, as returned by ``look``, with a whole file.

        The storage compares the version if it can; otherwise this method checks it right before publishing.

        Raises FrameExistsError if the file has changed or is gone, and the errors of ``publish``.
        """
        seen = self.look(path)
        if seen is None or seen.version != version:
            raise FrameExistsError(f"{self.url_of(path)} was changed")
        return self.publish(path, data, content_type=content_type, checksum=checksum)

    def clock(self, path: str) -> float | None:
        """Return the time by the storage's own clock, in seconds since 1970; None if it does not report it.

        path: a file that exists.
        """
        from email.utils import parsedate_to_datetime  # here, as few programs ask for the time

        date = self.about(path).get("date")
        try:
            return None if date is None else parsedate_to_datetime(date).timestamp()
        except ValueError:
            return None

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """Return the running event loop for the coroutines of ``publish_async``; None for a storage without them."""
        return None

    def publish_async(
        self, path: str, data: Data, *, content_type: str, create: bool = False, checksum: int | None = None
    ) -> Coroutine[Any, Any, Published] | None:
        """Return ``publish`` as a coroutine for ``loop``, or None if the storage is not asynchronous."""
        return None

    def check(self, *, create: bool = False) -> None:
        """Raise TargetError if this machine knows that saving would fail. Changes nothing, sends no request.

        create: files will be published with ``create=True``.
        """
        if create and self.capabilities.create == "none":
            raise self._no_create(self.url)

    def url_of(self, path: str) -> str:
        """Return the URL of a file; ``resolve_file`` with the same storage options leads back to the file."""
        path = self._checked(path)
        if not self.url.endswith("://"):
            return f"{self.url}/{path}"
        # A first part such as "me@home" would be read as user info.
        return f"{self.url}/{path}" if set("@:") & set(path.partition("/")[0]) else f"{self.url}{path}"

    def path_of(self, name: str) -> str:
        """Return the path of a file from the last part of its URL."""
        return name

    def about(self, path: str) -> Mapping[str, str]:
        """Return what the storage reports about a file and itself.

        Keys, each present only if the storage reports it: ``content type``, ``date`` (in HTTP's format), ``region``,
        ``endpoint``.
        """
        return {}

    def credentials(self) -> str | None:
        """Return where the credentials come from, in words and without them; None for a storage without any."""
        return None

    def identity(self) -> Mapping[str, str]:
        """Return what distinguishes this target from others with the same URL, such as the endpoint; without secrets.

        Always has the keys ``storage`` and ``root``. The root of a folder below begins with this root and a slash.
        Sends no request.
        """
        return {"storage": "file" if self.is_local else self.url.partition("://")[0], "root": self.url}

    def remove_stale_temporaries(self, folder: str = "", *, run: str = "") -> int:
        """Remove temporary files that killed processes left in a folder, and return their number.

        run: a run over tasks that has ended: all temporary files of its parts are removed.

        Lists the whole folder. Does nothing on storages that cannot leave such files, or where the writer is unknown.
        """
        return 0

    def move_in(self, path: str, source: Target, old: str) -> bool:
        """Give the file ``old`` of another target the name ``path`` here, in one step, unless a file has that name.

        Returns False where this storage cannot do that; then nothing is changed. Raises FrameExistsError, TargetError.
        """
        return False

    def can_copy(self, source: Target) -> bool:
        """Return whether ``copy_in`` may succeed for files of ``source``. Sends no request."""
        return False

    def copy_in(self, path: str, original: Original, *, content_type: str, create: bool = False) -> Published | None:
        """Let the storage copy a file of its own, so that its bytes do not pass through this machine.

        The copy has exactly the bytes of this version of the original, and what ``publish`` states of a file.

        Returns None if the storage does not do that, or if the original or the existing file does not allow it; then
        nothing is changed, and ``publish`` shows the reason. Raises TargetError for temporary failures.

        create: replace no file. Only for storages that ``refuses_copies`` has tested.
        """
        return None

    def copy_in_async(
        self, path: str, original: Original, *, content_type: str, create: bool = False
    ) -> Coroutine[Any, Any, Published | None]:
        """Return ``copy_in`` as a coroutine for ``loop``; only where ``can_copy`` is True."""
        raise NotImplementedError

    def refuses_copies(self, path: str) -> bool:
        """Return whether a trial shows that ``copy_in`` with ``create=True`` keeps an existing file.

        The first call in a process writes the small file ``path``, lets the storage copy it, and deletes it.
        """
        return False

    def tidy(self, path: str) -> None:
        """Remove what a deleted file leaves behind: its lock, and its folder, if that is empty.

        Does nothing on storages where folders are only parts of names.
        """
        return

    def is_valid_path(self, path: str) -> bool:
        """Return True if this target can address ``path``; other programs may use names that it cannot."""
        try:
            self._checked(path)
        except TargetError:
            return False
        return True

    def may_fold_case(self, path: str) -> bool:
        """Return whether a file may exist here under another name than ``path``, which differs only in its case.

        Sends no request: the answer follows from the kind of storage, or from this machine's own disks.
        """
        return False

    @property
    def known(self) -> Known:
        """Return what this process has learned about the storage; shared by all targets with the same options."""
        learned, process, here = self._learned, os.getpid(), self.is_local or self.is_fast
        if learned is None or learned[0] != process:
            known = filesystems.shared("known", self._storage(), Known, user=self, is_local=here)
            learned = self._learned = (process, known)
        return learned[1]

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for a pickle: another process learns for itself."""
        return {**self.__dict__, "_learned": None}

    def probe_create(self, path: str) -> None:
        """Raise TargetError unless a trial shows that the storage refuses to replace a file with ``create=True``.

        Some stores accept the condition and ignore it. The first call in a process writes the small file ``path``
        twice, and deletes it if the credentials allow that. If the file remains, the next trial uses it. Other errors
        are raised as by ``publish``.
        """
        if self.capabilities.create == "none" or self._refuses_for_certain:
            return
        known = self.known
        with known.lock:
            if known.refuses:
                return
            # The second trial uses a name that no other program knows, so none can have deleted it in between.
            if not (self._refuses_second(path) or self._refuses_second(f"{path}-{os.urandom(8).hex()}")):
                raise self._overlooked()
            known.refuses = True

    def refuses_to_replace(self, path: str) -> bool:
        """Return True if ``create=True`` keeps the existing file ``path``; otherwise the call has replaced it."""
        try:
            self.publish(path, _TRIAL, content_type="text/plain", create=True)
        except FrameExistsError:
            return True
        except TargetError as error:
            if error.fault != "unsupported":
                raise
            failure = self._overlooked()
        else:
            return False
        raise failure

    # --- for the storages ---

    def _storage(self) -> Mapping[str, Any]:
        """Return a key that distinguishes this storage from others in this process; may contain secrets."""
        return {"kind": type(self).__name__}

    def _refuses_second(self, path: str) -> bool:
        try:
            return self.refuses_to_replace(path) or self.refuses_to_replace(path)
        finally:
            with contextlib.suppress(TargetError):
                self.delete(path)

    def _overlooked(self) -> TargetError:
        return TargetError(
            f"cannot save to {self.url} with `if_exists='error'`: this storage replaces files that it was asked not to "
            "replace; use `if_exists='overwrite'`, or an empty folder"
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}>"

    def _checked(self, path: str) -> str:
        problem = bad_component(path) if isinstance(path, str) else "is not a str"
        if problem is None and "::" in path and not self.is_local:
            problem = "contains '::', which fsspec reads as a chain of storages"
        if problem is None:
            return path
        raise TargetError(f"{path!r} {problem}: a path has names with '/' between them, relative to {self.url}")

    def _checked_folder(self, folder: str) -> str:
        return self._checked(folder.rstrip("/")) if folder else ""

    def _translated(self, error: Exception, doing: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> SeqSaveError:
        path = args[0] if args else kwargs.get("path") or kwargs.get("folder") or ""
        return translate(error, self._scene(doing, path))

    def _scene(self, doing: str, path: str) -> Scene:
        return Scene(doing, self.url_of(path) if path else self.url, self._container, self._secrets)

    def _content(self, path: str) -> bytes | None:
        try:
            return self.read(path)
        except FileMissingError:
            return None

    def _holds(self, path: str, data: bytes) -> bool:
        """Return whether the file has these bytes; True if it cannot be read."""
        try:
            return self._content(path) == data
        except TargetError:
            return True

    def _left(self, path: str, before: bytes | None, after: bytes | None, etag: str | None = None) -> Published | None:
        """Return whether ``update`` has nothing to write."""
        if before is not None and after is None:
            self.delete(path)
        return None if after is None else described(after, None, etag=etag)

    def _contended(self, path: str) -> TargetError:
        return TargetError(
            f"cannot save {self.url_of(path)}: other processes keep changing it; it may work later", transient=True
        )

    def _no_create(self, url: str) -> TargetError:
        return TargetError(
            f"cannot save {url} with `if_exists='error'`: this storage is not known to refuse to replace a file; "
            "use `if_exists='overwrite'`, or an empty folder"
        )


# --- pieces ----------------------------------------------------------------------------------------------------------


def pause(attempt: int) -> None:
    """Wait for a short random time, so that two processes that collided do not collide again."""
    time.sleep(random.uniform(0, min(_LONGEST_PAUSE, 0.002 * 2**attempt)))  # noqa: S311 - no secret is made of it
