"""The entries that one run puts into a spool, and what becomes of them."""

from __future__ import annotations

import secrets
import threading
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from seqsave import manifest, targets
from seqsave.errors import TargetError
from seqsave.manifest import FrameEntry
from seqsave.manifest.run import RunRecord
from seqsave.naming.key import FrameKey
from seqsave.runtime import retry
from seqsave.spool.before import Before
from seqsave.spool.deferred import (
    DeferredUpdates,
    closing_facts,
    frame_facts,
    kept_entry,
    opening_facts,
    published_entry,
    publisher_behind,
)
from seqsave.spool.entries import Entry, Item
from seqsave.spool.rounds import Outcome, flush_place
from seqsave.spool.store import Spool

__all__ = ["Gone", "RunEntries"]

# Seconds to wait for another process that publishes the same spool.
PATIENCE = 20.0
_ONCE = retry.RetryPolicy(attempts=1)


@dataclass(frozen=True, slots=True)
class Gone:
    """A frame whose entry has left the spool.

    entry: the frame in the manifest, with the storage's answer where it is known; None for a frame whose entry was
           deleted before it was published.
    is_kept: an existing file stays in place of the frame.
    """

    key: FrameKey
    entry: FrameEntry | None
    is_kept: bool = False


class RunEntries:
    """The entries of one run and one file type in a spool. Thread-safe.

    behind: the spool's publisher publishes them in the background; otherwise ``flush`` does.
    keeps:  existing files stay in place of frames (``if_exists="skip"``).
    """

    def __init__(
        self,
        spool: Spool,
        target: targets.Target,
        record: RunRecord,
        policy: retry.RetryPolicy,
        *,
        behind: bool,
        keeps: bool,
        stop_event: threading.Event,
    ) -> None:
        self.run = secrets.token_hex(8)
        self._spool, self._target, self._record, self._policy = spool, target, record, policy
        self._behind, self._keeps, self._stop_event = behind, keeps, stop_event
        self._place: Mapping[str, str] | None = None
        self._lock = threading.Lock()
        self._entries: dict[tuple[int, int | None], tuple[FrameKey, Entry]] = {}

    @property
    def has_begun(self) -> bool:
        """Return whether ``begin`` was called."""
        return self._place is not None

    def begin(self, place: Mapping[str, str]) -> None:
        """Set the identity of the storage, under which entries are put."""
        self._place = place

    # --- into the spool ----------------------------------------------------------------------------------------------

    def put(self, key: FrameKey, files: Sequence[Item], entry: FrameEntry, *, why: str, before: Before) -> None:
        """Put a frame into the spool. entry: the frame in the manifest. Raises SpoolError."""
        facts = frame_facts(self._record.facts, self._record.judged(entry), keeps=self._keeps)
        put = self._put(files, key.path, facts, index=key.index, batch=key.batch, why=why, before=before)
        with self._lock:
            self._entries[key.numbers] = (key, put)
        if self._behind:
            self._wake()

    def note_opening(self) -> None:
        """Leave the note of a run whose frames all go into the spool first. Raises SpoolError."""
        self._put_note("begins", opening_facts(self._record.facts, self._record.run, self._record.batches), "")

    def note_closing(self, outcome: manifest.Outcome, why: str) -> None:
        """Leave the note of a run that could not reach its manifest at its end. Raises SpoolError."""
        entries = {numbers: entry for numbers, (_, entry) in self._entries.items()}
        record = self._record
        self._put_note("ends", closing_facts(record.facts, record.run, outcome, entries, record.batches), why)
        if self._behind:
            self._wake()

    def _put_note(self, what: str, facts: Mapping[str, Any], why: str) -> None:
        self._put([], f"{self._record.facts.path}#{self.run} {what}", facts, why=why)

    def _put(
        self,
        files: Sequence[Item],
        path: str,
        facts: Mapping[str, Any],
        *,
        why: str,
        index: int = 0,
        batch: int | None = None,
        before: Before | None = None,
    ) -> Entry:
        return self._spool.put(
            files,
            target=self._target.url,
            place=self._place or {},
            path=path,
            index=index,
            batch=batch,
            facts=facts,
            run=self.run,
            why=why,
            before=before,
        )

    def _wake(self) -> None:
        publisher_behind(self._spool).wake(self._target, self._place or {})

    # --- out of it ---------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def names(self) -> set[str]:
        """Return the files of the entries."""
        return {entry.name for _, entry in self._entries.values()}

    def flush(self, place: Mapping[str, str] | None = None) -> list[Outcome]:
        """Publish all frames that wait for this storage. Raises SpoolError, TargetError.

        place: the storage's identity, before ``begin``.
        """
        # A run whose frames all went into the spool has not entered the manifest: the flush enters it.
        own = self.run if self._record.has_started else ""
        return flush_place(
            self._spool,
            self._target,
            place or self._place or {},
            records=DeferredUpdates(self._spool, run=own),
            policy=self._policy,
            patience=PATIENCE,
            stop=self._stop_event,
        )

    def gone(self, outcomes: Collection[Outcome]) -> Iterator[Gone]:
        """Yield the frames whose entries have left the spool. outcomes: of this run's own flush.

        A frame counts as spooled while the storage does not answer whether it holds the frame, which another process
        may have published. In the background, the first such frame ends the search.
        """
        waiting = self._spool.waiting(self._place or {})
        damaged = {Path(name).name for name in self._spool.aside()}
        gone = [
            (key, entry)
            for key, entry in self._entries.values()
            if entry.key not in waiting and Path(entry.name).name not in damaged
        ]
        answers = self._answers(gone, outcomes)
        for key, entry in gone:
            if entry.name in answers:
                yield Gone(key, _recorded(entry, answers[entry.name]))
        for key, entry in gone:
            if entry.name in answers:
                continue
            found = self._found(entry)
            if found is not None:
                yield self._gone(key, entry, found)
            elif self._behind:
                return

    def _gone(self, key: FrameKey, entry: Entry, found: bytes) -> Gone:
        """Return a frame that has left the spool. found: the bytes under its name; b"" without any."""
        if (len(found), zlib.crc32(found)) == (entry.frame.size, entry.frame.crc32):
            return Gone(key, _recorded(entry, None))
        if entry.keeps and found:
            return Gone(key, kept_entry(entry.facts["frame"], len(found)), is_kept=True)
        return Gone(key, None)

    def _answers(
        self, gone: Collection[tuple[FrameKey, Entry]], outcomes: Collection[Outcome]
    ) -> dict[str, targets.Published | None]:
        """Return what the storage answered for each published entry, by name; None where that is not known."""
        if self._behind:
            return dict.fromkeys(publisher_behind(self._spool).take_published([entry.name for _, entry in gone]))
        return {
            one.entry.name: one.published for one in outcomes if one.entry is not None and one.status == "published"
        }

    def _found(self, entry: Entry) -> bytes | None:
        """Return the bytes that the storage holds under a frame's name; None if it does not answer."""
        try:
            policy = _ONCE if self._behind else self._policy
            return retry.call(policy, partial(self._target.read, entry.path), stop_event=self._stop_event)
        except targets.FileMissingError:
            return b""
        except TargetError:
            return None


def _recorded(entry: Entry, answer: targets.Published | None) -> FrameEntry:
    return published_entry(entry.facts["frame"], answer)
