"""Open files and folders that are certain to be inside of given folders, even if links change at that moment.

Checking a path and then opening it takes two steps: another user may create a link in between. Here the path is
resolved once, and each part of the result is opened from the folder before it, without following links. A link that
stays inside is followed; a link that appears afterwards, or leads out, is refused.

Where the system cannot open relative to a folder (Windows), the file is opened first and compared afterwards.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path

__all__ = ["OutsideError", "open_beneath", "open_ordinary"]

_READ = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
# Without O_NONBLOCK, a named pipe would wait for its writer.
_LAST = _READ | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_STEP = _READ | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_DIRECTORY", 0)
_CAN_STEP = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")


class OutsideError(PermissionError):
    """A path leads out of the allowed folders, or may have done so."""


def _real_path(path: str) -> str | None:
    """Return the path without links; None if this user may not resolve it."""
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):
        return None


def open_beneath(path: str, roots: Iterable[str]) -> int:
    """Return a descriptor, for reading, of the file or folder at ``path``, which must be inside of one of ``roots``.

    roots: real paths of folders.

    Raises OutsideError; FileNotFoundError and other OSErrors only for a path inside.
    """
    real = _real_path(path)
    root = None if real is None else next((root for root in roots if _is_in(real, root)), None)
    if real is None or root is None:
        raise OutsideError(errno.EACCES, "it is a link that leads out", path)
    try:
        if _CAN_STEP:
            return _step_by_step(root, Path(real).relative_to(root).parts)
        return _compared(path, real)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENOTDIR) and _real_path(path) != real:
            raise OutsideError(errno.EACCES, "links in it changed while it was opened", path) from None
        if error.errno == errno.ELOOP:
            raise OutsideError(errno.EACCES, "a link appeared while it was opened", path) from None
        raise


def open_ordinary(path: str) -> int:
    """Return a descriptor, for reading, of a file; a pipe would wait for its writer, and a device may have no end.

    Raises OSError, also for anything but a file.
    """
    opened = os.open(path, _READ | getattr(os, "O_NONBLOCK", 0))
    mode = os.fstat(opened).st_mode
    if stat.S_ISREG(mode):
        return opened
    os.close(opened)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    raise OSError(errno.ENOTSUP, "it is a pipe or a device, not a file", path)


def _step_by_step(root: str, parts: tuple[str, ...]) -> int:
    folder = os.open(root, _READ)
    for number, name in enumerate(parts, 1):
        try:
            below = os.open(name, _LAST if number == len(parts) else _STEP, dir_fd=folder)
        finally:
            os.close(folder)
        folder = below
    return folder


def _compared(path: str, real: str) -> int:
    opened = os.open(path, _READ)
    try:
        inside = os.path.samestat(os.fstat(opened), os.lstat(real))
    except OSError:
        inside = False
    if inside:
        return opened
    os.close(opened)
    raise OutsideError(errno.EACCES, "links in it changed while it was opened", path)


def _is_in(path: str, root: str) -> bool:
    path, root = os.path.normcase(path), os.path.normcase(root)
    return path == root or path.startswith(root if root.endswith(os.sep) else root + os.sep)
