"""A model of how runs share one sequence, small enough that a machine can try every interleaving of its steps.

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
- A flush is a run. It publishes an entry only over the version that the entry's run knew; anything else is a conflict.

Each PUT makes a version that no other PUT makes; the bytes are those that its run rendered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

__all__ = ["Actor", "Flaws", "Manifest", "Stored", "World", "explore", "lies"]


class Stored(NamedTuple):
    """One frame in the storage: whose bytes, and the version that the PUT made."""

    content: str
    version: str


class Manifest(NamedTuple):
    """What the manifest says. ``records`` holds, for each frame, the version and bytes that it vouches for."""

    revision: int
    complete: bool
    entered: frozenset[str]
    expected: frozenset[int]
    records: tuple[Stored | None, ...]


class Kept(NamedTuple):
    """One spool entry: the frame, its bytes, and the version that its run knew under that name (None: no frame).

    spool: the flush that publishes it.
    """

    frame: int
    content: str
    base: str | None
    known: bool
    spool: str = "f"


@dataclass(frozen=True)
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
    counts_kept_as_saved: bool = False
    """A frame in the spool counts as saved."""


@dataclass(frozen=True)
class Actor:
    """One process. ``step`` names what it does next; ``done`` and ``dead`` are final.

    mode:     ``overwrite``, ``error``, ``skip`` or ``flush``.
    frames:   what it sets out to save.
    may_fail: the storage may refuse its PUTs, which then go to the spool.
    may_die:  it may be killed before any step. provable: others can prove that it is dead.
    may_list: whether its key may list the folder.
    spool:    the spool that it fills or flushes.
    """

    name: str
    mode: str
    frames: tuple[int, ...] = (0, 1)
    may_fail: bool = False
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
    kept: frozenset[int] = frozenset()
    published: frozenset[Kept] = frozenset()
    failed: bool = False
    current: int = 0
    looked: Stored | None = None


@dataclass(frozen=True)
class World:
    """The storage, one spool folder, and the processes."""

    storage: tuple[Stored | None, ...]
    actors: tuple[Actor, ...]
    manifest: Manifest | None = None
    revision: int = 0
    spool: frozenset[Kept] = frozenset()
    conditions: bool = True
    """Whether the storage compares before it swaps."""
    flaws: Flaws = field(default_factory=Flaws)
    clobbered: bool = False
    """Whether a flush has replaced a frame that the run of its entry did not know."""


def explore(world: World, *, most: int = 3_000_000) -> tuple[int, list[World]]:
    """Return the number of states that can be reached, and those in which the manifest lies or a frame was lost."""
    seen, todo, found = {world}, deque([world]), []
    while todo:
        now = todo.popleft()
        for after in _successors(now):
            if after not in seen:
                seen.add(after)
                todo.append(after)
                if after.clobbered or lies(after):
                    found.append(after)
        if len(seen) > most:
            raise AssertionError(f"more than {most} states: make the world smaller")
    return len(seen), found


def lies(world: World) -> bool:
    """Return whether the manifest says complete although a frame is missing or holds other bytes than it records.

    Where the storage does not compare before it swaps, a reader believes the manifest only as far as the listing shows
    the recorded versions; the claim that is judged is the reader's.
    """
    manifest = world.manifest
    if manifest is None or not manifest.complete:
        return False
    recorded = [(record, stored) for record, stored in zip(manifest.records, world.storage, strict=True) if record]
    if not world.conditions and any(stored is None or stored.version != record.version for record, stored in recorded):
        return False
    if any(manifest.records[frame] is None for frame in manifest.expected):
        return True
    return any(stored is None or stored.content != record.content for record, stored in recorded)


# --- steps -----------------------------------------------------------------------------------------------------------


def _successors(world: World) -> Iterator[World]:
    for number, actor in enumerate(world.actors):
        if actor.step in ("done", "dead"):
            continue
        if actor.may_die:
            yield _with(world, number, replace(actor, step="dead", seen=None, gone=frozenset(), listed=(), looked=None))
        for world_after, actor_after in _STEPS[actor.step](world, actor):
            yield _with(world_after, number, actor_after)
    # The owner of the spool may delete an entry at any time.
    if any(actor.mode == "flush" for actor in world.actors):
        for entry in world.spool:
            yield replace(world, spool=world.spool - {entry})


def _with(world: World, number: int, actor: Actor) -> World:
    return replace(world, actors=(*world.actors[:number], actor, *world.actors[number + 1 :]))


Steps = Iterator[tuple[World, Actor]]


def _read(world: World, actor: Actor) -> Steps:
    """Read the manifest, to enter the run."""
    if actor.mode == "flush" and not _entries(world, actor):
        yield world, replace(actor, step="done")
    else:
        yield world, replace(actor, step="enter", seen=world.manifest)


def _enter(world: World, actor: Actor) -> Steps:
    """Swap in a manifest that names the run."""
    now = actor.seen or Manifest(0, False, frozenset(), frozenset(), (None,) * len(world.storage))
    wanted = frozenset() if actor.mode == "flush" else frozenset(actor.frames)
    entered = now.entered - _dead(world, actor) | {_id(world, actor)}
    after = now._replace(complete=False, entered=entered, expected=now.expected | wanted)
    swapped = _swap(world, actor.seen, after)
    if swapped is None:
        yield world, replace(actor, step="read", seen=None)
    else:
        yield swapped, replace(actor, step="survey", seen=None)


def _survey(world: World, actor: Actor) -> Steps:
    """List the folder: what ``skip`` leaves alone, and what a spool entry calls the version before it."""
    first = world.storage if actor.may_list else ()
    yield world, replace(actor, step="look" if actor.mode == "flush" else "put", first_listed=first)


def _put(world: World, actor: Actor) -> Steps:
    """Publish the next frame, or find that another one is there."""
    if actor.position == len(actor.frames):
        yield world, _to_commit(actor, world)
        return
    frame = actor.frames[actor.position]
    onward = replace(actor, position=actor.position + 1)
    if actor.mode == "skip" and actor.first_listed and actor.first_listed[frame] is not None:
        yield world, onward
        return
    if actor.may_fail:
        first = actor.first_listed[frame] if actor.first_listed else None
        entry = Kept(frame, actor.name, first.version if first else None, bool(actor.first_listed), actor.spool)
        yield replace(world, spool=world.spool | {entry}), replace(onward, kept=actor.kept | {frame})
    existing = world.storage[frame]
    if actor.mode in ("error", "skip") and existing is not None:
        yield world, replace(onward, failed=actor.failed or actor.mode == "error")
        return
    stored = Stored(actor.name, f"{actor.name}.{frame}")
    yield _stored(world, frame, stored), replace(onward, sent=(*actor.sent, (frame, stored)))
    if actor.may_fail:  # it arrived, and the answer was lost
        yield _stored(world, frame, stored), replace(onward, failed=True)


def _look(world: World, actor: Actor) -> Steps:
    """Flush: look at what exists under the name of any entry that is not published yet."""
    waiting = _entries(world, actor)
    if not waiting:
        yield world, _to_commit(actor, world)
    for entry in waiting:
        yield world, replace(actor, step="publish", looked=world.storage[entry.frame], current=entry.frame)


def _publish(world: World, actor: Actor) -> Steps:
    """Flush: publish one entry over the version that was looked at, and no other."""
    frame = actor.current
    onward = replace(actor, step="look", looked=None, current=0)
    for entry in _entries(world, actor):
        if entry.frame != frame:
            continue
        done = replace(onward, published=actor.published | {entry})
        existing, looked = world.storage[frame], actor.looked
        mine = Stored(entry.content, f"{actor.name}.{entry.content}.{frame}")
        is_same = looked is not None and looked.content == entry.content
        is_base = entry.known and (looked.version if looked else None) == entry.base
        creates = not entry.known and looked is None
        if is_same and looked is not None and not world.flaws.flush_replaces:
            yield world, replace(done, sent=(*done.sent, (frame, looked)))
        elif _may_publish(world.flaws, is_base or creates, is_unchanged=existing == looked):
            yield _over(_stored(world, frame, mine), existing, entry), replace(done, sent=(*done.sent, (frame, mine)))
        elif is_base or creates:  # changed between the look and the PUT: the condition fails
            yield world, onward
        else:  # a conflict: reported, and left in the spool
            yield world, replace(done, failed=True)
    if not any(entry.frame == frame for entry in _entries(world, actor)):  # deleted by its owner
        yield world, onward


def _may_publish(flaws: Flaws, is_known: bool, *, is_unchanged: bool) -> bool:
    """Return whether the storage takes a flush's PUT. is_known: what it looked at is what its run knew."""
    return flaws.flush_replaces or (is_known and (is_unchanged or flaws.flush_only_looks))


