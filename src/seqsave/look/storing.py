"""Make the small pictures of a sequence that exists, and store them in packs beside its frames."""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from seqsave import manifest as manifests
from seqsave.errors import SeqSaveError, TargetError
from seqsave.look.packing import Pack, Packer
from seqsave.look.small import make
from seqsave.look.stored import StoredProxies
from seqsave.manifest.packs import folder_of
from seqsave.pictures import packs
from seqsave.sequences.belongings import target_of
from seqsave.sequences.frame import name_below
from seqsave.sequences.many import at_once, call
from seqsave.sequences.packed import PACK_TYPE
from seqsave.wording import crc32_text

if TYPE_CHECKING:
    from seqsave.manifest import Manifest
    from seqsave.sequences.frame import Frame
    from seqsave.sequences.reader import FrameSequence
    from seqsave.targets import Target

__all__ = ["Made", "make_proxies"]


@dataclass(slots=True)
class Made:
    """What became of the small pictures of a sequence.

    made:     how many frames got new ones. kept: how many had them.
    failed:   frames that could not be read or shown, each with its error.
    bytes:    of the packs that were written.
    unbound:  how many cannot be used: neither a manifest nor the storage's listing shows whether a frame is replaced.
    removed:  how many files of such pictures were deleted, as they belong to no frame any more.
    """

    made: int = 0
    kept: int = 0
    failed: list[tuple[Frame, SeqSaveError]] = field(default_factory=list)
    bytes: int = 0
    unbound: int = 0
    removed: int = 0


def make_proxies(sequence: FrameSequence, *, on_frame: Callable[[Frame], None] = lambda _: None) -> Made:
    """Store small pictures of all frames of a sequence that have none, and note them in its manifest, if it has one.

    sequence: whole. on_frame: called with each frame that is done.

    Frames that cannot be read or decoded are left out. Packs that hold no picture of a frame any more, as their frames
    were replaced, are deleted, unless a run that goes on may need them. An interrupt leaves what is stored by then, and
    is safe.

    Raises TargetError if a pack or the manifest cannot be written; ManifestError.
    """
    target, stored = target_of(sequence), StoredProxies(sequence)
    folder = folder_of(sequence.manifest_path)
    indices = sequence.indices
    result = Made()
    if not indices:
        return result
    known = sequence.manifest
    start, step = (known.start, known.step) if known is not None else (indices[0], _step(indices))
    packer = Packer(start, step, secrets.token_hex(6))
    named: dict[str, tuple[str, packs.Source]] = {}
    before, needed = stored.packs(), set[str]()
    wanted = [frame for frame in sequence if not _has(stored, frame, result, on_frame, needed)]
    try:
        for frame, made in at_once(target, ((frame.size or 0, partial(_made, frame)) for frame in wanted)):
            if isinstance(made, SeqSaveError):
                result.failed.append((frame, made))
            else:
                source, proxy = made
                name, full = packer.add(source, proxy)
                named[name_below(frame)] = (name, source)
                result.made += 1
                result.unbound += source.version is None and known is None
                if full is not None:
                    _publish(target, folder, packer, full, result)
            on_frame(frame)
    finally:
        # Also after an interrupt: what was made is stored, and the next call goes on from there.
        for pack in packer.rest():
            _publish(target, folder, packer, pack, result)
        if named and known is not None:
            manifests.change(target, sequence.manifest_path, partial(_noted, named))
    needed.update(name for name, _ in named.values())
    if not result.unbound and (known is None or not known.writers):
        for name in before - needed:
            call(target, partial(target.delete, f"{folder}/{name}"))
            result.removed += 1
    return result


def _has(
    stored: StoredProxies, frame: Frame, result: Made, on_frame: Callable[[Frame], None], needed: set[str]
) -> bool:
    pack = stored.pack_of(frame)
    if pack is None:
        return False
    needed.add(pack)
    result.kept += 1
    on_frame(frame)
    return True


def _step(indices: tuple[int, ...]) -> int:
    """Return the distance between two numbers that are next to each other, for most of them."""
    distances: dict[int, int] = {}
    for one, other in pairwise(indices):
        distances[other - one] = distances.get(other - one, 0) + 1
    return max(distances, key=lambda one: (distances[one], -one), default=1)


def _made(frame: Frame) -> tuple[Frame, tuple[packs.Source, packs.Proxy] | SeqSaveError]:
    """Read a frame, and return its small pictures, or the error because of which there are none."""
    try:
        data, published = frame.read_published()
        decoded = frame.decode(data)
        proxy = make(decoded.array, decoded.info, extension=frame.name.rpartition(".")[2].lower())
    except TargetError as error:
        return frame, error
    except SeqSaveError as error:
        return frame, error
    # The version that was read: one that replaced the listed file has another picture, and is the frame now.
    version = published.version if published.version is not None else frame.version
    source = packs.Source(
        index=frame.index,
        batch=frame.batch,
        size=len(data),
        checksum=crc32_text(zlib.crc32(data)),
        version=version,
    )
    return frame, (source, proxy)


def _publish(target: Target, folder: str, packer: Packer, pack: Pack, result: Made) -> None:
    data = pack.data
    call(target, lambda: target.publish(f"{folder}/{pack.name}", data, content_type=PACK_TYPE))
    packer.note_published(pack)
    result.bytes += len(data)


def _noted(named: Mapping[str, tuple[str, packs.Source]], current: Manifest | None) -> Manifest | None:
    """Return the manifest with the packs of those frames whose recorded bytes the pictures were made of."""
    if current is None:
        return None

    def entries() -> Iterable[manifests.FrameEntry]:
        for entry in current.frames:
            name, source = named.get(entry.name, ("", None))
            is_same = source is not None and (entry.checksum, entry.size) == (source.checksum, source.size)
            yield replace(entry, proxy=name) if is_same and not entry.disputed else entry

    return replace(current, frames=tuple(entries()))
