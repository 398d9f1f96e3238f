"""Read the frames of a sequence: sorted, with their gaps, lazily one by one or ahead of the caller."""

from __future__ import annotations

import contextlib
import os
import threading
import warnings
import zlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, overload

from seqsave import manifest as manifests
from seqsave import naming, targets
from seqsave.errors import (
    DecodeError,
    EncoderNotFoundError,
    FrameNameError,
    SeqSaveWarning,
    SequenceNotFoundError,
)
from seqsave.metadata import text
from seqsave.plugins import registry
from seqsave.plugins.options import check_choice, check_count
from seqsave.runtime import retry
from seqsave.runtime.pipeline import Pipeline
from seqsave.sequences.ahead import Outcome, ReadJob, size_of
from seqsave.types import Decoded
from seqsave.wording import counted

if TYPE_CHECKING:
    from seqsave.manifest import Manifest
    from seqsave.types import ImageArray

__all__ = ["Frame", "FrameSequence", "decode"]

# W x H of the largest picture that is decoded: 16K x 16K. Larger ones are more likely an attack than a frame.
MAX_PIXELS = 2**28
# How much a sequence that is read ahead may hold, and how many requests it has under way.
READ_AHEAD_BYTES = 256 * 2**20
READ_AHEAD = 16
MAX_LISTED = 10_000_000

T = TypeVar("T")

OnError = Literal["raise", "skip"]
ON_ERROR: tuple[OnError, ...] = get_args(OnError)

