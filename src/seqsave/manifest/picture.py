"""The record of a picture's pixel format, with the JSON that it is written as."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from seqsave.manifest.checked import Reader

__all__ = ["Picture"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The format of a frame's pixels: width and height in pixels, channels, and the numpy name of the dtype."""

    width: int
    height: int
    channels: int
    dtype: str

    @classmethod
    def of(cls, shape: Sequence[int], dtype: object) -> Picture:
        """Return the format of an array with this shape, H,W,C, and this dtype, or its name."""
        height, width, channels = shape
        return cls(width=width, height=height, channels=channels, dtype=str(dtype))

    def as_document(self) -> dict[str, Any]:
        """Return JSON values; ``from_document`` reads them."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: Any, what: str) -> Picture | None:
        """Return the record; None for null. Raises ManifestError."""
        if document is None:
            return None
        inner = Reader(document, f"the picture of {what}")
        width, height, channels = (inner.number(name, least=1) for name in ("width", "height", "channels"))
        return cls(width=width, height=height, channels=channels, dtype=inner.text("dtype"))
