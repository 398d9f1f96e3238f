"""Names that differ only in case, or only in their Unicode form.

Names that differ only in case are the same file on SMB, macOS and Windows. There, ``frame_00001.png`` would replace
another sequence's ``Frame_00001.png``, under that name. To find out whether a folder ignores case, the storage is asked
for an existing file under its name in another case. The composed and the decomposed form of a name are one name
everywhere: if a file has the other one, it is used under that.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, MutableMapping
from typing import TYPE_CHECKING

from seqsave import naming
from seqsave.errors import FrameExistsError, TargetError
from seqsave.targets.failures import FileMissingError

if TYPE_CHECKING:
    from seqsave.targets.base import Target

__all__ = [
    "Names",
    "differs_in_case",
    "folds_case",
    "may_be_folded",
    "other_name",
    "read_spelled",
    "refusal",
    "spelled",
]


def differs_in_case(one: str, other: str) -> bool:
    """Return True if two names differ, and mean the same file only on a storage that ignores case."""
    is_alike = naming.normalized(one).casefold() == naming.normalized(other).casefold()
    return is_alike and naming.name_key(one) != naming.name_key(other)


class Names:
    """The names in a folder, which can be looked up without regard to case."""

    def __init__(self, names: Iterable[str]) -> None:
        self._spelled: dict[str, list[str]] = {}
        for name in names:
            self._spelled.setdefault(naming.normalized(name).casefold(), []).append(name)

    def other(self, name: str) -> str | None:
        """Return a name that differs from ``name`` only in its case; None if there is none, or ``name`` itself."""
        alike = self.alike(name)
        same = naming.name_key(name)
        return None if any(naming.name_key(one) == same for one in alike) else next(iter(alike), None)

    def alike(self, name: str) -> list[str]:
        """Return all names that differ from ``name`` in nothing or in their case."""
        return self._spelled.get(naming.normalized(name).casefold(), [])


def other_name(target: Target, path: str, names: Names) -> str | None:
    """Return the name of the existing file that ``path`` means too, since the storage ignores case; else None.

    names: those in the folder of ``path``, as listed.

    Sends a request if a name differs only in its case, once for each folder in this process. Raises TargetError for
    temporary failures.
    """
    name = path.rpartition("/")[2]
    other = names.other(name)
    return other if other is not None and folds_case(target, path, names.alike(name)) else None


def refusal(target: Target, path: str, other: str) -> FrameExistsError:
    """Return the error for a frame whose name means an existing file, because the storage ignores case."""
    return FrameExistsError(
        f"cannot save {target.url_of(path)}: {other} exists, and names that differ only in capital and small letters "
        "are the same file there. Use another prefix, or another folder"
    )


def folds_case(target: Target, path: str, listed: Iterable[str]) -> bool:
    """Return whether the storage ignores case in the folder of ``path``.

    listed: the names that differ from that of ``path`` only in their case; at least one.
    """
    learned, place = target.known.folds, _place(target.url_of(path))
    if place not in learned:
        folder, slash, name = path.rpartition("/")
        free = next((one for one in _variants(name) if one not in {name, *listed}), name)
        try:
            learned[place] = target.exists(f"{folder}{slash}{free}")
        except TargetError as error:
            if error.transient:
                raise
            return False  # credentials that do not allow this request may still allow saving
    return learned[place]


def spelled(target: Target, path: str) -> str:
    """Return the path under which a file exists, if that is its name in another Unicode form; else ``path``.

    Sends one request for a name that has another form, as a rule, and none for others. Raises TargetError for temporary
    failures.
    """
    try:
        return next((one for one in _other_paths(path) if target.exists(one) and not target.exists(path)), path)
    except TargetError as error:
        if error.transient:
            raise
        return path  # credentials that do not allow this request may still allow saving


def read_spelled(target: Target, path: str) -> bytes:
    """Return the bytes of a file; where none has this very name, of one with another Unicode form of it.

    Raises TargetError.
    """
    try:
        return target.read(path)
    except FileMissingError as error:
        for other in _other_paths(path):
            with contextlib.suppress(FileMissingError):
                return target.read(other)
        raise error from None


def _other_paths(path: str) -> list[str]:
    folder, slash, name = path.rpartition("/")
    return [f"{folder}{slash}{other}" for other in naming.other_forms(name)]


def may_be_folded(path: str, learned: MutableMapping[str, bool]) -> bool:
    """Return whether a local file may exist by another name than ``path``, which differs in its case. Lists nothing."""
    place = _place(path)
    if learned.get(place) is False or not os.path.lexists(path):
        return False
    name = path.rpartition(os.sep)[2]
    try:
        if os.path.samestat(os.lstat(path), os.lstat(path.removesuffix(name) + name.swapcase())):
            return True
    except OSError:
        if not os.path.lexists(path):  # the file was deleted since, so it shows nothing
            return False
    learned[place] = False
    return False


def _place(url: str) -> str:
    return (url if os.sep == "/" else url.replace(os.sep, "/")).rpartition("/")[0]


def _variants(name: str) -> Iterator[str]:
    yield name.swapcase()
    yield name.upper()
    yield name.lower()
    for at, letter in enumerate(name):
        if letter.swapcase() != letter:
            yield f"{name[:at]}{letter.swapcase()}{name[at + 1 :]}"
