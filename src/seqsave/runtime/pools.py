"""Threads, or tasks of an event loop, that do work in order; a pace limits how much runs at once."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from seqsave.runtime.threads import has_stranded, run_stranded, spawn_daemon

if TYPE_CHECKING:
    import asyncio

__all__ = ["ByDistance", "LoopTasks", "Pace", "WorkerThreads"]

# Seconds before the next slow-down: requests that were sent before the last one are still being answered.
SLOW_DOWN_SECONDS = 1.0
# Seconds that a thread without work sleeps before it checks whether the pool was left: ``leave`` may wake no thread.
IDLE_SECONDS = 1.0
# Seconds. A round of work that takes longer waits for something far away: a few threads would do it at a lower rate.
FAR = 0.1


class Pace:
    """The limit of work at once: half after a slow-down, one more after each round without one, at most ``most``.

    Halving relieves a storage quickly, and adding one loads it again slowly, so that many clients share it evenly.
    """

    def __init__(self, most: int) -> None:
        self.now = most
        self._most = most
        self._successes = 0
        self._slowed = float("-inf")
        self._lock = threading.Lock()

    def slow_down(self) -> None:
        """Halve the pace; a second call within ``SLOW_DOWN_SECONDS`` has no effect."""
        with self._lock:
            if time.monotonic() - self._slowed >= SLOW_DOWN_SECONDS and self.now:
                self.now = max(1, self.now // 2)
                self._successes = 0
                self._slowed = time.monotonic()

    def note_done(self) -> None:
        """Do nothing: how much runs at once depends on successes."""

    def note_success(self) -> None:
        """Count one piece of work that ended well."""
        if self.now == self._most:
            return  # the usual case, without the lock
        with self._lock:
            self._successes += 1
            if self._successes >= self.now and self.now < self._most:
                self.now += 1
                self._successes = 0


class ByDistance(Pace):
    """A pace of ``most``, and of ``few`` while rounds of work take no longer than ``FAR``.

    So a distant storage is read by many threads, and a near one by no more than it needs: each one costs time.
    """

    def __init__(self, most: int, few: int) -> None:
        super().__init__(most)
        self._few = min(few, most)
        self._done = 0
        self._began: float | None = None  # the first round is not timed: it opens connections
        self._is_known = most == self._few

    def note_done(self) -> None:
        """Count one piece of work that is over; ``most`` of them are a round."""
        if self._is_known:
            return  # the usual case, without the lock
        with self._lock:
            self._done += 1
            if self._done < self._most:
                return
            began, self._began, self._done = self._began, time.monotonic(), 0
            if began is None:
                return
            is_near = self._began - began <= FAR
            self._is_known = not is_near
            self.now = self._few if is_near else self._most


class WorkerThreads:
    """A few daemon threads that are started only when there is work and no thread is free for it.

    Not a ThreadPoolExecutor: the interpreter waits at its end for all threads of one, forever if a storage hangs.
    """

    def __init__(self, pace: Pace, name: str) -> None:
        self._pace = pace
        self._name = name
        self._changed = threading.Condition()
        self._queue: deque[Callable[[], None]] = deque()
        self._started = 0
        self._busy = 0
        self._closed = False
        self._idents: set[int] = set()

    @property
    def is_here(self) -> bool:
        """True on one of these threads."""
        return threading.get_ident() in self._idents

    def put(self, work: Callable[[], None]) -> None:
        """Add work to the queue. It must not raise. RuntimeError where no thread exists and none can be started."""
        with self._changed:
            self._queue.append(work)
            try:
                self._call_threads()
            except RuntimeError:
                self._queue.remove(work)
                raise

    def cancel(self) -> None:
        """Do nothing: jobs that have not begun give themselves up when their turn comes."""

    def close(self) -> None:
        """End the threads; work that has not begun is dropped."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def leave(self) -> None:
        """End the threads like ``close``, but without a lock, for finalizers: a sleeping thread ends when it wakes."""
        self._closed = True

    def _run(self) -> None:
        self._idents.add(threading.get_ident())
        try:
            self._work()
        finally:
            self._idents.discard(threading.get_ident())

    def _work(self) -> None:
        while (work := self._next()) is not None:
            work()
            self._pace.note_done()
            del work  # or the last frame stays in memory until the next one comes
            with self._changed:
                self._busy -= 1
                self._call_threads()

    def _call_threads(self) -> None:
        """Wake a free thread, or start as many as may run and are lacking for what waits."""
        if not self._queue:
            return
        if not self._is_short():
            self._changed.notify()
        while self._is_short():
            try:
                spawn_daemon(self._run, name=f"{self._name}-{self._started + 1}")
            except RuntimeError:  # the system allows no more threads: the existing ones do the work
                if not self._started:
                    raise
                return
            self._started += 1

    def _is_short(self) -> bool:
        return self._started < min(self._busy + len(self._queue), self._pace.now)

    def _next(self) -> Callable[[], None] | None:
        """Wait for work whose turn has come and return it; None if there will be no more."""
        with self._changed:
            while not self._closed:
                if self._queue and self._busy < self._pace.now:
                    self._busy += 1
                    return self._queue.popleft()
                if has_stranded():
                    self._busy += 1
                    return run_stranded
                self._changed.wait(IDLE_SECONDS)
            return None


class LoopTasks:
    """Coroutines on another thread's event loop, as many at a time as the pace allows, in the order they came in."""

    def __init__(self, pace: Pace, loop: asyncio.AbstractEventLoop) -> None:
        self._pace = pace
        self._loop = loop
        self._waiting: deque[Callable[[], Coroutine[Any, Any, None]]] = deque()
        self._running: set[asyncio.Task[None]] = set()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop that the tasks run on."""
        return self._loop

    @property
    def is_here(self) -> bool:
        """True on the loop's thread."""
        import asyncio

        try:
            return asyncio.get_running_loop() is self._loop
        except RuntimeError:  # none runs on this thread
            return False

    def put(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Add work to the queue, from any thread. It must not raise."""
        self._loop.call_soon_threadsafe(self._add, work)

    def cancel(self) -> None:
        """Cancel the running tasks, from any thread."""
        self._loop.call_soon_threadsafe(self._cancel)

    def close(self) -> None:
        """Do nothing: the loop belongs to the caller."""

    leave = close

    def _add(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._waiting.append(work)
        self._start()

    def _start(self) -> None:
        while self._waiting and len(self._running) < self._pace.now:
            task = self._loop.create_task(self._waiting.popleft()())
            self._running.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._start()

    def _cancel(self) -> None:
        for task in self._running:
            task.cancel()
