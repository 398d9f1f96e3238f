"""The rows of a block: picture, index and batch of each frame. No I/O."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from isal.isal_zlib import crc32
from ray.data.block import Block, BlockAccessor

import seqsave

__all__ = ["Columns", "Row", "check_columns", "digest_of", "indices_of", "rows_of"]


@dataclass(frozen=True)
class Columns:
    """The names of the columns. ``take.image`` is the field ``image`` of the column ``take``, unless a column has that
    whole name.

    batch: None if no column has the numbers of variations.
    """

    image: str = "image"
    index: str = "index"
    batch: str | None = None

    def __post_init__(self) -> None:
        """Raise OptionError for a name that is no text, and for two that are equal."""
        given = {"image": self.image, "index": self.index, "batch": self.batch}
        for what, name in given.items():
            if not (isinstance(name, str) and name) and not (what == "batch" and name is None):
                raise seqsave.OptionError(f"{what} is {name!r:.80}: it must be the name of a column")
        names = [name for name in given.values() if name is not None]
        if len(set(names)) < len(names):
            raise seqsave.OptionError(f"image, index and batch name the columns {', '.join(names)}: they must differ")


@dataclass(frozen=True)
class Row:
    """One frame, as a row states it. batch: None outside of batch folders."""

    image: Any
    index: int
    batch: int | None

    @property
    def key(self) -> tuple[int, int | None]:
        """Return (index, batch)."""
        return self.index, self.batch


def check_columns(columns: Columns, known: Sequence[str]) -> None:
    """Raise OptionError if the columns of a dataset lack one of the named ones."""
    for what, name in (("image", columns.image), ("index", columns.index), ("batch", columns.batch)):
        if name is not None and _path(name, known) is None:
            shown = ", ".join(map(repr, list(known)[:20]))
            raise seqsave.OptionError(f"the dataset has no column {name!r:.80}, but {shown}: pass {what}=")


def rows_of(block: Block, columns: Columns) -> Iterator[Row]:
    """Yield the frames in a block. Raises OptionError for missing columns, FrameNameError for a row without index."""
    accessor = BlockAccessor.for_block(block)
    for row in accessor.iter_rows(False):  # rows that convert only the values that are asked for
        known = list(row)
        check_columns(columns, known)
        index = _number(_value(row, known, columns.index))
        if index is None:
            raise seqsave.FrameNameError(f"a row has no frame number: its value of {columns.index!r:.80} is null")
        batch = None if columns.batch is None else _number(_value(row, known, columns.batch))
        yield Row(_picture(_value(row, known, columns.image)), index, batch)


def indices_of(block: Block, columns: Columns) -> Iterator[int]:
    """Yield the frame numbers in a block, as far as they are whole numbers. Converts no picture."""
    for row in BlockAccessor.for_block(block).iter_rows(False):
        with contextlib.suppress(seqsave.SeqSaveError):  # ``rows_of`` raises it
            index = _number(_value(row, list(row), columns.index))
            if isinstance(index, (int, np.integer)):
                yield int(index)


def digest_of(image: Any) -> int:
    """Return a checksum of a picture's pixels, shape and dtype: two rows for one frame may only be equal."""
    array = np.ascontiguousarray(image)
    head = crc32(f"{array.dtype} {array.shape}".encode())
    return int(crc32(repr(array).encode() if array.dtype.hasobject else array.reshape(-1).view(np.uint8), head))


def _path(name: str, known: Sequence[str]) -> list[str] | None:
    """Return the column and the fields in it that a name means; None if no column has that name."""
    if name in known:
        return [name]
    parts = name.split(".")
    splits = ((".".join(parts[:end]), parts[end:]) for end in range(len(parts) - 1, 0, -1))
    return next(([head, *fields] for head, fields in splits if head in known), None)


def _value(row: Mapping[str, Any], known: Sequence[str], name: str) -> Any:
    value: Any = row
    try:
        for part in _path(name, known) or [name]:
            value = value[part]
    except (KeyError, TypeError, IndexError):
        raise seqsave.OptionError(f"a row of the dataset has no value {name!r:.80}") from None
    return value


def _number(value: Any) -> Any:
    """Return a number of a frame or batch; None for null. Tables with nulls have whole numbers as floats."""
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, (float, np.floating)):
        return None if np.isnan(value) else int(value) if float(value).is_integer() else float(value)
    return value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value


def _picture(value: Any) -> Any:
    """Return lists of numbers as an array; a writer takes anything else as it is."""
    if not isinstance(value, list):
        return value
    try:
        return np.asarray(value)
    except ValueError:
        return value
