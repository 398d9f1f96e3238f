"""What manifest and spool cost a healthy run: with them, without them, and an older version where one is given.

``SEQSAVE_BASELINE=/path/to/older/src`` adds the same run with the code of an earlier version.
Each run is a process of its own, as two versions do not fit into one; start and imports are not counted.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.processes import Served

from benchmarks.plan import Claim, Report, Table
from benchmarks.timing import alternate

if TYPE_CHECKING:
    from benchmarks.plan import Plan

ROOT = Path(__file__).parents[1]
LATENCY = 0.08
PLAIN, USUAL, SPOOL, OLDER = "manifest=False", "as usual (manifest)", "with a spool", "the older version"
MOST = 1.05


def run(plan: Plan) -> Report:
    count = plan.pick(8, 128)
    folder = Path(tempfile.mkdtemp(prefix="seqsave-bench-"))
    older = os.environ.get("SEQSAVE_BASELINE")
    settings: dict[str, dict[str, Any]] = {
        PLAIN: {"manifest": False},
        USUAL: {},
        SPOOL: {"spool": str(folder / "spool")},
    }
    tables, claims = [], []
    with Served("tests.support.null_s3", f"--latency={LATENCY}") as server:
        options = {"key": "any", "secret": "any", "endpoint_url": server.hello["endpoint_url"]}
        places = {
            "a local disk": (str(folder / "frames"), None),
            f"a server behind {1000 * LATENCY:.0f} ms": ("s3://bucket/folder", options),
        }
        for place, (url, storage) in places.items():
            rows = {
                name: partial(_child, count, url, {**more, "storage_options": storage})
                for name, more in settings.items()
            }
            if older:
                rows[OLDER] = partial(_child, count, url, {"storage_options": storage}, older)
            timings = alternate(rows, plan.rounds, before=partial(shutil.rmtree, folder / "frames", True))
            base = OLDER if older else PLAIN
            cpu, wall = ({name: _median(timing.results, at) for name, timing in timings.items()} for at in (0, 1))
            tables.append(
                Table(
                    f"{count} float32 frames of 1080p to {place}",
                    ["run", "CPU ms per frame", f"of {base}", "ms per frame", f"of {base}"],
                    [
                        [
                            name,
                            f"{1000 * cpu[name] / count:.1f}",
                            f"{cpu[name] / cpu[base]:.3f}",
                            f"{1000 * wall[name] / count:.1f}",
                            f"{wall[name] / wall[base]:.3f}",
                        ]
                        for name in rows
                    ],
                )
            )
            claims += [
                Claim(f"CPU to {place}, {name}: of {base}", cpu[name] / cpu[base], MOST, at_most=True)
                for name in (USUAL, SPOOL)
            ]
    shutil.rmtree(folder)
    return Report(tables, claims=claims)


def _median(results: list[Any], position: int) -> float:
    values = sorted(result[position] for result in results)
    return float(values[len(values) // 2])


def _child(count: int, url: str, settings: dict[str, Any], source: str | None = None) -> tuple[float, float]:
    """CPU and wall seconds of one save in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.overhead", json.dumps([count, url, settings])]
    paths = [source, str(ROOT)] if source else [str(ROOT / "src"), str(ROOT)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    answer = subprocess.run(command, check=True, capture_output=True, text=True, env=environment, cwd=ROOT)
    cpu, wall = json.loads(answer.stdout)
    return cpu, wall


def _save(count: int, url: str, settings: dict[str, Any]) -> tuple[float, float]:
    import seqsave
    from benchmarks.frames import floats_1080p

    frames = list(floats_1080p(4))
    seqsave.save(frames[:2], "memory://warm")
    cpu, wall = time.process_time(), time.perf_counter()
    seqsave.save((frames[number % 4] for number in range(count)), url, **settings)
    return time.process_time() - cpu, time.perf_counter() - wall


if __name__ == "__main__":
    print(json.dumps(_save(*json.loads(sys.argv[1]))))
