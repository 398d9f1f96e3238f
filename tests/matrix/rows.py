"""Each way in which a run can end, produced for real in a separate process."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

from tests.matrix.child import Order
from tests.matrix.judge import FRAMES, picture_value
from tests.support.patience import PATIENCE
from tests.support.places import Place
from tests.support.processes import ROOT

__all__ = ["ROWS", "Bench", "Outcome"]

SMALL, LARGE = (6, 8), (12, 16)
STRUCK = 5


@dataclass(frozen=True)
class Outcome:
    """The outcome of one row.

    status:   the exit status of the last process; None if none ran last. wanted: what its exit status has to be.
    document: what it printed as its result; None after SIGKILL.
    drawn_by: the run whose pictures there should be. total: how many of them.
    """

    place: Place
    status: int | None
    document: dict[str, Any] | None
    wanted: int | None
    drawn_by: int = 1
    total: int = FRAMES
    words: str = ""


@dataclass
class Bench:
    """Runs the programs. ``folder`` is for their sources."""

    folder: Path
    new_place: Callable[[], Place]
    sources: int = field(default=0)

    def source(self, run: int, count: int = FRAMES, size: tuple[int, int] = SMALL) -> str:
        """Return the pictures that this run draws."""
        self.sources += 1
        path = self.folder / f"source{self.sources}.npy"
        np.save(path, np.stack([np.full((*size, 3), picture_value(run, index), np.uint8) for index in range(count)]))
        return str(path)

    def save(self, place: Place, source: str, *more: str) -> list[str]:
        """Return the arguments of the command."""
        options = [word for pair in place.storage_options.items() for word in ("--storage-option", "=".join(pair))]
        one_by_one = ("--concurrency", "1")
        return ["save", source, place.url, "--filetype", "png", "--json", "--quiet", *one_by_one, *options, *more]

    def run(self, order: Order) -> tuple[int, dict[str, Any] | None, str]:
        """Exit status, result and messages of a process that nothing strikes."""
        with _started(order) as process:
            return _ended(process)

    def struck(self, place: Place, point: str, strike: Callable[[subprocess.Popen[str]], object]) -> Any:
        """Run it, and strike while it waits at one frame."""
        read, write = os.pipe()
        order = Order(arguments=self.save(place, self.source(1)), pipe=write, point=point, frame=STRUCK)
        with _started(order, pass_fds=[write]) as process, os.fdopen(read, "rb") as reports:
            os.close(write)
            assert reports.read(1) == b"x", process.communicate()
            strike(process)
            return _ended(process)


@contextmanager
def _started(order: Order, **settings: Any) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.matrix.child", order.as_text()],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A run in the background may ignore Ctrl-C or a hang-up, and its children with it.
        preexec_fn=lambda: [signal.signal(one, signal.SIG_DFL) for one in (signal.SIGINT, signal.SIGHUP)],
        **settings,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def _ended(process: subprocess.Popen[str]) -> tuple[int, dict[str, Any] | None, str]:
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, json.loads(out) if out else None, err


def _remove_all(place: Place) -> None:
    if place.kind == "local":
        shutil.rmtree(place.url)
        return
    assert place.server is not None
    bucket, _, prefix = place.url.removeprefix("s3://").partition("/")
    for name in place.names():
        place.server.client.delete_object(Bucket=bucket, Key=f"{prefix}/{name}")


# --- the rows --------------------------------------------------------------------------------------------------------


def _finished(bench: Bench) -> Outcome:
    place = bench.new_place()
    return Outcome(place, *_of(bench.run(Order(arguments=bench.save(place, bench.source(1)))), 0))


def _signalled(number: str, point: str) -> Callable[[Bench], Outcome]:
    def row(bench: Bench) -> Outcome:
        place, sent = bench.new_place(), signal.Signals[number]
        wanted = -sent if number == "SIGKILL" else 128 + sent
        return Outcome(place, *_of(bench.struck(place, point, lambda process: process.send_signal(sent)), wanted))

    return row


def _exception(bench: Bench) -> Outcome:
    place = bench.new_place()
    order = Order(url=place.url, options=place.storage_options, frames=bench.source(1), fails_after=STRUCK)
    return Outcome(place, *_of(bench.run(order), 1))


def _shorter(bench: Bench) -> Outcome:
    place = _finished(bench).place
    again = bench.run(Order(arguments=bench.save(place, bench.source(2, STRUCK))))
    return Outcome(place, *_of(again, 0), drawn_by=2, total=STRUCK)


def _beside_others(bench: Bench) -> Outcome:
    """The older frames have no manifest."""
    place = bench.new_place()
    bench.run(Order(arguments=bench.save(place, bench.source(1), "--no-manifest")))
    again = bench.run(Order(arguments=bench.save(place, bench.source(2, STRUCK))))
    return Outcome(place, *_of(again, 0), drawn_by=2, total=STRUCK)


def _resumed(bench: Bench) -> Outcome:
    place = _signalled("SIGTERM", "after")(bench).place
    again = bench.run(Order(arguments=bench.save(place, bench.source(1), "--if-exists", "skip")))
    return Outcome(place, *_of(again, 0))


def _other_size(bench: Bench) -> Outcome:
    place = bench.new_place()
    bench.run(Order(arguments=bench.save(place, bench.source(1, STRUCK))))
    again = bench.run(Order(arguments=bench.save(place, bench.source(1, size=LARGE), "--if-exists", "skip")))
    return Outcome(place, *_of(again, 0))


def _removed_since(bench: Bench) -> Outcome:
    place = bench.new_place()

    def strike(process: subprocess.Popen[str]) -> None:
        _remove_all(place)
        stream: IO[str] | None = process.stdin
        assert stream is not None
        stream.write("go on\n")
        stream.flush()

    return Outcome(place, *_of(bench.struck(place, "before", strike), 1))


def _removed_after(bench: Bench) -> Outcome:
    place = _finished(bench).place
    _remove_all(place)
    return Outcome(place, None, None, None)


def _of(ended: tuple[int, dict[str, Any] | None, str], wanted: int) -> tuple[int, dict[str, Any] | None, int]:
    status, document, _ = ended
    return status, document, wanted


ROWS: dict[str, Callable[[Bench], Outcome]] = {
    "finished": _finished,
    "Ctrl-C before a frame is sent": _signalled("SIGINT", "before"),
    "Ctrl-C before its answer": _signalled("SIGINT", "after"),
    "SIGTERM before a frame is sent": _signalled("SIGTERM", "before"),
    "SIGTERM before its answer": _signalled("SIGTERM", "after"),
    "SIGHUP before its answer": _signalled("SIGHUP", "after"),
    "SIGKILL before a frame is sent": _signalled("SIGKILL", "before"),
    "SIGKILL before its answer": _signalled("SIGKILL", "after"),
    "exception of the caller": _exception,
    "shorter re-render": _shorter,
    "shorter, over frames without a record": _beside_others,
    "resumed with skip": _resumed,
    "resumed with another size": _other_size,
    "folder deleted while it runs": _removed_since,
    "folder deleted afterwards": _removed_after,
}
