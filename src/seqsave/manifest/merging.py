"""Change a manifest when a run begins and when it ends: pure functions from one manifest to the next.

Two rules keep the manifest correct, and ``tests/manifest/protocol.py`` proves them. A run adds its id before it changes
a frame, and removes it at its end. And before it ends, a run lists the folder, and records a frame only if the listing
shows the version that was acknowledged. A change by any other run or program shows as another version.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import fields, replace
from typing import Any

from seqsave import naming
from seqsave.manifest.document import EARLIER, UNKNOWN_VERSION, Manifest, sort_key
from seqsave.manifest.intervals import Intervals, count, covers, subtract, unite
from seqsave.manifest.outcome import Listing, Outcome, Seen, is_same_file
from seqsave.manifest.overlaps import behind, mixed_up, replaced_since, rivals, takes_place_of
from seqsave.manifest.records import RUN_HEAD, Facts, FrameEntry, Key, RunEntry, WriterEntry, declared, is_too_many

__all__ = [
    "CONTENT_TYPE",
    "begun",
    "confirmed",
    "disputed",
    "ended",
    "in_doubt",
    "redefined",
    "replaced",
    "shown",
    "unrecorded",
    "with_runs",
    "without",
    "without_frames",
]

CONTENT_TYPE = "application/json"


def without(manifest: Manifest, gone: Collection[str]) -> Manifest:
    """Return the manifest without the runs whose ids are in ``gone``, which are proved to be dead.

    Frames that they replaced are found by the next commit, which compares every version.
    """
    left = tuple(writer for writer in manifest.writers if writer.id not in gone)
    if len(left) == len(manifest.writers):
        return manifest
    dead = [writer.id for writer in manifest.writers if writer.id in gone and writer.defines]
    return replace(manifest, complete=False, writers=left, unfinished=(*manifest.unfinished, *dead))


def begun(
    current: Manifest | None, facts: Facts, me: WriterEntry, *, defines: bool = True, batches: Collection[int] = ()
) -> Manifest:
    """Return the manifest while ``me`` is writing. Calling it twice has the same effect as once.

    batches: the variations that the run is known to save.
    """
    now = Manifest(**_values(facts)) if current is None else with_runs(current)
    if any(writer.id == me.id for writer in now.writers):  # an earlier attempt has arrived
        return replace(now, complete=False)
    writers = (*now.writers, me)
    if not defines and current is not None:
        return replace(now, complete=False, writers=writers)
    mine, before = _run_entry(facts, me, batches), now.run(me.id)
    if before is not None:  # a run over many tasks, which was committed or given up, goes on
        mine = replace(mine, expected=unite(before.expected, mine.expected))
    runs = (*(run for run in now.runs if run.id != me.id), mine)
    return replace(now, **_values(facts), complete=False, writers=writers, runs=runs, expected=_expected(runs))


def ended(
    current: Manifest | None,
    facts: Facts,
    me: WriterEntry,
    outcome: Outcome,
    base: Manifest | None,
    listing: Listing | None,
    same: Collection[str] = (),
) -> Manifest:
    """Return the manifest with the outcome of ``me``, and without ``me`` among the writers.

    base:    the manifest as it was when ``me`` began.
    listing: the folder, listed after ``current`` was read; None without the right to list.
    same:    names of frames of ``in_doubt`` that were read since, and have the recorded bytes.
    """
    # It may have been removed since.
    now = begun(None, facts, me, defines=outcome.defines) if current is None else with_runs(current)
    if not (outcome.sound or outcome.frames or outcome.lost) and any(run.id != me.id for run in now.runs):
        return _untouched(now, me, listing, same)
    late = replaced_since(now, base, outcome, listing or {}, same)
    known = _merged(now, me.id, outcome, listing or {}, late)
    found = known.values() if listing is None else confirmed(known.values(), listing, same)
    frames = tuple(sorted(found, key=sort_key))
    others = rivals(now, me.id, late) if outcome.sound else []
    mixed = mixed_up(now.runs, me.id, frames, others)
    runs = behind(now.runs, me.id, () if mixed else others) or _runs_at_end(now, facts, me, outcome)
    runs = tuple(replace(run, mixed=True) if run.id in mixed else run for run in runs)
    result = replace(
        now,
        expected=_expected(runs),
        frames=frames,
        writers=tuple(writer for writer in now.writers if writer.id != me.id),
        confirmed=listing is not None,
        runs=runs,
    )
    unfinished = _unfinished(result, me, outcome, base)
    result = replace(result, unfinished=(*unfinished, *sorted(mixed.difference(unfinished))))
    result = replace(result, runs=_still_needed(result))
    return replace(result, complete=_is_complete(result, facts, outcome))


def _untouched(now: Manifest, me: WriterEntry, listing: Listing | None, same: Collection[str]) -> Manifest:
    """Return the manifest after a run that changed nothing, such as one that may not replace frames and found all."""
    found = now.frames if listing is None else confirmed(now.frames, listing, same)
    runs = tuple(run for run in now.runs if run.id != me.id)
    return _judged(
        replace(
            now,
            frames=tuple(sorted(found, key=sort_key)),
            runs=runs,
            expected=_expected(runs),
            writers=tuple(writer for writer in now.writers if writer.id != me.id),
            unfinished=tuple(one for one in now.unfinished if one != me.id),
            confirmed=listing is not None,
        )
    )


def without_frames(manifest: Manifest, names: Collection[str]) -> Manifest:
    """Return the manifest without frames that were deleted. It is complete if there are no other obstacles.

    names: of their files, in any Unicode form.
    """
    gone = set(map(naming.normalized, names))
    frames = tuple(frame for frame in manifest.frames if naming.normalized(frame.name) not in gone)
    return _judged(replace(manifest, frames=frames))


def replaced(manifest: Manifest, names: Collection[str], run: str) -> Manifest:
    """Return the manifest after ``run`` deleted these frames of earlier runs, which it replaces as a whole.

    An earlier run expects no frames any more, unless frames of it are left: in batch folders, or not deletable.
    """
    now, ids = without_frames(manifest, names), [one.id for one in manifest.runs]
    left = {frame.run for frame in now.frames}
    gone = {one for one in ids[: ids.index(run)] if one not in left} if run in ids else set[str]()
    runs = tuple(replace(one, expected=()) if one.id in gone else one for one in now.runs)
    unfinished = tuple(one for one in now.unfinished if one not in gone)
    return _judged(replace(now, runs=runs, expected=_expected(runs), unfinished=unfinished))


def _judged(manifest: Manifest) -> Manifest:
    now = replace(manifest, runs=_still_needed(manifest))
    doubts = now.writers or now.unfinished or now.disputed or now.missing or now.outside
    return replace(now, complete=now.confirmed and bool(now.frames) and not doubts)


def in_doubt(
    current: Manifest | None, outcome: Outcome, listing: Listing, base: Manifest | None = None
) -> list[FrameEntry]:
    """Return the frames that the listing shows with the recorded size and a different or unknown version.

    They may still have the recorded bytes: the answer to a PUT was lost, or the folder was copied.

    base: the manifest as it was when the run began.
    """
    recorded = () if current is None else current.frames
    if all(_is_as_recorded(frame, listing.get(frame.name)) for frame in (*recorded, *outcome.frames)):
        return []  # the usual case, without merging
    # Those whose version is unknown are read, whatever else was recorded since.
    unknown = {frame.name for frame in outcome.frames if frame.version == UNKNOWN_VERSION}
    late = replaced_since(current, base, outcome, listing, unknown)
    merged = _merged(current, None, outcome, listing, late).values()
    return [frame for frame in merged if not _is_as_recorded(frame, listing.get(frame.name))]


def _is_as_recorded(frame: FrameEntry, seen: Seen | None) -> bool:
    """Return False for a frame of the recorded size that may have other bytes."""
    if seen is None or frame.checksum is None or frame.size != seen.size:
        return True
    return is_same_file(frame, seen)


def unrecorded(current: Manifest, frames: Iterable[FrameEntry]) -> list[FrameEntry]:
    """Return the frames that differ from the manifest's records."""
    known = {frame.key: frame for frame in current.frames}
    return [frame for frame in frames if not _says_the_same(frame, known.get(frame.key))]


