"""One run's part in the manifest: started before its first frame is published, finished after its last one."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable
from dataclasses import replace

from seqsave import naming
from seqsave.errors import FrameExistsError, WriterAbortedError
from seqsave.manifest.document import Manifest
from seqsave.manifest.merging import disputed
from seqsave.manifest.outcome import Listing, Outcome
from seqsave.manifest.records import Facts, FrameEntry, declared
from seqsave.manifest.session import Session
from seqsave.runtime import retry
from seqsave.types import FailedFrame, SavedFrame, SaveResult

__all__ = ["RunRecord"]


class RunRecord:
    """The facts that one writer collects for the manifest. Thread-safe, up to ``finish``.

    creates: create a missing manifest; otherwise only an existing one is updated.
    """

    def __init__(self, session: Session, *, creates: bool) -> None:
        self.has_started = False
        """Whether ``start`` has succeeded."""
        self.is_tidied = False
        """Whether the sidecars that the replaced frames had are deleted."""
        self._session = session
        self._creates = creates
        self._entries: dict[tuple[int, int | None], FrameEntry] = {}
        self._lock = threading.Lock()
        self._lock_entries = threading.Lock()
        self._lock_earlier = threading.Lock()
        self._others: set[tuple[int, int | None]] = set()
        self._lacking: set[int] = set()
        self._doubtful: set[tuple[int, int | None]] = set()
        self._is_unfinished = False
        self._failures = 0
        self._error: BaseException | None = None
        self._at_start: dict[tuple[int, int | None], FrameEntry] | None = None
        self._earlier: dict[tuple[int, int | None], FrameEntry] | None = None

    @property
    def run(self) -> str:
        """Return the run's id in the manifest."""
        return self._session.run

    @property
    def facts(self) -> Facts:
        """Return the facts that the run knows about its sequence."""
        return self._session.facts

    @property
    def path(self) -> str:
        """Return the path of the manifest below the target: of the existing one, once the run has started."""
        return self._session.path

    @property
    def batches(self) -> list[int]:
        """Return the variations that the run is known to save, ascending."""
        return sorted(self._session.batches)

    def plan(self, frames: int | Iterable[int], *, about: bool = False) -> None:
        """Note which frames the run is to save, before the first one, unless its settings state them.

        frames: their numbers, or how many from the start on. about: it is an estimate.
        """
        facts = self.facts
        if isinstance(frames, int):
            planned = declared(facts.start, facts.step, frames)
        else:
            planned = naming.to_ranges(sorted(set(frames)))
        self._session.facts = replace(facts, planned=planned, about=about)

    def note_batch(self, batch: int) -> None:
        """Note that the run saves this variation. Those noted before ``start`` are stated from the start."""
        self._session.batches.add(batch)

    def note_lacking(self, indices: Iterable[int]) -> None:
        """Record expected frames that the run cannot save: a source's own gaps, or damaged files."""
        with self._lock_entries:
            self._lacking.update(indices)

    def note_doubtful(self, keys: Iterable[tuple[int, int | None]]) -> None:
        """Record these frames as disputed, though they are saved: their source has them in place of others."""
        with self._lock_entries:
            self._doubtful.update(keys)

    def note_unfinished(self) -> None:
        """Record the run as unfinished, whatever it saves: its source is, and does not state which frames it lacks.

        Then the run's last frame is not known either, unless its caller states ``total``.
        """
        self._is_unfinished = True
        self._session.facts = replace(self.facts, planned=None, about=False)

    def judged(self, entry: FrameEntry) -> FrameEntry:
        """Return the entry of a frame, marked as disputed if ``note_doubtful`` named it."""
        with self._lock_entries:
            return replace(entry, disputed=True) if entry.key in self._doubtful else entry

    def start(
        self, on_retry: retry.OnRetry, stop_event: threading.Event, policy: retry.RetryPolicy | None = None
    ) -> None:
        """Note in the manifest, once, that the sequence is being changed. A second thread waits for the first.

        policy: how often to try, instead of the usual policy.

        Raises TargetError, ManifestError: in every thread that has waited. A later call tries again.
        """
        if self.has_started:
            return
        failures = self._failures
        with self._lock:
            if self.has_started:
                return
            if self._failures != failures and self._error is not None:
                raise self._error
            try:
                self._session.open(on_retry, stop_event, policy)
            except Exception as error:
                self._failures += 1
                self._error = error
                raise
            self.has_started = True

    def add(self, entry: FrameEntry) -> None:
        """Add a frame that is in the storage: written, or kept."""
        entry = self.judged(entry)
        with self._lock_entries:
            self._entries[entry.key] = disputed(entry) if entry.disputed else entry

    def name_of(self, index: int, batch: int | None) -> str | None:
        """Return the name of a frame that was added, below the sequence's folder; None for others."""
        entry = self._entries.get((index, batch))
        return None if entry is None else entry.name

    def note_other(self, index: int, batch: int | None) -> None:
        """Note that another saver's frame has the name of one that this run keeps elsewhere."""
        with self._lock_entries:
            self._others.add((index, batch))

    def at_start(self, index: int, batch: int | None) -> FrameEntry | None:
        """Return what the manifest recorded of a frame when the run entered it, without a request."""
        if self._at_start is None:
            base = self._session.base if self.has_started else None
            if base is None:
                return None
            self._at_start = {frame.key: frame for frame in base.frames}
        return self._at_start.get((index, batch))

    def replaced_with_sidecars(self) -> list[tuple[FrameEntry, FrameEntry]] | None:
        """Return the frames with sidecars that this run has replaced, as they were recorded, and as they are now.

        None if that is not known, or if another run was active when this one began: some may be its own.
        """
        base = self._session.base if self.has_started else None
        if base is None or any(writer.id != self.run for writer in base.writers):
            return None
        pairs = ((entry, self._entries.get(entry.key)) for entry in base.frames if entry.sidecars)
        return [(entry, now) for entry, now in pairs if now is not None and now.checksum is not None]

    def earlier(self, index: int, batch: int | None) -> FrameEntry | None:
        """Return the manifest's entry of a frame, as of the first call, if it can be trusted."""
        with self._lock_earlier:
            if self._earlier is None:
                found = self._session.peek()
                self._earlier = {} if found is None else {one.key: one for one in found.frames if not one.disputed}
            return self._earlier.get((index, batch))

    def finish(self, result: SaveResult, *, broken: bool, stopped: bool = False) -> Manifest | None:
        """Record the outcomes of all frames in the manifest. Return the new manifest.

        broken: the caller aborted the run. stopped: a failure stopped the run.

        Raises TargetError, ManifestError.
        """
        outcome = self.outcome(result, broken=broken, stopped=stopped)
        if not self._session.is_open and (result.failures or outcome.lost or not outcome.frames):
            return None  # nothing was changed
        return self._session.close(outcome)

    def forget(self) -> None:
        """Let the next run treat this one as dead. Takes no lock, so that a finalizer may call it."""
        self._session.forget()

    def take_seen(self) -> Listing | None:
        """Return what the last listing of the folder showed, and forget it."""
        seen, self._session.seen = self._session.seen, None
        return seen

    def lacks(self, frames: Iterable[SavedFrame]) -> dict[str, SavedFrame]:
        """Return those of these saved frames whose files the last listing did not show, by name; {} without a listing.

        The names are paths below the sequence's folder.
        """
        seen = self._session.seen
        if seen is None:
            return {}
        named = {self._entries[one.index, one.batch].name: one for one in frames}
        return {name: one for name, one in named.items() if name not in seen}

    def replaced(self, made: Manifest) -> list[int]:
        """Return the frames that this run wrote and whose files are others now, as its last listing showed.

        made: the manifest as the run left it.
        """
        recorded = {frame.key: frame for frame in made.frames}
        wrote = [frame for frame in self._entries.values() if frame.checksum is not None]
        found = [one.index for one in wrote if one.key in recorded and recorded[one.key].checksum != one.checksum]
        return sorted({*found})

    def outcome(self, result: SaveResult, *, broken: bool, stopped: bool) -> Outcome:
        """Return the outcome of all frames in the manifest's terms. The arguments are those of ``finish``."""
        present = [frame for frame in result.frames if frame.status in ("saved", "skipped")]
        # Kept elsewhere for now, such as in the spool.
        away = [frame for frame in result.frames if frame.status not in ("saved", "skipped", "stopped")]
        collided, failed = _parted(result.failures)
        others = [key for key in _keys(away) if key in self._others]
        return Outcome(
            frames=[self._entries[frame.index, frame.batch] for frame in present],
            lost={*_keys(failed), *_keys(away)}.difference(others),
            wanted={*(frame.index for frame in collided), *(index for index, _ in others), *self._lacking},
            # Frames that are kept elsewhere are expected: they only have to be published.
            sound=not (broken or stopped or result.failures or self._is_unfinished),
            defines=self._creates,
            tidied=self.is_tidied,
        )


def _keys(frames: Collection[FailedFrame] | Collection[SavedFrame]) -> set[tuple[int, int | None]]:
    return {(frame.index, frame.batch) for frame in frames}


def _parted(failures: Collection[FailedFrame]) -> tuple[list[FailedFrame], list[FailedFrame]]:
    """Return the failures that leave the existing files' records as they are, and the failures with unknown contents.

    The first are those whose names another saver's frames have, and frames that were given up: if one of these was
    under way, the listing shows that its file is another one.
    """
    kept = [one for one in failures if isinstance(one.exception, (FrameExistsError, WriterAbortedError))]
    return kept, [failure for failure in failures if failure not in kept]
