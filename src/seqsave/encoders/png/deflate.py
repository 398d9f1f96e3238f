"""Compress rows of pixels for a PNG, with the row filter and compressor that do best on a sample of the rows.

When asked to be fast, files are not to be larger than those of others: of Pillow at level 1 for 8 bits, and of zlib at
level 1 with the best filter for 16 bits, which Pillow does not write in colour. igzip takes a fifth of zlib's time, and
is as small for photographs, whose filtered rows hold nearly no repeated strings. libdeflate takes two thirds of zlib's
time, and is smaller for nearly all pictures. So igzip and zlib compress a small sample, and a larger one if that is not
clear. igzip compresses the picture if its sample is about as small as zlib's, and libdeflate if it is not.

The interpreter's lock is never held for long, so that frames are encoded on all cores.
"""

from __future__ import annotations

import functools
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

import deflate
import numpy as np
from isal import isal_zlib

from seqsave.encoders.png.filters import ADAPTIVE, AVERAGE, FEWER, NONE, PAETH, SUB, UP
from seqsave.encoders.png.native import filtered

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seqsave.encoders.png.filters import Bytes

__all__ = ["compress"]

_BANDS, _BAND_ROWS = 4, 2  # at least: several bands for variety, of two rows because neighbours are alike
# For repetitions from row to row, as of letters: about as many as deflate's window holds.
_WINDOW = 1 << 15
_UNEVEN, _LONG = 0.414, 1 << 13
_TINY_PICTURE, _SMALL_SAMPLE, _LARGE_SAMPLE, _MIDDLING_PICTURE = 1 << 14, 1 << 12, 1 << 16, 1 << 17
# libdeflate needs all filtered rows at once. For pictures of more bytes, that is too much memory beside them: zlib gets
# theirs part by part. 8K RGB of 8 bits is smaller.
_MOST_AT_ONCE, _PART_BYTES = 1 << 27, 1 << 21
# Sizes relative to the raw size. zlib makes nothing much smaller than the first. Coarse grain has almost no strings.
_FLAT, _COMPRESSIBLE, _COARSE, _NOISY = 0.0055, 0.25, 0.45, 0.6
_NOISE = 0.98
# Sums of absolute values, relative to that of the better one of Sub and Up: no filter is not tried above the first,
# Paeth only below the second.
_HOPELESS, _CLEARLY = 4.5, 0.85
# What igzip's result may be of zlib's: of a small sample of a photograph, of a photograph of 16 bits, and of others; of
# a larger sample, which may also be larger by the last one of the raw size.
_PLAIN, _PLAIN_WIDE, _OTHER, _LARGER, _SLACK = 1.01, 0.98, 0.96, 1.01, 0.0005
# How much larger than its sample a picture may be before a larger sample is looked at.
_UNLIKE, _UNLIKE_DRAWN = 1.2, 1.1


class _Recipe(NamedTuple):
    """The parameters of a stream: a compressor and its level, a row filter, and deflate's window.

    handicap: factor by which its result must be smaller than another's, because it takes longer.
    """

    compressor: str
    level: int
    row_filter: int
    window_bits: int = zlib.MAX_WBITS
    handicap: float = 1.0


_EVERY_FILTER = (NONE, SUB, UP, AVERAGE, PAETH, ADAPTIVE)
_SHORT_WINDOW = 10  # spends no bits on distant short matches, of which the grain of photographs has many
_BALANCED = (
    *(_Recipe("igzip", 1, kind, _SHORT_WINDOW) for kind in (SUB, UP, AVERAGE, PAETH)),
    _Recipe("igzip", 1, ADAPTIVE, _SHORT_WINDOW, 1.02),
    *(_Recipe("libdeflate", 6, kind, handicap=1.04) for kind in _EVERY_FILTER),
)
_SMALL = tuple(_Recipe("libdeflate", 12, kind) for kind in _EVERY_FILTER)
# What other writers use when asked to optimise. Always tried, in case the sample is misleading.
_USUALLY_SMALL = _Recipe("zlib", 9, ADAPTIVE)


