"""Publish the entries of a spool in rounds: in parallel, verified, and recorded before they are deleted.

Whenever a process is killed, no frame is lost and none is published twice in effect: an entry is deleted only after its
frame is known to be in the storage, and publishing the same bytes under the same name again changes nothing.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from seqsave import targets
from seqsave.errors import SeqSaveError, SpoolError, TargetError
from seqsave.runtime import retry
from seqsave.runtime.pipeline import Pipeline
from seqsave.spool.entries import DamagedError, Entry, fingerprint
from seqsave.spool.placing import ConflictError, ConflictReason, Placing
from seqsave.spool.store import Spool
from seqsave.targets.identity import canonical_identity
from seqsave.wording import command

__all__ = ["Outcome", "Records", "flush_place", "flush_spool", "overlaps"]

OutcomeStatus = Literal["published", "superseded", "gone", "conflict", "damaged", "unread", "failed", "waiting"]
Resolve = Callable[[str], targets.Target]

PUBLISHERS = 16
READ_AHEAD_BYTES = 64 * 2**20
# How many entries are published before the records are updated and the entries deleted.
ROUND = 256
# The number of failures without a success after which the other entries are not tried.
MOST_FAILURES = 3
# The same, of requests that the storage refused.
MOST_REFUSALS = 32
# One request is enough to find out if a storage answers.
PROBE = retry.RetryPolicy(attempts=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of one entry.

    status:    ``published``; ``superseded``: a newer entry replaced it, or its run keeps existing files, of which one
               has its name (reason ``exists``); ``gone``: its file was deleted before it was
               published; ``conflict``: another file has its name, and the entry must not replace it; ``damaged``: put
               aside; ``unread``: made by a newer version of seqsave, or not readable now; ``failed``; ``waiting``: not
               tried, because other entries failed.
    reason:    of a conflict: ``exists``: with ``if_exists="error"``; ``changed``: the file was written since the entry
               was made; ``other name``: its name differs in the case of its letters, which the storage ignores;
               ``unreadable``: the credentials do not allow reading it. Otherwise "".
    message:   why the entry is not published; "" if it is.
    error:     the error behind ``failed``.
    published: the storage's answer for the frame's own file; None if the file existed already.
    verified:  the storage acknowledged the checksum, or the bytes were read back and are the same.
    file:      the path of the entry's file; after ``damaged``, the one that it was moved to.
    """

    entry: Entry | None
    status: OutcomeStatus
    message: str = ""
    reason: ConflictReason | Literal[""] = ""
    file: str = ""
    error: SeqSaveError | None = None
    published: targets.Published | None = None
    verified: bool = False

    @property
    def is_kept(self) -> bool:
        """Return True if an existing file stays in place of the frame, as its run keeps existing frames."""
        return self.status == "superseded" and self.reason == "exists"

    @property
    def is_left(self) -> bool:
        """Return True if the frame is still in the spool only."""
        return self.status not in ("published", "superseded", "gone")


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
    replaces: bool = False,
    on_outcome: Callable[[Outcome], None] = lambda _: None,
) -> list[Outcome]:
    """Publish the entries of a spool, place after place.

    resolve: returns the target of an entry's URL.
    wanted:  chooses the entries, all or none of each place. The other parameters are those of ``flush_place``.

    If the target of a place cannot be opened, has changed, or is being published by another process, its entries get
    the outcome ``waiting``, and the next place is tried.
    """
    outcomes: list[Outcome] = []
    for identity in spool.identities():
        found = spool.contents(identity)
        outcomes += [_put_aside(spool, name, why, on_outcome) for name, why in found.damaged]
        outcomes += [_unread(name, why, on_outcome) for name, why in found.unread]
        entries = [entry for entry in found.entries if wanted(entry)]
        if not entries:
            continue
        try:
            target = resolve(entries[-1].target)
            outcomes += flush_place(
                spool,
                target,
                entries[-1].place,
                records=records,
                policy=policy,
                replaces=replaces,
                on_outcome=on_outcome,
            )
        except (TargetError, SpoolError) as error:
            left = [_left(entry, "waiting", str(error), error) for entry in entries]
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
    replaces: bool = False,
    on_outcome: Callable[[Outcome], None] = lambda _: None,
) -> list[Outcome]:
    """Publish all entries for one place, including those that are added during the call.

    place:    the identity that the entries were added with; ``target`` must have the same one.
    records:  called before and after each round of entries.
    policy:   for each request after the first one, which is tried once.
    patience: seconds to wait for another process or thread that publishes the same entries.
    replaces: also publish conflicts, which replaces the existing files.

    Returns the outcome of each entry. Raises SpoolError if another process or thread still publishes them (``reason``
    is ``"in use"``) or the spool cannot be read, and TargetError if ``target`` has another identity.
    """
    _check_place(target, place)
    identity = fingerprint(place)
    if not (spool.contents(identity).entries or spool.contents(identity).damaged):
        return []
    flush = _Flush(
        spool, target, policy or retry.RetryPolicy(), records, stop or threading.Event(), on_outcome, replaces=replaces
    )
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
    now, place = canonical_identity(target.identity()), canonical_identity(place)
    if now == place:
        return
    differences = [
        f"{name} was {place.get(name, 'nothing')} and is {now.get(name, 'nothing')}"
        for name in sorted({*place, *now})
        if place.get(name) != now.get(name)
    ]
    raise TargetError(
        f"{target.url} is not the target that these frames were saved for: {'; '.join(differences)}. Use the storage "
        "options (or the configuration) of the run that saved them"
    )


