"""Compress rows of pixels for a PNG, with the row filter and compressor that do best on a sample of the rows.

The interpreter's lock is never held for long, so that frames are encoded on all cores.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from isal import isal_zlib

from seqsave.encoders.png.filters import ADAPTIVE, AVERAGE, NONE, PAETH, SUB, UP, filter_rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seqsave.encoders.png.filters import Bytes

__all__ = ["compress"]

_BANDS, _BAND_ROWS = 4, 2  # at least: several bands for variety, of two rows because neighbours are alike
# For repetitions from row to row, as of letters: about as many as deflate's window holds.
_TALL_BAND_ROWS, _WINDOW = 4, 1 << 15
_UNEVEN = 0.414
# Sizes relative to the raw size. Below the first, the result is mostly deflate's own overhead.
_FLAT, _SMOOTH, _COMPRESSIBLE, _COARSE, _NOISY, _NOISE = 0.0055, 0.01, 0.25, 0.45, 0.6, 0.98
# The ratio from which the worse of two filters is not tried.
_CLEARLY = 1.25
# Pictures that compress well are photographs if no filter gives so many times the size; but gradients are below the
# second number.
_PLAINLY, _GRADUAL = 1.6, 0.125
_TINY_PICTURE, _SMALL_PICTURE, _MIDDLING_PICTURE = 1 << 14, 1 << 16, 1 << 18
_PART_BYTES = 1 << 21
_SHORT_WINDOW = 10
_ISAL = -1


class _Recipe(NamedTuple):
    """The parameters of a stream: a row filter, a level, zlib's strategy or _ISAL for igzip, and deflate's window.

    handicap: factor by which its result must be smaller than another's, because it takes longer.
    """

    row_filter: int
    level: int
    strategy: int = _ISAL
    handicap: float = 1.0
    window_bits: int = zlib.MAX_WBITS


_EVERY_FILTER = (NONE, SUB, UP, AVERAGE, PAETH, ADAPTIVE)
_DEFAULT, _FILTERED = zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED

_CHEAP = tuple(_Recipe(kind, 1) for kind in (NONE, SUB, UP))
_FOR_SMALL = (_Recipe(PAETH, 1, handicap=1.03), _Recipe(NONE, 3))
# The three equal bytes of a grey pixel are too short for igzip to match; its result is up to 1.4 times as large.
_FOR_GREY = (_Recipe(PAETH, 2, handicap=1.02), _Recipe(UP, 2, _DEFAULT, handicap=1.1))
# For pictures that compress well (flat, drawn, gradients): deflate is faster there, and zlib may be much better.
_FOR_COMPRESSIBLE = (
    _Recipe(PAETH, 1, handicap=1.03),
    _Recipe(NONE, 3, handicap=1.05),
    _Recipe(SUB, 3, _DEFAULT, handicap=1.3),
)
# For very small results, igzip's are about a fifth larger than zlib's, depending on the processor.
_FOR_SMOOTH = (_Recipe(UP, 3, _DEFAULT, handicap=1.09),)
# What other writers use when asked to be fast: Pillow's level 1 for 8 bits; for 16 bits, which Pillow does not write in
# colour, level 1 of zlib with one filter for all rows. Results are not to be larger.
_USUALLY_FAST = (_Recipe(ADAPTIVE, 1, _FILTERED),)
_USUALLY_FAST_WIDE = tuple(_Recipe(kind, 1, _DEFAULT) for kind in (NONE, UP, PAETH, ADAPTIVE))
# For results that would be larger than those: they take three to ten times as long as igzip's. The second ones are for
# pictures that the first ones make no smaller.
_FOR_STRINGS = (
    (_Recipe(UP, 2, _DEFAULT), _Recipe(UP, 3, _DEFAULT, handicap=1.07), _Recipe(NONE, 3, _DEFAULT, handicap=1.05)),
    tuple(_Recipe(kind, 3, _DEFAULT) for kind in (SUB, PAETH, ADAPTIVE)),
)
# How large a result may be relative to that of other writers. For pictures that hardly have strings, a small sample is
# looked at. Otherwise a sample may be wrong by some per cent: more for letters, which are smallest without a filter,
# and less if both sizes are zlib's.
_HARDLY, _SURELY, _SURELY_FOR_LETTERS, _SURELY_WITH_ZLIB = 1.01, 0.95, 0.9, 0.985
_BALANCED = (
    *(_Recipe(kind, 1, window_bits=_SHORT_WINDOW) for kind in (SUB, UP, AVERAGE, PAETH)),
    *(_Recipe(kind, level) for kind in (NONE, SUB, UP, PAETH) for level in (1, 3)),
    _Recipe(ADAPTIVE, 1, handicap=1.02, window_bits=_SHORT_WINDOW),
    # Takes five to ten times as long.
    *(_Recipe(kind, *how, handicap=1.04) for kind in _EVERY_FILTER for how in ((4, _FILTERED), (3, _DEFAULT))),
)
_SMALL = tuple(_Recipe(kind, 9, strategy) for kind in _EVERY_FILTER for strategy in (_FILTERED, _DEFAULT))
# What other writers use when asked to optimise. Always tried, in case the sample is misleading.
_USUAL = _Recipe(ADAPTIVE, 9, _FILTERED)


def compress(rows: Bytes, step: int, effort: str, rival: float | None = None) -> list[bytes]:
    """Filter and compress a picture's rows; return one zlib stream in pieces.

    rows: uint8, shape rows x bytes of a row. step: bytes per pixel. effort: ``"fast"``, ``"balanced"``, ``"small"``.
    rival: for pictures that are known to have repeated strings, which photographs do not have: the size of a stream
    that another way makes, relative to the rows, or 1.
    """
    if effort == "fast":
        return _fast(rows, step, rival)
    if effort == "balanced":
        return _cooked(rows, step, _Sample(rows, step, max(_SMALL_PICTURE, rows.size // 96)).best(_BALANCED))
    recipe = _Sample(rows, step, max(_SMALL_PICTURE, rows.size // 32)).best(_SMALL)
    return min((_cooked(rows, step, one) for one in sorted({recipe, _USUAL})), key=_size)


def _fast(rows: Bytes, step: int, rival: float | None) -> list[bytes]:
    if rows.size <= _SMALL_PICTURE:
        sample = _Sample(rows, step, rows.size)
        recipe = sample.best(_CHEAP + _FOR_SMALL)
        if rows.size <= _TINY_PICTURE:
            recipe = sample.best((recipe, *_USUALLY_FAST))
        if sample.has_grey_pixels():
            recipe = sample.best((recipe, *_FOR_GREY))
    else:
        sample = _Sample(rows, step, max(1 << 14, rows.size // 160))
        if rows.size <= _MIDDLING_PICTURE and sample.has_grey_pixels():
            sample = sample.at_least(rows.size)
        recipe = _fast_for_large(sample)
    has_strings = False
    if _FLAT < sample.ratio(recipe) < _COMPRESSIBLE or sample.has_twin_bytes():
        sample = sample.at_least(rows.size if rows.size <= _MIDDLING_PICTURE else max(_SMALL_PICTURE, rows.size // 48))
        recipe = sample.best(_CHEAP + _FOR_COMPRESSIBLE)
        has_strings = sample.may_have_strings(recipe)
    elif _FLAT < sample.ratio(recipe) < _NOISE and (
        rival is not None or recipe.row_filter == NONE or sample.has_grey_pixels()
    ):
        sample = sample.at_least(min(rows.size, _SMALL_PICTURE))
        ours = min(sample.ratio(recipe), 1.0 if rival is None else rival)
        has_strings = ours > _HARDLY * sample.least_usual_ratio()
    if has_strings:
        sample = _sample_for_strings(rows, step)
        recipe = _for_strings(sample)
    result = _cooked(rows, step, recipe)
    most = 2 * sample.ratio(recipe)
    if _size(result) < (most if most > 2 * _FLAT else min(most, _FLAT)) * rows.size + 1024:
        return result
    # Larger than the sample promised: its rows were unusual, or igzip misses patterns in long data that it found in
    # short data.
    second = _for_strings(_sample_for_strings(rows, step))
    other = second if second != recipe else _Recipe(recipe.row_filter, 3)
    return min(result, _cooked(rows, step, other), key=_size)


def _sample_for_strings(rows: Bytes, step: int) -> _Sample:
    return _Sample(rows, step, min(rows.size, _MIDDLING_PICTURE), max(_TALL_BAND_ROWS, _WINDOW // rows.shape[1]))


def _for_strings(sample: _Sample) -> _Recipe:
    recipe = sample.best(_CHEAP + _FOR_COMPRESSIBLE)
    if sample.ratio(recipe) < _SMOOTH:
        recipe = sample.best((recipe, *_FOR_SMOOTH))
    return _not_larger_than_usual(sample, recipe)


def _not_larger_than_usual(sample: _Sample, recipe: _Recipe) -> _Recipe:
    """Return the recipe, or one of zlib if the result would be larger than that of other writers."""
    usual = sample.least_usual()
    surely = _SURELY_FOR_LETTERS if recipe.row_filter == NONE else _SURELY
    if sample.size(recipe) <= (surely if recipe.strategy == _ISAL else _SURELY_WITH_ZLIB) * usual:
        return recipe
    for recipes in _FOR_STRINGS:
        quick = sample.best((recipe, *recipes))
        recipe = quick if sample.size(quick) <= usual else min((recipe, *recipes), key=sample.size)
        if recipe.strategy != _ISAL and sample.size(recipe) <= _SURELY_WITH_ZLIB * usual:
            break
    return recipe


def _fast_for_large(sample: _Sample) -> _Recipe:
    rivals = sample.rivals()
    is_grey = sample.has_grey_pixels()
    if is_grey:  # equal bytes are strings, of which level 2 finds more in the same time
        rivals = tuple(one._replace(level=2) for one in rivals)
    recipe = sample.best(rivals)
    # For photographs for which one filter is clearly better than the other, no filter gives twice the size.
    if is_grey or len(rivals) > 1 or not _COMPRESSIBLE < sample.ratio(recipe) < _NOISY:
        recipe = sample.best((_CHEAP[0], recipe))
    more = []
    if sample.ratio(recipe) > _COARSE:
        # Coarse grain has almost no repetition: a short window is slightly faster, and gives smaller results because
        # deflate spends no bits on distant short matches.
        more.append(recipe._replace(window_bits=_SHORT_WINDOW))
    if len(rivals) > 1:
        # It takes half as long again for about 3 per cent, which is worth it for coarse grain. It helps if both
        # neighbours predict the pixel.
        more.append(_Recipe(PAETH, 1, handicap=1.07, window_bits=_SHORT_WINDOW))
    # Level 3 takes twice as long, but finds repeated patterns that level 1 misses. If there are any, no filter is about
    # as good as the best one.
    if sample.knows(_CHEAP[0]) and sample.size(_CHEAP[0]) < 1.1 * sample.size(recipe):
        more.append(_Recipe(NONE, 3, handicap=1.25))
    if is_grey:
        more += _FOR_GREY
    return sample.best((recipe, *more))


class _Sample:
    """Some rows of a picture, and the sizes that recipes compress them to. A sample of all rows has no handicaps."""

    def __init__(self, rows: Bytes, step: int, sample_bytes: int, band_rows: int = _BAND_ROWS) -> None:
        self._rows, self._step = rows, step
        self._bands = _bands(rows, sample_bytes, band_rows)
        self._filtered: dict[int, Bytes] = {}
        self._sizes: dict[_Recipe, int] = {}

    def at_least(self, sample_bytes: int, band_rows: int = _BAND_ROWS) -> _Sample:
        """Return a sample of at least so many bytes, in bands of at least so many rows; this one if it is the same."""
        larger = _Sample(self._rows, self._step, sample_bytes, band_rows)
        return self if larger._bands == self._bands else larger

    def best(self, recipes: Iterable[_Recipe]) -> _Recipe:
        whole = self._bands == [(0, len(self._rows))]
        return min(recipes, key=lambda recipe: self.size(recipe) * (1 if whole else recipe.handicap))

    def rivals(self) -> tuple[_Recipe, ...]:
        """Return recipes with Sub and Up, without the one that is so much worse that compressing is not needed to know.

        The measure is that of the specification (section 12.7): the sum of the absolute filtered values.
        """
        sums = []
        for recipe in _CHEAP[1:]:
            left = self._rows_through(recipe.row_filter)
            sums.append(int(np.minimum(left, np.negative(left)).sum(dtype=np.int64)))
        return tuple(one for one, left in zip(_CHEAP[1:], sums, strict=True) if left <= _CLEARLY * min(sums))

    def size(self, recipe: _Recipe) -> int:
        if recipe not in self._sizes:
            packer = _packer(recipe)
            self._sizes[recipe] = len(packer.compress(self._rows_through(recipe.row_filter).data)) + len(packer.flush())
        return self._sizes[recipe]

    def knows(self, recipe: _Recipe) -> bool:
        """Return True if the recipe was tried."""
        return recipe in self._sizes

    def ratio(self, recipe: _Recipe) -> float:
        return self.size(recipe) / self._rows_through(recipe.row_filter).size

    def may_have_strings(self, recipe: _Recipe) -> bool:
        """Return whether other writers may make something smaller of it than this recipe.

        Of letters, drawings and gradients they may, as zlib finds more repetitions than igzip, but not of photographs:
        their size without a filter is far larger.
        """
        is_smooth = self.size(_CHEAP[0]) > _PLAINLY * self.size(recipe) and self.ratio(recipe) > _GRADUAL
        return not is_smooth or self.has_twin_bytes()

    def least_usual(self) -> int:
        """Return the least size that other fast writers would make of it."""
        # Pixels of 2 and 4 bytes may have 8 or 16 bits.
        usual = _USUALLY_FAST if self._step % 2 else (*_USUALLY_FAST, *_USUALLY_FAST_WIDE)
        return min(map(self.size, usual[1:] if self._step > 4 else usual))

    def least_usual_ratio(self) -> float:
        return self.least_usual() / self._rows_through(NONE).size

    def has_twin_bytes(self) -> bool:
        """Return True if samples look like 8 bits widened to 16: both bytes are equal, or one is always 0."""
        if self._step % 2:
            return False
        pairs = self._rows_through(NONE)[:, 1:].reshape(-1, 2)
        return np.array_equal(pairs[:, 0], pairs[:, 1]) or not pairs[:, 1].any()

    def has_grey_pixels(self) -> bool:
        """Return True if red, green and blue, of 8 bits, are equal in every pixel."""
        if self._step not in (3, 4):
            return False
        pixels = self._rows_through(NONE)[:, 1:].reshape(-1, self._step)
        return np.array_equal(pixels[:, 0], pixels[:, 1]) and np.array_equal(pixels[:, 1], pixels[:, 2])

    def _rows_through(self, row_filter: int) -> Bytes:
        if row_filter not in self._filtered:
            parts = [filter_rows(self._rows, row_filter, self._step, top, bottom) for top, bottom in self._bands]
            self._filtered[row_filter] = np.concatenate(parts)
        return self._filtered[row_filter]


def _bands(rows: Bytes, sample_bytes: int, band_rows: int) -> list[tuple[int, int]]:
    """Return bands of rows, spread over the picture, of about so many bytes; one band if that is most of it."""
    height, length = rows.shape
    run = max(band_rows, sample_bytes // (16 * length))
    count = max(_BANDS, sample_bytes // (run * length))
    if count * run * 2 > height:
        return [(0, height)]
    # One in each of as many parts of the picture, at another place in each: at equal distances, all could have the same
    # part of a line of text.
    parts = [(number * height // count, (number + 1) * height // count - run) for number in range(count)]
    tops = [first + int((number * _UNEVEN % 1) * (last - first)) for number, (first, last) in enumerate(parts)]
    return [(top, top + run) for top in tops]


def _cooked(rows: Bytes, step: int, recipe: _Recipe) -> list[bytes]:
    # A part of the rows at a time: the filtered rows stay in the cache, and memory for all of them is not needed, whose
    # allocation takes a tenth of the time of deflating them.
    packer = _packer(recipe)
    run = max(1, _PART_BYTES // rows.shape[1])
    pieces = []
    for top in range(0, len(rows), run):
        part = filter_rows(rows, recipe.row_filter, step, top, min(top + run, len(rows)))
        pieces.append(packer.compress(part.data))
    return [*pieces, packer.flush()]


def _packer(recipe: _Recipe) -> Any:
    if recipe.strategy == _ISAL:
        return isal_zlib.compressobj(recipe.level, zlib.DEFLATED, recipe.window_bits)
    return zlib.compressobj(
        recipe.level, zlib.DEFLATED, recipe.window_bits, zlib.DEF_MEM_LEVEL + 1, strategy=recipe.strategy
    )


def _size(pieces: list[bytes]) -> int:
    return sum(map(len, pieces))
