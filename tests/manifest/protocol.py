"""A model of runs that share one sequence, small enough to try every interleaving of its steps.

A step is what one process does to the storage in one request. Between any two steps another process may take one, or
a process may be killed. ``explore`` follows every possibility and returns the states in which the manifest claims more
than the storage holds.

The rules that the model states, and the code follows:

- A run enters its random id into the manifest before its first PUT, by compare-and-swap.
- At its end a run reads the manifest, lists the folder, and swaps in what the listing confirmed: a frame is recorded
  with a checksum only if the version that the storage shows is the version that was acknowledged for those bytes. The
  swap fails if the manifest changed after it was read, and the run then reads and lists again.
- ``complete`` is written only if no run is entered, each expected frame is recorded, and nothing is in doubt.
- Only proof removes the id of a run that did not end, and the proof comes before the listing: a run that is alive when
  the folder is listed may still PUT before it dies.
- Where the answer to a PUT states no version, a run that was alone takes the version that its listing shows for its
  own. It was alone if the manifest is still the one that it wrote when it entered, and names no other run. Otherwise
  it reads the frames.
- A frame that another run has replaced and recorded since a run began keeps that record, if the listing proves it, as
  if the run had ended before the other one began. If the run has replaced frames of the other one as well, the frames
  of both are mixed, and one of the two is named as interrupted.
- A run that changed nothing, since other frames were there, leaves no trace.
- A flush is a run. It publishes an entry only over the version that the entry's run knew; anything else is a conflict.
- A run that gave a frame up, or was killed, may still have a PUT under way, which arrives at any time or never. Its
  commit records nothing of that frame and is not ``complete``: the manifest names it as interrupted, until a run over
  all frames that began later completes it.

What may be claimed when other programs do harm: a commit that claims a frame has seen its version after it read the
manifest, so that harm from before is always noticed. Harm from after it shows as another version, or as no file, and
never as the version that is recorded. The same is true of a PUT that arrives after the manifest has named its run as
interrupted.

Each PUT makes a version that no other PUT makes; the bytes are those that its run rendered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Actor", "Flaws", "Manifest", "Stored", "World", "canonical", "explore", "lies", "mixes", "reachable"]


UNANSWERED = "?"
"""The version of a frame whose PUT was answered without one."""


class Stored(NamedTuple):
    """One frame in the storage: whose bytes, and the version that the PUT made."""

    content: str
    version: str


class Manifest(NamedTuple):
    """The manifest's statements. ``records`` has the version and bytes that it states for each frame."""

    revision: int
    complete: bool
    entered: frozenset[str]
    expected: frozenset[int]
    records: tuple[Stored | None, ...]
    interrupted: frozenset[str] = frozenset()


class Kept(NamedTuple):
    """One spool entry: the frame, its bytes, and the version that its run knew under that name (None: no frame).

    spool: the flush that publishes it.
    """

    frame: int
    content: str
    base: str | None
    known: bool
    spool: str = "f"


@dataclass(frozen=True, eq=False)
class Flaws:
    """Rules to leave out, so that a test sees that the exploration finds what they prevent."""

    trusts_acknowledgements: bool = False
    """A commit records what it sent, without a look at the storage."""
    shares_ids: bool = False
    """All flushes enter the same id, such as one made from the spool's path."""
    guesses_deaths: bool = False
    """A run that is still at work is taken for dead."""
    proves_deaths_late: bool = False
    """A commit asks which runs are dead after it listed the folder."""
    flush_replaces: bool = False
    """A flush publishes whatever exists under the name."""
    flush_only_looks: bool = False
    """A flush looks what exists, and then publishes without a condition."""
    lists_before_reading: bool = False
    """A commit lists first, then reads the manifest that it swaps."""
    looks_at_names_only: bool = False
    """A commit claims a frame if the storage shows a file of its name, whatever its version is."""
    trusts_names: bool = False
    """Where answers state no version, a commit counts every file as its own, whichever other run was entered."""
    forgets_given_up: bool = False
    """A run says nothing of the frames that it gave up, as if it had not set out to save them."""
    counts_kept_as_saved: bool = False
    """A frame in the spool counts as saved."""
    swaps_only_after: bool = False
    """A run does not enter: it swaps the manifest once, after its PUTs."""
    takes_mixed_for_whole: bool = False
    """A run does not ask whether it and another one replaced frames of each other."""
    denies_what_came_later: bool = False
    """A run records nothing of a frame that another one has replaced and recorded since."""
    swaps_only_before: bool = False
    """A run does not commit: it swaps the manifest once, before its PUTs, and records what it is about to send."""


