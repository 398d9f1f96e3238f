"""The manifest of an animation that is saved frame by frame, in one graph after the other: written with the last frame.

Frames that this process saved are remembered until then, with their checksums. Other frames (the server was restarted,
or another machine rendered them) are recorded as the folder lists them, with their sizes.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from seqsave import manifest, naming

if TYPE_CHECKING:
    from seqsave import Frame, SavedFrame
    from seqsave.manifest import Facts, Manifest
    from seqsave.naming import NameRule

    from .access import Place

__all__ = ["remember", "write"]

# How many animations are remembered, and how many frames of all of them.
_MOST = 64
_MOST_FRAMES = 200_000

_seen: OrderedDict[tuple[str, str], dict[str, SavedFrame]] = OrderedDict()
_lock = threading.Lock()


def remember(place: Place, rule: NameRule, frames: Iterable[SavedFrame]) -> None:
    """Remember the results for frames of an animation."""
    key = (place.url, manifest.path_of(rule.folder, rule.name))
    with _lock:
        known = _seen.setdefault(key, {})
        _seen.move_to_end(key)
        known.update({frame.url: frame for frame in frames if frame.status in ("saved", "spooled")})
        while len(_seen) > 1 and (len(_seen) > _MOST or sum(map(len, _seen.values())) > _MOST_FRAMES):
            _seen.popitem(last=False)


def write(place: Place, facts: Facts, frames: Iterable[Frame]) -> Manifest | None:
    """Write the manifest of existing ``frames``. It is complete if their number is ``facts.total``.

    Raises TargetError, ManifestError.
    """
    with _lock:
        seen = _seen.pop((place.url, facts.path), {})
    entries = [_entry(frame, seen.get(frame.url)) for frame in frames]
    return manifest.merge_into(place.target, facts, entries, defines=True)


def _entry(frame: Frame, saved: SavedFrame | None) -> manifest.FrameEntry:
    name = frame.name if frame.batch is None else f"{naming.batch_folder(frame.batch)}/{frame.name}"
    entry = manifest.FrameEntry(index=frame.index, batch=frame.batch, name=name, size=frame.size)
    if saved is None or saved.size != frame.size:
        return entry
    return replace(entry, checksum=saved.checksum, etag=saved.etag)
