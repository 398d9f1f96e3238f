"""The findings in a folder: its files, its sequences, and their description for errors."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seqsave import naming, targets
from seqsave.sequences import lookup
from seqsave.sequences.frame import list_folder
from seqsave.sequences.reader import FrameSequence
from seqsave.wording import counted, first_of, printable

if TYPE_CHECKING:
    from seqsave.sequences.lost import LostSequence

__all__ = [
    *("SHOWN", "Found", "FrameGroup", "Item"),
    *("doubt_message", "glob_items", "items_in", "subframes_message", "unreadable_message"),
]

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Item:
    """A file: its path below the target, its size in bytes, and the number of the batch folder that it lies in.

    size: None where the listing states none, as that of a web server.
    version: as the listing states it; see ``targets.Entry``.
    problem: what it is, if it cannot be read: "a link to a file that does not exist".
    """

    path: str
    size: int | None
    batch: int | None = None
    version: str | None = None
    problem: str = ""

    @property
    def name(self) -> str:
        """Return the last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def folder(self) -> str:
        """Return the folder of the sequence that the file may belong to, without its batch folder."""
        folder = self.path.rpartition("/")[0]
        return folder if self.batch is None else folder.rpartition("/")[0]


def items_in(target: targets.Target, entries: Sequence[targets.Entry], folder: str = "") -> Iterator[Item]:
    """Yield every file of a folder and its batch folders that is not hidden, and what else has a name there."""
    yield from _unreadable(target, entries, folder)
    for entry in entries:
        if naming.is_hidden(entry.name):
            continue
        path = naming.join(folder, entry.name)
        batch = naming.parse_batch_folder(entry.name) if entry.is_folder else None
        if not entry.is_folder:
            yield Item(path, _size(entry), version=entry.version)
        elif batch is not None:
            inside = list_folder(target, path)
            yield from _unreadable(target, inside, path, batch)
            for below in inside:
                if not below.is_folder and not naming.is_hidden(below.name):
                    yield Item(naming.join(path, below.name), _size(below), batch, below.version)


def glob_items(target: targets.Target, parts: Sequence[str], folder: str = "") -> Iterator[Item]:
    """Yield the files whose path matches the glob ``parts``, one for each level; ``**`` stands for any number of them.

    As in a shell, a wildcard does not match a leading dot, and ``**`` follows no links. An existing folder with
    brackets in its name takes precedence over their meaning: ``takes [1]/*.exr``.
    """
    part, rest = parts[0], parts[1:]
    if part == "**" and rest:
        yield from glob_items(target, rest, folder)
    entries = lookup.listing(target, folder)
    if rest and "[" in part and any(entry.is_folder and entry.name == part for entry in entries):
        yield from glob_items(target, rest, naming.join(folder, part))
        return
    if not rest:
        batch = naming.parse_batch_folder(folder.rpartition("/")[2])
        broken = _unreadable(target, entries, folder, batch)
        yield from (item for item in broken if fnmatch.fnmatchcase(item.name, part))
    for entry in entries:
        if naming.is_hidden(entry.name) and not part.startswith("."):
            continue
        path = naming.join(folder, entry.name)
        if part == "**" and entry.is_folder:
            # Links may be circular.
            yield from () if entry.is_link else glob_items(target, parts, path)
        elif fnmatch.fnmatchcase(entry.name, part):
            if rest and entry.is_folder:
                yield from glob_items(target, rest, path)
            elif not rest and not entry.is_folder:
                batch = naming.parse_batch_folder(folder.rpartition("/")[2])
                yield Item(path, _size(entry), batch, entry.version)


def _unreadable(
    target: targets.Target, entries: Sequence[targets.Entry], folder: str, batch: int | None = None
) -> Iterator[Item]:
    problems = {one.name: "a folder" for one in entries if one.is_folder and _is_named_like_a_frame(one.name)}
    for name, problem in (problems | targets.unreadable_in(entries)).items():
        if not naming.is_hidden(name) and target.is_valid_path(name):
            yield Item(naming.join(folder, name), 0, batch, problem=problem)


def _is_named_like_a_frame(name: str) -> bool:
    is_picture = naming.kind_of_extension(naming.split_extension(name)[1]) == "picture"
    return is_picture and naming.split_name(name) is not None


def _size(entry: targets.Entry) -> int | None:
    return entry.size if entry.has_size else None


FrameGroup = naming.Group[Item]


