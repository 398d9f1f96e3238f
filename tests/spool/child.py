"""A program that puts frames into a spool, or publishes them, and reports each one: tests kill it.

An order: ``what`` (put or flush), ``spool``, ``url``, ``options``, ``first``, ``count``, ``hold``. Besides the points
of ``Hold`` there are publishing, published (a file of the target), dropping and dropped (an entry of the spool).
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import s3fs  # noqa: F401 - before the forks, each of which would need a second for it

from seqsave import targets
from seqsave.errors import SpoolError
from seqsave.spool import Outcome, Records, Spool, flush_place
from tests.spool.kept import keep
from tests.support.forks import gate_of, say, serve
from tests.support.holds import Gate, around_method, install


def picture(index: int) -> bytes:
    """Return bytes that depend on the frame alone: some hundred kilobytes, so that writing takes a while."""
    return random.Random(index).randbytes(200_000 + index)


def install_in_spool(gate: Gate, target: targets.Target) -> None:
    what = gate.hold.what
    if what in ("publishing", "published"):
        around_method(type(target), "publish", str, gate, before=what == "publishing")
    elif what in ("dropping", "dropped"):
        around_method(Spool, "drop", lambda entry: entry.path, gate, before=what == "dropping")
    else:
        install(gate)


def work(order: dict[str, Any]) -> None:
    target = targets.resolve(order["url"], order["options"])
    spool = Spool(Path(order["spool"]))
    target.identity()
    gate = gate_of(order)
    if gate is not None:
        install_in_spool(gate, target)
    if order["what"] == "put":
        for index in range(order["first"], order["first"] + order["count"]):
            keep(spool, target, index, picture(index))
            say(index)
        return

    def report(outcome: Outcome) -> None:
        if outcome.entry is not None:
            say(outcome.status, outcome.entry.index)

    try:
        flush_place(spool, target, target.identity(), records=Records(), on_outcome=report)
    except SpoolError as error:
        say("refused", error)


if __name__ == "__main__":
    serve(work)
