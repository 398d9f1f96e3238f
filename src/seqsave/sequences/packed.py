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
    kept: dict[str, set[Content]] = {}
    for entry in recorded:
        if entry.proxy is not None:
            of_pack = (dropped if entry.key in keys else kept).setdefault(entry.proxy, set())
            of_pack.add((entry.checksum, entry.size))
    for pack in list_packs(target, folder):
        name = PackName.parse(pack)
        if name is None or name.is_of(own) or not (pack in dropped or numbers.meet(name)):
            continue
        path = f"{folder}/{pack}"
        if pack in kept or others.meet(name):
            _rewrite(target, path, keys, dropped.get(pack, set()), kept.get(pack, set()))
        else:
            call(target, partial(target.delete, path))


def _rewrite(
    target: targets.Target,
    path: str,
    gone: Collection[Key],
    contents: Collection[Content],
    kept: Collection[Content],
) -> None:
    """Remove the pictures of these frames and contents; none of a kept content, whose number may be an earlier one."""
    data = call(target, partial(target.read, path))
    try:
        frames = packs.unpack_all(data)
    except ValueError:  # damaged: nothing reads it
        call(target, partial(target.delete, path))
        return
    rest = []
    for source, proxy in frames:
        content = (source.checksum, source.size)
        if content in kept or ((source.index, source.batch) not in gone and content not in contents):
            rest.append((source, proxy))
    if not rest:
        call(target, partial(target.delete, path))
    elif len(rest) < len(frames):
        made = packs.pack(rest)
        call(target, lambda: target.publish(path, made, content_type=PACK_TYPE))
