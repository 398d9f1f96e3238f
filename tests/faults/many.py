"""Save one sequence by many processes to a real S3 server, and kill some: one complete sequence has to be left.

    python -m tests.faults.many --frames 20000 --processes 8 --kill-every 5
    python -m tests.faults.many --frames 20000 --processes 8 --kill-every 5 --how writers

``--how tasks`` is a run over tasks: a process writes one task after another, and the driver commits the records in the
end. ``--how writers`` is one plain writer after another, each over a share of the frames, with ``skip valid``. The work
of a process that is killed is taken up by a new one. ``judge.py`` judges the end, and uses nothing of seqsave.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import random
import re
import sys
import time
import traceback
import warnings
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, Literal

from tests.faults.child import picture
from tests.faults.hammer import PRELOADED
from tests.faults.judge import flaws_of
from tests.support.places import Place
from tests.support.s3 import S3Server

__all__ = ["Figures", "How", "save_many"]

How = Literal["tasks", "writers"]
# Frames of one task.
TASK: dict[How, int] = {"tasks": 50, "writers": 500}
SHAPE = (16, 16, 3)
# Forks of a process that has imported seqsave, so that another one costs little: a busy machine has to get on too.
_CONTEXT = multiprocessing.get_context("forkserver")
_PEAK = re.compile(r"VmHWM:\s+(\d+) kB")


@dataclass
class Figures:
    """The outcome.

    flaws:        each way in which the end is not one complete sequence, in words.
    killed:       processes. again: tasks that were given to another process.
    worker_peak:  the most memory that any of the processes held, in bytes; driver_peak: that of this one.
    """

    frames: int
    processes: int
    seconds: float = 0.0
    killed: int = 0
    again: int = 0
    worker_peak: int = 0
    driver_peak: int = 0
    flaws: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)


def save_many(
    place: Place,
    *,
    frames: int,
    processes: int,
    how: How = "tasks",
    task: int = 0,
    kill_every: float = float("inf"),
    kill_after: int = 0,
    seed: int = 0,
) -> Figures:
    """Save the frames, and return the findings of an independent look at the storage.

    task:       frames of one task of a run, or of one writer; 0 for what is usual.
    kill_every: seconds between two kills of a process that is at work, and has saved a frame.
    kill_after: instead, kill the process that saves the n-th, 2n-th ... frame of all.
    """
    figures, began = Figures(frames, processes), time.monotonic()
    with contextlib.ExitStack() as stack:
        driver = _Driver(place, frames, how)
        size = task or TASK[how]
        crew = _Crew(stack, driver, figures, [range(at, min(at + size, frames)) for at in range(0, frames, size)])
        for _ in range(processes):
            crew.hire()
        crew.work(random.Random(seed), kill_every, kill_after)
        driver.end(crew.records)
        figures.seconds = time.monotonic() - began
    figures.driver_peak = _peak("self")
    figures.flaws = flaws_of(place, frames, seed=0, shape=SHAPE)
    return figures


class _Driver:
    """The work of the driver: a run is begun and committed; writers need neither."""

    def __init__(self, place: Place, frames: int, how: How) -> None:
        import seqsave

        self.place = place
        self.run: Any = None
        if how == "tasks":
            self.run = seqsave.open_run(place.url, total=frames, filetype="png", storage_options=place.storage_options)
            self.run.begin()

    def end(self, records: list[Any]) -> None:
        """Commit what the tasks returned."""
        if self.run is not None:
            self.run.commit(records)


# --- the processes ---------------------------------------------------------------------------------------------------


class _Worker:
    """A process, its end of the pipe, and the task that it is at."""

    def __init__(self, process: Any, connection: Any) -> None:
        self.process, self.connection = process, connection
        self.task: range | None = None
        self.has_saved = False


class _Crew:
    """Gives tasks to processes, and those of the killed ones to others."""

    def __init__(self, stack: contextlib.ExitStack, driver: _Driver, figures: Figures, tasks: list[range]) -> None:
        self.records: list[Any] = []
        self._stack, self._driver, self._figures = stack, driver, figures
        self._tasks = deque(tasks)
        _CONTEXT.set_forkserver_preload([*PRELOADED, "tests.faults.child", "seqsave.runs.part", "seqsave.runs.run"])
        self._workers: list[_Worker] = []
        self._reported = 0

    def hire(self) -> None:
        """Start a process, and give it a task."""
        ours, theirs = _CONTEXT.Pipe()
        driver = self._driver
        arguments = (theirs, driver.run, driver.place.url, driver.place.storage_options)
        process = _CONTEXT.Process(target=_work, args=arguments, daemon=True)
        process.start()
        theirs.close()
        self._stack.callback(process.join)
        self._stack.callback(process.kill)
        worker = _Worker(process, ours)
        self._workers.append(worker)
        self._give(worker)

    def work(self, dice: random.Random, kill_every: float, kill_after: int) -> None:
        """Go on until every task is done."""
        next_kill = time.monotonic() + kill_every
        while any(worker.task is not None for worker in self._workers):
            heard = wait([worker.connection for worker in self._workers], min(kill_every, 1.0))
            for worker in [one for one in self._workers if one.connection in heard]:
                if self._hear(worker) and kill_after and self._reported % kill_after == 0:
                    self._kill(worker)
            # One that has got somewhere, so that all of them do in the end, however slow the machine is.
            busy = [worker for worker in self._workers if worker.task is not None and worker.has_saved]
            if time.monotonic() >= next_kill and busy:
                self._kill(dice.choice(busy))
                next_kill = time.monotonic() + kill_every
        for worker in self._workers:
            self._measure(worker)

    def _hear(self, worker: _Worker) -> bool:
        """Take one message. Return whether it is about a frame that the storage has acknowledged."""
        kind, what = worker.connection.recv()
        if kind == "frame":
            self._reported += 1
            worker.has_saved = True
            return True
        if kind == "trouble":
            self._figures.troubles.append(what)
        else:
            self.records += what
        worker.task = None
        self._give(worker)
        return False

    def _give(self, worker: _Worker) -> None:
        if self._tasks:
            worker.task = self._tasks.popleft()
            worker.connection.send(worker.task)

    def _kill(self, worker: _Worker) -> None:
        """Send SIGKILL. Messages that were not received are lost, as with a machine that fails."""
        self._measure(worker)
        worker.process.kill()
        worker.process.join()
        worker.connection.close()
        self._workers.remove(worker)
        self._figures.killed += 1
        if worker.task is not None:
            self._figures.again += 1
            self._tasks.appendleft(worker.task)
        self.hire()

    def _measure(self, worker: _Worker) -> None:
        self._figures.worker_peak = max(self._figures.worker_peak, _peak(str(worker.process.pid)))


def _peak(pid: str) -> int:
    """Return the most memory that a running process has held, in bytes; 0 where that is not known."""
    try:
        found = _PEAK.search(Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace"))
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


def _work(connection: Any, run: Any, url: str, options: dict[str, Any]) -> None:
    """Do one task for each message, and report each frame that the storage has acknowledged."""
    warnings.simplefilter("ignore")
    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        try:
            records = _write_part(connection, run, task) if run else _save(connection, url, options, task)
            connection.send(("records", records))
        except BaseException:  # noqa: BLE001 - the judge has to know of it
            connection.send(("trouble", traceback.format_exc()))


def _write_part(connection: Any, run: Any, task: range) -> list[Any]:
    with run.part() as part:
        for index in task:
            part.write(picture(index, 0, SHAPE), index=index).result()
            connection.send(("frame", index))
    return list(part.records)


def _save(connection: Any, url: str, options: dict[str, Any], task: range) -> list[Any]:
    import seqsave

    def frames() -> Iterator[Any]:
        for index in task:
            yield picture(index, 0, SHAPE)

    def report(event: seqsave.Event) -> None:
        if event.kind == "saved":
            connection.send(("frame", event.index))

    seqsave.save(
        frames(),
        url,
        start=task.start,
        total=len(task),
        if_exists="skip valid",
        filetype="png",
        storage_options=options,
        on_event=report,
    )
    return []


# --- command ---------------------------------------------------------------------------------------------------------


def main() -> int:
    """Run it from the command line, and print the findings."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.many", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--frames", type=int, default=20_000)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--how", choices=["tasks", "writers"], default="tasks")
    parser.add_argument("--task", type=int, default=0, help="frames of one task, or of one writer")
    parser.add_argument("--kill-every", type=float, default=5.0, metavar="SECONDS")
    given = vars(parser.parse_args())
    with S3Server() as server:
        place = Place("s3", server.new_prefix(), server.storage_options, server)
        figures = save_many(place, **given)
    rate, mib = figures.frames / figures.seconds, 2**20
    sys.stdout.write(
        f"{figures.frames} frames by {figures.processes} processes in {figures.seconds:.0f} s, {rate:.0f} each second\n"
        f"{figures.killed} processes killed, {figures.again} tasks taken up again\n"
        f"most memory: {figures.worker_peak / mib:.0f} MiB of a process, "
        f"{figures.driver_peak / mib:.0f} MiB of the driver\n"
        f"{len(figures.flaws)} flaws of the sequence, {len(figures.troubles)} errors\n"
    )
    for one in [*figures.flaws[:10], *figures.troubles[:3]]:
        sys.stdout.write(f"  {one}\n")
    return int(bool(figures.flaws or figures.troubles))


if __name__ == "__main__":
    sys.exit(main())