def _put_aside(spool: Spool, name: str, why: str, on_outcome: Callable[[Outcome], None] = lambda _: None) -> Outcome:
    kept = spool.put_aside(name)
    outcome = Outcome(entry=None, status="damaged", message=f"{why}; it is kept as {kept}", file=kept)
    on_outcome(outcome)
    return outcome


def _unread(name: str, why: str, on_outcome: Callable[[Outcome], None]) -> Outcome:
    outcome = Outcome(entry=None, status="unread", message=why, file=name)
    on_outcome(outcome)
    return outcome


def _left(entry: Entry, status: OutcomeStatus, message: str, error: SeqSaveError | None = None) -> Outcome:
    return Outcome(entry=entry, status=status, message=message, error=error, file=entry.name)


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
        *,
        replaces: bool,
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
        self._refusals = 0
        self._trouble: SeqSaveError | None = None
        self._placing = Placing(target, self._call, replaces=replaces)

    def note(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self._on_outcome(outcome)

    def run(self, entries: Sequence[Entry]) -> None:
        """Publish entries, of each frame only the newest."""
        newest: dict[str, Entry] = {}
        for entry in entries:
            own = newest[entry.key].own if entry.key in newest else ()
            newest[entry.key] = replace(entry, before=entry.before.with_own(own))
        for entry in entries:
            if newest[entry.key].name != entry.name:
                self._spool.drop(entry)
                self.note(Outcome(entry=entry, status="superseded", message="a newer frame replaces it"))
        # Entries without files first: they state which frames are expected.
        left = sorted(newest.values(), key=lambda entry: entry.is_frame)
        while left:
            for outcome in self._round(self._next(left)):
                if outcome.entry is not None and (outcome.status == "published" or outcome.is_kept):
                    self._spool.drop(outcome.entry)
                self.note(outcome)

    def _next(self, left: list[Entry]) -> list[Entry]:
        """Take the entries of the next round from those that are left.

        One alone first: if the storage does not answer, the others need not find out as well. It is any of them, since
        one that can never be published must not come first in every flush.
        """
        if self._answers or self._given_up:
            taken = left[:ROUND]
            del left[:ROUND]
            return taken
        return [left.pop(secrets.randbelow(len(left)) if left[0].is_frame else 0)]

    def _round(self, entries: Sequence[Entry]) -> list[Outcome]:
        """Publish some entries between two updates of the records, and remove those that are recorded."""
        if self._given_up:
            return [self._publish(entry, None) for entry in entries]
        try:
            self._records.begin(self._target, entries, self._pace)
        except SeqSaveError as error:
            self._trouble = error
            first = _left(entries[0], "failed", str(error), error)
            return [first, *(self._publish(entry, None) for entry in entries[1:])]
        outcomes = self._publish_all(entries)
        try:
            self._records.end(self._target, outcomes, self._pace)
        except SeqSaveError as error:
            self._trouble = error
            done = [outcome.status == "published" or outcome.is_kept for outcome in outcomes]
            return [_unrecorded(one, error) if is_done else one for one, is_done in zip(outcomes, done, strict=True)]
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
        fails = never or self._failures >= MOST_FAILURES or self._refusals >= MOST_REFUSALS
        return self._stop.is_set() or fails or self._trouble is not None

    def _read(self, entry: Entry) -> list[bytes] | SpoolError | FileNotFoundError | None:
        if self._given_up:
            return None
        try:
            return self._spool.read(entry)
        except (SpoolError, FileNotFoundError) as error:
            return error

    def _publish(self, entry: Entry, data: list[bytes] | Exception | None) -> Outcome:
        if isinstance(data, FileNotFoundError):
            return self._missing(entry)
        if isinstance(data, DamagedError):
            kept = self._spool.put_aside(entry.name)
            return Outcome(entry=entry, status="damaged", message=f"{data}; it is kept as {kept}", file=kept)
        if isinstance(data, SpoolError):
            return _left(entry, "failed", str(data), data)
        if not isinstance(data, list) or self._given_up:
            why = "" if self._trouble is None else f": {self._trouble}"
            return _left(entry, "waiting", f"not tried, because others failed before it{why}")
        try:
            published, verified = self._placing.place(entry, data)
        except ConflictError as error:
            outcome = self._conflict(entry, error.reason)
        except SeqSaveError as error:
            self._count(error)
            return _left(entry, "failed", str(error), error)
        else:
            outcome = Outcome(entry=entry, status="published", published=published, verified=verified, file=entry.name)
        self._answers, self._failures, self._refusals = True, 0, 0
        return outcome

    def _count(self, error: SeqSaveError) -> None:
        """Count a failure, unless it lies in the name or the bytes of this frame.

        A refused frame says little of the others: credentials may allow some names and not others. Nor do failures that
        do not pass, once the storage has taken another frame.
        """
        if not isinstance(error, TargetError) or error.transient:
            self._failures += 1
        elif error.fault not in _UNFIT:
            is_of_one = self._answers or error.fault in _REFUSED
            self._refusals += is_of_one
            self._failures += not is_of_one

    def _missing(self, entry: Entry) -> Outcome:
        if self._spool.holds(entry.place, entry.path):
            return Outcome(entry=entry, status="superseded", message="a newer frame replaces it")
        message = (
            f"the entry of {entry.path} for {self._target.url} was deleted from the spool before it was published: if "
            "you did not do that, save the frame again"
        )
        return Outcome(entry=entry, status="gone", message=message)

    def _conflict(self, entry: Entry, reason: ConflictReason) -> Outcome:
        if reason == "exists" and entry.keeps:
            kept = "its run keeps existing frames (`if_exists='skip'`), and another file has its name by now"
            return Outcome(entry=entry, status="superseded", reason=reason, message=kept)
        flush = command("seqsave", "flush", "--replace", self._spool.folder, options=self._target.option_names)
        message = (
            f"{self._target.url_of(entry.path)}: {_CONFLICTS[reason]}. The frame stays in {entry.name}: delete that "
            f"file to keep the other one, or replace that one: {flush}"
        )
        return Outcome(entry=entry, status="conflict", reason=reason, message=message, file=entry.name)

    def _call(self, function: Callable[[], Any]) -> Any:
        return retry.call(self._pace, function, stop_event=self._stop)

    @property
    def _pace(self) -> retry.RetryPolicy:
        return self._policy if self._answers else PROBE


_CONFLICTS: dict[ConflictReason, str] = {
    "exists": "another file exists, which this frame must not replace (`if_exists='error'`)",
    "changed": "the existing file was written after this frame was put into the spool, or by another program",
    "other name": "the existing file has a name that differs in case, and belongs to another sequence",
    "unreadable": "the existing file cannot be read, so it is unknown whether it is older than this frame",
}
# Causes in the name or the bytes of a frame, and not in the state of the storage.
_UNFIT = ("", "bad_name", "too_long", "too_large", "is_a_folder", "exists")
# Causes that may lie in the rights for one name.
_REFUSED = ("denied", "not_permitted")


def _unrecorded(outcome: Outcome, error: SeqSaveError) -> Outcome:
    message = f"it is in the storage, but not yet in the sequence's manifest: {error}"
    return Outcome(entry=outcome.entry, status="failed", message=message, error=error)


def _size_of(data: list[bytes] | Exception | None) -> int:
    return sum(map(len, data)) if isinstance(data, list) else 0
