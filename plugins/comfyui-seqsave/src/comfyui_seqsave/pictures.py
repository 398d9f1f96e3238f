"""Convert decoded files to ComfyUI's tensors: IMAGE, float32 T,H,W,3 in 0..1, and MASK, T,H,W, 1 where transparent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seqsave import ImageError

__all__ = ["empty_stack", "put", "stack"]


def empty_stack(count: int, array: Any) -> tuple[Any, Any]:
    """Return an empty IMAGE and an opaque MASK for ``count`` pictures of the size of ``array`` (H,W,C)."""
    import torch

    height, width = array.shape[:2]
    return torch.empty((count, height, width, 3), dtype=torch.float32), torch.zeros((count, height, width))


def put(array: Any, number: int, image: Any, mask: Any, name: str) -> None:
    """Convert one picture, H,W,C of any dtype of a file, into position ``number``. Raises ImageError."""
    if array.shape[:2] != tuple(image.shape[1:3]):
        height, width = image.shape[1:3]
        raise ImageError(
            f"{name} is {array.shape[1]}x{array.shape[0]}, the frames before it are {width}x{height}: all pictures of "
            "an IMAGE batch must have the same size; load a shorter range"
        )
    import numpy as np

    target = image[number].numpy()
    colours = array[:, :, :3] if array.shape[2] >= 3 else array[:, :, :1]
    _scale(np.broadcast_to(colours, target.shape), target)
    if array.shape[2] in (2, 4):
        alpha = mask[number].numpy()
        _scale(array[:, :, -1], alpha)
        np.subtract(1.0, alpha, out=alpha)


def stack(arrays: Sequence[Any], names: Sequence[str]) -> tuple[Any, Any]:
    """Return IMAGE and MASK of these pictures. Raises ImageError if their sizes differ."""
    image, mask = empty_stack(len(arrays), arrays[0])
    for number, (array, name) in enumerate(zip(arrays, names, strict=True)):
        put(array, number, image, mask, name)
    return image, mask


def _scale(array: Any, target: Any) -> None:
    import numpy as np

    if np.issubdtype(array.dtype, np.integer):
        np.divide(array, np.float32(np.iinfo(array.dtype).max), out=target, casting="unsafe")
    else:
        np.copyto(target, array, casting="unsafe")
