"""Open a sequence as a lazy dask array: one listing, and no frame is read before a block is computed."""

from __future__ import annotations

import os
import uuid
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, overload

import dask.array as da
import numpy as np

import seqsave
from seqsave import naming, targets
from seqsave.manifest import Manifest, Picture
from seqsave.manifest.intervals import subtract
from seqsave.pictures import as_array, prepare
from seqsave.plugins.options import check_count
from seqsave.sequences.header import picture_of
from seqsave.types import MAX_PIXELS

__all__ = ["from_sequence"]

Missing = Literal["raise", "skip"]
Chunks = int | Literal["auto"] | tuple[int, ...]
# How many groups of frames a message describes.
_MOST_SHOWN = 3
# Extensions of files that hold no alpha.
_WITHOUT_ALPHA = {"jpg", "jpeg", "jpe", "jfif"}
# Channels of a picture, and those that it can be given: grey, grey with alpha, RGB, RGBA.
_WITHOUT_LOSS = {(1, 2), (1, 3), (1, 4), (2, 4), (3, 4)}


@overload
def from_sequence(
    url: str | os.PathLike[str],
    chunks: Chunks = ...,
    *,
    return_indices: Literal[False] = ...,
    prefix: str | None = ...,
    filetype: str | None = ...,
    batch: int | None = ...,
    frames: str | Iterable[int] | None = ...,
    missing: Missing = ...,
    max_pixels: int = ...,
    storage_options: Mapping[str, Any] | None = ...,
) -> da.Array: ...
@overload
def from_sequence(
    url: str | os.PathLike[str],
    chunks: Chunks = ...,
    *,
    return_indices: Literal[True],
    prefix: str | None = ...,
    filetype: str | None = ...,
    batch: int | None = ...,
    frames: str | Iterable[int] | None = ...,
    missing: Missing = ...,
    max_pixels: int = ...,
    storage_options: Mapping[str, Any] | None = ...,
) -> tuple[da.Array, tuple[int, ...]]: ...
def from_sequence(
    url: str | os.PathLike[str],
    chunks: Chunks = 1,
    *,
    return_indices: bool = False,
    prefix: str | None = None,
    filetype: str | None = None,
    batch: int | None = None,
    frames: str | Iterable[int] | None = None,
    missing: Missing = "raise",
    max_pixels: int = MAX_PIXELS,
    storage_options: Mapping[str, Any] | None = None,
) -> da.Array | tuple[da.Array, tuple[int, ...]]:
    """Open a sequence as a lazy dask array T,H,W,C in the dtype of its files.

    The folder is listed once. Shape and dtype come from the manifest; without one, from the header of the first frame.
    A frame is read when its block is computed. It raises ImageError then if its shape or dtype is not the array's;
    channels are added where nothing is lost (grey to RGB, opaque alpha).

    url, prefix, filetype: as for ``seqsave.open_sequence``.
    chunks:         frames per block: a number, -1 for all, ``"auto"``, or the length of each block.
    return_indices: return the frames' numbers too: (array, indices).
    batch:          the variation; by default the frames outside of batch folders, or else the lowest batch.
    frames:         which frames, in this order: indices, or a text such as ``"0-99"``, ``"1-10x2"`` or ``"1,5,9"``.
    missing:        what happens at gaps: ``"raise"`` an error that names them, or ``"skip"`` them. Without ``frames``,
                    gaps are those in what the manifest expects; without a manifest, between the first and last frame.
    max_pixels:     W x H of the largest picture that is decoded.
    storage_options: travel to the workers in the graph. Without them, each worker uses its own credentials.

    Raises SequenceNotFoundError (no such sequence, batch or frame), ImageError for frames of several sizes,
    OptionError, and as ``seqsave.open_sequence``; DecodeError or TargetError where a frame's header has to be read.
    """
    if missing not in ("raise", "skip"):
        raise seqsave.OptionError(f"missing is {missing!r:.80}: it must be 'raise' or 'skip'")
    check_count("max_pixels", max_pixels)
    sequence = seqsave.open_sequence(url, prefix, filetype, storage_options)
    manifest = _manifest_of(sequence)
    found = _of_batch(sequence, batch)
    chosen = _chosen(sequence, manifest, found, frames, missing)
    picture = _picture_in_manifest(manifest, chosen) or _picture_in_file(chosen[0])
    head, names = _split([frame.url for frame in chosen])
    reader = _Reader(
        head=_with_user_info(head, url),
        shape=(picture.height, picture.width, picture.channels),
        dtype=picture.dtype,
        max_pixels=max_pixels,
        storage_options={**targets.parse_url(url).options, **(storage_options or {})} or None,
    )
    array = _lazy(reader, names, chunks)
    return (array, tuple(frame.index for frame in chosen)) if return_indices else array


