"""Facts of a run that all its entries share, such as its workflow. Each is one file in the place's folder.

The file's name is a hash of its content, so a run writes it once, and a reader can check that it is complete. It stays
as long as an entry names it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import time
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from typing import Any

from seqsave.spool.safety import UnsafeFileError, open_own
from seqsave.targets.local import LocalTarget

__all__ = ["is_reference", "keep_shared", "read_shared", "remove_unused"]

_REFERENCE = re.compile(r"[0-9a-f]{32}")
_SUFFIX = ".facts"
# An entry that is being written may name a file that no entry names yet.
_YOUNG_SECONDS = 3600.0
# Documents of runs that are read at the same time; a workflow may have some megabytes.
_CACHED = 16


def is_reference(text: Any) -> bool:
    """Return True for a reference as ``keep_shared`` returns it."""
    return isinstance(text, str) and _REFERENCE.fullmatch(text) is not None


def keep_shared(folder: Path, document: Any) -> str:
    """Write a JSON document into the folder, unless it exists, and return its reference. Raises TargetError."""
    data = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")
    reference = hashlib.sha256(data).hexdigest()[:32]
    try:
        os.utime(folder / f"{reference}{_SUFFIX}")  # young again, so that no flush removes it now
    except FileNotFoundError:
        LocalTarget(str(folder), fsync=True, mode=0o600).publish(f"{reference}{_SUFFIX}", data)
    return reference


@lru_cache(maxsize=_CACHED)
def _read(path: str) -> Any:
    with open_own(path) as file:
        data = file.read()
    if hashlib.sha256(data).hexdigest()[:32] != Path(path).name.removesuffix(_SUFFIX):
        raise ValueError("the file has changed")
    return json.loads(data)


def read_shared(folder: Path, reference: str) -> Any:
    """Return a document, or None if its file is gone or damaged. Do not change it: other entries get the same one."""
    try:
        return _read(str(folder / f"{reference}{_SUFFIX}"))
    except (OSError, ValueError, RecursionError, UnsafeFileError):
        return None


def remove_unused(folder: Path, used: Collection[str]) -> None:
    """Remove the documents that no entry names, except those that a run may be about to name."""
    with contextlib.suppress(OSError):
        for path in list(folder.glob(f"*{_SUFFIX}")):
            reference = path.name.removesuffix(_SUFFIX)
            if reference not in used and time.time() - path.stat().st_mtime > _YOUNG_SECONDS:
                path.unlink(missing_ok=True)
