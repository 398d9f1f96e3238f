"""Read the frames of a sequence: sorted, with their gaps, lazily one by one or ahead of the caller."""

from __future__ import annotations

import contextlib
import os
import warnings
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Literal, TypeVar, get_args, overload

from seqsave import manifest as manifests
from seqsave import naming, targets
from seqsave.errors import (
    DecodeError,
    FrameNameError,
    SeqSaveWarning,
    SequenceNotFoundError,
)
from seqsave.manifest.intervals import count, subtract, unite
from seqsave.plugins import registry
from seqsave.plugins.options import check_choice, check_count
from seqsave.sequences.ahead import Outcome, ReadJob, size_of
from seqsave.sequences.frame import Frame, key_of
from seqsave.targets.spelling import spelled
from seqsave.types import MAX_PIXELS, Decoded
from seqsave.wording import counted

if TYPE_CHECKING:
    from concurrent.futures import Future

    from typing_extensions import Self

    from seqsave.manifest import Manifest
    from seqsave.manifest.intervals import Intervals
    from seqsave.types import ImageArray, ImageInfo

__all__ = ["Frames", "Unreadable"]

# How much a sequence that is read ahead may hold, and how many requests it has under way.
READ_AHEAD_BYTES = 256 * 2**20
READ_AHEAD = 16
MAX_LISTED = 10_000_000

T = TypeVar("T")

