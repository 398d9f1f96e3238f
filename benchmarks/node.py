"""The nodes in the real ComfyUI: `python -m benchmarks.node [--quick]`, with the Python of tox's env comfyui.

- Save Frames against core's SaveImage, both in one server over its HTTP API: a 720p batch of a real clip. The seconds
  are those between the server's events for start and end; the batch itself is in its cache.
- The cost of one call of the Image Sequence Saver beside encoding, in this process, in an empty folder and in
  full ones.
"""

from __future__ import annotations

import argparse
import importlib
import shutil
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from tests.support.clip import clip_frames
from tests.support.s3 import S3Server

from benchmarks import report
from benchmarks.plan import Claim, Plan, Report, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Graph: TypeAlias = "dict[str, Any]"

PACK = Path(__file__).parents[1] / "plugins" / "comfyui-seqsave"
CORE = "core, SaveImage"
LOCAL = "Save Frames, output folder"
BUCKET = "Save Frames, S3"
# The clip as the server keeps it: float32, 0..1. Its inputs never change, so that it is loaded once.
CLIP_NODE = """
import numpy, torch

class Clip:
    RETURN_TYPES, FUNCTION, CATEGORY = ("IMAGE",), "run", "test"

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"path": ("STRING", {})}}

    def run(self, path):
        return (torch.from_numpy(numpy.load(path)).float() / 255,)

NODE_CLASS_MAPPINGS = {"Benchmark Clip": Clip}
"""


def run(plan: Plan) -> Report:
    found = Report()
    with tempfile.TemporaryDirectory() as folder:
        _batches(plan, Path(folder, "server"), found)
        _calls(plan, Path(folder, "process"), found)
    return found


# --- in the server ---


def _batches(plan: Plan, base: Path, found: Report) -> None:
    count = plan.pick(9, 81)
    (base / "custom_nodes" / "clip").mkdir(parents=True)
    (base / "custom_nodes" / "clip" / "__init__.py").write_text(CLIP_NODE)
    np.save(base / "clip.npy", np.stack(clip_frames(count)))
    server_module = importlib.import_module("server")
    with S3Server() as s3:
        options = ", ".join(f'{name} = "{value}"' for name, value in s3.storage_options.items())
        config = base / "config.toml"
        config.write_text(f'[targets.bucket]\nurl = "{s3.new_prefix()}"\nstorage_options = {{ {options} }}\n')
        with server_module.ComfyServer(base, env={"SEQSAVE_CONFIG": str(config)}) as server:
            rows = {
                CORE: lambda name: _core(base, name),
                LOCAL: lambda name: _ours(base, name),
                f"{LOCAL}, with workflow": lambda name: _ours(base, name, "png with embedded workflow"),
                BUCKET: lambda name: _ours(base, f"bucket://{name}"),
            }
            seconds = _alternate(rows, plan.rounds, partial(_seconds, server))
            sizes = _sizes(server, rows, count)
    core = statistics.median(seconds[CORE])
    table = []
    for name, walls in seconds.items():
        middle = statistics.median(walls)
        size = f"{sizes[name] / count / 2**20:.2f}" if name in sizes else ""
        table.append([name, f"{middle:.2f}", f"{count / middle:.1f}", f"{core / middle:.1f}", size])
    title = f"A batch of {count} frames, 1280x720, in one ComfyUI server"
    columns = ["node", "seconds", "frames/s", "times as fast", "MiB/frame"]
    note = "Both write PNG without loss. SaveImage embeds the workflow always, Save Frames where that is asked for."
    found.tables.append(Table(title, columns, table, note))
    gain = core / statistics.median(seconds[LOCAL])
    found.claims.append(Claim("Save Frames against core's SaveImage, local", gain, 10))


def _core(base: Path, name: str) -> Graph:
    return {**_clip(base), "2": _node("SaveImage", images=["1", 0], filename_prefix=f"{name}/frame")}


def _ours(base: Path, directory: str, filetype: str = "png") -> Graph:
    inputs = {"prefix": "frame", "start": 0, "digits": 5, "filetype": filetype, "if_exists": "overwrite"}
    return {**_clip(base), "2": _node("Save Frames [seqsave]", images=["1", 0], directory_path=directory, **inputs)}


def _clip(base: Path) -> Graph:
    return {"1": _node("Benchmark Clip", path=str(base / "clip.npy"))}


def _node(class_type: str, **inputs: Any) -> Graph:
    return {"class_type": class_type, "inputs": inputs}


def _alternate(
    rows: Mapping[str, Callable[[str], Graph]], rounds: int, seconds: Callable[[Graph], float]
) -> dict[str, list[float]]:
    """Run each row once per round, starting with another one each time; the first round does not count."""
    names, walls = list(rows), {name: [] for name in rows}  # type: dict[str, Any]
    for number in range(-1, rounds):
        shift = max(number, 0) % len(names)
        for place, name in enumerate(names[shift:] + names[:shift]):
            wall = seconds(rows[name](f"run{number + 1}_{place}"))
            if number >= 0:
                walls[name].append(wall)
    return walls


