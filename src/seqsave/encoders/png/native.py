"""The C extension of the package seqsave-native, if it is installed, and which pictures it encodes.

It gives each byte of the filtered rows a Huffman code and looks for runs only. For most photographs and renders this is
smaller than what igzip makes of them, in a third of the time. In frames of videos, whose pixels are grey after a row
filter, and in grey pictures that are stored as RGB, it also looks for pairs of grey pixels. Other pictures are left to
igzip and zlib, which find repeated strings. Pixels, options and errors are the same with and without it.
"""

from __future__ import annotations

import functools
import math
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from isal import isal_zlib

from seqsave.encoders.png.filters import ADAPTIVE, FEWER, NONE, SUB, UP, filter_bands

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from seqsave.encoders.png.filters import Bytes
    from seqsave.types import ImageArray

__all__ = ["Native", "compressed", "filtered", "kernel", "native"]

_API = 6
_WITHOUT = "igzip and zlib"
_LEAST, _MOST = 1 << 15, 1 << 29
_SMALL_PICTURE = 1 << 19
_SMALL_SAMPLE, _SAMPLE_BYTES, _LARGE_SAMPLE, _LARGER_SAMPLE = 1 << 15, 1 << 16, 1 << 17, 3 << 16
_EVERY_FILTER = 0b111111
# Sizes relative to the raw size. Below the first one, strings are worth more than single bytes; from the second one on,
# nothing makes the picture smaller.
_COMPRESSIBLE, _NOISE = 0.12, 0.98
# Below this, strings may be of pixels that are some rows apart, as in gradients: samples are of whole windows, and
# zlib, which finds more of them, is asked too.
_GRADUAL, _WINDOW = 0.25, 1 << 15
# A filter for each row takes a quarter longer than one for all.
_FOR_EACH_ROW = 0.985
# Pixels of so many bytes may be grey, as RGB. Pairs of them are looked for where that makes so much of the size.
_COLOURS, _CLEARLY = (3, 6), 0.97
# No filter is not tried with strings where it is so much worse for single bytes, as in photographs. If it is, and
# single bytes make more than this of the picture, the same goes for Up from the second number on.
_HOPELESS = 1.5
_DETAILED, _HOPELESS_UP = 0.42, 1.04
# How large single bytes may be relative to strings, since they take a third of the time, also from the second ratio on;
# and up to where a small sample is not enough to know. It shows too few strings of grey pixels.
_AS_GOOD, (_AS_GOOD_GRAIN, _GRAIN), _CLOSE = 1.01, (1.02, 0.6), 1.04
# Photographs are larger by these without a filter than with one: those of 8 bits, from a ratio on; frames of videos,
# and others of which pairs make less; and those of 16 bits, from a ratio on, if igzip does not find any strings either.
# zlib does not make them smaller.
(_PLAINLY, _FINE), _FAR_PLAINLY, (_HARDLY_PLAINLY, _ROUGH) = (1.25, 0.46), 1.7, (1.08, 0.7)
# How large pictures that compress well may be relative to a sample by other writers. Its bands have so many bytes.
_SURELY, _TALL = 0.97, 1 << 14
# What a sample may be wrong by before a larger one is looked at, by whether the picture is small.
_DECEIVED = (1.1, 1.04)


class Native(NamedTuple):
    """The module of the extension, None if it is not used, and a text: which encoder is used, and why."""

    kernel: Any
    state: str
    is_installed: bool = True


@functools.cache
def native() -> Native:
    """Return the extension; it is imported by the first call."""
    try:
        import seqsave_native
    except ImportError:
        return Native(None, f"{_WITHOUT}; seqsave-native is not installed (pip install 'seqsave[fast]')", False)
    try:
        from seqsave_native import _kernel
    except ImportError as error:
        return Native(None, f"{_WITHOUT}; seqsave-native is installed without its extension: {error}")
    version = seqsave_native.__version__
    if getattr(_kernel, "API", None) != _API:
        advice = "pip install --upgrade 'seqsave[fast]'"
        return Native(None, f"{_WITHOUT}; seqsave-native {version} does not fit this version of seqsave ({advice})")
    return Native(_kernel, f"seqsave-native {version} ({_kernel.level()})")


