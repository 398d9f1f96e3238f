"""Read a sequence as a dataset: one row for each frame."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import ray.data
from ray.data import Datasource, ReadTask
from ray.data.block import Block, BlockAccessor, BlockMetadata

import seqsave
from seqsave import naming
from seqsave.manifest.intervals import subtract, unite
from seqsave.sequences import Frame, FrameSequence

__all__ = ["COLUMNS", "SequenceDatasource", "read_sequence"]

COLUMNS = ("image", "index", "batch", "name", "path")
# Frames that a task reads at once, and how many bytes of files it holds for that.
_AHEAD, _AHEAD_BYTES = 4, 64 * 2**20
# Bytes of pictures in a block; Ray joins small blocks.
_BLOCK_BYTES = 32 * 2**20
# How much larger pictures are than their files, where no manifest states their size.
_USUAL_RATIO = 3

Picture = tuple[tuple[int, int, int], "np.dtype[Any]"]


def read_sequence(
    url: str | os.PathLike[str],
    *,
    columns: Sequence[str] = COLUMNS,
    frames: str | Iterable[int] | None = None,
    prefix: str | None = None,
    filetype: str | None = None,
    storage_options: Mapping[str, Any] | None = None,
    override_num_blocks: int | None = None,
    concurrency: int | None = None,
    ray_remote_args: Mapping[str, Any] | None = None,
) -> ray.data.Dataset:
    """Return a dataset with one row for each frame of a sequence. Reads no frame until the dataset is used.

    The URL is one that ``seqsave.open_sequence`` opens: that of a folder, or a pattern or glob.

    columns: of ``image`` (H,W,C in the file's dtype), ``index``, ``batch`` (null outside of batch folders), ``name``
             (the file's path below the sequence's folder) and ``path`` (its URL). Without ``image``, no file is read.
    frames:  the frames to read: indices, or text such as ``"0-99"`` or ``"1,5,9"``; by default all that exist.
    prefix, filetype, storage_options: as for ``seqsave.open_sequence``. Tasks get the storage options if any are given;
             otherwise each machine uses its own credentials.
    override_num_blocks, concurrency, ray_remote_args: as in Ray's own readers.

    A sequence with gaps is read without them, with a SeqSaveWarning that names the frames.

    Raises SequenceNotFoundError (also for ``frames`` that do not exist), OptionError, FrameNameError, TargetError;
    ImageError for frames of several dtypes, here if the manifest states them. While the dataset is read: DecodeError
    for a damaged file, which it names, and TargetError.
    """
    source = SequenceDatasource(
        url, columns=columns, frames=frames, prefix=prefix, filetype=filetype, storage_options=storage_options
    )
    return ray.data.read_datasource(
        source,
        override_num_blocks=override_num_blocks,
        concurrency=concurrency,
        ray_remote_args=dict(ray_remote_args or {}),
    )


class SequenceDatasource(Datasource):
    """Reads a sequence, for ``ray.data.read_datasource``. ``read_sequence`` uses it.

    The folder is listed once, when this is made.
    """

    def __init__(
        self,
        url: str | os.PathLike[str],
        *,
        columns: Sequence[str] = COLUMNS,
        frames: str | Iterable[int] | None = None,
        prefix: str | None = None,
        filetype: str | None = None,
        storage_options: Mapping[str, Any] | None = None,
    ) -> None:
        """List the folder and read the manifest. Arguments and errors are those of ``read_sequence``."""
        super().__init__()
        self._columns = _checked(columns)
        sequence = seqsave.open_sequence(url, prefix=prefix, filetype=filetype, storage_options=storage_options)
        self._pictures = _pictures_of(sequence)
        self._sequence = sequence if frames is None else _chosen(sequence, frames)
        if "image" in self._columns:
            self._check_dtypes()
        if frames is None:
            _warn_of_gaps(sequence)

    def __repr__(self) -> str:
        return f"<SequenceDatasource {self._sequence!r}>"

    def estimate_inmemory_data_size(self) -> int:
        """Return the bytes of all pictures: exact with a manifest, else estimated from the sizes of the files."""
        return self._bytes_of(list(self._sequence))

    def get_read_tasks(
        self, parallelism: int, per_task_row_limit: int | None = None, data_context: Any = None
    ) -> list[ReadTask]:
        """Return about ``parallelism`` tasks, each for frames that follow each other. Ray calls it several times."""
        count = len(self._sequence)
        tasks = max(1, min(parallelism, count))
        bounds = [(count * number // tasks, count * (number + 1) // tasks) for number in range(tasks)]
        parts = [self._sequence[first:last] for first, last in bounds if last > first]
        limit = {} if per_task_row_limit is None else {"per_task_row_limit": per_task_row_limit}
        return [
            ReadTask(
                partial(_read, self._sequence.part(part), self._columns),
                BlockMetadata(
                    num_rows=len(part),
                    size_bytes=self._bytes_of(part),
                    input_files=None,
                    exec_stats=None,
                ),
                schema=self._schema(part),
                **limit,
            )
            for part in parts
        ]

    def _check_dtypes(self) -> None:
        """Raise ImageError if the manifest states pictures of several dtypes."""
        first: tuple[Frame, str] | None = None
        for frame in self._sequence:
            picture = self._pictures.get((frame.index, frame.batch))
            if picture is not None:
                first = _same_dtype(first, frame, picture[1])

    def _bytes_of(self, frames: Sequence[Frame]) -> int:
        own = 100 * len(frames)
        if "image" not in self._columns:
            return own
        return own + sum(self._bytes(frame) for frame in frames)

    def _bytes(self, frame: Frame) -> int:
        picture = self._pictures.get((frame.index, frame.batch))
        if picture is None:
            return (frame.size or 0) * _USUAL_RATIO
        shape, dtype = picture
        return int(np.prod(shape)) * dtype.itemsize

    def _schema(self, frames: Sequence[Frame]) -> Any:
        """Return the schema of a block of these frames; None if the manifest does not state their pictures."""
        if "image" not in self._columns:
            return BlockAccessor.for_block(_block([(frames[0], None)], self._columns)).schema()
        kinds = {self._pictures.get((frame.index, frame.batch)): frame for frame in frames}
        if None in kinds:
            return None
        rows = [(frame, np.zeros(*kind)) for kind, frame in kinds.items() if kind is not None]
        return BlockAccessor.for_block(_block(rows, self._columns)).schema()


def _read(sequence: FrameSequence, columns: Sequence[str]) -> Iterator[Block]:
    """Yield the blocks of a task, of about ``_BLOCK_BYTES``. Raises ImageError for pictures of several dtypes."""
    if "image" not in columns:
        yield _block([(frame, None) for frame in sequence], columns)
        return
    rows: list[tuple[Frame, Any]] = []
    held = 0
    first: tuple[Frame, str] | None = None
    for frame, image in zip(sequence, sequence.arrays(_AHEAD, _AHEAD_BYTES), strict=True):
        first = _same_dtype(first, frame, image.dtype)
        if held >= _BLOCK_BYTES:
            yield _block(rows, columns)
            rows, held = [], 0
        rows.append((frame, image))
        held += image.nbytes
    yield _block(rows, columns)


def _same_dtype(first: tuple[Frame, str] | None, frame: Frame, dtype: Any) -> tuple[Frame, str]:
    """Return the first frame and its dtype. Raises ImageError if this one's dtype differs: a column of Ray has one."""
    if first is None:
        return frame, str(dtype)
    if first[1] != str(dtype):
        raise seqsave.ImageError(
            f"{first[0].name} has the dtype {first[1]} and {frame.name} {dtype}, but a column of Ray holds one dtype: "
            "read these frames apart, with frames, or save the sequence with one dtype"
        )
    return first


def _block(rows: Sequence[tuple[Frame, Any]], columns: Sequence[str]) -> Block:
    """Return the rows of some frames, whose pictures are None if they are not asked for."""
    frames = [frame for frame, _ in rows]
    made: dict[str, Any] = {
        "index": pa.array([frame.index for frame in frames], pa.int64()),
        "batch": pa.array([frame.batch for frame in frames], pa.int64()),
        "name": pa.array([_name_of(frame) for frame in frames], pa.string()),
        "path": pa.array([frame.url for frame in frames], pa.string()),
    }
    if "image" in columns:
        pictures = [picture for _, picture in rows]
        if len({picture.shape for picture in pictures}) == 1:
            stacked = np.stack(pictures)
        else:
            stacked = np.empty(len(pictures), object)
            stacked[:] = pictures
        made["image"] = BlockAccessor.batch_to_block({"image": stacked})["image"]
    return pa.table({name: made[name] for name in columns})


def _name_of(frame: Frame) -> str:
    return frame.name if frame.batch is None else f"{naming.batch_folder(frame.batch)}/{frame.name}"


def _checked(columns: Sequence[str]) -> tuple[str, ...]:
    given = (columns,) if isinstance(columns, str) else tuple(columns)
    if not given or len(set(given)) < len(given) or not set(given) <= set(COLUMNS):
        raise seqsave.OptionError(f"columns is {columns!r:.80}: it must be some of {', '.join(COLUMNS)}, each once")
    return given


def _chosen(sequence: FrameSequence, frames: str | Iterable[int]) -> FrameSequence:
    """Return the sequence with only these frames. Raises SequenceNotFoundError, FrameNameError."""
    try:
        wanted = (
            naming.parse_frames(frames)
            if isinstance(frames, str)
            else naming.to_ranges(sorted({naming.check_frame(index, "a frame of frames") for index in frames}))
        )
    except TypeError:
        raise seqsave.FrameNameError(f"frames is {frames!r:.80}: it must be indices, or text such as '0-99'") from None
    if not wanted:
        raise seqsave.OptionError("frames is empty: pass the frames to read")
    lacking = subtract(wanted, sequence.ranges)
    if lacking:
        raise seqsave.SequenceNotFoundError(
            f"{sequence.pattern} in {sequence.url} has no {naming.format_ranges(lacking, 10, noun='frame')}: there are "
            f"{naming.format_ranges(sequence.ranges, 10)}"
        )
    return sequence.part([frame for frame in sequence if any(frame.index in run for run in wanted)])


def _warn_of_gaps(sequence: FrameSequence) -> None:
    gaps = sequence.missing_ranges
    if sequence.manifest is not None:
        gaps = unite(gaps, subtract(sequence.manifest.expected, sequence.ranges))
    if gaps:
        warnings.warn(
            f"{sequence.pattern} in {sequence.url} lacks {naming.format_ranges(gaps, 10, noun='frame')}: the dataset "
            "has no rows there",
            seqsave.SeqSaveWarning,
            stacklevel=4,
        )


def _pictures_of(sequence: FrameSequence) -> dict[tuple[int, int | None], Picture]:
    """Return shape and dtype of the pictures, by index and batch, as far as the manifest states them."""
    if sequence.manifest is None:
        return {}
    found = {entry.key: entry.picture for entry in sequence.manifest.frames if not entry.disputed}
    return {
        key: ((one.height, one.width, one.channels), np.dtype(one.dtype))
        for key, one in found.items()
        if one is not None
    }