def _over(world: World, existing: Stored | None, entry: Kept) -> World:
    """Return the world after a flush's PUT, which has replaced ``existing``."""
    is_lost = existing is not None and existing.content != entry.content
    was_known = existing is not None and entry.known and existing.version == entry.base
    return replace(world, clobbered=world.clobbered or (is_lost and not was_known))


def _to_commit(actor: Actor, world: World) -> Actor:
    step = "list" if world.flaws.lists_before_reading else "reread"
    return replace(actor, step=step, seen=None, listed=())


def _reread(world: World, actor: Actor) -> Steps:
    """Read the manifest, to commit."""
    step = "commit" if world.flaws.lists_before_reading else "list"
    yield world, replace(actor, step=step, seen=world.manifest, gone=_dead(world, actor))


def _list(world: World, actor: Actor) -> Steps:
    """List the folder, to commit."""
    step = "reread" if world.flaws.lists_before_reading else "commit"
    yield world, replace(actor, step=step, listed=world.storage if actor.may_list else ())


def _commit(world: World, actor: Actor) -> Steps:
    """Swap in what the listing confirmed, without the run's own id."""
    now = actor.seen or Manifest(0, False, frozenset(), frozenset(), (None,) * len(world.storage))
    gone = _dead(world, actor) if world.flaws.proves_deaths_late else actor.gone
    entered = now.entered - gone - {_id(world, actor)}
    records = list(now.records)
    for frame, stored in actor.sent:
        records[frame] = stored
    may_judge = actor.may_list
    if may_judge and not world.flaws.trusts_acknowledgements:
        records = [
            record if record is not None and stored is not None and record.version == stored.version else None
            for record, stored in zip(records, actor.listed, strict=True)
        ]
    expected = now.expected | frozenset(actor.frames if actor.mode != "flush" else ())
    excused = actor.kept if world.flaws.counts_kept_as_saved else frozenset()
    is_whole = all(records[frame] is not None for frame in expected - excused)
    after = now._replace(
        complete=may_judge and not entered and is_whole, entered=entered, expected=expected, records=tuple(records)
    )
    swapped = _swap(world, actor.seen, after)
    if swapped is None:
        yield world, _to_commit(actor, world)
    else:
        step = "clear" if actor.mode == "flush" else "done"
        yield swapped, replace(actor, step=step, seen=None, listed=(), gone=frozenset())


