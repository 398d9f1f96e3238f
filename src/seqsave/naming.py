"""Make frame names from prefix, digits, index, batch and extension, and parse them.

The rule is that of ComfyUI's Image Sequence Saver: prefix, ``_``, the index zero padded to ``digits``, ``.``,
extension. Variations of one frame have the same name in the folders ``batch_0000/``, ``batch_0001/`` and so on. A
prefix may contain ``/``: ``"shots/a"`` puts all files of the sequence, including its batch folders, into ``shots/``.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import SupportsIndex
from urllib.parse import unquote

from seqsave.errors import FrameNameError

__all__ = [
    "MAX_DIGITS",
    "MAX_INDEX",
    "MOST_FRAMES",
    "PRIVATE_FOLDER",
    "NameRule",
    "ParsedName",
    "Pattern",
    "batch_folder",
    "check_index",
    "format_ranges",
    "gaps",
    "parse_batch_folder",
    "parse_frame",
    "parse_frames",
    "parse_pattern",
    "parse_ranges",
    "sidecar_key",
    "sidecar_name",
    "to_ranges",
]

PRIVATE_FOLDER = ".seqsave"
MAX_DIGITS = 32
MAX_INDEX = 2**63 - 1
# Local file systems allow 255 bytes per name; this leaves room for the longer name of a temporary file.
MAX_NAME_BYTES = 220

_FRAME = re.compile(r"(?P<prefix>.+)_(?P<number>[0-9]+)\.(?P<extension>[^./]+)", re.DOTALL)
_BATCH = re.compile(r"batch_(?P<number>[0-9]{4,})")
_RANGES = re.compile(r"(?:[0-9]{1,19}(?:-[0-9]{1,19})?(?:,[0-9]{1,19}(?:-[0-9]{1,19})?)*)?")
# As render managers write frames: 0-99, 1-10x2, 1,5,9.
_STEPPED = re.compile(r"([0-9]{1,19})(?:-([0-9]{1,19})(?:[x:]([0-9]{1,19}))?)?")
# Of one sequence, so that a mistyped number or a hostile file cannot fill the memory: four days of film.
MOST_FRAMES = 10_000_000
_PLACEHOLDER = re.compile(r"#+|%0?(?P<width>[0-9]*)d")


def check_index(value: SupportsIndex, what: str = "index", *, least: int = 0, most: int = MAX_INDEX) -> int:
    """Return ``value`` as an int from ``least`` to ``most``. Raises FrameNameError, which names ``what``, otherwise."""
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or not least <= number <= most:
        limit = f"{least} or more, below 2**63" if most == MAX_INDEX else f"from {least} to {most}"
        raise FrameNameError(f"{what} is {value!r}: it must be a whole number, {limit}")
    return number


def batch_folder(batch: int) -> str:
    """Return the name of a batch folder: ``batch_0003`` for 3."""
    return f"batch_{check_index(batch, 'batch'):04d}"


def parse_batch_folder(name: str) -> int | None:
    """Return the number in ``batch_0003``: 3. None for other names (``batch_3``, ``batch_00003``)."""
    found = _BATCH.fullmatch(name)
    if found is None:
        return None
    number = int(found["number"])
    return number if batch_folder(number) == name else None


@dataclass(frozen=True, slots=True)
class NameRule:
    """The names of one sequence.

    prefix:    not empty; ``/`` makes subfolders; no ``.``, ``..``, empty or ``.seqsave`` parts, no control characters,
               no backslash, no surrogates.
    digits:    0 to 32, the number's minimum width. An index that needs more is simply wider.
    extension: without a dot.

    Raises FrameNameError.
    """

    prefix: str
    digits: int = 5
    extension: str = "png"

    def __post_init__(self) -> None:
        _check_prefix(self.prefix)
        digits = check_index(self.digits, "digits", most=MAX_DIGITS)
        object.__setattr__(self, "digits", digits)
        length = len(self.file_name(0).encode())
        if length > MAX_NAME_BYTES:
            raise FrameNameError(
                f"prefix {_short(self.prefix)} makes a file name of {length} bytes: at most {MAX_NAME_BYTES} fit every "
                "storage; use a shorter prefix"
            )

    @property
    def folder(self) -> str:
        """The subfolder in the prefix; ``""`` if it has none."""
        return self.prefix.rpartition("/")[0]

    @property
    def stem(self) -> str:
        """The prefix without its subfolder."""
        return self.prefix.rpartition("/")[2]

    def file_name(self, index: SupportsIndex) -> str:
        """Return the name of a frame: ``frame_00017.png`` for 17."""
        return f"{self.stem}_{check_index(index):0{self.digits}d}.{self.extension}"

    def format(self, index: SupportsIndex, batch: SupportsIndex | None = None) -> str:
        """Return the frame's path below the target: ``frame_00017.png``, ``batch_0003/frame_00017.png``."""
        parts = [self.folder] if self.folder else []
        if batch is not None:
            parts.append(batch_folder(check_index(batch, "batch")))
        return "/".join([*parts, self.file_name(index)])

    @property
    def pattern(self) -> str:
        """The sequence as a pattern: ``frame_#####.png``."""
        return f"{self.prefix}_{'#' * max(1, self.digits)}.{self.extension}"


