"""Names of the files that hold a frame's bytes until they are complete, beside the file that they become."""

from __future__ import annotations

import os
import re

from seqsave.runtime.processes import has_died, machine_id

__all__ = ["is_abandoned", "is_temporary", "run_of", "temporary_name"]

# Starts with a dot and holds no "_": no frame's name, no glob and no pattern matches it.
_TEMPORARY_HEAD = ".seqsave-"
_TEMPORARY_TAIL = ".tmp"
_TEMPORARY = re.compile(r"\.seqsave-([0-9a-f]{8})-([0-9]+)-[0-9a-f]{16}(?:-(.+))?\.tmp", re.DOTALL)
_MINUTE, _DAY = 60.0, 86_400.0


def temporary_name(run: str = "") -> str:
    """Return a name beside a file, for its bytes until they are complete; the name identifies the process.

    run: the run over many tasks that the process writes a part of, if any.
    """
    ending = f"-{run}{_TEMPORARY_TAIL}" if run else _TEMPORARY_TAIL
    return f"{_TEMPORARY_HEAD}{machine_id()}-{os.getpid()}-{os.urandom(8).hex()}{ending}"


def is_temporary(name: str) -> bool:
    """Return True if a name is one of ``temporary_name``."""
    return name.startswith(_TEMPORARY_HEAD) and name.endswith(_TEMPORARY_TAIL)


def run_of(name: str) -> str:
    """Return the run over tasks that a temporary file belongs to; ``""`` for every other file."""
    whose = _TEMPORARY.fullmatch(name)
    return "" if whose is None else whose[3] or ""


def is_abandoned(name: str, age: float) -> bool:
    """Return True for a temporary file that no process will complete. ``age``: seconds since the file was changed."""
    whose = _TEMPORARY.fullmatch(name)
    if whose is None:
        return is_temporary(name) and age > _DAY
    if whose[1] != machine_id():
        return age > _DAY
    # Not at once: on a network mount, the time of change may come from another machine's clock.
    return age > _MINUTE and has_died(whose[1], int(whose[2]))
