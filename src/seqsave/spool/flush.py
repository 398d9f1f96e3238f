"""Publish the entries of a spool: in parallel, verified, and recorded before they are deleted.

Whenever a process is killed, no frame is lost and none is published twice in effect: an entry is deleted only after its
frame is known to be in the storage, and publishing the same bytes under the same name again changes nothing.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from seqsave import targets
from seqsave.errors import FrameExistsError, SeqSaveError, SpoolError, TargetError
from seqsave.runtime import retry
from seqsave.runtime.pipeline import Pipeline
from seqsave.spool.entries import DamagedError, Entry, FileFacts, fingerprint
from seqsave.spool.store import Contents, Spool

__all__ = ["Outcome", "Records", "flush_place", "flush_spool", "overlaps"]

OutcomeStatus = Literal["published", "superseded", "conflict", "damaged", "failed", "waiting"]
Resolve = Callable[[str], targets.Target]

PUBLISHERS = 16
READ_AHEAD_BYTES = 64 * 2**20
# How many entries are published before the records are updated and the entries deleted.
ROUND = 256
# After so many failures without a success, the other entries are not tried.
MOST_FAILURES = 3
# One request is enough to find out if a storage answers.
PROBE = retry.RetryPolicy(attempts=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of one entry.

    status:    ``published``; ``superseded``: a newer entry took its place; ``conflict``: another file has its name, and
               the entry must not replace it; ``damaged``: put aside; ``failed``; ``waiting``: not tried, after failures
               of others.
    message:   why the entry is not published; "" if it is.
    error:     the error behind ``failed``.
    published: the storage's answer for the frame's own file; None if the file existed already.
    verified:  the storage acknowledged the checksum, or the bytes were read back and are the same.
    """

    entry: Entry | None
    status: OutcomeStatus
    message: str = ""
    error: SeqSaveError | None = None
    published: targets.Published | None = None
    verified: bool = False

    @property
    def is_left(self) -> bool:
        """Return True if the frame is still in the spool only."""
        return self.status not in ("published", "superseded")


class Records:
    """A recorder of published frames. This base class records nothing.

    ``end`` is called before the entries are deleted. Both methods may raise SeqSaveError, which leaves the entries in
    the spool. They are called in turn, on one thread.
    """

    def begin(self, target: targets.Target, entries: Sequence[Entry], policy: retry.RetryPolicy) -> None:
        """Note the entries that are about to be published."""

    def end(self, target: targets.Target, outcomes: Sequence[Outcome], policy: retry.RetryPolicy) -> None:
        """Note the outcomes of these entries."""


