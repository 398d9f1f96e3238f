"""A writer's part in the manifest: entered before its first frame is published, settled after its last one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection
from functools import partial

from seqsave import manifest
from seqsave.errors import FrameExistsError
from seqsave.manifest import FrameEntry, Outcome
from seqsave.runtime import retry
from seqsave.runtime.threads import run_in_thread
from seqsave.types import FailedFrame, SavedFrame, SaveResult

__all__ = ["Record"]


class Record:
    """What one writer knows for the manifest. Thread-safe, up to ``settle``.

    creates: a manifest is made when there is none; else only one that is there is kept true.
    """

    def __init__(self, session: manifest.Session, facts: manifest.Facts, *, creates: bool) -> None:
        self.facts = facts
        self._session = session
        self._creates = creates
        self._entries: dict[tuple[int, int | None], FrameEntry] = {}
        self._lock = threading.Lock()
        self._lock_entries = threading.Lock()
        self._lock_peek = threading.Lock()
        self._is_entered = False
        self._failures = 0
        self._error: BaseException | None = None
        self._entering: asyncio.Future[None] | None = None
        self._peeked: dict[tuple[int, int | None], FrameEntry] | None = None

    # --- before the first frame ---

    @property
    def run(self) -> str:
        """What the run is called in the manifest."""
        return self._session.run

    def enter(
        self, on_retry: retry.OnRetry, stop_event: threading.Event, policy: retry.RetryPolicy | None = None
    ) -> None:
        """Say in the manifest that the sequence is being changed, once; who comes meanwhile waits for it.

        policy: how often to try, instead of as often as for everything else.

        Raises what the storage fails with; whoever has waited fails likewise, and whoever comes later tries again.
        """
        if self._is_entered:
            return
        failures = self._failures
        with self._lock:
            if self._is_entered:
                return
            if self._failures != failures and self._error is not None:
                raise self._error
            try:
                self._session.open(on_retry, stop_event, policy)
            except Exception as error:
                self._failures += 1
                self._error = error
                raise
            self._is_entered = True

    async def enter_async(
        self, on_retry: retry.OnRetry, stop_event: threading.Event, policy: retry.RetryPolicy | None = None
    ) -> None:
        """``enter`` for coroutines of one loop: the storage is asked on another thread."""
        if self._is_entered:
            return
        if self._entering is None or self._entering.done():
            self._entering = asyncio.ensure_future(run_in_thread(partial(self.enter, on_retry, stop_event, policy)))
            self._entering.add_done_callback(_look)
        # Whoever is cancelled while he waits leaves it to the others.
        await asyncio.shield(self._entering)

    # --- meanwhile ---

    @property
    def is_entered(self) -> bool:
        """Whether the manifest says that this run is at work."""
        return self._session.is_open

    def add(self, entry: FrameEntry) -> None:
        """A frame that is there: written, or left alone."""
        with self._lock_entries:
            self._entries[entry.key] = entry

    def before(self, index: int, batch: int | None) -> FrameEntry | None:
        """What the manifest said of a frame when this was first asked, as far as it can be believed."""
        with self._lock_peek:
            if self._peeked is None:
                found = self._session.peek()
                self._peeked = {} if found is None else {frame.key: frame for frame in found.frames}
            return self._peeked.get((index, batch))

    # --- after the last frame ---

    def settle(self, result: SaveResult, *, broken: bool, stopped: bool = False) -> None:
        """Put into the manifest what has become of all frames.

        broken: the caller broke the run off. stopped: something failed that stopped it.

        Raises TargetError, ManifestError.
        """
        outcome = self.outcome(result, broken=broken, stopped=stopped)
        if not self._session.is_open and (outcome.lost or not outcome.frames):
            return  # nothing was changed
        if broken and self.facts.recipe is None:
            self._session.drop(outcome)
        else:
            self._session.close(outcome)

    def outcome(self, result: SaveResult, *, broken: bool, stopped: bool) -> Outcome:
        """What has become of all frames, in the manifest's terms. As for ``settle``."""
        there = [frame for frame in result.frames if frame.status in ("saved", "skipped")]
        # Kept elsewhere for now, such as in the spool.
        away = [frame for frame in result.frames if frame.status not in ("saved", "skipped", "stopped")]
        collided, failed = _parted(result.failures)
        return Outcome(
            frames=[self._entries[frame.index, frame.batch] for frame in there],
            lost={*_keys(failed), *_keys(away)},
            wanted={frame.index for frame in collided},
            # What is kept elsewhere is known to be wanted: nothing is open but that it gets there.
            sound=not (broken or stopped or result.failures),
            defines=self._creates,
        )


def _keys(frames: Collection[FailedFrame] | Collection[SavedFrame]) -> set[tuple[int, int | None]]:
    return {(frame.index, frame.batch) for frame in frames}


def _parted(failures: Collection[FailedFrame]) -> tuple[list[FailedFrame], list[FailedFrame]]:
    """Those in whose place somebody else's frame is, and those of which nobody knows what is there."""
    collided = [failure for failure in failures if isinstance(failure.exception, FrameExistsError)]
    return collided, [failure for failure in failures if failure not in collided]


def _look(done: asyncio.Future[None]) -> None:
    """So that asyncio does not complain of an error that nobody has waited for."""
    if not done.cancelled():
        done.exception()
