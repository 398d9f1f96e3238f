"""Rename a local file to a name that is not taken: with an exclusive link, or its equivalent without links."""

from __future__ import annotations

import contextlib
import errno
import os

__all__ = ["NEW_FILE", "give_new_name", "move"]

NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
"""The flags to open a file that must not exist."""

_NO_LINKS = {errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.EINVAL}
_WINDOWS = os.name == "nt"


def give_new_name(temporary: str, final: str) -> None:
    """Rename a file. Raises FileExistsError if the new name is taken."""
    if _WINDOWS:
        os.rename(temporary, final)
        return
    try:
        os.link(temporary, final)
    except FileExistsError:
        # A network file system may have made the link, lost the answer, and tried again: then it is this file.
        if not _is_linked(temporary, final):
            raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _reserve_and_replace(temporary, final)
        return
    # The file has its name: a temporary name that cannot be removed is not a failure.
    with contextlib.suppress(OSError):
        os.unlink(temporary)


def move(old: str, new: str) -> bool:
    """Rename a file that stays as it is. Returns False, and does nothing, for a link and for another file system.

    Raises FileExistsError if the new name is taken, and OSError if the old one cannot be removed.
    """
    if os.path.islink(old):  # the file that it leads to is another one where it is read from elsewhere
        return False
    try:
        give_new_name(old, new)
    except OSError as error:
        if error.errno == errno.EXDEV:
            return False
        raise
    if os.path.lexists(old):
        try:
            os.unlink(old)
        except OSError:
            os.unlink(new)
            raise
    return True


def _is_linked(temporary: str, final: str) -> bool:
    """Return True for two names of one file. Two spellings of its only name are none, where a folder ignores case."""
    try:
        status = os.stat(final, follow_symlinks=False)
        return status.st_nlink > 1 and os.path.samestat(os.stat(temporary), status)
    except OSError:
        return False


def _reserve_and_replace(temporary: str, final: str) -> None:
    os.close(os.open(final, NEW_FILE, 0o666))
    try:
        os.replace(temporary, final)
    except BaseException:
        # An interrupt may come once the file has its new name, and no other one.
        if os.path.lexists(temporary) or not os.path.getsize(final):
            os.unlink(final)
        raise