def kernel() -> Any:
    """Return the module of the extension; None if it is not used."""
    return native().kernel


def filtered(rows: Bytes, row_filter: int, step: int, bands: Sequence[tuple[int, int]]) -> Bytes:
    """Return the filtered rows of bands, as ``filter_bands`` does; from the extension if there is one."""
    used = kernel()
    if used is None:
        return filter_bands(rows, row_filter, step, bands)
    out: Bytes = np.empty((sum(bottom - top for top, bottom in bands), rows.shape[1] + 1), np.uint8)
    start = 0
    for top, bottom in bands:
        used.filter_rows(rows, out[start : start + bottom - top], rows.shape[1], step, top, bottom, row_filter)
        start += bottom - top
    return out


def compressed(image: ImageArray, usual: Callable[..., list[bytes]]) -> Any:
    """Return the zlib stream of a picture's filtered rows: the extension's, or the usual one where that is smaller.

    image: H,W,C of uint8 or uint16. usual: makes the stream of igzip or zlib, in pieces; ``rival``, the size of another
    stream relative to the rows or 1, says that the picture may have repeated strings.

    The extension's is a buffer of bytes, with ``between(head, tail)`` for a copy of it between others; the usual one is
    a list.
    """
    used = kernel()
    if used is None or not _LEAST <= image.nbytes <= _MOST:
        return usual()
    height, width, channels = image.shape
    wide = image.itemsize == 2
    step = channels * image.itemsize
    rows = (np.ascontiguousarray(image, image.dtype.newbyteorder("=")), height, width * step, step, wide)
    choice = _choice(used, rows)
    if choice is None:
        return usual()
    stream = used.deflate(*rows, choice.row_filter, choice.grey)
    ratio = len(stream) / image.nbytes
    in_doubt = max(ratio, choice.expected) > (_SURELY if ratio < _GRADUAL else 1.0) * choice.usual
    if in_doubt or _is_deceived(used, rows, choice.expected, ratio):
        other = usual(rival=ratio)
        return other if other and sum(map(len, other)) < len(stream) else stream
    return stream


def _is_deceived(used: Any, rows: tuple[Any, ...], expected: float, ratio: float) -> bool:
    """Return whether a picture is larger than its sample, and than other writers make it, as a larger sample shows."""
    every = rows[1] * rows[2]
    if ratio <= _DECEIVED[every < _SMALL_PICTURE] * expected:
        return False
    bands = (every, every) if every < _SMALL_PICTURE else (_LARGER_SAMPLE, _TALL)
    return ratio > _smallest(used, rows, range(ADAPTIVE + 1) if rows[4] else (FEWER,), bands)


def _smallest(used: Any, rows: tuple[Any, ...], kinds: Iterable[int], bands: tuple[int, int]) -> float:
    """Return the least ratio that zlib makes of a sample after one of these row filters."""
    samples = (used.sample(*rows, kind, *bands) for kind in kinds)
    return min(len(zlib.compress(filtered, 1)) / len(filtered) for filtered in samples)


class _Choice(NamedTuple):
    """A row filter, whether to look for grey pixels, and the ratio that is expected.

    usual: the ratio that other writers may make; infinite for what is surely a photograph.
    """

    row_filter: int
    grey: bool
    expected: float
    usual: float


