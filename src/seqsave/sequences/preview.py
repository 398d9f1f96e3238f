"""Make a preview movie of existing frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol

from seqsave import naming
from seqsave.errors import ImageError, OptionError, SeqSaveError
from seqsave.metadata.text import dump
from seqsave.pictures.codecs import EXTENSIONS, choose
from seqsave.pictures.color import color_space
from seqsave.pictures.movie import Movie
from seqsave.plugins.options import check_count
from seqsave.runtime.retry import RetryPolicy, call
from seqsave.sequences.belongings import own_path
from seqsave.sequences.cells import missing_in, numbered
from seqsave.sequences.file import rate_of
from seqsave.sequences.frame import Frame
from seqsave.sequences.progress import look_at
from seqsave.sequences.reader import FrameSequence
from seqsave.sequences.shown import Screen, Waiting, color_of_name
from seqsave.settings.formats import wanted_channels
from seqsave.types import MAX_PIXELS

if TYPE_CHECKING:
    from seqsave.targets import Target
    from seqsave.types import Decoded

__all__ = ["EncodedMovie", "Files", "Look", "Made", "Source", "encode_movie", "make_preview"]

_CONTENT_TYPES = {"mp4": "video/mp4", "webm": "video/webm", "mov": "video/quicktime"}


@dataclass(frozen=True, slots=True)
class Made:
    """A published movie: the number of its frames, its size in bytes, and notes of what its viewers should know."""

    frames: int
    size: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The look of a movie, and its encoding.

    height:     in pixels, at most.
    codec:      ``h264``, ``av1``, ``vp9`` or ``prores``; None for that of the extension.
    quality:    1 to 100; None for a quick look. For ProRes: 75 is HQ, 50 422, 25 LT, less Proxy.
    burn_in:    draw the number of each frame into it.
    color:      the colour space of the values, one of ``COLOR_SPACES``; None for what the frames state.
    background: the colour below transparent pixels and around frames of another size, a name or ``#rrggbb``.
    ocio, display, view, channels, layer: as the settings of these names.

    Raises OptionError, EncoderUnavailableError.
    """

    height: int = 720
    codec: str | None = None
    quality: int | None = None
    burn_in: bool = False
    color: str | None = None
    background: str = "black"
    ocio: str | None = None
    display: str | None = None
    view: str | None = None
    channels: str | None = None
    layer: str | None = None

    def __post_init__(self) -> None:
        check_count("height", self.height)
        color_of_name(self.background)
        if self.color is not None:
            color_space(self.color)

    def screen(self, *, is_deep: bool) -> Screen:
        """Return the screen that shows the frames."""
        view = None
        if any(one is not None for one in (self.ocio, self.display, self.view)):
            from seqsave.pictures.view import View

            view = View(self.ocio, self.display, self.view)
        color = None if self.color is None else color_space(self.color)
        wanted = wanted_channels(self.channels, self.layer)
        return Screen(color=color, background=self.background, view=view, wanted=wanted, is_deep=is_deep)


def make_preview(
    sequence: FrameSequence,
    target: Target,
    path: str,
    *,
    rate: Fraction | None = None,
    max_pixels: int = MAX_PIXELS,
    on_frame: Callable[[Frame], None] = lambda _: None,
    chosen: bool = False,
    keeps_others: bool = False,
    **look: Any,
) -> Made:
    """Make a movie of a sequence (of its first variation), with the workflow of its first frame in its tags.

    path:     below ``target``, ending in .mp4, .webm or .mov.
    rate:     frames per second; by default the manifest's, or 24.
    max_pixels: W x H of the largest picture that is decoded.
    on_frame: called with each frame that has been added.
    chosen:   the caller has chosen these frames, so that gaps between them need no note.
    keeps_others: a file of this name that seqsave did not make is an error, and not replaced.
    look:     the fields of ``Look``: height, codec, quality, burn_in, color, background, ocio, display,
              view, channels, layer.

    The movie states its colours: primaries and matrix of BT.709, limited range, and the curve of sRGB, or of BT.709 if
    the frames state that. Floats of EXR and TIFF files that state none are linear, as everywhere, and a note says so.

    Raises OptionError for another ending or a codec that such a file does not hold, EncoderUnavailableError without
    PyAV or its encoder, DecodeError, EncodeError, TargetError; FrameExistsError with ``keeps_others``.
    """
    extension = path.rpartition(".")[2].lower()
    if extension not in EXTENSIONS:
        raise OptionError(f"a preview is .mp4, .webm or .mov, not {path.rpartition('/')[2]!r}")
    if keeps_others:
        path = own_path(target, path)  # before the frames are read; such as the clip that they come from
    wanted, shown = Look(**look), sequence.variation()
    encoded = encode_movie(
        shown,
        extension,
        look=wanted,
        rate=rate or rate_of(sequence),
        texts=_texts(shown),
        source=Files(check_count("max_pixels", max_pixels)),
        on_frame=on_frame,
    )
    kind = _CONTENT_TYPES[extension]
    call(RetryPolicy(), lambda: target.publish(path, encoded.data, content_type=kind), contact=target.known)
    return Made(encoded.frames, len(encoded.data), (*encoded.notes, *([] if chosen else _unfinished(sequence))))


