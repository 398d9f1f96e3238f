"""Find the sequences in a storage. Everything that reads sequences uses this finder, and so sees the same frames.

``naming`` decides which names belong together, and ``lookup`` what a URL means. Listings are never cached.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seqsave import manifest, naming, targets
from seqsave.errors import SeqSaveWarning, TargetError
from seqsave.plugins import registry
from seqsave.sequences import claims, lookup
from seqsave.sequences.found import (
    Found,
    FrameGroup,
    Item,
    doubt_message,
    glob_items,
    items_in,
    subframes_message,
    unreadable_message,
)
from seqsave.sequences.frame import Files, key_of, list_folder
from seqsave.sequences.reader import FrameSequence, Unreadable

if TYPE_CHECKING:
    from seqsave.sequences.lost import LostSequence

__all__ = [
    "Found",
    "Item",
    "find",
    "find_sequences",
    "found_among",
    "found_in",
    "glob_items",
    "has_prefix",
    "in_folder",
    "items_in",
    "main_of",
    "of_pattern",
    "survey",
]


def find_sequences(
    url: str | os.PathLike[str],
    recursive: bool = False,
    storage_options: Mapping[str, Any] | None = None,
) -> Iterator[FrameSequence]:
    """Yield every sequence in a folder, by name; with ``recursive``, in the folders below it too.

    Numbers in names count as numbers: ``shot2`` comes before ``shot10``, and a folder before those below it.
    ``url`` may also be a pattern or a glob, as in ``open_sequence``. Links to folders are not followed, since they
    may be circular, and hidden folders are left out. A folder without sequences yields nothing. So does one that does
    not exist, with a warning, and a folder below ``url`` that may not be listed; on storages without folders, a prefix
    without objects is an empty folder.

    Raises TargetError, FrameNameError.
    """

    def warn(message: str) -> None:
        warnings.warn(f"left out: {message}", SeqSaveWarning, stacklevel=4)

    for number, found in enumerate(survey(url, recursive, storage_options, warn)):
        if number == 0 and found.is_empty and (missing := _missing(url, storage_options)):
            warnings.warn(f"no sequence is found: {missing}", SeqSaveWarning, stacklevel=2)
        for group in found.subframes:
            warnings.warn(subframes_message(group), SeqSaveWarning, stacklevel=2)
        yield from found.sequences if found.is_wanted else ()


def _missing(url: str | os.PathLike[str], options: Mapping[str, Any] | None) -> str:
    """Return that a folder does not exist; "" for one that may be empty, and for patterns."""
    if lookup.is_pattern(url) or not targets.resolve(url, options).capabilities.folders:
        return ""
    return lookup.describe_no_folder(url, options)


def survey(
    url: str | os.PathLike[str],
    recursive: bool = False,
    storage_options: Mapping[str, Any] | None = None,
    on_refused: Callable[[str], None] | None = None,
    *,
    with_lost: bool = False,
    known: Sequence[FrameSequence] = (),
) -> Iterator[Found]:
    """Yield the findings in each folder, or of a pattern or glob. Arguments and order as in ``find_sequences``.

    with_lost:  look for sequences of which no frame is left in folders with others, too: one more listing of each.
    on_refused: called with the message about a folder below the first one that cannot be listed, which is then left
                out; by default its TargetError is raised.
    known:      sequences as an earlier call found them: frames that have not changed since are used again.
    """
    if lookup.is_pattern(url):
        with targets.hiding(url):
            found = find(url, storage_options=storage_options, known=known)
        yield found
        return
    target = targets.resolve(url, storage_options)
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            entries = lookup.listing(target, folder)
        except TargetError as error:
            if on_refused is None or not folder or error.transient:
                raise
            on_refused(str(error))
            continue
        found = _found(target, folder, entries, with_lost=with_lost, known=known)
        yield found
        if recursive:
            below = [name for name in reversed(found.folders) if name not in found.links and target.is_valid_path(name)]
            waiting += [naming.join(folder, name) for name in below]


def find(
    url: str | os.PathLike[str],
    *,
    prefix: str | None = None,
    storage_options: Mapping[str, Any] | None = None,
    with_lost: bool = False,
    known: Sequence[FrameSequence] = (),
) -> Found:
    """Return the findings in a folder, or those of a pattern or glob. Raises TargetError, FrameNameError.

    prefix: may have folders, as ``shots/a``; then the folder ``shots`` is searched. with_lost, known: as in ``survey``.
    """
    means = lookup.look(url, storage_options) if lookup.is_pattern(url) else None
    if isinstance(means, lookup.Pattern):
        return of_pattern(means, known)
    if isinstance(means, lookup.Glob):
        items = list(glob_items(means.target, means.parts))
        if not items:
            return replace(found_in(means.target), is_wanted=False)
        return found_among(means.target, f"{means.text} in {means.target.url}", items, known=known)
    target = targets.resolve(url, storage_options)
    folder = (prefix or "").rpartition("/")[0]
    return _found(target, folder, lookup.listing(target, folder), with_lost=with_lost, known=known)


def in_folder(target: targets.Target) -> Sequence[FrameSequence]:
    """Return the sequences in a target's own folder. Raises TargetError."""
    return _found(target, "", list_folder(target, "")).sequences