def compress(rows: Bytes, step: int, effort: str, *, wide: bool = False, rival: float | None = None) -> list[bytes]:
    """Filter and compress a picture's rows; return one zlib stream in pieces.

    rows: uint8, contiguous, shape rows x bytes of a row. step: bytes per pixel.
    effort: ``"fast"``, ``"balanced"`` or ``"small"``.
    wide: samples are of 16 bits. rival: the size of a stream that another way makes, relative to the rows, of a picture
    that may have strings; no pieces are returned where this one would be larger.
    """
    if effort == "fast":
        return _fast(rows, step, wide) if rival is None else _smaller(rows, step, wide, rival)
    if effort == "balanced":
        sample = _Sample(rows, step, wide, max(_LARGE_SAMPLE, rows.size // 96))
        return sample.stream(sample.best(_BALANCED))
    sample = _Sample(rows, step, wide, max(_LARGE_SAMPLE, rows.size // 32))
    return min((sample.stream(one) for one in (sample.best(_SMALL), _USUALLY_SMALL)), key=_size)


def _fast(rows: Bytes, step: int, wide: bool) -> list[bytes]:
    size = rows.size if rows.size <= _TINY_PICTURE else max(_SMALL_SAMPLE, rows.size // 256)
    sample = _Sample(rows, step, wide, size)
    recipe = _quick(sample)
    if not sample.is_enough(recipe, sample.ratio(recipe)):
        sample = sample.larger
        recipe = _quick(sample)
        if not sample.is_enough(recipe, sample.ratio(recipe)):
            return sample.stream(sample.with_strings(recipe))
    result = sample.stream(recipe)
    # A picture may be larger than its sample: that was of unusual rows, or igzip misses patterns in long data that it
    # found in short data.
    ratio = _size(result) / rows.size
    if ratio <= _FLAT or sample.is_like(recipe, ratio):
        return result
    sample = sample.larger
    if sample.is_like(recipe, ratio) and sample.is_enough(recipe, sample.ratio(recipe)):
        return result
    return min(result, sample.stream(sample.with_strings(recipe)), key=_size)


def _smaller(rows: Bytes, step: int, wide: bool, rival: float) -> list[bytes]:
    """Return the stream with strings; no pieces if it is larger than the rival's."""
    sample = _Sample(rows, step, wide, _SMALL_SAMPLE).larger
    recipe = sample.with_strings(_quick(sample))
    if sample.ratio(recipe) > rival * (1 if sample.is_whole else _UNLIKE):
        return []
    result = sample.stream(recipe)
    return result if _size(result) <= rival * rows.size else []


def _quick(sample: _Sample) -> _Recipe:
    """Return the best recipe of igzip."""
    sums = {kind: int(sample.sums(kind).sum()) for kind in (UP, SUB, NONE)}
    first = min((UP, SUB), key=sums.__getitem__)
    recipe = _Recipe("igzip", 1, first)
    # No filter gives twice the size of photographs.
    if sums[NONE] < _HOPELESS * sums[first] or not _COMPRESSIBLE < sample.ratio(recipe) < _NOISY:
        recipe = sample.best((recipe, _Recipe("igzip", 1, NONE)))
    if sample.ratio(recipe) <= _COARSE:
        return recipe
    recipe = recipe._replace(window_bits=_SHORT_WINDOW)
    if sample.sums(PAETH).sum() > _CLEARLY * sums[first]:
        return recipe
    return sample.best((recipe, _Recipe("igzip", 1, PAETH, _SHORT_WINDOW, 1.07)))


class _Sample:
    """Some rows of a picture, and the sizes that recipes compress them to. A sample of all rows has no handicaps."""

    def __init__(self, rows: Bytes, step: int, wide: bool, sample_bytes: int, band_rows: int = 0) -> None:
        self._rows, self._step, self._wide = rows, step, wide
        self._is_larger = band_rows > 0
        bands = _bands(rows, sample_bytes, band_rows or (_BAND_ROWS if rows.shape[1] < _LONG else 1))
        self.is_whole = bands == [(0, len(rows))]
        self._run = len(rows) if self.is_whole else bands[0][1] - bands[0][0] + 1
        # Of each band also the row above it, so that all of them can be filtered as one picture.
        self._chosen = rows if self.is_whole else np.concatenate([rows[top - 1 : bottom] for top, bottom in bands])
        self._filtered: dict[int, Bytes] = {}
        self._sums: dict[int, Any] = {}
        self._streams: dict[_Recipe, list[bytes]] = {}

    @functools.cached_property
    def larger(self) -> _Sample:
        """Return a larger sample in tall bands; of all rows if there are not many."""
        if self.is_whole:
            return self
        size = self._rows.size if self._rows.size <= _MIDDLING_PICTURE else _LARGE_SAMPLE
        return _Sample(self._rows, self._step, self._wide, size, max(_BAND_ROWS, _WINDOW // self._rows.shape[1]))

    def best(self, recipes: Iterable[_Recipe]) -> _Recipe:
        return min(recipes, key=lambda recipe: self.ratio(recipe) * (1 if self.is_whole else recipe.handicap))

    def ratio(self, recipe: _Recipe) -> float:
        if recipe not in self._streams:
            self._streams[recipe] = _packed([self._through(recipe.row_filter)], recipe)
        return _size(self._streams[recipe]) / self._through(recipe.row_filter).size

    def stream(self, recipe: _Recipe) -> list[bytes]:
        """Return the stream of the whole picture."""
        if self.is_whole:
            self.ratio(recipe)
            return self._streams[recipe]
        height, length = self._rows.shape
        at_once = recipe.compressor == "libdeflate"
        if at_once and self._rows.size > _MOST_AT_ONCE:
            recipe, at_once = recipe._replace(compressor="zlib", level=min(recipe.level - 1, 9)), False
        run = height if at_once else max(1, _PART_BYTES // length)  # a part of the filtered rows stays in the cache
        parts = ((top, min(top + run, height)) for top in range(0, height, run))
        return _packed((filtered(self._rows, recipe.row_filter, self._step, *part) for part in parts), recipe)

    def is_enough(self, recipe: _Recipe, ratio: float) -> bool:
        """Return whether a result of igzip, relative to the rows, is about as small as that of other writers."""
        if ratio <= _FLAT:
            return True
        if self.is_whole:
            most = 1.0
        elif self._is_larger:
            most = _LARGER
        elif ratio > _COARSE:
            plain = ratio > _NOISE or self.sums(NONE).sum() > _HOPELESS * self.sums(recipe.row_filter).sum()
            most = _PLAIN_WIDE if self._wide else _PLAIN if plain else _OTHER
        elif ratio > _COMPRESSIBLE:
            most = _OTHER
        else:
            return False
        return ratio <= most * min(map(self.ratio, self.usual(recipe))) + _SLACK * (
            self._is_larger and not self.is_whole
        )

    def is_like(self, recipe: _Recipe, ratio: float) -> bool:
        """Return whether a picture that became so large is about as large as its sample."""
        expected = self.ratio(recipe)
        return ratio <= (_UNLIKE if expected > _COMPRESSIBLE else _UNLIKE_DRAWN) * expected

    def usual(self, recipe: _Recipe) -> list[_Recipe]:
        """Return what other writers use when asked to be fast, of 16 bits with the filters that may be the best."""
        kinds: tuple[int, ...] = (FEWER,)
        if self._wide:
            ratio = self.ratio(recipe)
            kinds = (recipe.row_filter, ADAPTIVE) if ratio < _COARSE else (recipe.row_filter,)
            if (self._is_larger and ratio < _COARSE) or self.is_whole:
                kinds = _EVERY_FILTER
        return [_Recipe("zlib", 1, kind, handicap=1.03) for kind in kinds]

    def with_strings(self, recipe: _Recipe) -> _Recipe:
        """Return the best recipe that looks for all strings; recipe: the best one of igzip."""
        kinds: tuple[int, ...] = (recipe.row_filter, ADAPTIVE if self._wide else FEWER)
        is_compressible = self.ratio(recipe) < _COMPRESSIBLE
        if is_compressible or self.is_whole:
            kinds = _EVERY_FILTER if self._wide else (NONE, SUB, UP, PAETH, FEWER)
        # Level 4 takes a tenth longer for what compresses well, and is several per cent smaller.
        if is_compressible and self._wide and not self.is_whole:
            # zlib knows better than libdeflate which filter is good for letters of which there are few in the sample.
            kinds = (min(self.usual(recipe), key=self.ratio).row_filter,)
        # Samples of letters, which are best without a filter, differ more than others.
        some = [
            _Recipe("libdeflate", 4 if is_compressible else 2, kind, handicap=1.05 if kind else 1) for kind in kinds
        ]
        if self.is_whole:
            some += [recipe, *self.usual(recipe)]
        elif not is_compressible:
            some += self.usual(recipe)
        return self.best(some)

    def sums(self, row_filter: int) -> Any:
        """Return the sum of absolute values of each row: the measure of the specification (section 12.7)."""
        if row_filter not in self._sums:
            left = np.abs(self._through(row_filter)[:, 1:].view(np.int8)).view(np.uint8)
            self._sums[row_filter] = left.sum(axis=1, dtype=np.int64)
        return self._sums[row_filter]

    def _through(self, row_filter: int) -> Bytes:
        if row_filter not in self._filtered:
            if row_filter in (FEWER, ADAPTIVE):
                kinds = (NONE, UP, SUB, AVERAGE, PAETH) if row_filter == ADAPTIVE else (NONE, UP, SUB, PAETH)
                chosen = np.argmin([self.sums(kind) for kind in kinds], axis=0)
                made = self._through(NONE).copy()
                for number, kind in enumerate(kinds):
                    made[chosen == number] = self._through(kind)[chosen == number]
            else:
                made = filtered(self._chosen, row_filter, self._step)
                if not self.is_whole:
                    length = made.shape[1]
                    made = np.ascontiguousarray(made.reshape(-1, self._run, length)[:, 1:]).reshape(-1, length)
            self._filtered[row_filter] = made
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
    parts = [(max(1, number * height // count), (number + 1) * height // count - run) for number in range(count)]
    tops = [first + int((number * _UNEVEN % 1) * (last - first)) for number, (first, last) in enumerate(parts)]
    return [(top, top + run) for top in tops]


def _packed(parts: Iterable[Bytes], recipe: _Recipe) -> list[bytes]:
    """Return the stream of filtered rows."""
    if recipe.compressor == "libdeflate":
        (whole,) = parts
        return [bytes(deflate.zlib_compress(whole.data, recipe.level))]
    if recipe.compressor == "igzip":
        packer: Any = isal_zlib.compressobj(recipe.level, zlib.DEFLATED, recipe.window_bits)
    else:
        packer = zlib.compressobj(recipe.level, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL + 1, zlib.Z_FILTERED)
    pieces = [packer.compress(part.data) for part in parts]
    return [*pieces, packer.flush()]


def _size(pieces: list[bytes]) -> int:
    return sum(map(len, pieces))