class Actor(NamedTuple):
    """One process. ``step`` names what it does next; ``done`` and ``dead`` are final.

    mode:     ``overwrite``, ``error``, ``skip``, ``flush``, or ``harm``: another program, which deletes or overwrites
              one frame at any time.
    frames:   what it sets out to save, or may harm.
    defines:  it is over the whole sequence; else it mends frames, and is not named as interrupted.
    may_give_up: it may give any PUT up, which then arrives at any time or never.
    may_fail: the storage may refuse its PUTs, which then go to the spool.
    may_die:  it may be killed before any step. provable: others can prove that it is dead.
    may_list: whether its key may list the folder.
    spool:    the spool that it fills or flushes.
    """

    name: str
    mode: str
    frames: tuple[int, ...] = (0, 1)
    defines: bool = True
    may_fail: bool = False
    may_give_up: bool = False
    may_die: bool = False
    provable: bool = True
    may_list: bool = True
    spool: str = "f"
    step: str = "read"
    position: int = 0
    seen: Manifest | None = None
    gone: frozenset[str] = frozenset()
    listed: tuple[Stored | None, ...] = ()
    first_listed: tuple[Stored | None, ...] = ()
    sent: tuple[tuple[int, Stored], ...] = ()
    company: bool = False
    """Whether other runs were entered since it entered."""
    base: tuple[Stored | None, ...] = ()
    """What the manifest recorded when it began."""
    kept: frozenset[int] = frozenset()
    gave_up: frozenset[int] = frozenset()
    missed: frozenset[int] = frozenset()
    """Frames that others changed since it listed the folder."""
    before: frozenset[str] = frozenset()
    """The runs that the manifest named as interrupted when it began."""
    published: frozenset[Kept] = frozenset()
    failed: bool = False
    current: int = 0
    looked: Stored | None = None


# What a process knows before its first step.
_NOTHING = {name: Actor._field_defaults[name] for name in Actor._fields[Actor._fields.index("position") :]}


class World(NamedTuple):
    """The storage, one spool folder, and the processes."""

    storage: tuple[Stored | None, ...]
    actors: tuple[Actor, ...]
    manifest: Manifest | None = None
    revision: int = 0
    spool: frozenset[Kept] = frozenset()
    conditions: bool = True
    """Whether the storage compares before it swaps."""
    answers: bool = True
    """Whether the answer to a PUT states the version that listings show."""
    flaws: Flaws = Flaws()
    clobbered: bool = False
    """Whether a flush has replaced a frame that the run of its entry did not know."""
    under_way: frozenset[tuple[str, int, Stored]] = frozenset()
    """PUTs that were given up: the run, the frame, and what arrives."""
    reported: frozenset[str] = frozenset()
    """The runs that a manifest has ever named as interrupted."""
    excused: frozenset[int] = frozenset()
    """Frames that others changed after the look that the manifest's claims come from."""


def explore(
    world: World, *, most: int = 3_000_000, first: bool = False, reduces: bool = True
) -> tuple[int, list[World]]:
    """Return the number of states that can be reached, and those in which the manifest lies or a frame was lost.

    first: one of the latter is enough. reduces: follow one of all states that differ in nothing that can matter.
    """
    found: list[World] = []
    seen = 0
    for seen, now in enumerate(reachable(world, reduces=reduces), 1):
        if now.clobbered or lies(now) or mixes(now):
            found.append(now)
            if first:
                break
        if seen > most:
            raise AssertionError(f"more than {most} states: make the world smaller")
    return seen, found


def reachable(world: World, *, reduces: bool = True) -> Iterator[World]:
    """Yield each state that can be reached, once; of those that lead to the same ones, ``reduces`` yields one."""
    same = canonical if reduces else _unchanged
    start = same(world)
    seen, todo = {start}, deque([start])
    while todo:
        now = todo.popleft()
        yield now
        for after in map(same, _successors(now)):
            if after not in seen:
                seen.add(after)
                todo.append(after)