def _choice(used: Any, rows: tuple[Any, ...]) -> _Choice | None:
    """Return what the extension is to do; None if strings are better."""
    every = rows[1] * rows[2]
    size = _SMALL_SAMPLE if every < 2 * _SMALL_PICTURE else _SAMPLE_BYTES
    without_strings = functools.cache(functools.partial(_without_strings, used, rows))
    with_strings = functools.cache(functools.partial(_with_strings, used, rows))
    first, ratios = _filter(used, rows, size)
    ratio, is_grey = ratios[first], False
    rivals = {first, UP, NONE} if ratios[NONE] < _HOPELESS * ratio else {first, UP}
    if NONE not in rivals and ratio > _DETAILED and ratios[UP] > _HOPELESS_UP * ratio:
        rivals = {first}
    if rows[3] in _COLOURS and first != NONE:
        large = min(_LARGE_SAMPLE, max(_SAMPLE_BYTES, every // 8))
        paired = without_strings(first, True, large)
        if paired < 1 and paired < _CLEARLY * without_strings(first, False, large):
            ratio, is_grey, rivals = paired, True, {UP}
    if ratio < _COMPRESSIBLE:
        return None
    band = _WINDOW if ratio < _GRADUAL else 0
    strings, rival = min((with_strings(one, 2 * band or size, band), one) for one in rivals)
    if (_CLEARLY if is_grey else _AS_GOOD) * strings < ratio < _CLOSE * strings:
        large = min(_LARGER_SAMPLE, max(_SAMPLE_BYTES, every // 8))
        ratio, strings = without_strings(first, is_grey, large), with_strings(rival, large)
    if ratio > (_AS_GOOD_GRAIN if ratio > _GRAIN else _AS_GOOD) * strings:
        return None
    kinds = {*rivals, first, NONE, ADAPTIVE} if rows[4] else {FEWER}
    if rows[4] and strings <= ratio:  # as of waves
        kinds.add(SUB)
    is_photograph = _is_photograph(ratio, strings, ratios[NONE] / ratios[first], rows[4], is_grey)
    usual = math.inf if is_photograph else _usual(used, rows, kinds, ratio, is_grey)
    return _Choice(first, is_grey, ratio, usual)


def _filter(used: Any, rows: tuple[Any, ...], size: int) -> tuple[int, dict[int, float]]:
    """Return the best row filter, and the ratios of those that count."""
    ratios = dict(enumerate(used.survey(*rows, size, _EVERY_FILTER)))
    each = ratios.pop(ADAPTIVE)
    first = min(ratios, key=ratios.__getitem__)
    if first == NONE:  # as for patterns, where a filter for each row gains more than a sample shows
        ratios = dict(enumerate(used.survey(*rows, 4 * size, _EVERY_FILTER)))
        each = ratios.pop(ADAPTIVE)
    if each < (1.0 if first == NONE else _FOR_EACH_ROW) * ratios[first]:
        first, ratios[ADAPTIVE] = ADAPTIVE, each
    return NONE if ratios[first] > _NOISE else first, ratios


def _usual(used: Any, rows: tuple[Any, ...], kinds: set[int], ratio: float, is_grey: bool) -> float:
    """Return the ratio that other writers may make, with the best of these row filters."""
    if rows[4] and is_grey:  # may be 8 bits that were widened or shifted, of which a sample shows too few strings
        return 0.0
    every = rows[1] * rows[2]
    if ratio > _FINE and every < _SMALL_PICTURE:
        bands = _SMALL_SAMPLE, 0
    else:
        bands = (every, every) if every < _SMALL_PICTURE // 2 else (_SAMPLE_BYTES, _TALL)
    return _smallest(used, rows, kinds, bands)


def _is_photograph(ratio: float, strings: float, gain: float, wide: bool, is_grey: bool) -> bool:
    """Return whether a picture surely has no letters and patterns, for which zlib may be better than the extension.

    strings: the ratio that igzip makes of the sample. gain: the ratio without a filter, relative to that with one.
    """
    if ratio > _NOISE:
        return True
    if wide:
        return ratio > _ROUGH and gain > _HARDLY_PLAINLY and strings > ratio
    return (ratio > _FINE and gain > _PLAINLY) or (is_grey and ratio > _GRADUAL and gain > _FAR_PLAINLY)


def _without_strings(used: Any, rows: tuple[Any, ...], row_filter: int, grey: bool, size: int) -> float:
    """Return the ratio that the extension makes of a sample."""
    if grey:
        return float(used.survey_grey(*rows, row_filter, size))
    return float(used.survey(*rows, size, 1 << row_filter)[row_filter])


def _with_strings(used: Any, rows: tuple[Any, ...], row_filter: int, size: int, band: int = 0) -> float:
    """Return the ratio that igzip makes of the sample, or zlib if it is less; zlib only with bands of so many bytes."""
    filtered = used.sample(*rows, row_filter, size, band)
    packed = len(isal_zlib.compress(filtered, 1))
    return (min(packed, len(zlib.compress(filtered, 1))) if band else packed) / len(filtered)
