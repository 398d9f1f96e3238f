"""A program that saves frames with a spool and reports each safe one: tests kill it.

An order: ``url``, ``options``, ``spool``, ``first``, ``count``, ``behind``, ``hold``. Besides the points of ``Hold``
there are saved and spooled (the writer's events), dropping and dropped (an entry of the spool).
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import s3fs  # noqa: F401 - before the forks, each of which would need a second for it

import seqsave
from seqsave.spool import Spool
from tests.support.forks import gate_of, say, serve
from tests.support.holds import around_method, install
from tests.support.patience import PATIENCE

EVENTS = ("saved", "spooled")


def picture(index: int) -> np.ndarray:
    """Return a picture that depends on the frame alone; its noise makes the file as large as the array."""
    return np.random.default_rng(index).integers(0, 256, (64, 64, 3), "uint8")


def work(order: dict[str, Any]) -> None:
    gate = gate_of(order)
    if gate is not None and gate.hold.what in ("dropping", "dropped"):
        around_method(Spool, "drop", lambda entry: entry.path, gate, before=gate.hold.what == "dropping")
    elif gate is not None and gate.hold.what not in EVENTS:
        install(gate)

    def report(event: seqsave.Event) -> None:
        if event.kind in EVENTS:
            say(event.kind, event.index)
            if gate is not None and gate.hold.what == event.kind and gate.matches(event.url):
                gate.stop()

    with seqsave.open_writer(
        order["url"],
        storage_options=order["options"],
        filetype="png",
        spool=order["spool"],
        publish_behind=order["behind"],
        retry=seqsave.RetryPolicy(attempts=2, first_wait=0.01),
        on_event=report,
    ) as writer:
        for index in range(order["first"], order["first"] + order["count"]):
            writer.write(picture(index), index=index)
            if index % 8 == 0:
                writer.flush()
        threading.Event().wait(PATIENCE)  # a run that is killed later than here would have ended well


if __name__ == "__main__":
    serve(work)
