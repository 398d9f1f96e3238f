"""A movie for a quick look, made of frames that are there, and published."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from seqsave.errors import OptionError, SeqSaveError
from seqsave.metadata.text import dump
from seqsave.pictures.movie import EXTENSIONS, Movie
from seqsave.runtime.retry import RetryPolicy, call
from seqsave.sequences.reader import Frame, FrameSequence

if TYPE_CHECKING:
    from seqsave.targets import Target

__all__ = ["Made", "make_preview"]


@dataclass(frozen=True, slots=True)
class Made:
    """A movie that was published: how many frames it shows, and its size in bytes."""

    frames: int
    size: int


def make_preview(
    sequence: FrameSequence,
    target: Target,
    path: str,
    *,
    rate: Fraction | None = None,
    height: int = 720,
    on_frame: Callable[[Frame], None] = lambda _: None,
) -> Made:
    """Make a movie of a sequence, with the workflow of its first frame in its tags; of its first variation only.

    path:     below ``target``, ending in .mp4 or .webm.
    rate:     frames per second; by default the manifest's, or 24.
    height:   in pixels, at most.
    on_frame: called with each frame that has been added.

    Raises OptionError for another ending, EncoderUnavailableError without PyAV, DecodeError, EncodeError, TargetError.
    """
    extension = path.rpartition(".")[2].lower()
    if extension not in EXTENSIONS:
        raise OptionError(f"a preview is .mp4 or .webm, not {path.rpartition('/')[2]!r}")
    shown = sequence.variation()
    with Movie(extension, rate=rate or _rate(sequence), texts=_texts(shown), height=height) as movie:
        for frame, array in zip(shown, shown.arrays(), strict=True):
            movie.add(array)
            on_frame(frame)
        data = movie.finish()
    call(RetryPolicy(), lambda: target.publish(path, data, content_type=f"video/{extension}"), contact=target.known)
    return Made(movie.count, len(data))


def _rate(sequence: FrameSequence) -> Fraction | None:
    manifest = sequence.manifest
    return manifest.rate if manifest is not None else None


def _texts(sequence: FrameSequence) -> dict[str, str]:
    """The first frame's metadata; a preview does without where it cannot be read."""
    try:
        return dump(sequence[0].read_metadata())
    except SeqSaveError:
        return {}
