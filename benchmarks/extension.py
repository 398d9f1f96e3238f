"""Whole saves to a local disk, and looking at frames: CPU time with and without seqsave-native."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

import seqsave
from benchmarks.frames import photographs_1080p
from benchmarks.plan import Claim, Report, Table
from benchmarks.timing import settled
from benchmarks.ways import NATIVE, WITHOUT, encoded, without_extension
from seqsave import targets
from seqsave.encoders.png import native
from seqsave.look.proxies import Look, jpeg_of
from seqsave.look.storing import make_proxies
from seqsave.pictures import arrays
from seqsave.types import MAX_PIXELS

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.plan import Plan

    Times = dict[str, dict[str, float]]  # milliseconds of CPU time by step, then by way

WAYS: dict[str, Any] = {WITHOUT: without_extension, NATIVE: contextlib.nullcontext}
SAVE, CONVERT, ENCODE, WRITE = "seqsave.save", "conversion to 8 bit", "filter and deflate", "writing to the disk"
VIEW, PROXIES = "a half for `seqsave view`", "`seqsave proxies`"


def run(plan: Plan) -> Report:
    if native.kernel() is None:
        return Report([Table("With and without the extension", ["step"], [], native.native().state)])
    root = Path(tempfile.mkdtemp(prefix="seqsave-bench-"))
    try:
        return _compared(plan, root)
    finally:
        shutil.rmtree(root)


def _compared(plan: Plan, root: Path) -> Report:
    pictures = photographs_1080p(plan.pick(4, 8))
    saving = _measured(_saving(pictures, root), plan.rounds, len(pictures))
    rest = {way: saving[SAVE][way] - sum(saving[step][way] for step in (CONVERT, ENCODE, WRITE)) for way in WAYS}
    steps = {**saving, "the rest: threads, numbering, manifest, freed memory": rest}
    looking = {}
    for writer in ("seqsave", "Pillow"):
        measured = _measured(_looking(pictures, root / writer, writer), plan.rounds, len(pictures))
        looking |= {f"{step}, files of {writer}": times for step, times in measured.items()}
    note = "Photographs, least CPU time of all rounds, over all threads. Steps are measured alone, on one thread."
    return Report(
        [
            _table("float32 1080p to a local disk as PNG, per frame", steps, note),
            _table("1080p PNG files, looked at, per frame", looking, note),
        ],
        claims=[
            Claim("whole save to a local disk, frames per core", _gain(saving[SAVE]), 1.8),
            *(Claim(f"{name}, frames per core", _gain(times), 2) for name, times in looking.items()),
        ],
    )


def _measured(steps: dict[str, Callable[[], object]], rounds: int, count: int) -> Times:
    """Measure each step both ways."""

    def call(step: str, way: str) -> None:
        with WAYS[way]():
            steps[step]()

    rows = {(step, way): partial(call, step, way) for step in steps for way in WAYS}
    names = {f"{step}, {way}": (step, way) for step, way in rows}
    timings = settled({name: rows[names[name]] for name in names}, rounds)
    found: Times = {step: {} for step in steps}
    for name, timing in timings.items():
        step, way = names[name]
        found[step][way] = 1000 * timing.least_cpu / count
    return found


def _saving(pictures: Any, root: Path) -> dict[str, Callable[[], object]]:
    frames = [picture.astype(np.float32) / 255 for picture in pictures]
    files: dict[Any, list[Any]] = {}
    target = targets.resolve(root / "alone")

    def write() -> None:
        way = native.kernel() is None
        if way not in files:
            files[way] = [encoded(picture) for picture in pictures]
        for index, data in enumerate(files[way]):
            target.publish(f"{way}_{index:05d}.png", data, content_type="image/png")

    def convert(frame: Any) -> None:
        arrays.prepare(arrays.as_array(frame), ("uint8",), (1, 3, 4))

    return {
        SAVE: lambda: seqsave.save(frames, root / "saved", filetype="png"),
        CONVERT: lambda: [convert(frame) for frame in frames],
        ENCODE: lambda: [encoded(picture) for picture in pictures] and None,
        WRITE: write,
    }


def _looking(pictures: Any, folder: Path, writer: str) -> dict[str, Callable[[], object]]:
    if writer == "seqsave":
        seqsave.save(pictures, folder, filetype="png")
    else:
        folder.mkdir()
        for index, picture in enumerate(pictures):
            Image.fromarray(picture).save(folder / f"frame_{index:05d}.png")
    sequence = seqsave.open_sequence(folder)

    def view() -> None:
        for frame in sequence:
            jpeg_of(frame, frame.read_bytes(), Look("half"), MAX_PIXELS)

    def proxies() -> None:
        for pack in folder.glob(".seqsave/*.proxies/*"):
            pack.unlink()
        made = make_proxies(seqsave.open_sequence(folder))
        assert made.made == len(pictures), made

    return {VIEW: view, PROXIES: proxies}


def _gain(times: dict[str, float]) -> float:
    return times[WITHOUT] / times[NATIVE]


def _table(title: str, steps: Times, note: str) -> Table:
    rows = [
        [step, *(f"{times[way]:.1f}" for way in WAYS), f"{_gain(times):.2f}" if times[NATIVE] > 0 else ""]
        for step, times in steps.items()
    ]
    return Table(title, ["step", *(f"{way}, CPU ms" for way in WAYS), "x"], rows, note)
