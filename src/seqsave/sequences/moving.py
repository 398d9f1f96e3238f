"""Move a sequence to other names, another folder or another storage: as a whole, or not at all if that is possible.

On one file system each file is renamed. Elsewhere each one is copied, the copy is compared, and the files at the source
are deleted once all copies exist. If the numbers move among themselves (by +1 in one folder), one file goes after
the other, in the order in which the next name is free. After a failure everything is put back; where that fails too,
the error says which frame is where. At every moment each frame exists, under its old name or its new one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from seqsave import manifest as manifests
from seqsave import naming, targets
from seqsave.errors import FrameExistsError, FrameNameError, ManifestError, OptionError, TargetError
from seqsave.manifest import FrameEntry, Manifest, packs
from seqsave.manifest.claim import Claim
from seqsave.manifest.merging import in_doubt
from seqsave.manifest.moved import after_copy, joined, moved, of_files, settled, with_entries
from seqsave.manifest.store import read_again
from seqsave.naming import NamePattern
from seqsave.sequences import finder
from seqsave.sequences.belongings import (
    Sidecar,
    files_of,
    folders_of,
    list_sidecars,
    manifest_path,
    packs_of,
    path_of,
    preview_of,
    target_of,
    tidy_folders,
)
from seqsave.sequences.destination import Destination
from seqsave.sequences.frame import Frame, name_below
from seqsave.sequences.many import call
from seqsave.sequences.reader import FrameSequence
from seqsave.sequences.repair import from_scratch
from seqsave.sequences.transfer import Arrived, Step, Transfer, listed
from seqsave.targets.spelling import Names, spelled
from seqsave.wording import checksum_of, counted, crc32_text, first_of

__all__ = ["Move", "Moved", "move", "plan_move"]

SHOWN = 5

Key = tuple[int, int | None]


@dataclass(frozen=True, slots=True)
class Move:
    """The plan of a move: which files, and their destination.

    target: the destination folder. name: the new names of the files. offset: the number added to each index.
    steps:  one for each file, in the order in which they are moved.
    before: the files at the source as they were listed.
    there:  the frames that the destination has under the same names already, with other numbers.
    stays:  the files stay in their folder. overlaps: and some get the names of others.
    """

    sequence: FrameSequence
    target: targets.Target
    name: NamePattern
    offset: int
    steps: Sequence[Step]
    before: Mapping[str, targets.Entry]
    there: Sequence[Frame]
    stays: bool
    overlaps: bool

    @property
    def frames(self) -> list[Frame]:
        """Return the frames, in the order in which they are moved."""
        return [step.frame for step in self.steps if step.frame is not None]

    @property
    def size(self) -> int:
        """Return the bytes of the frames."""
        return sum(step.size for step in self.steps if step.frame is not None)


@dataclass(frozen=True, slots=True)
class Moved:
    """The outcome of a move.

    left:  paths of files that were moved, but could not be deleted at the source. error: the reason.
    """

    left: Sequence[str] = ()
    error: TargetError | None = None


# --- before ----------------------------------------------------------------------------------------------------------


def plan_move(sequence: FrameSequence, destination: Destination, offset: int = 0) -> Move:
    """Return the plan for moving a sequence. Changes nothing.

    Raises FrameExistsError, which names existing files with the new names or numbers; FrameNameError for two files of
    one number; OptionError if nothing would change, and for a part of the frames of one manifest; ManifestError;
    TargetError.
    """
    if sequence.duplicates:
        some = first_of([frame.name for frame in sequence.duplicates], SHOWN)
        raise FrameNameError(
            f"{sequence.pattern} in {sequence.url} has two files of one number ({some}): remove one first"
        )
    _refuse_a_part(sequence)
    source, target, name = target_of(sequence), destination.target, destination.name or sequence.name
    stays = _place(source, sequence.folder) == _place(target, "")
    names = {} if destination.name is not None or offset else {frame.url: frame.name for frame in sequence}
    steps = list(_steps(sequence, target, name, offset, names))
    if stays:
        steps = [step for step in steps if step.old != naming.join(sequence.folder, step.new)]
    if not any(step.frame is not None for step in steps):
        raise OptionError(f"{sequence.pattern} in {sequence.url} is to be moved to the names that it has")
    there = _refuse_existing(steps, sequence, target, name, offset, stays=stays)
    old = {step.old for step in steps}
    return Move(
        sequence=sequence,
        target=target,
        name=name,
        offset=offset,
        steps=_in_order(steps, falling=stays and offset > 0),
        before=listed(source, {step.old.rpartition("/")[0] for step in steps}),
        there=there,
        stays=stays,
        overlaps=stays and any(naming.join(sequence.folder, step.new) in old for step in steps),
    )


def _refuse_a_part(sequence: FrameSequence) -> None:
    """Raise OptionError for a pattern that matches a part of the frames that one manifest records: ``f_##.png``."""
    known = sequence.manifest
    if known is None:
        return
    own = {naming.normalized(name_below(frame)) for frame in sequence}
    others = [frame.name for frame in known.frames if naming.normalized(frame.name) not in own]
    existing = manifests.list_frames(target_of(sequence), sequence.prefix, others) or {}
    rest = [name for name in others if name in existing]
    if rest:
        raise OptionError(
            f"{sequence.pattern} in {sequence.url} is a part of a sequence, whose manifest records "
            f"{first_of(rest, SHOWN)} too: give the folder, or a pattern that matches all of it"
        )


