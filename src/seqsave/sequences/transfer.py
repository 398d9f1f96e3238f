"""Move files between storages or within one. At any moment each file has its old name, its new one, or both."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from seqsave import naming, targets
from seqsave.errors import FrameExistsError, TargetError
from seqsave.plugins import registry
from seqsave.sequences.frame import Frame, list_folder
from seqsave.sequences.many import at_once, call

__all__ = ["Arrived", "Step", "Transfer", "is_same", "listed"]


@dataclass(frozen=True, slots=True)
class Step:
    """One file: its path below the source, and its new one below the destination. frame: None for other files."""

    old: str
    new: str
    size: int
    frame: Frame | None = None


@dataclass(frozen=True, slots=True)
class Arrived:
    """A file at the destination. published: None for a file that was renamed. crc32: of its bytes, if it is known."""

    step: Step
    published: targets.Published | None = None
    crc32: int | None = None


@dataclass(slots=True)
class Transfer:
    """The files of one move.

    is_back:    False while files are put back after a failure, and if that fails.
    originals:  versions of files at the source, by their paths, which the storage may copy by itself.
    one_by_one: each file leaves the source before the next one arrives. This is so if files are renamed, and if new
    names
                are old names of other files. Otherwise all are copied, and ``finish`` deletes the old ones.
    """

    source: targets.Target
    target: targets.Target
    steps: Sequence[Step]
    one_by_one: bool
    originals: Mapping[str, targets.Original] = field(default_factory=dict)
    is_back: bool = True

    def run(self, on_file: Callable[[Step], None] = lambda _: None) -> list[Arrived]:
        """Bring every file to the destination.

        After a failure or an interrupt, all files are put back and the error is raised. If that fails as well,
        TargetError lists which files are where.

        Raises FrameExistsError, TargetError.
        """
        arrived: list[Arrived] = []
        try:
            if self.one_by_one:
                for step in self.steps:
                    arrived.append(self._move(step))
                    on_file(step)
            else:
                slowest = self.source if self.target.is_fast else self.target
                for one in at_once(slowest, [(step.size, partial(self._copy, step)) for step in self.steps]):
                    arrived.append(one)
                    on_file(one.step)
        except BaseException as error:
            self.undo(arrived, error)
            raise
        return arrived

    def finish(self, before: Mapping[str, targets.Entry]) -> tuple[list[str], TargetError | None]:
        """Delete the files at the source that were copied. Return the files that are left, and the first error.

        before: the files as they were listed when the move was planned. A file that has changed since is left, and so
            is one whose copy is gone.
        """
        if self.one_by_one:
            return [], None
        left: list[str] = []
        error: TargetError | None = None
        try:
            now = listed(self.source, {step.old.rpartition("/")[0] for step in self.steps})
            gone = self._gone()
        except TargetError as failure:
            return [step.old for step in self.steps], failure
        kept = {step.old for step in gone}
        same = [step.old for step in self.steps if is_same(before.get(step.old), now.get(step.old))]
        safe = [path for path in same if path not in kept]
        changed = [step.old for step in self.steps if step.old in now and step.old not in safe]
        done = 0
        try:
            for _ in at_once(self.source, [(0, partial(self._delete, self.source, path)) for path in safe]):
                done += 1
        except TargetError as failure:
            error, left = failure, self._still(safe[done:])
        if gone and error is None:
            error = TargetError(f"{self.target.url_of(gone[0].new)} was removed after the copy: its source is kept")
        if changed and error is None:
            where = self.source.url_of(changed[0])
            error = TargetError(f"{where} was changed while it was copied: the file and its older copy are kept")
        return [*changed, *left], error

    def _gone(self) -> list[Step]:
        """Return the steps whose copies are gone. Some storages list a new file late, but know it by its name."""
        there = listed(self.target, {step.new.rpartition("/")[0] for step in self.steps})
        lacking = [step for step in self.steps if step.new not in there]
        return [step for step in lacking if not call(self.target, partial(self.target.exists, step.new))]

    def _still(self, paths: Sequence[str]) -> list[str]:
        """Delete files, several at a time and also after a failure; return those that are still at the source."""
        try:
            now = listed(self.source, {path.rpartition("/")[0] for path in paths})
        except TargetError:
            return list(paths)
        return [path for path in paths if path in now]

    # --- one file ---

    def _move(self, step: Step) -> Arrived:
        if call(self.target, lambda: self.target.move_in(step.new, self.source, step.old)):
            return Arrived(step)
        arrived = self._copy(step)
        self._delete(self.source, step.old)
        return arrived

    def _copy(self, step: Step) -> Arrived:
        original = self.originals.get(step.old)
        copied = None if original is None else self._copied_by_storage(step.new, original)
        if original is not None and copied is not None:
            return Arrived(step, copied, original.crc32)
        return self._copied_here(step)

    def _copied_by_storage(self, path: str, original: targets.Original) -> targets.Published | None:
        """Let the storage copy a file to a free name; return None if the file has to be read for that."""
        target = self.target
        if not call(target, lambda: target.refuses_copies(f"{naming.PRIVATE_FOLDER}/create.txt")):
            return None
        try:
            published = target.copy_in(path, original, content_type=_content_type(path), create=True)
        except TargetError:
            return None  # reading and publishing tries several times
        if published is not None and not published.acknowledged:
            there, here = (call(one, partial(one.read, name)) for one, name in self._both(path, original))
            if there != here:
                raise TargetError(f"{target.url_of(path)} holds other bytes than {self.source.url_of(original.path)}")
        return published

    def _both(self, path: str, original: targets.Original) -> list[tuple[targets.Target, str]]:
        return [(self.target, path), (self.source, original.path)]

    def _copied_here(self, step: Step) -> Arrived:
        data = call(self.source, lambda: self.source.read(step.old))
        if step.frame is not None and step.frame.size not in (None, len(data)):
            raise TargetError(f"{self.source.url_of(step.old)} was changed while it was read: is a run writing it?")
        published = _publish(self.target, step.new, data)
        return Arrived(step, published, zlib.crc32(data))

    def _delete(self, target: targets.Target, path: str) -> None:
        call(target, lambda: target.delete(path))

    # --- back ---

    def undo(self, arrived: Sequence[Arrived], error: BaseException) -> None:
        """Put all files back. Raises TargetError, chained to the cause, if that fails."""
        self.is_back = False
        try:
            if self.one_by_one:
                back = Transfer(self.target, self.source, (), one_by_one=True)
                if len(arrived) < len(self.steps) and not isinstance(error, FrameExistsError):
                    self._put_back_half(self.steps[len(arrived)], back)
                for one in reversed(arrived):
                    back._move(Step(one.step.new, one.step.old, one.step.size))
            else:
                self._remove_copies(arrived)
        except TargetError as failure:
            raise TargetError(f"{error}. Putting the files back failed too: {failure}. {self._where()}") from error
        self.is_back = True

    def _put_back_half(self, step: Step, back: Transfer) -> None:
        """Put back the file that was being moved: an interrupt may come at any point of its move."""
        if not call(self.target, lambda: self.target.exists(step.new)):
            return
        if not call(self.source, lambda: self.source.exists(step.old)):
            back._move(Step(step.new, step.old, step.size))
        elif self._is_copy(step):
            self._delete(self.target, step.new)

    def _remove_copies(self, arrived: Sequence[Arrived]) -> None:
        """Delete the files that this move has published, under names that were free, with the bytes of the source.

        A copy is kept if its file has been removed from the source since.
        """
        known = {one.step.new for one in arrived}
        here = listed(self.source, {step.old.rpartition("/")[0] for step in self.steps})
        there = listed(self.target, {step.new.rpartition("/")[0] for step in self.steps})
        for step in self.steps:
            if step.old in here and (step.new in known or (step.new in there and self._is_copy(step))):
                self._delete(self.target, step.new)

    def _is_copy(self, step: Step) -> bool:
        """Return True for a file of a job that was running at the failure."""
        return call(self.target, lambda: self.target.read(step.new)) == call(
            self.source, lambda: self.source.read(step.old)
        )

    def _where(self) -> str:
        numbers: dict[bool, list[int]] = {True: [], False: []}
        try:
            there = listed(self.target, {step.new.rpartition("/")[0] for step in self.steps})
            here = listed(self.source, {step.old.rpartition("/")[0] for step in self.steps})
        except TargetError:
            return f"Frames may be in {self.source.url} and in {self.target.url}"
        for step in self.steps:
            if step.frame is not None:
                is_moved = step.new in there and step.old not in here
                numbers[is_moved].append(step.frame.index)
        moved, left = (naming.format_ranges(naming.to_ranges(sorted(set(one))), 10) for one in numbers.values())
        old, new = self.source.url_of(self.steps[0].old), self.target.url_of(self.steps[0].new)
        return f"Frames at the new place (as {new}): {moved or 'none'}; at the old one (as {old}): {left or 'none'}"


def listed(target: targets.Target, folders: set[str]) -> dict[str, targets.Entry]:
    """Return every file in some folders, by its path. Raises TargetError."""
    return {
        naming.join(folder, entry.name): entry
        for folder in folders
        for entry in list_folder(target, folder)
        if not entry.is_folder
    }


def _publish(target: targets.Target, path: str, data: bytes) -> targets.Published:
    """Publish a file under a free name, and check that the storage holds these bytes."""
    can_create = target.capabilities.create != "none"
    content_type = _content_type(path)

    def publish() -> targets.Published:
        try:
            return target.publish(path, data, content_type=content_type, create=can_create)
        except FrameExistsError:
            # The answer to an earlier attempt may have been lost: then the file is our own.
            found, published = target.read_published(path)
            if found != data:
                raise
            return published

    published = call(target, publish)
    if not published.acknowledged and call(target, lambda: target.read(path)) != data:
        raise TargetError(f"{target.url_of(path)} holds other bytes than were written to it")
    return published


def _content_type(path: str) -> str:
    extension = path.rpartition(".")[2].lower()
    if extension == "json":
        return "application/json"
    if extension in ("mp4", "webm"):
        return f"video/{extension}"
    spec = registry.spec_for_extension(extension)
    return spec.content_type if spec is not None else "application/octet-stream"


def is_same(before: targets.Entry | None, now: targets.Entry | None) -> bool:
    """Return True if two listings show the same file, unchanged."""
    if before is None or now is None:
        return False
    return (before.size, before.version) == (now.size, now.version)