def overlaps(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Return True if two places are the same, or one is below the other."""
    first, second = dict(one), dict(other)
    above, below = sorted((first.pop("root", ""), second.pop("root", "")), key=len)
    return first == second and (above == below or not above or below.startswith(above.rstrip("/") + "/"))


def flush_spool(
    spool: Spool,
    resolve: Resolve,
    *,
    records: Records,
    policy: retry.RetryPolicy | None = None,
    wanted: Callable[[Entry], bool] = lambda _: True,
    on_outcome: Callable[[Outcome], None] = lambda _: None,
) -> list[Outcome]:
    """Publish the entries of a spool, place after place.

    resolve: returns the target of an entry's URL.
    wanted:  chooses the entries. The other parameters are those of ``flush_place``.

    A place whose target cannot be opened, is another one now, or is being published by another process gives the
    outcome ``waiting`` for each of its entries, and the next place is tried.
    """
    outcomes: list[Outcome] = []
    for identity in spool.identities():
        found = spool.contents(identity)
        outcomes += [_put_aside(spool, name, why, on_outcome) for name, why in found.damaged]
        entries = [entry for entry in found.entries if wanted(entry)]
        if not entries:
            continue
        try:
            target = resolve(entries[-1].target)
            outcomes += flush_place(
                spool, target, entries[-1].place, records=records, policy=policy, on_outcome=on_outcome
            )
        except (TargetError, SpoolError) as error:
            left = [Outcome(entry=entry, status="waiting", message=str(error), error=error) for entry in entries]
            for outcome in left:
                on_outcome(outcome)
            outcomes += left
    return outcomes


def flush_place(
    spool: Spool,
    target: targets.Target,
    place: Mapping[str, str],
    *,
    records: Records,
    policy: retry.RetryPolicy | None = None,
    patience: float = 0.0,
    stop: threading.Event | None = None,
    on_outcome: Callable[[Outcome], None] = lambda _: None,
) -> list[Outcome]:
    """Publish all entries for one place, including those that are added during the call.

    place:    the identity that the entries were added with; ``target`` must have the same one.
    records:  called before and after each round of entries.
    policy:   for each request after the first one, which is tried once.
    patience: seconds to wait for another process or thread that publishes the same entries.

    Returns the outcome of each entry. Raises SpoolError if another process or thread still publishes them (``reason``
    is ``"in use"``) or the spool cannot be read, and TargetError if ``target`` has another identity.
    """
    _check_place(target, place)
    identity = fingerprint(place)
    if spool.contents(identity) == Contents(()):
        return []
    flush = _Flush(spool, target, policy or retry.RetryPolicy(), records, stop or threading.Event(), on_outcome)
    with spool.locked(identity, patience=patience, stop=stop):
        tried: set[str] = set()
        while True:
            found = spool.contents(identity)
            for name, why in found.damaged:
                flush.note(_put_aside(spool, name, why))
            entries = [entry for entry in found.entries if entry.name not in tried]
            if not entries:
                spool.remove_unused_facts(identity)
                return flush.outcomes
            tried.update(entry.name for entry in entries)
            flush.run(entries)


def _check_place(target: targets.Target, place: Mapping[str, str]) -> None:
    now = target.identity()
    if fingerprint(now) == fingerprint(place):
        return
    differences = [
        f"{name} was {place.get(name, 'nothing')} and is {now.get(name, 'nothing')}"
        for name in sorted({*place, *now})
        if place.get(name) != now.get(name)
    ]
    raise TargetError(
        f"{target.url} is not the place that these frames were saved to: {'; '.join(differences)}. Give the storage "
        "options (or the configuration) with which they were to be saved"
    )


def _put_aside(spool: Spool, name: str, why: str, on_outcome: Callable[[Outcome], None] = lambda _: None) -> Outcome:
    outcome = Outcome(entry=None, status="damaged", message=f"{why}; it is kept as {spool.put_aside(name)}")
    on_outcome(outcome)
    return outcome


class _Flush:
    """One flush of one place."""

    def __init__(
        self,
        spool: Spool,
        target: targets.Target,
        policy: retry.RetryPolicy,
        records: Records,
        stop: threading.Event,
        on_outcome: Callable[[Outcome], None],
    ) -> None:
        self.outcomes: list[Outcome] = []
        self._spool = spool
        self._target = target
        self._policy = policy
        self._records = records
        self._stop = stop
        self._on_outcome = on_outcome
        self._answers = False
        self._failures = 0
        self._trouble: SeqSaveError | None = None

    def note(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self._on_outcome(outcome)

    def run(self, entries: Sequence[Entry]) -> None:
        """Publish entries, of each frame only the newest."""
        newest = {entry.key: entry for entry in entries}
        for entry in entries:
            if newest[entry.key] is not entry:
                self._spool.drop(entry)
                self.note(Outcome(entry=entry, status="superseded", message="a newer one takes its place"))
        # Entries without files first: they say which frames are expected.
        left = sorted(newest.values(), key=lambda entry: entry.is_frame)
        while left:
            # One alone first: if the storage does not answer, the others need not find out as well.
            count = ROUND if self._answers else 1
            for outcome in self._round(left[:count]):
                if outcome.status == "published" and outcome.entry is not None:
                    self._spool.drop(outcome.entry)
                self.note(outcome)
            left = left[count:]

    def _round(self, entries: Sequence[Entry]) -> list[Outcome]:
        """Publish some entries between two updates of the records, and remove those that are recorded."""
        if self._given_up:
            return [self._publish(entry, None) for entry in entries]
        try:
            self._records.begin(self._target, entries, self._pace)
        except SeqSaveError as error:
            self._trouble = error
            first = Outcome(entry=entries[0], status="failed", message=str(error), error=error)
            return [first, *(self._publish(entry, None) for entry in entries[1:])]
        outcomes = self._publish_all(entries)
        try:
            self._records.end(self._target, outcomes, self._pace)
        except SeqSaveError as error:
            self._trouble = error
            return [_unrecorded(outcome, error) if outcome.status == "published" else outcome for outcome in outcomes]
        return outcomes

    def _publish_all(self, entries: Sequence[Entry]) -> list[Outcome]:
        if len(entries) == 1:
            return [self._publish(entry, self._read(entry)) for entry in entries]
        pipeline: Pipeline[Any, Outcome] = Pipeline(
            workers=2, publishers=min(PUBLISHERS, len(entries)), max_bytes=READ_AHEAD_BYTES, least=4
        )

        def submit(entry: Entry) -> Future[Outcome]:
            read, publish = partial(self._read, entry), partial(self._publish, entry)
            return pipeline.submit(read, publish, cost=entry.size, size_of=_size_of)

        try:
            futures = [submit(entry) for entry in entries]
            pipeline.close()
        except BaseException:
            self._stop.set()
            pipeline.abort(1.0)
            raise
        return [future.result() for future in futures]

    # --- one entry, on any thread ---

    @property
    def _given_up(self) -> bool:
        never = not self._answers and self._failures > 0
        return self._stop.is_set() or never or self._failures >= MOST_FAILURES or self._trouble is not None

    def _read(self, entry: Entry) -> list[bytes] | SpoolError | FileNotFoundError | None:
        if self._given_up:
            return None
        try:
            return self._spool.read(entry)
        except (SpoolError, FileNotFoundError) as error:
            return error

    def _publish(self, entry: Entry, data: list[bytes] | Exception | None) -> Outcome:
        if isinstance(data, FileNotFoundError):
            return Outcome(entry=entry, status="superseded", message="a newer one took its place")
        if isinstance(data, DamagedError):
            return Outcome(
                entry=entry, status="damaged", message=f"{data}; it is kept as {self._spool.put_aside(entry.name)}"
            )
        if isinstance(data, SpoolError):
            return Outcome(entry=entry, status="failed", message=str(data), error=data)
        if not isinstance(data, list) or self._given_up:
            why = "" if self._trouble is None else f": {self._trouble}"
            return Outcome(entry=entry, status="waiting", message=f"not tried, because others failed before it{why}")
        try:
            outcome = self._published(entry, data)
        except SeqSaveError as error:
            # A name that this storage does not allow does not concern the other frames.
            if not (isinstance(error, TargetError) and error.fault in _UNFIT and not error.transient):
                self._failures += 1
            return Outcome(entry=entry, status="failed", message=str(error), error=error)
        self._answers, self._failures = True, 0
        return outcome

    def _published(self, entry: Entry, data: Sequence[bytes]) -> Outcome:
        published, verified = None, True
        for facts, content in zip(entry.files, data, strict=True):
            try:
                one = self._call(partial(self._put, facts, content))
                is_same = self._is_there(facts, one)
            except FrameExistsError:
                one, is_same = None, self._is_same(facts)
                if not is_same:
                    return self._conflict(entry, facts, is_same)
            if is_same is False:
                raise TargetError(
                    f"{self._target.url_of(facts.path)} is not what was saved: the bytes that are read back differ",
                    transient=True,
                )
            verified = verified and bool(is_same)
            published = one if facts.path == entry.path else published
        return Outcome(entry=entry, status="published", published=published, verified=verified)

    def _put(self, facts: FileFacts, content: bytes) -> targets.Published:
        return self._target.publish(
            facts.path, content, content_type=facts.content_type, create=facts.create, checksum=facts.crc32
        )

    def _is_there(self, facts: FileFacts, published: targets.Published) -> bool | None:
        return True if published.acknowledged else self._is_same(facts)

    def _is_same(self, facts: FileFacts) -> bool | None:
        """Return True if the existing file has the same bytes; None if the credentials do not allow reading it."""
        try:
            content = self._call(partial(self._target.read, facts.path))
        except targets.FileMissingError:
            return False
        except TargetError as error:
            if error.fault in _UNREADABLE:
                return None
            raise
        return len(content) == facts.size and zlib.crc32(content) == facts.crc32

    def _conflict(self, entry: Entry, facts: FileFacts, is_same: bool | None) -> Outcome:
        other = "another file is there" if is_same is False else "a file is there, and it cannot be read"
        message = (
            f"{self._target.url_of(facts.path)}: {other}, which this frame must not replace (`if_exists='error'`); it "
            f"stays in {entry.name}"
        )
        return Outcome(entry=entry, status="conflict", message=message)

    def _call(self, function: Callable[[], Any]) -> Any:
        return retry.call(self._pace, function, stop_event=self._stop)

    @property
    def _pace(self) -> retry.RetryPolicy:
        return self._policy if self._answers else PROBE


_UNREADABLE = ("denied", "not_permitted")
# Causes that lie in the name or the bytes, and not in the state of the storage.
_UNFIT = ("", "bad_name", "too_long", "too_large", "is_a_folder", "exists")


def _unrecorded(outcome: Outcome, error: SeqSaveError) -> Outcome:
    message = f"it is in the storage, but not yet in the sequence's manifest: {error}"
    return Outcome(entry=outcome.entry, status="failed", message=message, error=error)


def _size_of(data: list[bytes] | Exception | None) -> int:
    return sum(map(len, data)) if isinstance(data, list) else 0
