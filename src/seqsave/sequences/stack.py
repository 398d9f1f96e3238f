"""Stack several frames into one array."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from seqsave.errors import ImageError

if TYPE_CHECKING:
    from seqsave.types import ImageArray

__all__ = ["stacked"]


def stacked(arrays: Iterator[ImageArray], indices: Sequence[int]) -> ImageArray:
    """Return pictures as one array T,H,W,C; ``indices`` has their numbers. Raises ImageError for other shapes."""
    first = next(arrays)
    stack = np.empty((len(indices), *first.shape), first.dtype)
    stack[0] = first
    for index, picture, place in zip(indices[1:], arrays, stack[1:], strict=True):
        if (picture.shape, picture.dtype) != (first.shape, first.dtype):
            raise ImageError(
                f"frame {index} is {_described(picture)}, and frame {indices[0]} is {_described(first)}: they do not "
                "fit into one array; use `arrays()`"
            )
        place[...] = picture
    return stack


def _described(picture: ImageArray) -> str:
    return f"{'x'.join(map(str, picture.shape))} {picture.dtype}"
