"""The saver as a separate program that can be killed. It reads an order and prints one line of JSON for each event.

It reports the result of each frame's future as soon as it is known, and the writer's result at the end.
``hold`` makes it stop for good in one phase of one frame; the parent then does what is to be tried.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import tempfile
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from typing import Any

from tests.support.holds import Gate, Hold, install

__all__ = ["Hold", "Order", "name_of", "picture"]

METADATA = {"workflow": {"nodes": [{"id": 7, "type": "KSampler"}]}, "prompt": {"7": {"class_type": "KSampler"}}}
_write = os.write  # what follows may replace it


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to save and where.

    seed, shape: what the pictures are made of.
    pace:        seconds between two of them.
    halt_before: the index before which it waits for another line, with the writer open.
    first_alone: wait for the first frame before the others.
    race:        go on after a collision until it is decided for each frame whose it is.
    wait_for_go: say ``ready`` and wait for another line.
    stay:        wait for another order then, and do not end.
    """

    url: str
    indices: list[int]
    storage_options: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    retry: dict[str, Any] | None = None
    seed: int = 0
    shape: tuple[int, int, int] = (96, 128, 3)
    pace: float = 0.0
    halt_before: int | None = None
    hold: Hold | None = None
    first_alone: bool = False
    race: bool = False
    wait_for_go: bool = False
    stay: bool = False


def picture(index: int, seed: int, shape: tuple[int, ...]) -> Any:
    """Return noise: every part of a frame differs from every other frame, and no file is small."""
    import numpy as np

    return np.random.default_rng([seed, index]).integers(0, 256, shape, dtype=np.uint8)


def name_of(index: int) -> str:
    """Return the documented name of a frame, without using the code under test."""
    return f"frame_{index:05d}.png"


_lines: SimpleQueue[str] = SimpleQueue()


def main() -> None:
    threading.Thread(target=_listen_to_parent, daemon=True).start()
    while True:
        order = _order(_lines.get())
        if order.hold:
            _hold(order.hold)
        if order.wait_for_go:
            _warm_up()
            say(ready=os.getpid())
            _lines.get()
        (_race if order.race else _save)(order)
        if not order.stay:
            return


def _listen_to_parent() -> None:
    for line in sys.stdin:
        _lines.put(line)
    os._exit(1)  # the parent is gone, whatever we are doing


def _order(line: str) -> Order:
    given = json.loads(line)
    return Order(**{**given, "hold": Hold(**given["hold"]) if given["hold"] else None})


def _warm_up() -> None:
    """Wait for the order to start, so that several children start at the same moment."""
    import seqsave

    seqsave.open_writer(tempfile.gettempdir()).close()


def say(**words: Any) -> None:
    _write(1, json.dumps(words).encode() + b"\n")  # one system call: lines of several threads do not mix


def _save(order: Order) -> None:
    import seqsave

    reported: dict[int, Future[Any]] = {}
    error: BaseException | None = None
    writer: Any = None
    try:
        with _open(order) as writer:
            for index in order.indices:
                if index == order.halt_before:
                    _lines.get()
                future = writer.write(picture(index, order.seed, order.shape), index=index)
                reported[index] = future
                future.add_done_callback(partial(_report, index))
                if order.first_alone and len(reported) == 1:
                    future.result()
                time.sleep(order.pace)
    except seqsave.SeqSaveError as caught:
        error = caught
    result = getattr(error, "result", None) or (writer.result if writer else None)
    say(
        end=type(error).__name__ if error else "",
        message=str(error) if error else "",
        accepted=sorted(reported),
        frames={frame.index: frame.status for frame in result.frames} if result else {},
        failed={one.index: type(one.exception).__name__ for one in result.failures} if result else {},
    )


def _open(order: Order) -> Any:
    import seqsave

    retry = None if order.retry is None else seqsave.RetryPolicy(**order.retry)
    settings = {"metadata": METADATA, **order.settings, "storage_options": order.storage_options or None}
    return seqsave.open_writer(order.url, retry=retry, on_event=_listen, **settings)


def _report(index: int, future: Future[Any]) -> None:
    error = future.exception()
    if error is None:
        say(frame=index, status=future.result().status, checksum=future.result().checksum)
    else:
        say(frame=index, status="failed", error=type(error).__name__)


def _race(order: Order) -> None:
    """Save all frames, each until it is saved or taken by another saver: a writer stops at its first collision."""
    import seqsave

    left, won, lost = list(order.indices), [], []
    while left:
        try:
            with _open(order) as writer:
                for index in left:
                    writer.write(picture(index, order.seed, order.shape), index=index)
        except seqsave.SaveError:
            pass
        result = writer.result
        ours = [frame.index for frame in result.frames if frame.status == "saved"]
        theirs = [one.index for one in result.failures if isinstance(one.exception, seqsave.FrameExistsError)]
        won, lost = won + ours, lost + theirs
        left = [index for index in left if index not in {*ours, *theirs}]
        say(won=ours, lost=theirs)
        if not ours and not theirs:
            say(end="nothing was decided", message=str(result.failures[:1]))
            return
    say(end="", message="", won_in_all=won, lost_in_all=lost)


# --- where to stop ---------------------------------------------------------------------------------------------------

_stopping: list[Gate] = []


def _hold(hold: Hold) -> None:
    gate = Gate(hold, lambda: say(held=hold.what))
    if hold.what == "saved":
        _stopping.append(gate)
    else:
        install(gate)


def _listen(event: Any) -> None:
    for gate in _stopping:
        if event.kind == "saved" and gate.matches(event.url):
            gate.stop()


def as_line(order: Order) -> str:
    """Return the order as the line that ``main`` reads."""
    return json.dumps(dataclasses.asdict(order)) + "\n"


if __name__ == "__main__":
    main()