def lies(world: World) -> bool:
    """Return whether the manifest says complete although a frame is missing or holds other bytes than it records.

    What others did after the look cannot be known by it, and has to show as another version. Where the storage does not
    compare before it swaps, a reader believes the manifest only as far as the listing shows the recorded versions; the
    claim that is judged is the reader's.
    """
    manifest = world.manifest
    if manifest is None or not manifest.complete:
        return False
    recorded = [(n, *both) for n, both in enumerate(zip(manifest.records, world.storage, strict=True)) if both[0]]
    shown = [
        stored is not None and record is not None and stored.version == record.version for _, record, stored in recorded
    ]
    if not world.conditions and not all(shown):
        return False
    if any(manifest.records[frame] is None for frame in manifest.expected):
        return True
    return any(
        (frame not in world.excused or is_shown)
        and (stored is None or record is None or stored.content != record.content)
        for (frame, record, stored), is_shown in zip(recorded, shown, strict=True)
    )


def mixes(world: World) -> bool:
    """Return whether the manifest says complete of frames of two runs, each of which was to replace the other's."""
    now = world.manifest
    if now is None or not now.complete:
        return False
    whole = {one.name: one.frames for one in world.actors if one.mode == "overwrite" and one.defines}
    # Frames that could be those of the other run of each pair.
    found = {
        (record.content, other)
        for frame, record in enumerate(now.records)
        for other in whole
        if record is not None and record.content in whole and record.content != other and frame in whole[other]
    }
    return any((other, one) in found for one, other in found)


# --- states that differ in nothing that can matter ------------------------------------------------------------------


def canonical(world: World) -> World:
    """Return the state that stands for all that lead to the same claims.

    What is left out can have no effect on what follows, for these reasons:

    - A process that has ended takes no further step: only its name and kind are asked for.
    - A run whose manifest was swapped by another one sends one listing and one swap that fails, and reads again. Both
      change nothing, so that it may as well read again at once. So the manifest's revision only has to be the one that
      was read, or another one.
    - Whether a run has no more frames to PUT, or lists for nothing, is not a request: the next one follows at once.
    - Of a listing before a commit, only the versions count that the commit can confirm.
    - A spool that no flush reads any more, and entries that are gone from it, are never asked for; nor is the name of
      an interrupted run without a PUT that may arrive.

    ``test_protocol`` compares the claims that can be made with those of the exploration without this.
    """
    is_read = any(actor.mode == "flush" and actor.step not in _ENDED for actor in world.actors)
    spool = world.spool if is_read else frozenset()
    actors = tuple([_canonical(world, actor) for actor in world.actors])
    now = world.manifest
    return world._replace(
        actors=actors,
        manifest=None if now is None else now._replace(revision=0),
        revision=0,
        spool=spool,
        reported=world.reported & {actor.name for actor in actors if actor.may_give_up},
    )


def _unchanged(world: World) -> World:
    return world


def _canonical(world: World, actor: Actor) -> Actor:
    if actor.step in _ENDED:
        return actor._replace(**_NOTHING)
    reads_last = world.flaws.lists_before_reading
    if actor.step in ("enter", "commit") or (actor.step == "list" and not reads_last):
        if world.conditions and actor.seen != world.manifest:
            actor = actor._replace(step="read", seen=None) if actor.step == "enter" else _to_commit(actor, world)
        elif actor.seen is not None:
            actor = actor._replace(seen=actor.seen._replace(revision=0), gone=actor.gone & actor.seen.entered)
    if actor.step == "survey" and not (actor.mode == "skip" or actor.may_fail):
        actor = actor._replace(step="look" if actor.mode == "flush" else "put")
    if actor.step == "put" and actor.position == len(actor.frames):
        actor = _to_commit(actor, world)
    if actor.step == "commit" and actor.listed and not world.flaws.looks_at_names_only:
        now = actor.seen or Manifest(0, False, frozenset(), frozenset(), (None,) * len(world.storage))
        three = zip(_vouched(world, actor, now), _later(world, actor, now), actor.listed, strict=True)
        listed = tuple(
            [
                stored if _is_shown(world, actor, record, stored) or (later and later == stored) else None
                for record, later, stored in three
            ]
        )
        actor = actor._replace(listed=listed)
    if actor.step in ("reread", "list", "commit") and actor.first_listed:
        actor = actor._replace(first_listed=())
    if actor.published and not actor.published <= world.spool:
        actor = actor._replace(published=actor.published & world.spool)
    return actor


