"""Compress rows of pixels for a PNG, with the row filter and compressor that do best on a sample of the rows.

The interpreter's lock is never held for long, so that frames are encoded on all cores.
"""

from __future__ import annotations

import functools
import math
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from seqsave.encoders.png.filters import ADAPTIVE, AVERAGE, FEWER, NONE, PAETH, SUB, UP, smallest
from seqsave.encoders.png.native import filtered
from seqsave.encoders.png.packers import ISAL, LIBDEFLATE, MOST_AT_ONCE, Recipe, packer_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seqsave.encoders.png.filters import Bytes

__all__ = ["compress"]

_BANDS, _BAND_ROWS = 4, 2  # at least: several bands for variety, of two rows because neighbours are alike
# For repetitions from row to row, as of letters: about as many as deflate's window holds.
_TALL_BAND_ROWS, _WINDOW = 4, 1 << 15
_UNEVEN = 0.414
# Sizes relative to the raw size. Below the first, the result is mostly deflate's own overhead.
_FLAT, _SMOOTH, _COMPRESSIBLE, _DETAILED, _COARSE, _NOISY, _NOISE = 0.0055, 0.01, 0.25, 0.3, 0.45, 0.6, 0.98
# The same of photographs of 16 bits: of most, and of those that zlib surely does not make smaller.
_ROUGH, _SURELY_ROUGH = 0.7, 0.8
# For results below this, zlib is fast at any level.
_LITTLE = 0.1
# The ratio from which the worse of two filters is not tried.
_CLEARLY = 1.25
# With a filter for each row, those of pictures whose rows are alike are not smaller than this.
_EVEN = 0.8
# How much a sample may differ from the picture; and if a large one differs by less, how large it may be relative to
# that by other writers.
_UNLIKE, _LIKE, _ACCEPTABLE = 1.05, 1.03, 1.015
# Photographs are larger by this without a filter than with one. It surely is one from the first number of a pair on, as
# a sample shows, or from the second if all of it is looked at; it is worth a comparison by a part of the sample from
# those of the last pair on.
_PLAINLY, _SURELY_PLAINLY, _RATHER_PLAINLY = 1.3, (1.75, 1.5), (1.3, 1.15)
# Letters over something of 16 bits are not, or hardly.
_HARDLY_PLAINLY = 1.08
_SMALL_SAMPLE, _LARGE_SAMPLE = 1 << 14, 1 << 17
_TINY_PICTURE, _SMALL_PICTURE, _MIDDLING_PICTURE, _LARGE_PICTURE = 1 << 12, 1 << 16, 1 << 18, 1 << 20
_SHORT_WINDOW = 10

_EVERY_FILTER = (NONE, SUB, UP, AVERAGE, PAETH, ADAPTIVE)
_DEFAULT, _FILTERED = zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED

_CHEAP = tuple(Recipe(kind, 1) for kind in (NONE, SUB, UP))
_FOR_SMALL = (Recipe(PAETH, 1, handicap=1.03), Recipe(NONE, 3))
# The three equal bytes of a grey pixel are too short for igzip to match; its result is up to 1.4 times as large.
_FOR_GREY = (Recipe(PAETH, 2, handicap=1.02),)
# For pictures that compress well (flat, drawn, gradients): deflate is faster there.
_FOR_COMPRESSIBLE = (Recipe(PAETH, 1, handicap=1.03), Recipe(NONE, 3, handicap=1.05))
# For very small results, igzip's are about a fifth larger than zlib's, depending on the processor.
_FOR_SMOOTH = (Recipe(UP, 3, _DEFAULT, handicap=1.09),)
# What other writers use when asked to be fast: Pillow's level 1 for 8 bits; for 16 bits, which Pillow does not write in
# colour, level 1 of zlib with one filter for all rows. Results are not to be larger.
_USUALLY_FAST = (Recipe(FEWER, 1, _FILTERED),)
# Beside those, for pictures that igzip makes larger. Level 3 takes twice as long.
_FOR_STRINGS = (
    Recipe(UP, 2, _DEFAULT, handicap=1.02),
    Recipe(NONE, 3, _DEFAULT, handicap=1.08),
    Recipe(UP, 3, _DEFAULT, handicap=1.15),
    Recipe(SUB, 3, _DEFAULT, handicap=1.15),
)
# How large a sample by igzip may be relative to that by other writers: of photographs; of large ones if the sample is
# small; of others if the sample is small, or the picture compresses well; and the same of letters.
_AS_GOOD, _NEARLY_AS_GOOD, _SURELY, _SURELY_FOR_LETTERS = 1.01, 0.98, 0.94, 0.9
# zlib is tried with the filters whose results by igzip are at most so large, relative to the best one.
_NEAR = 1.06
_BALANCED = (
    *(Recipe(kind, 1, window_bits=_SHORT_WINDOW) for kind in (SUB, UP, AVERAGE, PAETH)),
    *(Recipe(kind, level) for kind in (NONE, SUB, UP, PAETH) for level in (1, 3)),
    Recipe(ADAPTIVE, 1, handicap=1.02, window_bits=_SHORT_WINDOW),
    # Takes five to ten times as long.
    *(Recipe(kind, *how, handicap=1.04) for kind in _EVERY_FILTER for how in ((4, _FILTERED), (3, _DEFAULT))),
)
_SMALL = tuple(Recipe(kind, 9, strategy) for kind in _EVERY_FILTER for strategy in (_FILTERED, _DEFAULT))
# What other writers use when asked to optimise. Always tried, in case the sample is misleading.
_USUAL = Recipe(ADAPTIVE, 9, _FILTERED)


