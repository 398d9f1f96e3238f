"""Words and numbers in messages: hints at a near name, counted nouns, shortened lists, checksums."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from seqsave.errors import SeqSaveError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

__all__ = [
    "CRC32",
    "abridged",
    "checksum_of",
    "command",
    "counted",
    "crc32_text",
    "described",
    "did_you_mean",
    "first_of",
    "format_size",
    "nearest",
    "reason_of",
    "shortened",
    "spans",
]

CRC32 = "crc32:"
"""How the text of a checksum starts; the name of the algorithm."""

_LONG_RUN = 4


def did_you_mean(given: object, known: Iterable[str], *, ignore_case: bool = False, nearness: float = 0.6) -> str:
    """Return a hint at the known name that is nearest to ``given``, to put right after it in a message.

    The hint is `` (did you mean 'exr'?)`` with its leading space, and ``""`` if no known name is near.

    ignore_case: compare ``given`` in lower case; for known names that are all lower case.
    nearness:    the least similarity of the hint, 0 to 1, as ``difflib`` measures it.
    """
    word = str(given).lower() if ignore_case else str(given)
    near = nearest(word, known, most=1, nearness=nearness)
    return f" (did you mean {near[0]!r}?)" if near else ""


def nearest(word: str, known: Iterable[str], *, most: int, nearness: float = 0.6) -> list[str]:
    """Return at most ``most`` known names that are near to ``word``, the nearest first. nearness: as above."""
    import difflib  # here, as few messages need it

    return difflib.get_close_matches(word, sorted(known), n=most, cutoff=nearness)


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun: ``1 frame``, ``3 frames``. ``plural``: if it is not noun + s."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def first_of(names: Sequence[str] | Collection[str], most: int, between: str = ", ") -> str:
    """Return the first ``most`` names, separated by commas, and ``...`` if there are more.

    between: another separator, for names that contain commas.
    """
    return between.join([*list(names)[:most], *(["..."] if len(names) > most else [])])


def described(error: BaseException) -> str:
    """Return the class and the text of an error, for a message; also of one that fails to return its text."""
    kind = type(error).__name__
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - the error is raised by foreign code, which may be wrong in any way
        return kind
    return f"{kind}: {text}" if text else kind


def reason_of(error: BaseException) -> str:
    """Return the text of an error of this package; of any other error, its class and its text."""
    return str(error) if isinstance(error, SeqSaveError) else described(error)


def command(*words: object, options: Iterable[str] = ()) -> str:
    """Return a command as a shell takes it, with the names of the storage options that it needs.

    Their values may be secrets, and stand nowhere: ``seqsave flush 'my spool' --storage-option key=...``. Empty words
    are left out.
    """
    quoted = (shlex.quote(text) for text in map(str, words) if text)
    return " ".join([*quoted, *(f"--storage-option {shlex.quote(name)}=..." for name in sorted(options))])


def format_size(size: float) -> str:
    """Return a number of bytes as text, in powers of 1000: ``48.2 MB``."""
    if size < 1000:
        return f"{size:.0f} B"
    for unit in ("kB", "MB", "GB", "TB"):
        size /= 1000
        if size < 999.95:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:.1f} PB"


def shortened(value: object, most: int = 60) -> str:
    """Return the representation of a value in one line of at most ``most`` characters; if it fails, its class."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - foreign code, and numbers of too many digits
        return type(value).__name__
    text = " ".join(text.split()) if "\n" in text else text
    return text if len(text) <= most else f"{text[: most - 4]} ..."


def abridged(text: str, most: int = 300) -> str:
    """Return a text without its middle if it has more than ``most`` characters."""
    return text if len(text) <= most else f"{text[: most // 2]} ... {text[-most // 3 :]}"


def printable(name: str) -> str:
    """Return a name with its control characters spelled in ASCII, for a message of one line."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in name)


def crc32_text(crc32: int) -> str:
    """Return a CRC-32 as text, as in manifests and results: ``crc32:9ae0daaf``."""
    return f"{CRC32}{crc32 & 0xFFFFFFFF:08x}"


def checksum_of(text: str | None) -> int | None:
    """Return the CRC-32 that ``crc32_text`` has written; None for the text of another algorithm."""
    if text is None or not text.startswith(CRC32):
        return None
    try:
        return int(text.removeprefix(CRC32), 16)
    except ValueError:
        return None


def spans(numbers: Iterable[int]) -> list[str]:
    """Return numbers as texts, each run of five or more in a row as one: ``1-64`` for 1, 2, 3 ... 64."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    shown = [[f"{run[0]}-{run[-1]}"] if len(run) > _LONG_RUN else map(str, run) for run in runs]
    return [text for texts in shown for text in texts]
