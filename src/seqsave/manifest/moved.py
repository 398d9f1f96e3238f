"""Change a manifest when its frames get other names, numbers or another place: pure functions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from seqsave import naming
from seqsave.manifest.document import Manifest, sort_key
from seqsave.manifest.intervals import Intervals, unite
from seqsave.manifest.merging import confirmed, with_runs, without_frames
from seqsave.manifest.outcome import Listing
from seqsave.manifest.records import FrameEntry, Key
from seqsave.targets import Published
from seqsave.wording import CRC32

__all__ = ["after_copy", "joined", "moved", "of_files", "settled", "with_entries"]


def moved(manifest: Manifest, name: naming.NamePattern, folder: str, offset: int, names: Mapping[Key, str]) -> Manifest:
    """Return the manifest of a sequence that is called ``name`` now, with ``offset`` added to each number.

    names: the names of the files that exist, below the sequence's folder, by their old index and batch.
    """

    def shifted(runs: Intervals) -> Intervals:
        return tuple(range(run.start + offset, run.stop + offset) for run in runs)

    def named(frame: FrameEntry) -> FrameEntry:
        index = frame.index + offset
        head = "" if frame.batch is None else f"{naming.batch_folder(frame.batch)}/"
        return replace(frame, index=index, name=names.get(frame.key) or f"{head}{name.format(index)}")

    runs = (replace(run, start=run.start + offset, expected=shifted(run.expected)) for run in manifest.runs)
    return replace(
        manifest,
        prefix=naming.join(folder, name.prefix),
        separator=name.separator,
        tail=name.tail,
        digits=name.digits,
        extension=name.extension,
        start=manifest.start + offset,
        expected=shifted(manifest.expected),
        frames=tuple(named(frame) for frame in manifest.frames),
        runs=tuple(runs),
    )


def of_files(base: Manifest, frames: Iterable[FrameEntry]) -> Manifest:
    """Return a manifest of files that no manifest records: each is expected, since it exists."""
    found = tuple(sorted(frames, key=sort_key))
    expected = naming.to_ranges(sorted({frame.index for frame in found}))
    return with_runs(replace(base, frames=found, expected=expected, runs=(), unfinished=(), writers=(), complete=False))


def joined(there: Manifest, came: Manifest, keys: Collection[Key]) -> Manifest:
    """Return the manifest of a sequence to which the frames of another one come.

    keys: of the files that come. A frame that both record, and that does not come, is that of ``there``; if it was only
          found there, it may have come before.
    """
    frames = {frame.key: frame for frame in came.frames}
    frames |= {
        frame.key: frame
        for frame in there.frames
        if frame.key not in keys and (frame.checksum is not None or frame.key not in frames)
    }
    ids = {run.id for run in there.runs}
    made = replace(
        there,
        complete=False,
        frames=tuple(sorted(frames.values(), key=sort_key)),
        expected=unite(there.expected, came.expected),
        runs=(*there.runs, *(run for run in came.runs if run.id not in ids)),
        unfinished=tuple(dict.fromkeys((*there.unfinished, *came.unfinished))),
        confirmed=there.confirmed and came.confirmed,
    )
    return with_runs(made)


def with_entries(manifest: Manifest, new: Iterable[FrameEntry]) -> Manifest:
    """Return the manifest with entries of files that were copied in the place of the recorded ones."""
    frames = {frame.key: frame for frame in (*manifest.frames, *new)}
    return replace(manifest, frames=tuple(sorted(frames.values(), key=sort_key)))


def settled(manifest: Manifest, listing: Listing | None, same: Collection[str]) -> Manifest:
    """Return the manifest as a listing confirms it. It is complete if nothing is missing or in doubt.

    same: names of frames in doubt that were read, and hold the bytes that were recorded.
    """
    frames = manifest.frames if listing is None else tuple(confirmed(manifest.frames, listing, same))
    return without_frames(replace(manifest, frames=frames, confirmed=listing is not None), ())


def after_copy(entry: FrameEntry, published: Published, checksum: str) -> FrameEntry:
    """Return the entry of a file that was copied. Bytes other than the recorded ones are disputed there, too.

    checksum: of the bytes that were copied, as ``"crc32:9ae0daaf"``.
    """
    recorded = entry.checksum
    if recorded is not None and recorded.startswith(CRC32) and recorded != checksum:
        entry = replace(entry, checksum=None, recipe=None, run=None, proxy=None, sidecars=(), disputed=True)
    return replace(
        entry,
        size=published.size,
        etag=published.etag,
        version=published.version,
        acknowledged=published.acknowledged and entry.checksum is not None,
    )
