"""Convert values to another dtype: floats to whole numbers, and whole numbers to wider types or floats.

From floats, 8 bits are ``clip(255 * x, 0, 255)`` in the source's dtype, truncated, so that they equal those of
ComfyUI's own saver; 16 bits are rounded to nearest.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from seqsave.types import ImageArray

__all__ = ["SCALES", "as_floats", "in_dtype", "name_of", "top_of"]

# The number that means 1.0, by dtype.
SCALES = {"bool": 1, "uint8": 255, "uint16": 65535}

# Pictures are converted block by block in one scratch buffer of this many bytes. It stays in the caches, and there are
# few calls into numpy, each of which may release the interpreter's lock. Measured with 1080p float32: 3.1 ms; 4.3 ms
# with a quarter of this size, 6.0 ms in steps over the whole picture, and 15 ms for numpy's clip(255 * x).astype.
_BLOCK_BYTES = 1 << 20
_HALF_ONE = 0x3C00  # the bits of 1.0 in float16; non-negative halves sort like their bits


@lru_cache(maxsize=64)
def name_of(dtype: np.dtype[Any]) -> str:
    """Return the name of a dtype, which numpy composes at each call."""
    return str(dtype.name)


def top_of(array: npt.NDArray[Any]) -> float:
    """Return the value that means 1.0 in an array of uint8, uint16 or floats."""
    return 1.0 if array.dtype.kind == "f" else float(np.iinfo(array.dtype).max)


def as_floats(array: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Return the values of uint8, uint16 or floats as float32, where 1.0 is white."""
    return np.asarray(array / top_of(array) if array.dtype.kind != "f" else array, np.float32)


def in_dtype(array: ImageArray, dtype: np.dtype[Any]) -> tuple[ImageArray, bool, bool]:
    """Return the array in a dtype, in the source's memory order, and True for clipped values, and True for NaN."""
    # In the order of ascending addresses a permuted or mirrored picture is contiguous, and is converted at full speed.
    forward = tuple(slice(None, None, -1 if stride < 0 else 1) for stride in array.strides)
    order = sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))
    source = array[forward].transpose(order)
    out = np.empty(source.shape, dtype)
    lost = _convert(source.reshape(1, -1), out.reshape(1, -1)) if source.flags.c_contiguous else _convert(source, out)
    return out.transpose(np.argsort(order))[forward], *lost


def _convert(source: ImageArray, out: ImageArray) -> tuple[bool, bool]:
    kinds = source.dtype.kind, out.dtype.kind
    if kinds == ("f", "u"):
        return _quantise(source, out)
    if kinds == ("f", "f"):
        np.copyto(out, source, casting="same_kind")
    elif kinds[1] == "u":
        factor = SCALES[name_of(out.dtype)] // SCALES[name_of(source.dtype)]
        np.multiply(source, factor, out=out, dtype=out.dtype, casting="unsafe")
    else:
        precision = np.float64 if out.dtype == np.float64 else np.float32
        np.divide(source, SCALES[name_of(source.dtype)], out=out, dtype=precision, casting="unsafe")
    return False, False


def _quantise(source: ImageArray, out: ImageArray) -> tuple[bool, bool]:
    quantise_block = _half_block if source.dtype.itemsize == 2 else _float_block
    scratch = np.empty(min(_BLOCK_BYTES // source.itemsize, source.size), source.dtype.newbyteorder("="))
    clipped = nan = False
    for block in _blocks(source.shape, scratch.size):
        lost = quantise_block(source[block], out[block], scratch)
        clipped |= lost[0]
        nan |= lost[1]
    return clipped, nan


def _blocks(shape: tuple[int, ...], limit: int) -> Iterator[tuple[slice, slice]]:
    height, width = shape[:2]
    deep = prod(shape[2:])
    columns = max(1, min(width, limit // deep))
    rows = max(1, limit // (columns * deep))
    for top in range(0, height, rows):
        for left in range(0, width, columns):
            yield slice(top, top + rows), slice(left, left + columns)


def _float_block(source: ImageArray, out: ImageArray, scratch: ImageArray) -> tuple[bool, bool]:
    top = SCALES[name_of(out.dtype)]
    values = scratch[: source.size].reshape(source.shape)
    np.multiply(source, scratch.dtype.type(top), out=values)
    in_range = bool(values.min() >= 0 and values.max() <= top)  # also False if there is a NaN
    lost = (False, False) if in_range else _mend(values, top)
    if top == 65535:
        np.rint(values, out=values)
    np.copyto(out, values, casting="unsafe")
    return lost


def _mend(values: ImageArray, top: int) -> tuple[bool, bool]:
    unknown = np.isnan(values)
    nan = bool(unknown.any())
    if nan:
        values[unknown] = 0
    slack = _slack(top)
    clipped = bool(values.min() <= -slack or values.max() >= top + slack)
    np.clip(values, 0, top, out=values)
    return clipped, nan


def _slack(top: int) -> float:
    """Return by how much numbers of 0..top may be outside before clipping loses more than cutting off, or rounding."""
    return 0.5 if top == 65535 else 1.0


def _half_block(source: ImageArray, out: ImageArray, scratch: ImageArray) -> tuple[bool, bool]:
    # Arithmetic with halves is done in software, and takes 17 times as long as a look-up among all 65,536 values.
    if not source.dtype.isnative:
        scratch = scratch[: source.size].reshape(source.shape)
        np.copyto(scratch, source)
        source = scratch
    bits = source.view(np.uint16)
    np.take(_half_table(name_of(out.dtype)), bits, out=out, mode="clip")
    if bits.max() <= _HALF_ONE:
        return False, False
    # Infinity is 0x7C00, larger numbers are NaN; the highest bit is the sign.
    nan = bool(((bits & 0x7FFF) > 0x7C00).any())
    highest, lowest = _half_limits(name_of(out.dtype))
    above = bool(((bits >= highest) & (bits <= 0x7C00)).any())
    return above or bool(((bits >= lowest) & (bits <= 0xFC00)).any()), nan


@cache
def _half_limits(name: str) -> tuple[int, int]:
    """Return the bits of the smallest half above 1, and of the negative one nearest to 0, whose clipping counts."""
    halves, top = np.arange(0x7C01, dtype=np.uint16).view(np.float16), SCALES[name]
    with np.errstate(all="ignore"):
        numbers = halves * np.float16(top) if name == "uint8" else halves.astype(np.float64) * top
    highest, lowest = np.searchsorted(numbers, [top + _slack(top), _slack(top)])
    return int(highest), 0x8000 + int(lowest)


@cache
def _half_table(name: str) -> ImageArray:
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    with np.errstate(all="ignore"):
        if name == "uint8":  # in float16, including overflow to infinity, as in ComfyUI's formula
            values = np.clip(halves * np.float16(255), 0, 255)
        else:
            values = np.rint(np.clip(halves.astype(np.float64), 0, 1) * 65535).astype(np.float32)
        values[np.isnan(halves)] = 0
        return np.asarray(values.astype(name))
