"""Make the movie beside the frames, on a thread of its own, and publish it at the end.

It is never in the way of a frame: whatever goes wrong with it is a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any

from seqsave.errors import SeqSaveError
from seqsave.pictures import arrays
from seqsave.pictures.color import color_space
from seqsave.pictures.movie import Movie
from seqsave.runtime.pipeline import Pipeline
from seqsave.runtime.retry import RetryPolicy, call
from seqsave.writer.encode import Warn
from seqsave.writer.frame import FrameKey

if TYPE_CHECKING:
    from seqsave.pictures.convert import Conversion
    from seqsave.targets import Target
    from seqsave.types import ColorSpace, ImageArray
    from seqsave.writer.formats import Format
    from seqsave.writer.settings import EmbeddedMetadata

__all__ = ["Preview", "open_preview"]

_CONTENT_TYPES = {"mp4": "video/mp4", "webm": "video/webm"}
# Bytes of pictures that wait for the movie's encoder before ``write`` waits as well.
_WAITING_BYTES = 64 * 2**20


def open_preview(
    extension: str,
    formats: Sequence[Format],
    embedding: EmbeddedMetadata,
    target: Target,
    *,
    start: int,
    create: bool,
    policy: RetryPolicy,
    warn: Warn,
) -> Preview:
    """Open the movie of a writer's frames. create: never replace an existing file. Raises as ``Preview``.

    It is called as the frames of the first of ``formats`` are, and holds the metadata that any of them embeds.
    """
    form = formats[0]
    stem, folder = f"{form.rule.stem}.{extension}", form.rule.folder
    key = FrameKey(start, None, f"{folder}/{stem}" if folder else stem)
    embeds = any(one.resolved.embed for one in formats)

    def publish(data: bytes) -> None:
        kind = _CONTENT_TYPES[extension]
        call(policy, lambda: target.publish(key.path, data, content_type=kind, create=create))

    return Preview(
        extension,
        rate=embedding.exact_rate,
        texts=embedding.texts if embeds and embedding.metadata_in != "none" else {},
        color=form.pixels.stated,
        publish=publish,
        warn=partial(warn, "preview", key),
    )


class Preview:
    """One movie. ``add``, ``give_up`` and ``finish`` are called by one thread at a time.

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
        except SeqSaveError as error:
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
