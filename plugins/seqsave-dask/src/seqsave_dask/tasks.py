"""What tasks of a graph do: begin a run, write a block of frames, commit the records."""

from __future__ import annotations

import os
import platform
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import seqsave
from seqsave.manifest import Manifest

__all__ = ["Block", "begin", "blocks_in", "commit", "end", "place_of", "write_block"]

# The attribute of an error that names the machine on which it was raised.
_MACHINE = "_seqsave_machine"


@dataclass(frozen=True, slots=True)
class Block:
    """What a task returns of the block that it has written.

    records:  of its frames.
    warnings: one line for each kind of loss.
    process:  where it ran: the process whose user has seen the warnings.
    """

    records: Sequence[seqsave.FrameRecord]
    warnings: Sequence[str]
    process: tuple[str, int]


def begin(run: seqsave.Run) -> seqsave.Run:
    """Begin a run, and return it: tasks that take it from here come after."""
    run.begin()
    return run


def write_block(images: Any, numbers: Any, run: seqsave.Run, batch: int | None = None, concurrency: int = 1) -> Any:
    """Write the frames of one block, and return an array of one element, a ``Block``.

    images: T,H,W or T,H,W,C. numbers: T and further axes of length 1, the frames' indices.

    Raises SaveError, which names the first frame that is not saved.
    """
    indices = [int(number) for number in np.ravel(numbers)]
    if len(images) != len(indices):
        raise seqsave.ImageError(
            f"the block of frames {indices[0]} to {indices[-1]} holds {len(images)} of them, and the array states "
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
    result.flat[0] = Block(part.records, part.result.warnings, _this_process())
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
    setattr(made, _MACHINE, platform.node())
    return made


def place_of(error: BaseException | None) -> str:
    """Return the text that names the machine of a task's error; "" if it is this one, or not known."""
    machine = getattr(error, _MACHINE, None)
    return "" if machine in (None, platform.node()) else f"on the machine {machine}; "


def _this_process() -> tuple[str, int]:
    return platform.node(), os.getpid()


def blocks_in(written: Any) -> list[Block]:
    """Return the elements of an array of ``write_block``."""
    return list(np.ravel(written))


def end(run: seqsave.Run, blocks: Sequence[Block]) -> Manifest:
    """Warn once of each kind of loss in other processes, and commit the records of all blocks. Raises RunError."""
    kinds: dict[str, str] = {}
    for block in blocks:
        for text in block.warnings if block.process != _this_process() else ():
            head, _, rest = text.partition(": ")
            kinds.setdefault(rest if head.startswith("frame ") else text, text)
    for text in kinds.values():
        warnings.warn(text, seqsave.SeqSaveWarning, stacklevel=4)
    return run.commit(record for block in blocks for record in block.records)


def commit(run: seqsave.Run, written: Any) -> Manifest:
    """Commit the records of all blocks."""
    return end(run, blocks_in(written))
