"""Frames for a spool, and a target for them."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from seqsave import targets
from seqsave.spool import Entry, FileFacts, Item, Spool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.places import Place


def item(path: str, data: bytes, *, create: bool = False, content_type: str = "image/png") -> Item:
    facts = FileFacts(path=path, size=len(data), crc32=zlib.crc32(data), content_type=content_type, create=create)
    return Item(facts, data)


def keep(
    spool: Spool,
    target: targets.Target,
    index: int,
    data: bytes = b"picture",
    *,
    create: bool = False,
    sidecars: Sequence[Item] = (),
    **more: Any,
) -> Entry:
    """Put one frame into the spool, as a writer does."""
    frame = item(f"frame_{index:05d}.png", data, create=create)
    return spool.put(
        [frame, *sidecars] if create else [*sidecars, frame],
        target=target.url,
        place=target.identity(),
        path=frame.facts.path,
        index=index,
        **more,
    )


def target_of(place: Place) -> targets.Target:
    return targets.resolve(place.url, place.storage_options)
