"""Find the sequences among the names of a folder. No I/O: names in, groups out.

Names belong to one sequence if they differ in one number only, or else in the last number that differs. Patterns that
are known, as those of manifests, go before this. Both Unicode forms of a name are equal, and so are extensions in
capital and small letters.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from seqsave.naming.numbers import format_ranges, to_ranges
from seqsave.naming.pattern import (
    MAX_DIGITS,
    SIGNED,
    NamePattern,
    holds_control,
    is_hidden,
    natural_key,
    normalized,
    read_number,
    split_extension,
)

__all__ = ["Group", "Grouped", "Member", "group_names", "group_of_pattern", "has_numbers"]

T = TypeVar("T")

_NUMBER = re.compile(f"({SIGNED})")
# A longer fraction of a frame is read as a separate number, unless all of them are shares.
_FRACTION = 3
# The equal parts into which renderers divide a frame. Tenths are left out: frames in steps of ten are common.
_PARTS = (3, 4, 5, 6, 8, 16)


@dataclass(frozen=True, slots=True)
class Member(Generic[T]):
    """One file of a sequence: its name, the number in it, the number of its digits, and the value of the name."""

    name: str
    index: int
    digits: int
    item: T

    @property
    def is_padded(self) -> bool:
        """True if the number has leading zeros, so that its width is the sequence's."""
        return self.digits > len(str(abs(self.index)))


@dataclass(frozen=True, slots=True)
class Group(Generic[T]):
    """The files of one sequence, in no particular order.

    has_subframes: the files are parts of frames (``shot.1001.25.exr``), which no whole number stands for.
    has_two_forms: some names are in Unicode's composed form and others are not.
    is_doubtful:   a single file such as ``shot.1001.25.exr``: frame 25, or a quarter after frame 1001.
    """

    pattern: NamePattern
    members: Sequence[Member[T]]
    has_subframes: bool = False
    has_two_forms: bool = False
    is_doubtful: bool = False

    @property
    def widest(self) -> str:
        """Return a pattern that matches as many of the files as one can."""
        least = min(member.digits for member in self.members)
        return str(NamePattern(self.pattern.head, least, self.pattern.tail, self.pattern.extension))

    @property
    def numbers(self) -> str:
        """Return the frames as a list of ranges, at most ten."""
        return format_ranges(to_ranges(sorted({member.index for member in self.members})), 10)


@dataclass(frozen=True, slots=True)
class Grouped(Generic[T]):
    """The sequences in a folder, and the names that have no number."""

    groups: Sequence[Group[T]]
    rest: Sequence[tuple[str, T]]


@dataclass(slots=True)  # not frozen, which takes twice the time to make
class _Row(Generic[T]):
    """A name and its numbers as they are written."""

    name: str
    numbers: tuple[str, ...]
    item: T


Choose = Callable[[str, T, Sequence[NamePattern]], "NamePattern | None"]


def group_names(
    names: Iterable[tuple[str, T]], known: Iterable[NamePattern] = (), choose: Choose[T] | None = None
) -> Grouped[T]:
    """Group names, each with any value. Hidden files are left out.

    known: patterns of sequences. Names that fit one of them are those of its frames, also if they are alike in another
    number: ``shot_v1_0001.png`` and ``shot_v2_0001.png`` may be the first frames of two sequences. Of two that fit, the
    one with the later number counts.
    choose: called with each name, its value and the patterns that it fits, that with the latest number first; returns
    the one that counts, or None for none of them.
    """
    patterns = {_key(one.head, one.ending): one for one in known}
    of_known: dict[tuple[str, str], list[Member[T]]] = {}
    alike: dict[tuple[str, str], list[_Row[T]]] = {}
    rest: list[tuple[str, T]] = []
    for name, item in names:
        if is_hidden(name):
            continue
        stem, extension = split_extension(normalized(name))
        pieces = _NUMBER.split(stem) if extension and not holds_control(name) else ()
        fitting = list(_fitting(name, item, pieces, extension, patterns)) if patterns and len(pieces) > 1 else []
        if fitting and (member := _chosen(name, item, fitting, patterns, choose)):
            of_known.setdefault(member[0], []).append(member[1])
        elif len(pieces) > 1:
            skeleton, numbers = "\0".join(pieces[::2]), tuple(pieces[1::2])
            alike.setdefault((skeleton, extension.casefold()), []).append(_Row(name, numbers, item))
        else:
            rest.append((name, item))
    groups = [group for (skeleton, _), rows in alike.items() for group in _groups(skeleton, rows, rest)]
    groups += [_group(patterns[key].head, patterns[key].tail, members) for key, members in of_known.items()]
    return Grouped(
        sorted(groups, key=lambda group: (natural_key(group.pattern.head), natural_key(group.pattern.ending))), rest
    )


