"""Run encode and publish concurrently, bounded by bytes, in order, stopping at the first fatal error.

The pipeline knows neither files nor storages: each job brings its two stages. Encoding runs on ``workers`` threads.
Publishing runs on the same thread right after it (``publishers=0``, for storages that answer at once), on threads of
its own (``publishers=n``), or as coroutines on an event loop (``loop``). At most ``publishers`` jobs publish at a time,
fewer while a storage throttles (``slow_down``). With ``workers=0`` everything runs on the caller's thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from seqsave.runtime.jobs import UNNAMED, Calls, Job, Owner
from seqsave.runtime.pools import ByDistance, LoopTasks, Pace, WorkerThreads
from seqsave.runtime.threads import run_stranded
from seqsave.wording import reason_of

if TYPE_CHECKING:
    import asyncio

__all__ = ["TICK", "Pipeline"]

P = TypeVar("P")
R = TypeVar("R")

# How long a wait lasts before it looks again. Windows cannot interrupt a wait without an end.
TICK = 0.2


class Pipeline(Generic[P, R]):
    """Two bounded stages. ``submit`` may be called from several threads.

    workers:    threads that encode; 0 for none: work is done inside ``submit``, and publishing too.
    few:        how many of them work where encoding is reading, and what is read turns out to be near; None for all.
    publishers: how many publish at once; 0 for "on the encoding thread, right behind it".
    max_bytes:  how many bytes jobs may hold together before ``submit`` waits.
    max_raw:    how many of these by jobs that are not encoded yet; no bound of its own when None.
    least:      how many jobs may be under way even if they hold more than that.
    loop:       a running event loop; ``publish`` then is a coroutine function.
    owner:      the words and errors for jobs that are refused or given up.
    """

    def __init__(
        self,
        *,
        workers: int,
        publishers: int,
        max_bytes: int,
        max_raw: int | None = None,
        few: int | None = None,
        least: int = 1,
        loop: asyncio.AbstractEventLoop | None = None,
        owner: Owner = UNNAMED,
    ) -> None:
        self.stop_event = threading.Event()
        """Set by ``abort``."""
        self.error_event = threading.Event()
        """Set once there is an ``error``: no job needs to try again what it fails to do."""
        self._inline_threads: list[int] = []
        self._owner = owner
        self._without_thread: set[Job[R]] = set()
        self._max_bytes = max_bytes
        self._max_raw = max_bytes if max_raw is None else max_raw
        self._least = least
        self._changed = threading.Condition()
        self._jobs: set[Job[R]] = set()
        self._held = 0
        self._raw = 0
        self._publishing = 0
        self._finishing = 0
        self._error: BaseException | None = None
        self._aborted: BaseException | None = None
        self._closed = False
        self._on_over: list[Callable[[], None]] = []
        pace = Pace(workers) if few is None else ByDistance(workers, few)
        self._workers = WorkerThreads(pace, "seqsave-encode") if workers else None
        self._pace = Pace(publishers)
        self._publishers: WorkerThreads | LoopTasks | None = None
        if loop is not None:
            self._publishers = LoopTasks(self._pace, loop)
        elif publishers:
            self._publishers = WorkerThreads(self._pace, "seqsave-publish")

    @property
    def is_async(self) -> bool:
        """Return True if ``publish`` must be a coroutine function."""
        return isinstance(self._publishers, LoopTasks)

    @property
    def error(self) -> BaseException | None:
        """Return the first fatal error, or None."""
        return self._error

    @property
    def at_once(self) -> int:
        """Return how many jobs may publish at once now: ``publishers``, or fewer while the storage throttles."""
        return self._pace.now

    def stop(self, error: BaseException) -> None:
        """Accept no more jobs, because of ``error``, and give up those that have not begun. Running jobs go on."""
        self._stop_with(error)

    def slow_down(self) -> None:
        """Let half as many jobs publish at once, but at least one; a second call within a second has no effect.

        After every ``at_once`` published jobs one more may publish at once, up to ``publishers``. Running jobs go on.
        May be called from any thread.
        """
        self._pace.slow_down()

    def waiting(self) -> tuple[int, int]:
        """Return the number of jobs that wait for or are in encoding, and the same for publishing."""
        with self._changed:
            return len(self._jobs) - self._publishing, self._publishing

    def submit(
        self,
        encode: Callable[[], P],
        publish: Callable[[P], Any],
        *,
        cost: int,
        size_of: Callable[[P], int],
        on_accepted: Callable[[Future[R]], None] = lambda _: None,
        while_waiting: Callable[[], None] = lambda: None,
    ) -> Future[R]:
        """Accept one job that holds ``cost`` bytes until it is encoded and ``size_of(payload)`` after that.

        Waits while the window is full, calling ``while_waiting`` on this thread whenever something has changed.
        ``on_accepted`` is called with the future before the job starts. Raises ``owner.stopped`` once a job has
        failed, ``owner.closed`` once ``close`` was called.
        """
        job: Job[R] = Calls(encode, publish, size_of, held=cost)
        while not self.try_submit([job], lambda: on_accepted(job.future)):
            self.wait_for_room([job], while_waiting)
        self.run_inline([job])
        return job.future

    def try_submit(self, jobs: Sequence[Job[R]], on_accepted: Callable[[], None] = lambda: None) -> bool:
        """Accept all of these jobs in one step, or none of them; return False when there is no room for all now.

        ``on_accepted`` is called before anything can become of them. It must not wait. The caller has to call
        ``run_inline`` next. Raises as ``submit``, and then has accepted none.
        """
        more = sum([job.held for job in jobs])
        with self._changed:
            self._check_open()
            if not self._has_room(more):
                return False
            on_accepted()
            self._jobs.update(jobs)
            self._held += more
            self._raw += more
        if self._workers is not None:
            for job in jobs:
                self._hand_over(job, self._workers)
        return True

    def _hand_over(self, job: Job[R], workers: WorkerThreads) -> None:
        if not _has_taken(workers, partial(self._encode, job)):
            self._without_thread.add(job)

    def wait_for_room(self, jobs: Sequence[Job[R]], while_waiting: Callable[[], None] = lambda: None) -> None:
        """Wait until there may be room for all of these jobs, then call ``while_waiting``. Raises as ``submit``."""
        with self._changed:
            self._check_open()
            if not self._has_room(sum([job.held for job in jobs])):
                self._changed.wait(TICK)
        run_stranded()
        while_waiting()

    def run_inline(self, jobs: Sequence[Job[R]]) -> None:
        """Do jobs that were accepted, on this thread; nothing to do where there are threads for them.

        With ``workers``, but where none could be started, this returns when the jobs are done.

        When one is interrupted the others are given up, and the interrupt goes on.
        """
        if self._workers is not None:
            if self._without_thread:
                self._run_without_thread(jobs)
            return
        interrupt: BaseException | None = None
        here = threading.get_ident()
        self._inline_threads.append(here)
        for job in jobs:
            try:
                self._encode(job)
            except BaseException as error:  # noqa: BLE001, PERF203 - raised below, when no job is left behind
                interrupt = interrupt or error
        self._inline_threads.remove(here)
        if interrupt is not None:
            raise interrupt

    def _run_without_thread(self, jobs: Sequence[Job[R]]) -> None:
        for job in self._without_thread.intersection(jobs):
            self._without_thread.discard(job)
            self._encode(job)
        while self._jobs.intersection(jobs):
            with self._changed:
                self._changed.wait(TICK)
            run_stranded()

    def drain(self, while_waiting: Callable[[], None] = lambda: None) -> None:
        """Wait until no job is under way. Raises as ``check_may_wait``."""
        self.check_may_wait()
        while True:
            with self._changed:
                # A job that has left the set may be about to set its future; a callback does not wait for itself.
                if not self._jobs and (not self._finishing or self._is_here()):
                    return
                self._changed.wait(TICK)
            run_stranded()
            while_waiting()

    def check_may_wait(self) -> None:
        """Raise ``owner.closed`` on a thread that does the jobs, as in a future's callback: it waited for itself."""
        if self._jobs and self._is_here():
            raise self._owner.closed(
                f"a callback of a {self._owner.job}'s future cannot wait for {self._owner.name}, whose thread it "
                "keeps: close it elsewhere"
            )

    def close(self, while_waiting: Callable[[], None] = lambda: None) -> None:
        """Accept no more jobs, wait until none is under way, and end the threads. Raises as ``drain``."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self.drain(while_waiting)
        self._let_threads_go()

    def leave(self, on_over: Callable[[], None] = lambda: None) -> None:
        """Accept no more jobs, and end the threads soon after the last one. Does not wait for that.

        A finalizer may call this: it takes no lock, which the interrupted code of this very thread might hold.

        on_over: called once when no job is under way, on this thread or that of the last job. It must take no lock.
        """
        self._on_over.append(on_over)
        self._closed = True
        if not self._jobs:
            for threads in (self._workers, self._publishers):
                if threads is not None:
                    threads.leave()
            self._call_on_over()

    def abort(self, timeout: float) -> None:
        """Give up jobs that have not begun, stop waits and coroutines, and wait up to ``timeout`` seconds for the rest.

        Jobs that still run then get ``owner.stopped``; their threads are daemons and cannot keep the process alive.
        """
        self.stop_event.set()
        owner = self._owner
        self._aborted = owner.stopped(f"{owner.name} was aborted")
        self._stop_with(self._aborted)
        if self._publishers is not None:
            self._publishers.cancel()
        with self._changed:
            self._changed.wait_for(lambda: not self._jobs, timeout)
            left = list(self._jobs)
        for job in left:
            self._finish(job, error=owner.stopped(f"{owner.name} was aborted while this {owner.job} was under way"))
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._let_threads_go()  # not ``close``: a callback that waits forever would keep it

    # --- admission ---------------------------------------------------------------------------------------------------

    def _check_open(self) -> None:
        if self._closed and self._error is None:
            raise self._owner.closed(f"{self._owner.name} was closed by another thread")
        if self._error is not None:
            raise self._owner.stopped(f"stopped, because {self._reason()}") from self._error

    def _has_room(self, more: int) -> bool:
        fits = self._held + more <= self._max_bytes and self._raw + more <= self._max_raw
        # A callback of a future that waited for room would keep the room from becoming free.
        return fits or len(self._jobs) < self._least or self._is_here()

    def _is_here(self) -> bool:
        """Return True on a thread that does the jobs."""
        pools = (self._workers, self._publishers)
        return threading.get_ident() in self._inline_threads or any(pool is not None and pool.is_here for pool in pools)

    # --- the two stages ----------------------------------------------------------------------------------------------

    def _encode(self, job: Job[R]) -> None:
        if not self._begin(job):
            return
        try:
            self._encoded(job, job.encode())
            if isinstance(self._publishers, LoopTasks):
                self._publishers.put(partial(self._publish_async, job))
            elif self._publishers is not None and _has_taken(self._publishers, partial(self._publish, job)):
                return
        except BaseException as error:  # noqa: BLE001 - any error belongs to the job's future
            self._fail(job, error)
            return
        if not isinstance(self._publishers, LoopTasks):
            self._publish(job)

    def _begin(self, job: Job[R]) -> bool:
        """Return whether the job is still wanted: not cancelled, not after an error, not given up by abort."""
        with self._changed:
            if job not in self._jobs:
                return False
            wanted = job.future.set_running_or_notify_cancel()
        if wanted and self._error is None:
            return True
        self._finish(job, error=self._given_up())
        return False

    def _encoded(self, job: Job[R], size: int) -> None:
        """Note that the job holds ``size`` bytes from now on."""
        with self._changed:
            if job in self._jobs:
                self._held += size - job.held
                self._raw -= job.held
                self._publishing += 1
            job.held, job.publishing = size, True
            self._changed.notify_all()

    def _publish(self, job: Job[R]) -> None:
        if self._error is not None:
            self._finish(job, error=self._given_up())
            return
        try:
            result = job.publish()
        except BaseException as error:  # noqa: BLE001 - any error belongs to the job's future
            self._fail(job, error)
        else:
            self._pace.note_success()
            self._finish(job, result)

    async def _publish_async(self, job: Job[R]) -> None:
        import asyncio

        if self._error is not None:
            self._finish(job, error=self._given_up())
            return
        try:
            result = await job.publish()
        except asyncio.CancelledError:
            self._finish(job, error=self._given_up())
        except Exception as error:  # noqa: BLE001 - any error belongs to the job's future
            self._fail(job, error)
        else:
            self._pace.note_success()
            self._finish(job, result)

    # --- endings -----------------------------------------------------------------------------------------------------

    def _given_up(self) -> Exception:
        error = self._owner.stopped(f"not saved, because {self._reason()}")
        error.__cause__ = self._error
        return error

    def _reason(self) -> str:
        """Return why no more jobs are done."""
        if self._error is None or self._error is self._aborted:
            return f"{self._owner.name} was aborted"
        if isinstance(self._error, KeyboardInterrupt):
            return "the program was interrupted"
        return f"something failed before: {reason_of(self._error)}"

    def _fail(self, job: Job[R], error: BaseException) -> None:
        """Set the handled ``error`` as the job's result; raise it too if it is Ctrl-C."""
        if not isinstance(error, job.spares):
            self._stop_with(error)
        self._finish(job, error=error)
        if self._workers is None and not isinstance(error, Exception):
            raise error

    def _stop_with(self, error: BaseException) -> None:
        with self._changed:
            if self._error is None:
                self._error = error
            self._changed.notify_all()
        self.error_event.set()

    def _finish(self, job: Job[R], result: Any = None, error: BaseException | None = None) -> None:
        with self._changed:
            if job not in self._jobs:
                return  # abort() gave it up while it was running
            self._jobs.remove(job)
            self._finishing += 1
            self._held -= job.held
            self._raw -= 0 if job.publishing else job.held
            self._publishing -= job.publishing
        # Outside the lock, since callbacks run here; before the wake-up, so that waking threads see a future that is
        # done.
        try:
            if job.future.cancelled():
                pass  # the holder of the future cancelled it before the job began
            elif error is None:
                job.future.set_result(result)
            elif job.future.running() or job.future.set_running_or_notify_cancel():
                job.future.set_exception(error)
        finally:
            with self._changed:
                self._finishing -= 1
                self._changed.notify_all()
                is_over = self._closed and not self._jobs
        if is_over:
            self._let_threads_go()
            self._call_on_over()

    def _call_on_over(self) -> None:
        try:
            on_over = self._on_over.pop()
        except IndexError:  # there is none, or another thread has seen the end at the same moment
            return
        on_over()

    def _let_threads_go(self) -> None:
        for threads in (self._workers, self._publishers):
            if threads is not None:
                threads.close()


def _has_taken(threads: WorkerThreads, work: Callable[[], None]) -> bool:
    """Hand work to one of the threads; return False when there is none, and none can be started."""
    try:
        threads.put(work)
    except RuntimeError:
        return False
    return True
