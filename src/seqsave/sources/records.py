"""The records of a source and of its frames."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from seqsave.errors import SourceError
from seqsave.metadata.text import RawText
from seqsave.specs import EncoderSpec
from seqsave.types import MAX_PIXELS, ImageInfo

if TYPE_CHECKING:
    from seqsave.sequences.reader import FrameSequence

__all__ = ["Keep", "Reading", "Source", "SourceFrame"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """A format whose files are passed on byte by byte instead of being decoded.

    bare: pass on only files without metadata, because the file type to be written contains none.
    """

    spec: EncoderSpec
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """How pictures are read.

    keep:       a format whose files are passed on; None decodes every file.
    max_pixels: W x H of the largest picture that is decoded.
    pages:      the pictures of TIFF files of several pictures that are read: "first", "all", or None to refuse them.
    keep_going: yield the errors of frames that cannot be read in place of the frames.
    stream:     the number of a video's stream, counted from 0; None chooses the largest picture.
    resample:   the constant rate to which videos and animations are brought, by the times of their pictures.
    """

    keep: Keep | None = None
    max_pixels: int = MAX_PIXELS
    keep_going: bool = False
    pages: str | None = None
    stream: int | None = None
    resample: Fraction | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFrame:
    """One frame to be saved: either ``data``, a whole file of the kept format, or ``image`` and ``metadata``.

    index:     the number in the source's own names; None if these have none.
    image:     an array of shape H,W or H,W,C; None if ``data`` is set.
    metadata:  texts found in or beside the file, to be written unchanged.
    extension: of its file, in lower case; empty for frames of a video or an array.
    size:      width and height in pixels.
    info:      what its file states of the picture, beside the pixels; None for frames of an array.
    error:     why there is no frame, where the source goes on past one that cannot be read.
    """

    index: int | None
    image: Any
    metadata: Mapping[str, RawText] = field(default_factory=dict)
    data: bytes | None = None
    batch: int | None = None
    extension: str = ""
    size: tuple[int, int] | None = None
    info: ImageInfo | None = None
    error: SourceError | None = None


@dataclass(slots=True, kw_only=True)
class Source:
    """An iterable of frames, which are read during the iteration. Iterating again reads again.

    description: one line that describes the source, for messages.
    frames:      starts an iteration.
    total:       number of frames; an estimate for videos, whose containers may be wrong; None if unknown.
    about:       ``total`` is an estimate.
    rate:        frames per second; None if unknown.
    depth:       bits of each channel, if its arrays have more than is usual; 8 otherwise.
    first:       the lowest number in its names; None if its frames have no numbers.
    files:       (URL, index, batch) of each file that it reads frames from, in order; empty for videos and arrays.
    extensions:  of those files.
    notes:       messages for the user about how it is read. More may be added during the iteration.
    is_timed:    its pictures have times, by which they can be resampled.
    sequence:    the sequence that its frames are, where they are one; ``only`` leaves it whole.
    keeping:     returns the source with another ``Keep``, which goes on past frames that cannot be read if the second
                 argument is True; None for a source of one file.
    as_dtype:    returns the source with arrays of "uint8" or of "float32"; None if it has 8 bits, or cannot.
    only:        returns a source that reads only the frames with these numbers, which count from 0 where its names have
                 none; None for a source that is always read from its beginning.
    """

    description: str
    frames: Callable[[], Iterator[SourceFrame]]
    total: int | None = None
    about: bool = False
    rate: Fraction | None = None
    depth: int = 8
    first: int | None = None
    files: tuple[tuple[str, int | None, int | None], ...] = ()
    extensions: frozenset[str] = frozenset()
    notes: list[str] = field(default_factory=list)
    only: Callable[[Container[int]], Source] | None = None
    keeping: Callable[[Keep | None, bool], Source] | None = None
    as_dtype: Callable[[str], Source] | None = None
    is_timed: bool = False
    sequence: FrameSequence | None = None

    def __iter__(self) -> Iterator[SourceFrame]:
        return self.frames()
