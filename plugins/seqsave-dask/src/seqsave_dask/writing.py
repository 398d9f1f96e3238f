"""Save a dask array as a sequence: a run that the driver begins and commits, and whose parts are dask tasks."""

from __future__ import annotations

import contextlib
import operator
import os
import uuid
import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, overload

import dask
import dask.array as da
import numpy as np

import seqsave
from seqsave import naming
from seqsave.pictures import as_array
from seqsave_dask.computing import BlocksError, check_workers, compute_blocks, scheduler_of
from seqsave_dask.tasks import begin, commit, end, place_of, write_block

if TYPE_CHECKING:
    from dask.delayed import Delayed

    from seqsave.manifest import Manifest

__all__ = ["to_sequence"]

# A last axis of at most this length is one of channels, not of pixels.
_MOST_CHANNELS = 4
_ADVICE = "an array of frames has the axes T,H,W,C, or T,H,W for grey"


@overload
def to_sequence(
    array: da.Array,
    url: str | os.PathLike[str],
    *,
    compute: Literal[True] = ...,
    index: Iterable[int] | None = ...,
    batch: int | None = ...,
    run: str | None = ...,
    concurrency: int = ...,
    retries: int = ...,
    scheduler: Any = ...,
    storage_options: Mapping[str, Any] | None = ...,
    **settings: Any,
) -> Manifest: ...
@overload
def to_sequence(
    array: da.Array,
    url: str | os.PathLike[str],
    *,
    compute: Literal[False],
    index: Iterable[int] | None = ...,
    batch: int | None = ...,
    run: str | None = ...,
    concurrency: int = ...,
    storage_options: Mapping[str, Any] | None = ...,
    **settings: Any,
) -> Delayed: ...
def to_sequence(
    array: da.Array,
    url: str | os.PathLike[str],
    *,
    compute: bool = True,
    index: Iterable[int] | None = None,
    batch: int | None = None,
    run: str | None = None,
    concurrency: int = 1,
    retries: int = 0,
    scheduler: Any = None,
    storage_options: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Manifest | Delayed:
    """Save a dask array as a sequence, one task for each block of frames, and return the manifest.

    The manifest is changed twice: before the first frame, and once all frames are saved. A task that runs again, on any
    worker, is harmless. Blocks that split frames are joined to whole frames first.

    array:       T,H,W,C, or T,H,W for grey, of the dtypes that ``seqsave.save`` accepts.
    url:         a folder, or a pattern such as ``shot.####.exr``.
    compute:     False returns a delayed value, whose ``compute`` begins the run, saves, commits, and returns the
                 manifest.
    index:       the number of each frame; by default from ``start`` in steps of ``step``.
    batch:       the variation that all frames belong to.
    run:         the id of the run. After a failure, or once the driver was killed, a call with the same id continues
                 the run. Without an id, a failed call gives its run up.
    concurrency: how many frames a task encodes and sends at once.
    retries:     how often the distributed scheduler tries a failed task again.
    scheduler:   as for ``dask.compute``; by default the current one.
    storage_options: travel to the workers in the graph. Without them, each worker uses its own credentials.

    The settings are those of ``seqsave.open_run``.

    Raises ImageError, FrameNameError and OptionError for unsuitable arguments, before anything is sent; SaveError,
    which names the frames, if a task fails; RunError if frames are gone or were replaced at the end; TargetError,
    ManifestError.
    """
    frames = _as_frames(array)
    numbers = _numbers(frames.shape[0], index, settings)
    batch = None if batch is None else naming.check_index(batch, "batch")
    if "frames" in settings:
        raise seqsave.OptionError("frames are those of the array: pass index for their numbers")
    opened = seqsave.open_run(
        url,
        run=run,
        frames=None if settings.get("total") is not None else numbers,
        storage_options=storage_options,
        **settings,
    )
    _check_total(opened, numbers)
    # Raises ImageError for what no file of this type holds.
    opened.config.formats[0].pixels.take(np.zeros(frames.shape[1:], frames.dtype))
    seqsave.check_settings(concurrency=concurrency)  # or OptionError
    if isinstance(retries, bool) or not isinstance(retries, int) or retries < 0:
        raise seqsave.OptionError(f"retries is {retries!r:.80}: it must be a whole number, 0 or more")
    job = _Job(opened, frames, numbers, batch, concurrency)
    if not compute:
        return job.delayed()
    get = scheduler_of(scheduler, frames)
    return job.compute(keeps_run=run is not None, get=get, retries=retries)


@dataclass(frozen=True)
class _Job:
    """One array to save, with blocks of whole frames. numbers: the index of each frame."""

    run: seqsave.Run
    frames: da.Array
    numbers: Sequence[int]
    batch: int | None
    concurrency: int

    def compute(self, *, keeps_run: bool, get: Any, retries: int) -> Manifest:
        """Begin, save, commit. keeps_run: leave a run that fails as it is, since its caller knows its id."""
        check_workers(get)
        self.run.begin()
        try:
            return end(self.run, compute_blocks(self.written(self.run), get, retries))
        except BaseException as error:
            if not keeps_run:
                with contextlib.suppress(seqsave.SeqSaveError):  # the first error is the one to raise
                    self.run.abandon()
            if isinstance(error, BlocksError):
                raise self._failed(error) from error.__cause__
            raise

    def delayed(self) -> Delayed:
        """Return a value that is computed by beginning the run, saving and committing."""
        own = uuid.uuid4().hex
        # Without `pure`, no token is made of the arguments: each call saves.
        begun = dask.delayed(begin, pure=False)(self.run, dask_key_name=f"seqsave-begin-{own}")
        records = self.written(begun)
        return dask.delayed(commit, pure=False)(begun, records, dask_key_name=f"seqsave-commit-{own}")

    def written(self, run: Any) -> da.Array:
        """Return an array with one element for each block: the records of its frames. run: a Run, or a delayed one."""
        own = uuid.uuid4().hex
        lengths = self.frames.chunks[0]
        others = (1,) * (self.frames.ndim - 1)
        indices = np.array(self.numbers, np.int64).reshape(-1, *others)
        return da.map_blocks(
            write_block,
            self.frames,
            da.from_array(indices, chunks=(lengths, *others), name=f"seqsave-index-{own}"),
            run=run,
            batch=self.batch,
            concurrency=self.concurrency,
            name=f"seqsave-write-{own}",
            chunks=((1,) * len(lengths), *((1,) for _ in others)),
            dtype=object,
            meta=np.empty((0,) * self.frames.ndim, object),
        )

    def _failed(self, error: BlocksError) -> seqsave.SaveError:
        """Return the error that names the frames."""
        cause = error.__cause__
        is_named = isinstance(cause, seqsave.SaveError) and cause.frame is not None
        text = str(cause) if is_named else f"{self._of_blocks(error.blocks)}: {type(cause).__name__}: {cause}"
        advice = f"call to_sequence again with run={self.run.id!r} to continue"
        return seqsave.SaveError(f"{text} ({place_of(cause)}{advice})")

    def _of_blocks(self, blocks: Collection[int]) -> str:
        starts = np.cumsum((0, *self.frames.chunks[0]))
        own = sorted({number for block in blocks for number in self.numbers[starts[block] : starts[block + 1]]})
        return f"{naming.format_ranges(naming.to_ranges(own), 10, noun='frame')} of {self.run.rule.pattern}"


# --- the array -------------------------------------------------------------------------------------------------------


def _as_frames(array: Any) -> da.Array:
    """Return the array with blocks of whole frames. Raises ImageError for what cannot be an array of frames."""
    if not isinstance(array, da.Array):
        kind = type(array).__name__
        inner = "pass its .data" if isinstance(getattr(array, "data", None), da.Array) else "seqsave.save saves others"
        raise seqsave.ImageError(f"array has the type {kind}, not a dask array: {inner}")
    if array.ndim not in (3, 4):
        axes = "1 axis" if array.ndim == 1 else f"{array.ndim} axes"
        raise seqsave.ImageError(f"the array has {axes}: {_ADVICE}")
    if any(np.isnan(length) for length in array.shape):
        raise seqsave.ImageError(
            "the array has chunks of unknown sizes: call array.compute_chunk_sizes() first, which computes them"
        )
    if not array.shape[0]:
        raise seqsave.ImageError("the array has no frames")
    if array.ndim == 3 and array.shape[2] <= _MOST_CHANNELS:
        raise seqsave.ImageError(
            f"the array has the shape {array.shape}, which looks like one picture H,W,C: {_ADVICE}; add an axis with "
            "array[None], or array[..., None]"
        )
    if np.ma.isMaskedArray(array._meta):  # noqa: SLF001 - how dask states what the blocks are
        raise seqsave.ImageError("the array is masked, and pictures have no masks: fill it, with dask.array.ma.filled")
    as_array(np.zeros((*map(min, array.shape[1:3], (1, 1)), *array.shape[3:]), array.dtype))  # or ImageError
    if any(len(lengths) > 1 for lengths in array.chunks[1:]):
        return array.rechunk({0: "auto", **dict.fromkeys(range(1, array.ndim), -1)})
    return array


def _numbers(count: int, index: Iterable[int] | None, settings: Mapping[str, Any]) -> list[int]:
    """Return the number of each frame. Raises FrameNameError, OptionError."""
    if index is None:
        stated = {name: settings[name] for name in ("start", "step") if name in settings}
        numbers = seqsave.check_settings(**stated).naming
        return [naming.check_frame(numbers.start + position * numbers.step) for position in range(count)]
    try:
        given = [naming.check_frame(operator.index(one), "a number of index") for one in index]
    except TypeError:
        shown = " ".join(repr(index).split())[:80]
        raise seqsave.FrameNameError(
            f"index is {shown}: it must be one whole number for each frame; for frames in order, pass start"
        ) from None
    if len(given) != count:
        raise seqsave.FrameNameError(f"numbers in index: {len(given)}; frames in the array: {count}")
    if len(set(given)) != count:
        twice = sorted({one for one in given if given.count(one) > 1}) if count <= 1000 else []
        shown = f": {naming.format_ranges(naming.to_ranges(twice), 10)}" if twice else ""
        raise seqsave.FrameNameError(f"index has numbers twice{shown}: each frame has its own file")
    for name in ("start", "step"):
        if name in settings:
            raise seqsave.OptionError(f"index and {name!r} are both given: pass only one of them")
    return given


def _check_total(run: seqsave.Run, numbers: Sequence[int]) -> None:
    """Raise OptionError if the array lacks frames that ``total`` announces; warn of frames after the last one."""
    announced = {index for run_ in run.expected or () for index in run_}
    lacking = announced - set(numbers)
    if lacking:
        shown = naming.format_ranges(naming.to_ranges(sorted(lacking)), 10)
        raise seqsave.OptionError(f"`total` announces frames that the array does not have: {shown}")
    given = run.config.naming
    if given.total is None or given.at_end != "stop output":
        return
    after_end = sorted(number for number in numbers if number >= given.start + given.total * given.step)
    if after_end:
        warnings.warn(
            "frames after the end of the sequence are not saved: "
            f"{naming.format_ranges(naming.to_ranges(after_end), 10)}; pass a larger `total`, or at_end='keep going'",
            seqsave.SeqSaveWarning,
            stacklevel=3,
        )
