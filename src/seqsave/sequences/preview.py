"""Make a preview movie of existing frames, and publish it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from seqsave.errors import OptionError, SeqSaveError
from seqsave.metadata.text import dump
from seqsave.pictures.movie import EXTENSIONS, Movie
from seqsave.runtime.retry import RetryPolicy, call
from seqsave.sequences.frame import Frame
from seqsave.sequences.reader import FrameSequence

if TYPE_CHECKING:
    from seqsave.targets import Target

__all__ = ["Made", "make_preview"]


@dataclass(frozen=True, slots=True)
class Made:
    """A published movie: the number of its frames, and its size in bytes."""

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
    """Make a movie of a sequence (of its first variation), with the workflow of its first frame in its tags.

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
    """Return the first frame's metadata; empty if it cannot be read."""
    try:
        return dump(sequence[0].read_metadata())
    except SeqSaveError:
        return {}
