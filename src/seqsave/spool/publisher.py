"""Publish the entries of a spool in the background: one thread for each folder, as long as it has work.

Failures are tried again after a growing wait; ``trouble`` returns their messages.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from seqsave import targets
from seqsave.errors import SeqSaveError, SpoolError
from seqsave.runtime.retry import Backoff
from seqsave.runtime.threads import ForkSafeLock, Joinable, spawn_daemon
from seqsave.spool.entries import Entry, fingerprint
from seqsave.spool.rounds import Outcome, Records, flush_place, overlaps
from seqsave.spool.store import Spool
from seqsave.wording import counted

__all__ = ["Publisher", "publisher_of"]

FIRST_WAIT, LONGEST_WAIT = 2.0, 60.0
TICK = 0.2
# Seconds that the end of the program waits for the file that is being published.
ENDING_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why nothing more of a place could be published. of_frames: it is the reason of frames that wait there."""

    message: str
    of_frames: bool = True


@dataclass(slots=True)
class _Place:
    """The work for one place.

    failure:   the last one, until ``trouble`` or ``wait`` has reported it.
    conflicts: those that were not reported yet.
    """

    target: targets.Target
    where: Mapping[str, str]
    is_waiting: bool = True
    is_busy: bool = False
    backoff: Backoff = field(default_factory=lambda: Backoff(FIRST_WAIT, LONGEST_WAIT))
    failure: _Failure | None = None
    conflicts: list[Outcome] = field(default_factory=list)


def _any(_entry: Entry) -> bool:
    return True


class Publisher:
    """The background publisher of one spool. May be used from any thread.

    records: called for each flush; the result records the published frames, see ``Records``.
    """

    def __init__(self, spool: Spool, records: Callable[[], Records]) -> None:
        self.spool = spool
        self._records = records
        self._places: dict[str, _Place] = {}
        self._published: set[str] = set()
        self._conflicting: set[str] = set()
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._thread: Joinable | None = None

    def wake(self, target: targets.Target, where: Mapping[str, str]) -> None:
        """Note that the spool has new entries for this place. Entries that failed before still wait for their turn."""
        with self._changed:
            place = self._places.setdefault(fingerprint(where), _Place(target, where))
            place.is_waiting, place.target = True, target
            if self._thread is None and not self._stop.is_set():
                self._thread = spawn_daemon(self._run, name="seqsave-spool")
            self._changed.notify_all()

    def take_published(self, names: Collection[str]) -> set[str]:
        """Return those of the entries that this publisher has published, and forget them. ``names``: their files."""
        with self._changed:
            found = self._published.intersection(names)
            self._published -= found
            return found

    def trouble(self, where: Mapping[str, str]) -> str:
        """Return the message of the failure at this place since the last call; "" if nothing failed."""
        with self._changed:
            place = self._places.get(fingerprint(where))
            if place is None or place.failure is None:
                return ""
            failure, place.failure = place.failure, None
        return self._described(failure, where)

    def conflicts(self, where: Mapping[str, str], concerns: Callable[[Entry], bool] = _any) -> list[Outcome]:
        """Return the conflicts at this place, and above and below it, that no call has returned and no wait has raised.

        A conflict stays until it is resolved, and concerns one sequence: the others of the place are published.

        concerns: chooses the entries; the others are left for a later call.
        """
        with self._changed:
            return [
                one
                for place in self._places.values()
                if overlaps(place.where, where)
                for one in _taken(place.conflicts, concerns)
            ]

    def wait(
        self,
        where: Mapping[str, str],
        while_waiting: Callable[[], None] = lambda: None,
        *,
        concerns: Callable[[Entry], bool] = _any,
    ) -> None:
        """Wait until no entry for this place, the places above it and those below it can be published any more.

        while_waiting: called several times a second; an error that it raises ends the wait.
        concerns:      chooses the entries whose conflicts are errors; others are left to ``conflicts``.

        Raises SpoolError if publishing fails during the wait, or has failed before and was not reported yet, and once
        for each conflict.
        """
        with self._changed:
            for place in self._places.values():
                if overlaps(place.where, where) and (place.is_waiting or place.is_busy):
                    place.backoff.hurry()
                    place.failure = None  # older failures do not matter any more
            self._changed.notify_all()
        while True:
            with self._changed:
                concerned = [place for place in self._places.values() if overlaps(place.where, where)]
                failed = next((place for place in concerned if place.failure), None)
                failure = None
                if failed is not None:
                    failure, failed.failure = failed.failure, None
                elif not any(place.is_waiting or place.is_busy for place in concerned):
                    break
                else:
                    self._changed.wait(TICK)
            if failure is not None and failed is not None:
                raise SpoolError(self._described(failure, failed.where), reason="unpublished")
            while_waiting()
        conflicts = self.conflicts(where, concerns)
        if conflicts:
            count = sum(outcome.entry is None or outcome.entry.is_frame for outcome in conflicts)
            raise SpoolError(_kept(count, self.spool, conflicts[0].message), reason="unpublished")

    @property
    def is_idle(self) -> bool:
        """Return True if this program has nothing to publish."""
        with self._changed:
            return not any(place.is_waiting or place.is_busy for place in self._places.values())

    def adopt(self, where: Mapping[str, str], resolve: Callable[[str], targets.Target] = targets.resolve) -> None:
        """Take over the entries of ended programs for this place, the places above it and those below it.

        Raises the errors of ``resolve``.
        """
        for identity in self.spool.identities():
            with self._changed:
                if any(known.startswith(identity) for known in self._places):
                    continue
            entry = self.spool.newest(identity)
            if entry is not None and overlaps(entry.place, where):
                self.wake(resolve(entry.target), entry.place)

    def stop(self, seconds: float) -> None:
        """Begin no more work, and wait up to ``seconds`` for running work. The rest stays in the spool."""
        self._stop.set()
        with self._changed:
            thread = self._thread
            self._changed.notify_all()
        if thread is not None:
            thread.join(seconds)

    # --- the thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while (place := self._next()) is not None:
            try:
                outcomes = flush_place(
                    self.spool,
                    place.target,
                    place.where,
                    records=self._records(),
                    stop=self._stop,
                    on_outcome=self._note_published,
                )
                failure, again = _judged(outcomes)
                self._note_conflicts(place, outcomes)
            except SpoolError as error:
                # In use: another process publishes the same frames, and reports its failures itself.
                failure, again = None if error.reason == "in use" else _Failure(str(error), False), True
            except SeqSaveError as error:
                failure, again = _Failure(str(error), False), True
            except Exception as error:  # noqa: BLE001 - no other code would ever report it
                failure, again = _Failure(f"unexpected {type(error).__name__}: {error}", False), True
            self._note(place, failure, again)

    def _described(self, failure: _Failure, where: Mapping[str, str]) -> str:
        """Return the message of a failure, with the number of frames that wait now: some came after the attempt."""
        if not failure.of_frames:
            return failure.message
        try:
            entries = self.spool.contents(fingerprint(where)).entries
        except SpoolError:
            entries = ()
        return _kept(len({entry.path for entry in entries if entry.is_frame}), self.spool, failure.message)

    def _note_published(self, outcome: Outcome) -> None:
        """Note a frame as soon as it is published."""
        if outcome.status == "published" and outcome.entry is not None:
            with self._changed:
                self._published.add(outcome.entry.name)

    def _note_conflicts(self, place: _Place, outcomes: list[Outcome]) -> None:
        """Note the conflicts that were not known: each is met again whenever the place is published."""
        with self._changed:
            for outcome in outcomes:
                if outcome.status == "conflict" and outcome.file not in self._conflicting:
                    self._conflicting.add(outcome.file)
                    place.conflicts.append(outcome)

    def _next(self) -> _Place | None:
        with self._changed:
            while not self._stop.is_set():
                waiting = [place for place in self._places.values() if place.is_waiting]
                if not waiting:
                    break
                first = min(waiting, key=lambda place: place.backoff.until)
                seconds = first.backoff.until - time.monotonic()
                if seconds <= 0:
                    # Before reading the folder, so that later entries are read or set this again.
                    first.is_waiting, first.is_busy = False, True
                    return first
                self._changed.wait(seconds)
            self._thread = None
            return None

    def _note(self, place: _Place, failure: _Failure | None, again: bool) -> None:
        with self._changed:
            place.failure = failure or (place.failure if again else None)
            if again:
                place.backoff.note_failure()
            else:
                place.backoff.end()
            place.is_waiting, place.is_busy = place.is_waiting or again, False
            self._changed.notify_all()


