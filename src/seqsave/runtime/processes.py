"""Identify this machine, and find out whether one of its processes has died. Without proof it counts as alive."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seqsave.runtime.threads import ForkSafeLock

__all__ = ["environment_variable", "has_died", "is_running", "machine_id", "started"]


_changing = ForkSafeLock()


@contextlib.contextmanager
def environment_variable(name: str, value: str) -> Iterator[None]:
    """Set an environment variable during the block, unless the user has set it.

    For settings that a library reads once and accepts in no other way. The variable is removed afterwards, because
    every process that the program starts would inherit it.
    """
    with _changing:
        if name in os.environ:
            yield
            return
        os.environ[name] = value
        try:
            yield
        finally:
            os.environ.pop(name, None)


@functools.cache
def machine_id() -> str:
    """Return eight hexadecimal digits for this machine since it was started, and for this container on it.

    If two processes have the same digits, a process id means the same process to both. Host names are not enough: many
    machines of a farm, and most containers, share one. If the system does not state its start and its processes, the
    digits are random, so that no other process is ever treated as dead.
    """
    import hashlib
    import platform

    known = [_boot(), _link("/proc/self/ns/pid") if sys.platform == "linux" else sys.platform]
    if not all(known):
        known = [os.urandom(8).hex()]
    return hashlib.sha256("\n".join([platform.node(), *known]).encode()).hexdigest()[:8]


def started(pid: int) -> str:
    """Return when a process was started, in the system's own notation; "" if unknown.

    With the machine and the number, it distinguishes a process from a later one with the same number.
    """
    # https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html: field 22; the name before it may hold ")".
    fields = _text(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 else ""


def has_died(machine: str, pid: int, start: str = "") -> bool:
    """Return True if it is proved that a process is gone. ``start``: what ``started`` returned for it, if anything."""
    if machine != machine_id():
        return False
    if not is_running(pid):
        return True
    now = started(pid) if start else ""
    return bool(now) and now != start


def is_running(pid: int) -> bool:
    """Return True if a process of this number may be running on this machine."""
    if os.name == "nt":
        return _is_running_on_windows(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's
        return True
    return not _has_ended(pid)


def _boot() -> str:
    """Return a text that differs each time the system is started; "" if the system has none."""
    if sys.platform == "darwin":
        return _boot_session()
    return _text("/proc/sys/kernel/random/boot_id")


def _boot_session() -> str:
    import ctypes

    text, size = ctypes.create_string_buffer(64), ctypes.c_size_t(64)
    failed = ctypes.CDLL(None).sysctlbyname(b"kern.bootsessionuuid", text, ctypes.byref(size), None, 0)
    return "" if failed else text.value.decode("ascii", "replace")


def _has_ended(pid: int) -> bool:
    """Return True for a process that is dead and not reaped, which may last forever in a container."""
    # https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html: the state comes after the name, which may hold ")".
    return _text(f"/proc/{pid}/stat").rpartition(")")[2].split()[:1] in (["Z"], ["X"])


def _is_running_on_windows(pid: int) -> bool:
    """Return whether a process is running on Windows, where os.kill would end it.

    https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-openprocess
    """
    import ctypes

    windll: Any = getattr(ctypes, "windll")  # noqa: B009 - not there elsewhere
    query_limited_information, still_active = 0x1000, 259
    handle = windll.kernel32.OpenProcess(query_limited_information, False, pid)
    if not handle:
        return False
    status = ctypes.c_ulong()
    known = windll.kernel32.GetExitCodeProcess(handle, ctypes.byref(status))
    windll.kernel32.CloseHandle(handle)
    return not known or status.value == still_active


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace").strip()
    except OSError:  # not Linux
        return ""


def _link(path: str) -> str:
    try:
        return str(Path(path).readlink())
    except OSError:
        return ""
