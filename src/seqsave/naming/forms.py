"""The two Unicode forms of a name: ``é`` as one character, or as ``e`` and an accent, as macOS writes names.

They are one name here, on every storage; a storage that compares bytes may have both.
"""

from __future__ import annotations

import unicodedata

from seqsave.naming.pattern import normalized

__all__ = ["distinct", "in_words", "other_forms"]


def other_forms(name: str) -> tuple[str, ...]:
    """Return the name in Unicode's other forms, the composed one first; () for most names, which have one form."""
    if name.isascii():
        return ()
    forms = (normalized(name), unicodedata.normalize("NFD", name))
    return tuple(form for form in dict.fromkeys(forms) if form != name)


def in_words(name: str) -> str:
    """Return which form a name has: ``composed``, ``decomposed``, or ``partly composed``."""
    if name == normalized(name):
        return "composed"
    return "decomposed" if name == unicodedata.normalize("NFD", name) else "partly composed"


def distinct(name: str, other: str) -> tuple[str, str]:
    """Return two names for a message; names that look the same are followed by their forms."""
    if name == other or normalized(name) != normalized(other):
        return name, other
    return f"{name} (in Unicode's {in_words(name)} form)", f"{other} ({in_words(other)})"