def _steps(
    sequence: FrameSequence, destination: targets.Target, name: NamePattern, offset: int, names: Mapping[str, str]
) -> Iterator[Step]:
    """Yield a step for each frame, followed by those of its metadata files; and for proxies and the preview.

    names: the new names of frames by their URL, where these do not follow from the pattern.
    """
    target = target_of(sequence)
    sidecars: dict[str, list[Sidecar]] = {}
    for one in list_sidecars(target, [path_of(sequence, frame) for frame in sequence]):
        sidecars.setdefault(one.owner, []).append(one)
    for frame in sequence:
        folder = "" if frame.batch is None else naming.batch_folder(frame.batch)
        new, old = names.get(frame.url) or name.format(frame.index + offset), path_of(sequence, frame)
        yield Step(old, naming.join(folder, new), frame.size or 0, frame)
        for one in sidecars.get(old, ()):
            yield Step(one.path, naming.join(folder, f"{naming.PRIVATE_FOLDER}/{new}{one.ending}"), 0)
    folder = packs.folder_of(call(destination, lambda: spelled(destination, manifests.path_of("", name))))
    for path in packs_of(sequence):
        yield Step(path, f"{folder}/{path.rpartition('/')[2]}", 0)
    for path in preview_of(sequence):
        yield Step(path, f"{name.prefix or 'preview'}.{path.rpartition('.')[2]}", 0)


def _in_order(steps: Sequence[Step], *, falling: bool) -> list[Step]:
    """Return the steps, from the last frame to the first if the new numbers overlap the old ones and are higher."""
    if not falling:
        return list(steps)
    groups: list[list[Step]] = []
    for step in steps:
        if step.frame is not None or not groups:
            groups.append([])
        groups[-1].append(step)
    return [step for group in reversed(groups) for step in group]


def _refuse_existing(
    steps: Sequence[Step],
    sequence: FrameSequence,
    target: targets.Target,
    name: NamePattern,
    offset: int,
    *,
    stays: bool,
) -> list[Frame]:
    """Raise FrameExistsError if files have the new names or numbers; return the other frames at the destination."""
    going = {step.old for step in steps} if stays else set()

    def is_going(path: str) -> bool:
        return naming.join(sequence.folder, path) in going

    listing = listed(target, {step.new.rpartition("/")[0] for step in steps})
    _refuse_other_spelling(steps, sequence, target, listing)
    there = {path for path in listing if not is_going(path)}
    taken = [step.new for step in steps if step.new in there]
    others = [frame for frame in _frames_at(target, name) if not is_going(name_below(frame))]
    keys = {(frame.index, frame.batch): frame for frame in others}
    wanted = [(step.frame.index + offset, step.frame.batch) for step in steps if step.frame is not None]
    taken += [name_below(keys[key]) for key in wanted if key in keys and name_below(keys[key]) not in taken]
    if taken:
        some = first_of(sorted(taken), SHOWN)
        exist = "already exists" if len(taken) == 1 else "already exist"
        raise FrameExistsError(
            f"cannot move {sequence.pattern} to {target.url}: {counted(len(taken), 'file')} {exist} there: "
            f"{some}. Move it elsewhere, or remove them first"
        )
    return others


