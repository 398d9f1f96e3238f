"""Collect the small pictures of frames into packs of up to 64, in whatever order the frames come."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from seqsave.manifest.packs import PACK_FRAMES, PackName
from seqsave.manifest.records import Key
from seqsave.pictures import packs
from seqsave.pictures.packs import Proxy, Source

__all__ = ["Pack", "Packer"]

# What the packs that are not full hold together, in bytes; beyond it the largest one is closed.
MOST_BYTES = 32 * 2**20


@dataclass(eq=False, slots=True)
class Pack:
    """One pack that is being filled, or has to be published."""

    name: str
    frames: list[tuple[Source, Proxy]] = field(default_factory=list)
    size: int = 0

    @property
    def data(self) -> bytes:
        """Return the bytes of the pack's file."""
        return packs.pack(self.frames)


class Packer:
    """Fills the packs of one sequence, each with the frames that are near each other. Thread-safe.

    start, step: of the sequence. owner: an id that no other packer has.
    """

    def __init__(self, start: int, step: int, owner: str) -> None:
        self._start, self._step, self._owner = start, step, owner
        self._open: dict[tuple[int | None, int], Pack] = {}
        self._closed: list[Pack] = []
        self._count = 0
        self._size = 0
        self._lock = threading.Lock()

    def add(self, source: Source, proxy: Proxy) -> tuple[str, Pack | None]:
        """Add the small pictures of a frame. Return the name of their pack, and a pack that is ready to be published.

        That one is kept until ``note_published``.
        """
        key: Key = (source.index, source.batch)
        with self._lock:
            name = PackName.around(key, self._start, self._step, "")
            place = (name.batch, name.first)
            pack = self._open.get(place)
            if pack is None:
                full = PackName(name.batch, name.first, name.last, f"{self._owner}-{self._count}")
                pack = self._open[place] = Pack(str(full))
                self._count += 1
            pack.frames.append((source, proxy))
            pack.size += proxy.size
            self._size += proxy.size
            ready = None
            if len(pack.frames) >= PACK_FRAMES:
                ready = self._close(place)
            elif self._size > MOST_BYTES:
                ready = self._close(max(self._open, key=lambda one: self._open[one].size))
            return pack.name, ready

    def note_published(self, pack: Pack) -> None:
        """Forget a pack that is in the storage, or that cannot be put there."""
        with self._lock:
            if pack in self._closed:
                self._closed.remove(pack)

    def rest(self) -> list[Pack]:
        """Close all packs, and return those that are not published."""
        with self._lock:
            for place in list(self._open):
                self._close(place)
            return list(self._closed)

    def _close(self, place: tuple[int | None, int]) -> Pack:
        pack = self._open.pop(place)
        self._size -= pack.size
        self._closed.append(pack)
        return pack