@dataclass(frozen=True)
class _Reader:
    """What tasks need to read any frame of one sequence. Its text has no secret; its pickle has the storage options.

    head:  what the URLs of all frames begin with, maybe with user info.
    shape: H,W,C of each frame.
    """

    head: str = field(repr=False)
    shape: tuple[int, int, int]
    dtype: str
    max_pixels: int
    storage_options: Mapping[str, Any] | None = field(repr=False)

    def read(self, frame: seqsave.Frame) -> Any:
        """Return a picture in the shape and dtype of the array. Raises ImageError, and as ``Frame.read``."""
        image = frame.read(max_pixels=self.max_pixels)
        found, wanted = image.shape, self.shape
        fits = found[:2] == wanted[:2] and str(image.dtype) == self.dtype
        if not fits or (found[2] != wanted[2] and (found[2], wanted[2]) not in _WITHOUT_LOSS):
            raise seqsave.ImageError(
                f"frame {frame.index} ({frame.name}) is {_described(found, image.dtype)}, and the array has frames of "
                f"{_described(wanted, self.dtype)}: open frames of one kind, with frames=..."
            )
        return image if found == wanted else prepare(as_array(image), [self.dtype], [wanted[2]]).array


def _read_block(names: Any, reader: _Reader) -> Any:
    """Return the frames of one block, T,H,W,C. names: T,1,1,1, the ends of their URLs."""
    block = np.empty((len(names), *reader.shape), reader.dtype)
    held = None
    for name, place in zip(names.flat, block, strict=True):
        frame = seqsave.open_frame(reader.head + name, reader.storage_options)
        place[...] = reader.read(frame)
        held = frame  # its connections serve the next frame
    del held
    return block


def _lazy(reader: _Reader, names: Sequence[str], chunks: Chunks) -> da.Array:
    """Return the array whose blocks read these frames."""
    dtype = np.dtype(reader.dtype)
    lengths = _lengths(chunks, (len(names), *reader.shape), dtype)
    # Random names: a file that is replaced and opened again is another array. Names show in logs, and hold no secret.
    own = uuid.uuid4().hex
    ends = np.empty((len(names), 1, 1, 1), object)
    ends[:, 0, 0, 0] = names
    return da.map_blocks(
        _read_block,
        da.from_array(ends, chunks=(lengths, 1, 1, 1), name=f"seqsave-names-{own}"),
        reader=reader,
        name=f"seqsave-read-{own}",
        chunks=(lengths, *((length,) for length in reader.shape)),
        dtype=dtype,
        meta=np.empty((0, 0, 0, 0), dtype),
    )


def _lengths(chunks: Chunks, shape: tuple[int, ...], dtype: Any) -> tuple[int, ...]:
    """Return the number of frames in each block. Raises OptionError."""
    if isinstance(chunks, np.integer):
        chunks = int(chunks)
    is_number = isinstance(chunks, int) and not isinstance(chunks, bool)
    if not is_number and chunks != "auto" and not isinstance(chunks, tuple | list):
        raise seqsave.OptionError(
            f"chunks is {chunks!r:.80}: it must be a number of frames, -1, 'auto', or the length of each block"
        )
    if is_number and chunks != -1 and chunks < 1:  # type: ignore[operator]
        raise seqsave.OptionError(f"chunks is {chunks}: it must be at least 1, or -1 for one block of all frames")
    first = tuple(chunks) if isinstance(chunks, tuple | list) else chunks
    try:
        return tuple(da.core.normalize_chunks((first, -1, -1, -1), shape, dtype=dtype)[0])
    except (TypeError, ValueError) as error:
        raise seqsave.OptionError(f"chunks is {chunks!r:.80}, for a sequence of length {shape[0]}: {error}") from None


# --- which frames ----------------------------------------------------------------------------------------------------


def _manifest_of(sequence: seqsave.FrameSequence) -> Manifest | None:
    """Return the manifest; None without one, and with a warning for one that cannot be read."""
    try:
        return sequence.manifest
    except seqsave.ManifestError as error:
        warnings.warn(f"{error}; the sequence is opened without it", seqsave.SeqSaveWarning, stacklevel=3)
        return None


def _of_batch(sequence: seqsave.FrameSequence, batch: int | None) -> dict[int, seqsave.Frame]:
    """Return the frames of one batch by index."""
    there = {frame.batch for frame in sequence}
    if batch is not None:
        wanted: int | None = naming.check_index(batch, "batch")
    else:
        wanted = None if None in there else min(sequence.batches)
    if wanted not in there:
        known = naming.format_ranges(naming.to_ranges(sequence.batches)) or "no batches"
        raise seqsave.SequenceNotFoundError(
            f"{sequence.pattern} in {sequence.url} has no batch {wanted}: there are {known}"
        )
    return {frame.index: frame for frame in sequence if frame.batch == wanted}


