"""Make one HTML file that shows a whole sequence: movie, contact sheet and gaps, without any other file or server."""

from __future__ import annotations

import base64
import io
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from seqsave import naming
from seqsave.errors import EncoderUnavailableError, OptionError, SeqSaveError, SequenceNotFoundError
from seqsave.look.halves import Halves, stored_halves
from seqsave.look.markup import Markup, render
from seqsave.manifest.intervals import Intervals, subtract
from seqsave.pictures.codecs import CODECS, choose
from seqsave.sequences.belongings import PAGE_EXTENSION
from seqsave.sequences.cells import CELLS, Gap, Missing, chosen, label_of, missing_in, problem_of, stepped, thumbnail
from seqsave.sequences.file import rate_of
from seqsave.sequences.many import call
from seqsave.sequences.preview import Files, Look, Source, encode_movie
from seqsave.sequences.progress import look_at
from seqsave.sequences.stated import color_of
from seqsave.types import MAX_PIXELS
from seqsave.wording import counted

if TYPE_CHECKING:
    from seqsave.sequences.frame import Frame
    from seqsave.sequences.reader import FrameSequence
    from seqsave.targets import Target
    from seqsave.types import Decoded

__all__ = ["MadePage", "make_page", "save_page"]

_CONTENT_TYPE = "text/html; charset=utf-8"
_HEIGHT = 720
_CELL_WIDTH, _POSTER_WIDTH = 240, 960
# Without a movie: the widths of pictures, the widest one with which all of them are expected to stay below the bytes.
_PICTURE_WIDTHS, _MOST_BYTES = (640, 480, 320, 240, 160), 24 * 2**20
_QUALITY = 72
_LARGE = 96 * 2**20
_SMALLER = "fewer lines or fewer frames make it smaller"
# A longer gap is one step of the timeline.
_LONG_GAP = 1000


