"""The libraries that compress for a PNG, with their parameters: igzip, zlib and libdeflate."""

from __future__ import annotations

import zlib
from typing import Any, NamedTuple

import deflate
from isal import isal_zlib

__all__ = ["ISAL", "LIBDEFLATE", "MOST_AT_ONCE", "Recipe", "packer_of"]

ISAL, LIBDEFLATE = -1, -2
"""In place of zlib's strategies, which are not negative."""
MOST_AT_ONCE = 1 << 21
"""The most bytes that a packer gets at once, and all that libdeflate gets."""


class Recipe(NamedTuple):
    """The parameters of a stream: a row filter, a level, zlib's strategy or another library, and deflate's window.

    handicap: factor by which its result must be smaller than another's, because it takes longer.
    """

    row_filter: int
    level: int
    strategy: int = ISAL
    handicap: float = 1.0
    window_bits: int = zlib.MAX_WBITS


class _Libdeflate(NamedTuple):
    """A compressor object as of zlib, of at most ``MOST_AT_ONCE``: libdeflate compresses whole data only."""

    level: int

    def compress(self, data: memoryview) -> bytes:
        return bytes(deflate.zlib_compress(data, self.level))

    def flush(self) -> bytes:
        return b""


def packer_of(recipe: Recipe) -> Any:
    """Return an object with zlib's ``compress`` and ``flush``; pieces have at most ``MOST_AT_ONCE`` bytes."""
    if recipe.strategy == LIBDEFLATE:
        return _Libdeflate(recipe.level)
    if recipe.strategy == ISAL:
        return isal_zlib.compressobj(recipe.level, zlib.DEFLATED, recipe.window_bits)
    return zlib.compressobj(
        recipe.level, zlib.DEFLATED, recipe.window_bits, zlib.DEF_MEM_LEVEL + 1, strategy=recipe.strategy
    )