Key = tuple[int, int]  # (index, batch), batch -1 for a frame outside batch folders: sorts as people expect


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a sequence. Only its methods read the file.

    index, batch: the frame's numbers; ``batch`` is None outside of batch folders.
    url:  URL of the file, without secrets; an absolute path for a local file.
    size: size of the file in bytes; None for a frame that was opened by its URL alone.
    name: path of the file below the sequence's folder, such as ``batch_0003/frame_00017.png``.
    """

    index: int
    batch: int | None
    url: str
    size: int | None
    name: str
    _path: str = field(repr=False)
    _files: Files = field(repr=False, compare=False)

    def read(self) -> ImageArray:
        """Read and return the picture as an array of shape H,W,C, in the dtype of the file.

        Raises DecodeError, TargetError, EncoderUnavailableError, EncoderNotFoundError (no encoder reads this format).
        """
        return self.decode().array

    def read_bytes(self) -> bytes:
        """Read and return the bytes of the file. Raises TargetError."""
        return self._files.read(self._path)

    def read_metadata(self) -> dict[str, Any]:
        """Read and return the metadata in the file and its sidecars, by name. Text that is not JSON stays text."""
        data = self.read_bytes()
        return text.load({**self.texts_beside(data), **self.decode(data).metadata})

    def texts_beside(self, data: bytes) -> dict[str, str]:
        """Return the metadata in the sidecars of the frame, name to text; ``data`` is the result of ``read_bytes``."""
        return self._files.texts_beside(self._path, data)

    def decode(self, data: bytes | None = None) -> Decoded:
        """Return picture and texts at once; pass ``data`` to avoid reading the file again. Raises as ``read``."""
        return decode(self.name, self.read_bytes() if data is None else data)


class Files:
    """The reader of a sequence's files: a target, with retries, and the sidecars beside the frames.

    Listings of sidecars are remembered, so that a sequence of any length costs one for each folder.
    """

    def __init__(self, target: targets.Target) -> None:
        self.target = target
        self._sidecars: dict[str, list[str]] = {}
        self._lock = threading.Lock()

    def __getstate__(self) -> targets.Target:
        # The listings are left behind: another process may look much later.
        return self.target

    def __setstate__(self, target: targets.Target) -> None:
        self.__init__(target)  # type: ignore[misc]

    def frame(self, path: str, size: int | None, index: int, batch: int | None = None) -> Frame:
        """Return the file ``path`` as a frame."""
        return Frame(index, batch, self.target.url_of(path), size, path.rpartition("/")[2], path, self)

    def read(self, path: str) -> bytes:
        """Return the bytes of a file."""
        return retry.call(retry.RetryPolicy(), lambda: self.target.read(path), contact=self.target.known)

    def texts_beside(self, path: str, data: bytes) -> dict[str, str]:
        """Return the sidecars of the file ``path`` with the content ``data``."""
        folder, _, name = path.rpartition("/")
        private = join(folder, naming.PRIVATE_FOLDER)
        sidecars = self._listed(private)
        crc32 = zlib.crc32(data) if sidecars else 0
        keys = {sidecar: naming.sidecar_key(sidecar, name, crc32) for sidecar in sidecars}
        return {key: self.read(f"{private}/{sidecar}").decode() for sidecar, key in keys.items() if key is not None}

    def _listed(self, folder: str) -> list[str]:
        with self._lock:
            if folder not in self._sidecars:
                self._sidecars[folder] = [entry.name for entry in list_folder(self.target, folder)]
            return self._sidecars[folder]


def decode(name: str, data: bytes) -> Decoded:
    """Return the picture and texts in a file; the extension of its name chooses the encoder.

    Raises DecodeError, EncoderUnavailableError, EncoderNotFoundError (nothing reads this format).
    """
    extension = name.rpartition(".")[2]
    spec = registry.spec_for_extension(extension)
    if spec is None:
        hint = registry.install_hint(extension)
        raise EncoderNotFoundError(f"{name!r}: no encoder here reads .{extension} files{hint}")
    encoder = registry.encoder_of(spec)
    if not hasattr(encoder, "decode"):
        raise EncoderNotFoundError(f"{name!r}: the encoder of {spec.filetype!r} cannot read files back")
    try:
        decoded = encoder.decode(data, max_pixels=MAX_PIXELS)
    except DecodeError as error:
        raise DecodeError(f"{name}: {error}") from error
    except Exception as error:
        raise DecodeError(
            f"{name}: the decoder of {spec.filetype!r} failed: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(decoded, Decoded):
        raise DecodeError(f"{name}: the decoder of {spec.filetype!r} returned {type(decoded).__name__}, not Decoded")
    return decoded


class FrameSequence(Sequence[Frame]):
    """The frames of one sequence, by index and then batch. A list of ``Frame``: len, iteration, positions, slices.

    Sequences and frames can be pickled, for workers in other processes; the pickle holds the storage options, secrets
    included.

    name:   head, digits, tail and extension of its files. folder: where they lie below ``target``.
    target: what it lies in, where ``manifest`` is looked for; None for pictures that are no sequence of their own.
    """

    def __init__(
        self,
        *,
        url: str,
        name: naming.NamePattern,
        frames: Sequence[Frame],
        duplicates: Sequence[Frame] = (),
        target: targets.Target | None = None,
        folder: str = "",
    ) -> None:
        self.url = url
        self.name = name
        self.folder = folder
        self.duplicates = tuple(sorted(duplicates, key=key_of))
        """Files that hold the number of another frame in a name of another width: frame_7 beside frame_00007."""
        self._frames = tuple(sorted(frames, key=key_of))
        self._by_key = {key_of(frame): frame for frame in self._frames}
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
            raise IndexError(
                f"{self.pattern} in {self.url} has {counted(len(self), 'frame')}, so no position {position}: positions "
                f"count from 0; frame({self._frames[-1].index}) returns a frame by its number"
            ) from None

    def __repr__(self) -> str:
        return f"<FrameSequence {self.pattern} {naming.format_ranges(self.ranges)} in {self.url}>"

    @property
    def prefix(self) -> str:
        """Return the part of each name before the number and its separator, below ``target``: ``shots/frame``."""
        return join(self.folder, self.name.prefix)

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
        """Return the filetype whose encoder reads these files; None if no installed encoder does."""
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
        by_batch: dict[int | None, list[int]] = {None: list(indices)}
        if all(frame.batch is not None for frame in self._frames):
            for frame in self._frames:
                by_batch.setdefault(frame.batch, []).append(frame.index)
        absent = {
            run for own in by_batch.values() for run in naming.gaps(naming.to_ranges(own), indices[0], indices[-1])
        }
        return _merge(absent)

    @property
    def missing(self) -> tuple[int, ...]:
        """Return the indices between the first and the last that lack a frame, or lack one in some batch folder.

        Raises FrameNameError for more than ten million; ``missing_ranges`` has no such limit.
        """
        runs = self.missing_ranges
        if sum(map(len, runs)) > MAX_LISTED:
            raise FrameNameError(
                f"{self.pattern} in {self.url} lacks {naming.format_ranges(runs)}: too many to list, see missing_ranges"
            )
        return tuple(index for run in runs for index in run)

    @property
    def urls(self) -> tuple[str, ...]:
        """Return the URL of each frame, in order; absolute paths for local frames."""
        return tuple(frame.url for frame in self._frames)

    @property
    def size(self) -> int:
        """Return the size of all frames together, in bytes."""
        return sum(frame.size or 0 for frame in self._frames)

    def frame(self, index: int, batch: int | None = None) -> Frame:
        """Return the frame of this index. Without ``batch``: the one outside batch folders, or of the lowest batch.

        Raises SequenceNotFoundError, and FrameNameError for a number that is not an index.
        """
        index = naming.check_frame(index)
        batch = None if batch is None else naming.check_index(batch, "batch")
        found = self._by_key.get((index, -1 if batch is None else batch))
        if found is None and batch is None:
            found = next((f for f in self._frames if f.index == index), None)
        if found is None:
            where = "" if batch is None else f" in batch {batch}"
            raise SequenceNotFoundError(
                f"{self.pattern} in {self.url} has no frame {index}{where}: "
                f"there are {naming.format_ranges(self.ranges)}"
            )
        return found

    def variation(self) -> FrameSequence:
        """Return this sequence with one frame per index, the one of ``frame(index)``."""
        if not self.batches:
            return self
        first = {frame.index: frame for frame in reversed(self._frames)}
        return FrameSequence(
            url=self.url,
            name=self.name,
            frames=list(first.values()),
            target=self.target,
            folder=self.folder,
        )

    def arrays(
        self,
        concurrency: int | None = None,
        max_bytes: int = READ_AHEAD_BYTES,
        *,
        on_error: OnError = "raise",
    ) -> Iterator[ImageArray]:
        """Return the pictures in order, each H,W,C in the dtype of its file, read and decoded ahead on several threads.

        concurrency: how many frames are under way; by default enough to hide a remote storage's latency.
        max_bytes:   how many encoded bytes may be held by frames that are under way.
        on_error:    what happens at a damaged frame. ``"raise"`` raises its DecodeError once every frame before it has
                     been returned. ``"skip"`` leaves damaged frames out and names them in one SeqSaveWarning at the
                     end, also when the iterator is closed early. Every other error is raised in both cases.

        Raises OptionError, and as ``Frame.read`` does: each error stands at the position of its own frame.
        """
        check_choice("on_error", on_error, ON_ERROR)
        return self._arrays(self._read_ahead(Frame.decode, concurrency, max_bytes), skip=on_error == "skip")

    def decoded(
        self,
        decode: Callable[[Frame, bytes], T],
        concurrency: int | None = None,
        max_bytes: int = READ_AHEAD_BYTES,
        *,
        on_error: Callable[[Frame, BaseException], T] | None = None,
    ) -> Iterator[T]:
        """Yield ``decode(frame, data)`` of every frame in order, read and decoded ahead like ``arrays``.

        on_error: called with a frame and its error; returns the result, or raises. By default errors are raised.

        Raises what reading or ``decode`` raised, once the results of all frames before that one have been yielded.
        """
        with contextlib.closing(self._read_ahead(decode, concurrency, max_bytes)) as outcomes:
            for frame, outcome in outcomes:
                if on_error is None or outcome.error is None:
                    yield outcome.value()
                else:
                    yield on_error(frame, outcome.error)

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
        finally:
            outcomes.close()
            if damaged:
                warnings.warn(self._left_out(damaged), SeqSaveWarning, stacklevel=2)

    def _left_out(self, damaged: Sequence[tuple[Frame, DecodeError]]) -> str:
        count = f"{len(damaged)} damaged frame{'' if len(damaged) == 1 else 's'}"
        numbers = naming.format_ranges(naming.to_ranges(sorted({frame.index for frame, _ in damaged})))
        return f"{self.pattern} in {self.url}: {count} left out: {numbers}. The first error: {damaged[0][1]}"

    def _read_ahead(
        self, decode: Callable[[Frame, bytes], T], concurrency: int | None, max_bytes: int
    ) -> Generator[tuple[Frame, Outcome[T]], None, None]:
        """Yield each frame in order with what became of it. No error stops the frames before or after it."""
        width = READ_AHEAD if concurrency is None else check_count("concurrency", concurrency)
        pipeline: Pipeline[Outcome[bytes], Outcome[T]] = Pipeline(
            workers=width, publishers=os.cpu_count() or 1, max_bytes=check_count("max_bytes", max_bytes)
        )
        ahead: deque[tuple[Frame, Future[Outcome[T]]]] = deque()
        try:
            for frame in self._frames:
                job = ReadJob(frame.read_bytes, partial(decode, frame))
                ahead.append((frame, pipeline.submit(job.read, job.decode, cost=frame.size or 0, size_of=size_of)))
                if len(ahead) >= width:
                    done, future = ahead.popleft()
                    yield done, future.result()
            while ahead:
                done, future = ahead.popleft()
                yield done, future.result()
        finally:
            pipeline.abort(timeout=1.0)


def _merge(runs: Iterable[range]) -> tuple[range, ...]:
    """Return ranges that may overlap as ascending disjoint ones."""
    merged: list[range] = []
    for run in sorted(runs, key=lambda run: (run.start, run.stop)):
        if merged and run.start <= merged[-1].stop:
            merged[-1] = range(merged[-1].start, max(run.stop, merged[-1].stop))
        else:
            merged.append(run)
    return tuple(merged)


def key_of(frame: Frame) -> Key:
    """Return what a sequence's frames are sorted and looked up by."""
    return (frame.index, -1 if frame.batch is None else frame.batch)


def join(folder: str, name: str) -> str:
    """Return the path of a name in a folder; ``""`` is the target's own."""
    return f"{folder}/{name}" if folder else name


def list_folder(target: targets.Target, folder: str) -> list[targets.Entry]:
    """Return the entries of a folder, without those whose names the target cannot be asked for."""
    entries = retry.call(retry.RetryPolicy(), lambda: target.list(folder), contact=target.known)
    return [entry for entry in entries if target.is_valid_path(entry.name)]