def has_numbers(pattern: NamePattern) -> bool:
    """Return True if names of a pattern have numbers beside the frame's."""
    return _NUMBER.search(f"{pattern.head}\0{pattern.tail}") is not None


def _key(head: str, ending: str) -> tuple[str, str]:
    return normalized(head), normalized(ending).casefold()


def _fitting(
    name: str, item: T, pieces: Sequence[str], extension: str, patterns: Mapping[tuple[str, str], NamePattern]
) -> Iterator[tuple[tuple[str, str], Member[T]]]:
    """Yield the key of each pattern that a name fits, and its member there, that with the latest number first."""
    for position in range(len(pieces) - 2, 0, -2):
        key = _key("".join(pieces[:position]), f"{''.join(pieces[position + 1 :])}.{extension}")
        index = read_number(pieces[position]) if key in patterns else None
        if index is not None:
            yield key, Member(name, index, len(pieces[position].removeprefix("-")), item)


def _chosen(
    name: str,
    item: T,
    fitting: Sequence[tuple[tuple[str, str], Member[T]]],
    patterns: Mapping[tuple[str, str], NamePattern],
    choose: Choose[T] | None,
) -> tuple[tuple[str, str], Member[T]] | None:
    """Return the key of the pattern to which a name belongs, and its member; None if it belongs to no pattern."""
    if choose is None:
        return fitting[0]
    chosen = choose(name, item, [patterns[key] for key, _ in fitting])
    return next((one for one in fitting if patterns[one[0]] is chosen), None)


def group_of_pattern(pattern: NamePattern, names: Iterable[tuple[str, T]]) -> Group[T] | None:
    """Return the files that a pattern matches; None if there are none."""
    members = []
    for name, item in names:
        index = pattern.parse(name)
        if index is not None and (not is_hidden(name) or is_hidden(pattern.head)):
            digits = len(normalized(name)) - len(normalized(f"{pattern.head}{pattern.ending}")) - (index < 0)
            members.append(Member(name, index, digits, item))
    return _group(pattern.head, pattern.tail, members) if members else None


def _groups(skeleton: str, rows: list[_Row[T]], rest: list[tuple[str, T]]) -> Iterable[Group[T]]:
    position = _varying(rows)
    literals = skeleton.split("\0")
    is_parted = _has_subframes(literals, rows, position)
    is_doubtful = len(rows) == 1 and _may_be_subframe(literals, rows[0], position)
    by_rest: dict[tuple[str, ...], tuple[tuple[str, ...], list[Member[T]]]] = {}
    for row in rows:
        index = read_number(row.numbers[position])
        if index is None:
            rest.append((row.name, row.item))
            continue
        others = row.numbers[:position] + row.numbers[position + 1 :]
        digits = len(row.numbers[position].removeprefix("-"))
        _, found = by_rest.setdefault(() if is_parted else others, (row.numbers, []))
        found.append(Member(row.name, index, digits, row.item))
    for numbers, members in by_rest.values():
        head = _join(literals[: position + 1], numbers[:position])
        tail = _join(literals[position + 1 :], numbers[position + 1 :])
        yield _group(head, tail, members, has_subframes=is_parted, is_doubtful=is_doubtful)


def _join(literals: Sequence[str], numbers: Sequence[str]) -> str:
    parts = [literals[0]]
    for number, literal in zip(numbers, literals[1:], strict=True):
        parts += [number, literal]
    return "".join(parts)


