"""Remove the metadata files of frames that are gone or were replaced."""

from __future__ import annotations

from collections.abc import Iterable

from seqsave import naming, targets
from seqsave.errors import TargetError
from seqsave.manifest import FrameEntry
from seqsave.runtime import retry
from seqsave.wording import checksum_of, counted

__all__ = ["remove_sidecars", "sidecars_of"]


def sidecars_of(path: str, entry: FrameEntry | None) -> set[str]:
    """Return the paths of the sidecars that the manifest records for the frame ``path``."""
    crc32 = None if entry is None else checksum_of(entry.checksum)
    if entry is None or crc32 is None:
        return set()
    folder, _, name = path.rpartition("/")
    return {naming.join(folder, naming.sidecar_name(name, crc32, key)) for key in entry.sidecars}


def remove_sidecars(target: targets.Target, policy: retry.RetryPolicy, paths: Iterable[str]) -> str:
    """Delete sidecars. Returns a warning about those that could not be deleted; "" without any."""
    failures = [error for path in paths if (error := _delete(target, policy, path))]
    if not failures:
        return ""
    files, remain = counted(len(failures), "metadata file"), "remains" if len(failures) == 1 else "remain"
    return f"{files} of earlier frames {remain} in {naming.PRIVATE_FOLDER}/, as deleting failed: {failures[0]}"


def _delete(target: targets.Target, policy: retry.RetryPolicy, path: str) -> str:
    """Delete a file; return the text of the error, or ""."""
    try:
        retry.call(policy, lambda: target.delete(path), contact=target.known)
    except targets.FileMissingError:
        return ""
    except TargetError as error:
        return str(error)
    return ""
