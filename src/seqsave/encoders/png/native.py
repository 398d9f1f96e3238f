"""The C extension of the package seqsave-native, if it is installed, and which pictures it encodes.

It gives each byte of the filtered rows a Huffman code and looks for runs only. For most photographs and renders this is
smaller than what igzip makes of them, in a third of the time. In frames of videos, whose pixels are grey after a row
filter, and in grey pictures that are stored as RGB, it also looks for pairs of grey pixels. Other pictures are left to
igzip and zlib, which find repeated strings. Pixels, options and errors are the same with and without it.
"""

from __future__ import annotations

import functools
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from isal import isal_zlib

from seqsave.encoders.png.filters import ADAPTIVE, NONE, UP

if TYPE_CHECKING:
    from collections.abc import Callable

    from seqsave.types import ImageArray

__all__ = ["Native", "compressed", "kernel", "native"]

_API = 3
_WITHOUT = "igzip and zlib"
_LEAST, _MOST = 1 << 16, 1 << 29
_SAMPLE_BYTES, _LARGE_SAMPLE, _LARGER_SAMPLE = 1 << 16, 1 << 17, 3 << 16
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
# Where there may be letters it has to be by far, since both ways are tried then.
_COLOURS, _CLEARLY, _BY_FAR = (3, 6), 0.97, 0.9
# No filter is not tried with strings where it is so much worse for single bytes, as in photographs. If it is, and
# single bytes make more than this of the picture, the same goes for Up from the second number on.
_HOPELESS, _SURELY_HOPELESS = 1.5, 2.0
_DETAILED, _HOPELESS_UP = 0.42, 1.04
# How large single bytes may be relative to strings, since they take a third of the time; and up to where a small sample
# is not enough to know. It shows too few strings of grey pixels.
_AS_GOOD, _CLOSE = 1.01, 1.04
# What a sample may be wrong by before a larger one is looked at.
_DECEIVED = 1.1


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
        return usual(rival=1.0)
    stream = used.deflate(*rows, choice.row_filter, choice.grey)
    ratio = len(stream) / image.nbytes
    deceived = ratio > _DECEIVED * choice.expected and not _is_as_good(used, rows, choice, ratio)
    if choice.in_doubt or deceived:
        other = usual(rival=ratio)
        return other if sum(map(len, other)) < len(stream) else stream
    return stream


def _is_as_good(used: Any, rows: tuple[Any, ...], choice: _Choice, ratio: float) -> bool:
    """Return whether a larger sample, which is like the picture, is not worth strings."""
    sampled = _without_strings(used, rows, choice.row_filter, choice.grey, _LARGER_SAMPLE)
    strings = _with_strings(used, rows, choice.rival, _LARGER_SAMPLE)
    return bool(ratio <= _DECEIVED * sampled and sampled <= _AS_GOOD * strings)


class _Choice(NamedTuple):
    """A row filter, whether to look for grey pixels, the ratio that is expected, and the row filter best for igzip.

    in_doubt: whether samples do not show which way is better.
    """

    row_filter: int
    grey: bool
    expected: float
    rival: int
    in_doubt: bool = False


def _choice(used: Any, rows: tuple[Any, ...]) -> _Choice | None:
    """Return what the extension is to do; None if strings are better."""
    size = _SAMPLE_BYTES
    ratios = dict(enumerate(used.survey(*rows, size, _EVERY_FILTER)))
    each = ratios.pop(ADAPTIVE)
    first = min(ratios, key=ratios.__getitem__)
    if first == NONE:  # as for patterns, where a filter for each row gains more than a sample shows
        ratios = dict(enumerate(used.survey(*rows, 4 * size, _EVERY_FILTER)))
        each = ratios.pop(ADAPTIVE)
    if each < (1.0 if first == NONE else _FOR_EACH_ROW) * ratios[first]:
        first, ratios[ADAPTIVE] = ADAPTIVE, each
    if ratios[first] > _NOISE:
        first = NONE
    ratio, is_grey = ratios[first], False
    rivals = {first, UP, NONE} if ratios[NONE] < _HOPELESS * ratio else {first, UP}
    if NONE not in rivals and ratio > _DETAILED and ratios[UP] > _HOPELESS_UP * ratio:
        rivals = {first}
    if rows[3] in _COLOURS and first != NONE:
        large = min(_LARGE_SAMPLE, max(size, len(rows[0]) * rows[2] // 8))
        paired = _without_strings(used, rows, first, True, large)
        gain = paired / _without_strings(used, rows, first, False, large) if paired < 1 else 1.0
        in_doubt = gain < _CLEARLY and _may_have_letters(used, rows, ratios[NONE] / ratio)
        if in_doubt and gain < _BY_FAR and paired >= _COMPRESSIBLE:
            return _Choice(first, True, paired, UP, in_doubt)
        if gain < _CLEARLY and not in_doubt:
            ratio, is_grey, rivals = paired, True, {UP}
    if ratio < _COMPRESSIBLE:
        return None
    band = _WINDOW if ratio < _GRADUAL else 0
    strings, rival = min((_with_strings(used, rows, one, 2 * band or size, band), one) for one in rivals)
    if (is_grey or ratio > _AS_GOOD * strings) and ratio < _CLOSE * strings:
        size = min(_LARGER_SAMPLE, max(size, len(rows[0]) * rows[2] // 8))
        ratio = _without_strings(used, rows, first, is_grey, size)
        strings = _with_strings(used, rows, rival, size)
    return _Choice(first, is_grey, ratio, rival) if ratio <= _AS_GOOD * strings else None


def _may_have_letters(used: Any, rows: tuple[Any, ...], without_filter: float) -> bool:
    """Return whether a picture with grey pixels may be a screenshot: zlib makes strings of what is grey beside letters.

    A sample does not show those strings, but that no filter is about as good as one, or for strings better. Grey pixels
    of 16 bits may also be 8 bits that were widened or shifted, in which zlib finds more strings than igzip.

    without_filter: the ratio without a filter, relative to that with the best one.
    """
    if rows[4]:
        return True
    if without_filter > _SURELY_HOPELESS:
        return False
    plain, filtered = (_with_strings(used, rows, one, _SAMPLE_BYTES) for one in (NONE, UP))
    return plain < _HOPELESS * filtered


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
