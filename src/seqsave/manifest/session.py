"""One run's part in a manifest, from before its first frame to after its last one."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from seqsave import targets
from seqsave.errors import FrameExistsError, ManifestError, TargetError
from seqsave.manifest import liveness
from seqsave.manifest.document import Manifest, dump
from seqsave.manifest.intervals import Intervals, unite
from seqsave.manifest.merging import (
    CONTENT_TYPE,
    begun,
    confirmed,
    ended,
    in_doubt,
    shown,
    unrecorded,
    without,
)
from seqsave.manifest.outcome import Listing, Outcome, as_recorded
from seqsave.manifest.records import Facts, FrameEntry, Key, WriterEntry
from seqsave.manifest.rivals import EVERY, doubted, lacks_versions, of_later_runs, of_other_runs
from seqsave.manifest.store import (
    DEFAULT_POLICY,
    list_frames,
    load_from,
    load_or_none,
    marked,
    now,
    read,
    read_again,
    stamped,
)
from seqsave.runtime import retry
from seqsave.targets.spelling import read_spelled, spelled

__all__ = ["Session", "merge_into"]

# Seconds after which a run without a manifest checks again whether one exists.
LATE_SECONDS = 1.0


def merge_into(
    target: targets.Target,
    facts: Facts,
    frames: Iterable[FrameEntry],
    *,
    lost: Iterable[Key] = (),
    sound: bool = True,
    defines: bool = False,
    policy: retry.RetryPolicy = DEFAULT_POLICY,
) -> Manifest | None:
    """Record frames that were just published in the manifest, which is created if missing. Return the new manifest.

    Frames that may replace others are better published between ``Session.open`` and ``Session.close``.

    defines: these are all expected frames (with ``facts.total``); otherwise they replace frames of a sequence.
    Raises TargetError, ManifestError.
    """
    session = Session(target, facts, policy=policy, replaces=False)
    return session.close(Outcome(frames=list(frames), lost=set(lost), sound=sound, defines=defines))


class Session:
    """``open`` before the first frame is published, ``close`` after the last one. Not thread-safe.

    creates:  create a missing manifest; otherwise only an existing one is updated.
    replaces: the run may replace existing frames.
    run:      its id in the manifest; a new one by default.
    """

    def __init__(
        self,
        target: targets.Target,
        facts: Facts,
        *,
        creates: bool = True,
        replaces: bool = True,
        policy: retry.RetryPolicy = DEFAULT_POLICY,
        run: str | None = None,
    ) -> None:
        self.is_open = False
        self.base: Manifest | None = None
        """The manifest as it was when this run began."""
        self.facts = facts
        """The facts of the run about its sequence; may be replaced until it is open."""
        self.batches: set[int] = set()
        """The variations that it is known to save."""
        self.seen: Listing | None = None
        """What the last listing showed; None if there was none, or once it was taken."""
        self._target = target
        self._creates = creates
        self._policy = policy
        self._me = WriterEntry(
            id=run or f"{liveness.machine_id()}-{os.urandom(6).hex()}",
            host=liveness.host(),
            pid=os.getpid(),
            since=now(),
            replaces=replaces,
            started=liveness.started_at(os.getpid()),
            defines=creates,
        )
        self._path: str | None = None
        self._before: Manifest | None = None
        self._found_none_at: float | None = None
        self._known: tuple[bytes, str | None] | None = None
        self._rivals: Intervals = ()
        self._made: tuple[bytes, Manifest] | None = None
        """What this run wrote last, and what it is when it is read again."""

    @property
    def path(self) -> str:
        """Return the path of the manifest below the target: of the existing one, once the run has looked for it."""
        return self._path or self.facts.path

    @property
    def run(self) -> str:
        """Return the run's id in the manifest."""
        return self._me.id

    def open(
        self,
        on_retry: retry.OnRetry | None = None,
        stop_event: threading.Event | None = None,
        policy: retry.RetryPolicy | None = None,
    ) -> None:
        """Mark the sequence as being changed. Without ``creates``, do nothing if no manifest exists.

        policy: instead of the session's own, for this once.

        Raises TargetError; ManifestError for a manifest of a newer version, unless ``creates`` is False; FrameNameError
        if the storage ignores case and has the manifest of another sequence under this name.
        """
        retry.call(
            policy or self._policy, self._open, on_retry=on_retry, stop_event=stop_event, contact=self._target.known
        )

    def close(self, outcome: Outcome) -> Manifest | None:
        """Record the outcome of the run in the manifest, and remove the run from its writers. Return the new manifest.

        Raises TargetError, ManifestError.
        """
        if not self.is_open and not self._creates:
            return self._close_late(outcome) if self._may_be_late(outcome) else None
        return self._finish(lambda current: self._ended(current, outcome))

    def commit(self, outcome: Outcome, check: Callable[[Manifest], None] = lambda _: None) -> Manifest:
        """Record a run over many tasks in the manifest, from any process. Return the new manifest.

        A run that the manifest no longer lists as active was committed before: then frames that were replaced since are
        not changed, so that committing again has no effect.

        check: raises for a manifest that must not be written.

        Raises TargetError, ManifestError.
        """
        made = self._finish(lambda current: self._commit_checked(current, outcome, check))
        assert made is not None  # noqa: S101 - for the type checker: ``_commit_checked`` always returns one
        return made

    def rehearse(self, outcome: Outcome, check: Callable[[Manifest], None]) -> None:
        """Raise what ``commit`` raises for this outcome now, and change nothing."""

        def look() -> None:
            try:
                current = load_or_none(self._target, self.path, read_spelled(self._target, self.path))
            except targets.FileMissingError:
                current = None
            self._commit_checked(current, outcome, check)

        retry.call(self._policy, look, contact=self._target.known)

    def forget(self) -> None:
        """Let the next run treat this one as dead, although its process goes on. Takes no lock."""
        liveness.alive.discard(self._me.id)

    def peek(self) -> Manifest | None:
        """Return the manifest as confirmed by a listing; None if it cannot be read."""
        try:
            found = read(self._target, self.facts.path, policy=self._policy)
        except (TargetError, ManifestError):
            return None
        if found is None:
            return None
        listing = list_frames(self._target, self.facts.prefix, [frame.name for frame in found.frames])
        return found if listing is None else replace(found, frames=tuple(confirmed(found.frames, listing, ())))

    # --- beginning ---

    def _open(self) -> None:
        # Before the manifest names it: otherwise another run of this process would treat it as one of a dead process.
        liveness.alive.add(self._me.id)
        if self._creates:
            self._create()
            self.is_open = True
        else:
            self.is_open = self._mark()

    def _create(self) -> None:
        unread: TargetError | None = None
        try:
            self._update(self._begun, fresh_if_damaged=True)
        except TargetError as error:
            if error.transient or self._target.capabilities.create == "none":
                raise
            unread = error
        if unread is not None:  # after the block above, so that its error is not in the chain of one from here
            self._create_unread(unread)

    def _create_unread(self, error: TargetError) -> None:
        """Create a manifest with credentials that may write but not read."""
        made = stamped(self._begun(None))
        data = dump(made)
        try:
            published = self._target.publish(self.path, data, content_type=CONTENT_TYPE, create=True)
        except FrameExistsError:
            raise TargetError(
                f"the manifest {self._target.url_of(self.path)} exists but cannot be updated, because reading it "
                f"failed: {error}. `manifest=False` saves without updating it, and it may then be out of date"
            ) from error
        self._known, self._made = ((data, published.etag) if published.etag else None), (data, made)

    def _mark(self) -> bool:
        """Mark an existing manifest as incomplete; return whether one exists."""
        was_read: list[bool] = []

        def change(current: Manifest | None) -> Manifest | None:
            was_read.append(True)
            return None if current is None else self._begun(current)

        try:
            # ``update`` would create the folder of a missing manifest.
            self._find()
            if not self._target.capabilities.folders or self._target.exists(self.path):
                self._update(change)
        except targets.FileMissingError:
            pass
        except TargetError as error:
            # Credentials that may write but not read are enough.
            if error.transient or was_read:
                raise
            return False
        except ManifestError:
            self._raw_update(lambda now: None if now is None else marked(now))
            return False
        if self.base is None:
            self._found_none_at = time.monotonic()
        return self.base is not None

    def _begun(self, current: Manifest | None) -> Manifest:
        if current is not None:
            current = without(current, self._gone(current))
            # This run's own id is in it if an earlier attempt has arrived.
            if all(writer.id != self._me.id for writer in current.writers):
                self._before = current
        self.base = begun(current, self.facts, self._me, defines=self._creates, batches=sorted(self.batches))
        return self.base

    # --- ending ---

    def _may_be_late(self, outcome: Outcome) -> bool:
        """Return whether to send a request to find out if a manifest exists by now.

        It is not worth it for a single frame that was saved quickly: there may be thousands of such calls.
        """
        wrote = sum(1 for frame in outcome.frames if frame.checksum is not None)
        return self._found_none_at is not None and (
            wrote > 1 or (wrote == 1 and time.monotonic() - self._found_none_at > LATE_SECONDS)
        )

    def _close_late(self, outcome: Outcome) -> Manifest | None:
        """Merge a run that was not recorded before it wrote. Other runs may have replaced its frames since."""
        try:
            read_spelled(self._target, self.path)
        except TargetError:  # there is still none, or this run may not read it
            return None
        mended = replace(outcome, defines=False)

        def change(current: Manifest | None) -> Manifest | None:
            return None if current is None else self._committed(current, self._judged(mended, lambda: EVERY), None)

        return self._finish(change)

    def _ended(self, current: Manifest | None, outcome: Outcome) -> Manifest:
        base, outcome = self.base, self._judged(outcome, lambda: self._rivals_since(current))
        wrote = any(frame.checksum is not None for frame in outcome.frames)
        is_mine = current is not None and base is not None and _says_the_same(current, base)
        if not wrote and not outcome.sound and self._before is not None and is_mine:
            return self._as_before(self._before)
        if not self.is_open:  # nothing was written, or no manifest existed
            # Dead runs are unfinished from the start: a run over the whole sequence completes them.
            base = None if current is None else without(current, self._gone(current))
            current = begun(base, self.facts, self._me, defines=outcome.defines, batches=sorted(self.batches))
        return self._committed(current, outcome, base)

    def _commit_checked(
        self, current: Manifest | None, outcome: Outcome, check: Callable[[Manifest], None]
    ) -> Manifest:
        after = self._commit(current, outcome)
        if after is not current:
            check(after)
        return after

    def _commit(self, current: Manifest | None, outcome: Outcome) -> Manifest:
        if current is not None:
            outcome = self._judged(outcome, partial(of_later_runs, current, self.run))
        ids = () if current is None else (*(writer.id for writer in current.writers), *current.unfinished)
        if current is None or self._me.id in ids:
            current = None if current is None else without(current, self._gone(current))
            # A process that only commits need not know the metadata, which may be large: the manifest has them.
            is_bare = current is not None and not self.facts.metadata
            facts = replace(self.facts, metadata=current.metadata) if current and is_bare else self.facts
            current = begun(current, facts, self._me)
            return self._committed(current, outcome, current)
        news = unrecorded(current, outcome.frames)
        if news:
            listing = list_frames(self._target, self.facts.prefix, [frame.name for frame in news])
            news = shown(current, news, listing or {})
        if not news:
            return current
        mended = Outcome(frames=news, defines=False)
        return self._committed(begun(current, self.facts, self._me, defines=False), mended, None)

    def _as_before(self, before: Manifest) -> Manifest:
        """Return the manifest as it was before a run that saved nothing, as far as a listing still confirms it.

        A frame that failed may have arrived nevertheless: then the listing shows another version. Without the right to
        list, that is not known.
        """
        nothing = Outcome()
        listing = list_frames(self._target, self.facts.prefix, [frame.name for frame in before.frames])
        if listing is None:
            return replace(before, complete=False, confirmed=False)
        same = read_again(self._target, self.facts.prefix, in_doubt(before, nothing, listing))
        found = replace(before, frames=tuple(confirmed(before.frames, listing, same)))
        return replace(found, complete=before.complete and not (found.disputed or found.missing or found.outside))

    def _committed(self, current: Manifest | None, outcome: Outcome, base: Manifest | None) -> Manifest:
        """List the storage, and return the manifest that it confirms. The order of the steps is the protocol's.

        ``current`` was read before, and the swap fails if it changes. Deaths are proved before the listing, since a run
        that is alive while the folder is listed may still replace a frame.
        """
        if current is not None:
            current = without(current, self._gone(current))
        if self._is_alone(current, outcome):
            known = as_recorded((*(() if current is None else current.frames), *outcome.frames))
            unseen = ended(current, self.facts, self._me, outcome, base, known)
            if not unseen.complete:
                return unseen
        names = {frame.name for frame in (*outcome.frames, *(() if current is None else current.frames))}
        self.seen = listing = list_frames(self._target, self.facts.prefix, names)
        doubtful = [] if listing is None else in_doubt(current, outcome, listing, base)
        same = read_again(self._target, self.facts.prefix, doubtful) if doubtful else ()
        return ended(current, self.facts, self._me, outcome, base, listing, same)

    def _judged(self, outcome: Outcome, rivals: Callable[[], Intervals]) -> Outcome:
        """Return the outcome with those frames in doubt that other runs may have replaced."""
        if not lacks_versions(outcome.frames):
            return outcome
        self._rivals = unite(self._rivals, rivals())  # of an earlier attempt as well
        return doubted(outcome, self._rivals)

    def _rivals_since(self, current: Manifest | None) -> Intervals:
        """Return the numbers of frames that other runs may have written since this one began."""
        if current is None:
            return ()
        if not self.is_open or self.base is None:
            return EVERY
        is_own = self._made is not None and current is self._made[1]
        if is_own and {writer.id for writer in current.writers} <= {self.run}:
            return ()
        return of_other_runs(current, self.base, self.run)

    def _is_alone(self, current: Manifest | None, outcome: Outcome) -> bool:
        """Return True for a run of one frame during which no other run changed the manifest.

        It need not list a long sequence for each frame, as long as it does not state that the sequence is complete.
        """
        if self._creates or len(outcome.frames) > 1 or current is None or self.base is None:
            return False
        if any(frame.size is None for frame in outcome.frames):  # a file that was kept, and was not looked at
            return False
        return current.writers == (self._me,) and _says_the_same(current, self.base)

    def _gone(self, current: Manifest) -> set[str]:
        """Return the ids of other runs that are proved to be dead."""
        return liveness.dead_runs(current) - {self._me.id}

    def _finish(self, change: Callable[[Manifest | None], Manifest | None]) -> Manifest | None:
        try:
            update = partial(self._update, change, fresh_if_damaged=True)
            return retry.call(self._policy, update, contact=self._target.known)
        finally:
            liveness.alive.discard(self._me.id)

    # --- the file ---

    def _update(
        self, change: Callable[[Manifest | None], Manifest | None], *, fresh_if_damaged: bool = False
    ) -> Manifest | None:
        result: list[Manifest | None] = []

        def change_bytes(data: bytes | None) -> bytes | None:
            current = None if data is None else self._loaded(data, fresh_if_damaged)
            after = change(current)
            result[:] = [after]
            if after is None or (current is not None and _says_the_same(after, current)):
                return None if after is None else data
            made = stamped(after)
            self._made = dump(made), made
            return self._made[0]

        self._raw_update(change_bytes)
        return result[0]

    def _raw_update(self, change: targets.Change) -> None:
        made: list[bytes | None] = []

        def remembered(data: bytes | None) -> bytes | None:
            made[:] = [change(data)]
            return made[0]

        known, self._known = self._known, None
        self._find()
        published = self._target.update(self.path, remembered, content_type=CONTENT_TYPE, known=known)
        data = made[0]
        if data is not None and published is not None and published.etag is not None:
            self._known = (data, published.etag)

    def _find(self) -> None:
        """Find out which Unicode form the name of the manifest has. Sends no request for names that have one form."""
        if self._path is None:
            self._path = spelled(self._target, self.facts.path)

    def _loaded(self, data: bytes, fresh_if_damaged: bool) -> Manifest | None:
        if self._made is not None and self._made[0] == data:
            return self._made[1]
        return (load_or_none if fresh_if_damaged else load_from)(self._target, self.path, data)


def _says_the_same(one: Manifest, other: Manifest) -> bool:
    return replace(one, updated="", software="") == replace(other, updated="", software="")