_ENDED = ("done", "dead")


# --- steps -----------------------------------------------------------------------------------------------------------


def _successors(world: World) -> Iterator[World]:
    for number, actor in enumerate(world.actors):
        if actor.step in ("done", "dead"):
            continue
        if actor.may_die:
            dead = actor._replace(step="dead", seen=None, gone=frozenset(), listed=(), looked=None)
            yield _with(world, number, dead)
            if actor.may_give_up and actor.step == "put" and actor.position < len(actor.frames):
                yield _with(_send(world, actor, actor.frames[actor.position]), number, dead)
        for world_after, actor_after in _STEPS[actor.step](world, actor):
            yield _with(world_after, number, actor_after)
    for put in world.under_way:
        yield _arrives(world, *put)
    # The owner of the spool may delete an entry at any time.
    if world.spool and any(actor.mode == "flush" for actor in world.actors):
        for entry in world.spool:
            yield world._replace(spool=world.spool - {entry})


def _with(world: World, number: int, actor: Actor) -> World:
    return world._replace(actors=(*world.actors[:number], actor, *world.actors[number + 1 :]))


def _send(world: World, actor: Actor, frame: int) -> World:
    """Return the world with a PUT under way that no process waits for any more."""
    return world._replace(
        under_way=world.under_way | {(actor.name, frame, Stored(actor.name, f"{actor.name}.late.{frame}"))}
    )


def _arrives(world: World, name: str, frame: int, stored: Stored) -> World:
    """Return the world after a PUT has arrived. Only of a run that was named as interrupted it is excused."""
    after = _stored(world._replace(under_way=world.under_way - {(name, frame, stored)}), frame, stored)
    is_entered = world.manifest is not None and name in world.manifest.entered
    return _excused(after, frame) if name in world.reported and not is_entered else after


def _excused(world: World, frame: int) -> World:
    """Return the world in which a frame was changed by others: those who have looked do not know of it."""
    actors = tuple(
        actor._replace(missed=actor.missed | {frame}) if actor.step == "commit" else actor for actor in world.actors
    )
    return world._replace(actors=actors, excused=world.excused | {frame})


Steps = Iterator[tuple[World, Actor]]


def _harm(world: World, actor: Actor) -> Steps:
    """Delete a frame, or put other bytes in its place."""
    for frame in actor.frames:
        for stored in (None, Stored(actor.name, f"{actor.name}.{frame}")):
            yield _excused(_stored(world, frame, stored), frame), actor._replace(step="done")


def _read(world: World, actor: Actor) -> Steps:
    """Read the manifest, to enter the run."""
    if actor.mode == "flush" and not _entries(world, actor):
        yield world, actor._replace(step="done")
    else:
        yield world, actor._replace(step="enter", seen=world.manifest)


def _enter(world: World, actor: Actor) -> Steps:
    """Swap in a manifest that names the run."""
    if world.flaws.swaps_only_after:
        yield world, actor._replace(step="survey", seen=None)
        return
    now = actor.seen or Manifest(0, False, frozenset(), frozenset(), (None,) * len(world.storage))
    wanted = frozenset() if actor.mode == "flush" else frozenset(actor.frames)
    dead = now.entered & _dead(world, actor)
    interrupted, entered = now.interrupted | _defining(world, dead), now.entered - dead | {_id(world, actor)}
    after = now._replace(complete=False, entered=entered, expected=now.expected | wanted, interrupted=interrupted)
    if world.flaws.swaps_only_before:
        sent = {frame: Stored(actor.name, f"{actor.name}.{frame}") for frame in actor.frames}
        records = tuple([sent.get(frame, record) for frame, record in enumerate(now.records)])
        after = now._replace(records=records, expected=after.expected)
    swapped = _swap(world, actor, after)
    if swapped is None:
        yield world, actor._replace(step="read", seen=None)
    else:
        company = len(entered) > 1 and not world.answers
        base = now.records if any(now.records) else ()
        yield swapped, actor._replace(step="survey", seen=None, before=interrupted, company=company, base=base)