def _clear(world: World, actor: Actor) -> Steps:
    """Flush: delete the entries that the storage holds now."""
    sent = {(frame, stored.content) for frame, stored in actor.sent}
    gone = frozenset(entry for entry in world.spool if (entry.frame, entry.content) in sent)
    yield replace(world, spool=world.spool - gone), replace(actor, step="done")


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
}


def _entries(world: World, actor: Actor) -> list[Kept]:
    """Return what waits in the flush's spool and was not dealt with by it."""
    return [entry for entry in world.spool if entry.spool == actor.spool and entry not in actor.published]


def _stored(world: World, frame: int, stored: Stored) -> World:
    return replace(world, storage=(*world.storage[:frame], stored, *world.storage[frame + 1 :]))


def _swap(world: World, seen: Manifest | None, after: Manifest) -> World | None:
    """Return the world with the manifest swapped; None if it is not the one that was read any more."""
    if world.conditions and world.manifest != seen:
        return None
    return replace(world, manifest=after._replace(revision=world.revision + 1), revision=world.revision + 1)


def _dead(world: World, me: Actor) -> frozenset[str]:
    """Return the ids of the runs that can be proved dead."""
    found = {
        _id(world, actor)
        for actor in world.actors
        if world.flaws.guesses_deaths or (actor.step == "dead" and actor.provable)
    }
    return frozenset(found - {_id(world, me)})


def _id(world: World, actor: Actor) -> str:
    """Return the id that the manifest knows a run by."""
    return "flush" if world.flaws.shares_ids and actor.mode == "flush" else actor.name
