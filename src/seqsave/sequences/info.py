"""Describe a sequence or a single picture: its format, what its file states, and the names of its metadata."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction

from seqsave.errors import (
    DecodeError,
    EncoderNotFoundError,
    EncoderUnavailableError,
    ManifestError,
    SeqSaveError,
    TargetError,
)
from seqsave.manifest import Picture
from seqsave.sequences.fallback import stated_in_header
from seqsave.sequences.frame import Frame
from seqsave.sequences.header import picture_of
from seqsave.sequences.reader import FrameSequence
from seqsave.types import ImageInfo

__all__ = ["PictureInfo", "describe_frame", "describe_sequence"]

_TOO_LARGE = "too large to be decoded here: metadata in the file is not named"


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureInfo:
    """What is known of one picture.

    size:     bytes of the file.
    picture:  width and height in pixels, channels and dtype; None where no installed decoder reads the file.
    stated:   what the file states of the picture, as its decoder reads it.
    rate:     frames per second, as the file states it, or else the manifest.
    metadata: the names of its metadata, in the file and beside it, ascending. Values may be secret and are left out.
    problem:  why the file cannot be read; "" if it can, and for a format that nothing installed reads.
    note:     why ``picture`` is not known, or not from the file itself.
    """

    size: int
    picture: Picture | None = None
    stated: ImageInfo = field(default_factory=ImageInfo)
    rate: Fraction | None = None
    metadata: tuple[str, ...] = ()
    problem: str = ""
    note: str = ""


def describe_frame(frame: Frame) -> PictureInfo:
    """Read one picture and describe it. A damaged picture is described as far as possible.

    Raises TargetError if the file cannot be read.
    """
    data = frame.read_bytes()
    beside = _beside(frame, data)
    try:
        decoded = frame.decode(data)
    except (EncoderNotFoundError, EncoderUnavailableError) as error:
        return _made(data, picture_of(data), beside, stated_in_header(data), note=str(error))
    except DecodeError as error:
        if error.reason == "damaged":
            return _made(data, None, beside, ImageInfo(), problem=str(error))
        note = _TOO_LARGE if error.reason == "too large" else str(error)
        return _made(data, picture_of(data), beside, stated_in_header(data), note=note)
    picture = Picture.of(decoded.array.shape, decoded.array.dtype)
    return _made(data, picture, {*beside, *decoded.metadata}, decoded.info)


def describe_sequence(sequence: FrameSequence) -> PictureInfo:
    """Read the first frame of a sequence and describe it, with what its manifest adds.

    Raises TargetError if the frame cannot be read.
    """
    found = describe_frame(sequence[0])
    try:
        known = sequence.manifest
    except (ManifestError, TargetError):
        known = None
    if known is None:
        return found
    picture, note = found.picture, found.note
    if picture is None and known.picture is not None:
        picture, note = known.picture, f"from the manifest, since {note or found.problem}"
    names = tuple(sorted({*found.metadata, *known.metadata}))
    return replace(found, picture=picture, rate=found.rate or known.rate, metadata=names, note=note)


def _made(
    data: bytes, picture: Picture | None, names: Iterable[str], stated: ImageInfo, *, problem: str = "", note: str = ""
) -> PictureInfo:
    return PictureInfo(
        size=len(data),
        picture=picture,
        stated=stated,
        rate=stated.rate,
        metadata=tuple(sorted(names)),
        problem=problem,
        note=note,
    )


def _beside(frame: Frame, data: bytes) -> set[str]:
    """Return the names of the metadata in sidecars; none where these cannot be listed or read."""
    try:
        return {*frame.texts_beside(data)}
    except (SeqSaveError, UnicodeError):
        return set()
