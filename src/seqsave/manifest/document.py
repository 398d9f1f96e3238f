"""The manifest, and the JSON file that it is written as: docs/manifest.md, and ``manifest.schema.json``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from seqsave import naming
from seqsave.errors import ManifestError
from seqsave.manifest.checked import Reader, parse, text_of
from seqsave.manifest.intervals import Intervals, count, subtract, unite
from seqsave.manifest.picture import Picture
from seqsave.manifest.records import (
    MOST_FRAMES,
    Facts,
    FrameEntry,
    Key,
    RunEntry,
    Shared,
    WriterEntry,
    facts_in,
    ranges_in,
)
from seqsave.wording import counted

__all__ = [
    "EARLIER",
    "MOST_FRAMES",
    "UNKNOWN_VERSION",
    "VERSION",
    "Facts",
    "FrameEntry",
    "Key",
    "Manifest",
    "RunEntry",
    "WriterEntry",
    "dump",
    "load",
    "sort_key",
]

VERSION = 2
UNKNOWN_VERSION = "?"
EARLIER = "earlier"
"""The id of the run to which all frames of a manifest of version 1 are attributed."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Manifest(Facts):
    """A complete manifest document. The facts are those of the run that began last.

    complete:   a listing of the folder confirmed every expected frame, no run is active, and nothing is in doubt.
    expected:   the expected indices of all ``runs`` together, as ascending ranges.
    frames:     by index, then batch.
    writers:    the runs that are changing the sequence now.
    runs:       the runs that wrote its frames, are active or are unfinished, in the order in which they began.
    unfinished: ids of interrupted runs. A later run over the same frames that ends without an error removes them.
    confirmed:  the run that ended last listed the folder. Without the right to list, it records its own frames
                unconfirmed, and the manifest is not complete.
    updated:    the time of the last change, UTC, ISO 8601. software: the program that made it.
    contradiction: what the file states and denies, as one clause; "" for one that agrees with itself. Not in the file.
    """

    complete: bool = False
    expected: Intervals = ()
    frames: tuple[FrameEntry, ...] = ()
    writers: tuple[WriterEntry, ...] = ()
    runs: tuple[RunEntry, ...] = ()
    unfinished: tuple[str, ...] = ()
    confirmed: bool = True
    updated: str = ""
    software: str = ""
    contradiction: str = ""

    def __repr__(self) -> str:
        state = "complete" if self.complete else "not complete"
        frames = counted(len(self.frames), "frame")
        return f"<Manifest {self.pattern} {naming.format_ranges(self.expected, 10)}: {state}, {frames}>"

    @property
    def picture(self) -> Picture | None:
        """Return the picture format of the first frame that has one."""
        return next((frame.picture for frame in self.frames if frame.picture is not None), None)

    @property
    def batches(self) -> tuple[int | None, ...]:
        """Return the batches in which each frame is expected; (None,) without variations.

        If some runs wrote into batch folders and others did not, the last one counts, of those that expect frames.
        """
        numbered = {frame.batch for frame in self.frames if frame.batch is not None}
        numbered |= {batch for run in self.runs if run.expected for batch in run.batches}
        if not numbered or not self._is_last_run_in_batches():
            return (None,)
        return tuple(sorted(numbered))

    @property
    def runs_in_batches(self) -> frozenset[str]:
        """Return the ids of the runs that expect frames in batch folders. They may have written others as well."""
        own = {frame.run for frame in self.frames if frame.batch is not None}
        return frozenset(run.id for run in self.runs if run.expected and (run.batches or run.id in own))

    def _is_last_run_in_batches(self) -> bool:
        """Return False if the last run that counts is known to have written outside of batch folders."""
        in_batches = {frame.run: False for frame in self.frames}
        in_batches |= {frame.run: True for frame in self.frames if frame.batch is not None}
        known = [run for run in self.runs if (run.expected and run.batches) or run.id in in_batches]
        # EARLIER expects all frames after a rebuild, and runs of single frames say nothing of the others.
        known = [run for run in known if run.id != EARLIER and run.defines] or known
        if not known:
            return True
        last = next((run for run in reversed(known) if run.expected), known[-1])
        return bool(last.batches) or in_batches.get(last.id, False)

    @property
    def missing(self) -> dict[int | None, Intervals]:
        """Return the expected indices without a frame, as runs, for each incomplete batch."""
        there: dict[int | None, list[int]] = {batch: [] for batch in self.batches}
        for frame in self.frames:
            if frame.batch in there:
                there[frame.batch].append(frame.index)
        lacking = {batch: subtract(self.expected, naming.to_ranges(own)) for batch, own in there.items()}
        return {batch: runs for batch, runs in lacking.items() if runs}

    def missing_clauses(self) -> list[str]:
        """Return the part of ``obstacles`` about missing frames."""
        return [
            f"frames are missing{'' if batch is None else f' in {naming.batch_folder(batch)}'}: "
            f"{naming.format_ranges(runs, 10)}"
            for batch, runs in self.missing.items()
        ]

    @property
    def disputed(self) -> tuple[FrameEntry, ...]:
        """Return the frames whose bytes are no longer the recorded ones, without those ``of_other_kind``."""
        found = tuple(frame for frame in self.frames if frame.disputed)
        others = {frame.key for frame in self.of_other_kind} if found else ()
        return tuple(frame for frame in found if frame.key not in others) if others else found

    @property
    def outside(self) -> tuple[FrameEntry, ...]:
        """Return recorded frames that no run expects any more: ``beyond`` and ``of_other_kind``."""
        left = {frame.key for frame in (*self.beyond, *self.of_other_kind)}
        return tuple(frame for frame in self.frames if frame.key in left) if left else ()

    @property
    def beyond(self) -> tuple[FrameEntry, ...]:
        """Return recorded frames that no run expects any more, because a later run over the sequence was shorter."""
        there = naming.to_ranges(index for index, _ in groupby(frame.index for frame in self.frames))
        beyond = subtract(there, self.expected)
        if not beyond:
            return ()
        indices = {index for run in beyond for index in run}
        return tuple(frame for frame in self.frames if frame.index in indices)

    @property
    def of_other_kind(self) -> tuple[FrameEntry, ...]:
        """Return frames of other runs outside of batch folders, if frames are expected in these, or the reverse.

        A run that wrote both, and expects frames, expects them in batch folders, and the others are part of it.
        """
        in_batches = self.batches != (None,)
        others = [frame for frame in self.frames if (frame.batch is None) is in_batches]
        others = [frame for frame in others if frame.run is not None or frame.disputed]
        if not others:
            return ()
        if in_batches:
            own = self.runs_in_batches
        else:
            outside = {frame.run for frame in self.frames if frame.batch is None}
            own = frozenset(run.id for run in self.runs if run.expected and run.id in outside)
        return tuple(frame for frame in others if frame.run not in own)

    @property
    def progress(self) -> tuple[int, int]:
        """Return how many of the expected frames are recorded, and how many are expected, in all batches."""
        wanted = count(self.expected) * len(self.batches)
        return wanted - sum(map(count, self.missing.values())), wanted

    def frame(self, index: int, batch: int | None = None) -> FrameEntry | None:
        """Return the entry of one frame. (To look up many, make a dictionary of ``frames`` by ``key``.)"""
        return next((frame for frame in self.frames if frame.key == (index, batch)), None)

    def run(self, id: str) -> RunEntry | None:  # noqa: A002 - what it is called in the file
        """Return the record of one run."""
        return next((run for run in self.runs if run.id == id), None)

    def obstacles(self) -> list[str]:
        """Return the reasons why the manifest is not complete, each as one clause; [] if it is."""
        if self.complete:
            return []
        found = [*_obstacles(self)]
        if self.contradiction:
            left = [one for one in found if one not in self.contradiction]
            return [f"the manifest contradicts itself: {self.contradiction}", *left]
        return found or ["the run that wrote it did not save all of its frames"]


