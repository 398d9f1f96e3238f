"""The brightness of a picture's content, and of the display on which it was made, for high dynamic range.

The values of ``ImageInfo.light`` are whole numbers: ``max_content`` and ``max_average`` (CTA-861.3), ``max_display``
and ``min_display`` in 1/10,000 candela per square metre, and CIE 1931 x and y of the colours of that display in
1/50,000 (SMPTE ST 2086), ``red_x`` to ``white_y``.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["content_in", "content_of", "display_in", "display_of"]

_CONTENT = ("max_content", "max_average")
_LIMITS = ("max_display", "min_display")


def _points(order: str) -> tuple[str, ...]:
    names = {letter: name for name in ("red", "green", "blue") for letter in name[0]}
    return tuple(f"{name}_{axis}" for name in (*(names[letter] for letter in order), "white") for axis in "xy")


def content_of(light: Mapping[str, int]) -> tuple[int, int] | None:
    """Return the brightest pixel and the brightest average of a frame, or None if they are not stated."""
    values = tuple(light.get(name, 0) for name in _CONTENT)
    return (values[0], values[1]) if any(values) else None


def content_in(pixel: int, average: int) -> dict[str, int]:
    """Return what two numbers state; 0 states nothing."""
    return {name: value for name, value in zip(_CONTENT, (pixel, average), strict=True) if value}


def display_of(light: Mapping[str, int], order: str) -> bytes | None:
    """Return the 24 bytes that describe a display, or None if it is not stated. order: of its colours, as ``"rgb"``."""
    names = _points(order)
    if not all(name in light for name in (*names, *_LIMITS)):
        return None
    return struct.pack(">8H2I", *(light[name] for name in (*names, *_LIMITS)))


def display_in(data: bytes, order: str) -> dict[str, int]:
    """Return what the 24 bytes of a display state; nothing if they are too few."""
    if len(data) < 24:
        return {}
    return dict(zip((*_points(order), *_LIMITS), struct.unpack_from(">8H2I", data), strict=True))
