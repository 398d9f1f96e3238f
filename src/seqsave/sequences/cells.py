"""Choose the frames by which a whole sequence is shown in little room, and read them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import gcd
from typing import TYPE_CHECKING, Any

from seqsave import naming
from seqsave.errors import DecodeError, ImageError, SeqSaveError, SequenceNotFoundError, TargetError
from seqsave.manifest.intervals import Intervals, subtract
from seqsave.plugins.options import check_count
from seqsave.sequences.file import manifest_of
from seqsave.types import MAX_PIXELS
from seqsave.wording import abridged, counted

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from seqsave.pictures.contact import Cell
    from seqsave.sequences.frame import Frame
    from seqsave.sequences.frames import Frames
    from seqsave.types import Decoded

    Bytes = npt.NDArray[np.uint8]

__all__ = [
    *("CELLS", "WIDTH", "Gap", "Missing", "chosen", "label_of", "missing_in", "numbered", "problem_of"),
    *("sheet_of", "stepped", "thumbnail"),
]

CELLS, WIDTH = 48, 1600


@dataclass(frozen=True, slots=True)
class Missing:
    """The numbers that lack a frame. step: of the sequence, such as 2 of 1001, 1003, 1007, if nothing else says it."""

    runs: Intervals
    step: int = 1

    @property
    def count(self) -> int:
        """Return how many frames are missing."""
        return sum(-(-(run.stop - run.start) // self.step) for run in self.runs)


@dataclass(frozen=True, slots=True)
class Gap:
    """Missing frames between two cells."""

    missing: Missing


def missing_in(sequence: Frames) -> Missing:
    """Return the frames that the first variation lacks, as the manifest or else the numbers say."""
    found, shown = manifest_of(sequence, "Gaps are those between the numbers"), sequence.variation()
    if found is not None and found.expected:
        return Missing(subtract(found.expected, shown.ranges))
    indices = shown.indices
    step = gcd(*(right - left for left, right in pairwise(indices))) or 1
    return Missing(tuple(range(a + step, b - step + 1) for a, b in pairwise(indices) if b - a > step), step)


def chosen(indices: Sequence[int], missing: Missing, most: int) -> list[int | Gap]:
    """Return at most ``most`` cells: frames at equal distances, and a gap where frames between two of them are missing.

    indices: of the frames, ascending. The first and the last one are among the cells, if there are two. Gaps before the
    first frame and after the last one have cells too.
    """
    number = min(len(indices), most)
    while number > 1:
        cells = _with_gaps(_spread(indices, number), missing)
        if len(cells) <= most:
            return cells
        number -= max(1, (len(cells) - most) // 2)
    return _with_gaps(list(indices[:1]), missing)[: max(1, most)]


def _spread(indices: Sequence[int], number: int) -> list[int]:
    last = len(indices) - 1
    return [indices[(2 * place * last + number - 1) // (2 * (number - 1))] for place in range(number)]


def _with_gaps(frames: Sequence[int], missing: Missing) -> list[int | Gap]:
    cells: list[int | Gap] = []
    starts = [bisect_right(frames, run.start) for run in missing.runs]
    for place in range(len(frames) + 1):
        between = tuple(run for run, start in zip(missing.runs, starts, strict=True) if start == place)
        if between:
            cells.append(Gap(Missing(between, missing.step)))
        if place < len(frames):
            cells.append(frames[place])
    return cells


def numbered(index: int, sequence: Frames) -> str:
    """Return the number of a frame as its name has it."""
    return f"{'-' if index < 0 else ''}{abs(index):0{sequence.digits}}"


def label_of(cell: int | Gap, sequence: Frames) -> str:
    """Return the numbers of a cell."""
    if isinstance(cell, int):
        return numbered(cell, sequence)
    runs = list(stepped(cell.missing))
    if len(runs) > 1:
        return naming.format_ranges(runs, 3)
    return "-".join(dict.fromkeys(numbered(one, sequence) for one in (runs[0][0], runs[0][-1])))


def stepped(missing: Missing) -> Iterator[range]:
    """Yield the runs of missing numbers, in the step of the sequence."""
    return (range(run.start, run.stop, missing.step) for run in missing.runs)


def problem_of(error: BaseException, frame: Frame) -> str:
    """Return why a frame cannot be shown, in words that need not name it."""
    text = " ".join(str(error).split()).removeprefix(f"{frame.name}: ").removeprefix(f"{frame.url}: ")
    return abridged(text or type(error).__name__, 160)


def thumbnail(decoded: Decoded, frame: Frame, width: int) -> Bytes:
    """Return a decoded frame as a display shows it, at most ``width`` pixels wide, with square pixels."""
    from seqsave.pictures.display import aspect_of, reduced, show

    extension = frame.name.rpartition(".")[2]
    aspect = aspect_of(decoded.info)
    if aspect == 1:
        return show(decoded.array, decoded.info, extension=extension, width=width)
    whole = show(decoded.array, decoded.info, extension=extension)
    rows, columns = whole.shape[:2]
    wide, high = (columns, round(rows / aspect)) if aspect > 1 else (round(columns * aspect), rows)
    scale = min(1.0, width / wide)
    return reduced(whole, max(1, round(wide * scale)), max(1, round(high * scale)))


def sheet_of(
    sequence: Frames,
    *,
    cells: int = CELLS,
    columns: int | None = None,
    width: int = WIDTH,
    max_pixels: int = MAX_PIXELS,
    gaps: bool = True,
    on_frame: Callable[[Frame], None] = lambda _: None,
    on_problem: Callable[[Frame, str], None] = lambda _, __: None,
) -> Bytes:
    """Return a contact sheet of a sequence (of its first variation): H,W,3, uint8, sRGB. Only its cells are read.

    gaps:     whether cells show which frames are missing; those between chosen frames are not.
    on_frame: called with each frame that was read. on_problem: with each that cannot be shown, and the reason.

    Raises OptionError, SequenceNotFoundError for a sequence without frames, and TargetError if none of the frames can
    be read from the storage.
    """
    from seqsave.pictures.contact import Layout, draw_sheet

    for name, value in (("cells", cells), ("width", width), *((("columns", columns),) if columns is not None else ())):
        check_count(name, value)
    shown = sequence.variation()
    if not shown:
        raise SequenceNotFoundError(f"this part of {sequence.pattern} in {sequence.url} has no frames")
    missing = missing_in(sequence) if gaps else Missing(())
    places = chosen(shown.indices, missing, cells)
    # Which frames are read does not depend on their proportions, and neither does the width of a cell.
    wide = Layout.of(len(places), width=width, columns=columns, aspect=1).cell[0]
    pictures = _read(
        shown.part([shown.frame(one) for one in places if isinstance(one, int)]), wide, max_pixels, on_frame
    )
    drawn = [_cell(place, pictures, sequence, on_problem) for place in places]
    first = next((cell.picture for cell in drawn if cell.picture is not None), None)
    aspect = 16 / 9 if first is None else first.shape[1] / first.shape[0]
    layout = Layout.of(len(places), width=width, columns=columns, aspect=aspect)
    words = counted(len(shown.indices), "frame")
    lacking = f"{missing.count} missing" if missing.runs else ""
    numbers = " to ".join(dict.fromkeys(numbered(one, sequence) for one in (shown.indices[0], shown.indices[-1])))
    return draw_sheet(drawn, layout, title=sequence.pattern, note=f"{words}, {numbers}", warning=lacking)


_Read = Mapping[int, "Bytes | SeqSaveError"]


def _read(shown: Frames, width: int, max_pixels: int, on_frame: Callable[[Frame], None]) -> _Read:
    def small(frame: Frame, data: bytes) -> Any:
        return thumbnail(frame.decode(data, max_pixels=max_pixels), frame, width)

    def failed(_: Frame, error: BaseException) -> Any:
        if isinstance(error, SeqSaveError):
            return error
        raise error

    found: dict[int, Any] = {}
    for frame, outcome in zip(shown, shown.decoded(small, on_error=failed), strict=True):
        found[frame.index] = outcome
        on_frame(frame)
    errors = [one for one in found.values() if isinstance(one, SeqSaveError)]
    others = [one for one in errors if not isinstance(one, DecodeError | ImageError)]
    # A sheet of which nothing can be seen says nothing of the frames if the storage or a decoder is what is missing.
    if others and len(errors) == len(found):
        raise others[0]
    return found


def _cell(place: int | Gap, pictures: _Read, sequence: Frames, on_problem: Callable[[Frame, str], None]) -> Cell:
    from seqsave.pictures.contact import Cell

    label = label_of(place, sequence)
    if isinstance(place, Gap):
        number = place.missing.count
        return Cell(label=label, problem="missing" if number == 1 else f"{number} frames\nmissing")
    found = pictures[place]
    if not isinstance(found, SeqSaveError):
        return Cell(label=label, picture=found)
    frame = sequence.variation().frame(place)
    words = problem_of(found, frame)
    on_problem(frame, words)
    kind = "cannot be read" if isinstance(found, TargetError) else "broken"
    return Cell(label=label, problem=f"{kind}\n{words}")
