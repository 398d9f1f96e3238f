"""Keep frames that the storage does not take in the spool, so that the run continues.

After the first failure, frames go into the spool without an attempt, except one every few seconds. As soon as such an
attempt succeeds, frames are published directly again. Spooled frames are published when the writer closes.
"""

from __future__ import annotations

import secrets
import threading
import time
import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqsave import spool, targets
from seqsave.errors import FrameExistsError, SpoolError, TargetError
from seqsave.existing.before import FilesBefore
from seqsave.manifest import UNKNOWN_VERSION, FrameEntry
from seqsave.manifest.run import RunRecord
from seqsave.naming.key import FrameKey
from seqsave.runtime import retry
from seqsave.spool.deferred import DeferredUpdates, closing_facts, frame_facts, opening_facts, publisher_behind
from seqsave.types import FailedFrame, SavedFrame, SaveResult
from seqsave.wording import counted, flush_command
from seqsave.writer.frame import FileToPublish, FrameTask

if TYPE_CHECKING:
    from seqsave.writer.outputs import Common

__all__ = ["Fallback"]

Key = tuple[int, int | None]

# Seconds between attempts while the storage is unavailable; the wait doubles from the first to the second.
FIRST_WAIT, LONGEST_WAIT = 2.0, 30.0
# Seconds to wait for another process that publishes the same spool.
PATIENCE = 20.0
_ONCE = retry.RetryPolicy(attempts=1)
# Causes that no later attempt can remedy: the name or the bytes are wrong. "": not reported by a storage.
_UNFIT = ("", "bad_name", "too_long", "too_large")


@dataclass(frozen=True, slots=True)
class _Kept:
    key: FrameKey
    entry: spool.Entry
    frame: SavedFrame


