"""Find out which frames of a run other runs may have replaced, on storages whose answer to a PUT states no version.

SFTP, SMB, WebDAV and others show the version of a file only in listings. A listing at the end of a run may show another
run's file of the same size, if that run was active at the same time. Such frames are in doubt, and are read. A run that
was alone need not read its frames.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from seqsave import naming
from seqsave.manifest.document import UNKNOWN_VERSION, Manifest
from seqsave.manifest.intervals import Intervals, unite
from seqsave.manifest.outcome import Outcome
from seqsave.manifest.records import FrameEntry, RunEntry, declared

__all__ = ["EVERY", "doubted", "lacks_versions", "of_later_runs", "of_other_runs"]

EVERY: Intervals = (range(-naming.MAX_INDEX, naming.MAX_INDEX + 1),)
"""All numbers that a frame can have."""


def lacks_versions(frames: Iterable[FrameEntry]) -> bool:
    """Return True if the answer to a PUT of one of these frames stated no version."""
    return any(frame.version is None and frame.checksum is not None for frame in frames)


def doubted(outcome: Outcome, rivals: Intervals) -> Outcome:
    """Return the outcome with those frames in doubt that have no version, and that other runs may have replaced."""
    if not rivals:
        return outcome

    def judged(frame: FrameEntry) -> FrameEntry:
        is_sure = frame.version is not None or frame.checksum is None
        if is_sure or not any(frame.index in run for run in rivals):
            return frame
        return replace(frame, version=UNKNOWN_VERSION)

    return replace(outcome, frames=[judged(frame) for frame in outcome.frames])


def of_other_runs(current: Manifest, base: Manifest, me: str) -> Intervals:
    """Return the numbers of frames that other runs may have written since ``me`` wrote ``base`` at its beginning.

    The manifest has changed since then, or lists other runs as active.
    """
    before = {frame.key: frame for frame in base.frames}
    changed = [frame for frame in current.frames if frame != before.get(frame.key)]
    ids = {writer.id for writer in current.writers} | {*current.unfinished}.difference(base.unfinished)
    return _written(current, changed, ids - {me}) or EVERY


def of_later_runs(current: Manifest, me: str) -> Intervals:
    """Return the numbers of frames that other runs may have written since the run ``me`` over many tasks began."""
    ids = [run.id for run in current.runs]
    later = {*ids[ids.index(me) + 1 :]} if me in ids else {*ids}
    active = {writer.id for writer in current.writers} | later.intersection(current.unfinished)
    return _written(current, [frame for frame in current.frames if frame.run in later], active - {me})


def _written(current: Manifest, recorded: Iterable[FrameEntry], active: Iterable[str]) -> Intervals:
    """Return the numbers of these frames, and those that these runs may write."""
    own = naming.to_ranges(sorted({frame.index for frame in recorded}))
    return unite(own, *(_reach(current.run(one)) for one in active))


def _reach(run: RunEntry | None) -> Intervals:
    """Return the numbers that a run may write, as far as the manifest states them; otherwise all."""
    if run is None or run.about:
        return EVERY
    return unite(run.expected, declared(run.start, run.step, run.total)) or EVERY
