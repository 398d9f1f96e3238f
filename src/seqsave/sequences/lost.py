"""Sequences of which no frame is left: a listing does not show them, but their manifests do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqsave import manifest, naming, targets
from seqsave.errors import SeqSaveError, TargetError
from seqsave.manifest.intervals import Intervals, count
from seqsave.runtime import retry
from seqsave.sequences.frame import list_folder
from seqsave.wording import counted

if TYPE_CHECKING:
    from seqsave.sequences.reader import FrameSequence

__all__ = ["LostSequence", "lost_beside", "lost_in"]

# How many manifests are read at most: a folder rarely has more sequences.
MOST = 20
_SIDECAR = re.compile(r"\.[0-9a-f]{8}\..*\.json\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class LostSequence:
    """A sequence that has a manifest and no frame. As text, it is a clause for a message.

    name, folder: as those of a ``FrameSequence``. expected: the indices that the manifest expects, as ranges.
    manifest: its URL. has_writers: the manifest names runs that are writing the sequence.
    """

    name: naming.NamePattern
    folder: str
    expected: Intervals
    manifest: str
    has_writers: bool = False

    @property
    def pattern(self) -> str:
        """Return the names as a pattern: ``frame_#####.png``."""
        return str(self.name)

    @property
    def prefix(self) -> str:
        """Return the part of each name before the number and its separator: ``shots/frame``."""
        return naming.join(self.folder, self.name.prefix)

    @property
    def state(self) -> str:
        """Return ``no frame left``, or that there is none yet while a run is writing the sequence."""
        return "no frame yet" if self.has_writers else "no frame left"

    @property
    def lacking(self) -> str:
        """Return the frames in words: ``5 frames to render again: 0-4``."""
        frames, numbers = counted(count(self.expected), "frame"), naming.format_ranges(self.expected, 20)
        return f"a run is writing {frames}: {numbers}" if self.has_writers else f"{frames} to render again: {numbers}"

    def __str__(self) -> str:
        if self.has_writers:
            return f"no frame of {self.pattern} is saved yet: {self.lacking}"
        return f"no frame of {self.pattern} is left, of {self.lacking}"


def lost_in(
    target: targets.Target, folder: str, present: Iterable[FrameSequence], names: Callable[[], Iterable[str]]
) -> list[LostSequence]:
    """Return the sequences of a folder that have a manifest and no frame. Sends one request, and one for each of them.

    folder: below the target. present: the sequences that were found there. names: returns the names of all files in the
    folder and its batch folders; it is called only if a manifest belongs to no sequence in ``present``.

    Raises TargetError.
    """
    private, present = naming.join(folder, naming.PRIVATE_FOLDER), list(present)
    own = {manifest.path_of("", one.name).rpartition("/")[2] for one in present}
    files = [one.name for one in list_folder(target, private) if not one.is_folder and one.name.endswith(".json")]
    names_of_others = [name for name in files if not _SIDECAR.search(name) and naming.normalized(name) not in own]
    found = [_expecting(target, folder, f"{private}/{name}") for name in names_of_others[:MOST]]
    lost = [one for one in found if one is not None]
    there = list(names()) if lost else []
    return [one for one in lost if not _has_file(one, there, present)]


def _has_file(lost: LostSequence, there: Iterable[str], present: Iterable[FrameSequence]) -> bool:
    """Return whether one of the names is that of a frame of this sequence, and of no sequence with another number.

    ``take_3_00001.png`` is a frame of ``take_#_00001.png`` if that was found, and none of ``take_3_#####.png``.
    """
    named = {name for name in there if lost.name.number_in(name) is not None}
    others = [one for one in present if _ends_of(one.name) != _ends_of(lost.name)] if named else []
    return not named <= {frame.name.rpartition("/")[2] for one in others for frame in one}


def _ends_of(name: naming.NamePattern) -> tuple[str, str]:
    """Return what surrounds the number in names, as storages compare it that ignore case."""
    return naming.normalized(name.head).casefold(), naming.normalized(name.ending).casefold()


def lost_beside(sequence: FrameSequence) -> list[LostSequence]:
    """Return the sequences in the folder of this one of which no frame is left; none if that cannot be looked up."""
    target = sequence.target
    if target is None:
        return []

    def names() -> Iterable[str]:
        for entry in list_folder(target, sequence.folder):
            yield entry.name
            if entry.is_folder and naming.parse_batch_folder(entry.name) is not None:
                yield from (one.name for one in list_folder(target, naming.join(sequence.folder, entry.name)))

    try:
        return lost_in(target, sequence.folder, [sequence], names)
    except TargetError:
        return []


def _expecting(target: targets.Target, folder: str, path: str) -> LostSequence | None:
    """Return the sequence of a manifest; None for one that expects nothing, or that cannot be read."""
    try:
        data = retry.call(retry.RetryPolicy(), lambda: target.read(path), contact=target.known)
        known = manifest.load(data)
        stem = known.prefix.rpartition("/")[2]
        name = naming.NamePattern(f"{stem}{known.separator}", known.digits, known.tail, known.extension)
    except SeqSaveError:
        return None
    known = manifest.without(known, manifest.dead_runs(known))
    expected = known.expected or naming.to_ranges(sorted({entry.index for entry in known.frames}))
    has_writers = bool(known.writers)
    return LostSequence(name, folder, expected, target.url_of(path), has_writers) if expected else None
