"""Name the packs of a sequence's stored proxies, list them, and choose those that belong to no frame any more.

A pack is an object with small pictures of up to 64 frames of one batch. The packs of ``frame_#####.png`` are the files
``.seqsave/frame.png.proxies/0_63.<id>.pack`` beside the frames, and those of variations
``.seqsave/frame.png.proxies/batch_0003.0_63.<id>.pack``. ``pictures.packs`` reads and makes their content.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from seqsave import naming, targets
from seqsave.manifest.records import FrameEntry, Key
from seqsave.runtime import retry

__all__ = ["PACK_FRAMES", "Numbers", "PackName", "folder_of", "list_packs", "unneeded"]

PACK_FRAMES = 64
"""The number of frames in a full pack."""
_NAME = re.compile(r"(?:(batch_[0-9]+)\.)?(-?[0-9]{1,20})_(-?[0-9]{1,20})\.([A-Za-z0-9._-]+)\.pack")


@dataclass(frozen=True, slots=True)
class PackName:
    """The name of a pack: the batch, the first and the last index that it may have, and an id of its own."""

    batch: int | None
    first: int
    last: int
    id: str

    @classmethod
    def parse(cls, name: str) -> PackName | None:
        """Return the parts of a file's name; None if it is not that of a pack."""
        found = _NAME.fullmatch(name)
        if found is None:
            return None
        batch = None if found[1] is None else naming.parse_batch_folder(found[1])
        return cls(batch, int(found[2]), int(found[3]), found[4])

    @classmethod
    def around(cls, key: Key, start: int, step: int, pack_id: str) -> PackName:
        """Return the name of the pack for a frame: packs divide a sequence evenly from ``start`` on."""
        index, batch = key
        width = PACK_FRAMES * step
        first = start + (index - start) // width * width
        return cls(batch, first, first + width - step, pack_id)

    def is_of(self, owner: str) -> bool:
        """Return whether the pack was made by ``owner``, such as a run."""
        return bool(owner) and self.id.startswith(f"{owner}-")

    def __str__(self) -> str:
        head = "" if self.batch is None else f"{naming.batch_folder(self.batch)}."
        return f"{head}{self.first}_{self.last}.{self.id}.pack"


def folder_of(manifest_path: str) -> str:
    """Return the folder of a sequence's packs, below the target. manifest_path: as ``path_of`` returns it."""
    return f"{manifest_path.removesuffix('.json')}.proxies"


def list_packs(target: targets.Target, folder: str, policy: retry.RetryPolicy | None = None) -> list[str]:
    """Return the names of the packs in a folder, sorted. Raises TargetError."""
    entries = retry.call(policy or retry.RetryPolicy(), lambda: target.list(folder), contact=target.known)
    return sorted(one.name for one in entries if not one.is_folder and PackName.parse(one.name) is not None)


class Numbers:
    """The numbers of frames, to find out which packs they may be in."""

    def __init__(self, keys: Iterable[Key]) -> None:
        found: dict[int | None, list[int]] = {}
        for index, batch in keys:
            found.setdefault(batch, []).append(index)
        self._by_batch = {batch: sorted(own) for batch, own in found.items()}

    def in_none(self, packs: Iterable[str], *, own: str) -> set[Key]:
        """Return the frames that can be in none of these packs. own: the id of a run whose packs do not count."""
        left = {(index, batch) for batch, indices in self._by_batch.items() for index in indices}
        for name in filter(None, map(PackName.parse, packs)):
            if name.is_of(own):
                continue
            indices = self._by_batch.get(name.batch, [])
            inside = indices[bisect_left(indices, name.first) : bisect_right(indices, name.last)]
            left.difference_update((index, name.batch) for index in inside)
        return left

    def meet(self, name: PackName) -> bool:
        """Return whether one of the frames may be in the pack."""
        own = self._by_batch.get(name.batch, [])
        place = bisect_left(own, name.first)
        return place < len(own) and own[place] <= name.last


def unneeded(packs: Iterable[str], recorded: Iterable[FrameEntry], existing: Iterable[Key], *, own: str) -> list[str]:
    """Return the packs that have no picture of a frame.

    recorded: the manifest's entries of frames that exist: each names its pack, if it has one.
    existing: the frames that exist and of which no entry says what they are: they may be in any pack around them.
    own:      the id of a run whose packs are all needed.
    """
    named = {entry.proxy for entry in recorded if entry.proxy is not None}
    numbers, gone = Numbers(existing), []
    for pack in packs:
        name = PackName.parse(pack)
        if name is not None and pack not in named and not name.is_of(own) and not numbers.meet(name):
            gone.append(pack)
    return gone
