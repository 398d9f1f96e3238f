"""What a listing of a local folder says of each entry, and the text that differs for a file and its replacement."""

from __future__ import annotations

import errno
import os
import stat
import sys

from seqsave.targets.records import Entry

__all__ = ["DANGLING", "NOT_FOLLOWED", "NOT_REGULAR", "NOT_THERE", "check_version", "entry_of", "version_of"]

_WINDOWS = sys.platform == "win32"
NOT_THERE = frozenset((errno.ENOENT, errno.ENOTDIR, errno.ELOOP))
"""Nothing of this name exists, or it is a link that leads nowhere."""
DANGLING = "a link to a file that does not exist"
NOT_REGULAR = "not a regular file"
NOT_FOLLOWED = "a link that cannot be followed"
# A link that leads to a name that no storage can have, or past a folder that this user may not enter.
_NOT_FOLLOWED = frozenset((errno.ENAMETOOLONG, errno.EACCES, errno.EPERM))


def entry_of(entry: os.DirEntry[str]) -> Entry | str | None:
    """Return an entry; what it is, in words, if it is neither a file nor a folder; None if it has vanished."""
    try:
        if entry.is_dir():
            return Entry(entry.name, 0, True, entry.is_symlink())
        status = entry.stat()
    except OSError as error:
        if error.errno in NOT_THERE:
            return DANGLING if entry.is_symlink() else None
        if error.errno in _NOT_FOLLOWED and entry.is_symlink():
            return NOT_FOLLOWED
        raise
    if stat.S_ISREG(status.st_mode):
        return Entry(entry.name, status.st_size, False, version=version_of(status))
    return NOT_REGULAR  # a pipe would keep its reader waiting forever


def version_of(status: os.stat_result) -> str:
    """Return a text that differs for a file and its replacement. A listing on Windows has no inodes."""
    return f"{status.st_mtime_ns:x}" if _WINDOWS else f"{status.st_mtime_ns:x}-{status.st_ino:x}"


def check_version(final: str, version: str | None) -> None:
    """Raise FileExistsError unless the file has this version; None for no file."""
    try:
        seen = version_of(os.stat(final))
    except FileNotFoundError:
        seen = None
    if seen != version:
        raise FileExistsError(errno.EEXIST, "the file was changed", final)
