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

_BAND_ROWS = 4
_SMALLEST_SAMPLE = 1 << 14
_ISAL = -1


class _Recipe(NamedTuple):
    """A row filter, a level, and zlib's strategy, or _ISAL for igzip."""

    row_filter: int
    level: int
    strategy: int = _ISAL


_EVERY_FILTER = (NONE, SUB, UP, AVERAGE, PAETH, ADAPTIVE)
_STRATEGIES = (zlib.Z_FILTERED, zlib.Z_DEFAULT_STRATEGY)
_FAST = tuple(_Recipe(row_filter, 1) for row_filter in (NONE, SUB, UP))
_BALANCED = tuple(_Recipe(row_filter, 4, strategy) for row_filter in _EVERY_FILTER for strategy in _STRATEGIES)
_SMALL = tuple(_Recipe(row_filter, 9, strategy) for row_filter in _EVERY_FILTER for strategy in _STRATEGIES)
# What other writers do when they are told to optimise. Always tried, so that a sample that deceives costs nothing.
_USUAL = _Recipe(ADAPTIVE, 9, zlib.Z_FILTERED)


def compress(rows: Bytes, step: int, effort: str) -> bytes:
    """Filter and compress a picture's rows into one zlib stream.

    rows: uint8, shape rows x bytes of a row. step: bytes per pixel. effort: ``"fast"``, ``"balanced"``, ``"small"``.
    """
    if effort == "fast":
        return _cooked(rows, step, _fast_recipe(rows, step))
    if effort == "balanced":
        return _cooked(rows, step, _best(rows, step, _BALANCED, share=48))
    chosen = {_best(rows, step, _SMALL, share=32), _USUAL}
    return min((_cooked(rows, step, recipe) for recipe in sorted(chosen)), key=len)


def _fast_recipe(rows: Bytes, step: int) -> _Recipe:
    bands = _bands(rows, share=96)
    samples = {recipe: _sample(rows, step, recipe.row_filter, bands) for recipe in _FAST}
    sizes = {recipe: len(_deflated(sample, recipe)) for recipe, sample in samples.items()}
    best = min(_FAST, key=sizes.__getitem__)
    # Level 3 takes twice the time and seldom gains, but it finds repeated patterns that level 1 does not see at all.
    thorough = best._replace(level=3)
    return thorough if len(_deflated(samples[best], thorough)) < 0.8 * sizes[best] else best


def _best(rows: Bytes, step: int, recipes: tuple[_Recipe, ...], share: int) -> _Recipe:
    bands = _bands(rows, share)
    samples = {kind: _sample(rows, step, kind, bands) for kind in {recipe.row_filter for recipe in recipes}}
    return min(recipes, key=lambda recipe: len(_deflated(samples[recipe.row_filter], recipe)))


def _bands(rows: Bytes, share: int) -> list[tuple[int, int]]:
    """Choose short runs of rows, spread over the picture, that are about one part in ``share`` of it."""
    height, length = rows.shape
    count = -(-max(_SMALLEST_SAMPLE, rows.size // share) // (_BAND_ROWS * length))
    if count * _BAND_ROWS * 2 > height:
        return [(0, height)]
    tops = [(2 * number + 1) * height // (2 * count) - _BAND_ROWS // 2 for number in range(count)]
    return [(top, top + _BAND_ROWS) for top in tops]


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
