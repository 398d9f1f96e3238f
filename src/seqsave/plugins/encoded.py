"""Check encoded files: what a plugin's encoder returns, and what a caller passes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqsave.errors import ImageError, MetadataError
from seqsave.types import Encoded

__all__ = ["checked_file", "checked_result"]


def checked_file(data: Any, leftover: Any) -> Encoded:
    """Return the caller's encoded file, checked. Raises ImageError, MetadataError."""
    problem = _problem_of(Encoded(data=data, leftover={} if leftover is None else leftover))
    if problem is None:
        return Encoded(data=data, leftover=leftover or {})
    kind = MetadataError if "leftover" in problem else ImageError
    raise kind(f"this is not an encoded file: its {problem}")


def checked_result(encoded: Any) -> Encoded:
    """Return the result of a plugin's encoder, checked. Raises TypeError."""
    if not isinstance(encoded, Encoded):
        raise TypeError(f"it returned {type(encoded).__name__} and not seqsave.Encoded")
    problem = _problem_of(encoded)
    if problem is not None:
        raise TypeError(f"its {problem}")
    return encoded


def _problem_of(encoded: Encoded) -> str | None:
    """Return why the data cannot be published; None if it can."""
    if not isinstance(encoded.data, bytes | bytearray | memoryview):
        return f"data is {type(encoded.data).__name__} and not bytes"
    if not memoryview(encoded.data).nbytes:
        return "data is empty"
    leftover: Any = encoded.leftover
    is_text = isinstance(leftover, Mapping) and all(isinstance(text, str) for pair in leftover.items() for text in pair)
    if not is_text:
        return "leftover metadata is not text"
    return None
