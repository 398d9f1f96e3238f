"""Write a dataset as one sequence: tasks send frames, and the driver commits their records."""

from __future__ import annotations

import contextlib
import os
import platform
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ray.data
from ray.data import Datasink
from ray.exceptions import NodeDiedError, OutOfMemoryError, RayTaskError, WorkerCrashedError

import seqsave
from seqsave import naming
from seqsave.manifest import Manifest
from seqsave.runs import FrameRecord
from seqsave_ray.journal import Attempt, Journal
from seqsave_ray.rows import Columns, Row, check_columns, digest_of, indices_of, rows_of

if TYPE_CHECKING:
    from ray.data.block import Block

    from seqsave.runs import Part

__all__ = ["SequenceDatasink", "StorageFailedError", "WorkerDiedError", "write_sequence"]

Key = tuple[int, "int | None"]
# Settings of each task's part. The others belong to the run.
_OF_TASKS = ("concurrency", "max_bytes")
# The attribute that keeps the arguments of an error on its way to the driver.
_RAISED = "_seqsave_raised"
# The attribute that names the machine on which the error was raised.
_MACHINE = "_seqsave_machine"


class StorageFailedError(seqsave.TargetError):
    """The storage was unavailable for a write task, which Ray may try again."""


class WorkerDiedError(seqsave.SaveError):
    """The worker of a write task died in each of its attempts; ``__cause__`` is Ray's error.

    frames: the frames of that task, as ranges.
    """

    frames: tuple[range, ...] = ()


# With these, Ray states that a worker died, and not which task it had.
_DEATHS = (WorkerCrashedError, OutOfMemoryError, NodeDiedError)


@dataclass(frozen=True)
class _Written:
    """The result of one write task.

    digests:   checksums of the pixels of its rows, by index and batch.
    warnings:  the texts of warnings about its frames.
    after_end: the indices of rows after the end of the sequence, which are not saved.
    """

    records: list[FrameRecord]
    digests: dict[Key, int]
    warnings: list[str]
    after_end: list[int]


