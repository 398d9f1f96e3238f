"""Remove the metadata files of frames that are gone or were replaced."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from functools import partial

from seqsave import naming, targets
from seqsave.errors import TargetError
from seqsave.manifest import FrameEntry
from seqsave.wording import checksum_of

__all__ = ["recorded_sidecars", "remove_sidecars"]


def recorded_sidecars(path: str, entry: FrameEntry | None) -> set[str]:
    """Return the paths of the sidecars that the manifest records for the frame ``path``."""
    crc32 = None if entry is None else checksum_of(entry.checksum)
    if entry is None or crc32 is None:
        return set()
    folder, _, name = path.rpartition("/")
    return {naming.join(folder, naming.sidecar_name(name, crc32, key)) for key in entry.sidecars}


def remove_sidecars(target: targets.Target, paths: Iterable[str]) -> str:
    """Delete sidecars, several at a time. Returns a warning if that fails, since some remain; "" if it does not."""
    from seqsave.sequences.many import at_once, call  # here: few runs replace frames with sidecars

    def delete(path: str) -> None:
        with contextlib.suppress(targets.FileMissingError):
            call(target, lambda: target.delete(path))

    try:
        for _ in at_once(target, ((0, partial(delete, path)) for path in paths)):
            pass
    except TargetError as error:
        return f"older metadata files remain in {naming.PRIVATE_FOLDER}/, as deleting them failed: {error}"
    return ""