def _says_the_same(frame: FrameEntry, recorded: FrameEntry | None) -> bool:
    if recorded is None or recorded.disputed:
        return False
    return (frame.size, frame.checksum) == (recorded.size, recorded.checksum)


def shown(current: Manifest, frames: Iterable[FrameEntry], listing: Listing) -> list[FrameEntry]:
    """Return the frames that no other run has replaced since they were written, as the listing shows.

    If no version proves that, a frame counts only if the manifest does not record another one in its place.
    """
    known = {frame.key for frame in current.frames}
    return [frame for frame in frames if _is_shown(frame, listing.get(frame.name), is_known=frame.key in known)]


def _is_shown(frame: FrameEntry, seen: Seen | None, *, is_known: bool) -> bool:
    if seen is None or frame.size != seen.size:
        return False
    return seen.version is not None and seen.version == frame.version if is_known else True


def confirmed(frames: Iterable[FrameEntry], listing: Listing, same: Collection[str]) -> Iterator[FrameEntry]:
    """Yield the frames that the listing shows; those with another size or version become disputed."""
    for frame in frames:
        seen = listing.get(frame.name)
        if seen is None:
            continue
        if frame.checksum is None and not frame.disputed:  # only found before, and found again
            # The picture is what was decoded then.
            picture = frame.picture if is_same_file(frame, seen) else None
            yield replace(frame, size=seen.size, version=seen.version, picture=picture)
        elif not frame.disputed and (is_same_file(frame, seen) or frame.name in same):
            yield frame if frame.version == seen.version else replace(frame, version=seen.version)
        else:
            yield replace(disputed(frame), size=seen.size, version=seen.version)


