"""Read the facts that a picture of Pillow still has from the file that it was opened from."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import replace
from numbers import Real
from typing import TYPE_CHECKING, Any

from seqsave.types import ImageInfo
from seqsave.wording import counted, shortened

if TYPE_CHECKING:
    from PIL.Image import Image

    from seqsave.types import ColorSpace

    Points = tuple[tuple[float, float], ...]

__all__ = ["WITHOUT_PROFILE", "stated_in"]

# Pixels of these modes become RGB, and their profile does not apply any more.
WITHOUT_PROFILE = frozenset(("CMYK", "LAB", "HSV"))
_ORIENTATION = 0x0112


def stated_in(image: Any, warn: Callable[[str, str], None]) -> ImageInfo | None:
    """Return the colours and the density that a picture of Pillow has from its file; None for other images.

    Its pixels are not turned: whether the program has done so cannot be known. ``warn`` is called with (kind, message)
    for an orientation, and for a density that is none.
    """
    module = sys.modules.get("PIL.Image")  # pictures of Pillow exist only after it is imported
    if module is None or not isinstance(image, module.Image):
        return None
    turn = _orientation(image)
    if turn != 1:
        left_out = f"a picture of Pillow states the orientation {turn}, which is left out"
        warn("orientation", f"{left_out}: PIL.ImageOps.exif_transpose turns it")
    return _colours_and_density(image, warn)


def _colours_and_density(image: Image, warn: Callable[[str, str], None]) -> ImageInfo | None:
    """Return what the picture states; None without any facts."""
    from seqsave.metadata import stated  # here, as numpy comes with it

    profile: Any = image.info.get("icc_profile")
    is_other = image.mode in WITHOUT_PROFILE
    profile = profile if isinstance(profile, bytes) and profile else None
    sides = _sides(image.info.get("dpi"))
    if sides is None:
        value = shortened(image.info["dpi"])
        allowed = "info['dpi'] must be two numbers above 0, pixels per inch across and down"
        warn("dpi", f"a picture of Pillow states the density {value}, which is left out: {allowed}")
    dpi, aspect = stated.density(*(sides or (0, 0)))
    color, gamma, primaries = (None, None, None) if profile is not None else _of_png(image, warn)
    if is_other and (color, gamma, primaries) != (None, None, None):
        advice = 'convert it to "RGB", and put them into its info'
        warn(
            "colours", f"a picture of Pillow in {image.mode} states the colours of a PNG, which are left out: {advice}"
        )
        color = gamma = primaries = None
    if (profile, dpi, color, gamma, primaries) == (None,) * 5:
        return None
    left = stated.only_named(profile, image.mode) if is_other else None
    info = stated.image_info(profile=None if is_other else profile, dpi=dpi, aspect=aspect, color=color, left=left)
    return info if gamma is None and primaries is None else replace(info, gamma=gamma, primaries=primaries)


def _of_png(image: Image, warn: Callable[[str, str], None]) -> tuple[ColorSpace | None, float | None, Points | None]:
    """Return the colours that a PNG file without a profile states: sRGB, which outranks the rest, or gAMA and cHRM."""
    from seqsave.pictures.color import COLOR_SPACES

    intent = image.info.get("srgb")
    if _numbers(intent) in ([0], [1], [2], [3]):
        return COLOR_SPACES["srgb"], None, None
    if intent is not None:
        allowed = "info['srgb'] must be the number of a rendering intent, 0 to 3"
        warn("srgb", f"a picture of Pillow states the srgb {shortened(intent)}, which is left out: {allowed}")
    found: dict[str, list[float]] = {}
    for name, count in (("gamma", 1), ("chromaticity", 8)):
        value = image.info.get(name)
        numbers = _numbers(value)
        if value is not None and len(numbers) != count:
            allowed = f"info[{name!r}] must be {counted(count, 'finite number')}"
            warn(name, f"a picture of Pillow states the {name} {shortened(value)}, which is left out: {allowed}")
        found[name] = numbers if len(numbers) == count else []
    gamma, values = next(iter(found["gamma"]), None), found["chromaticity"]
    white, *points = zip(values[::2], values[1::2], strict=True) if values else ((0.0, 0.0),)
    return None, gamma or None, (*points, white) if points else None


def _numbers(value: Any) -> list[float]:
    """Return the finite numbers of a value, which is one of them or several; [] for any other value."""
    if isinstance(value, (bytes, bytearray)):  # whose items are numbers too
        return []
    try:
        several = [value] if isinstance(value, Real) else [*value]
        numbers = [float(one) for one in several if isinstance(one, Real) and not isinstance(one, bool)]
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):  # a value of the program's own
        return []
    return numbers if len(numbers) == len(several) and all(map(math.isfinite, numbers)) else []


def _sides(value: Any) -> tuple[float, float] | None:
    """Return the two densities in Pillow's ``dpi``, (0, 0) if it stands for none; None for any other value."""
    if value is None:
        return 0, 0
    try:
        sides = () if isinstance(value, (bytes, bytearray)) else value  # whose items are numbers too
        across, down = (float(side) for side in sides if isinstance(side, Real) and not isinstance(side, bool))
        if len(value) == 2 and (across, down) in ((0, 0), (1, 1)):  # 1 stands for a TIFF file that states no density
            return 0, 0
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):  # a value of the program's own
        return None
    is_density = len(value) == 2 and 0 < across < math.inf and 0 < down < math.inf
    return (across, down) if is_density else None


def _orientation(image: Image) -> int:
    """Return Exif's Orientation of a picture of Pillow, 1 to 8; 1 if it has none."""
    if "exif" not in image.info and "xmp" not in image.info and "XML:com.adobe.xmp" not in image.info:
        return 1  # as nearly all that were not read from a file
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - Pillow's parsers raise any error for foreign bytes
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1
