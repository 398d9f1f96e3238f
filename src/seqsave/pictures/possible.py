"""Leave out the statements of a file that cannot be true, such as a negative density, so that others can be written."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seqsave.pictures.color import DAMAGED_PROFILE
from seqsave.pictures.fitting import WORDS, without

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from seqsave.types import ImageInfo

__all__ = ["possible"]

# Maps have less than one pixel per inch; the highest is that of the setting ``dpi``.
_DENSITIES = (0.01, 100_000.0)
_ASPECTS = (1 / 1000, 1000.0)
# Numbers of ITU-T H.273 have eight bits. PNG counts gamma in 1/100,000 with 31 bits.
_MOST_NUMBER, _GAMMAS = 255, (1 / 100_000, 21_474.0)
# No camera's or encoding's primaries are so far from the visible ones.
_FARTHEST, _LEAST_AREA = 10.0, 1e-6
# XML has no place for these, and no text needs them.
_CONTROLS = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def possible(info: ImageInfo) -> tuple[ImageInfo, tuple[tuple[str, str], ...]]:
    """Return what a file states without values that cannot be true, and (kind, message) of each of them.

    A damaged ICC profile is one of them. Control characters in tags are removed without a message; NUL, which separates
    two texts in Exif, becomes "; ".
    """
    wrong = {name: value for name, is_possible in _CHECKS.items() if not is_possible(value := getattr(info, name))}
    notes = tuple(
        (f"lost {name}", f"left out, as it cannot be true: {WORDS[name]} {_spelled(value)}")
        for name, value in wrong.items()
    )
    if DAMAGED_PROFILE in info.attributes:
        notes += (("lost icc", f"left out, as it is damaged: {WORDS['icc']}"),)
        sound = {name: value for name, value in info.attributes.items() if name != DAMAGED_PROFILE}
        info = replace(info, attributes=sound)
    tags = {name: cleaned for name, text in info.tags.items() if (cleaned := _cleaned(text))}
    return without(info if tags == info.tags else replace(info, tags=tags), tuple(wrong)), notes


def _within(limits: tuple[float, float]) -> Callable[[float | None], bool]:
    low, high = limits
    return lambda value: value is None or low <= value <= high  # False for NaN


def _are_numbers(cicp: Sequence[int] | None) -> bool:
    return cicp is None or all(0 <= number <= _MOST_NUMBER for number in cicp)


def _are_primaries(points: Sequence[Sequence[float]] | None) -> bool:
    """Return whether primaries make up a triangle, and the white is a colour."""
    if points is None:
        return True
    if len(points) != 4 or not all(len(point) == 2 for point in points):
        return False
    values = [value for point in points for value in point]
    if not all(math.isfinite(value) and abs(value) <= _FARTHEST for value in values):
        return False
    (red_x, red_y), (green_x, green_y), (blue_x, blue_y), (_x, white_y) = points
    area = (green_x - red_x) * (blue_y - red_y) - (blue_x - red_x) * (green_y - red_y)
    return abs(area) > _LEAST_AREA and white_y > 0


_CHECKS: Mapping[str, Callable[[Any], bool]] = {
    "dpi": _within(_DENSITIES),
    "pixel_aspect": _within(_ASPECTS),
    "cicp": _are_numbers,
    "gamma": _within(_GAMMAS),
    "primaries": _are_primaries,
}


def _spelled(value: Any) -> str:
    parts = value if isinstance(value, tuple) else (value,)
    flat = [one for part in parts for one in (part if isinstance(part, tuple) else (part,))]
    return ", ".join(f"{number:g}" for number in flat)


def _cleaned(text: str) -> str:
    if not _CONTROLS.search(text) and "\r" not in text:
        return text
    lines = text.strip("\0").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "; ")
    return _CONTROLS.sub(_of_windows, lines).strip()


def _of_windows(found: re.Match[str]) -> str:
    """Return the character that Windows has at this place, such as a dash, if the text was read as Latin-1."""
    code = ord(found[0])
    return bytes((code,)).decode("cp1252", "ignore") if 0x80 <= code <= 0x9F else ""
