"""Long videos in the real ComfyUI: `python -m benchmarks.long_video [--quick] [WAY...]`, in tox env comfyui.

1,000 frames of 720p through Save Frames, in one server: as a list of single images, as the parts of a meta batch (one
frame each, so that every frame is a call of its own), and as the iterations of a loop. Every frame is read back and has
to show its own number. What is measured:

- The memory that the server holds at most, with 100 and with 1,000 frames.
- What a call takes beyond encoding the same picture and writing its file: early calls against late ones, too. The time
  of the CPU counts, which other programs on this machine change little.
"""

from __future__ import annotations

import argparse
import importlib
import json
import re
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import report
from benchmarks.node import PACK
from benchmarks.plan import Claim, Plan, Report, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HEIGHT, WIDTH = 720, 1280
FILETYPE = "png"
# Counts the seconds in each call of Save Frames, and those that encoder and file alone take for its first picture.
STOPWATCH = """
import functools, json, os, tempfile, time

class Stopwatch:
    RETURN_TYPES, FUNCTION, CATEGORY, OUTPUT_NODE = (), "run", "test", True

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"path": ("STRING", {}), "image": ("IMAGE",), "filetype": ("STRING", {})}}

    def run(self, path, image, filetype):
        import nodes
        from seqsave.pictures import prepare
        from seqsave.plugins.registry import resolve
        from seqsave.types import FrameInfo

        kind = nodes.NODE_CLASS_MAPPINGS["Save Frames [seqsave]"]
        save = getattr(kind, "_plain_save", kind.save)
        kind._plain_save = save

        @functools.wraps(save)
        def timed(self, images, *args, **kwargs):
            start, busy = time.perf_counter(), time.process_time()
            try:
                return save(self, images, *args, **kwargs)
            finally:
                with open(path, "a") as file:
                    json.dump([sum(map(len, images)), time.perf_counter() - start, time.process_time() - busy], file)
                    file.write(chr(10))

        kind.save = timed
        form = resolve(filetype)
        facts = {"index": 0, "batch": None, "prefix": "frame", "name": "f.png", "total": None, "rate": None}
        info = FrameInfo(filetype=form.filetype, **facts)
        seconds, cpu = [], []
        with tempfile.TemporaryDirectory() as folder:
            for number in range(20):
                start, busy = time.perf_counter(), time.process_time()
                array = prepare(image[0].numpy(), ("uint8",), (1, 3)).array
                data = form.encoder.encode(array, metadata={}, options={}, info=info).data
                with open(os.path.join(folder, str(number)), "wb") as file:
                    file.write(data)
                seconds.append(time.perf_counter() - start)
                cpu.append(time.process_time() - busy)
        return {"ui": {"seconds": [sorted(seconds)[10], sorted(cpu)[10]]}}

NODE_CLASS_MAPPINGS = {"Benchmark Stopwatch": Stopwatch}
"""


