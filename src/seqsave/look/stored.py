"""Read the small pictures that are stored beside the frames of a sequence.

A picture is returned only if it was made of the very file that is the frame now: the listing shows the version that it
was made of, or the manifest records the frame with the checksum that it was made of.
"""

from __future__ import annotations

import contextlib
import threading
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from seqsave import manifest as manifests
from seqsave.errors import SeqSaveError, TargetError
from seqsave.manifest.packs import PackName, folder_of, list_packs
from seqsave.pictures import packs
from seqsave.runtime.threads import spawn_daemon
from seqsave.sequences.frame import key_of
from seqsave.sequences.many import call

if TYPE_CHECKING:
    from seqsave.manifest import FrameEntry
    from seqsave.manifest.records import Key
    from seqsave.pictures.packs import Packed, Slot, Source
    from seqsave.sequences.frame import Frame
    from seqsave.sequences.reader import FrameSequence
    from seqsave.targets import Target

__all__ = ["StoredProxies"]

T = TypeVar("T")

# How much of a pack one request reads, in bytes: ten halves, so that playing needs few requests and a jump is fast.
CHUNK = 1 << 20
# How many indexes are kept: 8,000 frames, a few megabytes.
MOST_INDEXES = 128


class StoredProxies:
    """The stored small pictures of one sequence. Thread-safe.

    sequence:  as it was listed; ``update`` gets a newer listing of the same sequence, when it has changed.
    max_bytes: how much of the packs is kept in memory.
    """

    def __init__(self, sequence: FrameSequence, *, max_bytes: int = 16 * 2**20) -> None:
        self._lock = threading.Lock()
        self._chunks: OrderedDict[Hashable, Any] = OrderedDict()
        self._most_chunks = max(1, max_bytes // CHUNK)
        self._indexes: OrderedDict[Hashable, Any] = OrderedDict()
        self._under_way: dict[Hashable, Future[Any]] = {}
        self.lacking: Frame | None = None
        """A frame that was requested and has no picture of its present file, though others have."""
        self.update(sequence)

    def update(self, sequence: FrameSequence) -> None:
        """Use a newer listing. Packs are listed again when they are needed."""
        assert sequence.target is not None  # noqa: S101 - only pictures without a sequence have none
        self._target: Target = sequence.target
        self._folder = folder_of(manifests.path_of(sequence.folder, sequence.name))
        with self._lock:
            self._sequence = sequence
            self._entries: dict[Key, FrameEntry] | None = None
            self._names: dict[int | None, list[tuple[PackName, str]]] | None = None
            # What was read stays: each picture is checked. Packs that were not there may be there now.
            for pack in [pack for pack, (end, _) in self._indexes.items() if not end]:
                del self._indexes[pack]

    def exist(self) -> bool:
        """Return whether there are any, for frames of the manifest or in the folder of the packs. Sends requests."""
        return any(entry.proxy for entry in self._recorded().values()) or bool(self._listed())

    def packs(self) -> set[str]:
        """Return the names of all packs in the folder, whatever is in them. Sends a request."""
        return {pack for own in self._listed().values() for _, pack in own}

    def jpeg(self, frame: Frame, size: str) -> bytes | None:
        """Return a frame's small picture as a JPEG file; None if none is stored, or only one of another file.

        frame: as it was listed. size: ``"thumb"``, at most 160 pixels wide, or ``"half"``.

        Sends requests. A storage that fails is like one without proxies.
        """
        for pack, packed in self._candidates(frame):
            picture = self._picture(pack, packed.slots[size]) if size in packed.slots else None
            if picture is not None:
                if size == "half":
                    self._read_ahead(frame, pack, packed.slots[size])
                return picture
        if self.lacking is None and self.exist():
            self.lacking = frame
        return None

    def has(self, frame: Frame) -> bool:
        """Return whether a small picture of the frame's very file is stored. Reads indexes only."""
        return self.pack_of(frame) is not None

    def pack_of(self, frame: Frame) -> str | None:
        """Return the name of the pack with a small picture of the frame's very file; None without one."""
        return next((pack for pack, _ in self._candidates(frame)), None)

    # --- which ---------------------------------------------------------------------------------------------------

    def _candidates(self, frame: Frame) -> Any:
        entry = self._recorded().get((frame.index, frame.batch))
        if entry is not None and not _is_of(entry, frame):
            entry = None
        if entry is not None and entry.proxy is not None:
            found = self._in_pack(entry.proxy, frame, entry)
            if found is not None:
                yield entry.proxy, found
        for name, pack in self._listed().get(frame.batch, ()):
            if name.first <= frame.index <= name.last and (entry is None or pack != entry.proxy):
                found = self._in_pack(pack, frame, entry)
                if found is not None:
                    yield pack, found

    def _in_pack(self, pack: str, frame: Frame, entry: FrameEntry | None) -> Packed | None:
        """Return the pictures in a pack that were made of the frame's file."""
        found = [one for one in self._index(pack) if _is_made_of(one.source, frame, entry)]
        own = [one for one in found if (one.source.index, one.source.batch) == (frame.index, frame.batch)]
        if own:
            return own[0]
        # Frames that were moved have other numbers: the manifest names the pack, and the checksum distinguishes them.
        is_named = entry is not None and entry.proxy == pack
        return found[0] if is_named and len(found) == 1 else None

    def _recorded(self) -> dict[Key, FrameEntry]:
        known = self._entries
        if known is None:
            try:
                manifest = self._sequence.manifest
            except SeqSaveError:
                manifest = None
            frames = () if manifest is None else manifest.frames
            known = self._entries = {one.key: one for one in frames if one.checksum is not None and not one.disputed}
        return known

    def _listed(self) -> dict[int | None, list[tuple[PackName, str]]]:
        known = self._names
        if known is None:
            known = self._once("list", self._list)
            self._names = known
        return known

    def _list(self) -> dict[int | None, list[tuple[PackName, str]]]:
        found: dict[int | None, list[tuple[PackName, str]]] = {}
        try:
            packs_there = list_packs(self._target, self._folder)
        except TargetError:
            return found
        for pack in packs_there:
            name = PackName.parse(pack)
            if name is not None:
                found.setdefault(name.batch, []).append((name, pack))
        return found

    # --- reading -------------------------------------------------------------------------------------------------

    def _index(self, pack: str) -> list[Packed]:
        return self._kept(self._indexes, MOST_INDEXES, pack, lambda: self._read_index(pack))[1]

    def _read_index(self, pack: str) -> tuple[int, list[Packed]]:
        """Return where the index ends, and the frames in it; none if the pack is gone or damaged."""
        try:
            head = self._bytes(pack, 0, packs.index_start())
            end = packs.index_end(head)
            return end, packs.unpack(self._bytes(pack, 0, end))
        except (SeqSaveError, ValueError):
            return 0, []

    def _picture(self, pack: str, slot: Slot) -> bytes | None:
        """Return a picture of a pack; None if the pack is gone, damaged, or was made again since its index was read."""
        start = self._kept(self._indexes, MOST_INDEXES, pack, lambda: self._read_index(pack))[0] + slot.offset
        try:
            return packs.picture_in(self._bytes(pack, start, start + slot.size), slot)
        except (SeqSaveError, ValueError):
            self._forget(pack)
            return None

    def _bytes(self, pack: str, start: int, stop: int) -> bytes:
        """Return a part of a pack's file."""
        numbers = range(start // CHUNK, max(start, stop - 1) // CHUNK + 1)
        parts = [self._chunk(pack, number) for number in numbers]
        first = numbers.start * CHUNK
        return b"".join(parts)[start - first : stop - first]

    def _chunk(self, pack: str, number: int) -> bytes:
        path, start = f"{self._folder}/{pack}", number * CHUNK

        def read() -> bytes:
            return call(self._target, lambda: self._target.read_range(path, start, start + CHUNK))

        found: bytes = self._kept(self._chunks, self._most_chunks, (pack, number), read)
        return found

    def _forget(self, pack: str) -> None:
        with self._lock:
            self._indexes.pop(pack, None)
            for key in [key for key in self._chunks if isinstance(key, tuple) and key[0] == pack]:
                del self._chunks[key]

    # --- reading ahead -------------------------------------------------------------------------------------------

    def _read_ahead(self, frame: Frame, pack: str, slot: Slot) -> None:
        """Begin to read what the frames after this one need, so that playing waits for its first picture only."""
        wanted = self._after(frame, pack, slot)
        if wanted is None:
            return
        with self._lock:
            if wanted in self._chunks or (id(self._chunks), wanted) in self._under_way:
                return
        with contextlib.suppress(RuntimeError):  # no thread can be started
            spawn_daemon(self._try_chunk, *wanted, name="seqsave-look-ahead")

    def _try_chunk(self, pack: str, number: int) -> None:
        with contextlib.suppress(Exception):  # it is read again when it is needed
            self._chunk(pack, number)

    def _after(self, frame: Frame, pack: str, slot: Slot) -> tuple[str, int] | None:
        """Return the part of a pack that follows this picture, or the first one of the next pack. Sends no request."""
        with self._lock:
            start, packed = self._indexes.get(pack, (0, ()))
        if not packed:
            return None
        number = (start + slot.offset + slot.size - 1) // CHUNK + 1
        if number * CHUNK < start + max(one.offset + one.size for own in packed for one in own.slots.values()):
            return pack, number
        sequence, last = self._sequence, max(own.source.index for own in packed)
        place = bisect_left(sequence, (last + 1, -1), key=key_of)
        after = next((one for one in sequence[place : place + MOST_INDEXES] if one.batch == frame.batch), None)
        if after is None:
            return None
        entry = self._recorded().get((after.index, after.batch))
        listed = (self._names or {}).get(after.batch, ())
        names = [one for name, one in listed if name.first <= after.index <= name.last]
        other = entry.proxy if entry is not None and entry.proxy is not None else next(iter(names), pack)
        return None if other == pack else (other, 0)

    # --- keeping -------------------------------------------------------------------------------------------------

    def _kept(self, cache: OrderedDict[Hashable, Any], most: int, key: Hashable, make: Callable[[], T]) -> T:
        """Return a value of a cache; several threads that lack it make it once."""
        with self._lock:
            if key in cache:
                cache.move_to_end(key)
                kept: T = cache[key]
                return kept
        made = self._once((id(cache), key), make)
        with self._lock:
            cache[key] = made
            while len(cache) > most:
                cache.popitem(last=False)
        return made

    def _once(self, key: Hashable, make: Callable[[], T]) -> T:
        with self._lock:
            future = self._under_way.get(key)
            is_mine = future is None
            if future is None:
                future = self._under_way[key] = Future()
        if not is_mine:
            shared: T = future.result()
            return shared
        try:
            made = make()
        except BaseException as error:
            with self._lock:
                del self._under_way[key]
            future.set_exception(error)
            raise
        with self._lock:
            del self._under_way[key]
        future.set_result(made)
        return made


def _is_of(entry: FrameEntry, frame: Frame) -> bool:
    """Return whether the manifest's entry is about the file that was listed."""
    if frame.size is not None and entry.size != frame.size:
        return False
    return None in (entry.version, frame.version) or entry.version == frame.version


def _is_made_of(source: Source, frame: Frame, entry: FrameEntry | None) -> bool:
    """Return whether pictures were made of the file that is the frame now. entry: about this very file, if any."""
    if frame.size is not None and source.size != frame.size:
        return False
    if source.version is not None and source.version == frame.version:
        return True
    return entry is not None and (source.checksum, source.size) == (entry.checksum, entry.size)