def agreed(manifest: Manifest) -> Manifest:
    """Return a manifest that was read as far as it agrees with itself, with what it denies as its ``contradiction``.

    seqsave writes none that does not: it was edited. What one of its runs was to save is expected, and a sequence is
    not complete if anything that the file states speaks against that.
    """
    planned = unite(*(run.expected for run in manifest.runs))
    left_out = subtract(planned, manifest.expected) if manifest.runs else ()
    if left_out:
        stated, whole = (naming.format_ranges(runs, 10) for runs in (manifest.expected, planned))
        found = f"it expects {stated or 'no frame'}, and its runs were to save {whole}"
        return replace(manifest, complete=False, expected=unite(manifest.expected, planned), contradiction=found)
    other = _of_other_name(manifest)
    if other is not None:
        place = "" if other.batch is None else f" of batch {other.batch}"
        found = f"it records {other.name} as frame {other.index}{place}"
        return replace(manifest, complete=False, contradiction=found)
    if not manifest.complete:
        return manifest
    against = [*_obstacles(manifest)]
    if not against:
        return manifest
    return replace(manifest, complete=False, contradiction=f"it is marked as complete, but {against[0]}")


def _of_other_name(manifest: Manifest) -> FrameEntry | None:
    """Return the first frame with the name of another one. Names of other kinds, as of copied files, are not judged."""
    pattern = manifest.pattern
    head, digits, ending = pattern.head, pattern.digits, pattern.ending
    for frame in manifest.frames:
        usual = f"{head}{frame.index:0{digits}d}{ending}"
        if frame.name == usual and frame.batch is None:  # parsing takes much longer
            continue
        folder, _, name = frame.name.rpartition("/")
        if naming.parse_batch_folder(folder) not in (None, frame.batch):
            return frame
        if name != usual and pattern.number_in(name) not in (None, frame.index):
            return frame
    return None


