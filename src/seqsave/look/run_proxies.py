"""Make and publish the small pictures beside the frames of a run, for ``proxies=True``.

A picture is made while the frame's pixels are in memory, and enters a pack once the frame is in the storage or in the
spool. The manifest's entry of the frame names the pack, so that a frame that is replaced leaves its proxy behind. A
failure is a warning: it never costs a frame.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from isal.isal_zlib import crc32

from seqsave import naming
from seqsave.errors import SeqSaveError
from seqsave.look.packing import Pack, Packer
from seqsave.look.small import make
from seqsave.manifest.packs import Numbers, folder_of, list_packs, unneeded
from seqsave.pictures import packs
from seqsave.runtime import flow, retry
from seqsave.runtime.flow import Either, Flow
from seqsave.sequences.frame import decode
from seqsave.sequences.packed import PACK_TYPE
from seqsave.wording import counted, described

if TYPE_CHECKING:
    from seqsave.manifest import FrameEntry, Manifest, Picture
    from seqsave.manifest.run import RunRecord
    from seqsave.naming.key import FrameKey
    from seqsave.pictures.pixels import Taken
    from seqsave.settings.config import WriterConfig
    from seqsave.settings.formats import Format
    from seqsave.targets import Target
    from seqsave.types import SavedFrame

    Data = bytes | bytearray | memoryview

__all__ = ["RunProxies"]

_ONCE = retry.RetryPolicy(attempts=1)
_ADVICE = "`seqsave proxies URL` makes them"


class RunProxies:
    """The small pictures of one run's frames of one file type. Thread-safe. ``warn`` is called with (kind, message).

    record: the run's part in the manifest.
    """

    def __init__(
        self, form: Format, config: WriterConfig, target: Target, record: RunRecord, warn: Callable[[str, str], None]
    ) -> None:
        numbers, run = config.naming, record.run
        self._extension = form.resolved.extension
        self._alpha = form.alpha
        self._target, self._policy, self._warn = target, config.delivery.policy, warn
        self._record = record
        self._run = run
        self._packer = Packer(numbers.start, numbers.step, run)
        self._lock = threading.Lock()
        self._lost: set[int] = set()
        self._why = ""

    # --- one frame ---------------------------------------------------------------------------------------------------

    def make(self, key: FrameKey, taken: Taken | None, data: Data, stated: Picture | None) -> packs.Proxy | None:
        """Make the small pictures of a frame, on an encoding thread. Return None if it cannot be shown.

        taken: its pixels; None for a file that was encoded elsewhere, which is decoded. data: the encoded file.
        stated: the format of the picture in the file, where it is known.
        """
        try:
            return self._made(key, taken, data, stated)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever is wrong with it, the frame itself is sound
            self._note_lost([key.index], described(error))
            return None

    def _made(self, key: FrameKey, taken: Taken | None, data: Data, stated: Picture | None) -> packs.Proxy:
        array = None if taken is None else taken.prepare().array
        if taken is None or array is None or stated is None or array.shape[2] != stated.channels:
            # Encoded elsewhere, or with less alpha than the picture has: only the file says how it looks.
            decoded = decode(key.name, bytes(data))
            return make(decoded.array, decoded.info, extension=self._extension)
        info = taken.stated
        if info.alpha is None:
            info = replace(info, alpha=self._alpha)
        return make(array, info, extension=self._extension)

    def add(self, proxy: packs.Proxy, entry: FrameEntry) -> tuple[FrameEntry, Pack | None]:
        """Add a frame's pictures to a pack. Return the entry with the name of the pack, and a pack that is full."""
        source = packs.Source(
            index=entry.index, batch=entry.batch, size=entry.size, checksum=entry.checksum, version=entry.version
        )
        name, full = self._packer.add(source, proxy)
        return replace(entry, proxy=name), full

    @property
    def folder(self) -> str:
        """Return the folder of the packs, below the target."""
        return folder_of(self._record.path)

    def path_of(self, pack: Pack) -> str:
        """Return the path of a pack below the target."""
        return f"{self.folder}/{pack.name}"

    def publish(self, pack: Pack, policy: retry.RetryPolicy, stop_event: threading.Event | None = None) -> Flow[None]:
        """Publish a pack. A failure is a warning at the end. stop_event: ends the waits between attempts."""
        how: dict[str, Any] = {"content_type": PACK_TYPE, "checksum": crc32(pack.data)}
        put = Either(
            partial(self._target.publish, self.path_of(pack), pack.data, **how),
            partial(self._target.publish_async, self.path_of(pack), pack.data, **how),
        )
        try:
            yield from retry.attempts(
                policy, partial(flow.wait, put), stop_event=stop_event, contact=self._target.known
            )
        except SeqSaveError as error:
            self._note_lost((source.index for source, _ in pack.frames), str(error))
        self.note_published(pack)

    def note_published(self, pack: Pack) -> None:
        """Note that a pack is in the storage or in the spool, or is given up."""
        self._packer.note_published(pack)

    def _note_lost(self, indices: Iterable[int], why: str) -> None:
        with self._lock:
            self._lost.update(indices)
            self._why = self._why or why

    # --- after the last frame ----------------------------------------------------------------------------------------

    def finish(self, *, is_away: bool = False) -> None:
        """Publish the packs that are left, and warn of the frames that got no proxies.

        is_away: the storage did not answer lately: try once.
        """
        for pack in self._packer.rest():
            flow.run(self.publish(pack, _ONCE if is_away else self._policy))
        if self._lost:
            numbers = naming.format_ranges(naming.to_ranges(sorted(self._lost)), 10)
            text = f"{counted(len(self._lost), 'frame')} got no proxies ({numbers}): {self._why}. {_ADVICE}"
            self._warn("proxies", text)

    def note_kept(self, kept: Collection[SavedFrame], made: Manifest | None) -> None:
        """Warn of existing frames that were kept and have no proxies. made: the manifest after the run.

        Without a manifest, the names of the packs show which frames they are of.
        """
        keys = {(one.index, one.batch) for one in kept}
        lacking = keys - {entry.key for entry in made.frames if entry.proxy} if made is not None else set(keys)
        if lacking and made is None:
            with contextlib.suppress(SeqSaveError):
                found = list_packs(self._target, self.folder, self._policy)
                lacking = Numbers(keys).in_none(found, own=self._run)
        if lacking:
            numbers = naming.format_ranges(naming.to_ranges(sorted({index for index, _ in lacking})), 10)
            what = f"{counted(len(lacking), 'frame')} that existed and were kept have no proxies ({numbers})"
            self._warn("kept proxies", f"{what}: {_ADVICE}")

    def remove_unneeded(self, made: Manifest) -> None:
        """Delete the packs of frames that were replaced. made: the manifest after a run that ended well."""
        with contextlib.suppress(SeqSaveError):  # such a pack belongs to no frame, and nothing reads it
            found = list_packs(self._target, self.folder, self._policy)
            unknown = [entry.key for entry in made.frames if entry.checksum is None]
            for pack in unneeded(found, made.frames, unknown, own=self._run):
                delete = partial(self._target.delete, f"{self.folder}/{pack}")
                retry.call(self._policy, delete, contact=self._target.known)
