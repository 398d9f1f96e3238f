"""What becomes of a manifest when a run begins and when it ends: plain functions from one manifest to the next.

Two rules keep it honest. Whoever may change a frame says before that the manifest is incomplete, and is named in it
until the end. And what nobody can know any more is not claimed: a run that died may have replaced any frame, so that
checksums from before it mean nothing; of two runs that wrote one frame at the same time, nobody knows who was last.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, fields, replace
from typing import Any

from seqsave import naming
from seqsave.manifest.document import (
    MOST_FRAMES,
    Facts,
    FrameEntry,
    Key,
    Manifest,
    WriterEntry,
    expanded,
    sort_key,
)

__all__ = ["CONTENT_TYPE", "Outcome", "begun", "cleared", "ended", "weakened"]

CONTENT_TYPE = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run did.

    frames:  what it wrote, and what it left alone because it was there (checksum None).
    lost:    (index, batch) of what it accepted and did not get there: failed, given up, kept in the spool.
    wanted:  further indices that there should be, where somebody else's frame is.
    sound:   it ran to its end and lost nothing. What it saved is all that there should be, where no total says more.
    defines: it is a run over the whole, and not one that only mends frames.
    """

    frames: Collection[FrameEntry] = ()
    lost: Collection[Key] = field(default_factory=frozenset)
    wanted: Collection[int] = ()
    sound: bool = True
    defines: bool = True


def cleared(manifest: Manifest, is_dead: Callable[[WriterEntry], bool]) -> Manifest:
    """Without the writers that are dead, and without what they have made doubtful."""
    dead = [writer for writer in manifest.writers if is_dead(writer)]
    if not dead:
        return manifest
    return replace(
        manifest,
        complete=False,
        writers=tuple(writer for writer in manifest.writers if writer not in dead),
        unfinished=(*manifest.unfinished, *(writer.id for writer in dead)),
        frames=weakened(manifest.frames) if any(writer.replaces for writer in dead) else manifest.frames,
    )


def weakened(frames: Collection[FrameEntry]) -> tuple[FrameEntry, ...]:
    """The frames as what is there, without saying what is in them."""
    return tuple(replace(frame, checksum=None, etag=None, acknowledged=False, recipe=None) for frame in frames)


def begun(current: Manifest | None, facts: Facts, me: WriterEntry, *, defines: bool = True) -> Manifest:
    """The manifest while ``me`` is writing. Twice is the same as once."""
    if current is None:
        return Manifest(**_values(facts), expected=_declared(facts), writers=(me,))
    if any(writer.id == me.id for writer in current.writers):  # an earlier attempt arrived after all
        return replace(current, complete=False)
    writers = (*current.writers, me)
    if not defines:
        return replace(current, complete=False, writers=writers)
    declared = _declared(facts)
    expected = declared if _is_redeclared(current, facts) else _union(current.expected, declared)
    return replace(current, **_values(facts), complete=False, expected=expected, writers=writers)


def ended(current: Manifest | None, facts: Facts, me: WriterEntry, outcome: Outcome, base: Manifest | None) -> Manifest:
    """The manifest with what ``me`` did, who is gone from it. ``base`` is how it was when ``me`` began."""
    now = begun(None, facts, me) if current is None else current  # None: somebody removed it
    known = {frame.key: frame for frame in now.frames}
    before = {} if base is None else {frame.key: frame for frame in base.frames}
    for frame in outcome.frames:
        known[frame.key] = _newest(frame, known.get(frame.key), before.get(frame.key))
    for key in outcome.lost:
        known.pop(key, None)
    accepted = {*outcome.wanted, *(frame.index for frame in outcome.frames), *(index for index, _ in outcome.lost)}
    result = replace(
        now,
        expected=_union(now.expected, naming.to_ranges(sorted(accepted))),
        frames=tuple(sorted(known.values(), key=sort_key)),
        writers=tuple(writer for writer in now.writers if writer.id != me.id),
        unfinished=_unfinished(now, facts, me, outcome, base),
    )
    return replace(result, complete=_is_complete(result, facts, outcome))


def _newest(mine: FrameEntry, theirs: FrameEntry | None, before: FrameEntry | None) -> FrameEntry:
    """``theirs`` stands there now, ``before`` stood there when this run began."""
    if theirs is None:
        return mine
    changed = theirs != before
    if mine.checksum is None:  # only seen, not written
        return theirs if changed or mine.size in (None, theirs.size) else mine
    if changed and (theirs.disputed or theirs.checksum not in (None, mine.checksum)):
        return replace(mine, disputed=True)
    return mine


def _unfinished(
    now: Manifest, facts: Facts, me: WriterEntry, outcome: Outcome, base: Manifest | None
) -> tuple[str, ...]:
    """Runs of which it is not known how much they would have written.

    One that has run over the whole, and to its end, makes up for those that had broken off before it began.
    """
    whole = outcome.sound and outcome.defines
    gone = set(now.unfinished if base is None else base.unfinished) if whole else set()
    ids = [one for one in now.unfinished if one not in gone and one != me.id]
    is_open = not outcome.sound and facts.total is None and outcome.defines
    return (*ids, me.id) if is_open else tuple(ids)


def _is_complete(manifest: Manifest, facts: Facts, outcome: Outcome) -> bool:
    doubts = manifest.writers or manifest.unfinished or manifest.disputed or manifest.missing
    too_many = facts.total is not None and facts.total > MOST_FRAMES
    return outcome.sound and bool(manifest.frames) and not doubts and not too_many


def _declared(facts: Facts) -> tuple[range, ...]:
    """The indices that the run says there should be, where it says so."""
    if facts.total is None or facts.total > MOST_FRAMES:
        return ()
    return naming.to_ranges(range(facts.start, facts.start + facts.total * facts.step, facts.step))


def _is_redeclared(current: Manifest, facts: Facts) -> bool:
    """Whether the same animation is given another length. (Other machines may write other parts of it.)"""
    both = current.total is not None and facts.total is not None
    return both and (current.start, current.step) == (facts.start, facts.step)


def _union(*runs: tuple[range, ...]) -> tuple[range, ...]:
    if len([one for one in runs if one]) < 2:
        return next((one for one in runs if one), ())
    return naming.to_ranges(sorted(set().union(*map(expanded, runs))))


def _values(facts: Facts) -> dict[str, Any]:
    return {one.name: getattr(facts, one.name) for one in fields(Facts)}
