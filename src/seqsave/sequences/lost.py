"""Sequences of which no frame is left: a listing does not show them, but their manifests do."""

from __future__ import annotations

import re

from seqsave import manifest, naming, targets
from seqsave.errors import SeqSaveError
from seqsave.sequences.frame import join, list_folder
from seqsave.sequences.many import call
from seqsave.wording import counted

__all__ = ["lost_in"]

# How many manifests are read at most: the result is only a message.
MOST = 20
_SIDECAR = re.compile(r"\.[0-9a-f]{8}\..*\.json\Z", re.DOTALL)


def lost_in(target: targets.Target, folder: str) -> list[str]:
    """Return a clause for each manifest in a folder without frames: its pattern, and the frames that it expects.

    folder: below the target. Raises TargetError.
    """
    private = join(folder, naming.PRIVATE_FOLDER)
    names = [one.name for one in list_folder(target, private) if not one.is_folder and one.name.endswith(".json")]
    manifests = [name for name in names if not _SIDECAR.search(name)]
    return [clause for name in manifests[:MOST] if (clause := _clause(target, f"{private}/{name}"))]


def _clause(target: targets.Target, path: str) -> str:
    """Return what a manifest expects; "" for one that expects nothing, or that cannot be read."""
    try:
        known = manifest.load(call(target, lambda: target.read(path)))
    except SeqSaveError:
        return ""
    expected = known.expected or naming.to_ranges(sorted({entry.index for entry in known.frames}))
    if not expected:
        return ""
    count = counted(sum(map(len, expected)), "frame")
    return f"no frame of {known.pattern} is left, of {count} to render again: {naming.format_ranges(expected, 20)}"