def found_in(target: targets.Target, entries: Sequence[targets.Entry] | None = None) -> Found:
    """Return the findings in a folder. entries: its listing, if known. Raises TargetError."""
    return _found(target, "", lookup.listing(target) if entries is None else entries)


def main_of(counts: Sequence[int], others: int = 0) -> int | None:
    """Return the position of the main sequence of a folder, beside which all else is stray files; None without one.

    It has more than one frame, and more files than all others together. counts: the number of files of each sequence.
    others: the number of pictures beside them.
    """
    if len(counts) == 1 and not others:
        return 0
    several = [position for position, count in enumerate(counts) if count > 1]
    return several[0] if len(several) == 1 and counts[several[0]] * 2 > others + sum(counts) else None


def is_frame(pattern: naming.NamePattern) -> bool:
    """Return True for names of pictures, and for names of other formats as seqsave makes them by default."""
    kind = naming.kind_of_extension(pattern.extension)
    if kind == "picture" or registry.spec_for_extension(pattern.extension) is not None:
        return True
    return not kind and pattern.is_usual


# --- one folder ------------------------------------------------------------------------------------------------------


def _is_place(entry: targets.Entry) -> bool:
    """Return True for a folder that may hold sequences of its own. Hidden folders are trash, caches and snapshots."""
    return entry.is_folder and not naming.is_hidden(entry.name) and naming.parse_batch_folder(entry.name) is None


def _found(
    target: targets.Target,
    folder: str,
    entries: Sequence[targets.Entry],
    *,
    with_lost: bool = False,
    known: Sequence[FrameSequence] = (),
) -> Found:
    items = list(items_in(target, entries, folder))
    hidden = [one.name for one in entries if not one.is_folder and naming.is_hidden(one.name)]
    folders = sorted((one.name for one in entries if _is_place(one)), key=naming.natural_key)
    links = {one.name for one in entries if one.is_link and _is_place(one)}
    where = target.url_of(folder) if folder else target.url
    has_manifests = any(one.name == naming.PRIVATE_FOLDER for one in entries)
    found = found_among(target, where, items, folders, sorted(hidden), known=known, has_manifests=has_manifests)
    found = replace(found, links=links)
    if not has_manifests or (found.sequences and not with_lost):
        return found
    from seqsave.sequences.lost import lost_in

    names = (item.name for item in items if not item.problem)
    return replace(found, lost=lost_in(target, folder, found.sequences, lambda: names))


def found_among(
    target: targets.Target,
    where: str,
    items: Sequence[Item],
    folders: Sequence[str] = (),
    hidden: Sequence[str] = (),
    *,
    known: Sequence[FrameSequence] = (),
    has_manifests: bool = True,
) -> Found:
    """Return the findings among some files of a target; known: as in ``survey``; the others are those of ``Found``.

    has_manifests: False if their folder is known to have none.
    """
    by_folder: dict[str, list[Item]] = {}
    sequences, subframes, others, rest = [], [], [], []
    unreadable: dict[str, list[Item]] = {}
    for item in items:
        if item.problem:
            unreadable.setdefault(item.folder, []).append(item)
        elif target.is_valid_path(item.name):
            by_folder.setdefault(item.folder, []).append(item)
        else:
            rest.append(item.name)
    for folder, inside in sorted(by_folder.items(), key=lambda item: naming.natural_key(item[0])):
        grouped = _grouped(target, folder, inside, has_manifests)
        rest += [name for name, _ in grouped.rest]
        for group in grouped.groups:
            if not is_frame(group.pattern):
                others.append(group)
            elif group.has_subframes:
                subframes.append(group)
            else:
                sequences.append(sequence_of(target, folder, group, None, known, unreadable.get(folder, ())))
    problems = {item.path: item.problem for inside in unreadable.values() for item in inside}
    return Found(where, sequences, subframes, others, rest, folders, hidden, unreadable=problems)


