"""Whatever runs begin, write, end, break off and die in whatever order: a manifest that says complete does not lie."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsave.manifest import Facts, FrameEntry, Manifest, Outcome, WriterEntry, without
from seqsave.manifest.merging import begun, ended
from seqsave.manifest.outcome import Listing, Seen

INDICES = st.integers(0, 1)  # few, so that runs meet


def entry(index: int, content: int | None, version: int = 0) -> FrameEntry:
    """Return a frame; with content None, one that was only listed."""
    checksum = None if content is None else f"crc32:{content:08x}"
    name = f"frame_{index}.png"
    return FrameEntry(index=index, batch=None, name=name, size=1, checksum=checksum, version=f"{version}")


@dataclass
class Run:
    me: WriterEntry
    facts: Facts
    defines: bool
    base: Manifest
    entries: dict[int, FrameEntry] = field(default_factory=dict)
    lost: set[int] = field(default_factory=set)
    is_dead: bool = False


class World:
    """A folder: its real files, its manifest, and the active runs."""

    def __init__(self) -> None:
        self.there: dict[int, int] = {}
        self.versions: dict[int, int] = {}
        self.puts = 0
        self.manifest: Manifest | None = None
        self.runs: list[Run] = []
        self.number = 0

    def gone(self, but: Run | None = None) -> list[str]:
        alive = {run.me.id for run in self.runs if not run.is_dead} | ({but.me.id} if but else set())
        return [] if self.manifest is None else [w.id for w in self.manifest.writers if w.id not in alive]

    def put(self, index: int, content: int) -> int:
        self.puts += 1
        self.there[index], self.versions[index] = content, self.puts
        return self.puts

    def listing(self) -> Listing:
        return {f"frame_{index}.png": Seen(1, f"{version}") for index, version in self.versions.items()}

    def begin(self, total: int | None, defines: bool) -> None:
        if self.manifest is None and not defines:
            return  # nothing that could be made untrue
        self.number += 1
        me = WriterEntry(id=str(self.number), host="h", pid=self.number, since="")
        facts = Facts(prefix="frame", extension="png", filetype="png", total=total)
        current = None if self.manifest is None else without(self.manifest, self.gone())
        self.manifest = begun(current, facts, me, defines=defines)
        assert begun(self.manifest, facts, me, defines=defines) == self.manifest
        self.runs.append(Run(me, facts, defines, self.manifest))

    def write(self, run: Run, index: int, content: int) -> None:
        run.entries[index] = entry(index, content, self.put(index, content))
        run.lost.discard(index)

    def see(self, run: Run, index: int) -> None:
        if index in self.there:
            run.entries.setdefault(index, entry(index, None))

    def lose(self, run: Run, index: int, content: int | None) -> None:
        """It failed, and it is unknown whether it has arrived."""
        if content is not None:
            self.put(index, content)
        run.entries.pop(index, None)
        run.lost.add(index)

    def end(self, run: Run, sound: bool) -> None:
        self.runs.remove(run)
        outcome = Outcome(
            frames=list(run.entries.values()),
            lost={(index, None) for index in run.lost},
            sound=sound and not run.lost,
            defines=run.defines,
        )
        current = None if self.manifest is None else without(self.manifest, self.gone(run))
        self.manifest = ended(current, run.facts, run.me, outcome, run.base, self.listing())
        # The answer was lost, and it is tried once more.
        assert ended(self.manifest, run.facts, run.me, outcome, run.base, self.listing()) == self.manifest

    def check(self) -> None:
        one = self.manifest
        if one is None or not one.complete:
            return
        assert not [run for run in self.runs if not run.is_dead]
        assert {index for run in one.expected for index in run} <= self.there.keys()
        for frame in one.frames:
            assert frame.checksum in (None, entry(frame.index, self.there[frame.index]).checksum)
        assert one.obstacles() == []


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_it_never_lies(data: st.DataObject) -> None:
    world = World()
    world.begin(None, defines=True)
    world.write(world.runs[0], 0, 1)
    world.end(world.runs[0], sound=True)
    assert world.manifest is not None
    assert world.manifest.complete
    for _ in range(data.draw(st.integers(1, 12))):
        alive = [run for run in world.runs if not run.is_dead]
        action = data.draw(
            st.sampled_from(["begin", *(["write", "write", "see", "lose", "end", "end", "die"]) * bool(alive)])
        )
        run = data.draw(st.sampled_from(alive)) if action != "begin" else None
        if run is None:
            world.begin(data.draw(st.none() | st.integers(0, 2)), data.draw(st.booleans()))
        elif action == "write":
            world.write(run, data.draw(INDICES), data.draw(st.integers(1, 3)))
        elif action == "see":
            world.see(run, data.draw(INDICES))
        elif action == "lose":
            world.lose(run, data.draw(INDICES), data.draw(st.none() | st.integers(1, 3)))
        elif action == "end":
            world.end(run, data.draw(st.booleans()))
        else:
            run.is_dead = True
        world.check()


@given(indices=st.sets(INDICES, min_size=1), again=st.sets(INDICES, min_size=1))
def test_runs_one_after_the_other_are_complete(indices: set[int], again: set[int]) -> None:
    world = World()
    for content, wanted in enumerate((indices, again), 1):
        world.begin(None, defines=True)
        (run,) = world.runs
        for index in wanted:
            world.write(run, index, content)
        world.end(run, sound=True)
        world.check()
        assert world.manifest is not None
        assert world.manifest.complete
    assert {frame.index for frame in world.manifest.frames} == indices | again


class Counted(str):
    """A text that counts how often it is compared."""

    compared = 0
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return str.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other


@pytest.mark.parametrize("where", ["writers", "unfinished"])
def test_a_manifest_with_many_runs_costs_in_proportion(where: str) -> None:
    many = 1000
    ids = [Counted(f"run {number}") for number in range(many)]
    writers = tuple(WriterEntry(id=one, host="host", pid=1, since="") for one in ids)
    facts, me = Facts(prefix="frame", extension="png", filetype="png"), WriterEntry(id="me", host="h", pid=1, since="")
    before = Manifest(
        prefix="frame", extension="png", filetype="png", **{where: writers if where == "writers" else tuple(ids)}
    )
    base = begun(before, facts, me)
    Counted.compared = 0
    outcome = Outcome(frames=[entry(0, 1)], sound=False)
    ended(base, facts, me, outcome, base, {"frame_0.png": Seen(1, "0")})
    assert Counted.compared < 20 * many