def _seconds(server: Any, graph: Graph) -> float:
    shutil.rmtree(server.output)
    server.output.mkdir()
    history = server.wait(server.queue(graph, {"nodes": []}))
    if history["status"]["status_str"] != "success":
        raise RuntimeError(f"{graph} failed: {history['status']['messages']}")
    times = {kind: message["timestamp"] for kind, message in history["status"]["messages"]}
    return float(times["execution_success"] - times["execution_start"]) / 1000


def _sizes(server: Any, rows: Mapping[str, Callable[[str], Graph]], count: int) -> dict[str, int]:
    sizes = {}
    for name, graph in rows.items():
        if name != BUCKET:
            _seconds(server, graph("sizes"))
            files = list(server.output.rglob("*.png"))
            if len(files) != count:
                raise RuntimeError(f"{name}: {len(files)} files and not {count}")
            sizes[name] = sum(file.stat().st_size for file in files)
    return sizes


# --- in this process ---


def _calls(plan: Plan, base: Path, found: Report) -> None:
    """Save 512x512 frames one call at a time, compared with encoding the same picture."""
    torch = importlib.import_module("torch")
    seqsave_types = importlib.import_module("seqsave.types")
    plugins = importlib.import_module("seqsave.plugins.registry")
    pack = _in_this_process(base)
    picture = clip_frames(1)[0][:512, :512].copy()
    image = torch.from_numpy(picture).float()[None] / 255
    resolved = plugins.resolve("png with embedded workflow")
    info = seqsave_types.FrameInfo(
        index=0, batch=None, prefix="frame", filetype=resolved.filetype, name="frame_00000.png", total=None, rate=None
    )
    prompt, workflow = {"1": {"inputs": {"seed": 7}}}, {"workflow": {"nodes": []}}
    texts = {"workflow": '{"nodes": []}', "prompt": '{"1": {"inputs": {"seed": 7}}}'}
    saver = pack.NODE_CLASS_MAPPINGS["Image Sequence Saver [seqsave]"]()
    counter = pack.NODE_CLASS_MAPPINGS["Frame Counter (Simple) [seqsave]"]()

    def save(folder: str, number: int) -> None:
        (frame_counter,) = counter.result(1_000_000 + number, 10_000_000, 25)
        more = {"prompt": prompt, "extra_pnginfo": workflow}
        saver.save(frame_counter, image, folder, "frame", 5, "stop output", resolved.filetype, **more)

    rows: dict[str, Callable[[int], object]] = {
        "the encoder alone": lambda _: resolved.encoder.encode(picture, metadata=texts, options={}, info=info)
    }
    for there in (0, 100, plan.pick(1000, 10_000)):
        folder = base / "output" / f"with_{there}"
        folder.mkdir(parents=True)
        for number in range(there):
            (folder / f"frame_{number:05d}.png").touch()
        rows[f"the node, {there} frames there"] = partial(save, str(folder))
    times: dict[str, list[float]] = {name: [] for name in rows}
    for number in range(-5, plan.pick(40, 400)):
        for name, call in rows.items():
            start = time.perf_counter()
            call(number + 5)
            if number >= 0:
                times[name].append(1000 * (time.perf_counter() - start))
    middles = {name: statistics.median(found) for name, found in times.items()}
    alone, empty, *_, full = middles.values()
    found.tables.append(
        Table(
            "One call of the Image Sequence Saver, 512x512, png with embedded workflow, local folder",
            ["", "ms", "beyond encoding, ms"],
            [[name, f"{middle:.2f}", f"{middle - alone:.2f}"] for name, middle in middles.items()],
        )
    )
    found.claims += [
        Claim("Image Sequence Saver: a call beyond encoding", empty - alone, 5, at_most=True, unit="ms"),
        Claim("... and what a full folder adds to it", full - empty, 0.5, at_most=True, unit="ms"),
    ]


def _in_this_process(base: Path) -> Any:
    """Import the pack with ComfyUI's own modules and temporary folders."""
    comfyui = importlib.import_module("server").comfyui_folder()
    # A module of the tests has the name of one of ComfyUI's, and would hide it.
    sys.modules.pop("server")
    sys.path.remove(str(PACK / "tests"))
    sys.path.append(str(comfyui))
    importlib.import_module("comfy.cli_args").args.cpu = True
    paths = importlib.import_module("folder_paths")
    for name in ("output", "input", "temp"):
        (base / name).mkdir(parents=True)
        setattr(paths, f"{name}_directory", str(base / name))
    return importlib.import_module("comfyui_seqsave")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.node", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a look: numbers that prove nothing")
    plan = Plan(quick=parser.parse_args().quick)
    sys.path.append(str(PACK / "tests"))
    print(report.machine() + (", quick: proves nothing" if plan.quick else f", medians of {plan.rounds}") + "\n")
    found = run(plan)
    for table in found.tables:
        print(report.table(table))
    print(report.claims_table(found.claims))
    return 0 if plan.quick or all(claim.holds for claim in found.claims) else 1


if __name__ == "__main__":
    sys.exit(main())