OnError = Literal["raise", "skip"]
ON_ERROR: tuple[OnError, ...] = get_args(OnError)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What is named like a frame and cannot be read: its numbers, its name, and what it is, in words."""

    index: int
    batch: int | None
    name: str
    problem: str


class Frames(Sequence[Frame]):
    """What ``FrameSequence`` is, without the pictures of it that are made by other modules of this room."""

    def __init__(
        self,
        *,
        url: str,
        name: naming.NamePattern,
        frames: Sequence[Frame],
        duplicates: Sequence[Frame] = (),
        unreadable: Sequence[Unreadable] = (),
        target: targets.Target | None = None,
        folder: str = "",
    ) -> None:
        self.url = url
        self.name = name
        self.folder = folder
        self.duplicates = tuple(sorted(duplicates, key=key_of))
        """Files that hold the number of another frame in a name of another width: frame_7 beside frame_00007."""
        self.unreadable = tuple(sorted(unreadable, key=lambda one: (one.index, -1 if one.batch is None else one.batch)))
        """Entries of the folder that are named like frames and are no files, such as links to missing files."""
        self.left_out: tuple[str, ...] = ()
        """Names of other sequences and pictures in the folder, which were left out when it was opened."""
        self._frames = tuple(sorted(frames, key=key_of))
        self.target = target

    def __len__(self) -> int:
        return len(self._frames)

    def __iter__(self) -> Iterator[Frame]:
        return iter(self._frames)

    @overload
    def __getitem__(self, position: int) -> Frame: ...
    @overload
    def __getitem__(self, position: slice) -> tuple[Frame, ...]: ...
    def __getitem__(self, position: int | slice) -> Frame | tuple[Frame, ...]:
        try:
            return self._frames[position]
        except IndexError:
            if not self._frames:
                raise IndexError(f"this part of {self.pattern} in {self.url} has no frames") from None
            number = position if any(frame.index == position for frame in self._frames) else self._frames[-1].index
            raise IndexError(
                f"{self.pattern} in {self.url} has {counted(len(self), 'frame')}, so no position {position}: positions "
                f"count from 0; .frame({number}) returns a frame by its number"
            ) from None

    def __repr__(self) -> str:
        return f"<FrameSequence {self.pattern} {naming.format_ranges(self.ranges)} in {self.url}>"

    @property
    def prefix(self) -> str:
        """Return the part of each name before the number and its separator, below ``target``: ``shots/frame``."""
        return naming.join(self.folder, self.name.prefix)

    @property
    def extension(self) -> str:
        """Return the extension of the files; in small letters where some file has them."""
        return self.name.extension

    @property
    def digits(self) -> int:
        """Return the number's minimum width."""
        return self.name.digits

    @property
    def pattern(self) -> str:
        """Return the names as a pattern: ``frame_#####.png``."""
        return str(self.name)

    @property
    def filetype(self) -> str | None:
        """Return the file type whose encoder reads these files; None if no installed encoder does."""
        spec = registry.spec_for_extension(self.extension)
        return spec.filetype if spec is not None else None

    @cached_property
    def manifest(self) -> Manifest | None:
        """Return the sequence's manifest, read at the first call; None if it does not exist.

        Raises ManifestError (it is damaged, or of a newer version), TargetError.
        """
        if self.target is None:
            return None
        return manifests.read(self.target, manifests.path_of(self.folder, self.name))

    @cached_property
    def manifest_path(self) -> str:
        """Return the path of the manifest below ``target``, as its file is called, whether it exists or not.

        Sends up to three requests for a name that has two Unicode forms, and none for others. Raises TargetError for
        temporary failures.
        """
        path = manifests.path_of(self.folder, self.name)
        target = self.target
        return path if target is None else targets.with_retries(target, lambda: spelled(target, path))

    @cached_property
    def info(self) -> ImageInfo:
        """Return what the first frame's file states of its picture: colour, alpha, rate and so on.

        Reads and decodes that frame at the first call. Raises as ``Frame.read``; IndexError without frames.
        """
        return self[0].decode().info

    @property
    def expected(self) -> tuple[int, ...] | None:
        """Return the indices that the manifest expects; None without one. Raises as ``manifest``."""
        if self.manifest is None:
            return None
        return self._listed(self.manifest.expected, "is to have", "manifest.expected")

    @property
    def indices(self) -> tuple[int, ...]:
        """Return every index that has a frame, ascending."""
        return tuple(sorted({frame.index for frame in self._frames}))

    @property
    def batches(self) -> tuple[int, ...]:
        """Return the numbers of the batches, ascending; empty if no frame is in a batch folder."""
        return tuple(sorted({frame.batch for frame in self._frames if frame.batch is not None}))

    @property
    def ranges(self) -> tuple[range, ...]:
        """Return the indices as ranges without gaps."""
        return naming.to_ranges(self.indices)

    @property
    def missing_ranges(self) -> tuple[range, ...]:
        """Return ``missing`` as ranges; cheap even if a stray file makes the gap enormous."""
        indices = self.indices
        if not indices:
            return ()
        by_batch: dict[int | None, list[int]] = {None: list(indices)}
        if all(frame.batch is not None for frame in self._frames):
            for frame in self._frames:
                by_batch.setdefault(frame.batch, []).append(frame.index)
        absent = {
            run for own in by_batch.values() for run in naming.gaps(naming.to_ranges(own), indices[0], indices[-1])
        }
        return unite(tuple(absent))

    @property
    def missing(self) -> tuple[int, ...]:
        """Return the indices between the first and the last that lack a frame, or lack one in some batch folder.

        Raises FrameNameError for more than ten million; ``missing_ranges`` has no such limit.
        """
        return self._listed(self.missing_ranges, "lacks", "missing_ranges")

    def _listed(self, runs: Intervals, what: str, instead: str) -> tuple[int, ...]:
        if count(runs) > MAX_LISTED:
            shown = naming.format_ranges(runs)
            raise FrameNameError(f"{self.pattern} in {self.url} {what} {shown}: too many to list, see {instead}")
        return tuple(index for run in runs for index in run)

    @property
    def urls(self) -> tuple[str, ...]:
        """Return the URL of each frame, in order; absolute paths for local frames."""
        return tuple(frame.url for frame in self._frames)

    @property
    def size(self) -> int:
        """Return the size of all frames together, in bytes; those without a stated size count as 0."""
        return sum(frame.size or 0 for frame in self._frames)

    def frame(self, index: int, batch: int | None = None) -> Frame:
        """Return the frame of this index. Without ``batch``: the one outside batch folders, or of the lowest batch.

        Raises SequenceNotFoundError, and FrameNameError for a number that is not an index.
        """
        index = naming.check_frame(index)
        batch = None if batch is None else naming.check_index(batch, "batch")
        key = (index, -1 if batch is None else batch)
        place = bisect_left(self._frames, key, key=key_of)
        found = self._frames[place] if place < len(self._frames) else None
        # Without a batch, the first one of this index is the one that is meant.
        if found is None or found.index != index or (batch is not None and found.batch != batch):
            where = "" if batch is None else f" in batch {batch}"
            raise SequenceNotFoundError(
                f"{self.pattern} in {self.url} has no frame {index}{where}: "
                f"there are {naming.format_ranges(self.ranges)}"
            )
        return found

    def variation(self) -> Self:
        """Return this sequence with one frame per index, the one of ``frame(index)``."""
        if not self.batches:
            return self
        first = {frame.index: frame for frame in reversed(self._frames)}
        return self.part(list(first.values()))

    def read(self, first: int | None = None, last: int | None = None, *, max_pixels: int = MAX_PIXELS) -> ImageArray:
        """Return the frames from index ``first`` to ``last``, both included, as one array T,H,W,C in the files' dtype.

        Without ``first`` or ``last``: from the first frame, to the last one. Of variations, those of the lowest batch.
        max_pixels: W x H of the largest picture that is decoded.

        Raises SequenceNotFoundError (frames are missing; ``arrays`` goes over gaps), ImageError (their shapes or dtypes
        differ), FrameNameError for a number that is not an index, and as ``Frame.read``.
        """
        indices = self.indices
        if not indices:
            raise SequenceNotFoundError(f"this part of {self.pattern} in {self.url} has no frames")
        begin = indices[0] if first is None else naming.check_frame(first, "first")
        end = indices[-1] if last is None else naming.check_frame(last, "last")
        chosen = [frame for frame in self.variation() if begin <= frame.index <= end]
        if not chosen:
            raise SequenceNotFoundError(f"{self.pattern} in {self.url} has no frame from {begin} to {end}")
        wanted = (range(begin, end + 1),) if first is not None or last is not None else self.ranges
        if lacking := subtract(wanted, naming.to_ranges([frame.index for frame in chosen])):
            raise SequenceNotFoundError(
                f"{self.pattern} in {self.url} lacks {naming.format_ranges(lacking, 10)} of the frames {begin}-{end}: "
                "use `arrays()`, which goes over gaps, or ask for frames that exist"
            )
        from seqsave.sequences.stack import stacked  # here, as numpy comes with it

        return stacked(self.part(chosen).arrays(max_pixels=max_pixels), [frame.index for frame in chosen])

    def part(self, frames: Sequence[Frame]) -> Self:
        """Return a sequence of some of these frames."""
        return type(self)(url=self.url, name=self.name, frames=frames, target=self.target, folder=self.folder)

    def arrays(
        self,
        concurrency: int | None = None,
        max_bytes: int = READ_AHEAD_BYTES,
        *,
        on_error: OnError = "raise",
        max_pixels: int = MAX_PIXELS,
    ) -> Iterator[ImageArray]:
        """Return the pictures in order, each H,W,C in the dtype of its file, read and decoded ahead on several threads.

        concurrency: how many frames are under way. By default enough to hide a remote storage's latency; from local
                     paths, enough for all cores: a number hides the latency of a network drive.
        max_bytes:   how many encoded bytes may be held by frames that are under way.
        on_error:    what happens at a damaged frame. ``"raise"`` raises its DecodeError once every frame before it has
                     been returned. ``"skip"`` leaves damaged frames out and names them in one SeqSaveWarning at the
                     end, also when the iterator is closed early. Every other error is raised in both cases.
        max_pixels:  W x H of the largest picture that is decoded.

        Raises OptionError, and as ``Frame.read`` does: each error stands at the position of its own frame.
        """
        check_choice("on_error", on_error, ON_ERROR)
        decode = partial(Frame.decode, max_pixels=check_count("max_pixels", max_pixels))
        return self._arrays(self._read_ahead(decode, concurrency, max_bytes), skip=on_error == "skip")

    def decoded(
        self,
        decode: Callable[[Frame, bytes], T],
        concurrency: int | None = None,
        max_bytes: int = READ_AHEAD_BYTES,
        *,
        read: Callable[[Frame], bytes] = Frame.read_bytes,
        on_error: Callable[[Frame, BaseException], T] | None = None,
    ) -> Iterator[T]:
        """Yield ``decode(frame, data)`` of every frame in order, read and decoded ahead like ``arrays``.

        read:     returns the data of a frame.
        on_error: called with a frame and its error; returns the result, or raises. By default errors are raised.

        Raises what reading or ``decode`` raised, once the results of all frames before that one have been yielded.
        """
        with contextlib.closing(self._read_ahead(decode, concurrency, max_bytes, read)) as outcomes:
            for frame, outcome in outcomes:
                if on_error is None or outcome.error is None:
                    yield outcome.value()
                else:
                    yield on_error(frame, outcome.error)
                del outcome

    def _arrays(
        self, outcomes: Generator[tuple[Frame, Outcome[Decoded]], None, None], *, skip: bool
    ) -> Iterator[ImageArray]:
        damaged: list[tuple[Frame, DecodeError]] = []
        try:
            for frame, outcome in outcomes:
                if skip and isinstance(outcome.error, DecodeError):
                    damaged.append((frame, outcome.error))
                else:
                    yield outcome.value().array
                # Not kept while the next picture is waited for: new memory takes a tenth of the time of decoding.
                del outcome
        finally:
            outcomes.close()
            if damaged:
                warnings.warn(self._left_out(damaged), SeqSaveWarning, stacklevel=2)

    def _left_out(self, damaged: Sequence[tuple[Frame, DecodeError]]) -> str:
        count = counted(len(damaged), "damaged frame")
        numbers = naming.format_ranges(naming.to_ranges(sorted({frame.index for frame, _ in damaged})))
        return f"{self.pattern} in {self.url}: {count} left out: {numbers}. The first error: {damaged[0][1]}"

    def _read_ahead(
        self,
        decode: Callable[[Frame, bytes], T],
        concurrency: int | None,
        max_bytes: int,
        read: Callable[[Frame], bytes] = Frame.read_bytes,
    ) -> Generator[tuple[Frame, Outcome[T]], None, None]:
        """Yield each frame in order with its outcome. An error does not affect the frames before or after it."""
        from seqsave.runtime.pipeline import Pipeline  # here, as a listing needs no threads

        cores = os.cpu_count() or 1
        if concurrency is not None:
            width, workers, decoders = check_count("concurrency", concurrency), concurrency, cores
        elif self.target is not None and self.target.is_fast:
            # Threads for reading, and more pictures that wait, would cost a tenth of the time that decoding takes.
            width, workers, decoders = 2 * cores + 1, cores, 0
        else:
            width, workers, decoders = READ_AHEAD, READ_AHEAD, cores
        pipeline: Pipeline[Outcome[bytes], Outcome[T]] = Pipeline(
            workers=workers, publishers=decoders, max_bytes=check_count("max_bytes", max_bytes)
        )
        ahead: deque[tuple[Frame, Future[Outcome[T]]]] = deque()
        try:
            for frame in self._frames:
                job = ReadJob(partial(read, frame), partial(decode, frame))
                ahead.append((frame, pipeline.submit(job.read, job.decode, cost=frame.size or 0, size_of=size_of)))
                if len(ahead) >= width:
                    yield _result_of(*ahead.popleft())
            while ahead:
                yield _result_of(*ahead.popleft())
        finally:
            pipeline.abort(timeout=1.0)


def _result_of(frame: Frame, future: Future[Outcome[T]]) -> tuple[Frame, Outcome[T]]:
    return frame, future.result()