def write_sequence(
    dataset: ray.data.Dataset,
    url: str | os.PathLike[str],
    *,
    image: str = "image",
    index: str = "index",
    batch: str | None = None,
    max_retries: int = 3,
    ray_remote_args: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Manifest:
    """Write each row of a dataset as a frame of one sequence, and return the sequence's manifest.

    The URL is that of a folder, or ends in a pattern such as ``shot.####.exr``, as for ``seqsave.open_run``. All
    machines of the cluster must reach it.

    image:  the column of the pictures: H,W or H,W,C, in arrays of one shape or of several.
    index:  the column of the frames' numbers.
    batch:  the column of the numbers of variations; null for frames outside of batch folders.
    max_retries: how often a write task is done again after its worker died or its storage was unavailable.
    ray_remote_args: further arguments of the write tasks, as in Ray's own writers.
    settings: ``run``, ``total``, ``frames``, ``storage_options`` and the other settings of ``seqsave.open_run``;
              ``concurrency`` and ``max_bytes`` are those of ``run.part`` in each task, 1 and 512 MiB by default.

    If this raises, the manifest says that the sequence is unfinished. The same call with the same ``run`` continues.

    Raises what ``seqsave.open_run`` and ``Run.begin`` raise; OptionError for missing columns; ImageError,
    FrameNameError, EncodeError and others for a frame, which the message names; StorageFailedError; WorkerDiedError,
    which names the frames of a write task whose worker died each time; RunError if frames are missing, or if rows with
    different pictures have the same number; an error of Ray for a failure of another task.
    """
    if not isinstance(dataset, ray.data.Dataset):
        raise seqsave.OptionError(f"{type(dataset).__name__} is no dataset: pass a ray.data.Dataset")
    if isinstance(max_retries, bool) or not isinstance(max_retries, int) or max_retries < 0:
        raise seqsave.OptionError(f"max_retries is {max_retries!r:.80}: it must be a whole number, 0 or more")
    sink = SequenceDatasink(url, image=image, index=index, batch=batch, **settings)
    known = dataset.schema(fetch_if_missing=False)
    if known is not None:
        check_columns(sink.columns, known.names)
    arguments = {"max_retries": max_retries, "retry_exceptions": [StorageFailedError], **(ray_remote_args or {})}
    sink.on_write_start()
    sink.journal = journal = Journal.open()
    try:
        dataset.write_datasink(sink, ray_remote_args=arguments)
    except RayTaskError as error:
        sink.on_write_failed(error)
        if isinstance(error.cause, seqsave.SeqSaveError):
            raise _as_raised(error.cause) from error
        raise
    except BaseException as error:
        sink.on_write_failed(error)  # Ray does not call it for KeyboardInterrupt
        if isinstance(error, _DEATHS):
            _raise_with_frames(error, journal, arguments["max_retries"] + 1)
        raise
    finally:
        journal.close()
    return sink.committed


def _raise_with_frames(error: Exception, journal: Journal, attempts: int) -> None:
    """Raise WorkerDiedError if a write task has begun so often and never ended: it may be a task that made pictures."""
    frames = journal.crashed(attempts) if attempts > 0 else set()
    if frames:
        made = WorkerDiedError(
            f"{_listed(frames)}: the worker that saves them died, {_times(attempts)}: {error} Write smaller blocks "
            "if it had too little memory"
        )
        made.frames = naming.to_ranges(sorted(frames))
        raise made from error


def _times(attempts: int) -> str:
    return "and it was tried once" if attempts == 1 else f"in each of {attempts} attempts"


class SequenceDatasink(Datasink):
    """Writes a dataset as one sequence, for ``Dataset.write_datasink``. ``write_sequence`` uses it.

    Ray repeats write tasks without limit by default: pass ``ray_remote_args={"max_retries": 3}``.

    columns:  the names of the columns.
    run:      the run, as ``seqsave.open_run`` returned it. Write tasks get a copy of it.
    manifest: the committed manifest; None until the write has ended.
    journal:  where tasks note which frames they are at; None to note nothing.
    """

    def __init__(
        self,
        url: str | os.PathLike[str],
        *,
        image: str = "image",
        index: str = "index",
        batch: str | None = None,
        **settings: Any,
    ) -> None:
        """Check the settings, and write nothing. Arguments and errors are those of ``write_sequence``."""
        self.columns = Columns(image, index, batch)
        self._limits = {name: settings.pop(name) for name in _OF_TASKS if settings.get(name) is not None}
        self.run = seqsave.open_run(url, **{name: value for name, value in settings.items() if name not in _OF_TASKS})
        if self.run.url.startswith("memory:"):
            raise seqsave.OptionError(
                f"{self.run.url} is in the memory of one process, which write tasks do not reach: use a shared folder "
                "or an object store"
            )
        seqsave.check_settings(**self._limits)
        self.manifest: Manifest | None = None
        self.journal: Journal | None = None
        self._has_begun = False

    @property
    def committed(self) -> Manifest:
        """Return the manifest. Raises RunError if the write has not ended."""
        if self.manifest is None:
            raise seqsave.RunError("the write has not ended, so there is no manifest yet", reason="unknown")
        return self.manifest

    def __getstate__(self) -> dict[str, Any]:
        """Return what tasks need; workers are used again, so that nothing of one write may stay in them."""
        return {**self.__dict__, "manifest": None}

    def __repr__(self) -> str:
        return f"<SequenceDatasink {self.run!r}>"

    @property
    def min_bytes_per_write(self) -> int:
        """Return 1: each block is a task of its own, and not a part of the task that made it.

        Otherwise, a task would keep all pictures that it made until it ends, and a write that is done again would make
        them again.
        """
        return 1

    def on_write_start(self, schema: Any = None) -> None:
        """Begin the run, on the driver. Raises OptionError, and what ``Run.begin`` raises."""
        if self._has_begun:
            return
        if self.run.expected is None and ray.data.DataContext.get_current().max_errored_blocks != 0:
            raise seqsave.OptionError(
                "Ray may leave out blocks that fail (DataContext.max_errored_blocks), so the sequence may end early: "
                "pass `total` or frames"
            )
        self.run.begin()
        self._has_begun = True

    def write(self, blocks: Iterable[Block], ctx: Any) -> _Written:
        """Write the frames of one task, one after the other, and return their records.

        Raises StorageFailedError if a later attempt may succeed, and what ``Part.write`` raises.
        """
        digests: dict[Key, int] = {}
        with warnings.catch_warnings(), _errors_of_task(), self._noting(blocks, ctx) as noted:
            warnings.simplefilter("ignore", seqsave.SeqSaveWarning)  # the driver issues each once
            with self.run.part(**self._limits) as part:
                for row in self._rows(noted):
                    if row.key not in digests:
                        _write(part, row)
                        digests[row.key] = digest_of(row.image)
                    elif digests[row.key] != digest_of(row.image):
                        raise _differing([row.key])
        after_end = [frame.index for frame in part.result.frames if frame.status == "stopped"]
        return _Written(part.records, digests, list(part.result.warnings), after_end)

    @contextlib.contextmanager
    def _noting(self, blocks: Iterable[Block], ctx: Any) -> Iterator[Iterable[Block]]:
        """Return the blocks, and note the frames of each before it is written."""
        if self.journal is None:
            yield blocks
            return
        with self.journal.attempt(ctx.task_idx) as attempt:
            yield (self._noted(block, attempt) for block in blocks)

    def _noted(self, block: Block, attempt: Attempt) -> Block:
        attempt.begin(indices_of(block, self.columns))
        return block

    def _rows(self, blocks: Iterable[Block]) -> Iterator[Row]:
        for block in blocks:
            yield from rows_of(block, self.columns)

    def on_write_complete(self, write_result: Any) -> None:
        """Commit the run with the records of all tasks, on the driver. Raises what ``Run.commit`` raises."""
        reports = [one for one in write_result.write_returns if isinstance(one, _Written)]
        for text in dict.fromkeys(text for one in reports for text in one.warnings):
            warnings.warn(text, seqsave.SeqSaveWarning, stacklevel=2)
        _warn_of_rows_after_end(reports)
        _check_same(reports)
        records = [record for one in reports for record in one.records]
        try:
            self.manifest = self.run.commit(records)
        except seqsave.RunError as error:
            raise _missing_rows(error, {record.index for record in records}) or error from None

    def on_write_failed(self, error: BaseException) -> None:
        """Abandon the run, on the driver: the manifest then says that the sequence is unfinished."""
        if self._has_begun and self.manifest is None:
            self._has_begun = False
            with contextlib.suppress(seqsave.SeqSaveError):  # the first error matters
                self.run.abandon()


def _missing_rows(error: seqsave.RunError, written: set[int]) -> seqsave.RunError | None:
    """Return the error for frames that the dataset has no rows of; None for another error of a commit."""
    if error.reason != "missing" or not error.frames or any(index in one for one in error.frames for index in written):
        return None
    return seqsave.RunError(
        f"the dataset has no rows for these frames: {naming.format_ranges(error.frames, 20)}; write one that "
        "has them, or pass `frames` for a sequence without them",
        reason="missing",
        frames=error.frames,
    )


def _warn_of_rows_after_end(reports: Iterable[_Written]) -> None:
    after_end = {index for one in reports for index in one.after_end}
    if after_end:
        warnings.warn(
            f"rows after the end of the sequence are not saved: {_listed(after_end)}; pass a larger `total`, or "
            "at_end='keep going'",
            seqsave.SeqSaveWarning,
            stacklevel=3,
        )


def _write(part: Part, row: Row) -> None:
    """Write a row. Raises what ``Part.write`` raises, with the number of the frame."""
    try:
        part.write(row.image, index=row.index, batch=row.batch)
    except seqsave.SeqSaveError as error:
        if type(row.index) is int and f"frame {row.index}" not in str(error):
            error.frame = row.index
        raise


def _check_same(reports: Iterable[_Written]) -> None:
    """Raise RunError if rows of several tasks have the same number and different pictures."""
    digests: dict[Key, int] = {}
    differing = [
        key for one in reports for key, digest in one.digests.items() if digests.setdefault(key, digest) != digest
    ]
    if differing:
        raise _differing(differing)


def _differing(keys: Iterable[Key]) -> seqsave.RunError:
    indices = {index for index, _ in keys}
    return seqsave.RunError(
        f"the dataset has several rows with different pictures for {_listed(indices)}: give each its own index or "
        "batch",
        reason="replaced",
        frames=naming.to_ranges(sorted(indices)),
    )


def _listed(indices: Collection[int]) -> str:
    return naming.format_ranges(naming.to_ranges(sorted(indices)), 10, noun="frame")


@contextlib.contextmanager
def _errors_of_task() -> Iterator[None]:
    """Raise StorageFailedError where the storage was unavailable. Keep the texts of errors, to which Ray adds some."""
    try:
        yield
    except seqsave.SeqSaveError as error:
        raised = error
        if _is_storage_failure(error):
            raised = StorageFailedError(str(error), transient=True)
        setattr(raised, _RAISED, raised.args)
        setattr(raised, _MACHINE, platform.node())
        if raised is error:
            raise
        raise raised from error


def _is_storage_failure(error: BaseException | None) -> bool:
    if error is None:
        return False
    is_one = isinstance(error, seqsave.TargetError) and error.transient
    return is_one or _is_storage_failure(error.__cause__)


def _as_raised(error: seqsave.SeqSaveError) -> seqsave.SeqSaveError:
    """Return an error of a task with the text that it was raised with, and the name of another machine."""
    error.args = vars(error).pop(_RAISED, error.args)
    machine = vars(error).pop(_MACHINE, None)
    if machine not in (None, platform.node()):
        error.args = (f"{error.args[0] if error.args else ''} (on the machine {machine})", *error.args[1:])
    return error
