"""The extensions of files that can be read as frames, known without the code that reads them."""

from __future__ import annotations

from seqsave.plugins import registry

__all__ = ["ANIMATED", "VIDEOS", "readable_extensions"]

# Formats that Pillow reads on every platform, in addition to those of the encoders.
_BY_PILLOW = (
    "apng avif avifs bmp dib dds gif ico j2k jfif jp2 jpe jpeg jpg jpx pbm pcx pgm png pnm ppm psd qoi rgb sgi tga tif "
    "tiff webp xbm"
)

ANIMATED = frozenset(("apng", "avif", "avifs", "gif", "png", "webp"))
"""Extensions of files that may contain several pictures, one after the other in time."""

VIDEOS = frozenset(
    "3gp asf avi f4v flv m2ts m4v mkv mov mp4 mpeg mpg mts mxf ogv ts vob webm wmv y4m".split()  # noqa: SIM905
)
"""Extensions of videos."""


def readable_extensions() -> frozenset[str]:
    """Return the extensions, in lower case and without dots, of the files that can be read as pictures here."""
    ours = {extension for info in registry.describe_filetypes() for extension in info.spec.extensions}
    return frozenset(_BY_PILLOW.split()) | ours
