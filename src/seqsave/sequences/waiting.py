"""Find the frames for a place that wait in the spool of this machine: no listing of the place shows them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqsave import naming, targets
from seqsave.errors import SeqSaveError
from seqsave.sequences import lookup
from seqsave.spool.opening import default_folder
from seqsave.wording import command, counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seqsave.spool import Entry
    from seqsave.targets import Target

__all__ = ["Waiting", "waiting_at", "waiting_for"]


@dataclass(frozen=True, slots=True)
class Waiting:
    """The frames that wait in a spool for a folder or the folders below it.

    url: of the folder. spool: the folder of the spool, which commands use by default.
    numbers: the indices of the frames. count: how many they are, in all sequences and variations.
    options: the names of the storage options with which the target was opened.
    """

    url: str
    spool: str
    numbers: tuple[range, ...]
    count: int
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return a message with the command that publishes them."""
        wait, them = ("waits", "it") if self.count == 1 else ("wait", "them")
        numbers = naming.format_ranges(self.numbers, 10)
        return (
            f"{counted(self.count, 'frame')} for {self.url} {wait} in the spool {self.spool} of this machine: "
            f"{numbers}; {command('seqsave', 'flush', options=self.options)} publishes {them}"
        )


def waiting_for(target: Target, folder: str = "", pattern: naming.NamePattern | None = None) -> Waiting | None:
    """Return the frames that wait in the default spool for a folder of a target, or below it; None without any.

    pattern: only frames with such names.

    Sends no request. A spool that cannot be used has no frames.
    """
    try:
        spool = default_folder()
        if not _has_entries(spool):
            return None
        entries = list(_entries(spool, target, folder))
    except (SeqSaveError, OSError):
        return None
    if pattern is not None:
        entries = [one for one in entries if pattern.number_in(one.path.rpartition("/")[2]) is not None]
    if not entries:
        return None
    numbers = naming.to_ranges(sorted({one.index for one in entries}))
    url = target.url_of(folder) if folder else target.url
    count = len({(one.identity, one.path) for one in entries})
    return Waiting(url, str(spool), numbers, count, target.option_names)


def waiting_at(url: str | os.PathLike[str], storage_options: Mapping[str, Any] | None = None) -> Waiting | None:
    """Return the frames that wait in the default spool for a URL where no sequence was found.

    url: a folder, which need not exist, or a pattern. None for a glob, and for a URL that cannot be used.
    """
    try:
        if not _has_entries(default_folder()):
            return None  # without a request
        means = lookup.look(url, storage_options) if lookup.is_pattern(url) else None
        if isinstance(means, lookup.Pattern):
            return waiting_for(means.target, "", means.name)
        return None if means is not None else waiting_for(targets.resolve(url, storage_options))
    except SeqSaveError:
        return None


def _has_entries(spool: Path) -> bool:
    """Return whether the spool of a user has files, without reading any: most have none, and listings start quickly."""
    try:
        places = [path for path in spool.iterdir() if path.is_dir()]
        return any(name.endswith(".frame") for path in places for name in os.listdir(path))  # noqa: PTH208 - names only
    except OSError:
        return False


def _entries(folder: Path, target: Target, below: str) -> Iterator[Entry]:
    from seqsave.spool import Spool, overlaps  # here, as most calls end before

    spool, place = Spool(folder), dict(target.identity())
    wanted = "/".join(filter(None, (place["root"].rstrip("/"), below)))
    for identity in spool.identities():
        newest = spool.newest(identity)
        if newest is None or not overlaps(newest.place, place):
            continue
        for entry in spool.contents(identity).entries:
            above = f"{entry.place['root'].rstrip('/')}/{entry.path}".rpartition("/")[0]
            if entry.is_frame and (not wanted or f"{above}/".startswith(f"{wanted.rstrip('/')}/")):
                yield entry
