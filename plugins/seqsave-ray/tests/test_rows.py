"""Rows of blocks: which value is the picture, the index, the batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from ray.data.block import BlockAccessor
from seqsave_ray.rows import Columns, check_columns, digest_of, indices_of, rows_of

import seqsave

IMAGES = np.arange(3 * 2 * 4 * 3, dtype=np.uint8).reshape(3, 2, 4, 3)


def block_of(**columns: Any) -> Any:
    return BlockAccessor.batch_to_block(columns)


@pytest.mark.parametrize("kind", ["arrow", "pandas"])
def test_tensors(kind: str) -> None:
    block = block_of(image=IMAGES, index=np.array([5, -1, 7]))
    if kind == "pandas":
        block = BlockAccessor.for_block(block).to_pandas()
    rows = list(rows_of(block, Columns()))
    assert [row.key for row in rows] == [(5, None), (-1, None), (7, None)]
    assert all(type(row.index) is int for row in rows)
    assert all(np.array_equal(row.image, image) for row, image in zip(rows, IMAGES, strict=True))


def test_pictures_of_several_sizes() -> None:
    images = np.empty(2, object)
    images[:] = [IMAGES[0], np.zeros((5, 7, 3), np.uint8)]
    rows = list(rows_of(block_of(image=images, index=np.array([0, 1])), Columns()))
    assert [row.image.shape for row in rows] == [(2, 4, 3), (5, 7, 3)]


@pytest.mark.parametrize("kind", ["arrow", "pandas"])
def test_the_numbers_of_a_block_as_far_as_they_are_numbers(kind: str) -> None:
    table = pa.table({"image": [b"", b"", b"", b""], "index": [5, None, -1, 7]})
    block = table if kind == "arrow" else BlockAccessor.for_block(table).to_pandas()
    assert list(indices_of(block, Columns())) == [5, -1, 7]
    assert list(indices_of(block, Columns(index="number"))) == []
    assert list(indices_of(pa.table({"index": ["a", "b"]}), Columns())) == []


def test_batches_with_null() -> None:
    block = block_of(image=IMAGES, index=np.arange(3))
    table = block.append_column("take", pa.array([None, 0, 4], pa.int64()))
    keys = [(0, None), (1, 0), (2, 4)]
    assert [row.key for row in rows_of(table, Columns(batch="take"))] == keys
    frame = BlockAccessor.for_block(table).to_pandas()
    assert [row.key for row in rows_of(frame, Columns(batch="take"))] == keys
    frame["take"] = frame["take"].astype("Int64")
    assert [row.key for row in rows_of(frame, Columns(batch="take"))] == keys


def test_fields_of_columns() -> None:
    table = pa.table({"shot": [{"frame": 3, "take": {"number": 1}, "pixels": [[[1, 2, 3]]]}], "a.b": [9]})
    (row,) = rows_of(table, Columns("shot.pixels", "shot.frame", "shot.take.number"))
    assert (row.key, np.asarray(row.image).shape) == ((3, 1), (1, 1, 3))
    (row,) = rows_of(table, Columns("shot.pixels", "a.b"))
    assert row.index == 9
    with pytest.raises(seqsave.OptionError, match=r"no value 'shot\.number'"):
        list(rows_of(table, Columns("shot.pixels", "shot.number")))


def test_missing_columns_are_named() -> None:
    with pytest.raises(seqsave.OptionError, match=r"no column 'image', but 'picture', 'index': pass image="):
        list(rows_of(block_of(picture=IMAGES, index=np.arange(3)), Columns()))
    with pytest.raises(seqsave.OptionError, match=r"no column 'take', but 'image', 'index': pass batch="):
        check_columns(Columns(batch="take"), ["image", "index"])


@pytest.mark.parametrize(
    "names", [("a", "a", None), ("a", "b", "a"), ("", "b", None), (3, "b", None), ("a", None, None)]
)
def test_names_of_columns_are_checked(names: Any) -> None:
    with pytest.raises(seqsave.OptionError):
        Columns(*names)


def test_a_row_without_an_index_is_an_error() -> None:
    table = block_of(image=IMAGES).append_column("index", pa.array([0, None, 2], pa.int64()))
    with pytest.raises(seqsave.FrameNameError, match="'index' is null"):
        list(rows_of(table, Columns()))


def test_numbers_that_tables_keep_as_floats() -> None:
    frame = pd.DataFrame({"image": [IMAGES[0].tolist()] * 2, "index": [1.0, 2.5]})
    assert [row.index for row in rows_of(frame, Columns())] == [1, 2.5]  # the writer refuses 2.5


def test_digests_of_different_pictures_differ() -> None:
    one = IMAGES[0]
    other = one.copy()
    other[0, 0, 0] += 1
    assert digest_of(one) == digest_of(one.copy()) == digest_of(np.asfortranarray(one))
    digests = {
        digest_of(image) for image in (one, other, one.astype("uint16"), one.reshape(4, 2, 3), one[:0], one[:, :0])
    }
    assert len(digests) == 6