@dataclass(frozen=True, slots=True)
class Found:
    """The findings in a folder.

    sequences: the sequences. subframes: parts of frames, which cannot be read as frames.
    others:    numbered files that are not pictures. files, folders: the names of the rest.
    links:     those of the folders that are links, which no search follows.
    hidden:    the names of files that begin with a dot, which are never frames.
    unreadable: the names of links to missing files and of other entries that cannot be read, and what each one is.
    lost:      sequences whose manifest is all that is left of them; beside others they are looked for only on request.
    is_wanted: False if a pattern matches nothing: these are then the findings in its folder.
    """

    where: str
    sequences: Sequence[FrameSequence]
    subframes: Sequence[FrameGroup] = ()
    others: Sequence[FrameGroup] = ()
    files: Sequence[str] = ()
    folders: Sequence[str] = ()
    hidden: Sequence[str] = ()
    links: Collection[str] = ()
    lost: Sequence[LostSequence] = ()
    unreadable: Mapping[str, str] = field(default_factory=dict)
    is_wanted: bool = True

    @property
    def is_empty(self) -> bool:
        """Return whether the folder does not exist, or has hidden files only."""
        known = (self.sequences, self.subframes, self.others, self.files, self.folders, self.unreadable)
        return not any(known)

    @property
    def unnumbered(self) -> list[str]:
        """Return the names of pictures without a number, or with one that is not valid for a frame."""
        return [
            printable(name)
            for name in self.files
            if naming.kind_of_extension(naming.split_extension(name)[1]) == "picture"
        ]

    @property
    def parts(self) -> list[str]:
        """Return the names of files that are parts of frames."""
        return sorted(member.name for group in self.subframes for member in group.members)

    def instead(self) -> str:
        """Return a description of the other files, as the rest of a sentence: ``, but folders: a, b``."""
        lost = "; ".join(map(str, self.lost))
        if lost and not self.sequences:
            return f": {lost}"
        if self.subframes:
            return f": {subframes_message(self.subframes[0])}"
        if self.sequences:
            parts = [f"{one.pattern} {naming.format_ranges(one.ranges, 3)}" for one in self.sequences]
            but = f", but {counted(len(parts), 'sequence')}: {first_of(parts, SHOWN, '; ')}"
            return f"{but}; {lost}" if lost else but
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
        if self.unreadable:
            return f", only entries that cannot be read: {unreadable_message(self.unreadable)}"
        if self.hidden:
            return f", only hidden files, which are never frames: {first_of(list(map(printable, self.hidden)), SHOWN)}"
        return ": the folder is empty"


def unreadable_message(unreadable: Mapping[str, str]) -> str:
    """Return the names of entries that cannot be read, each with what it is, in one clause."""
    kinds: dict[str, list[str]] = {}
    for name, problem in sorted(unreadable.items(), key=lambda item: naming.natural_key(item[0])):
        kinds.setdefault(problem, []).append(printable(name))
    return "; ".join(f"{first_of(names, SHOWN)} ({problem})" for problem, names in kinds.items())


def subframes_message(group: FrameGroup) -> str:
    """Return why these files are not frames, and what to do."""
    names = sorted(member.name for member in group.members)
    whole, _, fraction = naming.split_extension(names[0])[0].rpartition(".")
    one_part = naming.split_name(f"{whole}.{group.pattern.extension}")
    part = f"{str(one_part[0]).removesuffix(group.pattern.extension)}{fraction}" if one_part else "shot.####.25"
    return (
        f"{first_of(names, 2)} are parts of frames (a frame, a dot, a fraction), which cannot be read as frames: "
        f"choose one part of each with a pattern such as {part}.{group.pattern.extension}, or rename them; if the last "
        f"number is the frame's, give {group.widest}"
    )


def doubt_message(name: str) -> str:
    """Return that a single file is read as a frame, though its number may be a fraction; "" for other names."""
    groups = naming.group_names([(name, None)]).groups
    if not groups or not groups[0].is_doubtful:
        return ""
    pattern, number = groups[0].pattern, groups[0].members[0].index
    whole = naming.split_name(f"{pattern.head[:-1]}.{pattern.extension}")
    assert whole is not None  # noqa: S101 - for the type checker: a doubtful name has a number before its dot
    part = f"{str(whole[0]).removesuffix(pattern.extension)}{name.rpartition('.')[0].rpartition('.')[2]}"
    return (
        f"{name} is taken for frame {number} of {pattern}; if it is a part of frame {whole[1]}, give "
        f"{part}.{pattern.extension}"
    )
