"""Read a sequence of 132 pictures of 720p: wall and CPU time against Pillow and OpenCV in as many threads."""

from __future__ import annotations

import importlib
import os
import shutil
import tempfile
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from tests.support.clip import CLIP_FRAMES, clip_frames

import seqsave
from benchmarks.plan import Claim, Report, Table
from benchmarks.timing import Timing, settled
from benchmarks.ways import maybe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.plan import Plan

OURS, PILLOW, OPENCV = "seqsave, arrays()", "Pillow", "OpenCV"


def run(plan: Plan) -> Report:
    count, threads = plan.pick(24, CLIP_FRAMES), os.cpu_count() or 1
    root = Path(tempfile.mkdtemp(prefix="seqsave-bench-"))
    rows: list[list[str]] = []
    claims: list[Claim] = []
    try:
        written = {"jpg": root / "jpg", "png": root / "png", "png of Pillow": root / "pillow"}
        clip = clip_frames(count)
        seqsave.save(clip, written["jpg"], filetype="jpg")
        seqsave.save(clip, written["png"], filetype="png")
        _save_with_pillow(clip, written["png of Pillow"])
        for files, folder in written.items():
            timings = settled(_ways(folder, threads), plan.rounds)
            rows += [_row(files, way, timing, timings[OURS]) for way, timing in timings.items()]
            claims += _claims(files, timings)
    finally:
        shutil.rmtree(root)
    title = f"{count} frames of 720p read from a local disk to arrays, {threads} threads"
    columns = ["files", "way", "s", "CPU s", "CPU time, x ours"]
    return Report([Table(title, columns, rows, "Least of all rounds.")], claims=claims)


def _save_with_pillow(clip: Sequence[Any], folder: Path) -> None:
    folder.mkdir()
    for number, frame in enumerate(clip):
        Image.fromarray(frame).save(folder / f"frame_{number:05}.png", compress_level=1)


def _ways(folder: Path, threads: int) -> dict[str, Callable[[], None]]:
    sequence = seqsave.open_sequence(folder)
    ways: dict[str, Callable[[], None]] = {
        OURS: lambda: _drop(sequence.arrays()),
        PILLOW: partial(_each, lambda path: np.asarray(Image.open(path)), sequence.urls, threads),
    }
    if maybe("cv2") is not None:
        cv2 = importlib.import_module("cv2")
        cv2.setNumThreads(1)
        ways[OPENCV] = partial(_each, lambda path: cv2.imread(path)[..., ::-1], sequence.urls, threads)
    return ways


def _drop(arrays: Any) -> None:
    deque(arrays, maxlen=0)


def _each(read: Callable[[str], Any], paths: Sequence[str], threads: int) -> None:
    """Read the files in order, a few ahead: with all of them ahead, time would go into memory for all arrays."""
    ahead: deque[Any] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for path in paths:
            ahead.append(pool.submit(read, path))
            if len(ahead) > 2 * threads:
                ahead.popleft().result()
        while ahead:
            ahead.popleft().result()


def _row(files: str, way: str, timing: Timing, ours: Timing) -> list[str]:
    least = min(timing.walls)
    return [files, way, f"{least:.2f}", f"{timing.least_cpu:.2f}", f"{timing.least_cpu / ours.least_cpu:.2f}"]


def _claims(files: str, timings: dict[str, Timing]) -> list[Claim]:
    # Wall time is that of two busy cores here, so that both times say the same on a quiet machine.
    ours, wanted = timings[OURS].least_cpu, 1.05 if files == "jpg" else 1
    others = [PILLOW] if files == "jpg" else [name for name in (PILLOW, OPENCV) if name in timings]
    return [
        Claim(f"{files}: time of reading against {name}", ours / timings[name].least_cpu, wanted, at_most=True)
        for name in others
    ]