@dataclass
class Run:
    """One way with so many frames. peak: bytes. calls: frames, seconds, seconds of CPU, for each call."""

    frames: int
    peak: int
    calls: list[tuple[int, float, float]]

    def typical(self, column: int) -> float:
        """Return the seconds of one frame. column: 1 for those of the clock, 2 for those of the CPU."""
        return _middle(self.calls, column)

    def drift(self) -> float:
        """Return how much longer a frame takes in the last tenth of the calls than in the first one, of the CPU."""
        tenth = max(1, len(self.calls) // 10)
        return _middle(self.calls[-tenth:], 2) - _middle(self.calls[:tenth], 2)


def _middle(calls: list[tuple[int, float, float]], column: int) -> float:
    return statistics.median(call[column] / call[0] for call in calls)


WAYS = ("list", "meta-batch", "loop")


def run(plan: Plan, chosen: Sequence[str] = WAYS) -> Report:
    found, short, long = Report(), plan.pick(10, 100), plan.pick(60, 1000)
    graphs, runs = importlib.import_module("graphs"), importlib.import_module("test_server_runs")

    def listed(graph: Any, folder: Path, total: int) -> None:
        images = graph.add("Test PaintedList", first=0, count=total, height=HEIGHT, width=WIDTH)
        graph.frames(str(folder), images, filetype=FILETYPE)

    def parts(graph: Any, folder: Path, total: int) -> None:
        shape = {"height": HEIGHT, "width": WIDTH}
        runs.metabatch(graph, folder, total, 1, by=["saver"], filetype=FILETYPE, **shape)

    def looped(graph: Any, folder: Path, total: int) -> None:
        runs.looped(graph, folder, total, filetype=FILETYPE)
        painted = next(node for node in graph.values() if node["class_type"] == "Test Numbered")
        painted["inputs"] |= {"height": HEIGHT, "width": WIDTH}

    ways: dict[str, Callable[[Any, Path, int], None]] = {"list": listed, "meta-batch": parts, "loop": looped}
    # A loop's copies of its nodes are all in the graph that runs: core takes longer for each one.
    lengths = {"list": long, "meta-batch": long, "loop": plan.pick(20, 200)}
    with tempfile.TemporaryDirectory() as name, _server(Path(name)) as server:
        alone = _alone(server, graphs.Graph(), Path(name))
        rows = []
        for way in chosen:
            pair = []
            for total in (min(short, lengths[way]), lengths[way]):
                graph = graphs.Graph()
                folder = server.output / way / str(total)
                ways[way](graph, folder, total)
                pair.append(_measure(server, Path(name), graph, total, runs))
                if runs.numbers(folder) != runs.frames(0, range(total)):
                    raise RuntimeError(f"{way}: not all of {total} frames are there, or they show other numbers")
                if not runs.is_whole(folder)[0]:
                    raise RuntimeError(f"{way}: the manifest of {total} frames does not say that they are complete")
            few, many = pair
            beyond, cpu = (1000 * (many.typical(column) - alone[column - 1]) for column in (1, 2))
            growth = (many.peak - few.peak) / 2**20
            rows.append(
                [
                    *(way, str(few.frames), f"{few.peak / 2**20:.0f}", str(many.frames), f"{many.peak / 2**20:.0f}"),
                    *(f"{1000 * many.typical(1):.1f}", f"{beyond:.1f}", f"{cpu:.1f}", f"{1000 * many.drift():.1f}"),
                ]
            )
            found.claims += [
                Claim(f"{way}: CPU of a frame beyond encoding and writing", cpu, 5, at_most=True, unit="ms"),
            ]
            if way != "loop":  # ComfyUI itself keeps the images of all iterations
                what = f"{way}: memory that {many.frames - few.frames} more frames take"
                found.claims.append(Claim(what, growth, 100, at_most=True, unit="MiB"))
    columns = [
        "way",
        "frames",
        "peak, MiB",
        "frames",
        "peak, MiB",
        "ms/frame",
        "beyond encoding",
        "CPU beyond",
        "drift",
    ]
    title = (
        f"Save Frames, {WIDTH}x{HEIGHT}, {FILETYPE}, in one ComfyUI server (encoder and file: {1000 * alone[0]:.1f} ms)"
    )
    note = (
        "In ms. Each frame is a call of its own, but for the list. Drift: CPU of the last calls less that of the first."
    )
    found.tables.append(Table(title, columns, rows, note))
    return found


def _server(base: Path) -> Any:
    (base / "custom_nodes" / "stopwatch").mkdir(parents=True)
    (base / "custom_nodes" / "stopwatch" / "__init__.py").write_text(STOPWATCH)
    (base / "custom_nodes" / "helper_nodes").symlink_to(PACK / "tests" / "helper_nodes")
    (base / "config.toml").touch()
    env = {"SEQSAVE_CONFIG": str(base / "config.toml"), "SEQSAVE_SPOOL": str(base / "spool")}
    return importlib.import_module("server").ComfyServer(base, env=env)


def _alone(server: Any, graph: Any, base: Path) -> list[float]:
    """Return the seconds that encoder and file take without the node, of clock and CPU, and start the stopwatch."""
    image = graph.add("Test PaintedList", first=77, count=1, height=HEIGHT, width=WIDTH)
    watch = graph.add("Benchmark Stopwatch", path=str(base / "calls"), image=image[0], filetype=FILETYPE)
    return [float(seconds) for seconds in server.run(graph)[watch]["seconds"]]


def _measure(server: Any, base: Path, graph: Any, total: int, runs: Any) -> Run:
    clear = Path(f"/proc/{server.pid}/clear_refs")
    if not clear.exists():
        raise RuntimeError("the peak of a process is measured on Linux only")
    (base / "calls").write_text("")
    clear.write_text("5")  # the peak is counted from now on
    server.wait(server.queue(graph), 36_000)
    runs.finish(server, 36_000)
    status = Path(f"/proc/{server.pid}/status").read_text()
    peak = int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) * 1024
    calls = [json.loads(line) for line in (base / "calls").read_text().splitlines()]
    return Run(total, peak, [(int(count), float(wall), float(cpu)) for count, wall, cpu in calls])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.long_video", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a look: few frames, numbers that prove nothing")
    parser.add_argument("ways", nargs="*", choices=[[], *WAYS], metavar="WAY", help=f"of {', '.join(WAYS)}")
    given = parser.parse_args()
    plan = Plan(quick=given.quick)
    sys.path.append(str(PACK / "tests"))
    print(report.machine() + (", quick: proves nothing" if plan.quick else "") + "\n")
    found = run(plan, given.ways or WAYS)
    for table in found.tables:
        print(report.table(table))
    print(report.claims_table(found.claims))
    return 0 if plan.quick or all(claim.holds for claim in found.claims) else 1


if __name__ == "__main__":
    sys.exit(main())
