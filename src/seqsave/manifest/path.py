"""Where the manifest of a sequence lies, and which of its names it states."""

from __future__ import annotations

from seqsave import naming

__all__ = ["path_of", "unusual"]


def path_of(folder: str, name: naming.NamePattern) -> str:
    """Return where the manifest of a sequence lies below the target: ``shots/.seqsave/frame.png.json``.

    Of names that the default settings do not make, an ``@`` stands for the number: ``.seqsave/shot.@.exr.json``.
    """
    stem = name.head.removesuffix(naming.SEPARATOR) if name.is_usual else f"{name.head}@{name.tail}"
    path = f"{naming.PRIVATE_FOLDER}/{stem}.{name.extension.lower()}.json"
    return f"{folder}/{path}" if folder else path


def unusual(separator: str, tail: str) -> dict[str, str]:
    """Return the values that a manifest states only of names that the default settings do not make."""
    return {} if separator == naming.SEPARATOR and not tail else {"separator": separator, "tail": tail}
