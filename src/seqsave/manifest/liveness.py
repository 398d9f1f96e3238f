"""Find out which runs are alive: those of this process, and those whose process is not proved to be dead."""

from __future__ import annotations

import os
from functools import cache

from seqsave.manifest.document import Manifest
from seqsave.manifest.records import WriterEntry
from seqsave.runtime.processes import has_died, machine_id, started

__all__ = ["alive", "dead_runs", "host", "machine_id", "started_at"]

alive: set[str] = set()
"""The ids of this process's active runs."""


def dead_runs(manifest: Manifest) -> set[str]:
    """Return the ids of the runs that the manifest lists as active and that are proved to be dead."""
    return {writer.id for writer in manifest.writers if _is_dead(writer)}


def _is_dead(writer: WriterEntry) -> bool:
    """Return True if it is proved that the run's process is dead.

    This cannot be proved for processes of other machines, nor for processes from before this machine was restarted.
    """
    if writer.id in alive:
        return False
    machine = writer.id.partition("-")[0]
    if machine == machine_id() and writer.pid == os.getpid():
        return True
    return has_died(machine, writer.pid, writer.started)


@cache
def started_at(pid: int) -> str:
    """Return when a process was started, as ``runtime.processes.started`` states it."""
    return started(pid)


@cache
def host() -> str:
    """Return the name of this machine; ``unknown`` if it has none."""
    import platform

    return platform.node() or "unknown"
