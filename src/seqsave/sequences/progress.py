"""How far a sequence has come: what its manifest expects, set against the files that a listing shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from heapq import merge
from itertools import groupby
from typing import Any, Literal

from seqsave import manifest as manifests
from seqsave import naming
from seqsave.errors import ManifestError, TargetError
from seqsave.manifest import FrameEntry, Manifest, RunEntry
from seqsave.manifest.document import sort_key
from seqsave.manifest.intervals import Intervals, count, subtract, unite
from seqsave.manifest.records import declared
from seqsave.sequences.frame import Frame, name_below
from seqsave.sequences.reader import FrameSequence
from seqsave.wording import counted

__all__ = ["Progress", "State", "look_at", "progress_of"]

State = Literal["complete", "unfinished", "mixed", "unconfirmed", "damaged", "unread"]

Key = tuple[int, int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What a sequence's manifest says of it, after a look at its files.

    state:      ``complete``; ``unfinished``: expected frames are missing, or a run was interrupted or is active;
                ``mixed``: finished, but frames of other runs, or that no run recorded, lie beside it;
                ``unconfirmed``: no listing confirmed it;
                ``damaged``: the manifest cannot be read, or contradicts itself;
                ``unread``: it may not be read, or is of a newer version; None without one.
    known:      the manifest without runs that are proved to be dead, and with the frames that these left.
    obstacles:  why the sequence is not complete, each as one clause.
    expected:   the expected indices; None without a manifest that states them.
    has_end:    the last frame is known. about: the number of expected frames is an estimate.
    lacking:    the expected frames that no file exists of, as ranges for each batch.
    older:      frames that an interrupted run was to replace and has not reached, as ranges for each batch.
    mixed:      frames that another run has replaced at the same time, as ranges for each batch; neither is whole.
    disputed:   expected frames whose bytes are not the recorded ones, as ranges for each batch.
    resized:    recorded frames whose files have another size now, as ranges for each batch.
    beside:     existing frames of other runs outside of what is expected, as ranges.
    strangers:  existing frames that no run recorded, as ranges.
    foreign:    both, as ranges for each batch.
    sizes:      the sizes of the expected pictures as recorded (``1920x1080``), and which frames have each.
    unrecorded: frames that a run left which had no time to record them.
    done, wanted: how many of the expected frames exist and are neither older nor mixed, and how many are expected, in
                  all batches.
    """

    state: State | None = None
    known: Manifest | None = None
    obstacles: tuple[str, ...] = ()
    expected: Intervals | None = None
    has_end: bool = False
    about: bool = False
    lacking: dict[int | None, Intervals] = field(default_factory=dict)
    older: dict[int | None, Intervals] = field(default_factory=dict)
    mixed: dict[int | None, Intervals] = field(default_factory=dict)
    disputed: dict[int | None, Intervals] = field(default_factory=dict)
    resized: dict[int | None, Intervals] = field(default_factory=dict)
    beside: Intervals = ()
    strangers: Intervals = ()
    foreign: dict[int | None, Intervals] = field(default_factory=dict)
    sizes: dict[str, Intervals] = field(default_factory=dict)
    unrecorded: frozenset[Key] = frozenset()
    done: int = 0
    wanted: int = 0

    @property
    def render_again(self) -> Intervals:
        """Return the frames to render again, also those that were never reached, as far as a listing shows that."""
        found = (self.lacking, self.older, self.mixed, self.disputed, self.resized)
        return unite(*(runs for one in found for runs in one.values()))

    @property
    def notice(self) -> str:
        """Return what viewers of its frames have to know, as one clause; "" for a sequence that is complete.

        It names neither the place of the frames nor the processes that write them.
        """
        if self.state not in ("unfinished", "mixed", "damaged"):
            return ""
        again = naming.format_ranges(self.render_again, 10)
        return f"{self}; to be rendered again: {again}" if again else str(self)

    def as_document(self) -> dict[str, Any] | None:
        """Return JSON values; None without a manifest. Ranges are text (``17,40-52``)."""
        if self.state is None:
            return None
        return {
            "state": self.state,
            "done": self.done,
            "wanted": self.wanted if self.has_end else None,
            "about": self.about,
            "expected": naming.format_ranges(self.expected or ()),
            "render_again": naming.format_ranges(self.render_again),
            "beside": naming.format_ranges(self.beside),
            "strangers": naming.format_ranges(self.strangers),
            "sizes": {size: naming.format_ranges(runs) for size, runs in self.sizes.items()},
            "obstacles": list(self.obstacles),
        }

    def __str__(self) -> str:
        """Return the state in words: ``unfinished, 40 of 240``; "" without a manifest."""
        if self.state == "unfinished" and not self.has_end:
            return f"unfinished, {counted(self.done, 'frame')} and no known end"
        if self.state in ("unfinished", "unconfirmed"):
            return f"{self.state}, {self.done} of {'about ' if self.about else ''}{self.wanted}"
        if self.state == "mixed":
            is_shorter = self.known is not None and bool(self.known.beyond)
            of = f"of {'an older' if is_shorter else 'another'} run" if self.beside else "that no run recorded"
            return f"finished, but frames {of} lie beside it: {naming.format_ranges(self.beside or self.strangers, 10)}"
        return {"damaged": "manifest damaged", "unread": "manifest not read"}.get(self.state or "", self.state or "")


