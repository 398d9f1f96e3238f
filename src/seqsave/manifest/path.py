"""The path of a sequence's manifest, and the parts of names that the manifest states."""

from __future__ import annotations

from seqsave import naming

__all__ = ["names_of", "path_of", "unusual"]


def path_of(folder: str, name: naming.NamePattern) -> str:
    """Return the path of a sequence's manifest below the target: ``shots/.seqsave/frame.png.json``.

    For names that the default settings do not make, ``@`` stands for the number: ``.seqsave/shot.@.exr.json``. Both
    Unicode forms of the names have one manifest, as they are those of one sequence.
    """
    stem = name.head.removesuffix(naming.SEPARATOR) if name.is_usual else f"{name.head}@{name.tail}"
    return naming.join(folder, f"{naming.PRIVATE_FOLDER}/{naming.normalized(stem)}.{name.extension.lower()}.json")


def names_of(file: str) -> list[naming.NamePattern]:
    """Return the names of frames that a manifest of this file name may be about, without their digits.

    Several for a name with ``@``, which stands for the number or for itself; none for names of other files.
    """
    stem, extension = naming.split_extension(file.removesuffix(".json"))
    if not file.endswith(".json") or not extension:
        return []
    numbers = [at for at, character in enumerate(stem) if character == "@"]
    parts = [(f"{stem}{naming.SEPARATOR}", ""), *((stem[:at], stem[at + 1 :]) for at in numbers)]
    return [naming.NamePattern(head, 0, tail, extension) for head, tail in parts]


def unusual(separator: str, tail: str) -> dict[str, str]:
    """Return the values that a manifest states only for names that the default settings do not make."""
    return {} if separator == naming.SEPARATOR and not tail else {"separator": separator, "tail": tail}