def sort_key(frame: FrameEntry) -> tuple[int, int]:
    """Return the sort key of a frame: by index, then batch; frames outside of batch folders first."""
    return frame.index, -1 if frame.batch is None else frame.batch


def _obstacles(manifest: Manifest) -> Iterable[str]:
    for writer in manifest.writers:
        yield f"{writer} is changing it"
    yield from manifest.missing_clauses()
    if manifest.disputed:
        yield f"frames were replaced after they were recorded: {_indices_of(manifest.disputed)}"
    yield from dict.fromkeys(_broken_off(manifest, one) for one in manifest.unfinished)
    if beyond := manifest.beyond:
        yield f"frames of an older run are outside of the last one's range: {_indices_of(beyond)}"
    if others := manifest.of_other_kind:
        where, here = ("in", "outside of") if others[0].batch is not None else ("outside of", "in")
        numbers = _indices_of(others)
        yield f"frames of another run lie {where} batch folders, and the expected ones {here} them: {numbers}"
    if not manifest.confirmed:
        yield "no listing confirmed the frames, because the last run had no right to list the folder"


def _broken_off(manifest: Manifest, run_id: str) -> str:
    """Return how far an interrupted run came, in words."""
    run = manifest.run(run_id)
    if run is None or run.total is None:
        return "a run was interrupted or failed"
    written = sum(1 for frame in manifest.frames if frame.run == run_id)
    wanted = (count(run.expected) or run.total) * max(1, len(run.batches))
    if run.mixed:
        which = f"{written} of {wanted} are from the one that began later"
        return f"frames of two runs are mixed, which wrote them at the same time: {which}"
    about = "about " if run.about else ""
    verb = "is" if wanted == 1 else "are"
    return f"a run was interrupted or failed: {written} of {about}{counted(wanted, 'frame')} {verb} recorded"


def _indices_of(frames: Iterable[FrameEntry]) -> str:
    return naming.format_ranges(naming.to_ranges(sorted({frame.index for frame in frames})), 10)


# --- writing ---------------------------------------------------------------------------------------------------------


_encode = json.JSONEncoder().encode
_encode_lines = json.JSONEncoder(separators=(",\n  ", ": ")).encode


def dump(manifest: Manifest) -> bytes:
    """Return the file's bytes: JSON in ASCII, with each member, each run and each frame on a line of its own."""
    facts = manifest.as_document()
    plain = {
        "version": VERSION,
        "complete": manifest.complete,
        **{name: value for name, value in facts.items() if name != "metadata"},
        "expected": naming.format_ranges(manifest.expected),
        "confirmed": manifest.confirmed,
        "updated": manifest.updated,
        "software": manifest.software,
    }
    nested = {
        "metadata": facts["metadata"],
        "picture": None if manifest.picture is None else manifest.picture.as_document(),
        "writers": [writer.as_document() for writer in manifest.writers],
        "unfinished": manifest.unfinished,
    }
    # Not with ``indent``, which the encoder in C does not know: a workflow may have megabytes.
    head = ",\n  ".join(
        (_encode_lines(plain)[1:-1], *(f'"{name}": {_encode(value)}' for name, value in nested.items()))
    )
    shared = Shared(picture=manifest.picture, recipe=manifest.recipe, runs=[run.id for run in manifest.runs])
    positions = {run.id: position for position, run in enumerate(manifest.runs)}
    runs = (run.as_document() for run in manifest.runs)
    frames = (frame.as_document(shared, positions) for frame in manifest.frames)
    return f'{{\n  {head},\n  "runs": {_lines(runs)},\n  "frames": {_lines(frames)}\n}}\n'.encode()