def _grouped(target: targets.Target, folder: str, items: Sequence[Item], has_manifests: bool) -> naming.Grouped[Item]:
    """Group the files of a folder. Where their names have several numbers, those of its manifests decide.

    The folder with the manifests is listed only then.
    """
    grouped = naming.group_names((item.name, item) for item in items)
    if not has_manifests or not any(naming.has_numbers(group.pattern) for group in grouped.groups):
        return grouped
    try:
        entries = list_folder(target, naming.join(folder, naming.PRIVATE_FOLDER))
    except TargetError as error:
        if error.transient:
            raise
        return grouped  # one that may not be listed: what reads a manifest says so
    stated = [name for one in entries if not one.is_folder for name in manifest.names_of(one.name)]
    known = [name for name in stated if naming.has_numbers(name)]
    return claims.settled(target, folder, items, grouped, known) if known else grouped


def of_pattern(means: lookup.Pattern, known: Sequence[FrameSequence] = ()) -> Found:
    """Return the findings of a pattern; known: as in ``survey``. Raises TargetError."""
    target = means.target
    entries = lookup.listing(target)
    items = list(items_in(target, entries))
    group = naming.group_of_pattern(means.name, ((item.name, item) for item in items if not item.problem))
    if group is None:
        return replace(_found(target, "", entries, with_lost=True), is_wanted=False)
    unreadable = [item for item in items if item.problem]
    return Found(target.url, [sequence_of(target, "", group, means.name, known, unreadable)])


def sequence_of(
    target: targets.Target,
    folder: str,
    group: FrameGroup,
    pattern: naming.NamePattern | None = None,
    known: Sequence[FrameSequence] = (),
    unreadable: Sequence[Item] = (),
) -> FrameSequence:
    """Return the sequence of a group.

    pattern: the requested one, in place of that of the names. known: as in ``survey``.
    unreadable: the entries of its folder that cannot be read: those named like its frames are warned of.
    """
    if group.has_two_forms:
        warnings.warn(
            f"{group.pattern} in {target.url_of(folder) if folder else target.url}: some names are in Unicode's "
            "composed form and others are not (as macOS writes them); they are taken as one sequence",
            SeqSaveWarning,
            stacklevel=3,
        )
    if group.is_doubtful:
        warnings.warn(doubt_message(group.members[0].name), SeqSaveWarning, stacklevel=3)
    url, name = target.url_of(folder) if folder else target.url, group.pattern if pattern is None else pattern
    broken = _named_like_frames(name, unreadable)
    if broken:
        problems = unreadable_message({one.name: one.problem for one in broken})
        text = f"{group.pattern} in {url} has frames that cannot be read: {problems}"
        warnings.warn(text, SeqSaveWarning, stacklevel=3)
    before = [frame for one in known if one.url == url for frame in one]
    files = before[0].files.again(before) if before else Files(target)
    frames = [
        files.frame(one.item.path, one.item.size, one.index, one.item.batch, one.item.version) for one in group.members
    ]
    files.forget_frames()
    own = {key_of(frame): frame for frame in frames}
    if len(own) < len(frames):
        # Two names have one number (frame_7, frame_00007): the one with the sequence's own digits is the frame.
        order = sorted(zip(group.members, frames, strict=True), key=lambda pair: _is_own(pair[0], name))
        frames = [frame for _, frame in order]
        own = {key_of(frame): frame for frame in frames}
    return FrameSequence(
        url=url,
        name=name,
        frames=list(own.values()),
        duplicates=[frame for frame in frames if frame is not own[key_of(frame)]],
        unreadable=broken,
        target=files.target,
        folder=folder,
    )


def _named_like_frames(name: naming.NamePattern, items: Sequence[Item]) -> list[Unreadable]:
    numbered = ((item, name.number_in(item.name)) for item in items)
    return [Unreadable(index, one.batch, one.name, one.problem) for one, index in numbered if index is not None]


def _is_own(member: naming.Member[Item], name: naming.NamePattern) -> tuple[bool, bool, bool]:
    is_wide = member.digits == max(name.digits, len(str(abs(member.index))))
    return is_wide, member.name.endswith(name.ending), member.name == naming.normalized(member.name)


def has_prefix(sequence: FrameSequence | LostSequence, prefix: str | None) -> bool:
    """Return True if a sequence has this prefix, with or without its separator. None matches any."""
    if prefix is None:
        return True
    head = naming.join(sequence.folder, sequence.name.head)
    return naming.normalized(prefix) in (naming.normalized(sequence.prefix), naming.normalized(head))