class Fallback:
    """The decisions about one file type's frames while the storage is unavailable. Thread-safe."""

    def __init__(self, kept_in: spool.Spool, common: Common, record: RunRecord) -> None:
        delivery = common.config.delivery
        self.run = secrets.token_hex(8)
        self.behind = delivery.publish_behind
        """Every frame goes into the spool first, and is published in the background."""
        self.folder = kept_in.folder
        self.flush_command = flush_command(kept_in.folder, delivery.storage_options or ())
        """The command that publishes what is left."""
        self._spool = kept_in
        self._target, self._pipeline, self._record = common.target, common.pipeline, record
        self._log = common.log
        self._policy = delivery.policy
        self._keeps_manifest = delivery.manifest
        self._lock = threading.Lock()
        self._beginning = threading.Lock()
        self._before = FilesBefore(common.target, record, kept_in)
        self._where: Mapping[str, str] | None = None
        self._pending: set[str] = set()
        self._kept: dict[Key, _Kept] = {}
        self._has_published = False
        self._why = ""
        self._wait = 0.0  # 0 while the storage is available
        self._next_try = 0.0

    # --- one frame ---------------------------------------------------------------------------------------------------

    @property
    def has_begun(self) -> bool:
        """Return whether ``begin`` has nothing left to do."""
        return self._where is not None

    def policy_for(self, task: FrameTask) -> retry.RetryPolicy | None:
        """Return the retry policy for a frame; None for a frame that goes into the spool without an attempt.

        Raises FrameExistsError for a frame that is in the spool already and must not be replaced.
        """
        if self.behind:
            return None
        if self._pending and spool.key_of(task.key.path) in self._pending:
            # An older frame of this name waits in the spool and would replace this one later: this one replaces it
            # there.
            if task.frame.create:
                url = self._target.url_of(task.key.path)
                raise FrameExistsError(f"{url} is already in the spool {self.folder}, from an earlier run")
            return None
        with self._lock:
            if not self._wait:
                return self._policy
            if time.monotonic() < self._next_try:
                return None
            self._next_try = time.monotonic() + self._wait
            return _ONCE

    def note_success(self) -> None:
        """Record that the storage has taken a frame."""
        self._has_published = True
        if self._wait:
            with self._lock:
                self._wait = 0.0
            self._before.forget()

    def keep_after(self, task: FrameTask, entry: FrameEntry, error: TargetError) -> SavedFrame:
        """Put a frame into the spool after ``error``, or raise that if no later attempt can succeed."""
        if error.fault in _UNFIT and not error.transient:
            raise error
        with self._lock:
            self._why = str(error)
            self._wait = min(LONGEST_WAIT, 2 * self._wait) if self._wait else FIRST_WAIT
            self._next_try = time.monotonic() + self._wait
        self._before.list_folder(task.key.folder)
        kept = self.keep(task, entry)
        if not error.transient and not self._has_published:
            self._pipeline.stop(error)  # it is permanent, and the run should end
        return kept

    def keep(self, task: FrameTask, entry: FrameEntry) -> SavedFrame:
        """Put a frame into the spool, with its entry for the manifest. Raises SpoolError."""
        key = task.key
        facts = frame_facts(self._record.facts, entry)
        place = self._place
        if self.behind or not self._wait:
            self._before.list_folder(key.folder)
        before = self._before.of(key)
        try:
            kept = self._put([_item(file) for file in task.files], key.path, key.index, key.batch, facts, before)
        except SpoolError as full:
            if not self._why:
                raise
            raise SpoolError(f"{full} (the frame was to be spooled because: {self._why})", reason=full.reason) from full
        url = self._target.url_of(key.path)
        saved = key.saved(url, "spooled", size=entry.size or 0, checksum=entry.checksum)
        with self._lock:
            self._kept[key.numbers] = _Kept(key, kept, saved)
        if self.behind:
            self._publisher.wake(self._target, place)
        return saved

    def _put(
        self,
        items: list[spool.Item],
        path: str,
        index: int,
        batch: int | None,
        facts: Mapping[str, Any],
        before: spool.Before | None = None,
    ) -> spool.Entry:
        return self._spool.put(
            items,
            target=self._target.url,
            place=self._place,
            path=path,
            index=index,
            batch=batch,
            facts=facts,
            run=self.run,
            why=self._why,
            before=before,
        )

    # --- before the first frame --------------------------------------------------------------------------------------

    @property
    def _place(self) -> Mapping[str, str]:
        if self._where is None:
            self.begin()
        return self._where or {}

    def begin(self) -> None:
        """Publish the spooled frames of earlier runs, once; they are older than those of this run."""
        if self._where is not None:
            return
        with self._beginning:
            if self._where is not None:
                return
            where = self._target.identity()
            if not self.behind and self._spool.waiting(where):
                self._catch_up(where)
                self._pending = self._spool.waiting(where)
            self._before.begin(where)
            self._where = where
            if self.behind and self._keeps_manifest:
                self._leave_note("begins", opening_facts(self._record.facts, self._record.run))

    def _catch_up(self, where: Mapping[str, str]) -> None:
        try:
            outcomes = self._flush(where)
        except SpoolError:
            return  # another process is publishing the spool
        conflicts = [outcome for outcome in outcomes if outcome.status == "conflict"]
        if conflicts:
            # They are no frames of this run, which fails for its own ones only.
            what = f"{counted(len(conflicts), 'frame')} of earlier runs left in the spool"
            self._log.warn("conflict", None, f"{what}: {conflicts[0].message}")
        failed = next((outcome.error for outcome in outcomes if outcome.status == "failed"), None)
        if isinstance(failed, TargetError) and failed.transient:
            with self._lock:
                self._why, self._wait = str(failed), FIRST_WAIT
                self._next_try = time.monotonic() + FIRST_WAIT
        elif any(outcome.status == "published" for outcome in outcomes):
            self._has_published = True

    # --- after the last frame ----------------------------------------------------------------------------------------

    @property
    def is_away(self) -> bool:
        """Return whether the storage was unavailable at the last request, or frames are published in the background."""
        return bool(self._wait) or self.behind

    @property
    def why(self) -> str:
        """Return why the last frame was not published."""
        return self._why

    def finish(self) -> list[SavedFrame | FailedFrame]:
        """Try once more to publish this run's spooled frames; return the outcomes of those that left the spool.

        A frame whose entry was deleted before it was published has failed. With ``behind`` nothing is published here,
        and waiting frames stay spooled.
        """
        if not self._kept:
            return []
        outcomes: list[spool.Outcome] = []
        if not self.behind:
            try:
                outcomes = self._flush(self._place)
            except (SpoolError, TargetError):
                pass  # they stay spooled in the result
            else:
                self._wait = 0.0 if any(outcome.status == "published" for outcome in outcomes) else self._wait
        self._note_conflicts(outcomes)
        ended = {outcome.entry.name: outcome for outcome in outcomes if outcome.entry is not None}
        waiting = self._spool.waiting(self._place)
        damaged = {Path(name).name for name in self._spool.aside()}
        gone = [
            kept
            for kept in self._kept.values()
            if kept.entry.key not in waiting and Path(kept.entry.name).name not in damaged
        ]
        if self.behind:
            published = self._publisher.take_published([kept.entry.name for kept in gone])
            known = [self._saved(kept, None) for kept in gone if kept.entry.name in published]
            return [*known, *self._deleted([kept for kept in gone if kept.entry.name not in published])]
        settled = [self._settled(kept, ended.get(kept.entry.name)) for kept in gone]
        return [frame for frame in settled if frame is not None]

    def _deleted(self, gone: Collection[_Kept]) -> Iterator[SavedFrame | FailedFrame]:
        """Yield the records of frames whose entries were deleted, or published by another process.

        Stops at the first frame for which the storage does not answer: the remaining frames stay spooled.
        """
        for kept in gone:
            settled = self._settled(kept, None)
            if settled is None:
                return
            yield settled

    def _note_conflicts(self, outcomes: Collection[spool.Outcome]) -> None:
        mine = {kept.entry.name for kept in self._kept.values()}
        for outcome in outcomes:
            if outcome.status == "conflict" and outcome.entry is not None and outcome.entry.name in mine:
                self._why = outcome.message
                self._record.note_other(outcome.entry.index, outcome.entry.batch)

    def _settled(self, kept: _Kept, outcome: spool.Outcome | None) -> SavedFrame | FailedFrame | None:
        """Return the record of a frame whose entry is gone, from this run's flush or from the storage.

        None if the storage does not answer: another process may have published the frame, and it stays spooled.
        """
        answer = None if outcome is None else outcome.published
        is_published = outcome is not None and outcome.status == "published"
        is_stored = True if is_published else self._is_stored(kept.entry)
        if is_stored is None:
            return None
        if not is_stored:
            error = SpoolError(
                f"the entry of this frame was deleted from the spool {self.folder}, and the storage does not hold it: "
                "save the frame again",
                reason="deleted",
            )
            return kept.key.failed(kept.frame.url, error, str(error))
        return self._saved(kept, answer)

    def _saved(self, kept: _Kept, answer: targets.Published | None) -> SavedFrame:
        entry = FrameEntry.from_document(kept.entry.facts["frame"])
        if answer is None:
            entry = replace(entry, version=UNKNOWN_VERSION)
        else:
            entry = replace(entry, etag=answer.etag, acknowledged=answer.acknowledged, version=answer.version)
        self._record.add(entry)
        return replace(kept.frame, status="saved", etag=entry.etag)

    def _is_stored(self, entry: spool.Entry) -> bool | None:
        """Return whether the storage holds the bytes of a frame; None if it does not answer."""
        try:
            policy = _ONCE if self.behind else self._policy
            data = retry.call(policy, partial(self._target.read, entry.path), stop_event=self._pipeline.stop_event)
        except targets.FileMissingError:
            return False
        except TargetError:
            return None
        return (len(data), zlib.crc32(data)) == (entry.frame.size, entry.frame.crc32)

    def defer_manifest(self, result: SaveResult, *, broken: bool, stopped: bool) -> bool:
        """Leave a note in the spool with the manifest update, for when the storage is available again.

        Returns whether there was anything to note. Raises SpoolError.
        """
        if not self._keeps_manifest or (broken and not self.behind):
            return False
        outcome = self._record.outcome(result, broken=broken, stopped=stopped)
        if not (outcome.frames or outcome.lost):
            return False
        entries = {key: kept.entry for key, kept in self._kept.items()}
        self._leave_note("ends", closing_facts(self._record.facts, self._record.run, outcome, entries))
        if self.behind:
            self._publisher.wake(self._target, self._place)
        return True

    def _leave_note(self, what: str, facts: Mapping[str, Any]) -> None:
        self._put([], f"{self._record.facts.path}#{self.run} {what}", 0, None, facts)

    @property
    def _publisher(self) -> spool.Publisher:
        return publisher_behind(self._spool)

    def _flush(self, where: Mapping[str, str]) -> list[spool.Outcome]:
        # A run whose frames all went into the spool has not entered the manifest: the flush enters it.
        return spool.flush_place(
            self._spool,
            self._target,
            where,
            records=DeferredUpdates(self._spool, run=self.run if self._record.has_started else ""),
            policy=self._policy,
            patience=PATIENCE,
            stop=self._pipeline.stop_event,
        )


def _item(file: FileToPublish) -> spool.Item:
    facts = spool.FileFacts(
        path=file.path, size=file.size, crc32=file.crc32, content_type=file.content_type, create=file.create
    )
    return spool.Item(facts, file.data)
