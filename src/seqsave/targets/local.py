"""Local folders: a file is first written under a hidden name beside its own, then renamed in one step.

- Replacing: ``os.replace``. Readers see the old file or the new one, never a part.
- Creating: ``os.link``, which the kernel refuses if the name is taken; on Windows ``os.rename``, which does the same.
  File systems without hard links (FAT, some network mounts) reserve the name with an empty file (``O_EXCL``) and
  replace that: nothing is ever overwritten, but a process that is killed between these two calls leaves an empty file.
- Folders are created when a write finds them missing, so that the usual write is open, write, close, rename.
- A file that several processes change (``update``) has a lock file beside it, ``NAME.lock``, which remains. On file
  systems without locks, changes are made as on other storages without locks.
- Files get the mode that the umask leaves. A killed process may leave ``.seqsave-*.tmp`` files; they are never listed,
  and ``remove_stale_temporaries`` removes them: those of a dead process of this machine after a minute, those of
  other machines after a day.

Storage options: ``fsync=True`` flushes each file to the disk before it is renamed, so that it survives a power cut, at
the cost of one flush for each frame. With ``within``, a list of folders, links that lead out of these are not followed
when files are read or listed, even if a link appears at that moment; it is for programs with paths from untrusted
sources. fsspec's ``auto_mkdir`` is accepted and has no effect: folders are always created.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, ClassVar

from seqsave import naming
from seqsave.errors import TargetError
from seqsave.targets import beneath, filesystems
from seqsave.targets.base import (
    Capabilities,
    Change,
    Data,
    Entries,
    Entry,
    Published,
    Target,
    described,
)
from seqsave.targets.guards import guarded
from seqsave.targets.homes import expand_home, whose_home
from seqsave.targets.identity import canonical_identity
from seqsave.targets.local_entries import NOT_THERE, check_version, entry_of, version_of
from seqsave.targets.records import Listed
from seqsave.targets.renaming import NEW_FILE, give_new_name, move
from seqsave.targets.spelling import may_be_folded
from seqsave.targets.temporary import is_abandoned, is_temporary, run_of, temporary_name
from seqsave.targets.urls import Location

__all__ = ["LocalTarget"]

_OPTIONS = ("fsync", "auto_mkdir", "within")
_NO_LOCKS = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL}
_WINDOWS = os.name == "nt"

# The lock under which files are replaced by the version that they have.
_REPLACING = f"{naming.PRIVATE_FOLDER}/replace"

# Seconds to wait for the lock of a file that another process changes, and between two attempts.
LOCK_PATIENCE = 30.0
_LOCK_POLL = 0.005


class LocalTarget(Target):
    """A local folder, which need not exist yet."""

    is_local: ClassVar[bool] = True
    is_fast: ClassVar[bool] = True
    takes_within: ClassVar[bool] = True
    _refuses_for_certain: ClassVar[bool] = True
    capabilities = Capabilities(folders=True, atomic=True, create="exclusive", checksum=False, thread_safe=True)

    def __init__(self, root: str, *, fsync: bool = False, mode: int = 0o666, within: Sequence[str] = ()) -> None:
        """Open a folder. root: absolute path. mode: of files, before the umask. within: real paths; () is anywhere."""
        self.url = root
        self._beginning = os.path.join(root, "")
        self._within = tuple(within)
        self._fsync = fsync
        self._mode = mode

    @classmethod
    def open(cls, location: Location, options: Mapping[str, Any], *, connections: int, url: str) -> LocalTarget:
        """Create a target for ``targets.resolve``; see ``Target.open``."""
        filesystems.refuse_unknown(options, _OPTIONS, "local folders")
        within = options.get("within") or ()
        if isinstance(within, str) or not all(isinstance(folder, str) for folder in within):
            raise TargetError("storage option 'within' must be a list of folders")
        roots = tuple(os.path.realpath(folder) for folder in within)
        return cls(_absolute(location.rest), fsync=bool(options.get("fsync", False)), within=roots)

    def check(self, *, create: bool = False) -> None:
        """Raise TargetError unless the folder, or its nearest existing parent, can be written to."""
        folder = self._nearest(self.url)
        if not os.path.isdir(folder):
            raise TargetError(f"cannot save to {self.url}: {_what_is_there(folder)}, not a folder")
        if not os.access(folder, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
            raise TargetError(
                f"cannot save to {self.url}: {folder} is not writable for this user, or on a read-only disk; "
                "change the permissions or save elsewhere"
            )

    def may_fold_case(self, path: str) -> bool:
        """Return whether the file may exist under a name in another case; see ``Target.may_fold_case``."""
        return may_be_folded(self._final(path), self.known.folds)

    def url_of(self, path: str) -> str:
        """Return the absolute path of a file."""
        return self._final(self._checked(path))

    def _final(self, path: str) -> str:
        return self._beginning + (path.replace("/", os.sep) if _WINDOWS else path)

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
        final = self.url_of(path)
        folder = os.path.dirname(final)
        temporary = os.path.join(folder, temporary_name(self._run))
        try:
            self._write(temporary, data)
            # Before the rename: after it, another writer may have replaced the file.
            version = version_of(os.stat(temporary))
            if replacing is not None:
                self._replace(temporary, path, replacing)
            elif create:
                give_new_name(temporary, final)
            else:
                os.replace(temporary, final)
        except BaseException as error:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            if isinstance(error, OSError):
                self._explain(error, final)
            raise
        if self._fsync:
            _flush_folder(folder)
        # The first file in a folder shows that names there differ by case; then no later one is looked for.
        learned = self.known.folds
        if folder not in learned:
            may_be_folded(final, learned)
        return described(data, checksum, version=version)

    def replace(
        self, path: str, data: Data, *, content_type: str, version: str | None, checksum: int | None = None
    ) -> Published:
        """Replace a known version of a file; see ``Target.replace``.

        Processes that replace files of one folder in this way take turns by a lock.
        """
        return self.publish(path, data, content_type=content_type, checksum=checksum, replacing=version or "")

    def _replace(self, temporary: str, path: str, version: str) -> None:
        folder, final = path.rpartition("/")[0], self.url_of(path)
        with self._lock(naming.join(folder, _REPLACING), needed=False):
            check_version(final, version)
            os.replace(temporary, final)

    @guarded("save")
    def update(
        self, path: str, change: Change, *, content_type: str, known: tuple[bytes, str | None] | None = None
    ) -> Published | None:
        """Change a small file; see ``Target.update``."""
        try:
            lock = self._lock(path)
        except OSError as error:
            if isinstance(error, TargetError) or error.errno not in _NO_LOCKS:
                raise
            return super().update(path, change, content_type=content_type)
        with lock:
            before = self._content(path)
            after = change(before)
            if after is None or after == before:
                return self._left(path, before, after)
            return self.publish(path, after, content_type=content_type)

    def _lock(self, path: str, *, needed: bool = True) -> contextlib.AbstractContextManager[Any]:
        """Hold the file's lock during the block. needed: raise OSError where the file system has no locks."""
        from filelock import FileLock, Timeout

        final = self.url_of(path)
        try:
            os.makedirs(os.path.dirname(final), exist_ok=True)
            lock = FileLock(f"{final}.lock")
            return lock.acquire(timeout=LOCK_PATIENCE, poll_interval=_LOCK_POLL)
        except Timeout:
            problem = f"cannot save {final}: another process has held its lock for {LOCK_PATIENCE:.0f} s"
        except OSError as error:
            if not needed and error.errno in _NO_LOCKS:
                return contextlib.nullcontext()
            self._explain(error, final)
            raise
        raise TargetError(f"{problem}; it may work later", transient=True)

    @guarded("read")
    def read(self, path: str) -> bytes:
        """Return the bytes of a file; see ``Target.read``."""
        with self._opened(self.url_of(path), whole=True) as file:
            return file.read()

    @guarded("read")
    def read_published(self, path: str) -> tuple[bytes, Published]:
        """Return a whole file and what is known of it; see ``Target.read_published``."""
        with self._opened(self.url_of(path), whole=True) as file:
            version = version_of(os.fstat(file.fileno()))
            data = file.read()
        return data, described(data, None, version=version)

    @guarded("list")
    def list(self, folder: str = "") -> Entries:
        """Return the entries of a folder; see ``Target.list``.

        Broken links, and what is neither a file nor a folder, are left out, as ``exists`` denies them: the result names
        them as ``unreadable``.
        """
        folder = self._checked_folder(folder)
        found = Listed()
        try:
            with self._scanned(self.url_of(folder) if folder else self.url) as entries:
                for entry in entries:
                    known = None if is_temporary(entry.name) else entry_of(entry)
                    if isinstance(known, str):
                        found.unreadable[entry.name] = known
                    elif known is not None:
                        found.append(known)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ELOOP):
                raise
            return []
        return found

    @guarded("look for")
    def exists(self, path: str) -> bool:
        """Return whether a file exists; see ``Target.exists``."""
        try:
            return stat.S_ISREG(os.stat(self.url_of(path)).st_mode)
        except OSError as error:
            if error.errno in NOT_THERE:
                return False
            raise

    @guarded("look for")
    def look(self, path: str) -> Entry | None:
        """Return a file as a listing shows it; see ``Target.look``.

        The time of change is the one that programs cannot set.
        """
        try:
            status = os.stat(self.url_of(path))
        except (FileNotFoundError, NotADirectoryError):
            return None
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, f"{path} is a folder")
        changed = None if _WINDOWS else max(status.st_mtime, status.st_ctime)
        return Entry(path.rpartition("/")[2], status.st_size, False, version=version_of(status), changed=changed)

    @guarded("look for")
    def clock(self, path: str) -> float | None:
        """Return the time by the storage's clock; see ``Target.clock``.

        A folder may be on another machine, so that only a new file shows the time there.
        """
        if _WINDOWS:
            return None
        temporary = os.path.join(os.path.dirname(self.url_of(path)), temporary_name())
        try:
            self._write(temporary, b"")
            return os.stat(temporary).st_ctime
        finally:
            with contextlib.suppress(OSError):
                os.unlink(temporary)

    def identity(self) -> Mapping[str, str]:
        """Return what distinguishes this place from others; see ``Target.identity``.

        A folder has one identity, whatever links lead to it.
        """
        return canonical_identity({"storage": "file", "root": self.url})

    @guarded("delete")
    def delete(self, path: str) -> None:
        """Delete a file; see ``Target.delete``."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.url_of(path))

    @guarded("read")
    def open_read(self, path: str) -> BinaryIO:
        """Return an open file; see ``Target.open_read``."""
        return self._opened(self.url_of(path))

    @guarded("save")
    def move_in(self, path: str, source: Target, old: str) -> bool:
        """Rename a file of this machine; see ``Target.move_in``."""
        if not isinstance(source, LocalTarget):
            return False
        final = self.url_of(path)
        os.makedirs(os.path.dirname(final), exist_ok=True)
        return move(source.url_of(old), final)

    def tidy(self, path: str) -> None:
        """Remove the lock of a deleted file, and an empty folder; see ``Target.tidy``."""
        final = self.url_of(path)
        with contextlib.suppress(OSError):
            os.unlink(f"{final}.lock")
        with contextlib.suppress(OSError):
            os.rmdir(os.path.dirname(final))

    def _opened(self, path: str, *, whole: bool = False) -> BinaryIO:
        """Open a file for reading; with ``within``, only inside of these folders. whole: no pipe, as it may not end."""
        if not self._within:
            return open(beneath.open_ordinary(path) if whole else path, "rb")
        descriptor = beneath.open_beneath(path, self._within)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return open(descriptor, "rb")
        os.close(descriptor)
        raise beneath.OutsideError(errno.EACCES, "it is not an ordinary file", path)

    @contextlib.contextmanager
    def _scanned(self, folder: str) -> Iterator[Iterator[os.DirEntry[str]]]:
        if not self._within or os.scandir not in os.supports_fd:
            with os.scandir(folder) as entries:
                yield entries
            return
        descriptor = beneath.open_beneath(folder, self._within)
        try:
            with os.scandir(descriptor) as entries:
                yield entries
        finally:
            os.close(descriptor)

    @guarded("list")
    def remove_stale_temporaries(self, folder: str = "", *, run: str = "") -> int:
        """Remove stale temporary files; see ``Target.remove_stale_temporaries``."""
        folder = self._checked_folder(folder)
        swept = 0
        with contextlib.suppress(FileNotFoundError), os.scandir(self.url_of(folder) if folder else self.url) as entries:
            for entry in entries:
                if is_temporary(entry.name):
                    with contextlib.suppress(OSError):  # deleted since, or owned by another user
                        age = time.time() - entry.stat(follow_symlinks=False).st_mtime
                        if (run and run_of(entry.name) == run) or is_abandoned(entry.name, age):
                            os.unlink(entry.path)
                            swept += 1
        return swept

    if _WINDOWS:  # elsewhere, a call of it for each name of a listing would take time and check nothing

        def _checked(self, path: str) -> str:
            path = super()._checked(path)
            if "\\" in path or ":" in path:
                raise TargetError(f"{path!r} holds '\\' or ':', which lead out of a folder on Windows")
            return path

    def _write(self, name: str, data: Data) -> None:
        descriptor = self._open_new(name)
        try:
            left = memoryview(data).cast("B")
            while left:
                left = left[os.write(descriptor, left) :]
            if self._fsync:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _open_new(self, name: str) -> int:
        for _ in range(10):  # another process may remove the folder while it is empty
            with contextlib.suppress(FileNotFoundError):
                return os.open(name, NEW_FILE, self._mode)
            with contextlib.suppress(FileNotFoundError):
                os.makedirs(os.path.dirname(name), exist_ok=True)
        return os.open(name, NEW_FILE, self._mode)

    def _nearest(self, folder: str) -> str:
        while not os.path.lexists(folder) and os.path.dirname(folder) != folder:
            folder = os.path.dirname(folder)
        return folder

    def _explain(self, error: OSError, final: str) -> None:
        """Explain a failed write: a file in place of a folder, a folder in place of the file, or missing rights."""
        folder = os.path.dirname(final)
        above = self._nearest(folder)
        if os.path.islink(above) and not os.path.exists(above):
            raise TargetError(
                f"cannot save {final}: {_what_is_there(above)}; correct it or save elsewhere", fault="no_folder"
            ) from error
        if isinstance(error, (NotADirectoryError, FileExistsError)) and not os.path.isdir(above):
            raise NotADirectoryError(errno.ENOTDIR, f"{above} is a file") from error
        if isinstance(error, FileNotFoundError) and above != folder:
            raise TargetError(
                f"cannot save {final}: cannot create a folder in {above}; save elsewhere", fault="no_folder"
            ) from error
        if not isinstance(error, FileExistsError) and os.path.isdir(final):
            raise IsADirectoryError(errno.EISDIR, f"{final} is a folder") from error


def _what_is_there(path: str) -> str:
    """Return what exists in place of a folder, in words."""
    is_lost = os.path.islink(path) and not os.path.exists(path)
    return f"{path} is a broken link" if is_lost else f"{path} is a file"


def _absolute(path: str) -> str:
    expanded = expand_home(path)
    if expanded is None:
        raise TargetError(f"{path}: {whose_home(path)} is not known; for a folder so called write ./{path}")
    try:
        return os.path.abspath(expanded)
    except FileNotFoundError as error:
        raise TargetError(
            f"{path}: the current folder does not exist any more; change to another one, or give an absolute path"
        ) from error


def _flush_folder(folder: str) -> None:
    """Flush the folder's own entry to the disk, if folders can be opened."""
    if not _WINDOWS:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
