"""A driver or a task of a run as a separate program, which tests kill.

An order: ``what`` (begin, task, commit or abandon), ``run`` (its document), ``options``, ``indices``, ``seed``,
``records`` (documents), ``hold``. Beside the points of ``Hold`` there are publishing and published (a file), listed (a
folder), updated (a manifest), and done: what was ordered is done, and no other process knows of it.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import s3fs  # noqa: F401 - before the forks, each of which would need a second for it

import seqsave
from seqsave.runs import FrameRecord, Part, Run  # noqa: F401 - as above
from tests.support.forks import gate_of, say, serve
from tests.support.holds import Gate, around_method, install


def picture(index: int, seed: int = 0) -> np.ndarray[Any, Any]:
    """Noise, so that attempts with other seeds have other bytes."""
    return np.random.default_rng([seed, index + 1000]).integers(0, 256, (16, 24, 3), dtype=np.uint8)


def install_in_run(gate: Gate, run: Run) -> None:
    what, kind = gate.hold.what, type(run.target)
    if what in ("publishing", "published"):
        around_method(kind, "publish", str, gate, before=what == "publishing")
    elif what == "listed":
        around_method(kind, "list", str, gate, before=False)
    elif what == "updated":
        around_method(kind, "update", str, gate, before=False)
    elif what != "done":
        install(gate)


def work(order: dict[str, Any]) -> None:
    run = Run.from_document(order["run"], order["options"] or None)
    gate = gate_of(order)
    if gate is not None:
        install_in_run(gate, run)
    answer = do(order, run)
    if gate is not None and gate.hold.what == "done":
        gate.stop()
    say(json.dumps(answer))


def do(order: dict[str, Any], run: Run) -> Any:
    what = order["what"]
    try:
        if what == "begin":
            return run.begin()
        if what == "abandon":
            return run.abandon()
        if what == "commit":
            made = run.commit([FrameRecord.from_document(one) for one in order["records"]])
            return {"complete": made.complete, "frames": len(made.frames)}
        with run.part() as part:
            for index in order["indices"]:
                part.write(picture(index, order["seed"]), index=index)
        return [record.as_document() for record in part.records]
    except seqsave.SeqSaveError as error:
        return {"error": type(error).__name__, "message": str(error)}


if __name__ == "__main__":
    serve(work)
