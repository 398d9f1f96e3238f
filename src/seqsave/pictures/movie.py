"""Encode pictures as a movie, mp4, webm or mov, with the workflow in its tags.

Uses PyAV (``pip install 'seqsave[video]'``), without a codec's name with licence-free encoders only: VP9 in webm; in
mp4 H.264 if the system provides an encoder for it, otherwise AV1.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from seqsave.errors import EncodeError
from seqsave.pictures.codecs import EXTENSIONS, choose
from seqsave.runtime.priority import kept_priority
from seqsave.runtime.processes import environment_variable

if TYPE_CHECKING:
    import numpy.typing as npt

    from seqsave.types import ImageArray

    Colors = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]

__all__ = ["EXTENSIONS", "Movie", "is_ours"]

DEFAULT_RATE = Fraction(24)
# The shortest side that an encoder accepts; smaller pictures are enlarged.
_LEAST = {"libsvtav1": 64}
# Smaller pictures are enlarged up to this side.
_LARGEST = 1024
# Without it, mp4 keeps only the few tags that it has names for: https://ffmpeg.org/ffmpeg-formats.html#mov_002c-mp4_002c-ismv
_FORMAT_OPTIONS = {name: {"movflags": "use_metadata_tags+write_colr"} for name in ("mp4", "mov")}
# FFmpeg scales no picture of 2**28 pixels or more. The preview of one is much smaller anyway.
_MOST_PIXELS = 2**26
# A tag of every movie, which the clips that frames come from do not have.
_MARK = ("software", "seqsave preview")
# FFmpeg's names of what is stated in the movie.
_TRANSFERS = {"srgb": "iec61966-2-1", "bt709": "bt709"}
_STATED = {"color_primaries": "bt709", "colorspace": "bt709", "color_range": "tv"}


class Movie:
    """One movie; ``add`` takes its pictures in order. Not thread-safe. Leaving its ``with`` block discards it.

    Its size is that of the first picture; other pictures are fitted into it, with bars. Odd sides grow by one pixel, a
    copy of the last one, as codecs store colour for pairs of pixels.

    extension: ``mp4``, ``webm`` or ``mov``.
    rate:      pictures per second; None for 24.
    texts:     tags by name, such as ComfyUI's ``prompt`` and ``workflow``.
    height:    in pixels; higher pictures are scaled down to it, others are not scaled.
    codec, quality: as in ``codecs.choose``.
    background: R, G and B of the bars, 0..1.

    Raises OptionError for another extension, codec or quality, or a codec that such a file does not hold, and
    EncoderUnavailableError without PyAV or its encoder.
    """

    def __init__(
        self,
        extension: str,
        *,
        rate: Fraction | None = None,
        texts: Mapping[str, str] | None = None,
        height: int = 720,
        codec: str | None = None,
        quality: int | None = None,
        background: tuple[float, float, float] = (0, 0, 0),
    ) -> None:
        self._choice = choose(extension, codec, quality)
        self._av = self._choice.av
        self._rate = rate or DEFAULT_RATE
        self._height = height
        self._background = background
        self._top = 65535 if self._choice.codec.deep else 255
        self._rgb = "rgb48le" if self._choice.codec.deep else "rgb24"
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by finish and discard
        options = _FORMAT_OPTIONS.get(extension, {})
        self._container = self._av.open(self._file, "w", format=extension, container_options=options)
        self._container.metadata.update({**(texts or {}), _MARK[0]: _MARK[1]})
        self._stream: Any = None
        self._first: tuple[int, int] = (0, 0)
        self._is_unscaled, self._has_bars = True, False
        self._graphs: dict[tuple[int, ...], Any] = {}
        self.count = 0
        """The number of pictures so far."""
        self.transfer: Literal["srgb", "bt709"] = "srgb"
        """The curve of the pictures' values, which the movie states; set before the first picture."""
        self.refitted: int | None = None
        """The first picture of another size than those before it; None if all have one size."""
        self.enlarged = ""
        """A note if the movie is larger than its pictures, as its encoder takes no smaller ones; else empty."""

    def add(self, picture: ImageArray, *, text: str = "", aspect: float = 1.0) -> None:
        """Add a picture H,W,C with 1 to 4 channels, of uint8, uint16, or floats 0..1; alpha is ignored.

        text: a line that is drawn into its lower left corner. aspect: width of a pixel divided by its height.

        Raises EncodeError, also for a rate that is too high for the codec.
        """
        if self._rate > self._choice.fastest:
            raise EncodeError(
                f"a preview made by {self._choice.encoder} has at most {self._choice.fastest} pictures per second, and "
                f"the rate is {float(self._rate):g}: choose another rate or codec"
            )
        try:
            colors = _colors(picture, self._top)
            height, width = colors.shape[:2]
            wide = (height, max(1, round(width * aspect)))
            if self._stream is None:
                self._open_stream(wide)
            for packet in self._stream.encode(self._frame(self._fitted(colors, wide, text))):
                self._container.mux(packet)
        except (OSError, ValueError) as error:
            raise EncodeError(f"picture {self.count} cannot be added to the preview: {error}") from error
        self.count += 1

    def finish(self) -> bytes:
        """Return the movie's bytes. Raises EncodeError."""
        try:
            if self._stream is not None:
                for packet in self._stream.encode():
                    self._container.mux(packet)
            self._container.close()
            self._file.seek(0)
            return self._file.read()
        except (OSError, ValueError) as error:
            raise EncodeError(f"the preview cannot be finished: {error}") from error
        finally:
            self._file.close()

    def __enter__(self) -> Movie:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()

    def discard(self) -> None:
        """Release all resources without making a movie."""
        self._stream = None
        self._file.close()

    def _open_stream(self, wide: tuple[int, int]) -> None:
        """Open the stream for a first picture of this height and width."""
        choice = self._choice
        least = _LEAST.get(choice.encoder, 2)
        scale = min(1.0, self._height / wide[0])
        if min(wide) * scale < least:
            scale = max(scale, min(least / min(wide), _LARGEST / max(wide)))
        height, width = (max(least, _even(round(scale * side))) for side in wide)
        # A line of pixels gets bars, as it would be too long if it were enlarged to the shortest side.
        self._has_bars = min(wide) * scale < least
        if scale > 1 or self._has_bars:
            self.enlarged = _enlarged(choice.encoder, wide, (height, width), least)
        options = {**choice.options, **_STATED, "color_trc": _TRANSFERS[self.transfer]}
        stream = self._container.add_stream(choice.encoder, rate=self._rate, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, choice.codec.pixels
        bits = choice.bits(width, height, self._rate)
        if bits is not None:
            stream.codec_context.bit_rate = bits
        # SVT-AV1 would print its settings on standard error. It reads this as it is opened, and has no option for it.
        with environment_variable("SVT_LOG", "1"), kept_priority():
            stream.codec_context.open()
        self._stream, self._first, self._is_unscaled = stream, wide, scale == 1

    def _frame(self, colors: Colors) -> Any:
        """Return the frame for the encoder, in the size and colours of the movie, which it states itself."""
        shape = colors.shape[:2]
        graph = self._graphs.get(shape)
        if graph is None:
            graph = self._graphs[shape] = self._graph(*shape)
        frame = self._av.VideoFrame.from_ndarray(colors, format=self._rgb)
        frame.pts, frame.time_base = self.count, 1 / self._rate
        graph.push(frame)
        made = graph.pull()
        made.pts, made.time_base = self.count, 1 / self._rate
        return made

    def _graph(self, height: int, width: int) -> Any:
        stream = self._stream
        # The defaults round colours down. "area" puts the colour of two pixels between them, without ringing.
        how = "area" if stream.height <= height and stream.width <= width else "bicubic"
        flags = f"{how}+accurate_rnd+full_chroma_int+full_chroma_inp"
        scale = f"{stream.width}:{stream.height}:flags={flags}:out_color_matrix=bt709:out_range=tv"
        states = f"range=tv:color_primaries=bt709:color_trc={_TRANSFERS[self.transfer]}:colorspace=bt709"
        graph = self._av.filter.Graph()
        steps = [graph.add_buffer(width=width, height=height, format=self._rgb, time_base=1 / self._rate)]
        parts = (("scale", scale), ("format", self._choice.codec.pixels), ("setparams", states), ("buffersink", None))
        for name, arguments in parts:
            steps.append(graph.add(name, arguments))
            steps[-2].link_to(steps[-1])
        graph.configure()
        return graph

    def _fitted(self, colors: Colors, wide: tuple[int, int], text: str) -> Colors:
        """Return a picture that has, or can simply be scaled to, the size of the movie."""
        size = self._stream.height, self._stream.width
        if wide != self._first and self.refitted is None:
            self.refitted = self.count
        if wide != self._first or self._has_bars:
            colors = self._with_bars(colors, wide, size)
        elif self._is_unscaled and colors.shape[:2] == wide:
            padded: Any = np.pad(colors, ((0, size[0] - wide[0]), (0, size[1] - wide[1]), (0, 0)), mode="edge")
            colors = padded
        elif text:
            colors = self._scaled(colors, size)
        return _with_text(colors, text) if text else colors

    def _scaled(self, colors: Colors, size: tuple[int, int]) -> Colors:
        if colors.shape[:2] == size:
            return colors
        frame = self._av.VideoFrame.from_ndarray(colors, format=self._rgb).reformat(size[1], size[0], self._rgb)
        scaled: Colors = frame.to_ndarray(format=self._rgb)
        return scaled

    def _with_bars(self, colors: Colors, wide: tuple[int, int], size: tuple[int, int]) -> Colors:
        scale = min(size[0] / wide[0], size[1] / wide[1])
        inner = min(size[0], max(1, round(wide[0] * scale))), min(size[1], max(1, round(wide[1] * scale)))
        whole: Any = np.empty((*size, 3), colors.dtype)
        whole[...] = np.rint(np.array(self._background) * self._top)
        top, left = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
        whole[top : top + inner[0], left : left + inner[1]] = self._scaled(colors, inner)
        placed: Colors = whole
        return placed


def _enlarged(encoder: str, wide: tuple[int, int], size: tuple[int, int], least: int) -> str:
    advice = "; VP9, in a .webm file, keeps their size" if least > 2 else ""
    return (
        f"pictures of {wide[1]}x{wide[0]} pixels become a movie of {size[1]}x{size[0]}, as {encoder} makes none with a "
        f"side of less than {least}{advice}"
    )


def _even(side: int) -> int:
    return max(2, side + side % 2)


def _colors(picture: npt.NDArray[Any], top: int) -> Colors:
    """Return R, G and B in whole numbers up to ``top``."""
    while picture.shape[0] * picture.shape[1] > _MOST_PIXELS:
        picture = picture[::2, ::2]
    if picture.dtype.kind == "f":
        values = np.rint(np.nan_to_num(np.clip(picture.astype(np.float32, copy=False), 0, 1)) * np.float32(top))
        whole: Colors = values.astype(np.uint8 if top == 255 else np.uint16)
    elif picture.dtype == np.uint16:
        whole = (picture >> 8).astype(np.uint8) if top == 255 else picture.astype(np.uint16, copy=False)
    else:
        whole = picture.astype(np.uint8, copy=False)
        whole = whole if top == 255 else whole.astype(np.uint16) * 257
    channels = whole.shape[2]
    colors = np.repeat(whole[..., :1], 3, axis=2) if channels < 3 else whole[..., :3]
    return np.ascontiguousarray(colors)


def _with_text(colors: Colors, text: str) -> Colors:
    """Return a copy with a line of light text on a darkened box in its lower left corner."""
    from PIL import Image, ImageDraw, ImageFont

    height, width = colors.shape[:2]
    size = max(10, height // 24)
    font = ImageFont.load_default(size)
    left, top, right, bottom = (round(side) for side in font.getbbox(text))
    margin = max(2, size // 3)
    mask = Image.new("L", (min(width, right - left + 2 * margin), min(height, bottom - top + 2 * margin)))
    ImageDraw.Draw(mask).text((margin - left, margin - top), text, fill=255, font=font)
    letters = np.asarray(mask, np.float32)[..., None] / 255
    light = 65535 if colors.dtype == np.uint16 else 255
    drawn: Colors = colors.copy()
    box = drawn[height - letters.shape[0] :, : letters.shape[1]]
    box[...] = box * (1 - letters) * 0.35 + 0.92 * light * letters
    return drawn


def is_ours(data: bytes) -> bool:
    """Return True if the bytes are those of a movie that ``Movie`` made."""
    return _MARK[1].encode() in data
