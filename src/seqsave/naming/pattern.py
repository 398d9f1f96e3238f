"""The parts of a frame's name, head, number, tail and extension; and the patterns that stand for a whole sequence.

All code that writes or finds frames uses ``NamePattern``, so that every name that is written can also be found.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import SupportsIndex

from seqsave.errors import FrameNameError
from seqsave.naming.numbers import MAX_INDEX, check_frame

__all__ = [
    "MAX_DIGITS",
    "SEPARATOR",
    "NamePattern",
    "holds_control",
    "is_hidden",
    "is_pattern",
    "is_strong",
    "is_unended",
    "name_key",
    "natural_key",
    "normalized",
    "parse_pattern",
    "read_number",
    "split_extension",
    "split_name",
    "unended_message",
]

MAX_DIGITS = 32
SEPARATOR = "_"
# Separators between a name and its number, which do not count as parts of the name.
_SEPARATORS = "_.- "

# A minus sign belongs to the number unless it joins two words: render_-0004 is frame -4, shot-0001 is frame 1.
SIGNED = r"(?:(?<![^\W_])(?<![)\]}])-(?=[0-9]))?[0-9]+"
_NUMBER = re.compile(SIGNED)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_PLACEHOLDER = re.compile(
    r"#+"
    r"|@+(?![A-Za-z0-9])"
    r"|%(?:0(?P<printf>[0-9]+))?[0-9]*[di]"
    r"|\$F(?P<houdini>[0-9]*)(?![A-Za-z])|\$\{F(?P<braced>[0-9]*)\}"
    r"|<F(?P<angled>[0-9]*)>"
)
# Placeholders that hardly occur in names of folders: take #1 and shot_%d are folders.
_STRONG = re.compile(r"##|@@|%0|\$F|\$\{F|<F")


@dataclass(frozen=True, slots=True)
class NamePattern:
    """The names of one sequence: ``shot.1001_left.exr`` is head ``shot.``, number, tail ``_left``, extension ``exr``.

    digits: the number's minimum width without its sign: 4 writes ``-0003``. An index that needs more digits is wider.
    """

    head: str
    digits: int
    tail: str
    extension: str

    def __str__(self) -> str:
        return f"{self.head}{'#' * max(1, self.digits)}{self.ending}"

    @property
    def ending(self) -> str:
        """Return the part after the number: ``_left.exr``."""
        return f"{self.tail}.{self.extension}"

    @property
    def prefix(self) -> str:
        """Return the head without the separator before the number: ``shot``."""
        return self.head.removesuffix(self.separator) if self.separator else self.head

    @property
    def separator(self) -> str:
        """Return the character before the number, if it is one of ``_``, ``.``, ``-`` and space; else ``""``."""
        return self.head[-1:] if self.head[-1:] in _SEPARATORS else ""

    @property
    def is_usual(self) -> bool:
        """True for names that the default settings make, apart from prefix, digits and extension."""
        return self.head.endswith(SEPARATOR) and not self.tail

    def format(self, index: SupportsIndex) -> str:
        """Return the name of a frame: ``shot.1001.exr`` for 1001. Raises FrameNameError."""
        number = check_frame(index)
        if number >= 0:
            return f"{self.head}{number:0{self.digits}d}{self.tail}.{self.extension}"
        text = f"-{-number:0{self.digits}d}"
        head = normalized(self.head)  # as it is read
        if _NUMBER.fullmatch(f"{head}{text}", len(head)) is None:
            raise FrameNameError(
                f"frame {number} of {self} would read as frame {-number}: put a separator before the number"
            )
        return f"{self.head}{text}{self.tail}.{self.extension}"

    def parse(self, name: str) -> int | None:
        """Return the number in the name of a frame of this sequence; None for other names.

        A number with fewer digits, or a longer one with leading zeros, belongs to another sequence. The case of the
        extension does not matter.
        """
        text = self._number_text(name)
        if text is None:
            return None
        digits = text.removeprefix("-")
        # As printf counts, the sign is one of the places.
        if len(text) < self.digits or (len(digits) > self.digits and len(digits) > 1 and digits[0] == "0"):
            return None
        return read_number(text)

    def number_in(self, name: str) -> int | None:
        """Return the number as ``parse`` does, but of any width: 7 for ``frame_007.png`` of ``frame_#####.png``."""
        text = self._number_text(name)
        return None if text is None else read_number(text)

    def _number_text(self, name: str) -> str | None:
        """Return the text at the place of the number; None for names with another head, tail or extension."""
        name, head, ending = normalized(name), normalized(self.head), normalized(self.ending)
        if not name.startswith(head) or len(name) < len(head) + len(ending):
            return None
        cut = len(name) - len(ending)
        tail, extension = name[cut : len(name) - len(self.extension)], name[len(name) - len(self.extension) :]
        if tail != ending[: len(tail)] or extension.casefold() != self.extension.casefold():
            return None
        number = name[len(head) : cut]
        if number.startswith("-") and _NUMBER.fullmatch(name[: len(head) + len(number)], len(head)) is None:
            return None
        return None if holds_control(name) else number


