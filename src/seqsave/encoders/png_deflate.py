"""From rows of pixels to the compressed stream of a PNG: which filter, which deflate, tried on a sample of rows.

Nothing here holds the interpreter's lock for long, so that frames are encoded on all cores.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from isal import isal_zlib

from seqsave.encoders.png_filters import ADAPTIVE, AVERAGE, NONE, PAETH, SUB, UP, filter_rows

if TYPE_CHECKING:
    from seqsave.encoders.png_filters import Bytes

__all__ = ["compress"]

_BAND_ROWS = 3  # at least; fewer would not show what rows have in common
_COMPRESSIBLE = 0.25
_SMALL_PICTURE = 1 << 16
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

# Paeth takes a quarter longer and leaves real pictures 3 per cent smaller. Level 3 takes twice the time and seldom
# gains, but it finds repeated patterns that level 1 does not see at all.
_FAST = (
    *(_Recipe(kind, 1) for kind in (NONE, SUB, UP)),
    _Recipe(PAETH, 1, handicap=1.05),
    _Recipe(NONE, 3, handicap=1.25),
)
# For what shrinks to little (flat, drawn, gradients) deflate takes little time, so that more may be tried.
_FAST_AND_THOROUGH = (
    *_FAST,
    _Recipe(ADAPTIVE, 1, handicap=1.03),
    *(_Recipe(kind, 3, handicap=1.03) for kind in (NONE, SUB, UP, PAETH)),
    *(_Recipe(kind, 3, _DEFAULT, handicap=1.05) for kind in (SUB, UP, PAETH, ADAPTIVE)),
)
_BALANCED = (
    *(_Recipe(kind, *how) for kind in _EVERY_FILTER for how in ((4, _FILTERED), (4, _DEFAULT), (3, _DEFAULT))),
    *(_Recipe(kind, level) for kind in (NONE, SUB, UP) for level in (1, 3)),
)
_SMALL = tuple(_Recipe(kind, 9, strategy) for kind in _EVERY_FILTER for strategy in (_FILTERED, _DEFAULT))
# What other writers do when they are told to optimise. Always tried, so that a sample that deceives costs nothing.
_USUAL = _Recipe(ADAPTIVE, 9, _FILTERED)


def compress(rows: Bytes, step: int, effort: str) -> bytes:
    """Filter and compress a picture's rows into one zlib stream.

    rows: uint8, shape rows x bytes of a row. step: bytes per pixel. effort: ``"fast"``, ``"balanced"``, ``"small"``.
    """
    if effort == "fast":
        return _fast(rows, step)
    if effort == "balanced":
        return _cooked(rows, step, _best(rows, step, _BALANCED, max(_SMALL_PICTURE, rows.size // 96))[0])
    recipe, _ = _best(rows, step, _SMALL, max(_SMALL_PICTURE, rows.size // 32))
    return min((_cooked(rows, step, one) for one in sorted({recipe, _USUAL})), key=len)


def _fast(rows: Bytes, step: int) -> bytes:
    sample_bytes = rows.size if rows.size <= _SMALL_PICTURE else max(1 << 14, rows.size // 128)
    recipe, ratio = _best(rows, step, _FAST, sample_bytes)
    if ratio < _COMPRESSIBLE:
        recipe, ratio = _best(rows, step, _FAST_AND_THOROUGH, max(_SMALL_PICTURE, rows.size // 48))
    result = _cooked(rows, step, recipe)
    if len(result) < 2 * ratio * rows.size + 1024:
        return result
    # Not what the sample promised: igzip can lose track of patterns that it saw while the data was short.
    other = _Recipe(recipe.row_filter, 1 if recipe.level == 3 else 3)
    return min(result, _cooked(rows, step, other), key=len)


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
    run = max(_BAND_ROWS, sample_bytes // (4 * length))
    count = -(-sample_bytes // (run * length))
    if count * run * 2 > height:
        return [(0, height)]
    tops = [((2 * number + 1) * height // count - run) // 2 for number in range(count)]
    return [(top, top + run) for top in tops]


def _sample(rows: Bytes, step: int, row_filter: int, bands: list[tuple[int, int]]) -> Bytes:
    return np.concatenate([filter_rows(rows, row_filter, step, top, bottom) for top, bottom in bands])


def _cooked(rows: Bytes, step: int, recipe: _Recipe) -> bytes:
    return _deflated(filter_rows(rows, recipe.row_filter, step), recipe)


def _deflated(filtered: Bytes, recipe: _Recipe) -> bytes:
    if recipe.strategy == _ISAL:
        # One call over everything: fed in pieces, igzip takes a quarter longer.
        return bytes(isal_zlib.compress(filtered.data, recipe.level))
    packer = zlib.compressobj(recipe.level, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL + 1, recipe.strategy)
    return b"".join((packer.compress(filtered.data), packer.flush()))
