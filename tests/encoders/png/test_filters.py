from __future__ import annotations

import io
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from seqsave.encoders.png import filters
from seqsave.encoders.png.filters import ADAPTIVE, FEWER, NONE, PAETH, SUB, UP, filter_bands, filter_rows, undo
from tests.encoders.pictures import kinds, predict, scanlines, undone

STEPS = st.sampled_from([1, 2, 3, 4, 6, 8])
ROWS = STEPS.flatmap(
    lambda step: st.tuples(
        st.just(step),
        st.tuples(st.integers(1, 12), st.integers(1, 9)).flatmap(
            lambda size: hnp.arrays(np.uint8, (size[0], size[1] * step))
        ),
    )
)


@given(ROWS, st.integers(0, FEWER))
def test_what_is_filtered_comes_back(given_rows: tuple[int, Any], kind: int) -> None:
    step, rows = given_rows
    before = rows.copy()
    filtered = filter_rows(rows, kind, step)
    assert np.array_equal(undone(filtered, step), rows)
    assert np.array_equal(rows, before)


@given(ROWS, st.lists(st.sampled_from([NONE, SUB, UP]), min_size=1, max_size=12))
def test_any_mix_of_three_filters_from_elsewhere_is_undone(given_rows: tuple[int, Any], kinds: list[int]) -> None:
    step, rows = given_rows
    picture = rows.reshape(len(rows), -1, step)
    filtered = np.frombuffer(scanlines(picture, kinds), np.uint8).reshape(len(rows), -1)
    assert np.array_equal(undo(filtered, step), rows)


@given(ROWS)
def test_the_smallest_of_filtered_rows_are_those_that_are_chosen_for_each_row(given_rows: tuple[int, Any]) -> None:
    step, rows = given_rows
    several = [filter_rows(rows, kind, step) for kind in (NONE, UP, SUB, PAETH)]
    assert np.array_equal(filters.smallest(several)[1:], filter_rows(rows, FEWER, step)[1:])


@given(ROWS, st.integers(0, 4))
def test_filters_are_those_of_the_specification(given_rows: tuple[int, Any], kind: int) -> None:
    step, rows = given_rows
    kinds = [SUB, *[kind] * len(rows)] if kind == UP else [kind]
    expected = np.frombuffer(scanlines(rows.reshape(len(rows), -1, step), kinds), np.uint8)
    assert np.array_equal(filter_rows(rows, kind, step).ravel(), expected)


@pytest.mark.parametrize("kind", range(7))
def test_blocks_do_not_show(kind: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.random.default_rng(0).integers(0, 256, (50, 30), dtype=np.uint8)
    whole = filter_rows(rows, kind, 3)
    monkeypatch.setattr(filters, "_BLOCK_BYTES", 100)
    assert np.array_equal(filter_rows(rows, kind, 3), whole)
    part = filter_rows(rows, kind, 3, 20, 31)
    assert np.array_equal(part, whole[20:31])


@given(ROWS, st.data())
def test_bands_are_filtered_like_the_rows_of_a_picture(given_rows: tuple[int, Any], data: st.DataObject) -> None:
    step, rows = given_rows
    edges = sorted(data.draw(st.sets(st.integers(0, len(rows)), min_size=2)))
    bands = list(zip(edges[::2], edges[1::2], strict=False))
    for kind in range(7):
        filtered = filter_bands(rows, kind, step, bands)
        parts = [filter_rows(rows, kind, step)[top:bottom] for top, bottom in bands]
        assert np.array_equal(filtered, np.concatenate(parts))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_rows_are_filtered_as_by_pillow(channels: int) -> None:
    for image in kinds(90, 120, channels).values():
        file = io.BytesIO()
        Image.fromarray(image[..., 0] if channels == 1 else image).save(file, "PNG", compress_level=1)
        chunks = file.getvalue().split(b"IDAT", 1)[1][:-16]
        assert zlib.decompress(chunks) == filter_rows(image.reshape(90, -1), FEWER, channels).tobytes()


def test_paeth_predicts_as_specified_for_every_corner() -> None:
    every = np.arange(256, dtype=np.uint8)
    for left, up in [(0, 0), (0, 255), (255, 0), (3, 200), (200, 3), (100, 101), (17, 17), (128, 127)]:
        predicted = filters._predicted(np.full(256, left, np.uint8), np.full(256, up, np.uint8), every)
        assert predicted.tolist() == [predict(PAETH, left, up, int(corner)) for corner in every]


def test_adaptive_leaves_the_smallest_numbers() -> None:
    rows = np.random.default_rng(0).integers(0, 40, (30, 60), dtype=np.uint8).cumsum(axis=1, dtype=np.uint8)

    def cost(filtered: Any) -> Any:
        return np.abs(filtered[:, 1:].view(np.int8).astype(int)).sum(axis=1)

    chosen = cost(filter_rows(rows, ADAPTIVE, 3))
    for kind in range(5):
        if kind != UP:  # its first row is not Up
            assert (chosen <= cost(filter_rows(rows, kind, 3))).all()