def _refuse_other_spelling(
    steps: Sequence[Step], sequence: FrameSequence, target: targets.Target, listing: Mapping[str, targets.Entry]
) -> None:
    """Raise FrameExistsError if a new name is another spelling of an existing one, and means the same file.

    Sends one request at most: either a storage takes such names for one file, or it does not.
    """
    names = Names(listing)
    for step in steps:
        alike = [] if step.new in listing else names.alike(step.new)
        if not alike:
            continue
        if call(target, partial(target.exists, step.new)):
            raise FrameExistsError(
                f"cannot move {sequence.pattern} to {target.url}: {alike[0]} exists, and names that differ only in "
                "capital and small letters, or in their Unicode form, are the same file there. Move it to another name"
            )
        return


def _frames_at(target: targets.Target, name: NamePattern) -> list[Frame]:
    """Return the frames of a sequence of this name in a folder, with any number of digits."""
    found = finder.in_folder(target)
    same = (naming.normalized(name.head), name.ending.casefold())
    return [
        frame
        for one in found
        if (naming.normalized(one.name.head), one.name.ending.casefold()) == same
        for frame in files_of(one)
    ]


def _place(target: targets.Target, folder: str) -> tuple[tuple[tuple[str, str], ...], str]:
    """Return a value that is equal for two folders only if they are the same."""
    found = dict(target.identity())
    root = found.pop("root").rstrip("/")
    return tuple(sorted(found.items())), naming.join(root, folder)


# --- the move --------------------------------------------------------------------------------------------------------


def move(plan: Move, on_frame: Callable[[Frame], None] = lambda _: None) -> Moved:
    """Move the files, and update the manifests of both places.

    on_frame: called with each frame that is at its new place.

    Raises FrameExistsError, ManifestError, TargetError: then everything is at its old place, unless the message says
    which frame is where.
    """
    source = target_of(plan.sequence)
    one_by_one = plan.overlaps or (source.is_local and plan.target.is_local)
    records = _Records(plan)
    originals = _originals(plan, source, is_recorded=records.is_kept) if plan.target.can_copy(source) else {}
    transfer = Transfer(source, plan.target, plan.steps, one_by_one, originals)
    records.enter()
    try:
        arrived = transfer.run(lambda step: None if step.frame is None else on_frame(step.frame))
        try:
            records.arrive(arrived)
        except BaseException as error:
            transfer.undo(arrived, error)
            raise
    except BaseException:
        records.restore(is_back=transfer.is_back)
        raise
    left, problem = transfer.finish(plan.before)
    records.depart(left)
    if not left:
        tidy_folders(plan.sequence, folders_of(plan.sequence))
    return Moved(left, problem)


def _originals(plan: Move, source: targets.Target, *, is_recorded: bool) -> dict[str, targets.Original]:
    """Return the files that the storage itself can copy, in the version that was listed.

    is_recorded: a manifest has the checksums of the frames: one whose checksum is not known has to be read.
    """
    known = plan.sequence.manifest
    entries = {} if known is None else {frame.key: frame for frame in known.frames}
    found: dict[str, targets.Original] = {}
    for step in plan.steps:
        seen, crc32 = plan.before.get(step.old), None
        if seen is None or seen.version is None:
            continue
        if step.frame is not None and is_recorded:
            entry = entries.get((step.frame.index, step.frame.batch))
            if entry is not None and (entry.etag, entry.size) == (seen.version, seen.size):
                crc32 = checksum_of(entry.checksum)
            if crc32 is None:
                continue
        found[step.old] = targets.Original(target=source, path=step.old, etag=seen.version, size=seen.size, crc32=crc32)
    return found


