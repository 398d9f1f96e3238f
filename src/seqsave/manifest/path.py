"""The path of a sequence's manifest, and the parts of names that the manifest states."""

from __future__ import annotations

from seqsave import naming

__all__ = ["path_of", "unusual"]


def path_of(folder: str, name: naming.NamePattern) -> str:
    """Return the path of a sequence's manifest below the target: ``shots/.seqsave/frame.png.json``.

    For names that the default settings do not make, ``@`` stands for the number: ``.seqsave/shot.@.exr.json``.
    """
    stem = name.head.removesuffix(naming.SEPARATOR) if name.is_usual else f"{name.head}@{name.tail}"
    path = f"{naming.PRIVATE_FOLDER}/{stem}.{name.extension.lower()}.json"
    return f"{folder}/{path}" if folder else path


def unusual(separator: str, tail: str) -> dict[str, str]:
    """Return the values that a manifest states only for names that the default settings do not make."""
    return {} if separator == naming.SEPARATOR and not tail else {"separator": separator, "tail": tail}
