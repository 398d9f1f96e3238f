"""Check the numbers of frames and batches, and write and read lists of them as renderers do: ``17,40-52``.

The hyphen after a number joins it to the last one of its range, as in render managers and fileseq: ``-50--3`` are the
frames from -50 to -3.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import SupportsIndex

from seqsave.errors import FrameNameError

__all__ = [
    "MAX_INDEX",
    "MIN_INDEX",
    "MOST_FRAMES",
    "batch_folder",
    "check_frame",
    "check_index",
    "format_ranges",
    "gaps",
    "is_misnamed_batch",
    "parse_batch_folder",
    "parse_frames",
    "parse_ranges",
    "to_ranges",
]

MAX_INDEX = 2**63 - 1
MIN_INDEX = -MAX_INDEX
# The limit of one sequence, four days of film, so that a mistyped number or a hostile file cannot fill the memory.
MOST_FRAMES = 10_000_000

# Single frames at the same distance that are shown as one range.
LEAST_STEPPED = 4

# Characters of a wrong value in a message.
LONGEST_SHOWN = 60

_BATCH = re.compile(r"batch_(?P<number>[0-9]{4,})")
# As render managers write frames: 0-99, 1-10x2; in Deadline also 1:10, 1-10step2; in OpenJD and Slurm 1-10:2.
_NUMBER = r"-?[0-9]{1,19}"
_STEPPED = re.compile(rf"({_NUMBER})(?:[-:]({_NUMBER})(?:(?:x|:|step|by|every)({_NUMBER}))?)?", re.IGNORECASE)
# Between two ranges: a comma, spaces, or both. A hyphen after spaces may belong to a range or to a negative number.
_BETWEEN = re.compile(r"\s*,\s*|\s+(?!-)")
_RUN = re.compile(r"(?P<first>-?[0-9]{1,19})(?:-(?P<last>-?[0-9]{1,19}))?")


def check_index(value: SupportsIndex, what: str = "index", *, least: int = 0, most: int = MAX_INDEX) -> int:
    """Return ``value`` as an int from ``least`` to ``most``. Raises FrameNameError, which names ``what``, otherwise."""
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or not least <= number <= most:
        raise FrameNameError(f"{what} is {_shown(value)}: it must be a whole number, {_limits(least, most)}")
    return number


def _shown(value: object) -> str:
    """Return a value for a message. Python refuses to write integers of thousands of digits."""
    try:
        text = repr(value)
    except ValueError:
        return "a number of thousands of digits"
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def check_frame(value: SupportsIndex, what: str = "index") -> int:
    """Return the number of a frame as an int; it may be negative. Raises FrameNameError, which names ``what``."""
    return check_index(value, what, least=MIN_INDEX)


def _limits(least: int, most: int) -> str:
    if most != MAX_INDEX:
        return f"from {least} to {most}"
    return "between -2**63 and 2**63" if least == MIN_INDEX else f"{least} or more, below 2**63"


def batch_folder(batch: int) -> str:
    """Return the name of a batch folder: ``batch_0003`` for 3."""
    return f"batch_{check_index(batch, 'batch'):04d}"


def parse_batch_folder(name: str) -> int | None:
    """Return the number in ``batch_0003``: 3. None for other names (``batch_3``, ``batch_00003``)."""
    found = _BATCH.fullmatch(name)
    if found is None:
        return None
    number = int(found["number"])
    return number if number <= MAX_INDEX and batch_folder(number) == name else None


def is_misnamed_batch(name: str) -> bool:
    """Return True for a name like those of batch folders with another padding: ``batch_3``, ``batch_00003``."""
    number = name.removeprefix("batch_")
    is_number = number != name and number.isascii() and number.isdigit() and int(number) <= MAX_INDEX
    return is_number and parse_batch_folder(name) is None


def to_ranges(indices: Iterable[int]) -> tuple[range, ...]:
    """Return ascending numbers as ranges without gaps."""
    runs: list[range] = []
    start = stop = None
    for index in indices:
        if index != stop:
            if start is not None and stop is not None:
                runs.append(range(start, stop))
            start = index
        stop = index + 1
    if start is not None and stop is not None:
        runs.append(range(start, stop))
    return tuple(runs)


def gaps(runs: Iterable[range], first: int, last: int) -> tuple[range, ...]:
    """Return the ranges of first..last (inclusive) that are not in ``runs``, which are ascending and disjoint."""
    left = []
    for run in runs:
        if first < run.start:
            left.append(range(first, min(run.start, last + 1)))
        first = max(first, run.stop)
        if first > last:
            break
    if first <= last:
        left.append(range(first, last + 1))
    return tuple(left)


def format_ranges(runs: Iterable[range], most: int | None = None, *, noun: str = "") -> str:
    """Return ranges in the notation of renderers: ``-50--3,17,40-52``. ``parse_ranges`` and ``parse_frames`` read it.

    most: for messages; single frames at the same distance are one range then (``0-94x2``), and ranges after the first
          ``most`` are only counted. ``parse_frames`` reads this too, if nothing is left out.
    noun: for messages; put before the numbers, with an s for several: ``frame 5``, ``frames 5-7``.
    """
    if noun:
        runs = list(runs)
        plural = "" if len(runs) == 1 and _is_single(runs[0]) else "s"
        return f"{noun}{plural} {format_ranges(runs, most)}"
    texts = [_range_text(run) for run in (runs if most is None else _stepped(runs))]
    if most is None or len(texts) <= most:
        return ",".join(texts)
    return ",".join(texts[:most]) + f",... ({len(texts) - most} more)"


def _range_text(run: range) -> str:
    step = f"x{run.step}" if run.step > 1 else ""
    return str(run.start) if _is_single(run) else f"{run.start}-{run.stop - 1}{step}"


def _is_single(run: range) -> bool:
    return run.stop - run.start == 1  # len() fails for the widest ranges


def _stepped(runs: Iterable[range]) -> Iterator[range]:
    """Yield ranges, and four or more single frames at the same distance as one range with a step."""
    alike: list[int] = []
    for run in runs:
        if _is_single(run) and (len(alike) < 2 or run.start - alike[-1] == alike[1] - alike[0]):
            alike.append(run.start)
            continue
        yield from _joined(alike)
        alike = [run.start] if _is_single(run) else []
        if not alike:
            yield run
    yield from _joined(alike)


def _joined(frames: Sequence[int]) -> Iterable[range]:
    if len(frames) < LEAST_STEPPED:
        return [range(frame, frame + 1) for frame in frames]
    return [range(frames[0], frames[-1] + 1, frames[1] - frames[0])]


def parse_ranges(text: str) -> tuple[range, ...]:
    """Parse the text of ``format_ranges``: ``17,40-52``. The ranges ascend and do not touch. Raises FrameNameError."""
    runs: list[range] = []
    for part in text.split(",") if text else ():
        found = _RUN.fullmatch(part)
        if found is None:
            raise FrameNameError(f"{_short(text)} is not a list of frames: write 0-16,18-131")
        first, last = found["first"], found["last"]
        run = range(int(first), int(last or first) + 1)
        if not run or (runs and run.start <= runs[-1].stop) or not MIN_INDEX <= run.start < run.stop <= MAX_INDEX + 1:
            raise FrameNameError(f"{_short(text)} is not a list of frames in ascending order")
        runs.append(run)
    return tuple(runs)


def parse_frames(text: str) -> tuple[range, ...]:
    """Parse frames as render managers write them: ``0-99``, ``1-10x2`` (every second one), ``1,5,9``, in any order.

    Spaces separate like commas. ``:``, ``step``, ``by`` and ``every`` mean the same as ``x``, and ``1:10`` the same as
    ``1-10``. Descending ranges need a step: ``10-1x3`` and ``10-1x-3`` are the frames 10, 7, 4 and 1.

    Returns them as ascending ranges, each frame once. Raises FrameNameError.
    """
    frames: set[int] = set()
    for part in _BETWEEN.split(text.strip()):
        if part.startswith("..."):  # of format_ranges
            raise FrameNameError(f"{_short(text)} is a list that was shortened for display: write all ranges")
        run = _parse_range(part)
        if not run or run.stop > MAX_INDEX + 1 or run.start < MIN_INDEX:
            raise FrameNameError(
                f"{_short(text)} is not a list of frames: write 0-99, 0-98x2 for every second one, or 1,5,9"
            )
        if (run.stop - 1 - run.start) // run.step + 1 + len(frames) > MOST_FRAMES:  # len() raises beyond a machine word
            raise FrameNameError(f"{_short(text)} names more than {MOST_FRAMES} frames")
        frames.update(run)
    return to_ranges(sorted(frames))


def _parse_range(text: str) -> range:
    """Return one range of frames, ascending; an empty one for text of another form."""
    found = _STEPPED.fullmatch(text)
    if found is None:
        return range(0)
    first, last, step = int(found[1]), int(found[2] or found[1]), int(found[3] or 1)
    if last >= first or found[3] is None:  # without a step, 9-2 is taken for a mistake
        return range(first, last + 1, step) if step > 0 else range(0)
    size = abs(step)
    return range(first - (first - last) // size * size, first + 1, size) if size else range(0)


def renumbered(
    indices: Sequence[int], start: int | None = None, step: int | None = None, offset: int = 0
) -> dict[int, int]:
    """Return the new number of each frame, by its own. indices: ascending, each once; not empty.

    start:  the new number of the first one; the others move with it, so that gaps stay.
    step:   the new distance from each frame to the next; gaps are closed.
    offset: added to each number, instead.

    Raises FrameNameError for a number that is not that of a frame.
    """
    first = indices[0]
    begin = first + offset if start is None else check_frame(start, "start")
    new = [begin + (index - first if step is None else place * step) for place, index in enumerate(indices)]
    return dict(zip(indices, [check_frame(number) for number in new], strict=True))


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