def progress_of(sequence: FrameSequence) -> Progress:
    """Return how far a sequence has come. Raises TargetError; ManifestError for a manifest of a newer version.

    The folder is listed once more where an interrupted run was to replace frames that existed.
    """
    try:
        known = sequence.manifest
    except ManifestError as error:
        if error.is_newer:
            raise
        return Progress(state="damaged", obstacles=(str(error),))
    if known is None:
        return Progress()
    return _Look(sequence, manifests.without(known, manifests.dead_runs(known))).progress()


def look_at(sequence: FrameSequence) -> Progress:
    """Return how far a sequence has come; of a manifest that cannot be read, nothing is known."""
    try:
        return progress_of(sequence)
    except (ManifestError, TargetError):
        return Progress(state="unread")


class _Look:
    """A manifest beside the files of its sequence."""

    def __init__(self, sequence: FrameSequence, known: Manifest) -> None:
        self.sequence = sequence
        # A frame's key is one object in both: there may be many.
        self.entries = {entry.key: entry for entry in known.frames}
        keys = {key: key for key in self.entries}
        self.files = {keys.get(key, key): frame for frame in sequence for key in ((frame.index, frame.batch),)}
        del keys
        at_work = {writer.id for writer in known.writers}
        self.open_runs = [run for run in known.runs if run.id in {*known.unfinished, *at_work}]
        self.unrecorded = self._unrecorded(known)
        self.known = self._with_files(known)
        self.older, self.mixed = self._of_other_runs()

    def progress(self) -> Progress:
        """Return how far the sequence has come."""
        known, lacking = self.known, self.known.missing
        expected = known.expected
        batches = known.batches
        disputed = [key for key in self._disputed() if key[1] in batches and any(key[0] in run for run in expected)]
        wanted = count(expected) * len(batches)
        resized = self._resized()
        not_done = (runs for one in (lacking, self.older, self.mixed, resized) for runs in one.values())
        done = wanted - sum(map(count, not_done)) - len(disputed)
        obstacles = self._obstacles(known)
        beside = [frame.key for frame in known.outside]
        foreign = self._strangers()
        strangers = naming.to_ranges(sorted({index for index, _ in foreign}))
        return Progress(
            state=_state(known, obstacles, strangers, resized),
            known=known,
            obstacles=tuple(obstacles),
            expected=expected,
            has_end=all(run.total is not None for run in self.open_runs) and bool(expected) and not self._is_lost(),
            about=any(run.about for run in self.open_runs),
            lacking=lacking,
            older=self.older,
            mixed=self.mixed,
            disputed=_by_batch(disputed),
            resized=resized,
            beside=naming.to_ranges(sorted({index for index, _ in beside})),
            strangers=strangers,
            foreign=_by_batch([*beside, *foreign]),
            sizes=self._sizes(),
            unrecorded=self.unrecorded,
            done=done if expected else len(self.files),
            wanted=wanted,
        )

    def _strangers(self) -> set[Key]:
        """Return the files that no run recorded, nor left without a record."""
        return {key for key in self.files if key not in self.entries and key not in self.unrecorded}

    def _sizes(self) -> dict[str, Intervals]:
        outside = {frame.key for frame in self.known.outside}
        found: dict[str, list[int]] = {}
        for frame in self.known.frames:
            if frame.picture is not None and frame.key not in outside:
                found.setdefault(f"{frame.picture.width}x{frame.picture.height}", []).append(frame.index)
        return {size: naming.to_ranges(index for index, _ in groupby(own)) for size, own in found.items()}

    def _is_lost(self) -> bool:
        """Return True if a run was interrupted of which no more is known than that."""
        return any(self.known.run(one) is None for one in self.known.unfinished)

    def _disputed(self) -> set[Key]:
        return {frame.key for frame in self.known.disputed}

    def _unrecorded(self, known: Manifest) -> frozenset[Key]:
        """Return the existing frames of a run that is active, or died before it could record them."""
        new = {key for key, file in self.files.items() if self._is_new(key, file)}
        if not new or not self.open_runs:
            return frozenset()
        if any(run.total is None for run in self.open_runs):
            return frozenset(new)
        reach = unite(*(_reach(run) for run in self.open_runs))
        return frozenset(key for key in new if any(key[0] in one for one in reach))

    def _is_new(self, key: Key, file: Frame) -> bool:
        """Return True for a file that is not recorded, or that an open run has put in place of an older one."""
        entry = self.entries.get(key)
        if entry is None:
            return True
        is_older = entry.run not in {run.id for run in self.open_runs} and not entry.disputed
        return is_older and file.size not in (0, None, entry.size) and any(not run.keeps for run in self.open_runs)

    def _with_files(self, known: Manifest) -> Manifest:
        """Return the manifest with the frames that a listing shows instead of those that it showed at the last commit.

        Without those that were removed since, and with those of runs that have not recorded them.
        """
        kept = [entry for entry in known.frames if entry.key in self.files and entry.key not in self.unrecorded]
        came = [_found(self.files[key]) for key in self.unrecorded]
        # A batch whose files are all gone is expected all the same.
        batches = tuple(batch for batch in known.batches if batch is not None)
        of_batches = known.runs_in_batches
        runs = (replace(run, batches=batches) if run.id in of_batches else run for run in known.runs)
        expected = unite(known.expected, naming.to_ranges(sorted({entry.index for entry in came})))
        frames = tuple(merge(kept, sorted(came, key=sort_key), key=sort_key))
        return replace(known, frames=frames, runs=tuple(runs), expected=expected)

    def _obstacles(self, known: Manifest) -> list[str]:
        if known.complete:  # what it lacks was removed since
            return []
        found = replace(known, complete=False).obstacles()
        was_mixed = bool(self.sequence.manifest and self.sequence.manifest.outside)
        is_mended = was_mixed and not (known.outside or known.missing or known.disputed or known.writers)
        return [] if is_mended and not known.unfinished and known.confirmed else found

    def _resized(self) -> dict[int | None, Intervals]:
        """Return the recorded frames in the place of which files of other sizes exist, which are other files."""
        found: dict[int | None, set[int]] = {}
        for key, file in self.files.items():
            entry = self.entries.get(key)
            if entry is None or entry.disputed or key in self.unrecorded or file.size in (None, entry.size):
                continue
            if naming.normalized(name_below(file)) != naming.normalized(entry.name):  # a duplicate of its number
                continue
            if entry.size is not None and any(entry.index in run for run in self.known.expected):
                found.setdefault(entry.batch, set()).add(entry.index)
        own = {
            batch: subtract(naming.to_ranges(sorted(own)), (*self.older.get(batch, ()), *self.mixed.get(batch, ())))
            for batch, own in found.items()
        }
        return {batch: runs for batch, runs in own.items() if runs}

    def _of_other_runs(self) -> tuple[dict[int | None, Intervals], dict[int | None, Intervals]]:
        """Return the frames that an interrupted run was to replace, and those that a run has lost to another one.

        Both are still as they were recorded.
        """
        found: tuple[dict[int | None, set[int]], ...] = ({}, {})
        suspects = list(self._suspects())
        listing = None
        if suspects and self.sequence.target is not None:
            names = [entry.name for entry, _ in suspects]
            listing = manifests.list_frames(self.sequence.target, self.sequence.prefix, names)
        for entry, is_mixed in suspects:
            seen = None if listing is None else listing.get(entry.name)
            is_new = seen is not None and None not in (seen.version, entry.version) and seen.version != entry.version
            if not is_new:
                found[is_mixed].setdefault(entry.batch, set()).add(entry.index)
        older, mixed = ({batch: naming.to_ranges(sorted(own)) for batch, own in one.items()} for one in found)
        return older, mixed

    def _suspects(self) -> Iterator[tuple[FrameEntry, bool]]:
        """Yield the recorded frames of earlier runs in the reach of an open one that was to replace each frame.

        With each, whether that run ran to its end, and is mixed with another one.
        """
        places = {run.id: place for place, run in enumerate(self.known.runs)}
        reaches = [(places[run.id], _reach(run), run.mixed) for run in self.open_runs if not run.keeps and run.defines]
        batches = set(self.known.batches)
        for key, entry in self.entries.items():
            file = self.files.get(key)
            if file is None or entry.disputed or file.size not in (None, entry.size) or entry.batch not in batches:
                continue
            place = places.get(entry.run or "", -1)
            later = [run for run in reaches if place < run[0]]
            are_mixed = [mixed for _, reach, mixed in later if any(entry.index in one for one in reach)]
            if are_mixed:
                yield entry, all(are_mixed)


def _reach(run: RunEntry) -> Intervals:
    """Return what a run set out to save."""
    return unite(run.expected, declared(run.start, run.step, run.total))


def _found(frame: Frame) -> FrameEntry:
    return FrameEntry(index=frame.index, batch=frame.batch, name=name_below(frame), size=frame.size)


def _by_batch(keys: Iterable[Key]) -> dict[int | None, Intervals]:
    found: dict[int | None, set[int]] = {}
    for index, batch in keys:
        found.setdefault(batch, set()).add(index)
    return {batch: naming.to_ranges(sorted(own)) for batch, own in found.items()}


def _state(known: Manifest, obstacles: list[str], strangers: Intervals, resized: dict[int | None, Intervals]) -> State:
    if known.contradiction:
        return "damaged"
    if resized and not known.outside:
        return "unfinished"
    if not obstacles and not known.missing:
        return "mixed" if strangers else "complete"
    if known.missing or known.disputed or known.unfinished or known.writers:
        return "unfinished"
    if known.outside:
        return "mixed"
    return "unconfirmed" if not known.confirmed else "unfinished"
