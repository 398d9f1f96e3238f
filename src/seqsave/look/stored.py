"""Read the small pictures that are stored beside the frames of a sequence.

A picture is returned only if it was made of the very file that is the frame now: the listing shows the version that it
was made of, or the manifest records the frame with the checksum that it was made of.
"""

from __future__ import annotations

import contextlib
import threading
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from seqsave.errors import SeqSaveError, TargetError
from seqsave.manifest.packs import PACK_FRAMES, PackName, folder_of, list_packs
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
# The same of its beginning, where the index and the thumbnails stand before the halves: what is read ahead from the
# first picture on takes two waits for the storage, and the pictures that came with it have to last until then.
HEAD = CHUNK + CHUNK // 2
# How many indexes are kept: 8,000 frames, a few megabytes.
MOST_INDEXES = 128
# How far apart frames may be that are asked for at once.
TOGETHER = 8
# How many packs are searched in vain for frames that have other numbers than in their pack, before a newer listing.
MOST_SEARCHED = 16


class StoredProxies:
    """The stored small pictures of one sequence. Thread-safe.

    sequence:  as it was listed; ``update`` gets a newer listing of the same sequence, when it has changed.
    max_bytes: how much of the packs is kept in memory.
    """

    def __init__(self, sequence: FrameSequence, *, max_bytes: int = 16 * 2**20) -> None:
        self._lock = threading.Lock()
        self._chunks: OrderedDict[Hashable, Any] = OrderedDict()
        self._most_chunks = max(1, max_bytes // HEAD)
        self._indexes: OrderedDict[Hashable, Any] = OrderedDict()
        self._under_way: dict[Hashable, Future[Any]] = {}
        self._courses: dict[int | None, tuple[int, int]] = {}
        self._moved: dict[int | None, int] = {}  # how far the frames of a batch are from their numbers in the packs
        self.lacking: Frame | None = None
        """A frame that was requested and has no picture of its present file, though others have."""
        self.update(sequence)

    def update(self, sequence: FrameSequence) -> None:
        """Use a newer listing. Packs are listed again when they are needed."""
        assert sequence.target is not None  # noqa: S101 - only pictures without a sequence have none
        self._target: Target = sequence.target
        self._folder = folder_of(sequence.manifest_path)
        with self._lock:
            self._sequence = sequence
            self._entries: dict[Key, FrameEntry] | None = None
            self._names: dict[int | None, list[tuple[PackName, str]]] | None = None
            self._searched: set[str] = set()
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
                    self._read_ahead(frame, pack, packed)
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
        listed = self._listed().get(frame.batch, ())
        for moved in dict.fromkeys((0, self._moved.get(frame.batch, 0))):
            for name, pack in listed:
                if name.first <= frame.index - moved <= name.last and (entry is None or pack != entry.proxy):
                    found = self._in_pack(pack, frame, entry)
                    if found is not None:
                        yield pack, found
        if entry is not None and entry.proxy is None:
            yield from self._search(frame, entry, listed)

    def _search(
        self, frame: Frame, entry: FrameEntry, listed: Sequence[tuple[PackName, str]]
    ) -> Iterator[tuple[str, Packed]]:
        """Yield the pictures of a frame that got another number, and that no manifest names a pack of.

        The pack that is as far from the first one as the frame is from the first frame comes first.
        """
        ordered = sorted(listed, key=lambda one: one[0].first)
        own = self._sequence.indices
        place = (frame.index - own[0]) * len(ordered) // (own[-1] - own[0] + 1)
        for _, (name, pack) in sorted(enumerate(ordered), key=lambda one: abs(one[0] - place)):
            if len(self._searched) >= MOST_SEARCHED:
                return
            if pack in self._searched:
                continue
            found = self._in_pack(pack, frame, entry)
            if found is not None:
                self._moved[name.batch] = frame.index - found.source.index
                yield pack, found
                return
            self._searched.add(pack)

    def _in_pack(self, pack: str, frame: Frame, entry: FrameEntry | None) -> Packed | None:
        """Return the pictures in a pack that were made of the frame's file."""
        found = [one for one in self._index(pack)[1] if _is_made_of(one.source, frame, entry)]
        own = [one for one in found if (one.source.index, one.source.batch) == (frame.index, frame.batch)]
        if own:
            return own[0]
        # Frames that were moved have other numbers: the checksum distinguishes them.
        is_named = entry is not None and entry.proxy in (None, pack)
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

    def _index(self, pack: str) -> tuple[int, list[Packed]]:
        return self._kept(self._indexes, MOST_INDEXES, pack, lambda: self._read_index(pack))

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
        start = self._index(pack)[0] + slot.offset
        try:
            return packs.picture_in(self._bytes(pack, start, start + slot.size), slot)
        except (SeqSaveError, ValueError):
            self._forget(pack)
            return None

    def _bytes(self, pack: str, start: int, stop: int) -> bytes:
        """Return a part of a pack's file."""
        numbers = range(_chunk_at(start), _chunk_at(max(start, stop - 1)) + 1)
        parts = []
        for number in numbers:
            parts.append(self._chunk(pack, number))
            if len(parts[-1]) < _chunk_start(number + 1) - _chunk_start(number):
                break  # the end of the file, whatever its index states
        first = _chunk_start(numbers.start)
        return b"".join(parts)[start - first : stop - first]

    def _chunk(self, pack: str, number: int) -> bytes:
        path, start, stop = f"{self._folder}/{pack}", _chunk_start(number), _chunk_start(number + 1)

        def read() -> bytes:
            return call(self._target, lambda: self._target.read_range(path, start, stop))

        found: bytes = self._kept(self._chunks, self._most_chunks, (pack, number), read)
        return found

    def _forget(self, pack: str) -> None:
        with self._lock:
            self._indexes.pop(pack, None)
            for key in [key for key in self._chunks if isinstance(key, tuple) and key[0] == pack]:
                del self._chunks[key]

    # --- reading ahead -------------------------------------------------------------------------------------------

    def _read_ahead(self, frame: Frame, pack: str, packed: Packed) -> None:
        """Begin to read what comes after this half, so that playing waits for its first picture only."""
        wanted = self._next(frame, pack, packed)
        if wanted is None:
            return
        with self._lock:
            if wanted in self._chunks or wanted in self._under_way:
                return
        with contextlib.suppress(RuntimeError):  # no thread can be started
            spawn_daemon(self._once, wanted, lambda: self._try_chunk(*wanted), name="seqsave-look-ahead")

    def _try_chunk(self, pack: str, number: int | None) -> None:
        with contextlib.suppress(Exception):  # it is read again when it is needed
            self._chunk(pack, _last_chunk(*self._index(pack)) if number is None else number)

    def _next(self, frame: Frame, pack: str, packed: Packed) -> tuple[str, int | None] | None:
        """Return the part of a pack that follows this half, in the direction in which halves are read.

        Its number is None for the last part of a pack whose index is not known. Sends no request.
        """
        with self._lock:
            start, own = self._indexes.get(pack, (0, ()))
            direction = self._direction(pack, packed.source.index)
        if not own:
            return None
        slot, first = packed.slots["half"], min(one.slots["half"].offset for one in own if "half" in one.slots)
        number = _chunk_at(start + slot.offset + (slot.size - 1 if direction > 0 else 0)) + direction
        if start + first < _chunk_start(number + 1) and number <= _last_chunk(start, own):
            return pack, number
        moved = frame.index - packed.source.index
        ends = [one.source.index + moved for one in own]
        other = self._pack_at(max(ends) + 1 if direction > 0 else min(ends), frame.batch, direction)
        if other is None or other == pack:
            return None
        if direction > 0:
            return other, 0
        with self._lock:
            return other, _last_chunk(*self._indexes[other]) if other in self._indexes else None

    def _direction(self, pack: str, index: int) -> int:
        """Return 1 or -1 for the way in which the halves of a batch are read, of which this is one.

        Several are asked for at once, in any order: only one that is far behind shows that the way has changed.
        """
        name = PackName.parse(pack)
        batch, step = (None, 1) if name is None else (name.batch, max(1, (name.last - name.first) // (PACK_FRAMES - 1)))
        farthest, direction = self._courses.get(batch, (index, 1))
        ahead = (index - farthest) * direction
        if ahead < -TOGETHER * step:
            direction = -direction
        if ahead > 0 or ahead < -TOGETHER * step:
            farthest = index
        self._courses[batch] = farthest, direction
        return direction

    def _pack_at(self, index: int, batch: int | None, direction: int) -> str | None:
        """Return the pack of the first frame from an index on, or of the last one before it. Sends no request."""
        sequence = self._sequence
        place = bisect_left(sequence, (index, -1), key=key_of)
        if direction > 0:
            near = sequence[place : place + MOST_INDEXES]
        else:
            near = sequence[max(0, place - MOST_INDEXES) : place][::-1]
        frame = next((one for one in near if one.batch == batch), None)
        if frame is None:
            return None
        entry = self._recorded().get((frame.index, batch))
        if entry is not None and entry.proxy is not None:
            return entry.proxy
        listed, number = (self._names or {}).get(batch, ()), frame.index - self._moved.get(batch, 0)
        return next((one for name, one in listed if name.first <= number <= name.last), None)

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


def _chunk_at(offset: int) -> int:
    """Return the number of the part of a pack that holds this byte."""
    return max(0, offset - HEAD + CHUNK) // CHUNK


def _chunk_start(number: int) -> int:
    return HEAD + (number - 1) * CHUNK if number else 0


def _last_chunk(start: int, own: Sequence[Packed]) -> int:
    """Return the number of a pack's last part. start: where its pictures begin."""
    sizes = [slot.offset + slot.size for one in own for slot in one.slots.values()]
    return _chunk_at(start + max(sizes, default=1) - 1)


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