def _survey(world: World, actor: Actor) -> Steps:
    """List the folder: what ``skip`` leaves alone, and what a spool entry calls the version before it."""
    first = world.storage if actor.may_list else ()
    yield world, actor._replace(step="look" if actor.mode == "flush" else "put", first_listed=first)


def _put(world: World, actor: Actor) -> Steps:
    """Publish the next frame, or find that another one is there."""
    if actor.position == len(actor.frames):
        yield world, _to_commit(actor, world)
        return
    frame = actor.frames[actor.position]
    onward = actor._replace(position=actor.position + 1)
    if actor.mode == "skip" and actor.first_listed and actor.first_listed[frame] is not None:
        yield world, onward
        return
    if actor.may_fail:
        first = actor.first_listed[frame] if actor.first_listed else None
        entry = Kept(frame, actor.name, first.version if first else None, bool(actor.first_listed), actor.spool)
        yield world._replace(spool=world.spool | {entry}), onward._replace(kept=actor.kept | {frame})
    existing = world.storage[frame]
    if actor.mode in ("error", "skip") and existing is not None:
        yield world, onward._replace(failed=actor.failed or actor.mode == "error")
        return
    stored = Stored(actor.name, f"{actor.name}.{frame}")
    yield _stored(world, frame, stored), onward._replace(sent=(*actor.sent, (frame, _answered(world, stored))))
    if actor.may_give_up:
        yield _send(world, actor, frame), onward._replace(gave_up=actor.gave_up | {frame})
    if actor.may_fail:  # it arrived, and the answer was lost
        yield _stored(world, frame, stored), onward._replace(failed=True)


def _look(world: World, actor: Actor) -> Steps:
    """Flush: look at what exists under the name of any entry that is not published yet."""
    waiting = _entries(world, actor)
    if not waiting:
        yield world, _to_commit(actor, world)
    for entry in waiting:
        yield world, actor._replace(step="publish", looked=world.storage[entry.frame], current=entry.frame)


def _publish(world: World, actor: Actor) -> Steps:
    """Flush: publish one entry over the version that was looked at, and no other."""
    frame = actor.current
    onward = actor._replace(step="look", looked=None, current=0)
    for entry in _entries(world, actor):
        if entry.frame != frame:
            continue
        done = onward._replace(published=actor.published | {entry})
        existing, looked = world.storage[frame], actor.looked
        mine = Stored(entry.content, f"{actor.name}.{entry.content}.{frame}")
        is_same = looked is not None and looked.content == entry.content
        is_base = entry.known and (looked.version if looked else None) == entry.base
        creates = not entry.known and looked is None
        if is_same and looked is not None and not world.flaws.flush_replaces:
            yield world, done._replace(sent=(*done.sent, (frame, looked)))
        elif _may_publish(world.flaws, is_base or creates, is_unchanged=existing == looked):
            sent = (*done.sent, (frame, _answered(world, mine)))
            yield _over(_stored(world, frame, mine), existing, entry), done._replace(sent=sent)
        elif is_base or creates:  # changed between the look and the PUT: the condition fails
            yield world, onward
        else:  # a conflict: reported, and left in the spool
            yield world, done._replace(failed=True)
    if not any(entry.frame == frame for entry in _entries(world, actor)):  # deleted by its owner
        yield world, onward


def _may_publish(flaws: Flaws, is_known: bool, *, is_unchanged: bool) -> bool:
    """Return whether the storage takes a flush's PUT. is_known: what it looked at is what its run knew."""
    return flaws.flush_replaces or (is_known and (is_unchanged or flaws.flush_only_looks))


def _over(world: World, existing: Stored | None, entry: Kept) -> World:
    """Return the world after a flush's PUT, which has replaced ``existing``."""
    is_lost = existing is not None and existing.content != entry.content
    was_known = existing is not None and entry.known and existing.version == entry.base
    return world._replace(clobbered=world.clobbered or (is_lost and not was_known))