@dataclass(frozen=True, slots=True)
class MadePage:
    """A page: its size in bytes, the frames that it shows, those that cannot be shown, and notes for the caller.

    share:  of the bytes of the frames; None where their size is not known.
    stored: how many of the frames are shown from stored proxies.
    """

    size: int
    frames: int
    share: float | None
    broken: Mapping[int, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    stored: int = 0


def save_page(sequence: FrameSequence, target: Target, path: str, **settings: Any) -> MadePage:
    """Publish a page of a sequence. path: below ``target``, ending in .html. settings: as of ``make_page``.

    Raises OptionError for another ending; TargetError; and as ``make_page``.
    """
    if not path.lower().endswith(f".{PAGE_EXTENSION}"):
        raise OptionError(f"a page is .{PAGE_EXTENSION}, not {path.rpartition('/')[2]!r}")
    data, made = make_page(sequence, **settings)
    call(target, lambda: target.publish(path, data, content_type=_CONTENT_TYPE))
    return made


def make_page(
    sequence: FrameSequence,
    *,
    height: int | None = None,
    rate: Fraction | None = None,
    workflow: bool = False,
    max_pixels: int = MAX_PIXELS,
    gaps: bool = True,
    on_frame: Callable[[Frame], None] = lambda _: None,
) -> tuple[bytes, MadePage]:
    """Return an HTML file that shows a sequence (its first variation), and what is in it.

    Each frame is read once, or, if most frames have stored proxies, only where it has none.

    height:   of the movie in pixels, at most; stored proxies that are smaller are not used then. None for 720, or less.
    rate:     frames per second; by default the manifest's, or 24.
    workflow: whether the page holds the metadata of the first frame: prompt, workflow and other texts.
    gaps:     whether it shows which frames are missing, and that the sequence is unfinished; not of chosen frames.
    on_frame: called with each frame that was read.

    The page holds neither the place of the frames nor, unless asked, metadata. Without PyAV it shows small pictures in
    place of a movie.

    Raises SequenceNotFoundError for a sequence without frames, OptionError, EncodeError, and TargetError or
    EncoderNotFoundError if none of the frames can be read.
    """
    shown = sequence.variation()
    if not shown:
        raise SequenceNotFoundError(f"this part of {sequence.pattern} in {sequence.url} has no frames")
    missing = missing_in(sequence) if gaps else Missing(())
    cells = chosen(shown.indices, missing, CELLS)
    stated = rate if rate is not None else rate_of(sequence)
    halves = stored_halves(shown, height, max_pixels)
    source = Files(max_pixels) if halves is None else halves
    taken = _Taken(shown, {one for one in cells if isinstance(one, int)}, halves)
    extension, lack = _container()
    if extension:
        medium = _movie(shown, taken, source, extension, stated, height or _HEIGHT, on_frame)
    else:
        medium = _pictures(shown, taken, source, on_frame)
        medium.notes += (f"small pictures in place of a movie: {lack}",)
    if len(taken.broken) == len(shown) and (error_ := taken.first_error) is not None:
        raise error_
    text = render(
        title=sequence.pattern,
        facts=[*(_notice(sequence) if gaps else ()), *_facts(shown, taken, stated, missing)],
        script=_script(shown, taken, stated, missing, medium),
        poster=taken.poster,
        medium=medium.markup,
        cells=[_cell(one, taken, sequence) for one in cells],
        aspect=taken.aspect,
        problems=_problems(taken, missing, sequence),
        bars=_bars(shown, taken, missing),
        metadata=_metadata(shown) if workflow else None,
    )
    data = text.encode()
    size = shown.size
    share = len(data) / size if size else None
    if len(data) > _LARGE:
        medium.notes += (f"the page is large, and browsers take long to open it: {_SMALLER}",)
    count = len(shown) - len(taken.broken)
    stored = 0 if halves is None else halves.count
    return data, MadePage(len(data), count, share, dict(taken.broken), medium.notes, stored)


# --- what is shown ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Medium:
    """What the player plays: kind of the movie, "" for pictures; and its bytes in the page."""

    kind: str
    markup: Markup
    notes: tuple[str, ...] = ()


class _Taken:
    """What was kept of the frames while they were decoded, on several threads."""

    def __init__(self, shown: FrameSequence, cells: set[int], halves: Halves | None) -> None:
        self._first = shown[0].index
        self._halves = halves
        self._cells = cells
        self._lock = threading.Lock()
        self.thumbnails: dict[int, str] = {}
        self.poster = ""
        self.broken: dict[int, str] = {}
        self.first_error: BaseException | None = None
        self.aspect = 16 / 9
        self.size = ""
        self.color: str | None = None

    def keep(self, frame: Frame, decoded: Decoded) -> None:
        """Keep the small picture of a frame that has a cell, and what the first one states."""
        if frame.index not in self._cells and frame.index != self._first:
            return
        picture = thumbnail(decoded, frame, _POSTER_WIDTH if frame.index == self._first else _CELL_WIDTH)
        with self._lock:
            if frame.index == self._first:
                self.poster, self.aspect = _jpeg(picture), picture.shape[1] / picture.shape[0]
                self.size, self.color = self._format_of(decoded)
            if frame.index in self._cells:
                self.thumbnails[frame.index] = _jpeg(_narrow(picture))

    def _format_of(self, decoded: Decoded) -> tuple[str, str | None]:
        """Return size and channels of the frames in words, and their colour space, as far as they are known."""
        if self._halves is None:
            (rows, columns, channels), dtype = decoded.array.shape, str(decoded.array.dtype)
            color = color_of(decoded.info)
        elif (stated := self._halves.picture) is not None:
            rows, columns, channels, dtype, color = stated.height, stated.width, stated.channels, stated.dtype, None
        else:
            return "", None
        return f"{columns}x{rows}, {counted(channels, 'channel')} of {dtype}", color

    def leave_out(self, frame: Frame, error: BaseException) -> None:
        """Keep why a frame cannot be shown."""
        self.first_error = self.first_error or error
        self.broken[frame.index] = problem_of(error, frame)


def _narrow(picture: Any) -> Any:
    from seqsave.pictures.display import reduced

    return reduced(picture, _CELL_WIDTH)


def _container() -> tuple[str, str]:
    """Return the extension of movies that browsers play, and why there is none: one of them is empty."""
    try:
        # Most browsers play H.264, if a free encoder for it is installed; almost as many play VP9.
        return ("mp4" if choose("mp4").codec is CODECS["h264"] else "webm"), ""
    except EncoderUnavailableError:
        try:
            choose("webm")
        except EncoderUnavailableError as error:
            return "", str(error)
        return "webm", ""


def _movie(
    shown: FrameSequence,
    taken: _Taken,
    source: Source,
    extension: str,
    rate: Fraction | None,
    height: int,
    on_frame: Callable[[Frame], None],
) -> _Medium:
    movie = encode_movie(
        shown,
        extension,
        look=Look(height=height),
        rate=rate,
        source=source,
        on_frame=on_frame,
        on_decoded=taken.keep,
        on_broken=taken.leave_out,
    )
    return _Medium(f"video/{extension}", Markup.movie(base64.b64encode(movie.data).decode()), movie.notes)


def _pictures(shown: FrameSequence, taken: _Taken, source: Source, on_frame: Callable[[Frame], None]) -> _Medium:
    width = _width_for(shown, source)

    def small(frame: Frame, data: bytes) -> str | None:
        decoded = source.decode(frame, data)
        taken.keep(frame, decoded)
        return _jpeg(thumbnail(decoded, frame, width))

    def left_out(frame: Frame, error: BaseException) -> str | None:
        if not isinstance(error, SeqSaveError):
            raise error
        taken.leave_out(frame, error)
        return None

    found = []
    for frame, one in zip(shown, shown.decoded(small, read=source.read, on_error=left_out), strict=True):
        found += [] if one is None else [one]
        on_frame(frame)
    return _Medium("", Markup.pictures(found))


def _width_for(shown: FrameSequence, source: Source) -> int:
    """Return the width of pictures with which all of them, judged by the first sound one, are not too many bytes."""
    for frame in (shown[0], shown[len(shown) // 2], shown[len(shown) - 1]):
        try:
            decoded = source.decode(frame, source.read(frame))
        except SeqSaveError:
            continue
        for width in _PICTURE_WIDTHS:
            if len(_jpeg(thumbnail(decoded, frame, width))) * len(shown) <= _MOST_BYTES:
                return width
    return _PICTURE_WIDTHS[-1]


def _jpeg(picture: Any) -> str:
    """Return a picture as JPEG in Base64."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=_QUALITY)
    return base64.b64encode(buffer.getvalue()).decode()


# --- what is stated ---------------------------------------------------------------------------------------------------


def _notice(sequence: FrameSequence) -> list[tuple[str, bool]]:
    """Return what the manifest says against a sequence, as a bad fact; [] for nothing."""
    notice = look_at(sequence).notice
    return [(notice, True)] if notice else []


def _facts(shown: FrameSequence, taken: _Taken, rate: Fraction | None, missing: Missing) -> list[tuple[str, bool]]:
    """Return the facts below the title, each with True for a bad one. None of them says where the frames lie."""
    indices = shown.indices
    numbers = " to ".join(dict.fromkeys(label_of(one, shown) for one in (indices[0], indices[-1])))
    facts = [(f"{counted(len(indices), 'frame')}, {numbers}", False)]
    facts += [(taken.size, False)] if taken.size else []
    facts += [(f"{taken.color}, shown as sRGB", False)] if taken.color not in (None, "srgb") else []
    facts.append((f"{float(rate):.6g} frames/s" if rate is not None else "24 frames/s, as none is stated", False))
    facts += [(f"{missing.count} missing", True)] if missing.runs else []
    facts += [(f"{len(taken.broken)} broken", True)] if taken.broken else []
    return facts


def _script(
    shown: FrameSequence, taken: _Taken, rate: Fraction | None, missing: Missing, medium: _Medium
) -> Mapping[str, Any]:
    used = rate or Fraction(24)
    sound = naming.to_ranges([index for index in shown.indices if index not in taken.broken])
    gaps = list(stepped(missing))
    long = [(run[0], f"{counted(len(run), 'frame')} are missing, up to {run[-1]}") for run in gaps if _is_long(run)]
    broken = [(index, f"broken: {why}") for index, why in taken.broken.items()]
    return {
        "type": medium.kind,
        "rate": [used.numerator, used.denominator],
        "digits": shown.digits,
        "frames": [[run[0], run[-1], 1] for run in sound],
        "missing": [[run[0], run[-1], run.step] for run in gaps if not _is_long(run)],
        "problems": [list(one) for one in sorted([*long, *broken])],
    }


def _is_long(run: range) -> bool:
    return len(run) > _LONG_GAP


def _cell(cell: int | Gap, taken: _Taken, sequence: FrameSequence) -> tuple[str, str, str, int]:
    """Return the label of a cell, its picture, the words of one without, and the frame that it leads to."""
    label = label_of(cell, sequence)
    if isinstance(cell, Gap):
        number = cell.missing.count
        return label, "", "missing" if number == 1 else f"{number} missing", cell.missing.runs[0].start
    return label, taken.thumbnails.get(cell, ""), "broken", cell


def _problems(taken: _Taken, missing: Missing, sequence: FrameSequence) -> list[tuple[int, str, str]]:
    """Return the first frame, the numbers and the words of each problem, by number."""
    gaps = [Missing((range(run[0], run[-1] + 1),), run.step) for run in stepped(missing)]
    rows = [(gap.runs[0].start, label_of(Gap(gap), sequence), "missing") for gap in gaps]
    rows += [(index, label_of(index, sequence), f"broken: {why}") for index, why in taken.broken.items()]
    return sorted(rows)


def _bars(shown: FrameSequence, taken: _Taken, missing: Missing) -> list[tuple[float, float]]:
    """Return where the timeline has no frame: begin and width, each 0..1."""
    gone = [range(run[0], run[-1] + 1) for run in stepped(missing)]
    lacking: Intervals = tuple(sorted(gone + [range(one, one + 1) for one in taken.broken], key=lambda run: run.start))
    everything = sorted((*subtract(shown.ranges, lacking), *lacking), key=lambda run: run.start)
    # As the slider has it: one step for each frame that is there or missing, and none for numbers in between.
    hatched = set(lacking)
    steps = [len(range(run.start, run.stop, missing.step if run in hatched else 1)) for run in everything]
    lengths = [
        1 if run in hatched and count > _LONG_GAP else count for run, count in zip(everything, steps, strict=True)
    ]
    whole, begin, bars = max(1, sum(lengths)), 0, []
    for run, length in zip(everything, lengths, strict=True):
        if run in hatched:
            bars.append((begin / whole, length / whole))
        begin += length
    return bars


def _metadata(shown: FrameSequence) -> str | None:
    """Return the metadata of the first frame as JSON; None if it cannot be read."""
    try:
        return json.dumps(shown[0].read_metadata(), indent=2, ensure_ascii=False)
    except SeqSaveError:
        return None