def _chosen(
    sequence: seqsave.FrameSequence,
    manifest: Manifest | None,
    found: Mapping[int, seqsave.Frame],
    frames: str | Iterable[int] | None,
    missing: Missing,
) -> list[seqsave.Frame]:
    """Return the frames of the array in order. Raises SequenceNotFoundError for gaps, and if no frame is left."""
    there = naming.to_ranges(sorted(found))
    if frames is not None:
        order = _indices(frames)
        lacking = subtract(naming.to_ranges(sorted(set(order))), there)
    else:
        order = sorted(found)
        expected = manifest.expected if manifest is not None else (range(order[0], order[-1] + 1),)
        lacking = subtract(expected, there)
    if lacking and missing == "raise":
        raise seqsave.SequenceNotFoundError(
            f"{sequence.pattern} in {sequence.url} lacks {naming.format_ranges(lacking, 10, noun='frame')}: pass "
            "missing='skip' to leave gaps out, or choose existing frames with frames=..."
        )
    chosen = [found[index] for index in order if index in found]
    if not chosen:
        raise seqsave.SequenceNotFoundError(
            f"{sequence.pattern} in {sequence.url} has none of these frames: "
            f"there are {naming.format_ranges(there, 10)}"
        )
    return chosen


def _indices(frames: str | Iterable[int]) -> list[int]:
    if isinstance(frames, str):
        return [index for run in naming.parse_frames(frames) for index in run]
    try:
        return [naming.check_frame(index, "a frame of frames") for index in frames]
    except TypeError:
        raise seqsave.FrameNameError(f"frames is {frames!r:.80}: it must be indices, or text such as '0-99'") from None


# --- their size ------------------------------------------------------------------------------------------------------


def _picture_in_manifest(manifest: Manifest | None, chosen: Sequence[seqsave.Frame]) -> Picture | None:
    """Return the format of all frames as the manifest states it, None if it states none. Raises ImageError."""
    entries = {entry.key: entry for entry in manifest.frames} if manifest is not None else {}
    kinds: dict[Picture, list[int]] = {}
    for frame in chosen:
        entry = entries.get((frame.index, frame.batch))
        if entry is None or entry.picture is None or entry.disputed or frame.size not in (None, entry.size):
            continue  # the file may be another one than the recorded one
        kinds.setdefault(_in_file(entry.picture, frame.name), []).append(frame.index)
    if len(kinds) > 1:
        shown = [
            f"frames {naming.format_ranges(naming.to_ranges(sorted(set(own))), 5)} are "
            f"{_described((kind.height, kind.width, kind.channels), kind.dtype)}"
            for kind, own in [*kinds.items()][:_MOST_SHOWN]
        ]
        raise seqsave.ImageError(
            f"{', '.join(shown)}: they do not fit into one array. Open frames of one kind, with frames=..."
        )
    return next(iter(kinds), None)


def _in_file(picture: Picture, name: str) -> Picture:
    """Return the format of the picture in the file. The manifest states the alpha that JPEG drops."""
    if name.rpartition(".")[2].lower() in _WITHOUT_ALPHA and picture.channels in (2, 4):
        return replace(picture, channels=picture.channels - 1)
    return picture


def _picture_in_file(frame: seqsave.Frame) -> Picture:
    """Return the format of a frame from its header; from its pixels if the header is not a simple one."""
    data = frame.read_bytes()
    stated = picture_of(data)
    if stated is not None:
        return stated
    image = frame.decode(data).array
    return Picture.of(image.shape, image.dtype)


def _described(shape: Sequence[int], dtype: object) -> str:
    height, width, channels = shape
    return f"{width}x{height} {dtype} with {channels} channel{'' if channels == 1 else 's'}"


# --- their URLs ------------------------------------------------------------------------------------------------------


def _split(urls: Sequence[str]) -> tuple[str, list[str]]:
    """Return what all URLs begin with, and the rest of each."""
    length = _common(min(urls), max(urls))
    return urls[0][:length], [url[length:] for url in urls]


def _with_user_info(head: str, url: str | os.PathLike[str]) -> str:
    """Return the beginning of URLs with the user info of ``url``, which the URLs of frames leave out."""
    location = targets.parse_url(url)
    real, shown = location.url, location.shown
    if real == shown:
        return head
    same = _common(real[::-1], shown[::-1])
    hidden = shown[: len(shown) - same]
    return real[: len(real) - same] + head[len(hidden) :] if head.startswith(hidden) else head


def _common(one: str, other: str) -> int:
    """Return how many characters two texts begin with in common."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((position for position, (a, b) in pairs if a != b), min(len(one), len(other)))
