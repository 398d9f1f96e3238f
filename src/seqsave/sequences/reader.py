"""Find sequences in a storage, list and sort their frames, see the gaps, and read frames lazily.

Only names that the rule makes (prefix, ``_``, digits, ``.``, extension) are frames, and only of the asked prefix and
extension; a pattern (``shot.####.exr``) reads sequences that were named by another rule. Every listing is a fresh one.
"""

from __future__ import annotations

import os
import threading
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

from seqsave import manifest as manifests
from seqsave import naming, targets
from seqsave.errors import DecodeError, EncoderNotFoundError, FrameNameError, SequenceNotFoundError
from seqsave.metadata import text
from seqsave.plugins import registry
from seqsave.runtime import retry
from seqsave.runtime.pipeline import Pipeline
from seqsave.types import Decoded

if TYPE_CHECKING:
    from seqsave.manifest import Manifest
    from seqsave.types import ImageArray

__all__ = ["Frame", "FrameSequence", "decode", "find_sequences", "open_sequence"]

# W x H of the largest picture that is decoded: 16K x 16K. Larger ones are more likely an attack than a frame.
MAX_PIXELS = 2**28
# How much a sequence that is read ahead may hold, and how many requests it has under way.
READ_AHEAD_BYTES = 256 * 2**20
READ_AHEAD = 16
MAX_LISTED = 10_000_000

