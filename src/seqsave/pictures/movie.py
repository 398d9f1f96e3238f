"""Encode pictures as a preview movie, mp4 or webm, with the workflow in its tags.

Uses PyAV (``pip install 'seqsave[video]'``) with licence-free codecs: VP9 in webm; in mp4 H.264 if the system provides
an encoder for it, otherwise AV1.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from seqsave.errors import EncodeError, EncoderUnavailableError, OptionError
from seqsave.runtime.processes import environment_variable

if TYPE_CHECKING:
    import numpy.typing as npt

    from seqsave.types import ImageArray

__all__ = ["EXTENSIONS", "Movie", "check_movie", "is_ours"]

EXTENSIONS = ("mp4", "webm")
DEFAULT_RATE = Fraction(24)
_CODECS = {
    "mp4": ("libopenh264", "h264_videotoolbox", "h264_mf", "libsvtav1", "libaom-av1"),
    "webm": ("libvpx-vp9",),
}
_SETTINGS = {
    "libsvtav1": {"preset": "10", "crf": "32"},
    "libaom-av1": {"cpu-used": "8", "crf": "32", "row-mt": "1"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "crf": "32", "b": "0", "row-mt": "1"},
}
# The shortest side that an encoder accepts; smaller pictures are stretched.
_LEAST = {"libsvtav1": 64}
# Without it, mp4 keeps only the few tags that it has names for: https://ffmpeg.org/ffmpeg-formats.html#mov_002c-mp4_002c-ismv
_FORMAT_OPTIONS = {"mp4": {"movflags": "use_metadata_tags"}, "webm": {}}
# FFmpeg scales no picture of 2**28 pixels or more. The preview of one is much smaller anyway.
_MOST_PIXELS = 2**26
# A tag of every movie, which the clips that frames come from do not have.
_MARK = ("software", "seqsave preview")
# Both codecs store colour at half the resolution in each direction.
_PIXELS = "yuv420p"


class Movie:
    """One movie; ``add`` takes its pictures in order. Not thread-safe. Leaving its ``with`` block discards it.

    extension: ``mp4`` or ``webm``.
    rate:      pictures per second; None for 24.
    texts:     tags by name, such as ComfyUI's ``prompt`` and ``workflow``.
    height:    in pixels; higher pictures are scaled down to it, others are not scaled.

    Raises OptionError for another extension, and EncoderUnavailableError without PyAV or its encoder.
    """

    def __init__(
        self,
        extension: str,
        *,
        rate: Fraction | None = None,
        texts: Mapping[str, str] | None = None,
        height: int = 720,
    ) -> None:
        self._av, self._codec = check_movie(extension)
        self._rate = rate or DEFAULT_RATE
        self._height = height
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by finish and discard
        self._container = self._av.open(self._file, "w", format=extension, container_options=_FORMAT_OPTIONS[extension])
        self._container.metadata.update({**(texts or {}), _MARK[0]: _MARK[1]})
        self._stream: Any = None
        self.count = 0
        """The number of pictures so far."""

    def add(self, picture: ImageArray) -> None:
        """Add a picture H,W,C with 1 to 4 channels, of uint8, uint16, or floats 0..1; alpha is ignored.

        Raises EncodeError.
        """
        try:
            frame = self._av.VideoFrame.from_ndarray(_rgb(picture), format="rgb24")
            if self._stream is None:
                self._open_stream(frame.width, frame.height)
            frame = frame.reformat(self._stream.width, self._stream.height, _PIXELS, dst_colorspace="ITU709")
            frame.pts, frame.time_base = self.count, 1 / self._rate
            for packet in self._stream.encode(frame):
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

    def _open_stream(self, width: int, height: int) -> None:
        scale = min(1.0, self._height / height)
        stream = self._container.add_stream(self._codec, rate=self._rate, options=_SETTINGS.get(self._codec, {}))
        # Even sides, because colour is stored once for each square of four pixels.
        least = _LEAST.get(self._codec, 2)
        stream.width, stream.height = (max(least, 2 * round(scale * side / 2)) for side in (width, height))
        stream.pix_fmt = _PIXELS
        # SVT-AV1 would print its settings on standard error. It reads this as it is opened, and has no option for it.
        with environment_variable("SVT_LOG", "1"):
            stream.codec_context.open()
        self._stream = stream


def _rgb(picture: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    while picture.shape[0] * picture.shape[1] > _MOST_PIXELS:
        picture = picture[::2, ::2]
    if picture.dtype.kind == "f":
        eight = (np.nan_to_num(np.clip(picture, 0, 1)) * 255).astype(np.uint8)
    else:
        eight = (picture >> 8).astype(np.uint8) if picture.dtype == np.uint16 else picture.astype(np.uint8, copy=False)
    channels = eight.shape[2]
    colors = np.repeat(eight[..., :1], 3, axis=2) if channels < 3 else eight[..., :3]
    return np.ascontiguousarray(colors)


def is_ours(data: bytes) -> bool:
    """Return True if the bytes are those of a movie that ``Movie`` made."""
    return _MARK[1].encode() in data


def check_movie(extension: str) -> tuple[Any, str]:
    """Return PyAV and the name of its codec for a movie with this extension. Raises as ``Movie``."""
    if extension not in EXTENSIONS:
        raise OptionError(f"a preview is {' or '.join(EXTENSIONS)}, not {extension!r}")
    av = _load()
    return av, _codec(av, extension)


def _load() -> Any:
    try:
        import av
    except ImportError as error:
        raise EncoderUnavailableError(f"a preview needs PyAV ({error}): pip install 'seqsave[video]'") from error
    return av


def _codec(av: Any, extension: str) -> str:
    for name in _CODECS[extension]:
        try:
            av.codec.Codec(name, "w")
        except ValueError:
            continue
        return name
    raise EncoderUnavailableError(
        f"this PyAV has no encoder for {extension} ({', '.join(_CODECS[extension])}): pip install --upgrade av, "
        f"or choose {' or '.join(other for other in EXTENSIONS if other != extension)}"
    )
