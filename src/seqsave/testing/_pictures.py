"""The kit's own pictures and its own comparison, independent of the code under test."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from seqsave.types import ImageArray

__all__ = ["changed", "difference", "flat", "noise", "peak", "psnr", "smooth", "specials"]


def smooth(size: tuple[int, int], channels: int, dtype: str) -> ImageArray:
    """Return a picture that a lossy encoder keeps well: slow waves that differ by channel; alpha is never 0 or full.

    ``size`` is width, height. A small picture is the corner of a large one.
    """
    width, height = size
    y, x = np.mgrid[0:height, 0:width]
    planes = [0.5 + 0.4 * np.sin(x / 29 + 0.6 * c) * np.cos(y / 31 - 0.4 * c) for c in range(channels)]
    if channels in (2, 4):
        planes[-1] = 0.6 + 0.3 * np.sin((x + y) / 37)
    values = np.stack(planes, axis=-1)
    if dtype.startswith("float"):
        return values.astype(dtype)
    return np.rint(values * peak(dtype)).astype(dtype)


def noise(size: tuple[int, int], channels: int, dtype: str, seed: int = 0) -> ImageArray:
    """Return a picture of random values, with both ends of the range; floats also leave 0..1."""
    width, height = size
    random = np.random.default_rng(seed)
    picture: ImageArray
    if dtype.startswith("float"):
        picture = random.normal(0.5, 2.0, (height, width, channels)).astype(dtype)
        special = np.array([-1.5, 100.0, 6e-8, 65504.0]).astype(dtype)
    else:
        top = int(peak(dtype))
        picture = random.integers(0, top, (height, width, channels), dtype=dtype, endpoint=True)
        special = np.array([0, top], dtype)
    corner = picture.reshape(-1)[: special.size]
    corner[:] = special[: corner.size]
    return picture


def flat(size: tuple[int, int], channels: int, dtype: str) -> ImageArray:
    """Return a picture of one value, which makes a small file."""
    width, height = size
    return np.full((height, width, channels), peak(dtype) / 2, dtype)


def specials(dtype: str) -> ImageArray:
    """Return the special values of floats, one of each, in a row."""
    kind = np.finfo(dtype)
    ends = [kind.max, kind.min, kind.tiny, kind.smallest_subnormal, -kind.smallest_subnormal, 1 + kind.eps]
    return np.array([math.nan, math.inf, -math.inf, -0.0, 0.0, -1.5, *map(float, ends)], dtype)


def changed(wanted: ImageArray, got: ImageArray) -> list[str]:
    """Return the floats with other bits, as ``"inf is 1.0"``, each value once; all NaNs count as equal."""
    if got.dtype != wanted.dtype:
        return [f"its dtype is {got.dtype.str}, not {wanted.dtype.str}"]
    bits = f"u{wanted.itemsize}"
    same = (wanted.view(bits) == np.ascontiguousarray(got).view(bits)) | (np.isnan(wanted) & np.isnan(got))
    return list(dict.fromkeys(f"{a!s} is {b!s}" for a, b in zip(wanted[~same], got[~same], strict=True)))


def peak(dtype: str) -> float:
    """Return the value of white: 255, 65535, or 1 for floats."""
    return 1.0 if dtype.startswith("float") else float(np.iinfo(dtype).max)


def psnr(wanted: ImageArray, got: ImageArray) -> float:
    """Return the peak signal-to-noise ratio in dB over all channels; infinite for equal pictures."""
    error = float(np.mean((wanted.astype(np.float64) - got.astype(np.float64)) ** 2))
    return math.inf if error == 0 else 20 * math.log10(peak(wanted.dtype.name)) - 10 * math.log10(error)


def difference(wanted: ImageArray, got: object, *, min_psnr: float | None = None) -> str | None:
    """Return the difference between ``got`` and ``wanted``, or None. Exact if ``min_psnr`` is None."""
    if not isinstance(got, np.ndarray):
        return f"it is {type(got).__name__}, not a numpy array"
    if got.shape != wanted.shape:
        return f"its shape (H, W, C) is {got.shape}, not {wanted.shape}"
    if got.dtype != wanted.dtype:
        return f"its dtype is {got.dtype.str}, not {wanted.dtype.str} ({wanted.dtype})"
    if min_psnr is not None:
        ratio = psnr(wanted, got)
        return None if ratio >= min_psnr else f"its PSNR is {ratio:.1f} dB, less than {min_psnr:g}"
    with np.errstate(invalid="ignore"):
        same = (wanted == got) | ((wanted != wanted) & (got != got))
    if same.all():
        return None
    first = tuple(int(i) for i in np.argwhere(~same)[0])
    count = int(np.count_nonzero(~same))
    return f"{count} of {same.size} values differ, the first at (y, x, c) {first}: {got[first]}, not {wanted[first]}"