def disputed(frame: FrameEntry) -> FrameEntry:
    """Return the entry of a frame whose bytes are not those that were to be saved."""
    made = replace(frame, checksum=None, etag=None, acknowledged=False, recipe=None, run=None, proxy=None)
    return replace(made, sidecars=(), disputed=True)


def _merged(
    current: Manifest | None, run: str | None, outcome: Outcome, listing: Listing, late: Collection[Key]
) -> dict[Key, FrameEntry]:
    """Return the record of each frame, with the frames of ``run`` added; with its id, if that is given.

    late: frames that other runs have replaced since.
    """
    known = {} if current is None else {frame.key: frame for frame in current.frames}
    for frame in outcome.frames:
        key = frame.key
        if key in late:
            continue
        if run is not None and frame.run is None and frame.checksum is not None:
            frame = replace(frame, run=run)
        theirs = known.get(key)
        if not outcome.tidied and theirs is not None and theirs.sidecars and frame.checksum == theirs.checksum:
            frame = replace(frame, sidecars=tuple(sorted({*frame.sidecars, *theirs.sidecars})))
        known[key] = _newest(frame, theirs, listing.get(frame.name))
    for key in outcome.lost:
        known.pop(key, None)
    return known


def _newest(mine: FrameEntry, theirs: FrameEntry | None, seen: Seen | None) -> FrameEntry:
    """Return the entry of a frame that this run wrote or kept; ``theirs`` is the recorded entry.

    A frame that was kept keeps its record. If its file is not the recorded one, only a run that decoded it, and so
    knows the picture, describes it. The same bytes keep their proxy.
    """
    if theirs is not None and mine.proxy is None and _says_the_same(mine, theirs):
        mine = replace(mine, proxy=theirs.proxy)
    if theirs is not None and mine.version == UNKNOWN_VERSION and mine.checksum == theirs.checksum:
        return theirs  # published and recorded by a flush of the spool
    if theirs is None or mine.checksum is not None:
        return mine
    is_the_recorded = seen is not None and not theirs.disputed and is_same_file(theirs, seen)
    return mine if mine.picture is not None and not is_the_recorded else theirs


