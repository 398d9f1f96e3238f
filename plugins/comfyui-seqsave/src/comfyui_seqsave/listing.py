"""Pictures in a folder or at a URL, numbered as a node requests: by the number in their names, or by position."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import seqsave
from seqsave import FrameNameError, naming, targets

from . import access, animations

__all__ = ["Picture", "check", "frames"]

_LONGEST = 255  # of a name, and so of a pattern


@dataclass(frozen=True)
class Picture:
    """One file: its name, its size in bytes, its folder below the place ("" or a batch folder's name), its URL."""

    name: str
    size: int
    folder: str
    url: str
    place: access.Place

    def read(self) -> Any:
        """Return the pixels, H,W,C. Raises DecodeError, RefusedError for a link out of the folder, TargetError."""
        path = f"{self.folder}/{self.name}" if self.folder else self.name
        return animations.decode(self.name, self.place.read(path))


def check(directory_path: str | None, pattern: str | None) -> None:
    """Check inputs without listing the folder. Inputs that are not known yet are None. Raises FrameNameError."""
    if pattern is not None and (not pattern or len(pattern) > _LONGEST or "/" in pattern or "\\" in pattern):
        shown = pattern[:_LONGEST]
        raise FrameNameError(
            f"pattern {shown!r} is not a pattern of file names: write * or frame_*.png, without folders"
        )
    if directory_path is not None:
        access.admit(directory_path).target  # noqa: B018 - or TargetError


def frames(directory_path: str, pattern: str, indexing: str) -> dict[int, list[Picture]]:
    """Return the pictures of each frame by number: first those in the folder itself, then those in its batch folders.

    With ``numeric``, files without a number are left out. A missing or empty folder returns {}.
    """
    check(None, pattern)
    place = access.admit(directory_path)
    target = place.settled()
    found: dict[int, list[Picture]] = {}
    # This includes pictures that no installed encoder reads: a counter counts them too.
    known = {*naming.PICTURES, *(end for info in seqsave.describe_filetypes() for end in info.spec.extensions)}
    batches = [entry.name for entry in _list(target, "") if entry.is_folder and _is_batch(entry.name)]
    inside: dict[str, dict[str, int]] = {}
    for folder in ["", *sorted(batches, key=_batch_number)]:
        place.check(folder)
        inside[folder] = {one.name: one.size for one in _list(target, folder) if _counts(one, pattern, known)}
    numbers = _numbers({name for names in inside.values() for name in names})
    for folder, names in inside.items():
        numbered = [(numbers.get(name), name) for name in sorted(names)]
        for index, name in numbered if indexing == "numeric" else enumerate(sorted(names)):
            if index is not None:
                path = f"{folder}/{name}" if folder else name
                found.setdefault(index, []).append(Picture(name, names[name], folder, target.url_of(path), place))
    return found


def _list(target: targets.Target, folder: str) -> list[targets.Entry]:
    """Return the entries of a folder, except those with names that a target refuses."""
    entries = targets.with_retries(target, lambda: target.list(folder))
    return [entry for entry in entries if target.is_valid_path(entry.name)]


def _counts(entry: targets.Entry, pattern: str, known: Collection[str]) -> bool:
    extension = entry.name.rpartition(".")[2].lower()
    return (
        extension in known
        and not entry.is_folder
        and fnmatchcase(entry.name, pattern)
        and not entry.name.startswith(".")
    )


def _numbers(names: Collection[str]) -> dict[str, int]:
    """Return the frame's number in each name that has one, as ``seqsave ls`` finds it."""
    groups = naming.group_names((name, None) for name in names).groups
    return {one.name: one.index for group in groups for one in group.members if one.index < naming.MAX_INDEX}


def _is_batch(name: str) -> bool:
    return naming.parse_batch_folder(name) is not None


def _batch_number(name: str) -> int:
    return naming.parse_batch_folder(name) or 0
