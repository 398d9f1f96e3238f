"""Each library makes a zlib stream of the pieces that it gets."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqsave.encoders.png.packers import ISAL, LIBDEFLATE, MOST_AT_ONCE, Recipe, packer_of

WAYS = {
    "igzip": Recipe(0, 1),
    "igzip, short window": Recipe(0, 1, window_bits=10),
    "zlib": Recipe(0, 2, zlib.Z_DEFAULT_STRATEGY),
    "zlib, filtered": Recipe(0, 1, zlib.Z_FILTERED),
    "libdeflate": Recipe(0, 2, LIBDEFLATE),
}


def packed(recipe: Recipe, *pieces: bytes) -> bytes:
    packer = packer_of(recipe)
    return b"".join([*(packer.compress(memoryview(piece)) for piece in pieces), packer.flush()])


@pytest.mark.parametrize("way", WAYS)
@given(data=st.binary(max_size=3000))
def test_zlib_unpacks_what_was_packed(way: str, data: bytes) -> None:
    assert zlib.decompress(packed(WAYS[way], data)) == data


@pytest.mark.parametrize("way", [way for way, recipe in WAYS.items() if recipe.strategy != LIBDEFLATE])
def test_pieces_are_one_stream(way: str) -> None:
    assert (
        zlib.decompress(packed(WAYS[way], b"rows" * 500, b"", b"more rows" * 500)) == b"rows" * 500 + b"more rows" * 500
    )


@pytest.mark.parametrize("way", WAYS)
def test_the_most_that_is_packed_at_once(way: str) -> None:
    data = np.random.default_rng(0).integers(0, 4, MOST_AT_ONCE, np.uint8).tobytes()
    stream = packed(WAYS[way], data)
    assert len(stream) < len(data) / 2
    assert zlib.decompress(stream) == data


def test_a_library_is_no_strategy_of_zlib() -> None:
    assert {ISAL, LIBDEFLATE}.isdisjoint(range(zlib.Z_DEFAULT_STRATEGY, zlib.Z_FIXED + 1))
    assert Recipe(0, 1).strategy == ISAL
