"""Read the facts that a picture of Pillow still has from the file that it was opened from."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from seqsave.types import ImageInfo

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["WITHOUT_PROFILE", "stated_in"]

# Pixels of CMYK become RGB, and their profile does not apply any more.
WITHOUT_PROFILE = frozenset(("CMYK", "LAB", "HSV"))
_ORIENTATION = 0x0112


def stated_in(image: Any, warn: Callable[[str, str], None]) -> ImageInfo | None:
    """Return the colours and the density that a picture of Pillow has from its file; None for other images.

    Its pixels are not turned: whether the program has done so cannot be known. ``warn`` is called with (kind, message)
    for an orientation.
    """
    module = sys.modules.get("PIL.Image")  # pictures of Pillow exist only after it is imported
    if module is None or not isinstance(image, module.Image):
        return None
    turn = _orientation(image)
    if turn != 1:
        left_out = f"a picture of Pillow states the orientation {turn}, which is left out"
        warn("orientation", f"{left_out}: PIL.ImageOps.exif_transpose turns it")
    return _colours_and_density(image)


def _colours_and_density(image: Image) -> ImageInfo | None:
    """Return what the picture states; None without any facts."""
    from seqsave.metadata import stated  # here, as numpy comes with it

    profile: Any = image.info.get("icc_profile")
    is_other = image.mode in WITHOUT_PROFILE
    profile = profile if isinstance(profile, bytes) and profile else None
    try:
        across, down = (float(side) for side in image.info.get("dpi") or (0, 0))
        dpi, aspect = stated.density(across, down) if (across, down) != (1, 1) else (None, None)
    except (TypeError, ValueError, ZeroDivisionError):  # a value of the program's own
        dpi, aspect = None, None
    if profile is None and dpi is None:
        return None
    left = stated.only_named(cmyk=profile if is_other else None)
    return stated.image_info(profile=None if is_other else profile, dpi=dpi, aspect=aspect, left=left)


def _orientation(image: Image) -> int:
    """Return Exif's Orientation of a picture of Pillow, 1 to 8; 1 if it has none."""
    if "exif" not in image.info and "xmp" not in image.info and "XML:com.adobe.xmp" not in image.info:
        return 1  # as nearly all that were not read from a file
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - Pillow's parsers raise any error for foreign bytes
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1
