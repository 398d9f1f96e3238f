"""Convert pictures of four inks (CMYK) to sRGB by the ICC profile that their file states."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["as_srgb"]


def as_srgb(picture: Image, profile: bytes) -> Image | None:
    """Return a picture of the mode CMYK as sRGB; None for a profile that does not apply, and without LittleCMS.

    Colours keep their relation to white, and the darkest ink becomes black.
    """
    try:
        from PIL import ImageCms

        flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
        intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
        source, wanted = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(picture, source, wanted, renderingIntent=intent, outputMode="RGB", flags=flags)
    except Exception:  # noqa: BLE001 - what LittleCMS says of foreign bytes has no common class
        return None
