"""Hold a lock on a file, by which processes and threads take turns.

The system releases the lock when the process ends, in whatever way. The file has no content, and remains. A library for
this takes longer to import than a short copy takes as a whole.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from types import TracebackType

__all__ = ["NO_LOCKS", "FileLock", "LockTakenError"]

NO_LOCKS = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL}
"""The numbers of the errors of a file system that has no locks."""

_WINDOWS = sys.platform == "win32"
# A link at the place of the file is refused.
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_TAKEN = {errno.EAGAIN, errno.EACCES, errno.EDEADLK}
# Seconds between two attempts.
_POLL = 0.005


class LockTakenError(Exception):
    """Another process, or another thread of this one, holds the lock."""


class FileLock:
    """A lock that is held from its creation until ``release``, or until the end of a ``with`` block.

    path:     of the lock's file, which is created if need be. mode: of a new file, before the umask.
    patience: seconds to wait for the lock.

    Raises LockTakenError; OSError if the file cannot be opened, or if the file system has no locks.
    """

    def __init__(self, path: str, *, mode: int = 0o666, patience: float = 0.0) -> None:
        self._descriptor: int | None = None
        end = time.monotonic() + patience
        while not self._take(path, mode):
            if time.monotonic() >= end:
                raise LockTakenError(path)
            time.sleep(_POLL)

    def release(self) -> None:
        """Let others take the lock. A second call has no effect."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            _held.discard(descriptor)
            try:
                _unlock(descriptor)  # closing alone would leave it to the children of this process
            finally:
                os.close(descriptor)

    def __enter__(self) -> FileLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _take(self, path: str, mode: int) -> bool:
        """Try once to take the lock, and return whether it is taken."""
        try:
            descriptor = os.open(path, _FLAGS, mode)
        except PermissionError:
            if _WINDOWS and os.path.lexists(path):  # it is being deleted
                return False
            raise
        try:
            if _lock(descriptor) and _is_at(descriptor, path):
                _held.add(descriptor)
                self._descriptor = descriptor
                return True
        finally:
            if self._descriptor is None:
                os.close(descriptor)
        return False


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
            return False
        return True

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

    def _is_at(descriptor: int, path: str) -> bool:
        return True  # an open file cannot be deleted

else:
    import fcntl

    def _lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
            return False
        return True

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _is_at(descriptor: int, path: str) -> bool:
        """Return False if the file was deleted since, so that another process may lock a new one."""
        try:
            return os.path.samestat(os.fstat(descriptor), os.lstat(path))
        except FileNotFoundError:
            return False


_held: set[int] = set()
"""The descriptors of the locks of this process."""


def _leave_to_parent() -> None:
    """Close the descriptors that a forked child has inherited: it would keep the locks of a parent that is killed."""
    while _held:
        os.close(_held.pop())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)
