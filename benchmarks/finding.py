"""Finding a sequence of 100,000 names on an S3 server and in a local folder, against one of 1,000."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.paged_s3 import PAGE
from tests.support.processes import Served

from benchmarks.plan import Claim, Report, Table

if TYPE_CHECKING:
    from benchmarks.plan import Plan

FEW = 1000
# Each opening of the large one takes seconds, and all of them are alike.
MOST_ROUNDS = 3


def run(plan: Plan) -> Report:
    many = plan.pick(10_000, 100_000)
    with tempfile.TemporaryDirectory(prefix="seqsave-bench-") as folder:
        for count in (FEW, many):
            inside = Path(folder, str(count))
            inside.mkdir()
            for number in range(count):
                (inside / f"frame_{number:06d}.png").touch()
        rows: list[list[str]] = []
        claims: list[Claim] = []
        for place in ("S3", "local"):
            rounds = min(plan.rounds, MOST_ROUNDS)
            few, more = (_in_a_process(place, folder, count, rounds) for count in (FEW, many))
            rows += [_row(place, count, one) for count, one in ((FEW, few), (many, more))]
            ratio = (more["seconds"] / many) / (few["seconds"] / FEW)
            kept = (more["kept"] - few["kept"]) / (many - FEW)
            claims.append(Claim(f"{place}: time for each name, {many} against {FEW}", ratio, 1.5, at_most=True))
            claims.append(Claim(f"{place}: memory for each name", kept, 1000, at_most=True, unit="B"))
            if place == "S3":
                claims.append(
                    Claim("S3: LIST requests beyond one a page", more["lists"] - many / PAGE, 0, at_most=True)
                )
    title = "Finding a sequence: open_sequence"
    return Report([Table(title, ["place and names", "LIST", "ms", "bytes a name", "us a name"], rows)], claims=claims)


def _row(place: str, count: int, one: dict[str, float]) -> list[str]:
    times = (1e3 * one["seconds"], one["kept"] / count, 1e6 * one["seconds"] / count)
    return [f"{place}, {count}", f"{one['lists']:.0f}" if place == "S3" else "", *(f"{value:.0f}" for value in times)]


def _in_a_process(place: str, folder: str, count: int, rounds: int) -> dict[str, float]:
    with Served("tests.support.paged_s3") as server:
        url = f"s3://bucket/{count}" if place == "S3" else str(Path(folder, str(count)))
        options = server.hello if place == "S3" else {}
        arguments = [url, json.dumps(options), str(rounds)]
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.finding", *arguments], capture_output=True, text=True, check=True
        )
        requests = server.stop()
    # Two openings more than rounds: the first one, and the one that measures memory.
    return {**json.loads(done.stdout), "lists": requests.get("LIST", 0) / (rounds + 2)}


def main(url: str, options: dict[str, Any], rounds: int) -> None:
    """Print the median seconds of an opening, and the bytes that a sequence keeps."""
    import statistics
    import tracemalloc

    import seqsave

    seqsave.open_sequence(url, storage_options=options)  # imports at first use
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    sequence = seqsave.open_sequence(url, storage_options=options)
    kept = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    del sequence
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        seqsave.open_sequence(url, storage_options=options)
        times.append(time.perf_counter() - began)
    sys.stdout.write(json.dumps({"seconds": statistics.median(times), "kept": kept}))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]))