class _Records:
    """The manifests of source and destination, which may be the same file."""

    def __init__(self, plan: Move) -> None:
        self._plan = plan
        self._known = plan.sequence.manifest
        self._source_path = manifest_path(plan.sequence)
        self._path = call(plan.target, lambda: spelled(plan.target, manifests.path_of("", plan.name)))
        self._is_same = plan.stays and naming.join(plan.sequence.folder, self._path) == self._source_path
        self._source = Claim(target_of(plan.sequence), self._source_path) if self._known is not None else None
        self._target: Claim | None = None
        if not self._is_same:
            is_there = manifests.read(plan.target, self._path) is not None
            self._target = Claim(plan.target, self._path) if is_there or self._known is not None else None
        self._keys = {(frame.index + plan.offset, frame.batch) for frame in plan.frames}

    @property
    def is_kept(self) -> bool:
        """Return whether one of the places has a manifest."""
        return self._source is not None or self._target is not None

    def enter(self) -> None:
        """Enter this move into both. Raises TargetError, also if a run is writing one of them; ManifestError."""
        if self._source is not None:
            self._source.enter()
        try:
            if self._target is not None:
                self._target.enter(self._joined)
        except BaseException:
            if self._source is not None:
                self._source.restore()
            raise

    def restore(self, *, is_back: bool) -> None:
        """Restore both. A manifest that cannot be changed any more names this process, and is not complete.

        is_back: the files are, too. Otherwise the manifest of the source is not complete.
        """
        for claim in (self._target, self._source):
            if claim is not None:
                with contextlib.suppress(TargetError, ManifestError):
                    claim.restore(is_sound=is_back)

    def arrive(self, arrived: Sequence[Arrived]) -> None:
        """Record the files that a listing of the destination shows."""
        if self._target is not None:
            self._target.leave(lambda current: self._settled(current, arrived))
        elif self._is_same and self._source is not None:
            self._source.leave(lambda current: self._settled(self._translated(current), arrived))
            self._source = None

    def depart(self, left: Sequence[str]) -> None:
        """Delete the manifest at the source, except for the records of files that are left."""
        if self._source is None:
            return
        head = f"{self._plan.sequence.folder}/" if self._plan.sequence.folder else ""
        kept = {naming.normalized(path.removeprefix(head)) for path in left}

        def make(current: Manifest) -> Manifest | None:
            gone = {frame.name for frame in current.frames if naming.normalized(frame.name) not in kept}
            return manifests.without_frames(current, gone) if kept else None

        self._source.leave(make)
        if not kept:
            target_of(self._plan.sequence).tidy(self._source_path)

    def _translated(self, current: Manifest) -> Manifest:
        """Return the source's manifest with the names and numbers that the frames get."""
        plan = self._plan
        names = {(step.frame.index, step.frame.batch): step.new for step in plan.steps if step.frame is not None}
        folder = current.prefix.rpartition("/")[0] if plan.stays else ""
        return moved(current, plan.name, folder, plan.offset, names)

    def _joined(self, there: Manifest | None) -> Manifest:
        """Return the manifest at the destination, with the frames that will be moved there."""
        plan, base = self._plan, self._source.before if self._source is not None else None
        if base is None:
            base = of_files(from_scratch(plan.sequence), map(_entry, plan.sequence))
        came = self._translated(base)
        if there is None and plan.there:
            there = of_files(came, map(_entry, plan.there))
        return came if there is None else joined(there, came, self._keys)

    def _settled(self, current: Manifest, arrived: Sequence[Arrived]) -> Manifest:
        """Return the manifest with the files that have arrived, according to a listing."""
        plan = self._plan
        entries = {frame.key: frame for frame in current.frames}
        new = [entry for one in arrived if (entry := _copied(one, plan.offset, entries)) is not None]
        now = with_entries(current, new)
        listing = manifests.list_frames(plan.target, "", [frame.name for frame in now.frames])
        # Of a folder that was copied by hand no file has the recorded version, though it may have the bytes.
        doubtful = () if listing is None else in_doubt(now, manifests.Outcome(), listing)
        return settled(now, listing, read_again(plan.target, "", doubtful))


def _entry(frame: Frame) -> FrameEntry:
    return FrameEntry(index=frame.index, batch=frame.batch, name=name_below(frame), size=frame.size)


def _copied(one: Arrived, offset: int, entries: Mapping[Key, FrameEntry]) -> FrameEntry | None:
    """Return the entry of a frame that was copied; None for one that was renamed and stays the same file."""
    frame, published = one.step.frame, one.published
    entry = None if frame is None else entries.get((frame.index + offset, frame.batch))
    if entry is None or published is None or one.crc32 is None:
        return None
    return after_copy(entry, published, crc32_text(one.crc32))
