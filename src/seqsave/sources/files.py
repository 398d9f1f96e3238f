"""Which files of a folder, a pattern or a glob are frames, and which numbers they have."""

from __future__ import annotations

import fnmatch
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from seqsave import naming, targets
from seqsave.errors import SourceError
from seqsave.runtime import retry
from seqsave.sequences.reader import Files, Frame
from seqsave.targets.urls import bad_component
from seqsave.wording import counted, first_of

__all__ = [
    "Chosen",
    "Member",
    "choose",
    "folder_members",
    "glob_members",
    "listing",
    "matching_members",
    "natural_key",
    "parse_numbered",
    "read_file",
]

_NUMBERED = re.compile(r"(?P<head>.*?)(?P<number>[0-9]+)(?P<tail>\.[^./]+)", re.DOTALL)
_SAME = {"jpeg": "jpg", "jpe": "jpg", "tiff": "tif"}


@dataclass(frozen=True, slots=True)
class Member:
    """One picture file: its path under the target, its batch folder's number, and its name taken apart."""

    path: str
    size: int
    batch: int | None
    parsed: naming.ParsedName | None

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def number(self) -> int:
        return self.parsed.number if self.parsed is not None else 0

    @property
    def group(self) -> tuple[str, str, str] | None:
        """Folder (without the batch), head and kind of the sequence that it could be one of."""
        if self.parsed is None:
            return None
        folder = self.path.rpartition("/")[0]
        if self.batch is not None:
            folder = folder.rpartition("/")[0]
        extension = self.parsed.extension.lower()
        return (folder, self.parsed.head, _SAME.get(extension, extension))


@dataclass(frozen=True, slots=True)
class Chosen:
    """The frames in order.

    numbered: whether a frame's index is the number in its name, or just its position.
    """

    frames: tuple[Frame, ...]
    numbered: bool
    notes: tuple[str, ...] = ()


def listing(target: targets.Target, folder: str = "") -> list[targets.Entry]:
    """The entries of a folder, tried again where that can help; [] when there is no such folder."""
    return retry.call(retry.RetryPolicy(), lambda: target.list(folder), contact=target.known)


def read_file(target: targets.Target, path: str) -> bytes:
    """A whole file, tried again where that can help."""
    data: bytes = retry.call(retry.RetryPolicy(), lambda: target.read(path), contact=target.known)
    return data


def parse_numbered(name: str) -> naming.ParsedName | None:
    """Take a name apart whose last part before the extension is a number: ``img7.png``, ``shot.0007.tif``."""
    found = _NUMBERED.fullmatch(name)
    if found is None or int(found["number"]) > naming.MAX_INDEX:
        return None
    return naming.ParsedName(found["head"], int(found["number"]), len(found["number"]), found["tail"])


def folder_members(
    target: targets.Target,
    entries: Sequence[targets.Entry],
    parse: Callable[[str], naming.ParsedName | None] = parse_numbered,
) -> Iterator[Member]:
    """Every visible file of the folder and its batch folders."""
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if not entry.is_folder:
            yield Member(entry.name, entry.size, None, parse(entry.name))
            continue
        batch = naming.parse_batch_folder(entry.name)
        for below in listing(target, entry.name) if batch is not None else ():
            if not below.is_folder and not below.name.startswith("."):
                yield Member(f"{entry.name}/{below.name}", below.size, batch, parse(below.name))


def matching_members(
    target: targets.Target, entries: Sequence[targets.Entry], pattern: naming.Pattern
) -> Iterator[Member]:
    """The files of the folder and its batch folders that ``pattern`` (``frame_#####.png``) names."""
    return (member for member in folder_members(target, entries, pattern.parse) if member.parsed is not None)


def glob_members(target: targets.Target, parts: Sequence[str], folder: str = "") -> Iterator[Member]:
    """The files whose path matches the glob ``parts``, one for each level; ``**`` stands for any number of levels.

    As in a shell, a wildcard does not match a leading dot.
    """
    part, rest = parts[0], parts[1:]
    if part == "**" and rest:
        yield from glob_members(target, rest, folder)
    for entry in listing(target, folder):
        if entry.name.startswith(".") and not part.startswith("."):
            continue
        path = f"{folder}/{entry.name}" if folder else entry.name
        if part == "**" and entry.is_folder:
            yield from glob_members(target, parts, path)
        elif fnmatch.fnmatchcase(entry.name, part):
            if rest and entry.is_folder:
                yield from glob_members(target, rest, path)
            elif not rest and not entry.is_folder:
                batch = naming.parse_batch_folder(folder.rpartition("/")[2])
                yield Member(path, entry.size, batch, parse_numbered(entry.name))


