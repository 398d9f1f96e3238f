"""Make a preview movie: of existing frames, or of frames that are being saved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from seqsave.errors import OptionError, SeqSaveError
from seqsave.metadata.text import dump
from seqsave.pictures import arrays
from seqsave.pictures.color import color_space
from seqsave.pictures.movie import EXTENSIONS, Movie
from seqsave.runtime.pipeline import Pipeline
from seqsave.runtime.retry import RetryPolicy, call
from seqsave.sequences.frame import Frame
from seqsave.sequences.reader import FrameSequence

if TYPE_CHECKING:
    from seqsave.pictures.convert import Conversion
    from seqsave.targets import Target
    from seqsave.types import ColorSpace, ImageArray
from seqsave.types import MAX_PIXELS

__all__ = ["Made", "Preview", "make_preview"]

# Bytes of pictures that wait for the movie's encoder before ``Preview.add`` waits as well.
_WAITING_BYTES = 64 * 2**20


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
    max_pixels: int = MAX_PIXELS,
    on_frame: Callable[[Frame], None] = lambda _: None,
) -> Made:
    """Make a movie of a sequence (of its first variation), with the workflow of its first frame in its tags.

    path:     below ``target``, ending in .mp4 or .webm.
    rate:     frames per second; by default the manifest's, or 24.
    height:   in pixels, at most.
    max_pixels: W x H of the largest picture that is decoded.
    on_frame: called with each frame that has been added.

    Raises OptionError for another ending, EncoderUnavailableError without PyAV, DecodeError, EncodeError, TargetError.
    """
    extension = path.rpartition(".")[2].lower()
    if extension not in EXTENSIONS:
        raise OptionError(f"a preview is .mp4 or .webm, not {path.rpartition('/')[2]!r}")
    shown = sequence.variation()
    with Movie(extension, rate=rate or _rate(sequence), texts=_texts(shown), height=height) as movie:
        for frame, array in zip(shown, shown.arrays(max_pixels=max_pixels), strict=True):
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


class Preview:
    """The movie of frames that are being saved, made on a thread of its own. Whatever goes wrong is a warning.

    ``add``, ``give_up`` and ``finish`` are called by one thread at a time.

    color:   what the pictures' values mean; shown as sRGB where OpenColorIO is there to convert them.
    publish: called with the finished movie. warn: called once, with the reason why there is none.

    Raises OptionError, EncoderUnavailableError.
    """

    def __init__(
        self,
        extension: str,
        *,
        rate: Fraction | None,
        texts: Mapping[str, str],
        color: ColorSpace | None,
        publish: Callable[[bytes], None],
        warn: Callable[[str], None],
    ) -> None:
        self._movie: Movie | None = Movie(extension, rate=rate, texts=texts)
        self._conversion = _to_display(color)
        self._publish = publish
        self._warn = warn
        self._last: int | None = None
        self._pipeline: Pipeline[None, None] = Pipeline(workers=1, publishers=0, max_bytes=_WAITING_BYTES)

    def take(self, image: Any) -> ImageArray | SeqSaveError:
        """Return a copy of an image for the movie, or why there is none; any thread may call this.

        The copy has as few bits as a movie can show; all of them where its colours are to be converted.
        """
        if self._movie is None:
            return SeqSaveError("there is no movie")
        dtypes = ("uint8", "uint16") if self._conversion is None else ("float32",)
        try:
            array = arrays.as_array(image)
            return arrays.prepare(array, dtypes, (array.shape[2],)).array
        except SeqSaveError as error:
            return error

    def add(self, index: int, taken: ImageArray | SeqSaveError) -> None:
        """Add the frame of this index; only in rising order, as a movie cannot be changed afterwards."""
        if self._movie is None:
            return
        if self._last is not None and index <= self._last:
            self.give_up(f"frame {index} came after frame {self._last}")
            return
        self._last = index
        if isinstance(taken, SeqSaveError):
            self.give_up(str(taken))
            return
        try:
            self._pipeline.submit(lambda: self._add(taken), lambda _: None, cost=taken.nbytes, size_of=lambda _: 0)
        except RuntimeError as error:  # the movie could not be made
            self.give_up(str(self._pipeline.error or error))

    def give_up(self, why: str) -> None:
        """Make no movie, and warn of that once."""
        movie, self._movie = self._movie, None
        if movie is None:
            return
        self._pipeline.abort(0.5)
        movie.discard()
        self._warn(f"no preview: {why}; make one of the saved frames with seqsave preview")

    def finish(self, *, wanted: bool = True) -> None:
        """Wait for the movie, and publish it; discard it without a warning if it is not wanted any more."""
        movie = self._movie
        if movie is None:
            return
        if not wanted:
            self._movie = None
            self._pipeline.abort(0.5)
            movie.discard()
            return
        try:
            self._pipeline.close()
            if self._pipeline.error is not None:
                raise self._pipeline.error
            if movie.count:
                self._publish(movie.finish())
            else:
                movie.discard()
        except SeqSaveError as error:
            self.give_up(str(error))
        self._movie = None

    def leave(self) -> None:
        """Make no movie, and do not wait. A finalizer may call this: it takes no lock."""
        movie, self._movie = self._movie, None
        if movie is not None:
            self._pipeline.leave(movie.discard)

    def _add(self, array: ImageArray) -> None:
        movie = self._movie
        if movie is not None:
            movie.add(array if self._conversion is None else self._conversion.apply(array))


def _to_display(color: ColorSpace | None) -> Conversion | None:
    if color is None or color.name == "srgb":
        return None
    from seqsave.pictures.convert import Conversion

    try:
        return Conversion(color, color_space("srgb"))
    except SeqSaveError:
        return None
