"""What becomes of a manifest when a run begins and when it ends: plain functions from one manifest to the next.

Two rules keep it honest, and ``tests/manifest/protocol.py`` proves them. A run enters its id before it changes a frame,
and leaves at its end. And a run that ends looks: it records only what a listing of the folder shows in the version that
was acknowledged. Whatever another run, dead or alive, or another program did to a frame shows as another version.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from seqsave import naming
from seqsave.manifest.document import (
    MOST_FRAMES,
    UNKNOWN_VERSION,
    Facts,
    FrameEntry,
    Key,
    Manifest,
    WriterEntry,
    expanded,
    sort_key,
)

__all__ = ["CONTENT_TYPE", "Listing", "Outcome", "Seen", "begun", "confirmed", "ended", "in_doubt", "without"]

CONTENT_TYPE = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run did.

    frames:  what it wrote, and what it left alone because it was there (checksum None).
    lost:    (index, batch) of what it accepted and did not get there: failed, given up, kept in the spool.
    wanted:  further expected indices, of frames that other runs or programs wrote.
    sound:   it ran to its end and lost nothing. What it saved is all that there should be, where no total says more.
    defines: it is a run over the whole, and not one that only mends frames.
    """

    frames: Collection[FrameEntry] = ()
    lost: Collection[Key] = field(default_factory=frozenset)
    wanted: Collection[int] = ()
    sound: bool = True
    defines: bool = True


@dataclass(frozen=True, slots=True)
class Seen:
    """One frame as a listing shows it: its size in bytes, and its version, None where the storage has none."""

    size: int
    version: str | None


Listing = Mapping[str, Seen]
"""What a listing of the sequence's folder shows, by the names that a manifest uses."""


def without(manifest: Manifest, gone: Collection[str]) -> Manifest:
    """Return the manifest without the runs whose ids are in ``gone``: it is proved that they are dead.

    What they replaced shows at the next commit, which looks at every version.
    """
    left = tuple(writer for writer in manifest.writers if writer.id not in gone)
    if len(left) == len(manifest.writers):
        return manifest
    dead = [writer.id for writer in manifest.writers if writer.id in gone and writer.defines]
    return replace(manifest, complete=False, writers=left, unfinished=(*manifest.unfinished, *dead))


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


def ended(
    current: Manifest | None,
    facts: Facts,
    me: WriterEntry,
    outcome: Outcome,
    base: Manifest | None,
    listing: Listing | None,
    same: Collection[str] = (),
) -> Manifest:
    """Return the manifest with what ``me`` did, which leaves it.

    base:    the manifest as it was when ``me`` began.
    listing: the folder, listed after ``current`` was read; None where the key may not list.
    same:    names of frames of ``in_doubt`` that were read since, and hold the bytes that were recorded.
    """
    now = begun(None, facts, me) if current is None else current  # None: it was removed
    known = _merged(now, outcome, listing or {})
    accepted = {*outcome.wanted, *(frame.index for frame in outcome.frames), *(index for index, _ in outcome.lost)}
    found = known.values() if listing is None else confirmed(known.values(), listing, same)
    result = replace(
        now,
        expected=_union(now.expected, naming.to_ranges(sorted(accepted))),
        frames=tuple(sorted(found, key=sort_key)),
        writers=tuple(writer for writer in now.writers if writer.id != me.id),
        unfinished=_unfinished(now, facts, me, outcome, base),
        confirmed=listing is not None,
    )
    return replace(result, complete=_is_complete(result, facts, outcome))


def in_doubt(current: Manifest | None, outcome: Outcome, listing: Listing) -> list[FrameEntry]:
    """Return the frames that the listing shows with the recorded size and another version, or a version never seen.

    Their bytes may be those that were recorded: the answer to a PUT was lost, or the folder was copied.
    """
    found = []
    for frame in _merged(current, outcome, listing).values():
        seen = listing.get(frame.name)
        if seen is not None and frame.checksum is not None and frame.size == seen.size:
            found += [frame] * (not _is_same_file(frame, seen))
    return found


def confirmed(frames: Iterable[FrameEntry], listing: Listing, same: Collection[str]) -> Iterator[FrameEntry]:
    """Yield the frames that the listing shows: those with another size or version are disputed from now on."""
    for frame in frames:
        seen = listing.get(frame.name)
        if seen is None:
            continue
        if frame.checksum is None and not frame.disputed:  # only seen, and seen again
            yield replace(frame, size=seen.size, version=seen.version)
        elif not frame.disputed and (_is_same_file(frame, seen) or frame.name in same):
            yield replace(frame, version=seen.version)
        else:
            yield replace(_of_unknown_bytes(frame), size=seen.size, version=seen.version, disputed=True)


def _of_unknown_bytes(frame: FrameEntry) -> FrameEntry:
    return replace(frame, checksum=None, etag=None, acknowledged=False, recipe=None)


def _merged(current: Manifest | None, outcome: Outcome, listing: Listing) -> dict[Key, FrameEntry]:
    """Return what is recorded of each frame once the run's own are put in."""
    known = {} if current is None else {frame.key: frame for frame in current.frames}
    for frame in outcome.frames:
        known[frame.key] = _newest(frame, known.get(frame.key), listing.get(frame.name))
    for key in outcome.lost:
        known.pop(key, None)
    return known


def _newest(mine: FrameEntry, theirs: FrameEntry | None, seen: Seen | None) -> FrameEntry:
    """Return what is known of a frame that this run wrote, or left alone; ``theirs`` is recorded.

    A frame that was left alone keeps its record. If it is another file than the recorded one, only a run that decoded
    it (it knows the picture) says what it is.
    """
    if theirs is not None and mine.version == UNKNOWN_VERSION and mine.checksum == theirs.checksum:
        return theirs  # published and recorded by a flush of the spool
    if theirs is None or mine.checksum is not None:
        return mine
    is_the_recorded = seen is not None and not theirs.disputed and _is_same_file(theirs, seen)
    return mine if mine.picture is not None and not is_the_recorded else theirs


def _is_same_file(frame: FrameEntry, seen: Seen) -> bool:
    """Return True if the listing shows what was recorded. Where either has no version, the size must do."""
    return frame.size == seen.size and (seen.version in (None, frame.version) or frame.version is None)


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
    doubts = manifest.writers or manifest.unfinished or manifest.disputed or manifest.missing or not manifest.confirmed
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
