"""What a source is and what it yields."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from seqsave.metadata.text import RawText
from seqsave.types import EncoderSpec

__all__ = ["Keep", "Source", "SourceFrame"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """Which files are to be passed on byte for byte instead of being decoded: those of ``spec``'s format.

    bare: only when the file holds no metadata, since the filetype that is to be written promises to hold none.
    """

    spec: EncoderSpec
    bare: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFrame:
    """One frame to be saved: either ``data``, a whole file of the kept format, or ``image`` and ``metadata``.

    index:     the number in the source's own names, None when it has none.
    image:     an array of shape H,W or H,W,C; None when ``data`` is there.
    metadata:  texts found in or beside the file, exactly as they are; they are to be written verbatim.
    extension: of the file that it came from, in lower case; empty when it came out of a video or an array.
    size:      width and height in pixels.
    """

    index: int | None
    image: Any
    metadata: Mapping[str, RawText] = field(default_factory=dict)
    data: bytes | None = None
    batch: int | None = None
    extension: str = ""
    size: tuple[int, int] | None = None


@dataclass(slots=True, kw_only=True)
class Source:
    """Frames, read as they are asked for. Iterating again reads again.

    description: what it is, for people.
    frames:      begins one reading.
    total:       how many frames there are; an estimate for videos, whose containers may lie; None when unknown.
    rate:        frames per second, where known.
    first:       the lowest number in its names, None when its frames have no numbers.
    files:       (URL, index, batch) of each file that it reads frames from, in order; empty for videos and arrays.
    extensions:  of those files.
    notes:       what the user should know about how it was understood. More may be added while it is read.
    """

    description: str
    frames: Callable[[], Iterator[SourceFrame]]
    total: int | None = None
    rate: Fraction | None = None
    first: int | None = None
    files: tuple[tuple[str, int | None, int | None], ...] = ()
    extensions: frozenset[str] = frozenset()
    notes: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[SourceFrame]:
        return self.frames()