Key = tuple[int, int]  # (index, batch), batch -1 for a frame outside batch folders: sorts as people expect


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a sequence. Nothing is read before ``read``, ``read_bytes`` or ``read_metadata`` asks for it."""

    index: int
    batch: int | None
    url: str
    size: int
    name: str
    _path: str = field(repr=False)
    _files: Files = field(repr=False)

    def read(self) -> ImageArray:
        """The picture as an array of shape H,W,C, in the dtype of the file.

        Raises DecodeError, TargetError, EncoderUnavailableError, EncoderNotFoundError (nothing reads this format).
        """
        return self.decode().array

    def read_bytes(self) -> bytes:
        """The file as it is."""
        return self._files.read(self._path)

    def read_metadata(self) -> dict[str, Any]:
        """What was given as metadata: from inside the file and from beside it. Text that is not JSON stays text."""
        data = self.read_bytes()
        return text.load({**self.texts_beside(data), **self.decode(data).metadata})

    def texts_beside(self, data: bytes) -> dict[str, str]:
        """Metadata, name to text, that the file itself could not hold; ``data`` is what ``read_bytes`` gave."""
        return self._files.texts_beside(self._path, data)

    def decode(self, data: bytes | None = None) -> Decoded:
        """Picture and texts at once; ``data`` saves reading the file again. Raises as ``read`` does."""
        return decode(self.name, self.read_bytes() if data is None else data)


class Files:
    """What frames are read through: a target, tried again where that can help, and what lies beside the frames.

    Listings of sidecars are remembered, so that a sequence of any length costs one for each folder.
    """

    def __init__(self, target: targets.Target) -> None:
        self.target = target
        self._sidecars: dict[str, list[str]] = {}
        self._lock = threading.Lock()

    def frame(self, path: str, size: int, index: int, batch: int | None = None) -> Frame:
        """The file ``path`` as a frame."""
        return Frame(index, batch, self.target.url_of(path), size, path.rpartition("/")[2], path, self)

    def read(self, path: str) -> bytes:
        """A whole file."""
        return retry.call(retry.RetryPolicy(), lambda: self.target.read(path), contact=self.target.known)

    def texts_beside(self, path: str, data: bytes) -> dict[str, str]:
        """The sidecars of the file ``path`` while its content is ``data``."""
        folder, _, name = path.rpartition("/")
        private = _join(folder, naming.PRIVATE_FOLDER)
        sidecars = self._listed(private)
        crc32 = zlib.crc32(data) if sidecars else 0
        keys = {sidecar: naming.sidecar_key(sidecar, name, crc32) for sidecar in sidecars}
        return {key: self.read(f"{private}/{sidecar}").decode() for sidecar, key in keys.items() if key is not None}

    def _listed(self, folder: str) -> list[str]:
        with self._lock:
            if folder not in self._sidecars:
                self._sidecars[folder] = [entry.name for entry in _list(self.target, folder)]
            return self._sidecars[folder]


def decode(name: str, data: bytes) -> Decoded:
    """The picture and texts in a file of this name; its extension says which encoder reads it.

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

    target: what it lies in, where ``manifest`` is looked for; None for a sequence whose names another rule made.
    """

    def __init__(
        self,
        *,
        url: str,
        prefix: str,
        extension: str,
        digits: int,
        frames: Sequence[Frame],
        pattern: str,
        duplicates: Sequence[Frame] = (),
        target: targets.Target | None = None,
    ) -> None:
        self.url = url
        self.prefix = prefix
        self.extension = extension
        self.digits = digits
        self.pattern = pattern
        self.duplicates = tuple(sorted(duplicates, key=_key))
        """Files that hold the number of another frame in a name of another width: frame_7 beside frame_00007."""
        self._frames = tuple(sorted(frames, key=_key))
        self._by_key = {_key(frame): frame for frame in self._frames}
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
        return self._frames[position]

    def __repr__(self) -> str:
        return f"<FrameSequence {self.pattern} {naming.format_ranges(self.ranges)} in {self.url}>"

    @property
    def filetype(self) -> str | None:
        """The filetype whose encoder reads these files; None when none here does."""
        spec = registry.spec_for_extension(self.extension)
        return spec.filetype if spec is not None else None

    @cached_property
    def manifest(self) -> Manifest | None:
        """The sequence's manifest, read once, when it is first asked for; None where there is none.

        Raises ManifestError (it is damaged, or of a newer version), TargetError.
        """
        if self.target is None:
            return None
        return manifests.read(self.target, self.prefix, self.extension)

    @property
    def indices(self) -> tuple[int, ...]:
        """Every index that has a frame, ascending."""
        return tuple(sorted({frame.index for frame in self._frames}))

    @property
    def batches(self) -> tuple[int, ...]:
        """The batch numbers there are, ascending; empty when no frame lies in a batch folder."""
        return tuple(sorted({frame.batch for frame in self._frames if frame.batch is not None}))

    @property
    def ranges(self) -> tuple[range, ...]:
        """The indices as runs without gaps."""
        return naming.to_ranges(self.indices)

    @property
    def missing_ranges(self) -> tuple[range, ...]:
        """``missing`` as runs; cheap even when one stray file makes the gap enormous."""
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
        """Indices between the first and the last that have no frame, or lack one in some batch folder.

        Raises FrameNameError when there are more than ten million: ``missing_ranges`` then tells where.
        """
        runs = self.missing_ranges
        if sum(map(len, runs)) > MAX_LISTED:
            raise FrameNameError(
                f"{self.pattern} in {self.url} lacks {naming.format_ranges(runs)}: too many to list, see missing_ranges"
            )
        return tuple(index for run in runs for index in run)

    @property
    def urls(self) -> tuple[str, ...]:
        """The URL of each frame, in order; absolute paths for local ones."""
        return tuple(frame.url for frame in self._frames)

    @property
    def size(self) -> int:
        """Bytes of all frames together."""
        return sum(frame.size for frame in self._frames)

    def frame(self, index: int, batch: int | None = None) -> Frame:
        """The frame of this index; of its lowest batch when ``batch`` is None and it lies in batch folders only.

        Raises SequenceNotFoundError, and FrameNameError for what is no number of a frame.
        """
        index = naming.check_index(index)
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
        """This sequence with one frame for each index: the one that ``frame(index)`` gives."""
        if not self.batches:
            return self
        first = {frame.index: frame for frame in reversed(self._frames)}
        return FrameSequence(
            url=self.url,
            prefix=self.prefix,
            extension=self.extension,
            digits=self.digits,
            frames=list(first.values()),
            pattern=self.pattern,
            target=self.target,
        )

    def arrays(self, concurrency: int | None = None, max_bytes: int = READ_AHEAD_BYTES) -> Iterator[ImageArray]:
        """The pictures in order, reading and decoding ahead on several threads.

        concurrency: how many are under way; by default enough to hide a remote storage's latency.
        max_bytes:   how many encoded bytes may be held by frames that are under way.
        """
        for decoded in self.decoded(lambda frame, data: frame.decode(data), concurrency, max_bytes):
            yield decoded.array

    def decoded(
        self,
        decode: Callable[[Frame, bytes], Any],
        concurrency: int | None = None,
        max_bytes: int = READ_AHEAD_BYTES,
    ) -> Iterator[Any]:
        """``decode(frame, data)`` of every frame in order, read and decoded ahead like ``arrays``."""
        width = READ_AHEAD if concurrency is None else naming.check_index(concurrency, "concurrency", least=1)
        pipeline: Pipeline[bytes, Any] = Pipeline(workers=width, publishers=os.cpu_count() or 1, max_bytes=max_bytes)
        ahead: deque[Future[Any]] = deque()
        try:
            for frame in self._frames:
                job = _ReadJob(frame, decode)
                ahead.append(pipeline.submit(frame.read_bytes, job, cost=frame.size, size_of=len))
                if len(ahead) >= width:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            pipeline.abort(timeout=1.0)


@dataclass(frozen=True, slots=True)
class _ReadJob:
    frame: Frame
    decode: Callable[[Frame, bytes], Any]

    def __call__(self, data: bytes) -> Any:
        return self.decode(self.frame, data)


def open_sequence(
    url: str | os.PathLike[str],
    prefix: str | None = None,
    filetype: str | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> FrameSequence:
    """Open the sequence at ``url``: a folder, or a pattern such as ``.../frame_#####.png`` or ``.../frame_%05d.png``.

    ``prefix`` and ``filetype`` choose among several sequences in one folder; a prefix may hold ``/`` for a subfolder.

    Raises SequenceNotFoundError when there is none, or several to choose from (naming them), TargetError,
    EncoderNotFoundError for an unknown filetype.
    """
    if prefix is not None:
        naming.NameRule(prefix)  # or FrameNameError
    if filetype is not None:
        registry.spec_of(filetype)  # or EncoderNotFoundError
    pattern = naming.parse_pattern(str(url))
    if pattern is not None:
        # A path object (pathlib's, or a UPath with storage options of its own) knows its folder best itself.
        target = targets.resolve(getattr(url, "parent", pattern.folder or "."), storage_options)
        found = _sequences(target, "", pattern.parse)
        wanted = str(pattern)
    else:
        target = targets.resolve(url, storage_options)
        found = _sequences(target, (prefix or "").rpartition("/")[0], naming.parse_frame)
        wanted = f"{prefix or '*'}_####.{filetype.split(' ')[0] if filetype else '*'}"
    if prefix is not None:
        found = [sequence for sequence in found if sequence.prefix == prefix]
    return _only(_of_filetype(found, filetype), wanted, target)


def find_sequences(
    url: str | os.PathLike[str],
    recursive: bool = False,
    storage_options: Mapping[str, Any] | None = None,
) -> Iterator[FrameSequence]:
    """Every sequence in the folder ``url``, by prefix and extension; with ``recursive``, in the folders below it too.

    Links to folders below are not followed: they may lead round in circles. Nothing there yields nothing.

    Raises TargetError.
    """
    target = targets.resolve(url, storage_options)
    waiting = [""]
    while waiting:
        folder = waiting.pop(0)
        entries = _list(target, folder)
        yield from _group(target, folder, entries, naming.parse_frame)
        if recursive:
            waiting += [
                _join(folder, entry.name)
                for entry in entries
                if entry.is_folder
                and not entry.is_link
                and entry.name != naming.PRIVATE_FOLDER
                and naming.parse_batch_folder(entry.name) is None
            ]


Parse = Callable[[str], "naming.ParsedName | None"]


def _sequences(target: targets.Target, folder: str, parse: Parse) -> list[FrameSequence]:
    return _group(target, folder, _list(target, folder), parse)


def _group(target: targets.Target, folder: str, entries: Sequence[targets.Entry], parse: Parse) -> list[FrameSequence]:
    """The sequences in one folder and its batch folders."""
    groups: dict[tuple[str, str], list[tuple[naming.ParsedName, Frame]]] = {}
    files = Files(target)

    def add(entries: Sequence[targets.Entry], below: str, batch: int | None) -> None:
        for entry in entries:
            parsed = None if entry.is_folder else parse(entry.name)
            if parsed is not None:
                frame = files.frame(_join(below, entry.name), entry.size, parsed.number, batch)
                groups.setdefault((parsed.head, parsed.tail), []).append((parsed, frame))

    add(entries, folder, None)
    for entry in entries:
        batch = naming.parse_batch_folder(entry.name) if entry.is_folder else None
        if batch is not None:
            below = _join(folder, entry.name)
            add(_list(target, below), below, batch)
    return [_sequence(target, folder, members) for _, members in sorted(groups.items())]


def _sequence(target: targets.Target, folder: str, members: list[tuple[naming.ParsedName, Frame]]) -> FrameSequence:
    name = members[0][0]
    digits = _digits([parsed for parsed, _ in members])
    # Two names may hold one number (frame_7, frame_00007): the one that the sequence's own digits make is the frame.
    own = {_key(f): f for p, f in sorted(members, key=lambda m: m[0].width == max(digits, len(str(m[0].number))))}
    return FrameSequence(
        url=target.url_of(folder) if folder else target.url,
        prefix=_join(folder, name.prefix),
        extension=name.extension,
        digits=digits,
        frames=list(own.values()),
        duplicates=[frame for _, frame in members if frame is not own[_key(frame)]],
        pattern=f"{name.head}{'#' * digits}{name.tail}",
        target=target if _is_by_the_rule(name) else None,
    )


def _is_by_the_rule(name: naming.ParsedName) -> bool:
    return name.head == f"{name.prefix}_" and name.tail == f".{name.extension}"


def _digits(names: Sequence[naming.ParsedName]) -> int:
    """The width that most zero-padded names have, or the shortest one when no name is padded."""
    padded = [name.width for name in names if name.padded]
    if padded:
        return max(set(padded), key=lambda width: (padded.count(width), width))
    return min(name.width for name in names)


def _of_filetype(found: list[FrameSequence], filetype: str | None) -> list[FrameSequence]:
    """Those whose files have the first extension of ``filetype`` that occurs."""
    if filetype is None:
        return found
    for extension in registry.spec_of(filetype).extensions:
        matching = [s for s in found if s.extension == extension]
        if matching:
            return matching
    return []


def _only(found: list[FrameSequence], wanted: str, target: targets.Target) -> FrameSequence:
    if not found:
        raise SequenceNotFoundError(f"no sequence {wanted} in {target.url}: seqsave ls shows what there is")
    if len(found) > 1:
        names = ", ".join(sequence.pattern for sequence in found)
        raise SequenceNotFoundError(
            f"{len(found)} sequences in {target.url}: {names}; choose one with prefix and filetype, or by its pattern"
        )
    return found[0]


def _merge(runs: Iterable[range]) -> tuple[range, ...]:
    """Ranges that may overlap, as ascending disjoint ones."""
    merged: list[range] = []
    for run in sorted(runs, key=lambda run: (run.start, run.stop)):
        if merged and run.start <= merged[-1].stop:
            merged[-1] = range(merged[-1].start, max(run.stop, merged[-1].stop))
        else:
            merged.append(run)
    return tuple(merged)


def _key(frame: Frame) -> Key:
    return (frame.index, -1 if frame.batch is None else frame.batch)


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _list(target: targets.Target, folder: str) -> list[targets.Entry]:
    """What lies there, without what cannot be a frame or hold one because its name cannot be asked for."""
    entries = retry.call(retry.RetryPolicy(), lambda: target.list(folder), contact=target.known)
    return [entry for entry in entries if target.accepts(entry.name)]
