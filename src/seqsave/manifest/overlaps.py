"""Runs that replace the same frames at the same time: which of them each frame is from, and what that leaves whole.

The storage decides: a frame is from the run whose file it shows at the end. If a run finds that another one has
replaced its frames and recorded them, the records stay, as if it had ended before the other one began. If each of the
two has replaced frames of the other, neither is whole: the run that began later is unfinished.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from seqsave.manifest.document import Manifest
from seqsave.manifest.intervals import unite
from seqsave.manifest.outcome import Listing, Outcome, Seen, is_same_file
from seqsave.manifest.records import FrameEntry, Key, RunEntry, declared

__all__ = ["behind", "mixed_up", "replaced_since", "rivals", "takes_place_of"]


def replaced_since(
    current: Manifest | None, base: Manifest | None, outcome: Outcome, listing: Listing, same: Collection[str] = ()
) -> set[Key]:
    """Return the frames of a run that other runs have replaced and recorded since, as the listing proves.

    current: the manifest as it is. base: as it was when the run began: what it recorded then is older than the run.
    same:    names of frames that have the run's bytes, whatever their version is.
    """
    if current is None or base is None or not current.frames:
        return set()
    suspects = {frame.key: frame for frame in outcome.frames if _may_be_replaced(frame, listing, same)}
    if not suspects:
        return set()
    before = {frame.key: frame.version for frame in base.frames if frame.key in suspects}
    found = (frame for frame in current.frames if frame.key in suspects and frame.version != before.get(frame.key))
    return {frame.key for frame in found if _is_proved(frame, suspects[frame.key], listing[frame.name])}


def _may_be_replaced(mine: FrameEntry, listing: Listing, same: Collection[str]) -> bool:
    seen = listing.get(mine.name)
    return mine.checksum is not None and seen is not None and mine.name not in same and not is_same_file(mine, seen)


def _is_proved(theirs: FrameEntry, mine: FrameEntry, seen: Seen) -> bool:
    """Return True if the listing shows the recorded file and its version."""
    is_theirs = theirs.name == mine.name and theirs.checksum is not None and not theirs.disputed
    return is_theirs and seen.version is not None and (theirs.version, theirs.size) == (seen.version, seen.size)


def rivals(current: Manifest, me: str, late: Collection[Key]) -> list[RunEntry]:
    """Return the runs over the whole sequence that recorded the frames ``late``, and have ended well."""
    ids = {frame.run for frame in current.frames if frame.key in late} if late else set()
    others = ids - {me, *current.unfinished, *(writer.id for writer in current.writers)}
    return [run for run in current.runs if run.id in others and run.defines]


def behind(runs: Sequence[RunEntry], me: str, others: Iterable[RunEntry]) -> tuple[RunEntry, ...]:
    """Return the runs as if ``me`` had ended before ``others`` began; () if none of those covers its frames again."""
    mine = next((run for run in runs if run.id == me), None)
    if mine is None or not any(takes_place_of(other, mine) for other in others):
        return ()
    return tuple(replace(run, expected=()) if run.id == me else run for run in runs)


def mixed_up(runs: Sequence[RunEntry], me: str, frames: Iterable[FrameEntry], others: Iterable[RunEntry]) -> set[str]:
    """Return the runs that are not whole, since ``me`` and one of ``others`` replaced frames of each other.

    That is the one of the two that began later. Runs that keep existing frames are whole with those of others.

    frames: the frames as they are recorded now.
    """
    mine = next((run for run in runs if run.id == me), None)
    rivals_of_mine = [run for run in others if not run.keeps]
    if mine is None or mine.keeps or not mine.defines or not rivals_of_mine:
        return set()
    own = [frame for frame in frames if frame.run == me]
    places = {run.id: place for place, run in enumerate(runs)}
    mixed = [other for other in rivals_of_mine if any(_is_within(frame, other) for frame in own)]
    return {max(me, other.id, key=lambda one: places.get(one, -1)) for other in mixed}


def _is_within(frame: FrameEntry, run: RunEntry) -> bool:
    """Return True if the run was to save the frame."""
    reach = unite(run.expected, declared(run.start, run.step, run.total))
    return any(frame.index in one for one in reach) and (not run.batches or frame.batch in run.batches)


def takes_place_of(later: RunEntry, run: RunEntry) -> bool:
    """Return True if a later run covers a sequence again, and so takes the place of an earlier one."""
    return not run.defines or (run.start, run.step) == (later.start, later.step)
