"""What frames may be given as: an array with a leading axis, or an iterable of images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from seqsave.errors import ImageError
from seqsave.pictures import arrays

__all__ = ["IN_TIME", "VARIATIONS", "each", "is_single"]

IN_TIME = "T,H,W,C with time first"
VARIATIONS = "B,H,W,C with variations first"


def is_single(frames: Any) -> bool:
    """Whether it is known to be one image only."""
    try:
        return len(frames) == 1
    except TypeError:
        return False


def each(frames: Any, layout: str) -> Iterator[Any]:
    """The images one by one. ``layout`` is how an array has to lie. Raises ImageError for anything else."""
    axes = arrays.is_stack(frames)
    if axes is not None and axes != 4:
        raise ImageError(
            f"frames have {axes} axes: an array of frames is {layout}; for one image use write(image) or a list of it"
        )
    if axes == 4 and not isinstance(frames, Iterable):
        frames = arrays.as_stack(frames)
    if not isinstance(frames, Iterable) or isinstance(frames, str | bytes | Mapping):
        raise ImageError(f"frames are {type(frames).__name__}: give an array {layout}, or an iterable of images")
    return iter(frames)
