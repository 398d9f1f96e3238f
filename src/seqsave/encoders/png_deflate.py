"""From rows of pixels to the compressed stream of a PNG: which filter, which deflate, tried on a sample of rows.

Nothing here holds the interpreter's lock for long, so that frames are encoded on all cores.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from isal import isal_zlib

from seqsave.encoders.png_filters import ADAPTIVE, AVERAGE, NONE, PAETH, SUB, UP, filter_rows

if TYPE_CHECKING:
    from seqsave.encoders.png_filters import Bytes

__all__ = ["compress"]

_BANDS, _BAND_ROWS = 4, 2  # of a sample, at least: to meet what is in the picture, and what rows have in common
# Sizes as parts of the raw size. Below the first, what is left is mostly what deflate itself needs.
_FLAT, _COMPRESSIBLE = 0.0055, 0.25
_SMALL_PICTURE, _MIDDLING_PICTURE = 1 << 16, 1 << 18
_PART_BYTES = 1 << 19
_ISAL = -1


class _Recipe(NamedTuple):
    """A row filter, a level, and zlib's strategy, or _ISAL for igzip.

    handicap: how many times smaller than another's its result has to be, as it takes longer.
    """

    row_filter: int
    level: int
    strategy: int = _ISAL
    handicap: float = 1.0


_EVERY_FILTER = (NONE, SUB, UP, AVERAGE, PAETH, ADAPTIVE)
_DEFAULT, _FILTERED = zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED

_CHEAP = tuple(_Recipe(kind, 1) for kind in (NONE, SUB, UP))
# Level 3 takes twice the time and seldom gains, but it finds repeated patterns that level 1 does not see at all.
_FAST = (*_CHEAP, _Recipe(NONE, 3, handicap=1.25))
# Paeth takes a quarter longer, and leaves real pictures 3 per cent smaller: for small ones only.
_FAST_SMALL = (*_FAST, _Recipe(PAETH, 1, handicap=1.03))
# For what shrinks to little (flat, drawn, gradients) deflate takes less time, and zlib may shrink it much more.
_FAST_THOROUGH = (
    *_CHEAP,
    _Recipe(NONE, 3, handicap=1.05),
    _Recipe(PAETH, 1, handicap=1.03),
    _Recipe(SUB, 3, _DEFAULT, handicap=1.3),
)
_BALANCED = (
    *(_Recipe(kind, *how) for kind in _EVERY_FILTER for how in ((4, _FILTERED), (4, _DEFAULT), (3, _DEFAULT))),
    *(_Recipe(kind, level) for kind in (NONE, SUB, UP) for level in (1, 3)),
)
_SMALL = tuple(_Recipe(kind, 9, strategy) for kind in _EVERY_FILTER for strategy in (_FILTERED, _DEFAULT))
# What other writers do when they are told to optimise. Always tried, so that a sample that deceives costs nothing.
_USUAL = _Recipe(ADAPTIVE, 9, _FILTERED)


def compress(rows: Bytes, step: int, effort: str) -> list[bytes]:
    """Filter and compress a picture's rows into one zlib stream, in pieces.

    rows: uint8, shape rows x bytes of a row. step: bytes per pixel. effort: ``"fast"``, ``"balanced"``, ``"small"``.
    """
    if effort == "fast":
        return _fast(rows, step)
    if effort == "balanced":
        return _cooked(rows, step, _best(rows, step, _BALANCED, max(_SMALL_PICTURE, rows.size // 96))[0])
    recipe, _ = _best(rows, step, _SMALL, max(_SMALL_PICTURE, rows.size // 32))
    return min((_cooked(rows, step, one) for one in sorted({recipe, _USUAL})), key=_size)


def _fast(rows: Bytes, step: int) -> list[bytes]:
    if rows.size <= _SMALL_PICTURE:
        recipe, ratio = _best(rows, step, _FAST_SMALL, rows.size)
    else:
        recipe, ratio = _best(rows, step, _FAST, max(1 << 14, rows.size // 128))
    if _FLAT < ratio < _COMPRESSIBLE:
        sample_bytes = rows.size if rows.size <= _MIDDLING_PICTURE else max(_SMALL_PICTURE, rows.size // 48)
        recipe, ratio = _best(rows, step, _FAST_THOROUGH, sample_bytes)
    result = _cooked(rows, step, recipe)
    if _size(result) < 2 * ratio * rows.size + 1024:
        return result
    # Not what the sample promised: it was of unusual rows, or igzip loses track of patterns that it saw while the
    # data was short.
    second, _ = _best(rows, step, _FAST_THOROUGH, max(_SMALL_PICTURE, rows.size // 24))
    other = second if second != recipe else _Recipe(recipe.row_filter, 3)
    return min(result, _cooked(rows, step, other), key=_size)


def _best(rows: Bytes, step: int, recipes: tuple[_Recipe, ...], sample_bytes: int) -> tuple[_Recipe, float]:
    """Choose a recipe by what it makes of a sample of rows; tell to which part of its size that shrinks."""
    bands = _bands(rows, sample_bytes)
    samples = {kind: _sample(rows, step, kind, bands) for kind in {recipe.row_filter for recipe in recipes}}
    sizes = [len(_deflated(samples[recipe.row_filter], recipe)) for recipe in recipes]
    whole = bands == [(0, len(rows))]  # a small picture: time does not matter
    costs = [size * (1 if whole else recipe.handicap) for size, recipe in zip(sizes, recipes, strict=True)]
    best = costs.index(min(costs))
    return recipes[best], sizes[best] / samples[NONE].size


def _bands(rows: Bytes, sample_bytes: int) -> list[tuple[int, int]]:
    """Choose runs of rows, spread over the picture, of about so many bytes; all of it where that is no more."""
    height, length = rows.shape
    run = max(_BAND_ROWS, sample_bytes // (_BANDS * length))
    count = max(_BANDS, -(-sample_bytes // (run * length)))
    if count * run * 2 > height:
        return [(0, height)]
    tops = [((2 * number + 1) * height // count - run) // 2 for number in range(count)]
    return [(top, top + run) for top in tops]


def _sample(rows: Bytes, step: int, row_filter: int, bands: list[tuple[int, int]]) -> Bytes:
    return np.concatenate([filter_rows(rows, row_filter, step, top, bottom) for top, bottom in bands])


def _cooked(rows: Bytes, step: int, recipe: _Recipe) -> list[bytes]:
    # A part of the rows at a time: the filtered ones stay in the cache, and no memory has to be got for all of them,
    # which costs as much as a tenth of deflating them.
    packer = _packer(recipe)
    run = max(1, _PART_BYTES // rows.shape[1])
    pieces = []
    for top in range(0, len(rows), run):
        part = filter_rows(rows, recipe.row_filter, step, top, min(top + run, len(rows)))
        pieces.append(packer.compress(part.data))
    return [*pieces, packer.flush()]


def _deflated(filtered: Bytes, recipe: _Recipe) -> bytes:
    packer = _packer(recipe)
    return b"".join((packer.compress(filtered.data), packer.flush()))


def _packer(recipe: _Recipe) -> Any:
    if recipe.strategy == _ISAL:
        return isal_zlib.compressobj(recipe.level)
    return zlib.compressobj(recipe.level, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL + 1, recipe.strategy)


def _size(pieces: list[bytes]) -> int:
    return sum(map(len, pieces))