def _judged(outcomes: list[Outcome]) -> tuple[_Failure | None, bool]:
    """Return what has failed, and whether to try again. Conflicts are no failures."""
    left = [outcome for outcome in outcomes if outcome.is_left and outcome.status != "conflict"]
    if not left:
        return None, False
    again = any(outcome.status in ("failed", "waiting") for outcome in left)
    first = next((outcome for outcome in left if outcome.status != "waiting"), left[0])
    return _Failure(first.message), again


def _kept(count: int, spool: Spool, why: str) -> str:
    """Return the message about frames that are left in the spool; without any, it is the update of a manifest."""
    what = f"{counted(count, 'frame')} saved before" if count else "the update of a manifest"
    return f"{what} could not be published (kept in the spool {spool.folder}): {why}"


def _taken(conflicts: list[Outcome], concerns: Callable[[Entry], bool]) -> list[Outcome]:
    """Remove the conflicts that concern the caller from the list, and return them."""
    found = [one for one in conflicts if one.entry is not None and concerns(one.entry)]
    conflicts[:] = [one for one in conflicts if one not in found]
    return found


# --- one for each folder and process ---------------------------------------------------------------------------------

_made: dict[tuple[int, str], Publisher] = {}
_making = ForkSafeLock()


def publisher_of(spool: Spool, records: Callable[[], Records]) -> Publisher:
    """Return the publisher of a spool's folder; each process has one."""
    with _making:
        return _made.setdefault((os.getpid(), str(spool.folder)), Publisher(spool, records))


@atexit.register
def _stop_all() -> None:
    for (pid, _), publisher in list(_made.items()):
        if pid == os.getpid():
            publisher.stop(ENDING_SECONDS)
