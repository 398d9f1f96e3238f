"""The protocol by which runs share a sequence: every interleaving of a few runs.

A small bound runs every day; ``tox -e explore`` adds the worlds of three actors.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.manifest.protocol import Actor, Flaws, Kept, Manifest, Stored, World, explore, lies, reachable
from tests.support.environment import original_environment

if TYPE_CHECKING:
    from collections.abc import Callable

DOCS = Path(__file__).parents[2] / "docs" / "manifest.md"

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
# A run that gives frames up, and one that completes it.
GIVES_UP = world(A._replace(may_give_up=True), B)

SMALL = {
    "two that overwrite, one killed": world(A, B._replace(may_die=True)),
    "one killed on another machine": world(A, B._replace(may_die=True, provable=False)),
    "overwrite and error": world(A, B._replace(mode="error", may_die=True)),
    "overwrite and skip": world(A, B._replace(mode="skip", may_die=True)),
    "a spool fills and is flushed": world(A._replace(may_fail=True), Actor("f", "flush", may_die=True)),
    "an old spool and a newer run": world(A, Actor("f", "flush", may_die=True), spool=SPOOL),
    "two flushes of one spool": world(Actor("f", "flush", may_die=True), Actor("g", "flush"), spool=SPOOL),
    "flushes of two spools": TWO_SPOOLS,
    "a key that may not list": world(A._replace(may_list=False), B._replace(may_die=True)),
    "no conditions": world(A, B._replace(may_die=True), conditions=False),
    "PUTs that arrive after they were given up": GIVES_UP,
    "PUTs that arrive after their run was killed": world(
        Actor("a", "overwrite", (0,), may_give_up=True, may_die=True), Actor("b", "overwrite", (0,)), storage=(OLD,)
    ),
    "one over the whole, and one that mends": world(A, B._replace(may_die=True, defines=False)),
    "harm by another program": world(A._replace(may_die=True), HARM, Actor("i", "harm", step="harm")),
    "answers without versions": world(A, B._replace(may_die=True), answers=False),
    "answers without versions, and a flush": world(A, Actor("f", "flush", may_die=True), spool=SPOOL, answers=False),
    "harm beside a flush": world(Actor("f", "flush", may_die=True), HARM, spool=SPOOL),
}
LARGE = {
    "three that overwrite, one frame": world(
        *(Actor(name, "overwrite", (0,), may_die=True) for name in "abc"), storage=(OLD,)
    ),
    "three modes": world(A, B._replace(mode="error"), Actor("c", "skip", may_die=True)),
    "two runs and a flush": world(
        Actor("a", "overwrite", (0,)), Actor("b", "overwrite", (0, 1), may_fail=True), Actor("f", "flush", may_die=True)
    ),
    "two flushes and a run": world(
        Actor("a", "overwrite", (0,)), Actor("f", "flush", may_die=True), Actor("g", "flush"), spool=SPOOL
    ),
    "harm beside two runs": world(A, B._replace(may_die=True), HARM),
    "two runs that give up": world(
        *(Actor(name, "overwrite", (0,), may_give_up=True, may_die=True) for name in "ab"),
        Actor("c", "overwrite", (0,)),
        storage=(OLD,),
    ),
    "a run, one that mends, and a flush": world(
        A, B._replace(frames=(0,), defines=False, may_die=True), Actor("f", "flush"), spool=SPOOL
    ),
    "three runs over two frames, two of them killed": world(
        A._replace(may_die=True), B, Actor("c", "error", may_die=True)
    ),
    "answers without versions, three runs": world(
        *(Actor(name, "overwrite", (0,), may_die=name == "a") for name in "abc"), storage=(OLD,), answers=False
    ),
    "no conditions, three runs": world(
        *(Actor(name, "overwrite", (0,)) for name in "abc"), storage=(OLD,), conditions=False
    ),
}


REDUCED = {
    **SMALL,
    "one over the whole, one that mends, and deaths proved late": SMALL[
        "one over the whole, and one that mends"
    ]._replace(flaws=Flaws(proves_deaths_late=True)),
    "lists before it reads": world(A, B, flaws=Flaws(lists_before_reading=True)),
    "a flush that only looks": SMALL["harm beside a flush"]._replace(flaws=Flaws(flush_only_looks=True)),
    "three that overwrite, one frame": world(
        *(Actor(name, "overwrite", (0,), may_die=name == "a") for name in "abc"), storage=(OLD,)
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
    assert f"| {states:,} | 0 |" in DOCS.read_text(encoding="utf-8")


def test_a_changed_frame_takes_two_swaps_and_no_reader_is_deceived() -> None:
    assert explore(CHANGED)[1] == []
    made = [now.manifest for now in reachable(CHANGED) if now.manifest is not None]
    assert any(one.complete and one.records[0] == Stored("a", "a.0") for one in made)


def test_a_run_can_end_complete() -> None:
    """The protocol is not safe by never claiming anything."""
    assert any(_completes(start) for start in (world(A), world(A, B._replace(may_die=True))))
    assert _completes(world(A, B))
    assert _completes(GIVES_UP)
    assert _completes(world(A, HARM))
    assert _completes(world(A, B, answers=False))
    assert _completes(world(A._replace(may_fail=True), Actor("f", "flush")))


@pytest.mark.parametrize("answers", [True, False])
def test_what_one_of_two_runs_left_is_complete_in_whatever_order_they_end(answers: bool) -> None:
    """Nor is it safe by denying what exists: the frames of one run are a sequence, those of both are none."""
    ends = [now for now in reachable(world(A, B, answers=answers)) if {one.step for one in now.actors} == {"done"}]
    for now in ends:
        assert now.manifest is not None
        assert now.manifest.complete is (len({one.content for one in now.storage if one}) == 1)
    assert {len({one.content for one in now.storage if one}) for now in ends} == {1, 2}
    denying = reachable(world(A, B, answers=answers, flaws=Flaws(denies_what_came_later=True)))
    assert any(_is_denied(now) for now in denying)


def _is_denied(now: World) -> bool:
    is_end = {one.step for one in now.actors} == {"done"} and now.manifest is not None
    return is_end and not now.manifest.complete and len({one.content for one in now.storage if one}) == 1


def _completes(start: World) -> bool:
    return any(now.manifest is not None and now.manifest.complete for now in reachable(start))


@pytest.mark.parametrize("start", REDUCED.values(), ids=REDUCED)
def test_the_reduced_exploration_sees_every_claim(start: World) -> None:
    assert _claims(start, reduces=True) == _claims(start, reduces=False)


def _claims(start: World, *, reduces: bool) -> set[object]:
    """Return each pair of a storage and a manifest that a reader may meet, and whether it is a lie."""
    return {
        (now.storage, now.manifest and now.manifest._replace(revision=0), now.clobbered, lies(now))
        for now in reachable(start, reduces=reduces)
    }


# One frame of a complete sequence is saved again.
CHANGED = world(
    Actor("a", "overwrite", (0,), defines=False, may_die=True),
    storage=(OLD, OLD),
    manifest=Manifest(0, True, frozenset(), frozenset({0, 1}), (OLD, OLD)),
)

FLAWED = {
    "one swap for a changed frame, after it": (Flaws(swaps_only_after=True), CHANGED),
    "one swap for a changed frame, before it": (Flaws(swaps_only_before=True), CHANGED),
    "trusts acknowledgements": (Flaws(trusts_acknowledgements=True), world(A, B)),
    "trusts acknowledgements, and another program does harm": (Flaws(trusts_acknowledgements=True), world(A, HARM)),
    "looks at names only": (Flaws(looks_at_names_only=True), world(A, HARM)),
    "answers without versions, trusted": (Flaws(trusts_names=True), SMALL["answers without versions"]),
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
    "mixed counts as whole": (Flaws(takes_mixed_for_whole=True), world(A, B)),
    "a flush that replaces anything": (Flaws(flush_replaces=True), SMALL["an old spool and a newer run"]),
    "a flush that only looks": (Flaws(flush_only_looks=True), SMALL["an old spool and a newer run"]),
    "kept counts as saved": (
        Flaws(counts_kept_as_saved=True),
        world(A._replace(may_fail=True), Actor("f", "flush"), storage=(None, None)),
    ),
}


@pytest.mark.parametrize(("flaws", "start"), FLAWED.values(), ids=FLAWED)
def test_without_a_rule_the_exploration_finds_a_lie(flaws: Flaws, start: World) -> None:
    _, found = explore(start._replace(flaws=flaws), first=True)
    assert found != []
