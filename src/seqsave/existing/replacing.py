"""Remove the frames that existed before a run and that it did not write, for ``if_exists="replace"``."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from seqsave import manifest, naming, targets
from seqsave.errors import SeqSaveError, TargetError
from seqsave.existing.sidecars import remove_sidecars
from seqsave.manifest import Manifest, packs
from seqsave.manifest.run import RunRecord
from seqsave.runtime import retry
from seqsave.sequences.packed import drop
from seqsave.wording import counted

__all__ = ["OlderFrames", "beside_these", "replaced_by_another"]


@dataclass(frozen=True, slots=True)
class _Removed:
    """The paths of the frames that were deleted, and of those that could not be, with the first error."""

    deleted: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    error: str = ""


class OlderFrames:
    """The frames of one sequence, as they were before a run. Thread-safe.

    Only files that were listed before the first frame and are unchanged at the end are deleted, so that another run's
    new frames are kept.
    """

    def __init__(self, target: targets.Target, rule: naming.NameRule, policy: retry.RetryPolicy) -> None:
        self._target = target
        self._rule = rule
        self._policy = policy
        self._before: dict[str, targets.Entry] | None = None
        self._lock = threading.Lock()

    def note(self) -> None:
        """List the frames, before the first one is written. Raises TargetError."""
        with self._lock:
            if self._before is None:
                self._before = self._listed()

    def replace(
        self, record: RunRecord, made: Manifest | None, written: Collection[str]
    ) -> tuple[Manifest | None, str]:
        """Delete the older frames, their sidecars and their proxies, that are not among the paths ``written``.

        made: the manifest as the run left it; None without one. Deleted frames, and the runs that this one replaces,
        are removed from it.

        A run outside of batch folders deletes no files in them, and the reverse. Returns the new manifest, and a
        warning about frames that remain; "" if none does.
        """
        try:
            removed = self._remove(written)
            made = self._note_removed(removed, record, made, written)
        except SeqSaveError as error:
            return None, f"frames of older runs may still exist: {error}"
        self._drop_proxies(removed, record, written)
        beside = self._remove_sidecars(removed.deleted)
        if not removed.failed:
            return made, beside
        numbers = {self._number(path) for path in removed.failed}
        return made, f"{beside_these(numbers)}, as deleting them failed: {removed.error}"

    def _note_removed(
        self, removed: _Removed, record: RunRecord, made: Manifest | None, written: Collection[str]
    ) -> Manifest | None:
        run = record.run
        if made is None or not (removed.deleted or any(one.expected for one in made.runs if one.id != run)):
            return made
        below = len(self._rule.folder) + 1 if self._rule.folder else 0
        # Of a frame that had two files, in both Unicode forms of its name, the run has written one.
        left = {naming.normalized(path) for path in written}
        names = {path[below:] for path in removed.deleted if naming.normalized(path) not in left}

        def change(current: Manifest | None) -> Manifest | None:
            return None if current is None else manifest.replaced(current, names, run)

        return manifest.change(self._target, record.path, change, policy=self._policy)

    def _remove(self, written: Collection[str]) -> _Removed:
        before, now = self._before or {}, self._listed()
        mine = {self._is_batched(path) for path in written}
        deleted, failed, error = [], [], ""
        for path, entry in before.items():
            if path in written or self._is_batched(path) not in mine or not _is_same(entry, now.get(path)):
                continue
            try:
                self._delete(path)
            except TargetError as failure:
                failed.append(path)
                error = error or str(failure)
            else:
                deleted.append(path)
        return _Removed(tuple(deleted), tuple(failed), error)

    def _drop_proxies(self, removed: _Removed, record: RunRecord, written: Collection[str]) -> None:
        """Remove the small pictures of frames that were deleted or replaced; those that the run made stay."""
        folder = packs.folder_of(record.path)
        with contextlib.suppress(TargetError):  # what remains belongs to no frame, and is not read
            if not packs.list_packs(self._target, folder, self._policy):
                return
            there = self._listed()
            gone = self._keys((*removed.deleted, *written))
            left = self._keys(path for path in there if path not in written and path not in removed.deleted)
            drop(self._target, folder, gone, left, own=record.run)

    def _remove_sidecars(self, deleted: Collection[str]) -> str:
        """Delete the sidecars of these frames. Returns a warning about those that remain; "" if none does."""
        from seqsave.sequences.belongings import list_sidecars  # here, as numpy comes with it

        try:
            left = list_sidecars(self._target, deleted)
        except TargetError:  # what remains belongs to no file, and is ignored
            return ""
        return remove_sidecars(self._target, [one.path for one in left])

    def _keys(self, paths: Iterable[str]) -> list[tuple[int, int | None]]:
        """Return index and batch of each of these files that is named as a frame."""
        keys = []
        for path in paths:
            folder, _, name = path.rpartition("/")
            index = self._rule.name.parse(name)
            if index is not None:
                is_batched = self._is_batched(path)
                keys.append((index, naming.parse_batch_folder(folder.rpartition("/")[2]) if is_batched else None))
        return keys

    def _number(self, path: str) -> int:
        index = self._rule.name.parse(path.rpartition("/")[2])
        assert index is not None  # noqa: S101 - for the type checker: it was listed since it has one
        return index

    def _listed(self) -> dict[str, targets.Entry]:
        found: dict[str, targets.Entry] = {}
        for entry in self._list(self._rule.folder):
            path = naming.join(self._rule.folder, entry.name)
            if not entry.is_folder:
                found[path] = entry
            elif naming.parse_batch_folder(entry.name) is not None:
                found |= {naming.join(path, one.name): one for one in self._list(path) if not one.is_folder}
        parse = self._rule.name.parse
        return {path: entry for path, entry in found.items() if parse(entry.name) is not None}

    def _list(self, folder: str) -> list[targets.Entry]:
        return retry.call(self._policy, lambda: self._target.list(folder), contact=self._target.known)

    def _is_batched(self, path: str) -> bool:
        folder = path.rpartition("/")[0]
        return folder != self._rule.folder

    def _delete(self, path: str) -> None:
        retry.call(self._policy, lambda: self._target.delete(path), contact=self._target.known)


def _is_same(before: targets.Entry, now: targets.Entry | None) -> bool:
    return now is not None and (before.size, before.version) == (now.size, now.version)


def beside_these(indices: Iterable[int]) -> str:
    """Return the beginning of a warning about older frames with these numbers."""
    numbers = naming.format_ranges(naming.to_ranges(sorted(indices)), 10)
    return f"frames of an older run lie beside those of this one: {numbers}"


def replaced_by_another(indices: Sequence[int]) -> str:
    """Return the warning about saved frames that another run or program has replaced before this run ended."""
    numbers = naming.format_ranges(naming.to_ranges(indices), 10)
    were = "was" if len(indices) == 1 else "were"
    return (
        f"{counted(len(indices), 'saved frame')} {were} replaced before this run ended, by another one that saves the "
        f"same frames: {numbers}; one of the two needs a folder or a prefix of its own"
    )
