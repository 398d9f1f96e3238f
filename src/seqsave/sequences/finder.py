"""Find the sequences in a storage.

Only names that the rule makes (prefix, ``_``, digits, ``.``, extension) are frames, and only of the asked prefix and
extension; a pattern (``shot.####.exr``) finds sequences that were named by another rule. Every listing is a fresh one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from seqsave import naming, targets
from seqsave.errors import FrameNameError, SequenceNotFoundError
from seqsave.plugins import registry
from seqsave.sequences.reader import Files, Frame, FrameSequence, join, key_of, list_folder

__all__ = ["find_sequences", "open_frame", "open_sequence"]


def open_sequence(
    url: str | os.PathLike[str],
    prefix: str | None = None,
    filetype: str | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> FrameSequence:
    """Open the sequence at ``url``: a folder, or a pattern such as ``.../frame_#####.png`` or ``.../frame_%05d.png``.

    ``prefix`` and ``filetype`` choose among several sequences in one folder; a prefix may hold ``/`` for a subfolder.

    Raises SequenceNotFoundError when there is none, or several to choose from (naming them), TargetError,
    EncoderNotFoundError for an unknown filetype.
    """
    if prefix is not None:
        naming.NameRule(prefix)  # or FrameNameError
    if filetype is not None:
        registry.spec_of(filetype)  # or EncoderNotFoundError
    pattern = naming.parse_pattern(str(url))
    if pattern is not None:
        # A path object (pathlib's, or a UPath with storage options of its own) knows its folder best itself.
        target = targets.resolve(getattr(url, "parent", pattern.folder or "."), storage_options)
        found = _sequences(target, "", pattern.parse)
        wanted = str(pattern)
    else:
        target = targets.resolve(url, storage_options)
        found = _sequences(target, (prefix or "").rpartition("/")[0], naming.parse_frame)
        wanted = f"{prefix or '*'}_####.{filetype.split(' ')[0] if filetype else '*'}"
    if prefix is not None:
        found = [sequence for sequence in found if sequence.prefix == prefix]
    return _only(_of_filetype(found, filetype), wanted, target)


def open_frame(url: str | os.PathLike[str], storage_options: Mapping[str, Any] | None = None) -> Frame:
    """Open one frame by the URL of its file, without a request: nothing is read or listed before it is asked for.

    Its ``size`` is None. ``read_metadata`` lists the sidecar files beside it. Frames can be pickled.

    Raises FrameNameError for a name without a number, TargetError.
    """
    target, name = targets.resolve_file(url, storage_options)
    number = _number_in(name)
    if number is None:
        raise FrameNameError(f"{target.url_of(name)} is not the name of a frame: it has no number, as frame_00017.png")
    batch = naming.parse_batch_folder(target.url.replace("\\", "/").rpartition("/")[2])
    return Files(target).frame(name, None, number, batch)


def _number_in(name: str) -> int | None:
    """Return the number of a frame: of a name that the rule makes, else the last one before the extension."""
    parsed = naming.parse_frame(name)
    if parsed is not None:
        return parsed.number
    found = re.findall(r"[0-9]+", name.rpartition(".")[0])
    return int(found[-1]) if found and len(found[-1]) <= naming.MAX_DIGITS else None


def find_sequences(
    url: str | os.PathLike[str],
    recursive: bool = False,
    storage_options: Mapping[str, Any] | None = None,
) -> Iterator[FrameSequence]:
    """Every sequence in the folder ``url``, by prefix and extension; with ``recursive``, in the folders below it too.

    Links to folders below are not followed: they may lead round in circles. Nothing there yields nothing.

    Raises TargetError.
    """
    target = targets.resolve(url, storage_options)
    waiting = [""]
    while waiting:
        folder = waiting.pop(0)
        entries = list_folder(target, folder)
        yield from _group(target, folder, entries, naming.parse_frame)
        if recursive:
            waiting += [
                join(folder, entry.name)
                for entry in entries
                if entry.is_folder
                and not entry.is_link
                and entry.name != naming.PRIVATE_FOLDER
                and naming.parse_batch_folder(entry.name) is None
            ]


Parse = Callable[[str], "naming.ParsedName | None"]


def _sequences(target: targets.Target, folder: str, parse: Parse) -> list[FrameSequence]:
    return _group(target, folder, list_folder(target, folder), parse)


def _group(target: targets.Target, folder: str, entries: Sequence[targets.Entry], parse: Parse) -> list[FrameSequence]:
    """The sequences in one folder and its batch folders."""
    groups: dict[tuple[str, str], list[tuple[naming.ParsedName, Frame]]] = {}
    files = Files(target)

    def add(entries: Sequence[targets.Entry], below: str, batch: int | None) -> None:
        for entry in entries:
            parsed = None if entry.is_folder else parse(entry.name)
            if parsed is not None:
                frame = files.frame(join(below, entry.name), entry.size, parsed.number, batch)
                groups.setdefault((parsed.head, parsed.tail), []).append((parsed, frame))

    add(entries, folder, None)
    for entry in entries:
        batch = naming.parse_batch_folder(entry.name) if entry.is_folder else None
        if batch is not None:
            below = join(folder, entry.name)
            add(list_folder(target, below), below, batch)
    return [_sequence(target, folder, members) for _, members in sorted(groups.items())]


def _sequence(target: targets.Target, folder: str, members: list[tuple[naming.ParsedName, Frame]]) -> FrameSequence:
    name = members[0][0]
    digits = _digits([parsed for parsed, _ in members])
    # Two names may hold one number (frame_7, frame_00007): the one that the sequence's own digits make is the frame.
    own = {key_of(f): f for p, f in sorted(members, key=lambda m: m[0].width == max(digits, len(str(m[0].number))))}
    return FrameSequence(
        url=target.url_of(folder) if folder else target.url,
        prefix=join(folder, name.prefix),
        extension=name.extension,
        digits=digits,
        frames=list(own.values()),
        duplicates=[frame for _, frame in members if frame is not own[key_of(frame)]],
        pattern=f"{name.head}{'#' * digits}{name.tail}",
        target=target if _is_by_the_rule(name) else None,
    )


def _is_by_the_rule(name: naming.ParsedName) -> bool:
    return name.head == f"{name.prefix}_" and name.tail == f".{name.extension}"


def _digits(names: Sequence[naming.ParsedName]) -> int:
    """The width that most zero-padded names have, or the shortest one when no name is padded."""
    padded = [name.width for name in names if name.padded]
    if padded:
        return max(set(padded), key=lambda width: (padded.count(width), width))
    return min(name.width for name in names)


def _of_filetype(found: list[FrameSequence], filetype: str | None) -> list[FrameSequence]:
    """Those whose files have the first extension of ``filetype`` that occurs."""
    if filetype is None:
        return found
    for extension in registry.spec_of(filetype).extensions:
        matching = [s for s in found if s.extension == extension]
        if matching:
            return matching
    return []


def _only(found: list[FrameSequence], wanted: str, target: targets.Target) -> FrameSequence:
    if not found:
        raise SequenceNotFoundError(f"no sequence {wanted} in {target.url}: seqsave ls shows what there is")
    if len(found) > 1:
        names = ", ".join(sequence.pattern for sequence in found)
        raise SequenceNotFoundError(
            f"{len(found)} sequences in {target.url}: {names}; choose one with prefix and filetype, or by its pattern"
        )
    return found[0]
