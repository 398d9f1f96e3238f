"""What a folder holds: sequences, and what was found instead of them, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seqsave import naming
from seqsave.sequences.reader import FrameSequence
from seqsave.wording import counted, first_of, printable

__all__ = ["SHOWN", "Found", "FrameGroup", "Item", "subframes_message"]

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Item:
    """A file: its path below the target, its size in bytes, and the number of the batch folder that it lies in."""

    path: str
    size: int
    batch: int | None = None

    @property
    def name(self) -> str:
        """Return the last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def folder(self) -> str:
        """Return the folder of the sequence that the file may belong to, without its batch folder."""
        folder = self.path.rpartition("/")[0]
        return folder if self.batch is None else folder.rpartition("/")[0]


FrameGroup = naming.Group[Item]


@dataclass(frozen=True, slots=True)
class Found:
    """What a folder holds.

    sequences: what is read as frames. subframes: parts of frames, which cannot be read as frames.
    others:    files with numbers that are no pictures. files, folders: the names of all others.
    hidden:    the names of files that begin with a dot, which are never frames.
    is_wanted: False where a pattern matches nothing, so that this is what its folder holds instead.
    """

    where: str
    sequences: Sequence[FrameSequence]
    subframes: Sequence[FrameGroup] = ()
    others: Sequence[FrameGroup] = ()
    files: Sequence[str] = ()
    folders: Sequence[str] = ()
    hidden: Sequence[str] = ()
    is_wanted: bool = True

    @property
    def is_empty(self) -> bool:
        """True if the folder holds nothing that is not hidden, or there is no such folder."""
        return not (self.sequences or self.subframes or self.others or self.files or self.folders)

    @property
    def unnumbered(self) -> list[str]:
        """Return the names of the pictures that have no number, or one that no frame can have."""
        return [
            printable(name)
            for name in self.files
            if naming.kind_of_extension(naming.split_extension(name)[1]) == "picture"
        ]

    def instead(self) -> str:
        """Return what was found where no sequence was, as the rest of a sentence: ``, but folders: a, b``."""
        if self.subframes:
            return f": {subframes_message(self.subframes[0])}"
        if self.sequences:
            parts = [f"{one.pattern} {naming.format_ranges(one.ranges, 3)}" for one in self.sequences]
            return f", but {counted(len(parts), 'sequence')}: {first_of(parts, SHOWN)}"
        numbered = [group for group in self.others if len(group.members) > 1]
        if numbered:
            return (
                f", but files with numbers: {first_of([group.widest for group in numbered], SHOWN)}; give this pattern"
            )
        names = [*map(printable, self.files), *(member.name for group in self.others for member in group.members)]
        if self.folders:
            return f", but folders: {first_of(self.folders, SHOWN)}"
        if names:
            return f", only: {first_of(sorted(names), SHOWN)}; frames are named as frame_00017.png or shot.1001.exr"
        if self.hidden:
            return f", only hidden files, which are never frames: {first_of(list(map(printable, self.hidden)), SHOWN)}"
        return ": the folder is empty"


def subframes_message(group: FrameGroup) -> str:
    """Return why these files are no frames, and what to do."""
    some = first_of(sorted(member.name for member in group.members), 2)
    return (
        f"{some} are parts of frames (a frame, a dot, a fraction), and a frame has a whole number: choose one part "
        "of each with a pattern such as shot.####.25.exr, or rename them"
    )