@dataclass(frozen=True, slots=True)
class ParsedName:
    """The parts of a file name: ``frame_00017.png`` is ("frame_", 17, 5, ".png")."""

    head: str
    number: int
    width: int
    tail: str

    @property
    def prefix(self) -> str:
        """The part before the number, without the separator ``_``: ``frame``."""
        return self.head.removesuffix("_")

    @property
    def extension(self) -> str:
        """The extension, without its dot: ``png``."""
        return self.tail.rpartition(".")[2]

    @property
    def padded(self) -> bool:
        """True if the number has leading zeros, so that its width is the sequence's digits."""
        return self.width > len(str(self.number))


def parse_frame(name: str) -> ParsedName | None:
    """Parse the last component of a frame's path; None for other names. Digits are 0 to 9 only."""
    found = _FRAME.fullmatch(name)
    if found is None:
        return None
    return _parsed(found["prefix"] + "_", found["number"], "." + found["extension"])


def _parsed(head: str, number: str, tail: str) -> ParsedName | None:
    if len(number) > MAX_DIGITS or int(number) > MAX_INDEX or _holds_control(head + tail):
        return None
    return ParsedName(head, int(number), len(number), tail)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A sequence, written as a path with a placeholder for the number.

    ``folder`` is the part up to and including the last ``/``; ``head`` and ``tail`` are the parts of the name before
    and after the number.
    """

    folder: str
    head: str
    digits: int
    tail: str

    def __str__(self) -> str:
        return f"{self.head}{'#' * self.digits}{self.tail}"

    def parse(self, name: str) -> ParsedName | None:
        """Parse the name of a frame of this sequence; None for other names."""
        if not (name.startswith(self.head) and name.endswith(self.tail)):
            return None
        number = name[len(self.head) : len(name) - len(self.tail)]
        if re.fullmatch(r"[0-9]+", number) is None:
            return None
        # A number narrower than the placeholder, or a wider one with leading zeros, belongs to another sequence.
        if len(number) < self.digits or (len(number) > self.digits and number[0] == "0"):
            return None
        return _parsed(self.head, number, self.tail)


def parse_pattern(url: str) -> Pattern | None:
    """Parse ``.../frame_#####.png`` or ``.../frame_%05d.png``; None if the file's name has no placeholder.

    The last placeholder before the extension counts, so that a prefix may contain ``#``. A name without an extension is
    a folder and no pattern. Raises FrameNameError for more than 32 digits.
    """
    folder, slash, name = url.rpartition("/")
    found = [match for match in _PLACEHOLDER.finditer(name) if "." in name[match.end() :]]
    if not found:
        return None
    match = found[-1]
    if match[0].startswith("#"):
        digits = len(match[0])
    else:
        digits = int(match["width"]) if match[0].startswith("%0") and match["width"] else 1
    if digits > MAX_DIGITS:
        raise FrameNameError(f"{name!r} asks for {digits} digits: at most {MAX_DIGITS}")
    return Pattern(folder + slash, name[: match.start()], digits, name[match.end() :])


def sidecar_name(file_name: str, crc32: int, key: str) -> str:
    """Return the path of the sidecar file for metadata ``key`` of the frame ``file_name``, relative to its folder.

    Example: ``.seqsave/frame_00017.jpg.9ae0daaf.workflow.json``. The file's CRC-32 in the name binds the sidecar to
    these bytes: a later file of that name does not inherit the metadata. Characters of the key other than ASCII
    letters, digits, ``-``, ``_`` and ``.`` are percent-encoded.
    """
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else _percent(c) for c in key)
    return f"{PRIVATE_FOLDER}/{file_name}.{crc32:08x}.{safe}.json"


def sidecar_key(sidecar: str, file_name: str, crc32: int) -> str | None:
    """Return the key in ``sidecar`` (one path component) if it belongs to this file; otherwise None."""
    head = f"{file_name}.{crc32:08x}."
    if not (sidecar.startswith(head) and sidecar.endswith(".json")):
        return None
    return unquote(sidecar[len(head) : -len(".json")])


def to_ranges(indices: Iterable[int]) -> tuple[range, ...]:
    """Return ascending numbers as ranges without gaps."""
    runs: list[range] = []
    for index in indices:
        if runs and index == runs[-1].stop:
            runs[-1] = range(runs[-1].start, index + 1)
        else:
            runs.append(range(index, index + 1))
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


def format_ranges(runs: Iterable[range], most: int | None = None) -> str:
    """Return ranges in the notation of renderers: ``17,40-52``. Ranges after the first ``most`` are only counted."""
    texts = [str(run.start) if len(run) == 1 else f"{run.start}-{run.stop - 1}" for run in runs]
    if most is None or len(texts) <= most:
        return ",".join(texts)
    return ",".join(texts[:most]) + f",... ({len(texts) - most} more)"


def parse_ranges(text: str) -> tuple[range, ...]:
    """Parse the text of ``format_ranges``: ``17,40-52``. The ranges ascend and do not touch. Raises FrameNameError."""
    if not _RANGES.fullmatch(text):
        raise FrameNameError(f"{_short(text)} is not a list of frames: write 0-16,18-131")
    runs: list[range] = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        run = range(int(first), int(last or first) + 1)
        if not run or (runs and run.start <= runs[-1].stop) or run.stop > MAX_INDEX:
            raise FrameNameError(f"{_short(text)} is not a list of frames in ascending order")
        runs.append(run)
    return tuple(runs)


def parse_frames(text: str) -> tuple[range, ...]:
    """Parse frames as render managers write them: ``0-99``, ``1-10x2`` (every second one), ``1,5,9``, in any order.

    Returns them as ascending ranges, each frame once. Raises FrameNameError.
    """
    frames: set[int] = set()
    for part in text.replace(" ", "").split(","):
        found = _STEPPED.fullmatch(part)
        first, last, step = (int(found[1]), int(found[2] or found[1]), int(found[3] or 1)) if found else (0, -1, 1)
        if last < first or step < 1 or last > MAX_INDEX:
            raise FrameNameError(
                f"{_short(text)} is not a list of frames: write 0-99, 0-98x2 for every second one, or 1,5,9"
            )
        run = range(first, last + 1, step)
        if len(run) + len(frames) > MOST_FRAMES:
            raise FrameNameError(f"{_short(text)} names more than {MOST_FRAMES} frames")
        frames.update(run)
    return to_ranges(sorted(frames))


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")


def _holds_control(text: str) -> bool:
    return any(ord(c) < 32 or 127 <= ord(c) < 160 for c in text)


def _check_prefix(prefix: str) -> None:
    if not isinstance(prefix, str):
        raise FrameNameError(f"prefix is {prefix!r}: it must be text")
    problem = _prefix_problem(prefix)
    if problem:
        raise FrameNameError(
            f"prefix {_short(prefix)} {problem}; use a name such as 'frame', or 'shots/frame' for a subfolder"
        )


def _prefix_problem(prefix: str) -> str | None:
    if not prefix:
        return "is empty"
    if _holds_control(prefix) or any(0xD800 <= ord(c) < 0xE000 for c in prefix):
        return "holds a control character"
    if "\\" in prefix:
        return "holds a backslash"
    parts = prefix.split("/")
    if "" in parts:
        return "starts or ends with '/' or holds '//'"
    if "." in parts or ".." in parts:
        return "has a part '.' or '..' and could leave the target"
    if PRIVATE_FOLDER in parts[:-1]:
        return f"leads into {PRIVATE_FOLDER!r}, which is seqsave's own folder"
    return None
