"""A driver as a program of its own: ``python driver.py ADDRESS ORDER``, where the order is JSON.

It prints one line of JSON: ``complete``, ``frames``, and how many bytes of memory its process has gained.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from typing import Any

import numpy as np
import ray
from seqsave_ray import SequenceDatasink, write_sequence, writing


class KilledSink(SequenceDatasink):
    """Its driver is killed after all tasks have ended, and before it commits."""

    def on_write_complete(self, write_result: Any) -> None:
        assert write_result.num_rows
        os.kill(os.getpid(), signal.SIGKILL)


def small(row: dict[str, Any]) -> dict[str, Any]:
    return {"image": np.full((2, 2, 3), row["id"] % 251, np.uint8), "index": row["id"]}


def memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(address: str, order: dict[str, Any]) -> None:
    ray.init(address=address, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    if order.get("killed"):
        writing.SequenceDatasink = KilledSink  # type: ignore[misc]
    from pieces import rendered

    if order.get("small"):
        dataset = ray.data.range(order["frames"], override_num_blocks=order["tasks"]).map(small)
    else:
        dataset = rendered(order["frames"], order["tasks"])
    ray.data.range(4).map(small).take_all()  # what Ray needs for its first dataset
    before = memory()
    made = write_sequence(dataset, order["url"], **order["settings"])
    sys.stdout.write(json.dumps({"complete": made.complete, "frames": len(made.frames), "gained": memory() - before}))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