def _unfinished(now: Manifest, me: WriterEntry, outcome: Outcome, base: Manifest | None) -> tuple[str, ...]:
    """Return the interrupted runs that no other run has completed.

    A run over the whole sequence that ran to its end completes earlier interrupted runs of the same frames. Single runs
    may also have written the remaining frames one by one.
    """
    runs, places = {run.id: run for run in now.runs}, {run.id: place for place, run in enumerate(now.runs)}
    mine, reach = runs.get(me.id), _accepted(outcome)
    before = set(now.unfinished if base is None else base.unfinished)

    def is_made_up_for(one: str) -> bool:
        run = runs.get(one)
        if run is not None and run.total is not None and not run.about and _is_settled(now, run, places):
            return True
        may = outcome.sound and outcome.defines and one in before
        return may and (run is None or mine is None or _makes_up_for(mine, reach, run))

    ids = [one for one in now.unfinished if one != me.id and not is_made_up_for(one)]
    return (*ids, me.id) if outcome.defines and not outcome.sound else tuple(ids)


def _makes_up_for(mine: RunEntry, reach: Intervals, run: RunEntry) -> bool:
    """Return True if ``mine`` saved all frames that ``run`` was to save, as far as that is known."""
    is_known = run.total is not None and not run.about
    has_start = any(run.start in one for one in reach)
    return (mine.defines and takes_place_of(mine, run)) or ((is_known or has_start) and covers(reach, run.expected))


def _is_settled(now: Manifest, run: RunEntry, places: Mapping[str, int]) -> bool:
    """Return True if each frame that the run was to save was written by it, or by a run that began later."""
    place, wanted = places[run.id], run.expected or declared(run.start, run.step, run.total)
    written: dict[int | None, list[int]] = {batch: [] for batch in run.batches or now.batches}
    for frame in now.frames:
        if frame.batch in written and places.get(frame.run or "", -1) >= place:
            written[frame.batch].append(frame.index)
    return bool(wanted) and all(covers(naming.to_ranges(own), wanted) for own in written.values())


def _is_complete(manifest: Manifest, facts: Facts, outcome: Outcome) -> bool:
    doubts = manifest.writers or manifest.unfinished or manifest.disputed or manifest.missing or manifest.outside
    too_many = is_too_many(facts.step, facts.total)
    return outcome.sound and manifest.confirmed and bool(manifest.frames) and not doubts and not too_many


# --- which run is responsible for which frames -----------------------------------------------------------------------


def _run_entry(facts: Facts, me: WriterEntry, batches: Collection[int]) -> RunEntry:
    """Return the frames that a run is to save, as far as it knows."""
    planned = facts.planned if facts.total is None else None
    total = facts.total if planned is None else count(planned)
    return RunEntry(
        id=me.id,
        since=me.since,
        start=facts.start,
        step=facts.step,
        total=total,
        about=facts.about and planned is not None,
        batches=tuple(sorted(batches)),
        expected=declared(facts.start, facts.step, total) if planned is None else planned,
        defines=me.defines,
        keeps=facts.keeps,
    )


def _runs_at_end(now: Manifest, facts: Facts, me: WriterEntry, outcome: Outcome) -> tuple[RunEntry, ...]:
    """Return the runs; ``me`` is responsible for the frames that it was to save and those that it accepted.

    If it ran to its end without a total from its caller, no further frames are expected. If it replaced frames of
    other runs, or only found them, it is responsible only for frames that no other run expects.
    """
    accepted, others = _accepted(outcome), tuple(run for run in now.runs if run.id != me.id)
    known = now.run(me.id) or replace(_run_entry(facts, me, ()), defines=outcome.defines)
    if me.id.startswith(RUN_HEAD):
        accepted = unite(known.expected, accepted)
    runs = now.runs if len(others) < len(now.runs) else (*others, known)
    total = count(accepted) if facts.total is None else known.total
    wanted = accepted if facts.total is None else unite(known.expected, accepted)
    is_whole = facts.total is not None or _ran_from_its_start(known, accepted)
    wrote = any(frame.checksum is not None for frame in outcome.frames)
    if not outcome.defines or (outcome.sound and not is_whole and facts.planned is None):
        left = subtract(accepted, _expected(others))
        return _put(runs, replace(known, total=None, batches=(), expected=left, defines=False))
    if not outcome.sound:
        return _put(runs, replace(known, expected=unite(known.expected, accepted)))
    if not wrote and covers(_expected(others), wanted):
        return _put(runs, replace(known, expected=()))
    mine = replace(known, expected=wanted, total=total, about=False)
    return _in_place_of(runs, mine) if is_whole else _put(runs, mine)