def read_number(text: str) -> int | None:
    """Return the number of ASCII digits with an optional minus sign; None if it cannot be a frame's."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > MAX_DIGITS:
        return None
    number = int(text)
    return number if abs(number) <= MAX_INDEX else None


def normalized(text: str) -> str:
    """Return a name in Unicode's composed form, so that both forms of one name are equal."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Return a key that sorts ``img9`` before ``img10``."""
    pieces = re.findall(r"[0-9]+|[^0-9]+", name)
    return [(0, int(piece), piece) if piece[0] in "0123456789" else (1, 0, piece) for piece in pieces]


def name_key(name: str) -> str:
    """Return a text that is the same for all names that mean the same frame: frame_1.png, frame_1.PNG."""
    stem, dot, extension = normalized(name).rpartition(".")
    return f"{stem}{dot}{extension.casefold()}"


def is_hidden(name: str) -> bool:
    """Return True for names that begin with a dot: private files, and what macOS puts beside a file (``._frame``)."""
    return name.startswith(".")


def holds_control(text: str) -> bool:
    """Return True if a text holds a control character."""
    return _CONTROL.search(text) is not None


def split_extension(name: str) -> tuple[str, str]:
    """Return the part before the last dot, and the extension: ``""`` if there is none, as in ``shot.0001``."""
    stem, dot, extension = name.rpartition(".")
    if not dot or not (extension.isalpha() or (any(c.isalpha() for c in extension) and "/" not in extension)):
        return name, ""
    return stem, extension


def split_name(name: str) -> tuple[NamePattern, int] | None:
    """Return pattern and number of one file's name, whose last number is the frame's; None for other names.

    Leading zeros in the name set the number of digits of the pattern.
    """
    stem, extension = split_extension(name)
    found = [*_NUMBER.finditer(stem)] if extension and not is_hidden(name) and not holds_control(name) else []
    if not found:
        return None
    last = found[-1]
    number = read_number(last[0])
    if number is None:
        return None
    digits = len(last[0].removeprefix("-"))
    return NamePattern(stem[: last.start()], digits, stem[last.end() :], extension), number


def is_pattern(url: str) -> bool:
    """Return True if the last part of a URL has a placeholder: ``#``, ``@``, ``%04d``, ``$F4``, ``<F4>``."""
    name = url.replace("\\", "/").rpartition("/")[2]
    return any(split_extension(name[match.end() :])[1] for match in _PLACEHOLDER.finditer(name))


def is_strong(name: str) -> bool:
    """Return True if a name holds a placeholder that hardly occurs in names of folders: ``####``, ``%04d``, ``$F4``."""
    return _STRONG.search(name) is not None


def is_unended(url: str) -> bool:
    """Return True for names that end in a placeholder, without an extension: ``shot.####``, ``shot.%04d``."""
    name = url.replace("\\", "/").rpartition("/")[2]
    ends = [match.end() for match in _PLACEHOLDER.finditer(name)]
    return is_strong(name) and bool(ends) and ends[-1] == len(name)


def unended_message(url: str, extension: str) -> str:
    """Return why a destination such as ``out/shot.####`` is refused, and what to write."""
    return (
        f"{url} has a place for the number and no extension: write {url}.{extension} for numbered files, or {url}/ for "
        "a folder of this name"
    )


def parse_pattern(url: str) -> tuple[str, NamePattern] | None:
    """Return the folder of a pattern (with its last ``/``) and the pattern; None if the name has no placeholder.

    Placeholders are ``####``, ``@@@@``, ``%04d``, ``%04i``, ``$F4``, ``${F4}`` and ``<F4>``. The last one counts; a
    single ``#`` or ``@`` before it belongs to the name. A name without an extension is a folder and no pattern.

    Raises FrameNameError for two numbers, and for more than 32 digits.
    """
    folder, slash, name = url.rpartition("/")
    found = [match for match in _PLACEHOLDER.finditer(name) if split_extension(name[match.end() :])[1]]
    if not found:
        return None
    *before, last = found
    if any(match[0] not in ("#", "@") for match in before):
        raise FrameNameError(f"the pattern {name!r} has two numbers: write only the frame's, as shot010_v002.####.exr")
    digits = _digits(last)
    if digits > MAX_DIGITS:
        raise FrameNameError(f"{name!r} asks for {digits} digits: at most {MAX_DIGITS}")
    tail, extension = split_extension(name[last.end() :])
    return folder + slash, NamePattern(name[: last.start()], digits, tail, extension)


def _digits(match: re.Match[str]) -> int:
    if match[0][0] in "#@":
        return len(match[0])
    given = match["printf"] or match["houdini"] or match["braced"] or match["angled"]
    return max(1, int(given[:4])) if given else 1
