"""Read the frames of a video file with PyAV, decoded during the iteration."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from types import ModuleType
from typing import TYPE_CHECKING, Any

from seqsave import targets
from seqsave.errors import EncoderUnavailableError, SourceError
from seqsave.sources import video_facts as facts
from seqsave.sources.records import Source, SourceFrame
from seqsave.sources.timing import Timed, at_rate
from seqsave.sources.video_facts import Conversion
from seqsave.wording import counted

if TYPE_CHECKING:
    from seqsave.types import ImageInfo

__all__ = ["open_video", "read_tags"]

# VP8 and VP9 store alpha as a second stream in each packet, which only the decoders of libvpx read.
_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}

# FFmpeg's usual way for 8 bits, as with its command. All other formats get the exact one, which is much slower.
_FAST = "bicubic"
_EXACT = "bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"
_OF_CONTAINERS = frozenset(("major_brand", "minor_version", "compatible_brands", "encoder", "creation_time"))
# The lower bound in pyproject.toml.
_OLDEST = (14, 2)


def open_video(
    target: targets.Target, name: str, stream: int | None = None, resample: Fraction | None = None
) -> Source:
    """Open a video. Frames are decoded during the iteration, turned upright.

    They are arrays H,W,3, or H,W,4 if the video has alpha: uint8, or uint16 if it has more than 8 bits per channel.

    stream: the number of its video stream, counted from 0; None chooses the largest picture.
    resample: frames per second to which it is brought by the times of its pictures; None reads each picture once.

    Raises EncoderUnavailableError if PyAV is not installed or too old, SourceError if the file is not a video, has no
    such stream, or a colour matrix that cannot be converted, TargetError.
    """
    video = _Video(_load(target.url_of(name)), target, name, stream, resample)
    return video.source()


def read_tags(target: targets.Target, name: str) -> dict[str, str]:
    """Return the tags of a movie as text, their names in small letters as players compare them.

    Without those in which containers describe themselves. Raises as ``open_video``.
    """
    video = _Video(_load(target.url_of(name)), target, name, None)
    with video._opened() as container:  # noqa: SLF001 - a class of this module
        tags = {str(name).lower(): str(text) for name, text in container.metadata.items()}
    return {name: text for name, text in tags.items() if name not in _OF_CONTAINERS}


def _load(url: str) -> ModuleType:
    try:
        import av
        import av.filter
    except ImportError as error:
        raise EncoderUnavailableError(
            f'reading the video {url} needs PyAV ({error}): pip install "seqsave[video]"', topic="video-package"
        ) from error
    found = re.findall(r"\d+", str(av.__version__))[:2]
    if tuple(map(int, found)) < _OLDEST:
        oldest = ".".join(map(str, _OLDEST))
        raise EncoderUnavailableError(
            f"reading the video {url} needs PyAV {oldest} or newer, and this is {av.__version__}: "
            'pip install --upgrade "seqsave[video]"',
            topic="video-package",
        )
    module: ModuleType = av
    return module


@dataclass(frozen=True, slots=True)
class _Video:
    av: ModuleType
    target: targets.Target
    name: str
    stream: int | None
    resample: Fraction | None = None
    dtype: str = ""

    @property
    def url(self) -> str:
        return self.target.url_of(self.name)

    def source(self) -> Source:
        notes: list[str] = []
        with self._opened() as container:
            stream, note = facts.choose_stream(container, self.url, self.stream, self.av)
            notes += [note] if note else []
            rate = stream.average_rate or stream.guessed_rate
            total = stream.frames or _estimate(stream, container.duration, rate)
            codec = stream.codec_context
            words = [f"{codec.width}x{codec.height}", f"{float(rate):g} frames/s" if rate else ""]
            depth = 8
            with contextlib.suppress(self.av.error.FFmpegError):
                # Damage is reported by the iteration.
                picture = next(self._decoded(container, stream, _Progress()), None)
                if picture is not None:
                    conversion = facts.conversion_of(picture, codec, self.url)
                    depth = max(part.bits for part in picture.format.components)
                    info = facts.info_of(container, stream, picture, notes)
                    words += [f"{depth} bits" if depth > 8 else "", conversion.words, facts.light_in_words(info)]
                    words += ["alpha"] if conversion.has_alpha and not picture.format.has_palette else []

        def as_dtype(dtype: str) -> Source:
            """Return the same source, without opening the file again."""
            made = replace(source, as_dtype=None)
            made.frames = lambda: replace(self, dtype=dtype).frames(made)
            return made

        source = Source(
            description=f"{self.url}: video, {', '.join(filter(None, words))}",
            frames=lambda: self.frames(source),
            total=round(total * self.resample / rate) if total and rate and self.resample else total or None,
            about=True,
            rate=self.resample or (Fraction(rate) if rate else None),
            is_timed=True,
            depth=min(depth, 16),
            notes=notes,
            as_dtype=as_dtype if depth > 8 else None,
        )
        return source

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Any]:
        with contextlib.ExitStack() as stack:
            # FFmpeg reads a local file fastest by itself. The path is absolute, so a ":" in it is not a protocol.
            place: Any = self.url if self.target.is_local else stack.enter_context(self.target.open_read(self.name))
            try:
                container = stack.enter_context(self.av.open(place))
            except self.av.error.FFmpegError as error:
                raise SourceError(
                    f"{self.url} cannot be read as a video: {_reason(error)}", reason="damaged", topic="video-damaged"
                ) from error
            yield container

    def _decoded(self, container: Any, stream: Any, progress: _Progress) -> Iterator[Any]:
        """Yield the pictures of the stream. Raises FFmpegError."""
        decoder = self._decoder_of_alpha(stream)
        if decoder is None:
            stream.thread_type = "AUTO"
        for packet in container.demux(stream):
            # An edit list leaves out pictures that others are decoded from.
            progress.left_out += bool(getattr(packet, "is_discard", False))
            yield from packet.decode() if decoder is None else decoder.decode(packet if packet.size else None)

    def _decoder_of_alpha(self, stream: Any) -> Any:
        """Return a decoder for the alpha of VP8 and VP9; None for other videos."""
        codec = _WITH_ALPHA.get(stream.codec_context.name)
        if codec is None or stream.metadata.get("alpha_mode", stream.metadata.get("ALPHA_MODE")) != "1":
            return None
        try:
            return self.av.CodecContext.create(codec, "r")
        except (ValueError, LookupError) as error:
            raise SourceError(f"{self.url} has alpha, which this PyAV cannot decode, as it lacks {codec}") from error

    def frames(self, source: Source) -> Iterator[SourceFrame]:
        pictures: Iterator[tuple[SourceFrame, str]]
        if self.resample is None:
            pictures = (found for found, _ in self._timed(source))
        else:
            pictures = at_rate(self._timed(source), self.resample)
        for number, (frame, first_code) in enumerate(pictures):
            code = facts.time_code(first_code, number, source.rate) if first_code else None
            if code and frame.info is not None:
                frame = replace(frame, info=replace(frame.info, texts={"timecode": code}))
            yield frame

    def _timed(self, source: Source) -> Iterator[tuple[tuple[SourceFrame, str], Timed]]:
        """Yield each picture with the time code of the first one, and when it is shown."""
        progress = _Progress()
        with self._opened() as container:
            stream, _ = facts.choose_stream(container, self.url, self.stream, self.av)
            pictures = self._decoded(container, stream, progress)
            reader = _Reader(self, source, container, stream)
            while True:
                try:
                    picture = next(pictures, None)
                except self.av.error.FFmpegError as error:
                    count = progress.count
                    raise SourceError(
                        f"{self.url} is damaged: {_reason(error)} after {counted(count, 'frame')}", reason="damaged"
                    ) from error
                if picture is None:
                    break
                frame = reader.frame(picture, progress)
                yield (frame, reader.code), progress.timed(picture, source.rate)
                progress.count += 1
            progress.finish(stream, source, is_resampled=self.resample is not None)
        if progress.count == 0:
            raise SourceError(f"{self.url} holds no picture that can be decoded", reason="damaged")


@dataclass(slots=True)
class _Progress:
    """What was decoded so far.

    left_out: packets that an edit list leaves out.
    last, spans: the time of the last picture, and the shortest and longest one between two, in seconds.
    """

    count: int = 0
    left_out: int = 0
    first: Fraction | None = None
    last: Fraction | None = None
    shortest: Fraction | None = None
    longest: Fraction = Fraction()
    tick: Fraction = Fraction()

    def pass_time(self, picture: Any) -> None:
        """Take note of the picture's time."""
        if picture.pts is None or not picture.time_base:
            return
        self.tick = Fraction(picture.time_base)
        time = picture.pts * self.tick
        if self.last is not None and time > self.last:
            span = time - self.last
            self.shortest = span if self.shortest is None else min(span, self.shortest)
            self.longest = max(span, self.longest)
        if self.first is None:
            self.first = time
        self.last = time if self.last is None else max(time, self.last)

    def timed(self, picture: Any, rate: Fraction | None) -> Timed:
        """Return when the picture is shown; one without a time follows the last one."""
        if picture.pts is None or not picture.time_base:
            self.last = Fraction() if self.last is None else self.last + (1 / rate if rate else self.longest)
            return Timed(self.last)
        start = picture.pts * Fraction(picture.time_base)
        length = getattr(picture, "duration", None)
        return Timed(start, start + length * Fraction(picture.time_base) if length else None)

    def finish(self, stream: Any, source: Source, *, is_resampled: bool) -> None:
        """Note a variable rate, and frames that the container states but that were not found."""
        # Times are rounded to the container's ticks, and to milliseconds by some writers.
        rounding = 2 * max(self.tick, Fraction(1, 1000))
        is_variable = self.shortest is not None and self.longest - self.shortest > rounding
        if is_variable and self.shortest is not None and not is_resampled:
            spans = f"{_milliseconds(self.shortest)} to {_milliseconds(self.longest)} ms"
            now = f" at {float(source.rate):.5g} frames/s, the average" if source.rate else ""
            source.notes.append(
                f"the video has a variable frame rate: its frames last {spans}. Each is saved once{now}; --rate states "
                "another rate, and --resample repeats and leaves out pictures by their times"
            )
        promised = stream.frames - self.left_out if stream.frames else 0
        if self.count < promised:
            found = counted(self.count, "frame")
            source.notes.append(f"the video states {counted(promised, 'frame')}, but only {found} could be decoded")
        elif not stream.frames:
            self._compare_with_duration(stream, source)

    def _compare_with_duration(self, stream: Any, source: Source) -> None:
        duration = _duration(stream)
        if duration is None or self.last is None or self.first is None or self.count == 0:
            return
        shown = self.last - self.first + (self.longest or (1 / source.rate if source.rate else 0))
        # Durations are not exact to the frame.
        if shown < duration * Fraction(95, 100) - Fraction(1, 10):
            about = f"about {counted(round(duration * source.rate), 'frame')}" if source.rate else ""
            stated = about or f"{float(duration):.4g} s"
            source.notes.append(f"the video states {stated}, but only {counted(self.count, 'frame')} could be decoded")