def _to_commit(actor: Actor, world: World) -> Actor:
    if world.flaws.swaps_only_before:
        return actor._replace(step="done")
    step = "list" if world.flaws.lists_before_reading else "reread"
    return actor._replace(step=step, seen=None, gone=frozenset(), listed=(), missed=frozenset())


def _reread(world: World, actor: Actor) -> Steps:
    """Read the manifest, to commit."""
    step = "commit" if world.flaws.lists_before_reading else "list"
    yield world, actor._replace(step=step, seen=world.manifest, gone=_dead(world, actor))


def _list(world: World, actor: Actor) -> Steps:
    """List the folder, to commit."""
    step = "reread" if world.flaws.lists_before_reading else "commit"
    listed = world.storage if actor.may_list else ()
    yield world, actor._replace(step=step, listed=listed, missed=frozenset())


def _commit(world: World, actor: Actor) -> Steps:
    """Swap in what the listing confirmed, without the run's own id."""
    now = actor.seen or Manifest(0, False, frozenset(), frozenset(), (None,) * len(world.storage))
    gone = _dead(world, actor) if world.flaws.proves_deaths_late else actor.gone
    entered = now.entered - gone - {_id(world, actor)}
    records, later = _confirmed(world, actor, now), _later(world, actor, now)
    late = [frame for frame, record in enumerate(later) if record and records[frame] == record]
    expected = now.expected | frozenset(actor.frames if actor.mode != "flush" else ())
    excused = actor.kept if world.flaws.counts_kept_as_saved else frozenset()
    gave_up = frozenset() if world.flaws.forgets_given_up else actor.gave_up
    is_sound = actor.mode == "flush" or not (gave_up or actor.failed)
    # A frame whose PUT was not answered may have arrived.
    is_untouched = actor.failed and not (actor.sent or actor.kept or actor.gave_up or actor.may_fail)
    is_sound = is_sound or is_untouched
    left = gone & now.entered if is_sound else gone & now.entered | {_id(world, actor)}
    interrupted = now.interrupted | _defining(world, left)
    if is_sound and not is_untouched and _defining(world, {_id(world, actor)}) and expected <= frozenset(actor.frames):
        interrupted -= actor.before
    if late and not world.flaws.takes_mixed_for_whole:
        interrupted |= _mixed(world, actor, records, late)
    is_whole = all(records[frame] is not None for frame in expected - excused)
    after = Manifest(
        revision=now.revision,
        complete=actor.may_list and is_sound and is_whole and not entered and not interrupted,
        entered=entered,
        expected=expected,
        records=records,
        interrupted=interrupted,
    )
    swapped = _swap(world, actor, after)
    if swapped is None:
        yield world, _to_commit(actor, world)
    else:
        step = "clear" if actor.mode == "flush" else "done"
        swapped = swapped._replace(excused=actor.missed)
        yield swapped, actor._replace(step=step, seen=None, listed=(), gone=frozenset(), missed=frozenset())


def _confirmed(world: World, actor: Actor, now: Manifest) -> tuple[Stored | None, ...]:
    """Return the records with those of the run, as far as its listing shows the versions that they vouch for."""
    records = _vouched(world, actor, now)
    if not actor.may_list or world.flaws.trusts_acknowledgements:
        return tuple(records)
    three = zip(records, _later(world, actor, now), actor.listed, strict=True)
    return tuple(
        [
            _with_version(record, stored)
            if _is_shown(world, actor, record, stored)
            else (later if later and later == stored else None)
            for record, later, stored in three
        ]
    )


def _later(world: World, actor: Actor, now: Manifest) -> list[Stored | None]:
    """Return what other runs have recorded since the run began, of the frames that it wrote."""
    sent = {} if world.flaws.denies_what_came_later else dict(actor.sent)
    base = actor.base or (None,) * len(now.records)
    both = enumerate(zip(now.records, base, strict=True))
    return [record if frame in sent and record != before else None for frame, (record, before) in both]


