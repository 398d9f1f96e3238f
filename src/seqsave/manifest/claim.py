"""Mark a manifest while its frames are moved or removed, so that it never calls changing frames complete."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable
from dataclasses import replace

from seqsave import targets
from seqsave.errors import TargetError
from seqsave.manifest import liveness
from seqsave.manifest.document import Manifest
from seqsave.manifest.merging import without
from seqsave.manifest.records import WriterEntry
from seqsave.manifest.store import change, now

__all__ = ["Claim"]


class Claim:
    """Call ``enter`` before the first file is changed, and ``leave`` after the last one.

    In between, the manifest is not complete and names this process, as it names a run: if the process dies, the next
    run finds that out. ``before`` is the manifest as it was. A missing manifest is not created.
    """

    def __init__(self, target: targets.Target, path: str) -> None:
        self.before: Manifest | None = None
        self._target = target
        self._path = path
        self._me = WriterEntry(
            id=f"{liveness.machine_id()}-{secrets.token_hex(6)}",
            host=liveness.host(),
            pid=os.getpid(),
            since=now(),
            started=liveness.started_at(os.getpid()),
            defines=False,
        )

    def enter(self, make: Callable[[Manifest | None], Manifest | None] = lambda current: current) -> None:
        """Note in the manifest that its frames are being changed.

        make: gets the manifest, None for a missing or damaged one; returns what it is to be up to the end.

        Raises TargetError, also if a run is active (``fault="in_use"``); ManifestError for one of a newer version.
        """
        liveness.alive.add(self._me.id)
        try:
            change(self._target, self._path, lambda current: self._entered(current, make))
        except BaseException:
            liveness.alive.discard(self._me.id)
            self._tidy()
            raise

    def leave(self, make: Callable[[Manifest], Manifest | None]) -> Manifest | None:
        """Replace the manifest with the result of ``make``, which gets it without this mark; None deletes it.

        Raises TargetError; ManifestError for a manifest of a newer version.
        """
        try:
            return change(
                self._target, self._path, lambda current: None if current is None else make(self._left(current))
            )
        finally:
            liveness.alive.discard(self._me.id)

    def restore(self, *, is_sound: bool = True) -> None:
        """Leave, and let the manifest be as it was, unless a run has come since. One that did not exist is deleted.

        is_sound: False if the frames are not all as they were; then the manifest is not complete.
        """
        if self.leave(lambda current: self._as_before(current, is_sound=is_sound)) is None:
            self._tidy()

    def _tidy(self) -> None:
        """Remove the lock and the folder that were made for a manifest that is not there."""
        with contextlib.suppress(TargetError):
            if self.before is None and not self._target.exists(self._path):
                self._target.tidy(self._path)

    def _as_before(self, current: Manifest, *, is_sound: bool) -> Manifest | None:
        if current.writers or self.before is None:
            return current if current.writers else None
        return self.before if is_sound else replace(self.before, complete=False)

    def _entered(self, current: Manifest | None, make: Callable[[Manifest | None], Manifest | None]) -> Manifest | None:
        if current is not None:
            current = without(current, liveness.dead_runs(current))
            self._refuse_others(current)
            if self._me not in current.writers:  # else an earlier attempt arrived after all
                self.before = current
            current = self._left(current)
        made = make(current)
        return None if made is None else replace(made, complete=False, writers=(self._me,))

    def _refuse_others(self, current: Manifest) -> None:
        others = [writer for writer in current.writers if writer.id != self._me.id]
        if others:
            raise TargetError(
                f"{current.pattern} in {self._target.url} is in use: {others[0]} is changing it. Wait for its end; if "
                "it has died, `seqsave manifest --release` removes it",
                fault="in_use",
            )

    def _left(self, current: Manifest) -> Manifest:
        return replace(current, writers=tuple(one for one in current.writers if one.id != self._me.id))