def _milliseconds(span: Fraction) -> str:
    return f"{float(1000 * span):.4g}"


@dataclass(slots=True)
class _Reader:
    """Converts the pictures of one stream, whose size and format may change."""

    video: _Video
    source: Source
    container: Any
    stream: Any
    key: tuple[Any, ...] = ()
    graph: Any = None
    conversion: Conversion | None = None
    info: ImageInfo | None = None
    code: str = ""
    has_alpha: bool | None = None
    noted: set[str] = field(default_factory=set)

    def frame(self, picture: Any, progress: _Progress) -> SourceFrame:
        progress.pass_time(picture)
        if self.info is None:
            self.info = facts.info_of(self.container, self.stream, picture, [])
            self.code = self.stream.metadata.get("timecode") or self.container.metadata.get("timecode") or ""
        info = self.info
        if getattr(picture, "interlaced_frame", False):
            self.note("the video is interlaced: each frame keeps the lines of both of its fields")
        array: Any = facts.upright(self._array(picture), picture)
        if self.video.dtype == "float32":
            array = array.astype("float32") / (65535 if array.dtype == "uint16" else 255)
        if facts.is_turned(picture) and info.pixel_aspect:
            info = replace(info, pixel_aspect=1 / info.pixel_aspect)
        return SourceFrame(index=None, image=array, size=(array.shape[1], array.shape[0]), info=info)

    def note(self, message: str) -> None:
        if message not in self.noted:
            self.noted.add(message)
            self.source.notes.append(message)

    def _array(self, picture: Any) -> Any:
        key = picture.width, picture.height, picture.format.name, picture.colorspace, picture.color_range
        if key != self.key:
            video = self.video
            self.conversion = facts.conversion_of(picture, self.stream.codec_context, video.url, video.dtype == "uint8")
            self.graph, self.key = self._graph(picture, self.conversion), key
        conversion = self.conversion
        assert conversion is not None  # noqa: S101 - for the type checker
        self.graph.push(picture)
        array = conversion.array_of(self.graph.pull())
        if not picture.format.has_palette:
            return array
        # A palette may have transparent entries; most have none.
        is_clear = bool((array[..., 3] < 255).any())
        if self.has_alpha is None:
            self.has_alpha = is_clear
        elif is_clear and not self.has_alpha:
            self.note("some frames have transparent pixels, but the first one has none: their alpha is left out")
        return array if self.has_alpha else array[..., :3].copy()

    def _graph(self, picture: Any, conversion: Conversion) -> Any:
        """Return FFmpeg's scaler, with the matrix and the range named."""
        graph = self.video.av.filter.Graph()
        base = picture.time_base or self.stream.time_base
        begin = graph.add_buffer(width=picture.width, height=picture.height, format=picture.format, time_base=base)
        colours = f"in_color_matrix={conversion.matrix}:in_range={conversion.range}:" if conversion.matrix else ""
        flags = _FAST if conversion.format == "rgb24" else _EXACT
        scale = graph.add("scale", f"{colours}out_range=full:flags={flags}")
        form = graph.add("format", f"pix_fmts={conversion.format}")
        end = graph.add("buffersink")
        begin.link_to(scale)
        scale.link_to(form)
        form.link_to(end)
        graph.configure()
        return graph


def _estimate(stream: Any, duration: int | None, rate: Fraction | None) -> int | None:
    """Return the number of frames by time. ``duration`` is the container's, in microseconds."""
    seconds = _duration(stream) or (Fraction(duration, 1_000_000) if duration else None)
    return None if seconds is None or not rate else round(seconds * rate)


def _duration(stream: Any) -> Fraction | None:
    """Return the seconds that the container states for this stream; not those of its sound."""
    if stream.duration and stream.time_base:
        return Fraction(stream.duration * stream.time_base)
    # Matroska: HH:MM:SS.fraction
    text = stream.metadata.get("DURATION", "")
    try:
        hours, minutes, seconds = text.split(":")
        return (int(hours) * 60 + int(minutes)) * 60 + Fraction(seconds)
    except ValueError:
        return None


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
