"""Show a sequence in a notebook: its names, frames and gaps, and a small contact sheet. Never raises."""

from __future__ import annotations

import concurrent.futures
import html
import os
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from seqsave import naming
from seqsave.errors import SeqSaveError
from seqsave.pictures.contact import Cell, Layout, draw_sheet
from seqsave.pictures.embedded import picture_element
from seqsave.runtime.pipeline import Pipeline
from seqsave.runtime.threads import run_with_timeout
from seqsave.sequences.ahead import Outcome, ReadJob, size_of
from seqsave.sequences.cells import Gap, chosen, label_of, missing_in, problem_of, thumbnail
from seqsave.wording import counted

if TYPE_CHECKING:
    from seqsave.sequences.frame import Frame
    from seqsave.sequences.frames import Frames

__all__ = ["html_of"]

CELLS, WIDTH = 12, 960
# What may be read for it, in bytes and in seconds, and the largest picture that is decoded, W x H.
_MOST_BYTES, _SECONDS, _MOST_PIXELS = 64 * 2**20, 3.0, 2**25
# A manifest and the drawing take some time as well.
_MORE_SECONDS = 1.5


def html_of(sequence: Frames) -> str:
    """Return the sequence as HTML: what is known of it, and pictures of at most 12 cells.

    Reads at most 64 MB, and waits for at most 4.5 seconds; what cannot be read or shown until then is named.
    """
    lines = "<br>".join(html.escape(one) for one in _lines(sequence))
    until, made = time.monotonic() + _SECONDS, [""]
    # A picture that cannot be made is left out.
    run_with_timeout(lambda: made.append(_sheet(sequence, until)), _SECONDS + _MORE_SECONDS)
    return f"<div>{lines}</div>{made[-1]}"


def _lines(sequence: Frames) -> list[str]:
    lines = [
        f"{sequence.pattern} in {sequence.url}",
        f"{counted(len(sequence), 'frame')}: {naming.format_ranges(sequence.ranges, 10)}",
    ]
    lines += [f"gaps: {naming.format_ranges(sequence.missing_ranges, 10)}"] if sequence.missing_ranges else []
    batches = naming.format_ranges(naming.to_ranges(sequence.batches), 10)
    lines += [f"batches: {batches}"] if sequence.batches else []
    return [*lines, counted(sequence.size, "byte")]


def _sheet(sequence: Frames, until: float) -> str:
    shown = sequence.variation()
    largest = max((frame.size or 0 for frame in shown), default=_MOST_BYTES + 1)
    if largest > _MOST_BYTES:
        return ""
    most = min(CELLS, _MOST_BYTES // max(1, largest))
    places = chosen(shown.indices, missing_in(sequence), most)
    width = Layout.of(len(places), width=WIDTH, columns=None, aspect=1, has_head=False).cell[0]
    frames = [shown.frame(one) for one in places if isinstance(one, int)]
    found = _read(frames, width, until)
    cells = [_cell(place, found, sequence) for place in places]
    first = next((cell.picture for cell in cells if cell.picture is not None), None)
    if first is None:
        return ""
    aspect = first.shape[1] / first.shape[0]
    layout = Layout.of(len(places), width=WIDTH, columns=None, aspect=aspect, has_head=False)
    return picture_element(draw_sheet(cells, layout), f"Contact sheet of {sequence.pattern}")


def _read(frames: list[Frame], width: int, until: float) -> dict[int, Outcome[Any]]:
    """Return the small pictures, or why there is none, of the frames that are read in time."""
    pipeline: Pipeline[Outcome[bytes], Outcome[Any]] = Pipeline(
        workers=len(frames), publishers=os.cpu_count() or 1, max_bytes=_MOST_BYTES
    )

    def small(frame: Frame, data: bytes) -> Any:
        return thumbnail(frame.decode(data, max_pixels=_MOST_PIXELS), frame, width)

    found: dict[int, Outcome[Any]] = {}
    try:
        futures = []
        for frame in frames:
            job = ReadJob(frame.read_bytes, partial(small, frame))
            futures.append(pipeline.submit(job.read, job.decode, cost=frame.size or 0, size_of=size_of))
        concurrent.futures.wait(futures, max(0.0, until - time.monotonic()))
        done = ((frame, future) for frame, future in zip(frames, futures, strict=True) if future.done())
        found = {frame.index: future.result() for frame, future in done}
    finally:
        pipeline.abort(timeout=0.0)
    return found


def _cell(place: int | Gap, found: dict[int, Outcome[Any]], sequence: Frames) -> Cell:
    label = label_of(place, sequence)
    if isinstance(place, Gap):
        return Cell(label=label, problem=f"{place.missing.count} missing")
    outcome = found.get(place)
    if outcome is None:
        return Cell(label=label, problem="not read\nin time")
    if isinstance(outcome.error, SeqSaveError):
        frame = sequence.variation().frame(place)
        return Cell(label=label, problem=f"cannot be shown\n{problem_of(outcome.error, frame)}")
    return Cell(label=label, picture=outcome.value())