def compress(rows: Bytes, step: int, effort: str, *, wide: bool = False, rival: float | None = None) -> list[bytes]:
    """Filter and compress a picture's rows; return one zlib stream in pieces.

    rows: uint8, contiguous, shape rows x bytes of a row. step: bytes per pixel.
    effort: ``"fast"``, ``"balanced"`` or ``"small"``.
    wide: samples are of 16 bits. rival: the size of a stream that another way makes, relative to the rows; no pieces
    are returned where this one would be larger.
    """
    if effort == "fast":
        return _fast(rows, step, wide, rival)
    if effort == "balanced":
        return _cooked(rows, step, _Sample(rows, step, wide, max(_SMALL_PICTURE, rows.size // 96)).best(_BALANCED))
    recipe = _Sample(rows, step, wide, max(_SMALL_PICTURE, rows.size // 32)).best(_SMALL)
    return min((_cooked(rows, step, one) for one in sorted({recipe, _USUAL})), key=_size)


def _fast(rows: Bytes, step: int, wide: bool, rival: float | None) -> list[bytes]:
    if rows.size <= _SMALL_PICTURE:
        sample = _Sample(rows, step, wide, rows.size)
        recipe = sample.best((*_CHEAP, _FOR_SMALL[0]))
        if not sample.is_photograph(sample.ratio(recipe)):
            recipe = sample.best((recipe, _FOR_SMALL[1]))
        if sample.has_grey_pixels():
            recipe = sample.best((recipe, *_FOR_GREY))
    else:
        sample = _Sample(rows, step, wide, max(_SMALL_SAMPLE, rows.size // 160))
        recipe = _fast_for_large(sample)
    is_noise = sample.ratio(recipe) > _NOISE and not sample.has_grey_pixels()  # of which zlib finds the equal bytes
    if sample.ratio(recipe) > _FLAT and not is_noise and (rival is not None or not _is_surely_small(sample, recipe)):
        sample = sample.larger()
        recipe = _not_larger_than_usual(sample, recipe)
    expected = sample.ratio(recipe)
    if rival is not None and expected > rival * (1 if sample.is_whole else _UNLIKE):
        return []
    result = sample.stream(recipe, None if rival is None else int(rival * rows.size))
    size = _size(result) / rows.size
    if not result or sample.is_whole or recipe.strategy != ISAL or size <= _most(expected) + 256 / rows.size:
        return result
    return _second_try(sample, recipe, result)


def _second_try(sample: _Sample, recipe: Recipe, result: list[bytes]) -> list[bytes]:
    """Return the smaller stream of a picture that is larger than its sample promised.

    Its rows were unusual, or igzip misses patterns in long data that it found in short data.
    """
    size = _size(result) / sample.picture_bytes
    enough = _AS_GOOD if sample.is_photograph(size) else 1.0
    if _is_surely_a_photograph(sample, size) or size <= enough * sample.least_usual_ratio(recipe):
        return result
    for sample_bytes in (_SMALL_PICTURE, _MIDDLING_PICTURE):
        sample = sample.larger(sample_bytes)
        if size <= _AS_GOOD * sample.least_usual_ratio():
            return result
        if sample.size(recipe) <= _ACCEPTABLE * sample.least_usual() and size <= _LIKE * sample.ratio(recipe):
            return result
    second = _not_larger_than_usual(sample, recipe)
    return min(result, sample.stream(second if second != recipe else _with_strings(sample), None), key=_size)


def _most(expected: float) -> float:
    """Return how large a picture may be if its sample is as expected."""
    if expected > _COMPRESSIBLE:
        return _UNLIKE * expected
    return 2 * expected if expected > _FLAT else min(2 * expected, _FLAT)


def _is_surely_small(sample: _Sample, recipe: Recipe) -> bool:
    """Return whether a small sample shows that other writers make nothing smaller of the picture."""
    if sample.ratio(recipe) < _COMPRESSIBLE or sample.may_have_wide_letters(recipe):
        return False
    if sample.picture_bytes <= _TINY_PICTURE:
        return False
    if _is_surely_a_photograph(sample, sample.ratio(recipe)):
        return True
    enough = _SURELY
    if sample.is_photograph(sample.ratio(recipe), _RATHER_PLAINLY[sample.is_whole]) and not sample.has_grey_pixels():
        enough = _AS_GOOD if sample.picture_bytes <= _LARGE_PICTURE else _NEARLY_AS_GOOD
    # zlib takes six times as long as igzip: a part of the sample is mostly enough if rows are alike.
    samples = (sample.part(), sample) if sample.is_whole or sample.is_even else (sample,)
    return any(one.size(recipe) <= enough * one.least_usual(recipe) for one in samples)


def _is_surely_a_photograph(sample: _Sample, ratio: float) -> bool:
    """Return whether a picture of which so much remains is a photograph, whose strings are not worth looking for."""
    if not (sample.is_whole or ratio > _DETAILED) or not sample.is_photograph(ratio, _SURELY_PLAINLY[sample.is_whole]):
        return False
    return sample.is_even and not sample.has_grey_pixels()


def _not_larger_than_usual(sample: _Sample, recipe: Recipe) -> Recipe:
    """Return the best recipe of igzip, or one of another library if its result would be larger than other writers'.

    Those of zlib are what the others use, whatever the sample shows, and slower ones that may be smaller.
    """
    if sample.is_whole and (sample.picture_bytes <= _SMALL_PICTURE or sample.ratio(recipe) > _COMPRESSIBLE):
        return sample.best((recipe, *sample.usual()))
    if sample.ratio(recipe) > _NOISY and sample.size(recipe) <= sample.least_usual(recipe):
        return recipe
    quick = (recipe, *_CHEAP, *_FOR_COMPRESSIBLE)
    recipe = sample.best(quick)
    ratio, usual = sample.ratio(recipe), sample.least_usual()
    if ratio < _SMOOTH:
        recipe = sample.best((recipe, *_FOR_SMOOTH))
    elif sample.size(recipe) > usual:
        recipe = min(quick, key=sample.size)
    if recipe.row_filter == NONE:  # as of letters, whose samples differ more
        enough = 1.0 if ratio > _COMPRESSIBLE else _SURELY_FOR_LETTERS
    else:
        enough = _AS_GOOD if ratio > _COMPRESSIBLE else _SURELY
    enough = _AS_GOOD if sample.is_whole else enough
    return recipe if sample.size(recipe) <= enough * usual else sample.by_libdeflate(ratio) or _with_strings(sample)


def _with_strings(sample: _Sample) -> Recipe:
    """Return what is best of zlib."""
    every = (*sample.usual(), *_FOR_STRINGS)
    quick = sample.best(every)
    return quick if sample.ratio(quick) > _LITTLE else min(every, key=sample.size)


def _fast_for_large(sample: _Sample) -> Recipe:
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
        more.append(Recipe(PAETH, 1, handicap=1.07, window_bits=_SHORT_WINDOW))
    # Level 3 takes twice as long, but finds repeated patterns that level 1 misses. If there are any, no filter is about
    # as good as the best one.
    if sample.knows(_CHEAP[0]) and sample.size(_CHEAP[0]) < 1.1 * sample.size(recipe):
        more.append(Recipe(NONE, 3, handicap=1.25))
    if is_grey:
        more += _FOR_GREY
    return sample.best((recipe, *more))


class _Sample:
    """Some rows of a picture, and the sizes that recipes compress them to. A sample of all rows has no handicaps."""

    def __init__(
        self,
        rows: Bytes,
        step: int,
        wide: bool,
        sample_bytes: int,
        band_rows: int = _BAND_ROWS,
        part: dict[int, Bytes] | None = None,
    ) -> None:
        self._rows, self._step, self._wide = rows, step, wide
        self._bands = _bands(rows, sample_bytes, band_rows)
        self._filtered = part or {}
        self._sizes: dict[Recipe, int] = {}
        self.is_whole = self._bands == [(0, len(rows))] and not part
        self._streams: dict[Recipe, list[bytes]] = {}  # of the whole picture

    @property
    def picture_bytes(self) -> int:
        return self._rows.size

    def larger(self, sample_bytes: int = _LARGE_SAMPLE) -> _Sample:
        """Return a larger sample in tall bands; of all rows if there are not many."""
        if self.is_whole:
            return self
        sample_bytes = self._rows.size if self._rows.size <= _MIDDLING_PICTURE else sample_bytes
        band_rows = max(_TALL_BAND_ROWS, _WINDOW // self._rows.shape[1])
        larger = _Sample(self._rows, self._step, self._wide, sample_bytes, band_rows)
        return self if larger._bands == self._bands else larger  # which knows its sizes

    def part(self) -> _Sample:
        """Return a sample of a quarter of the rows, if they are all in this one, or else one of each pair."""
        chosen = np.arange(len(self._rows_through(NONE)))
        if len(chosen) < 8:
            return self
        chosen = chosen[chosen // 4 % 4 == 1] if self.is_whole else chosen[::_BAND_ROWS]
        kinds = (NONE, UP, SUB, PAETH)
        part = {kind: self._rows_through(kind)[chosen] for kind in ((*kinds, ADAPTIVE) if self._wide else kinds)}
        part[FEWER] = smallest([part[kind] for kind in kinds])
        return _Sample(self._rows, self._step, self._wide, 0, part=part)

    def best(self, recipes: Iterable[Recipe]) -> Recipe:
        return min(recipes, key=lambda recipe: self.size(recipe) * (1 if self.is_whole else recipe.handicap))

    def rivals(self) -> tuple[Recipe, ...]:
        """Return recipes with Sub and Up, without the one that is so much worse that compressing is not needed to know.

        The measure is that of the specification (section 12.7): the sum of the absolute filtered values.
        """
        totals = [int(sums.sum()) for sums in self._sums]
        return tuple(one for one, total in zip(_CHEAP[1:], totals, strict=True) if total <= _CLEARLY * min(totals))

    @functools.cached_property
    def _sums(self) -> list[Any]:
        both = [self._rows_through(kind) for kind in (SUB, UP)]
        return [np.minimum(left, np.negative(left)).sum(axis=1, dtype=np.int64) for left in both]

    @property
    def is_even(self) -> bool:
        """Return False if different rows are best filtered in different ways."""
        return bool(np.minimum(*self._sums).sum() > _EVEN * min(sums.sum() for sums in self._sums))

    def size(self, recipe: Recipe) -> int:
        if recipe not in self._sizes:
            packer = packer_of(recipe)
            pieces = [packer.compress(self._rows_through(recipe.row_filter).data), packer.flush()]
            self._sizes[recipe] = _size(pieces)
            if self.is_whole:
                self._streams[recipe] = pieces
        return self._sizes[recipe]

    def stream(self, recipe: Recipe, most: int | None) -> list[bytes]:
        """Return the stream of the whole picture; no pieces if they are more than so many bytes."""
        return self._streams.get(recipe) or _cooked(self._rows, self._step, recipe, most)

    def knows(self, recipe: Recipe) -> bool:
        """Return True if the recipe was tried."""
        return recipe in self._sizes

    def ratio(self, recipe: Recipe) -> float:
        return self.size(recipe) / self._rows_through(recipe.row_filter).size

    def is_photograph(self, ratio: float, plainly: float = _PLAINLY) -> bool:
        """Return True if so much remains of the picture, and more would without a filter, as of photographs."""
        if self._wide:
            return ratio > (_ROUGH if plainly <= _PLAINLY else _SURELY_ROUGH)
        return self.ratio(_CHEAP[0]) > plainly * ratio

    def may_have_wide_letters(self, recipe: Recipe) -> bool:
        """Return True if a picture of 16 bits is hardly larger without a filter."""
        return self._wide and self.size(_CHEAP[0]) < _HARDLY_PLAINLY * self.size(recipe)

    def usual(self, recipe: Recipe | None = None) -> tuple[Recipe, ...]:
        """Return what other writers use; not every filter for 16 bits if it is known which one is good."""
        if not self._wide:
            return _USUALLY_FAST
        if recipe is None:  # igzip takes a sixth of the time to show which filters cannot be the best
            sizes = {kind: self.size(Recipe(kind, 1)) for kind in _EVERY_FILTER}
            least = min(sizes.values())
            is_plain = least > _COMPRESSIBLE * self._rows_through(NONE).size and not self._is_grey()
            near = _NEAR * least if is_plain else math.inf
            kinds = {kind if kind != ADAPTIVE else self._adaptive for kind, size in sizes.items() if size <= near}
            return tuple(Recipe(kind, 1, _DEFAULT) for kind in sorted(kinds))
        kinds = {recipe.row_filter}
        if self.may_have_wide_letters(recipe):
            kinds.add(NONE)
        if self.ratio(recipe) < _ROUGH:
            kinds.add(self._adaptive)
        return tuple(Recipe(kind, 1, _DEFAULT) for kind in sorted(kinds))

    @functools.cached_property
    def _adaptive(self) -> int:
        """Return the filter that makes the same rows as one for each row does; ADAPTIVE if none does."""
        each = self._rows_through(ADAPTIVE)[:, 1:]
        known = (kind for kind in _EVERY_FILTER if kind == PAETH or kind in self._filtered)
        return next(kind for kind in known if np.array_equal(each, self._rows_through(kind)[:, 1:]))

    def by_libdeflate(self, ratio: float) -> Recipe | None:
        """Return a recipe of libdeflate that makes a picture of 16 bits as small as zlib does, in half of the time."""
        if not self._wide or ratio < _COMPRESSIBLE or self.picture_bytes > MOST_AT_ONCE:
            return None
        best = min(self.usual(), key=self.size)
        recipe = Recipe(best.row_filter, 2, LIBDEFLATE)
        return recipe if self.size(recipe) <= self.size(best) else None

    def least_usual(self, recipe: Recipe | None = None) -> int:
        return min(map(self.size, self.usual(recipe)))

    def least_usual_ratio(self, recipe: Recipe | None = None) -> float:
        return min(map(self.ratio, self.usual(recipe)))

    def has_grey_pixels(self) -> bool:
        """Return True if red, green and blue, of 8 bits, are equal in every pixel."""
        return not self._wide and self._is_grey()

    def _is_grey(self) -> bool:
        values = self._rows_through(NONE)[:, 1:]
        if self._wide:
            values = values.reshape(-1, 2).view(np.uint16)
        channels = self._step // values.itemsize
        if channels < 3:
            return False
        pixels = values.reshape(-1, channels)
        return np.array_equal(pixels[:, 0], pixels[:, 1]) and np.array_equal(pixels[:, 1], pixels[:, 2])

    def _rows_through(self, row_filter: int) -> Bytes:
        if row_filter not in self._filtered:
            self._filtered[row_filter] = filtered(self._rows, row_filter, self._step, self._bands)
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


def _cooked(rows: Bytes, step: int, recipe: Recipe, most: int | None = None) -> list[bytes]:
    """Return the stream of a picture; no pieces if they are more than so many bytes."""
    # A part of the rows at a time: the filtered rows stay in the cache, and memory for all of them is not needed, whose
    # allocation takes a tenth of the time of deflating them.
    packer = packer_of(recipe)
    run = max(1, MOST_AT_ONCE // rows.shape[1])
    pieces: list[bytes] = []
    for top in range(0, len(rows), run):
        part = filtered(rows, recipe.row_filter, step, [(top, min(top + run, len(rows)))])
        pieces.append(packer.compress(part.data))
        if most is not None and _size(pieces) > most:
            return []
    return [*pieces, packer.flush()]


def _size(pieces: list[bytes]) -> int:
    return sum(map(len, pieces))
