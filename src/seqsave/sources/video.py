"""Read the frames of a video file with PyAV, decoded during the iteration."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from types import ModuleType
from typing import Any

from seqsave import targets
from seqsave.errors import EncoderUnavailableError, SourceError
from seqsave.sources.records import Source, SourceFrame

__all__ = ["EXTENSIONS", "open_video"]

_NAMES = "3gp asf avi f4v flv m2ts m4v mkv mov mp4 mpeg mpg mts mxf ogv ts vob webm wmv y4m"
EXTENSIONS = frozenset(_NAMES.split())


def open_video(target: targets.Target, name: str) -> Source:
    """Open a video. Frames are decoded during the iteration: uint8 arrays H,W,3, turned upright.

    Raises EncoderUnavailableError if PyAV is not installed, SourceError if the file is not a video, TargetError.
    """
    av = _load(target.url_of(name))
    with _opened(av, target, name) as container:
        stream = container.streams.video[0]
        rate = stream.average_rate or stream.guessed_rate
        total = stream.frames or _estimate(stream, container.duration, rate)
        codec = stream.codec_context
        depth = max((part.bits for part in codec.format.components), default=8) if codec.format else 8
        size = f"{codec.width}x{codec.height}"
    speed = f", {float(rate):g} frames/s" if rate else ""
    source = Source(
        description=f"{target.url_of(name)}: video, {size}{speed}",
        frames=lambda: _frames(av, target, name, source),
        total=total or None,
        about=True,
        rate=Fraction(rate) if rate else None,
    )
    if depth > 8:
        source.notes.append(f"the video has {depth} bits per channel; its frames are read with 8")
    return source


def _promised(stream: Any, duration: int | None) -> int:
    """Return the least number of frames that the container states; its duration is not exact to the frame."""
    return stream.frames or int(0.95 * (_estimate(stream, duration, stream.average_rate) or 0))


def _load(url: str) -> ModuleType:
    try:
        import av
    except ImportError as error:
        raise EncoderUnavailableError(
            f'reading the video {url} needs PyAV ({error}): pip install "seqsave[video]"'
        ) from error
    module: ModuleType = av
    return module


@contextlib.contextmanager
def _opened(av: ModuleType, target: targets.Target, name: str) -> Iterator[Any]:
    url = target.url_of(name)
    with contextlib.ExitStack() as stack:
        # FFmpeg reads a local file fastest by itself. The path is absolute, so a ":" in it is not a protocol.
        place: Any = url if target.is_local else stack.enter_context(target.open_read(name))
        try:
            container = stack.enter_context(av.open(place))
        except av.error.FFmpegError as error:
            raise SourceError(f"{url} cannot be read as a video: {_reason(error)}") from error
        if not container.streams.video:
            raise SourceError(f"{url} holds no video stream")
        yield container


def _frames(av: ModuleType, target: targets.Target, name: str, source: Source) -> Iterator[SourceFrame]:
    count = 0
    with _opened(av, target, name) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        promised = _promised(stream, container.duration)
        pictures = container.decode(stream)
        while True:
            try:
                picture = next(pictures, None)
            except av.error.FFmpegError as error:
                raise SourceError(f"{target.url_of(name)} is damaged: {_reason(error)} after {count} frames") from error
            if picture is None:
                break
            yield _frame(picture)
            count += 1
    if count == 0:
        raise SourceError(f"{target.url_of(name)} holds no picture that can be decoded")
    if count < promised:
        source.notes.append(f"the video states {promised} frames, but only {count} could be decoded")


def _frame(picture: Any) -> SourceFrame:
    import numpy as np

    array = picture.to_ndarray(format="rgb24")
    # Phones store how the camera was held: degrees counter-clockwise, as np.rot90 turns.
    turns = round(getattr(picture, "rotation", 0) / 90) % 4
    if turns:
        array = np.rot90(array, turns)
    return SourceFrame(index=None, image=array, size=(array.shape[1], array.shape[0]))


def _estimate(stream: Any, duration: int | None, rate: Fraction | None) -> int | None:
    """Return the number of frames by time. ``duration`` is the container's, in microseconds."""
    seconds = Fraction(duration, 1_000_000) if duration else None
    if stream.duration and stream.time_base:
        seconds = stream.duration * stream.time_base
    return None if seconds is None or not rate else round(seconds * rate)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
