"""Publish what a spool keeps behind a program that goes on: one thread for each folder, while there is something to do.

What fails is tried again after a growing wait, and told to whoever asks for it (``trouble``).
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from seqsave import targets
from seqsave.errors import SeqSaveError, SpoolError
from seqsave.runtime.threads import ForkSafeLock, Joinable, spawn_daemon
from seqsave.spool.entries import fingerprint
from seqsave.spool.flush import Outcome, Records, flush_place, overlaps
from seqsave.spool.store import Spool
from seqsave.wording import counted

__all__ = ["Publisher", "publisher_of"]

FIRST_WAIT, LONGEST_WAIT = 2.0, 60.0
TICK = 0.2
# How long the end of the program waits for the file that is just being published.
ENDING_SECONDS = 2.0


@dataclass(slots=True)
class _Place:
    """What there is to do for one place. ``told`` is what ``trouble`` has not been asked for yet."""

    target: targets.Target
    where: Mapping[str, str]
    is_waiting: bool = True
    is_busy: bool = False
    next_try: float = 0.0
    wait: float = 0.0
    told: str = ""


class Publisher:
    """Publishes the entries of one spool. From any thread.

    records: makes what is told of the frames that are published.
    """

    def __init__(self, spool: Spool, records: Callable[[], Records]) -> None:
        self.spool = spool
        self._records = records
        self._places: dict[str, _Place] = {}
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._thread: Joinable | None = None

    def wake(self, target: targets.Target, where: Mapping[str, str]) -> None:
        """There is something new for this place. What has failed before waits for its turn all the same."""
        with self._changed:
            place = self._places.setdefault(fingerprint(where), _Place(target, where))
            place.is_waiting, place.target = True, target
            if self._thread is None and not self._stop.is_set():
                self._thread = spawn_daemon(self._run, name="seqsave-spool")
            self._changed.notify_all()

    def trouble(self, where: Mapping[str, str]) -> str:
        """What has failed at this place since this was last asked; "" when nothing has."""
        with self._changed:
            place = self._places.get(fingerprint(where))
            if place is None:
                return ""
            told, place.told = place.told, ""
            return told

    def wait(self, where: Mapping[str, str], while_waiting: Callable[[], None] = lambda: None) -> None:
        """Wait until nothing waits for this place, those above and those below it.

        while_waiting: called several times a second; what it raises ends the wait.

        Raises SpoolError when publishing fails meanwhile, or has failed for good and nobody has been told.
        """
        with self._changed:
            for place in self._places.values():
                if overlaps(place.where, where) and (place.is_waiting or place.is_busy):
                    place.next_try, place.told = 0.0, ""  # now, as somebody waits for it; and what was before is over
            self._changed.notify_all()
        while True:
            with self._changed:
                concerned = [place for place in self._places.values() if overlaps(place.where, where)]
                failed = next((place for place in concerned if place.told), None)
                if failed is not None:
                    text, failed.told = failed.told, ""
                    raise SpoolError(text, reason="unpublished")
                if not any(place.is_waiting or place.is_busy for place in concerned):
                    return
                self._changed.wait(TICK)
            while_waiting()

    @property
    def is_idle(self) -> bool:
        """Whether this program has nothing to publish."""
        with self._changed:
            return not any(place.is_waiting or place.is_busy for place in self._places.values())

    def adopt(self, where: Mapping[str, str], resolve: Callable[[str], targets.Target] = targets.resolve) -> None:
        """Take over what was left here by programs that are gone: for this place, those above and those below it.

        Raises what ``resolve`` raises.
        """
        for identity in self.spool.identities():
            with self._changed:
                if any(known.startswith(identity) for known in self._places):
                    continue
            entry = self.spool.newest(identity)
            if entry is not None and overlaps(entry.place, where):
                self.wake(resolve(entry.target), entry.place)

    def stop(self, seconds: float) -> None:
        """Begin nothing more, and wait for what is under way. What is left stays in the spool."""
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
                outcomes = flush_place(self.spool, place.target, place.where, records=self._records(), stop=self._stop)
                trouble, again = _judged(outcomes, self.spool)
            except SpoolError as error:
                # In use: another process publishes the same frames, and reports its failures itself.
                trouble, again = "" if error.reason == "in use" else str(error), True
            except SeqSaveError as error:
                trouble, again = str(error), True
            except Exception as error:  # noqa: BLE001 - whatever it is: nobody else would ever hear of it
                trouble, again = f"unexpected {type(error).__name__}: {error}", True
            self._note(place, trouble, again)

    def _next(self) -> _Place | None:
        with self._changed:
            while not self._stop.is_set():
                waiting = [place for place in self._places.values() if place.is_waiting]
                if not waiting:
                    break
                first = min(waiting, key=lambda place: place.next_try)
                seconds = first.next_try - time.monotonic()
                if seconds <= 0:
                    # Before looking: what comes from now on is seen, or asks for another look.
                    first.is_waiting, first.is_busy = False, True
                    return first
                self._changed.wait(seconds)
            self._thread = None
            return None

    def _note(self, place: _Place, trouble: str, again: bool) -> None:
        with self._changed:
            place.told = trouble or ("" if not again else place.told)
            place.wait = min(LONGEST_WAIT, 2 * place.wait or FIRST_WAIT) if again else 0.0
            place.next_try = time.monotonic() + place.wait if again else 0.0
            place.is_waiting, place.is_busy = place.is_waiting or again, False
            self._changed.notify_all()


def _judged(outcomes: list[Outcome], spool: Spool) -> tuple[str, bool]:
    """What to tell, and whether to try again."""
    left = [outcome for outcome in outcomes if outcome.is_left]
    if not left:
        return "", False
    again = any(outcome.status in ("failed", "waiting") for outcome in left)
    first = next((outcome for outcome in left if outcome.status != "waiting"), left[0])
    count = sum(outcome.entry is None or outcome.entry.is_frame for outcome in left)
    what = f"{counted(count, 'frame')} saved before" if count else "what a manifest is to say"
    return f"{what} could not be published, and waits in the spool {spool.folder}: {first.message}", again


# --- one for each folder and process ---------------------------------------------------------------------------------

_made: dict[tuple[int, str], Publisher] = {}
_making = ForkSafeLock()


def publisher_of(spool: Spool, records: Callable[[], Records]) -> Publisher:
    """The one publisher of this process for a spool's folder."""
    with _making:
        return _made.setdefault((os.getpid(), str(spool.folder)), Publisher(spool, records))


@atexit.register
def _stop_all() -> None:
    for (pid, _), publisher in list(_made.items()):
        if pid == os.getpid():
            publisher.stop(ENDING_SECONDS)