def _lines(documents: Iterable[dict[str, Any]]) -> str:
    """Return a list with one object in each line."""
    text = ",\n    ".join(map(_encode, documents))
    return f"[\n    {text}\n  ]" if text else "[]"


# --- reading ---------------------------------------------------------------------------------------------------------


def load(data: bytes | str) -> Manifest:
    """Read the file, of this version or an older one. Raises ManifestError for one that is damaged or newer.

    data: the file, or its text. A caller that keeps the bytes has both in memory.

    The frames are read one by one: 100,000 take about 60 MB and half a second.
    """
    try:
        document = parse(text_of(data) if isinstance(data, bytes) else data, "frames", _entries)
    except (ValueError, RecursionError) as error:
        if isinstance(error, ManifestError):
            raise
        raise ManifestError(f"the manifest is damaged: it is not JSON ({error})") from None
    reader = Reader(document, "the manifest")
    _check_version(reader)
    return _manifest(reader)


def _check_version(reader: Reader) -> None:
    version = reader.number("version", least=1)
    if version > VERSION:
        raise ManifestError(
            f"the manifest has version {version}, but this seqsave knows {VERSION}: update seqsave", is_newer=True
        )


def _entries(members: dict[str, Any], items: Iterator[Any]) -> list[Any]:
    """Return the entries; the raw values if shared facts come after them, or if the file must not be read at all."""
    if not members.keys() >= {"version", "picture", "recipe"} or (members["version"] != 1 and "runs" not in members):
        return [one for number, one in enumerate(items) if _is_allowed(number)]
    reader = Reader(members, "the manifest")
    _check_version(reader)
    return _converted(reader, items)


def _converted(reader: Reader, items: Iterable[Any]) -> list[FrameEntry]:
    shared = Shared(
        picture=Picture.from_document(reader.document.get("picture"), reader.what),
        recipe=reader.optional("recipe", str),
        runs=_run_ids(reader),
    )
    read, found = FrameEntry.from_document, []
    for number, one in enumerate(items):
        _is_allowed(number)
        found.append(read(one, number, shared))
    return found


def _is_allowed(number: int) -> bool:
    """Return True for a position that a frame may have. Raises ManifestError."""
    if number == MOST_FRAMES:
        raise ManifestError(f"the manifest has more than {MOST_FRAMES} frames")
    return True


def _run_ids(reader: Reader) -> list[str]:
    if reader.document["version"] == 1:
        return [EARLIER]
    return [one.text("id") for one in reader.objects("runs", "run")]


def _manifest(reader: Reader) -> Manifest:
    facts, expected, frames = facts_in(reader), ranges_in(reader, "expected"), reader.value("frames", list)
    if frames and not isinstance(frames[0], FrameEntry):
        frames = _converted(reader, frames)
    known = Manifest(
        **facts,
        complete=reader.flag("complete"),
        expected=expected,
        frames=tuple(sorted(frames, key=sort_key)),
        writers=tuple(map(WriterEntry.from_document, reader.objects("writers", "writer"))),
        unfinished=reader.texts("unfinished"),
        confirmed=reader.flag("confirmed", True),
        updated=reader.text("updated", ""),
        software=reader.text("software", ""),
    )
    if reader.document["version"] == 1:
        return _of_version_1(known)
    return replace(known, runs=tuple(map(RunEntry.from_document, reader.objects("runs", "run"))))


def _of_version_1(manifest: Manifest) -> Manifest:
    """Return a manifest of version 1 with one run to which all of its frames are attributed."""
    earlier = RunEntry(
        id=EARLIER,
        since=manifest.updated,
        start=manifest.start,
        step=manifest.step,
        total=manifest.total,
        expected=manifest.expected,
    )
    # A frame that was only found belongs to no run.
    frames = tuple(frame if frame.checksum is not None else replace(frame, run=None) for frame in manifest.frames)
    return replace(manifest, frames=frames, runs=(earlier,))
