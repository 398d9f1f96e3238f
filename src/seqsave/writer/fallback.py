"""Keep frames that the storage does not take in the spool, so that the run continues.

After the first failure, frames go into the spool without an attempt, except one every few seconds. As soon as such an
attempt succeeds, frames are published directly again. Spooled frames are published when the writer closes.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from seqsave import spool
from seqsave.errors import FrameExistsError, SpoolError, TargetError
from seqsave.existing.before import FilesBefore
from seqsave.manifest import FrameEntry
from seqsave.manifest.run import RunRecord
from seqsave.naming.key import FrameKey
from seqsave.runtime import retry
from seqsave.spool.run_entries import Gone, RunEntries
from seqsave.types import FailedFrame, SavedFrame, SaveResult, Status
from seqsave.wording import command, counted
from seqsave.writer.frame import FileToPublish, FrameTask

if TYPE_CHECKING:
    from seqsave.writer.common import Common

__all__ = ["Fallback"]

# Seconds between attempts while the storage is unavailable; the wait doubles from the first to the second.
FIRST_WAIT, LONGEST_WAIT = 2.0, 30.0
_ONCE = retry.RetryPolicy(attempts=1)
# Causes that no later attempt can remedy: the name or the bytes are wrong. "": not reported by a storage.
_UNFIT = ("", "bad_name", "too_long", "too_large")


class Fallback:
    """The decisions about one file type's frames while the storage is unavailable. Thread-safe."""

    def __init__(self, kept_in: spool.Spool, common: Common, record: RunRecord) -> None:
        delivery = common.config.delivery
        self.behind = delivery.publish_behind
        """Every frame goes into the spool first, and is published in the background."""
        self.folder = kept_in.folder
        self.flush_command = command("seqsave", "flush", kept_in.folder, options=delivery.storage_options or ())
        """The command that publishes what is left."""
        self._spool = kept_in
        self._target, self._pipeline, self._record = common.target, common.pipeline, record
        self._entries = RunEntries(
            kept_in,
            common.target,
            record,
            delivery.policy,
            behind=self.behind,
            keeps=delivery.if_exists == "skip",
            stop_event=common.pipeline.stop_event,
        )
        self._log = common.log
        self._policy = delivery.policy
        self._keeps_manifest = delivery.manifest
        self._lock = threading.Lock()
        self._beginning = threading.Lock()
        self._before = FilesBefore(common.target, record, kept_in)
        self._pending: set[str] = set()
        self._has_published = False
        self.why = ""
        """Why the last frame was not published."""
        self._outage = retry.Backoff(FIRST_WAIT, LONGEST_WAIT)

    # --- one frame ---------------------------------------------------------------------------------------------------

    @property
    def has_begun(self) -> bool:
        """Return whether ``begin`` has nothing left to do."""
        return self._entries.has_begun

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
            if not self._outage.is_on:
                return self._policy
            return _ONCE if self._outage.take_turn() else None

    def note_success(self) -> None:
        """Record that the storage has taken a frame."""
        self._has_published = True
        if self._outage.is_on:
            with self._lock:
                self._outage.end()
            self._before.forget()

    def keep_after(self, task: FrameTask, entry: FrameEntry, error: TargetError) -> SavedFrame:
        """Put a frame into the spool after ``error``, or raise that if no later attempt can succeed."""
        if error.fault in _UNFIT and not error.transient:
            raise error
        with self._lock:
            self.why = str(error)
            self._outage.note_failure()
        self._before.list_folder(task.key.folder)
        kept = self.keep(task, entry)
        if not error.transient and not self._has_published:
            self._pipeline.stop(error)  # it is permanent, and the run should end
        return kept

    def keep(self, task: FrameTask, entry: FrameEntry) -> SavedFrame:
        """Put a frame into the spool, with its entry for the manifest. Raises SpoolError."""
        key = task.key
        self.begin()
        if self.behind or not self._outage.is_on:
            self._before.list_folder(key.folder)
        before = self._before.of(key)
        try:
            self._entries.put(key, [_item(file) for file in task.files], entry, why=self.why, before=before)
        except SpoolError as full:
            if not self.why:
                raise
            raise SpoolError(f"{full} (the frame was to be spooled because: {self.why})", reason=full.reason) from full
        return self._saved(key, "spooled", entry)

    def _saved(self, key: FrameKey, status: Status, entry: FrameEntry) -> SavedFrame:
        url = self._target.url_of(key.path)
        return key.saved(url, status, size=entry.size or 0, checksum=entry.checksum, etag=entry.etag)

    # --- before the first frame --------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Publish the spooled frames of earlier runs, once; they are older than those of this run."""
        if self.has_begun:
            return
        with self._beginning:
            if self.has_begun:
                return
            place = self._target.identity()
            if not self.behind and self._spool.waiting(place):
                self._catch_up(place)
                self._pending = self._spool.waiting(place)
            self._before.begin(place)
            self._entries.begin(place)
            if self.behind and self._keeps_manifest:
                self._entries.note_opening()

    def _catch_up(self, place: Mapping[str, str]) -> None:
        try:
            outcomes = self._entries.flush(place)
        except SpoolError:
            return  # another process is publishing the spool
        conflicts = [outcome for outcome in outcomes if outcome.status == "conflict"]
        if conflicts:
            # They are no frames of this run, which fails for its own ones only.
            what = f"{counted(len(conflicts), 'frame')} of earlier runs left in the spool"
            self._log.warn("conflict", f"{what}: {conflicts[0].message}")
        failed = next((outcome.error for outcome in outcomes if outcome.status == "failed"), None)
        if isinstance(failed, TargetError) and failed.transient:
            with self._lock:
                self.why = str(failed)
                self._outage.note_failure()
        elif any(outcome.status == "published" for outcome in outcomes):
            self._has_published = True

    # --- after the last frame ----------------------------------------------------------------------------------------

    @property
    def is_away(self) -> bool:
        """Return whether the storage was unavailable at the last request, or frames are published in the background."""
        return self._outage.is_on or self.behind

    def finish(self) -> list[SavedFrame | FailedFrame]:
        """Try once more to publish this run's spooled frames; return the outcomes of those that left the spool.

        A frame whose entry was deleted before it was published has failed. With ``behind`` nothing is published here,
        and waiting frames stay spooled.
        """
        if not self._entries:
            return []
        outcomes: list[spool.Outcome] = []
        if not self.behind:
            try:
                outcomes = self._entries.flush()
            except (SpoolError, TargetError):
                pass  # they stay spooled in the result
            else:
                if any(outcome.status == "published" for outcome in outcomes):
                    self._outage.end()
        self._note_conflicts(outcomes)
        return [self._settled(gone) for gone in self._entries.gone(outcomes)]

    def _note_conflicts(self, outcomes: Collection[spool.Outcome]) -> None:
        mine = self._entries.names
        for outcome in outcomes:
            if outcome.status == "conflict" and outcome.entry is not None and outcome.entry.name in mine:
                self.why = outcome.message
                self._record.note_other(outcome.entry.index, outcome.entry.batch)

    def _settled(self, gone: Gone) -> SavedFrame | FailedFrame:
        """Return the record of a frame that has left the spool."""
        key, entry = gone.key, gone.entry
        if entry is None:
            error = SpoolError(
                f"the entry of this frame was deleted from the spool {self.folder}, and the storage does not hold it: "
                "save the frame again",
                reason="deleted",
            )
            return key.failed(self._target.url_of(key.path), error, str(error))
        self._record.add(entry)
        return self._saved(key, "skipped" if gone.is_kept else "saved", entry)

    def defer_manifest(self, result: SaveResult, *, broken: bool, stopped: bool) -> bool:
        """Leave a note in the spool with the manifest update, for when the storage is available again.

        Returns whether there was anything to note. Raises SpoolError.
        """
        if not self._keeps_manifest or (broken and not self.behind):
            return False
        outcome = self._record.outcome(result, broken=broken, stopped=stopped)
        if not (outcome.frames or outcome.lost):
            return False
        self._entries.note_closing(outcome, self.why)
        return True


def _item(file: FileToPublish) -> spool.Item:
    facts = spool.FileFacts(
        path=file.path, size=file.size, crc32=file.crc32, content_type=file.content_type, create=file.create
    )
    return spool.Item(facts, file.data)