def choose(
    target: targets.Target, url: str, members: Iterable[Member], readable: frozenset[str], *, all_of_them: bool
) -> Chosen:
    """Decide which members are the frames, in which order and with which numbers.

    One sequence keeps its numbers. ``all_of_them`` (a glob): several sequences are put one behind the other by name;
    otherwise (a folder) they are an error that names them. Pictures without common names come in natural order.

    Raises SourceError.
    """
    pictures, others = _split(members, readable)
    if not pictures:
        raise SourceError(_no_pictures(url, others, readable))
    notes = [_left_out(others, "not a picture that can be read")] if others else []
    groups: dict[tuple[str, str, str], list[Member]] = defaultdict(list)
    for member in pictures:
        if member.group is not None:
            groups[member.group].append(member)
    if len(groups) == 1 and sum(map(len, groups.values())) == len(pictures):
        return _numbered(target, pictures, notes)
    sequences = [group for group in groups.values() if len(group) > 1]
    covered = sum(map(len, sequences))
    if not all_of_them and covered * 2 > len(pictures):
        if len(sequences) > 1:
            raise SourceError(_several(url, sequences))
        inside = set(sequences[0])
        rest = [member for member in pictures if member not in inside]
        notes.append(_left_out(rest, f"not part of the sequence {_pattern(sequences[0])}"))
        return _numbered(target, sequences[0], notes)
    notes.append("the names are not those of one sequence: the pictures get new numbers, in the order of their names")
    beside = Files(target)
    frames = tuple(beside.frame(member.path, member.size, number) for number, member in enumerate(pictures))
    return Chosen(frames, False, tuple(notes))


def natural_key(path: str) -> list[tuple[int, int, str]]:
    """Sorts ``img9`` before ``img10``."""
    pieces = re.findall(r"[0-9]+|[^0-9]+", path)
    return [(0, int(piece), piece) if piece.isdigit() else (1, 0, piece) for piece in pieces]


def _split(members: Iterable[Member], readable: frozenset[str]) -> tuple[list[Member], list[Member]]:
    pictures: list[Member] = []
    others: list[Member] = []
    # Storages list in orders of their own.
    for member in sorted(members, key=lambda member: natural_key(member.path)):
        is_picture = member.name.rpartition(".")[2].lower() in readable and bad_component(member.name) is None
        (pictures if is_picture else others).append(member)
    return pictures, others


def _numbered(target: targets.Target, members: Sequence[Member], notes: Sequence[str]) -> Chosen:
    by_number: dict[tuple[int, int], Member] = {}
    for member in members:
        key = (member.number, -1 if member.batch is None else member.batch)
        other = by_number.setdefault(key, member)
        if other is not member:
            raise SourceError(
                f"{target.url_of(other.path)} and {member.name} have the same number {key[0]}: choose one with a "
                f"pattern such as {_pattern([member])}"
            )
    beside = Files(target)
    ordered = [member for _, member in sorted(by_number.items())]
    frames = tuple(beside.frame(member.path, member.size, member.number, member.batch) for member in ordered)
    return Chosen(frames, True, tuple(notes))


def _pattern(members: Sequence[Member]) -> str:
    parsed = [member.parsed for member in members if member.parsed is not None]
    return f"{parsed[0].head}{'#' * min(name.width for name in parsed)}{parsed[0].tail}"


def _several(url: str, sequences: Sequence[Sequence[Member]]) -> str:
    patterns = [_pattern(members) for members in sequences]
    some = first_of(patterns, 5)
    return (
        f"{url} holds {len(patterns)} sequences: {some}. Name one of them, as {url.rstrip('/')}/{patterns[0]}, "
        "or save every picture with a glob, as '*'"
    )


def _left_out(members: Sequence[Member], why: str) -> str:
    names = first_of([member.name for member in members], 3)
    return f"left out {counted(len(members), 'file')} ({why}): {names}"


def _no_pictures(url: str, others: Sequence[Member], readable: frozenset[str]) -> str:
    found = f"it holds {', '.join(m.name for m in others[:3])}{' ...' if len(others) > 3 else ''}" if others else ""
    kinds = ", ".join(sorted(readable))
    return f"no pictures in {url}{': ' + found if found else ''}; readable are {kinds}"
