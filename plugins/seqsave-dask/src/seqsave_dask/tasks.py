"""What tasks of a graph do: begin a run, write a block of frames, commit the records."""

from __future__ import annotations

from typing import Any

import numpy as np

import seqsave
from seqsave.manifest import Manifest

__all__ = ["begin", "commit", "records_in", "write_block"]


def begin(run: seqsave.Run) -> seqsave.Run:
    """Begin a run, and return it: tasks that take it from here come after."""
    run.begin()
    return run


def write_block(images: Any, numbers: Any, run: seqsave.Run, batch: int | None = None, concurrency: int = 1) -> Any:
    """Write the frames of one block, and return an array of one element: the list of their records.

    images: T,H,W or T,H,W,C. numbers: T and further axes of length 1, the frames' indices.

    Raises SaveError, which names the first frame that is not saved.
    """
    indices = [int(number) for number in np.ravel(numbers)]
    if len(images) != len(indices):
        raise seqsave.ImageError(
            f"the block of frames {indices[0]} to {indices[-1]} has {len(images)} frames, and the array states "
            f"{len(indices)}: the function that makes the blocks returns another shape than the array states"
        )
    at = indices[0]
    try:
        with run.part(concurrency=concurrency) as part:
            for at, image in zip(indices, images, strict=True):
                part.write(image, index=at, batch=batch)
    except Exception as error:
        raise _failed(error, at) from error
    result = np.empty((1,) * np.ndim(images), object)
    result.flat[0] = part.records
    return result


def _failed(error: Exception, at: int) -> seqsave.SaveError:
    """Return the error that names the frame: the first one that is not saved."""
    result = getattr(error, "result", None)
    if result is not None and result.failures:
        first = result.failures[0]
        at, text = first.index, first.error
    else:
        text = str(error).removeprefix(f"frame {at}: ")
    made = seqsave.SaveError(text)
    made.frame = at
    return made


def records_in(written: Any) -> list[seqsave.FrameRecord]:
    """Return all records in an array of lists of them."""
    return [record for own in np.ravel(written) for record in own]


def commit(run: seqsave.Run, written: Any) -> Manifest:
    """Commit the records of all blocks."""
    return run.commit(records_in(written))
