"""Find out which files have the names of a run's frames before these go into the spool.

They are found in a listing of the folder, or in the manifest as it was when the run began. As long as the storage is
available, nothing is listed. (No run writes a frame twice.)
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from functools import partial

from seqsave import naming, spool, targets
from seqsave.errors import TargetError
from seqsave.manifest import UNKNOWN_VERSION, FrameEntry
from seqsave.manifest.run import RunRecord
from seqsave.naming.key import FrameKey
from seqsave.runtime.threads import run_with_timeout

__all__ = ["FilesBefore"]

# Seconds that a frame waits for a listing, since the storage may be unavailable, and until the next attempt.
LISTING_SECONDS, NEXT_LISTING_SECONDS = 5.0, 30.0

Listing = Mapping[str, targets.Entry]


class FilesBefore:
    """The files that the frames of one file type may replace. Thread-safe."""

    def __init__(self, target: targets.Target, record: RunRecord, kept_in: spool.Spool) -> None:
        self._target = target
        self._record = record
        self._spool = kept_in
        self._began = spool.unknown()
        self._own: dict[str, tuple[tuple[int, int], ...]] = {}
        self._listings: dict[str, list[Listing]] = {}
        self._next: dict[str, float] = {}
        self._lock = threading.Lock()

    def begin(self, where: Mapping[str, str]) -> None:
        """Record the entries in the spool for this place, or one above or below it: they may be published at any time.

        Raises SpoolError.
        """
        root = where["root"].rstrip("/") + "/"
        for entry in self._spool.contents().entries:
            if entry.is_frame and spool.overlaps(entry.place, where):
                full = f"{entry.place.get('root', '').rstrip('/')}/{entry.path}"
                if full.startswith(root):
                    self._own[full[len(root) :]] = entry.own

    def forget(self) -> None:
        """Discard the listings: the storage is available again, so that other programs may write there."""
        with self._lock:
            self._listings.clear()
            self._next.clear()

    def list_folder(self, folder: str) -> None:
        """List a folder with one request, unless it is listed already; wait before another attempt after a failure."""
        with self._lock:
            if self._listings.get(folder) or time.monotonic() < self._next.get(folder, 0.0):
                return
            self._next[folder] = time.monotonic() + NEXT_LISTING_SECONDS
            found: list[Listing] = []
            self._listings[folder] = found  # an answer that comes late is used for later frames
            ask = partial(self._list, folder, found)
            if self._target.is_fast or self._target.is_local:
                ask()
            else:
                run_with_timeout(ask, LISTING_SECONDS)

    def _list(self, folder: str, found: list[Listing]) -> None:
        try:
            entries = self._target.list(folder)
        except TargetError:
            return
        found.append({entry.name: entry for entry in entries if not entry.is_folder})

    def of(self, key: FrameKey) -> spool.Before:
        """Return the known facts about the file that has a frame's name."""
        with self._lock:
            listings, own = self._listings.get(key.folder), self._own.get(key.path, ())
        before = self._began.with_own(own)
        if listings:
            names = (key.name, *naming.other_forms(key.name))
            seen = next((listings[0][name] for name in names if name in listings[0]), None)
            return spool.nothing(before) if seen is None else before.of(seen.version, seen.size)
        entry = self._record.at_start(key.index, key.batch)
        return before if entry is None or not _is_version(entry) else before.of(entry.version, entry.size)


def _is_version(entry: FrameEntry) -> bool:
    return entry.version not in (None, UNKNOWN_VERSION)
