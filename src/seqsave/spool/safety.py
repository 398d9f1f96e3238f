"""Make sure that a spool's files belong to this user alone. Files of other users, or that they can change, are refused.

Frames are published with this user's rights, and so would be an entry of another user.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from pathlib import Path
from typing import BinaryIO

from seqsave.errors import SpoolError

__all__ = ["UnsafeFileError", "check_folder", "check_subfolder", "open_own"]

_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_BINARY = getattr(os, "O_BINARY", 0)


class UnsafeFileError(Exception):
    """A file of the spool that is not this user's own."""


def check_folder(folder: Path) -> None:
    """Raise SpoolError if other users own the spool's folder or can write into it. A missing folder is no error.

    The folder may be a link that this user, or the administrator, has made.
    """
    status = _lstat(folder)
    if status is None:
        return
    if stat.S_ISLNK(status.st_mode):
        if _has_users() and status.st_uid not in (os.geteuid(), 0):
            raise _unsafe(folder, f"it is a link of the user {status.st_uid}")
        with contextlib.suppress(OSError):
            status = folder.stat()
    _check(folder, status)


def check_subfolder(folder: Path) -> None:
    """Raise SpoolError as ``check_folder``, and if a folder inside the spool is a link."""
    status = _lstat(folder)
    if status is None:
        return
    if stat.S_ISLNK(status.st_mode):
        raise _unsafe(folder, "it is a link")
    _check(folder, status)


def open_own(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a file of the spool for reading. Raises UnsafeFileError, OSError; FileNotFoundError if it is gone."""
    if _has_users() and stat.S_ISLNK(os.lstat(path).st_mode):
        raise UnsafeFileError("it is a link")
    descriptor = os.open(path, _FLAGS | _BINARY)
    status = os.fstat(descriptor)
    what = _problem(status) if stat.S_ISREG(status.st_mode) else "it is not an ordinary file"
    if what is None:
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    raise UnsafeFileError(what)


def _check(folder: Path, status: os.stat_result) -> None:
    if not stat.S_ISDIR(status.st_mode):
        raise SpoolError(f"the spool {folder} cannot be used: it is not a folder; move it away, or use another folder")
    what = _problem(status)
    if what is not None:
        raise _unsafe(folder, what)


def _problem(status: os.stat_result) -> str | None:
    """Return why a file or folder is not this user's alone, as a phrase; None if it is."""
    if not _has_users():
        return None
    if status.st_uid != os.geteuid():
        return f"it belongs to the user {status.st_uid}, and this is the user {os.geteuid()}"
    mode = stat.S_IMODE(status.st_mode)
    if mode & stat.S_IWOTH:
        return f"every user can write into it (mode {mode:04o})"
    # With the umask 002 every user has a group of their own, and all their files can be written by that group.
    if mode & stat.S_IWGRP and (status.st_gid != os.getegid() or _umask() & stat.S_IWGRP):
        return f"the group {status.st_gid} can write into it (mode {mode:04o})"
    return None


def _unsafe(folder: Path, what: str) -> SpoolError:
    return SpoolError(
        f"the spool {folder} cannot be used: {what}, so frames of other users would be published with your rights. "
        f"Check its contents and make it yours (chown, chmod 700 {folder}), or use another folder",
        reason="unsafe",
    )


def _lstat(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise SpoolError(f"the spool {path} cannot be read: {error.strerror or error}; use another folder") from error


def _umask() -> int:
    """Return the umask of this process; where the system does not show it, by setting a strict one for a moment."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, ValueError, IndexError):
            text = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
            return int(text.partition("\nUmask:")[2].split()[0], 8)
    before = os.umask(0o077)
    os.umask(before)
    return before


def _has_users() -> bool:
    return hasattr(os, "geteuid")
