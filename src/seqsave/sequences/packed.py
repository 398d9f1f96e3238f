"""Remove the small pictures of frames that are gone from the packs beside a sequence."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import partial

from seqsave import targets
from seqsave.manifest.packs import Numbers, PackName, list_packs
from seqsave.manifest.records import FrameEntry, Key
from seqsave.pictures import packs
from seqsave.sequences.many import call

__all__ = ["PACK_TYPE", "drop"]

PACK_TYPE = "application/octet-stream"
"""The content type of a pack."""

Content = tuple[str | None, int | None]


def drop(
    target: targets.Target,
    folder: str,
    gone: Collection[Key],
    left: Iterable[Key],
    *,
    recorded: Iterable[FrameEntry] = (),
    own: str = "",
) -> None:
    """Remove the pictures of frames that are gone. A pack without other frames is deleted, else it is made again.

    folder:   of the packs. gone, left: the frames that were removed or replaced, and those that still exist.
    recorded: what the manifest recorded of both: an entry names its pack whatever the frame's number was before.
    own:      the id of a run whose packs stay as they are.

    Raises TargetError.
    """
    numbers, others, keys = Numbers(gone), Numbers(left), set(gone)
    dropped: dict[str, set[Content]] = {}
    kept: set[str] = set()
    for entry in recorded:
        if entry.proxy is None:
            continue
        if entry.key in keys:
            dropped.setdefault(entry.proxy, set()).add((entry.checksum, entry.size))
        else:
            kept.add(entry.proxy)
    for pack in list_packs(target, folder):
        name = PackName.parse(pack)
        if name is None or name.is_of(own) or not (pack in dropped or numbers.meet(name)):
            continue
        path = f"{folder}/{pack}"
        if pack in kept or others.meet(name):
            _rewrite(target, path, keys, dropped.get(pack, set()))
        else:
            call(target, partial(target.delete, path))


def _rewrite(target: targets.Target, path: str, gone: Collection[Key], contents: Collection[Content]) -> None:
    data = call(target, partial(target.read, path))
    try:
        frames = packs.unpack_all(data)
    except ValueError:  # damaged: nothing reads it
        call(target, partial(target.delete, path))
        return
    rest = [
        (source, proxy)
        for source, proxy in frames
        if (source.index, source.batch) not in gone and (source.checksum, source.size) not in contents
    ]
    if not rest:
        call(target, partial(target.delete, path))
    elif len(rest) < len(frames):
        made = packs.pack(rest)
        call(target, lambda: target.publish(path, made, content_type=PACK_TYPE))
