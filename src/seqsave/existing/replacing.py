"""Remove the frames that existed before a run and that it did not write, for ``if_exists="replace"``."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass

from seqsave import naming, targets
from seqsave.errors import TargetError
from seqsave.runtime import retry

__all__ = ["OlderFrames", "Removed"]


@dataclass(frozen=True, slots=True)
class Removed:
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

    def remove(self, written: Collection[str]) -> Removed:
        """Delete the older frames, and their sidecars, that are not among the paths ``written``.

        A run outside of batch folders deletes no files in them, and the reverse. Raises TargetError if the listing
        fails.
        """
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
        self._remove_sidecars(deleted)
        return Removed(tuple(deleted), tuple(failed), error)

    def number(self, path: str) -> int:
        """Return the index of one of these frames."""
        index = self._rule.name.parse(path.rpartition("/")[2])
        assert index is not None  # noqa: S101 - for the type checker: it was listed since it has one
        return index

    def _listed(self) -> dict[str, targets.Entry]:
        found: dict[str, targets.Entry] = {}
        for entry in self._list(self._rule.folder):
            path = _join(self._rule.folder, entry.name)
            if not entry.is_folder:
                found[path] = entry
            elif naming.parse_batch_folder(entry.name) is not None:
                found |= {_join(path, one.name): one for one in self._list(path) if not one.is_folder}
        parse = self._rule.name.parse
        return {path: entry for path, entry in found.items() if parse(entry.name) is not None}

    def _list(self, folder: str) -> list[targets.Entry]:
        return retry.call(self._policy, lambda: self._target.list(folder), contact=self._target.known)

    def _is_batched(self, path: str) -> bool:
        folder = path.rpartition("/")[0]
        return folder != self._rule.folder

    def _delete(self, path: str) -> None:
        retry.call(self._policy, lambda: self._target.delete(path), contact=self._target.known)

    def _remove_sidecars(self, deleted: Collection[str]) -> None:
        """Delete the sidecars of these frames. A sidecar that remains belongs to no file, and is ignored."""
        for folder in {path.rpartition("/")[0] for path in deleted}:
            names = [path.rpartition("/")[2] for path in deleted if path.rpartition("/")[0] == folder]
            private = _join(folder, naming.PRIVATE_FOLDER)
            try:
                for entry in self._list(private):
                    if any(naming.is_sidecar(entry.name, name) for name in names):
                        self._delete(f"{private}/{entry.name}")
            except TargetError:
                continue


def _is_same(before: targets.Entry, now: targets.Entry | None) -> bool:
    return now is not None and (before.size, before.version) == (now.size, now.version)


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