def _accepted(outcome: Outcome) -> Intervals:
    numbers = {*outcome.wanted, *[frame.index for frame in outcome.frames], *[index for index, _ in outcome.lost]}
    return naming.to_ranges(sorted(numbers))


def _put(runs: tuple[RunEntry, ...], mine: RunEntry) -> tuple[RunEntry, ...]:
    return tuple(mine if run.id == mine.id else run for run in runs)


def redefined(manifest: Manifest, expected: Intervals) -> Manifest:
    """Return the manifest with these expected frames, whatever its runs were to save.

    Frames whose run is unknown are attributed to an earlier one.
    """
    found = (
        replace(frame, run=EARLIER) if frame.run is None and frame.checksum is not None else frame
        for frame in manifest.frames
    )
    manifest = replace(manifest, frames=tuple(found))
    runs = tuple(replace(run, expected=()) for run in manifest.runs if run.id != EARLIER)
    made = with_runs(replace(manifest, expected=expected, runs=runs))
    return replace(made, runs=_still_needed(made))


def with_runs(manifest: Manifest) -> Manifest:
    """Return the manifest with a run that is responsible for expected frames without a run."""
    beyond = subtract(manifest.expected, _expected(manifest.runs))
    if not beyond:
        return manifest
    earlier = RunEntry(id=EARLIER, since=manifest.updated, start=manifest.start, step=manifest.step, expected=beyond)
    return replace(manifest, runs=(earlier, *(run for run in manifest.runs if run.id != EARLIER)))


def _ran_from_its_start(run: RunEntry, accepted: Intervals) -> bool:
    """Return True for a run over a sequence from its first frame on; False for one that replaces some frames."""
    return count(accepted) > 1 and covers(declared(run.start, run.step, count(accepted)), accepted)


def _in_place_of(runs: tuple[RunEntry, ...], mine: RunEntry) -> tuple[RunEntry, ...]:
    """Return the runs. Those before ``mine`` over the same sequence are responsible for no frames any more.

    A run over another part of the sequence has another start. Frames that single runs replaced belong to earlier runs.
    """
    ids = [run.id for run in runs]
    before = ids.index(mine.id) if mine.id in ids else len(runs)
    left = (replace(run, expected=()) if takes_place_of(mine, run) else run for run in runs[:before])
    return (*left, mine, *runs[before + 1 :])


def _still_needed(manifest: Manifest) -> tuple[RunEntry, ...]:
    """Return the runs that expect frames, wrote a recorded frame, are active, or are unfinished."""
    active = {*manifest.unfinished, *(writer.id for writer in manifest.writers)}
    named = active | {frame.run for frame in manifest.frames if frame.run is not None}
    # A run whose frames came out of a spool, and that never reached the manifest, is known by its id only.
    foreign = sorted(named - active - {run.id for run in manifest.runs})
    kept = [run for run in manifest.runs if run.expected or run.id in named]
    return (*(RunEntry(id=one, defines=False) for one in foreign), *kept)


def _expected(runs: tuple[RunEntry, ...]) -> Intervals:
    return unite(*(run.expected for run in runs))


def _values(facts: Facts) -> dict[str, Any]:
    own = ("planned", "about", "keeps")  # of the run, not of the sequence
    return {one.name: getattr(facts, one.name) for one in fields(Facts) if one.name not in own}
