"""Choose the files of a folder, a pattern or a glob that are frames of a source, their order and their numbers.

The finder decides which names belong together. A source also accepts other pictures, in natural order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from seqsave import naming, targets
from seqsave.errors import SourceError
from seqsave.runtime import retry
from seqsave.sequences import finder
from seqsave.sequences.found import Found, Item, subframes_message, unreadable_message
from seqsave.sequences.frame import Files, Frame
from seqsave.sequences.reader import FrameSequence
from seqsave.targets.urls import bad_component
from seqsave.wording import counted, first_of, printable

__all__ = ["Chosen", "choose", "choose_pattern", "read_file"]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The frames in order.

    numbered: whether a frame's index is the number in its name, or just its position.
    sequence: what the frames are, where they are one sequence.
    """

    frames: tuple[Frame, ...]
    numbered: bool
    notes: tuple[str, ...] = ()
    sequence: FrameSequence | None = None


def read_file(target: targets.Target, path: str) -> bytes:
    """Return a whole file, with retries after temporary failures."""
    data: bytes = retry.call(retry.RetryPolicy(), lambda: target.read(path), contact=target.known)
    return data


def choose(
    target: targets.Target,
    url: str,
    items: Iterable[Item],
    readable: Callable[[], frozenset[str]],
    *,
    all_of_them: bool,
) -> Chosen:
    """Decide which files are the frames, in which order and with which numbers.

    The sequence that ``open_sequence`` opens keeps its numbers; other pictures are left out and named, unless they are
    the most.
    ``all_of_them`` (a glob): every picture is a frame, and several sequences are put one after the other by name;
    otherwise (a folder) they are an error that names them. Pictures without common names come in natural order.

    readable: returns the extensions of pictures that can be read.

    Raises SourceError.
    """
    items = list(items)
    broken = [item for item in items if item.problem]
    pictures, others = _split([item for item in items if not item.problem], readable)
    if not pictures:
        raise SourceError(_no_pictures(url, others, broken, readable()))
    notes = [_left_out(others, "not a picture that can be read")] if others else []
    found = finder.found_among(target, url, [*pictures, *broken])
    notes += _unread(broken, found)
    main = finder.main_of([len(one) for one in found.sequences])
    if main is not None:
        sequence = found.sequences[main]
        left = _beside(target, sequence, pictures)
        if not left or not (all_of_them or _is_collection(len(sequence), found, pictures)):
            notes += [_left_out(left, f"not part of the sequence {sequence.pattern}")] if left else []
            return _numbered(sequence, notes)
    several = [len(one) for one in found.sequences if len(one) > 1]
    if several and main is None and not (all_of_them or _is_collection(sum(several), found, pictures)):
        raise SourceError(_several(url, found.sequences))
    if found.subframes:
        raise SourceError(f"{url}: {subframes_message(found.subframes[0])}")
    notes.append("the names are not those of one sequence: the pictures get new numbers, in the order of their names")
    beside = Files(target)
    frames = tuple(beside.frame(item.path, item.size, number) for number, item in enumerate(pictures))
    return Chosen(frames, False, tuple(notes))


def choose_pattern(sequence: FrameSequence) -> Chosen:
    """Return the frames of a sequence by its pattern. Raises SourceError if two files have the same number."""
    if sequence.duplicates:
        raise SourceError(f"{_twice(sequence)}: remove one of them")
    return Chosen(tuple(sequence), True, (), sequence)


def _is_collection(frames: int, found: Found, pictures: Sequence[Item]) -> bool:
    """Return True if most pictures of a folder are in no sequence of several: a slide show and no render.

    frames: the number of pictures in such sequences. Parts of frames do not count.
    """
    return frames * 2 < len(pictures) - len(found.parts)


def _beside(target: targets.Target, sequence: FrameSequence, pictures: Sequence[Item]) -> list[Item]:
    """Return the pictures that are not files of a sequence."""
    inside = {frame.url for frame in (*sequence, *sequence.duplicates)}
    return [item for item in pictures if target.url_of(item.path) not in inside]


def _split(items: Iterable[Item], readable: Callable[[], frozenset[str]]) -> tuple[list[Item], list[Item]]:
    """Return the pictures and the other files. Frames without a decoder are pictures if all are."""
    pictures: list[Item] = []
    others: list[Item] = []
    # The order of a listing depends on the storage.
    for item in sorted(items, key=lambda item: naming.natural_key(item.path)):
        extension = item.name.rpartition(".")[2].lower()
        is_picture = naming.kind_of_extension(extension) == "picture" or extension in readable()
        (pictures if is_picture and bad_component(item.name) is None else others).append(item)
    if not pictures:
        pictures = [item for item in others if _is_numbered(item.name)]
        others = [item for item in others if not _is_numbered(item.name)]
    return pictures, others


def _is_numbered(name: str) -> bool:
    """Return True for the name of a frame of any format, as ``ls`` lists it."""
    found = naming.split_name(name)
    return found is not None and finder.is_frame(found[0]) and bad_component(name) is None


def _numbered(sequence: FrameSequence, notes: Sequence[str]) -> Chosen:
    """Return the frames of one sequence. Raises SourceError if two of its files have the same number."""
    if sequence.duplicates:
        raise SourceError(f"{_twice(sequence)}: choose one with a pattern such as {_widest(sequence)}")
    return Chosen(tuple(sequence), True, tuple(notes), sequence)


def _twice(sequence: FrameSequence) -> str:
    extra = sequence.duplicates[0]
    own = sequence.frame(extra.index, extra.batch)
    return f"{extra.url} and {own.name} have the same number {extra.index}"


def _widest(sequence: FrameSequence) -> str:
    """Return a pattern that matches as many of the files as one can."""
    names = ((frame.name, None) for frame in (*sequence, *sequence.duplicates))
    (group,) = naming.group_names(names, [sequence.name]).groups
    return group.widest


def _several(url: str, sequences: Sequence[FrameSequence]) -> str:
    patterns = [_widest(sequence) for sequence in sequences]
    some = first_of(patterns, 5)
    return (
        f"{url} holds {len(patterns)} sequences: {some}. Name one of them, as {url.rstrip('/')}/{patterns[0]}, "
        "or save every picture with a glob, as '*'"
    )


def _left_out(items: Sequence[Item], why: str) -> str:
    names = first_of([printable(item.name) for item in items], 3)
    return f"left out {counted(len(items), 'file')} ({why}): {names}"


def _unread(broken: Sequence[Item], found: Found) -> list[str]:
    """Return the note about entries that cannot be read; the finder has warned of those named like frames."""
    warned = {(one.batch, one.name) for sequence in found.sequences for one in sequence.unreadable}
    rest = {item.name: item.problem for item in broken if (item.batch, item.name) not in warned}
    count = counted(len(rest), "entry", "entries")
    return [f"left out {count} that cannot be read: {unreadable_message(rest)}"] if rest else []


def _no_pictures(url: str, others: Sequence[Item], broken: Sequence[Item], readable: frozenset[str]) -> str:
    some = [printable(one.name) for one in others[:3]]
    found = f"it holds {', '.join(some)}{' ...' if len(others) > 3 else ''}" if others else ""
    if broken:
        names = unreadable_message({one.name: one.problem for one in broken})
        found += f"{'; ' if found else ''}cannot be read: {names}"
    kinds = ", ".join(sorted(readable))
    groups = naming.group_names((one.name, one) for one in others).groups
    advice = f"To copy numbered files of another kind, give their pattern, as {groups[0].widest}. " if groups else ""
    return f"no pictures in {url}{': ' + found if found else ''}. {advice}Readable are {kinds}"
