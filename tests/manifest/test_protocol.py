"""The protocol by which runs share a sequence: every interleaving of a few runs, tried by the machine.

A small bound runs every day; ``tox -e explore`` adds the worlds of three actors.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.manifest.protocol import Actor, Flaws, Kept, Manifest, Stored, World, explore
from tests.support.environment import original_environment

if TYPE_CHECKING:
    from collections.abc import Callable

OLD = Stored("old", "old.0")


def world(*actors: Actor, storage: tuple[Stored | None, ...] = (OLD, None), **more: object) -> World:
    return World(storage=storage, actors=actors, **more)  # type: ignore[arg-type]


A = Actor("a", "overwrite")
B = Actor("b", "overwrite")
SPOOL = frozenset({Kept(0, "past", "old.0", known=True), Kept(1, "past", None, known=True)})
TWO_SPOOLS = world(
    Actor("f", "flush"),
    Actor("g", "flush", spool="g"),
    spool=frozenset({Kept(0, "past", "old.0", known=True), Kept(1, "past", None, known=True, spool="g")}),
    manifest=Manifest(0, False, frozenset(), frozenset({0, 1}), (OLD, None)),
)

HARM = Actor("h", "harm", step="harm")
# A run that gives frames up, and one that makes up for it.
GIVES_UP = world(replace(A, may_give_up=True), B)

SMALL = {
    "two that overwrite, one killed": world(A, replace(B, may_die=True)),
    "one killed on another machine": world(A, replace(B, may_die=True, provable=False)),
    "overwrite and error": world(A, replace(B, mode="error", may_die=True)),
    "overwrite and skip": world(A, replace(B, mode="skip", may_die=True)),
    "a spool fills and is flushed": world(replace(A, may_fail=True), Actor("f", "flush", may_die=True)),
    "an old spool and a newer run": world(A, Actor("f", "flush", may_die=True), spool=SPOOL),
    "two flushes of one spool": world(Actor("f", "flush", may_die=True), Actor("g", "flush"), spool=SPOOL),
    "flushes of two spools": TWO_SPOOLS,
    "a key that may not list": world(replace(A, may_list=False), replace(B, may_die=True)),
    "no conditions": world(A, replace(B, may_die=True), conditions=False),
    "PUTs that arrive after they were given up": GIVES_UP,
    "PUTs that arrive after their run was killed": world(
        Actor("a", "overwrite", (0,), may_give_up=True, may_die=True), Actor("b", "overwrite", (0,)), storage=(OLD,)
    ),
    "one over the whole, and one that mends": world(A, replace(B, may_die=True, defines=False)),
    "harm by another program": world(replace(A, may_die=True), HARM, Actor("i", "harm", step="harm")),
    "harm beside a flush": world(Actor("f", "flush", may_die=True), HARM, spool=SPOOL),
}
LARGE = {
    "three that overwrite, one frame": world(
        *(Actor(name, "overwrite", (0,), may_die=True) for name in "abc"), storage=(OLD,)
    ),
    "three modes": world(A, replace(B, mode="error"), Actor("c", "skip", may_die=True)),
    "two runs and a flush": world(
        Actor("a", "overwrite", (0,)), Actor("b", "overwrite", (0, 1), may_fail=True), Actor("f", "flush", may_die=True)
    ),
    "two flushes and a run": world(
        Actor("a", "overwrite", (0,)), Actor("f", "flush", may_die=True), Actor("g", "flush"), spool=SPOOL
    ),
    "harm beside two runs": world(A, replace(B, may_die=True), HARM),
    "two runs that give up": world(
        *(Actor(name, "overwrite", (0,), may_give_up=True, may_die=True) for name in "ab"),
        Actor("c", "overwrite", (0,)),
        storage=(OLD,),
    ),
    "no conditions, three runs": world(
        *(Actor(name, "overwrite", (0,)) for name in "abc"), storage=(OLD,), conditions=False
    ),
}


@pytest.mark.parametrize("start", SMALL.values(), ids=SMALL)
def test_no_interleaving_of_two_makes_the_manifest_lie(start: World) -> None:
    states, found = explore(start)
    assert states > 100
    assert found == []


@pytest.mark.parametrize("start", LARGE.values(), ids=LARGE)
def test_no_interleaving_of_three_makes_the_manifest_lie(
    start: World, record_property: Callable[[str, object], None]
) -> None:
    if not original_environment().get("SEQSAVE_EXPLORE"):
        pytest.skip("only on request: tox -e explore")
    states, found = explore(start)
    record_property("states", states)
    assert found == []


def test_a_run_can_end_complete() -> None:
    """The protocol is not safe by never claiming anything."""
    assert any(_completes(start) for start in (world(A), world(A, replace(B, may_die=True))))
    assert _completes(world(A, B))
    assert _completes(GIVES_UP)
    assert _completes(world(A, HARM))
    assert _completes(world(replace(A, may_fail=True), Actor("f", "flush")))


def _completes(start: World) -> bool:
    return any(now.manifest is not None and now.manifest.complete for now in _reachable(start))


def _reachable(start: World) -> list[World]:
    from tests.manifest import protocol

    seen, todo = {start}, [start]
    while todo:
        for after in protocol._successors(todo.pop()):
            if after not in seen:
                seen.add(after)
                todo.append(after)
    return list(seen)


FLAWED = {
    "trusts acknowledgements": (Flaws(trusts_acknowledgements=True), world(A, B)),
    "trusts acknowledgements, and another program does harm": (Flaws(trusts_acknowledgements=True), world(A, HARM)),
    "looks at names only": (Flaws(looks_at_names_only=True), world(A, HARM)),
    "forgets what it gave up": (Flaws(forgets_given_up=True), GIVES_UP),
    "a flush that only looks, beside another program": (Flaws(flush_only_looks=True), SMALL["harm beside a flush"]),
    "ids that are shared": (
        Flaws(shares_ids=True),
        TWO_SPOOLS,
    ),
    "deaths that are proved late": (
        Flaws(proves_deaths_late=True),
        SMALL["one over the whole, and one that mends"],
    ),
    "deaths that are guessed": (Flaws(guesses_deaths=True), world(A, B)),
    "lists before it reads": (Flaws(lists_before_reading=True), world(A, B)),
    "a flush that replaces anything": (Flaws(flush_replaces=True), SMALL["an old spool and a newer run"]),
    "a flush that only looks": (Flaws(flush_only_looks=True), SMALL["an old spool and a newer run"]),
    "kept counts as saved": (
        Flaws(counts_kept_as_saved=True),
        world(replace(A, may_fail=True), Actor("f", "flush"), storage=(None, None)),
    ),
}


@pytest.mark.parametrize(("flaws", "start"), FLAWED.values(), ids=FLAWED)
def test_without_a_rule_the_exploration_finds_a_lie(flaws: Flaws, start: World) -> None:
    _, found = explore(replace(start, flaws=flaws), first=True)
    assert found != []
