"""Make the names that a writer gives to its files, in the folders of its prefix and its batches.

The usual rule is that of ComfyUI's Image Sequence Saver: prefix, ``_``, the index zero padded to ``digits``, ``.``,
extension. Variations of one frame have the same name in the folders ``batch_0000/``, ``batch_0001/`` and so on. A
prefix may contain ``/``: ``"shots/a"`` puts all files of the sequence, including its batch folders, into ``shots/``.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from typing import SupportsIndex
from urllib.parse import unquote

from seqsave.errors import FrameNameError
from seqsave.naming.numbers import batch_folder, check_index
from seqsave.naming.pattern import MAX_DIGITS, SEPARATOR, NamePattern, is_hidden, normalized

__all__ = ["PRIVATE_FOLDER", "NameRule", "join", "sidecar_key", "sidecar_name"]

PRIVATE_FOLDER = ".seqsave"
# Local file systems allow 255 bytes per name; this leaves room for the longer name of a temporary file.
MAX_NAME_BYTES = 220
MAX_SEPARATOR = 16
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # surrogates, too


@dataclass(frozen=True, slots=True)
class NameRule:
    """The names of one sequence.

    prefix:    ``/`` makes subfolders; no ``.``, ``..``, empty or ``.seqsave`` folders, no control characters, no
               backslash, no surrogates; no file name that begins with a dot, since such files are hidden.
    digits:    0 to 32, the number's minimum width. An index that needs more digits is wider.
    extension: without a dot.
    separator: the text between prefix and number. tail: the text between number and extension.
    name:      these parts as a ``NamePattern``.

    Raises FrameNameError.
    """

    prefix: str
    digits: int = 5
    extension: str = "png"
    separator: str = SEPARATOR
    tail: str = ""
    name: NamePattern = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_prefix(self.prefix)
        for what, text in (("separator", self.separator), ("tail", self.tail)):
            _check_part(what, text)
        digits = check_index(self.digits, "digits", most=MAX_DIGITS)
        object.__setattr__(self, "digits", digits)
        name = NamePattern(f"{self.stem}{self.separator}", digits, self.tail, self.extension)
        object.__setattr__(self, "name", name)
        _check_name(self, name)

    @property
    def folder(self) -> str:
        """Return the subfolder in the prefix; ``""`` if it has none."""
        return self.prefix.rpartition("/")[0]

    @property
    def stem(self) -> str:
        """Return the prefix without its subfolder."""
        return self.prefix.rpartition("/")[2]

    def file_name(self, index: SupportsIndex) -> str:
        """Return the name of a frame: ``frame_00017.png`` for 17."""
        return self.name.format(index)

    def format(self, index: SupportsIndex, batch: SupportsIndex | None = None) -> str:
        """Return the frame's path below the target: ``frame_00017.png``, ``batch_0003/frame_00017.png``."""
        parts = [self.folder] if "/" in self.prefix else []
        if batch is not None:
            parts.append(batch_folder(check_index(batch, "batch")))
        return "/".join([*parts, self.file_name(index)])

    @property
    def pattern(self) -> str:
        """Return the sequence as a pattern: ``frame_#####.png``."""
        return join(self.folder, str(self.name))


def join(folder: str, name: str) -> str:
    """Return the path of a name in a folder; ``""`` is the target's own."""
    return f"{folder}/{name}" if folder else name


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
    head, sidecar = normalized(f"{file_name}.{crc32:08x}."), normalized(sidecar)
    if not (sidecar.startswith(head) and sidecar.endswith(".json")):
        return None
    return unquote(sidecar[len(head) : -len(".json")])


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")


def _check_prefix(prefix: str) -> None:
    if not isinstance(prefix, str):
        raise FrameNameError(f"prefix is {prefix!r}: it must be text")
    problem = _prefix_problem(prefix)
    if problem:
        raise FrameNameError(
            f"prefix {_short(prefix)} {problem}; use a name such as 'frame', or 'shots/frame' for a subfolder"
        )


def _prefix_problem(prefix: str) -> str | None:
    problem = _characters_problem(prefix)
    parts = prefix.split("/")
    if problem or parts == [""]:
        return problem
    if "" in parts:
        return "starts or ends with '/' or holds '//'"
    if "." in parts or ".." in parts:
        return "has a part '.' or '..' and could leave the target"
    if PRIVATE_FOLDER in parts[:-1]:
        return f"leads into {PRIVATE_FOLDER!r}, which is seqsave's own folder"
    return None


def _characters_problem(text: str) -> str | None:
    if _CONTROL.search(text):
        return "holds a control character"
    return "holds a backslash" if "\\" in text else None


def _check_part(what: str, text: str) -> None:
    if not isinstance(text, str):
        raise FrameNameError(f"{what} is {text!r}: it must be text")
    problem = _characters_problem(text) or ("holds '/'" if "/" in text else None)
    if problem is None and what == "separator" and len(text) > MAX_SEPARATOR:
        problem = f"has {len(text)} characters, at most {MAX_SEPARATOR} are allowed"
    if problem:
        raise FrameNameError(f"{what} {_short(text)} {problem}; use a text such as '.' or '_'")


def _check_name(rule: NameRule, name: NamePattern) -> None:
    """Raise FrameNameError for names that would be hidden, too long, or read back as those of another frame."""
    found = _name_problem(name)
    if found is None:
        return
    part, problem = found
    if part == "tail":
        what = f"tail {_short(name.tail)}"
    elif rule.separator == SEPARATOR:
        what = f"prefix {_short(rule.prefix)}"
    else:
        what = f"prefix and separator {_short(name.head)}"
    raise FrameNameError(f"{what} {problem}")


@functools.lru_cache(maxsize=256)  # each writer asks, and frames that are saved one by one have a writer each
def _name_problem(name: NamePattern) -> tuple[str, str] | None:
    """Return which part of the names is wrong, ``head`` or ``tail``, and why; None for good names."""
    example = f"{name.head}{0:0{name.digits}d}{name.ending}"
    length = len(example.encode())
    if is_hidden(example):
        return "head", "makes hidden files, whose names begin with a dot; use another name"
    if name.head[-1:].isascii() and name.head[-1:].isdigit():
        return (
            "head",
            "ends with a digit, which reads as a part of the number; put a separator such as '.' between them",
        )
    if name.tail[:1].isascii() and name.tail[:1].isdigit():
        return "tail", "begins with a digit, which reads as a part of the number"
    if name.parse(example) != 0 or _reads_as_sign(name.head):
        return "head", "ends with a minus sign, so that the number reads as a negative one; use another separator"
    if length > MAX_NAME_BYTES:
        fits = f"at most {MAX_NAME_BYTES} fit every storage; use a shorter prefix"
        return "head", f"makes a file name of {length} bytes: {fits}"
    return None


def _reads_as_sign(head: str) -> bool:
    if not head.endswith("-"):
        return False
    try:
        return NamePattern(head[:-1], 1, "", "png").format(-1) != ""
    except FrameNameError:
        return False