class Source(Protocol):
    """Where a movie's pictures come from. Several threads use it."""

    def read(self, frame: Frame) -> bytes:
        """Return the bytes that ``decode`` takes."""

    def decode(self, frame: Frame, data: bytes) -> Decoded:
        """Return the picture of a frame."""


@dataclass(frozen=True, slots=True)
class Files:
    """The files of the frames. max_pixels: W x H of the largest picture that is decoded."""

    max_pixels: int = MAX_PIXELS

    def read(self, frame: Frame) -> bytes:
        """Return the file's bytes. Raises TargetError."""
        return frame.read_bytes()

    def decode(self, frame: Frame, data: bytes) -> Decoded:
        """Return the picture in a file. Raises as ``Frame.decode``."""
        return frame.decode(data, max_pixels=self.max_pixels)


@dataclass(frozen=True, slots=True)
class EncodedMovie:
    """The bytes of a movie, the number of its frames, and notes of what its viewers should know."""

    data: bytes
    frames: int
    notes: tuple[str, ...] = ()


def encode_movie(
    shown: FrameSequence,
    extension: str,
    *,
    look: Look,
    rate: Fraction | None = None,
    texts: Mapping[str, str] | None = None,
    source: Source | None = None,
    on_frame: Callable[[Frame], None] = lambda _: None,
    on_decoded: Callable[[Frame, Decoded], None] = lambda _, __: None,
    on_broken: Callable[[Frame, BaseException], None] | None = None,
) -> EncodedMovie:
    """Encode all frames of a sequence as a movie.

    source:     of the pictures; None for the files of the frames.
    on_decoded: called with each frame, in any order and on any thread.
    on_broken:  called with each frame that cannot be read or shown, and its error; it is left out of the movie.
                Without it the error is raised.

    Arguments and errors as of ``make_preview``.
    """
    choice = choose(extension, look.codec, look.quality)
    screen = look.screen(is_deep=choice.codec.deep)
    pictures = source or Files()

    def taken(frame: Frame, data: bytes) -> Waiting | None:
        decoded = pictures.decode(frame, data)
        on_decoded(frame, decoded)
        try:
            return screen.take(decoded.array, decoded.info, frame.name.rpartition(".")[2])
        except ImageError as error:
            raise ImageError(f"{frame.name}: {error}") from error

    def left_out(frame: Frame, error: BaseException) -> Waiting | None:
        if on_broken is None or not isinstance(error, SeqSaveError):
            raise error
        on_broken(frame, error)
        return None

    with Movie(
        extension,
        rate=rate,
        texts=texts,
        height=look.height,
        codec=look.codec,
        quality=look.quality,
        background=screen.background,
    ) as movie:
        for frame, waiting in zip(shown, shown.decoded(taken, read=pictures.read, on_error=left_out), strict=True):
            if waiting is not None:
                picture = screen.show(waiting)
                movie.transfer = screen.transfer
                movie.add(picture, text=numbered(frame.index, shown) if look.burn_in else "", aspect=waiting.aspect)
            on_frame(frame)
        data = movie.finish() if movie.count else b""
    larger = [movie.enlarged] if movie.enlarged else []
    return EncodedMovie(data, movie.count, (*screen.notes.values(), *larger, *_refitted(movie, shown)))


def _unfinished(sequence: FrameSequence) -> list[str]:
    """Return notes of missing frames, as the manifest or else the numbers say, and of what else the manifest says."""
    lacking, progress = missing_in(sequence), look_at(sequence)
    every = "" if lacking.step == 1 else f", of each {lacking.step}"
    gaps = f"frames are missing, and the movie goes on without them: {naming.format_ranges(lacking.runs, 10)}{every}"
    is_all = bool(lacking.runs) and progress.has_end and progress.render_again == lacking.runs
    notice = "" if is_all else progress.notice
    problem = "the manifest is damaged" if progress.state == "damaged" else f"the sequence is {notice}"
    return [*([gaps] if lacking.runs else []), *([problem] if notice else [])]


def _refitted(movie: Movie, shown: FrameSequence) -> list[str]:
    if movie.refitted is None:
        return []
    first = f"frame {shown[movie.refitted].index} is the first"
    return [f"frames of another size than the first one are fitted into it, with bars: {first}"]


def _texts(sequence: FrameSequence) -> dict[str, str]:
    """Return the first frame's metadata; empty if it cannot be read."""
    try:
        return dump(sequence[0].read_metadata())
    except SeqSaveError:
        return {}
