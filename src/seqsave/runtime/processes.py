"""Which machine this is, and whether one of its processes is still running."""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path
from typing import Any

__all__ = ["is_running", "machine_id"]


@functools.cache
def machine_id() -> str:
    """Eight hexadecimal digits for this machine since it was started, and for this container on it.

    Where two have it in common, a process id means the same process. Host names will not do: many machines of a farm,
    and most containers, bear the same.
    """
    import platform

    parts = [platform.node(), _text("/proc/sys/kernel/random/boot_id"), _link("/proc/self/ns/pid")]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]


def is_running(pid: int) -> bool:
    """Whether there is a process of this number on this machine; True also where nobody knows."""
    if os.name == "nt":
        return _is_running_on_windows(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # somebody else's
        return True
    return not _has_ended(pid)


def _has_ended(pid: int) -> bool:
    """Whether it is dead, and only its parent has not asked yet how it ended; in a container often nobody ever does."""
    # https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html: the state comes after the name, which may hold ")".
    return _text(f"/proc/{pid}/stat").rpartition(")")[2].split()[:1] in (["Z"], ["X"])


def _is_running_on_windows(pid: int) -> bool:
    """os.kill would end it. https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-openprocess"""
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
