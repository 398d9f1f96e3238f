"""Make the movie of frames that are being saved, for ``preview="mp4"`` and ``preview="webm"``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from seqsave import naming
from seqsave.errors import SeqSaveError
from seqsave.naming.key import FrameKey
from seqsave.pictures.movie import Movie
from seqsave.runtime import retry
from seqsave.runtime.pipeline import Pipeline
from seqsave.sequences.belongings import own_path
from seqsave.sequences.shown import Screen, Waiting

if TYPE_CHECKING:
    from seqsave.pictures.pixels import SharedImage
    from seqsave.settings.config import WriterConfig
    from seqsave.targets import Target

__all__ = ["RunPreview", "open_preview"]

# Bytes of pictures that wait for the movie's encoder before ``RunPreview.add`` waits as well.
_WAITING_BYTES = 64 * 2**20


def open_preview(config: WriterConfig, target: Target, warn: Callable[[str, str, FrameKey], None]) -> RunPreview | None:
    """Open the movie that the settings of a writer ask for; None, with a warning, for files that are copied.

    It has the name of the frames of the first file type, and the metadata if any of the file types embeds it.

    Raises as ``RunPreview``.
    """
    delivery, embedding, form, extension = config.delivery, config.embedding, config.formats[0], config.delivery.preview
    assert extension is not None  # noqa: S101 - for the type checker: they ask for one
    key = FrameKey(config.naming.start, None, naming.join(form.rule.folder, f"{form.rule.stem}.{extension}"))
    if config.copies:
        text = "no preview: the files are copied, and not decoded; make one of the saved frames with seqsave preview"
        warn("preview", text, key)
        return None
    embeds = embedding.metadata_in != "none" and any(one.resolved.embed for one in config.formats)
    create, kind = delivery.if_exists == "error", f"video/{extension}"
    view = next((one.pixels.view for one in config.formats if one.pixels.view is not None), None)

    def publish(data: bytes) -> None:
        path = own_path(target, key.path)
        retry.call(delivery.policy, lambda: target.publish(path, data, content_type=kind, create=create))

    return RunPreview(
        extension,
        rate=embedding.exact_rate,
        texts=embedding.texts if embeds else {},
        screen=Screen(
            color=form.pixels.stated,
            view=view,
            wanted=form.pixels.wanted,
            drops_color=form.pixels.drops_color,
            over_light=not form.pixels.shows_linear and form.pixels.view is None,
            alpha=form.alpha,
            saved_as=form.resolved.extension if form.pixels.dtype.startswith("float") else "",
        ),
        publish=publish,
        warn=lambda kind, message: warn(kind, message, key),
    )


class RunPreview:
    """The movie of frames that are being saved, made on a thread of its own. Whatever goes wrong is a warning.

    ``add``, ``give_up`` and ``finish`` are called by one thread at a time.

    screen:  shows the pictures.
    publish: called with the finished movie. warn: called with (kind, message): once with the reason why there is none,
             and with what its viewers should know.

    Raises OptionError, EncoderUnavailableError.
    """

    def __init__(
        self,
        extension: str,
        *,
        rate: Fraction | None,
        texts: Mapping[str, str],
        screen: Screen,
        publish: Callable[[bytes], None],
        warn: Callable[[str, str], None],
    ) -> None:
        self._movie: Movie | None = Movie(extension, rate=rate, texts=texts, background=screen.background)
        self._screen = screen
        self._publish = publish
        self._warn = warn
        self._last: int | None = None
        self._pipeline: Pipeline[None, None] = Pipeline(workers=1, publishers=0, max_bytes=_WAITING_BYTES)

    def take(self, key: FrameKey, image: SharedImage | None, *, existed: bool = False) -> Waiting | SeqSaveError | None:
        """Return a copy of a frame's image for the movie, or why there is none; any thread may call this.

        image:   None for a frame that was encoded elsewhere. existed: it is not written, as it exists already.

        Returns None for a frame that is not part of the movie: after the end, and of any variation but the first.
        """
        if existed:
            return SeqSaveError(f"frame {key.index} already existed")
        if image is None:
            return SeqSaveError("some frames were encoded elsewhere")
        if key.after_end or key.batch not in (None, 0):
            return None
        if self._movie is None:
            return SeqSaveError("there is no movie")
        try:
            return self._screen.take(image.image, image.info)
        except SeqSaveError as error:
            return error

    def add(self, index: int, taken: Waiting | SeqSaveError | None) -> None:
        """Add the frame of this index, as ``take`` has returned it; only in rising order, as a movie is not changed."""
        if self._movie is None or taken is None:
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
        self._warn("preview", f"no preview: {why}; make one of the saved frames with seqsave preview")

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
                for kind, text in self._screen.notes.items():
                    self._warn(f"preview {kind}", f"preview: {text}")
                if movie.enlarged:
                    self._warn("preview size", f"preview: {movie.enlarged}")
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

    def _add(self, waiting: Waiting) -> None:
        movie = self._movie
        if movie is not None:
            picture = self._screen.show(waiting)
            movie.transfer = self._screen.transfer
            movie.add(picture, aspect=waiting.aspect)
