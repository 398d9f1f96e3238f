"""Put the channels of a file together in one array, and take those of an array apart again.

An array has one type for all channels. What it cannot hold is kept beside it: the type of each channel, and integers
that floats would round.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from seqsave_exr.channels import alpha_of

if TYPE_CHECKING:
    from seqsave.types import ImageArray

__all__ = ["INTEGERS", "KINDS", "Window", "around", "assembled", "pasted", "taken_apart"]

KINDS = ".types"
"""The name among ``ImageInfo.attributes`` of the channels' types: numpy's names by channel, if they differ."""
INTEGERS = ".integers"
"""The name among ``ImageInfo.attributes`` of the channels of 32-bit integers beside floats, which would round them."""
_TYPES = ("float16", "float32", "uint32")


class Window(NamedTuple):
    """A window in pixels: left, top, right and bottom, inclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def shape(self) -> tuple[int, int]:
        """Return the numbers of rows and columns."""
        return self.bottom - self.top + 1, self.right - self.left + 1


def around(windows: Iterable[Window]) -> Window:
    """Return the smallest window that has all of these in it."""
    sides = list(zip(*windows, strict=True))
    return Window(min(sides[0]), min(sides[1]), max(sides[2]), max(sides[3]))


def pasted(plane: ImageArray, own: Window, whole: Window) -> ImageArray:
    """Return a channel of the window ``own`` in the larger window ``whole``: zero where it has no pixels."""
    if own == whole:
        return plane
    out = np.zeros(whole.shape, plane.dtype)
    top, left = own.top - whole.top, own.left - whole.left
    out[top : top + plane.shape[0], left : left + plane.shape[1]] = plane
    return out


def assembled(planes: Mapping[str, ImageArray]) -> tuple[ImageArray, dict[str, Any]]:
    """Return channels of one size as an array H,W,C, and what the array cannot hold, by KINDS and INTEGERS."""
    dtype = np.result_type(*{plane.dtype for plane in planes.values()})
    first = next(iter(planes.values()))
    array = np.empty((*first.shape, len(planes)), dtype)
    for place, plane in enumerate(planes.values()):
        array[..., place] = plane
    kinds = {name: plane.dtype.name for name, plane in planes.items()}
    if len(set(kinds.values())) < 2:
        return array, {}
    integers = {name: plane for name, plane in planes.items() if plane.dtype.kind == "u"}
    return array, {KINDS: kinds, **({INTEGERS: integers} if integers else {})}


def taken_apart(
    image: ImageArray, names: Sequence[str], stated: Mapping[str, Any], *, straight: bool
) -> dict[str, ImageArray]:
    """Return channels by name; interleaved if the library accepts them so, which is faster.

    The library ignores the strides of all other arrays, so these must be contiguous.

    stated:   the attributes of the source, with its types and integers.
    straight: True if colours are to be multiplied by the alpha of their layer.
    """
    kinds = {name: kind for name, kind in _hints(stated, KINDS).items() if kind in _TYPES}
    integers = {name: one for name, one in _hints(stated, INTEGERS).items() if isinstance(one, np.ndarray)}
    places = {name: place for place, name in enumerate(names)}
    alphas = {name: alpha_of(name, names) for name in names} if straight and image.dtype.kind == "f" else {}
    is_plain = all(kinds.get(name, image.dtype.name) == image.dtype.name for name in names)
    if is_plain and tuple(names) in (("R", "G", "B"), ("R", "G", "B", "A")) and not any(alphas.values()):
        return {"".join(names): image}
    planes: dict[str, ImageArray] = {}
    for name, place in places.items():
        alpha = alphas.get(name)
        with np.errstate(all="ignore"):
            plane = image[..., place] if alpha is None else np.multiply(image[..., place], image[..., places[alpha]])
        planes[name] = _as_stated(plane, kinds.get(name), integers.get(name))
    return planes


def _hints(stated: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = stated.get(name)
    return found if isinstance(found, Mapping) else {}


def _as_stated(plane: ImageArray, kind: str | None, exact: ImageArray | None) -> ImageArray:
    """Return a channel in the type that it had in its source, if the type can store every value."""
    if exact is not None and exact.shape == plane.shape:
        with np.errstate(over="ignore"):  # half floats end at 65504
            is_same = np.array_equal(exact.astype(plane.dtype), plane)
        if is_same:
            return np.ascontiguousarray(exact)
    if kind is None or kind == plane.dtype.name:
        return np.ascontiguousarray(plane)
    with np.errstate(all="ignore"):
        cast = plane.astype(kind)
        same = bool(np.array_equal(cast.astype(plane.dtype), plane, equal_nan=True))
    return np.ascontiguousarray(cast if same else plane)