def _varying(rows: Sequence[_Row[T]]) -> int:
    """Return the position of the last number in which two names differ that are equal otherwise; else the last one."""
    count = len(rows[0].numbers)
    if count == 1 or len(rows) == 1:
        return count - 1
    for position in range(count - 1, -1, -1):
        seen: dict[tuple[str, ...], str] = {}
        for row in rows:
            others = row.numbers[:position] + row.numbers[position + 1 :]
            if seen.setdefault(others, row.numbers[position]) != row.numbers[position]:
                return position
    return count - 1


def _has_subframes(literals: Sequence[str], rows: Sequence[_Row[T]], position: int) -> bool:
    """Return True for ``shot.1001.25.exr``, ``shot.1001.75.exr``, ``shot.1002.25.exr``: a frame, a dot, a fraction.

    A version before the frame (``shot_v001.1001.exr``) has a letter before its number. A shot's number before the frame
    (``shot_010.1001.exr``) is not wider than the frame's, and has fewer values. But shares of a frame (``.25`` and
    ``.5``) are fractions of any frame.
    """
    if not _may_have_fraction(literals, position):
        return False
    frames = {row.numbers[position - 1] for row in rows}
    fractions = {row.numbers[position] for row in rows}
    if len(fractions) < 2:
        return False
    if _are_shares(fractions):
        return True
    width = max(map(len, fractions))
    if len(frames) < 2 or width > _FRACTION:
        return False
    return max(map(len, frames)) > width or len(frames) > len(fractions)


def _may_have_fraction(literals: Sequence[str], position: int) -> bool:
    """Return True if the number that varies ends the name, after a number without a letter before it, and a dot."""
    is_last = position == len(literals) - 2
    return (
        is_last
        and position > 0
        and literals[position] == "."
        and not literals[-1]
        and not literals[position - 1][-1:].isalpha()
    )


def _may_be_subframe(literals: Sequence[str], row: _Row[T], position: int) -> bool:
    """Return True for the only file of its kind if its last digits are a share of a frame, shorter than its number."""
    fraction = row.numbers[position]
    return (
        _may_have_fraction(literals, position)
        and _are_shares([fraction])
        and int(fraction) != 0
        and len(fraction) < len(row.numbers[position - 1])
    )


def _are_shares(fractions: Collection[str]) -> bool:
    """Return True if all digits after the dot are different shares of a frame: ``25``, ``5``, ``75``; ``33``, ``67``.

    As frame numbers they would leave out nearly all frames.
    """
    for parts in _PARTS:
        shares = {_share(digits, parts) for digits in fractions}
        if None not in shares and len(shares) == len(fractions):
            return True
    return False


def _share(digits: str, parts: int) -> int | None:
    """Return how many of the equal parts of a frame the digits after its dot stand for: 1 for 25 of 4."""
    if digits.startswith("-") or len(digits) > MAX_DIGITS or (len(digits) == 1 and digits not in "05"):
        return None
    whole = 10 ** len(digits)
    share = (2 * int(digits) * parts + whole) // (2 * whole)
    error = int(digits) * parts - share * whole
    is_cut = parts % 3 == 0 and -parts < error <= parts // 2  # thirds are rounded, or cut off
    return share if error == 0 or is_cut else None


def _group(
    head: str, tail: str, members: Sequence[Member[T]], *, has_subframes: bool = False, is_doubtful: bool = False
) -> Group[T]:
    extensions = Counter(split_extension(member.name)[1] for member in members)
    # Lower case if some file has it, as seqsave and most programs write extensions.
    extension = max(extensions, key=lambda one: (one == one.lower(), extensions[one], one))
    composed = {member.name == normalized(member.name) for member in members if not member.name.isascii()}
    return Group(
        NamePattern(head, _digits(members), tail, extension),
        members,
        has_subframes=has_subframes,
        has_two_forms=len(composed) > 1,
        is_doubtful=is_doubtful,
    )


def _digits(members: Sequence[Member[T]]) -> int:
    """Return the width that most zero-padded names have, or the shortest one when no name is padded.

    In ``-020`` beside ``0001`` the sign is one of the places, as in C's printf: numbers without a sign decide.
    """
    padded = [member for member in members if member.is_padded]
    counted = Counter(member.digits for member in [one for one in padded if one.index >= 0] or padded)
    if counted:
        return max(counted, key=lambda width: (counted[width], width))
    return min(member.digits for member in members)