def _mixed(world: World, actor: Actor, records: tuple[Stored | None, ...], late: list[int]) -> frozenset[str]:
    """Return the run, if it and one over the same frames that was faster replaced frames of each other."""
    theirs = {record.content for frame in late if (record := records[frame])}
    others = [one for one in world.actors if one.name in theirs and one.mode == "overwrite" and one.defines]
    own = {frame for frame, record in enumerate(records) if record and record.content == actor.name}
    is_mixed = any(own.intersection(one.frames) for one in others)
    return _defining(world, {_id(world, actor)}) if is_mixed and actor.mode == "overwrite" else frozenset()


def _is_shown(world: World, actor: Actor, record: Stored | None, stored: Stored | None) -> bool:
    """Return whether a listing, or a look at the frame, confirms a record."""
    if record is None or stored is None:
        return False
    if record.version == UNANSWERED:
        return record.content == stored.content or not actor.company or world.flaws.trusts_names
    return world.flaws.looks_at_names_only or record.version == stored.version


def _with_version(record: Stored | None, stored: Stored | None) -> Stored | None:
    """Return the record with the version that the listing shows, if the answer to its PUT stated none."""
    if record is None or stored is None or record.version != UNANSWERED:
        return record
    return record._replace(version=stored.version)


def _answered(world: World, stored: Stored) -> Stored:
    """Return what a run knows of its PUT."""
    return stored if world.answers else stored._replace(version=UNANSWERED)


def _vouched(world: World, actor: Actor, now: Manifest) -> list[Stored | None]:
    """Return the records with those of the run, before a look at the storage."""
    records = list(now.records)
    for frame, stored in actor.sent:
        records[frame] = stored
    for frame in actor.kept if world.flaws.forgets_given_up else actor.kept | actor.gave_up:
        records[frame] = None
    return records


def _clear(world: World, actor: Actor) -> Steps:
    """Flush: delete the entries that the storage holds now."""
    sent = {(frame, stored.content) for frame, stored in actor.sent}
    gone = frozenset(entry for entry in world.spool if (entry.frame, entry.content) in sent)
    yield world._replace(spool=world.spool - gone), actor._replace(step="done")


_STEPS = {
    "read": _read,
    "enter": _enter,
    "survey": _survey,
    "put": _put,
    "look": _look,
    "publish": _publish,
    "reread": _reread,
    "list": _list,
    "commit": _commit,
    "clear": _clear,
    "harm": _harm,
}


def _entries(world: World, actor: Actor) -> list[Kept]:
    """Return what waits in the flush's spool and was not dealt with by it."""
    return [entry for entry in world.spool if entry.spool == actor.spool and entry not in actor.published]


def _stored(world: World, frame: int, stored: Stored) -> World:
    return world._replace(storage=(*world.storage[:frame], stored, *world.storage[frame + 1 :]))


def _swap(world: World, me: Actor, after: Manifest) -> World | None:
    """Return the world with the manifest swapped; None if it is not the one that was read any more."""
    if world.conditions and world.manifest != me.seen:
        return None
    revision, reported = world.revision + 1, world.reported | after.interrupted
    actors = world.actors
    if not world.answers:  # else no run asks for it
        is_at_work = [one.name != me.name and one.step not in ("read", "enter", *_ENDED) for one in actors]
        actors = tuple([one._replace(company=one.company or at) for one, at in zip(actors, is_at_work, strict=True)])
    return world._replace(
        actors=actors, manifest=after._replace(revision=revision), revision=revision, reported=reported
    )


def _dead(world: World, me: Actor) -> frozenset[str]:
    """Return the ids of the runs that can be proved dead."""
    found = {
        _id(world, actor)
        for actor in world.actors
        if world.flaws.guesses_deaths or (actor.step == "dead" and actor.provable)
    }
    return frozenset(found - {_id(world, me)})


def _defining(world: World, ids: Set[str]) -> frozenset[str]:
    """Return the ids of the runs over the whole sequence."""
    return frozenset(_id(world, actor) for actor in world.actors if actor.defines and actor.mode != "flush") & ids


def _id(world: World, actor: Actor) -> str:
    """Return the id that the manifest knows a run by."""
    return "flush" if world.flaws.shares_ids and actor.mode == "flush" else actor.name
