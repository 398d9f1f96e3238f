"""Kinds of files by their extensions, whether or not seqsave reads the format."""

from __future__ import annotations

__all__ = ["ARCHIVES", "MOVIES", "PICTURES", "kind_of_extension"]

PICTURES = frozenset(
    (
        "apng", "avif", "avifs", "bmp", "cin", "dds", "dib", "dng", "dpx", "exr", "gif", "hdr",
        "heic", "heif", "ico", "iff", "j2c", "j2k", "jfif", "jp2", "jpe", "jpeg", "jpg", "jpx",
        "jxl", "jxr", "pam", "pbm", "pcx", "pfm", "pgm", "pic", "png", "pnm", "ppm", "psd",
        "qoi", "rat", "rgb", "rgba", "sgi", "sxr", "tga", "tif", "tiff", "tx", "webp", "xbm",
    )
)  # fmt: skip
MOVIES = frozenset(
    (
        "avi", "flv", "gifv", "m2ts", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "mts", "mxf",
        "ogv", "ts", "webm", "wmv", "y4m",
    )
)  # fmt: skip
ARCHIVES = frozenset(
    (
        "7z", "bz2", "gz", "rar", "tar", "tbz", "tgz", "txz", "xz", "zip", "zst",
    )
)  # fmt: skip


def kind_of_extension(extension: str) -> str:
    """Return ``"picture"``, ``"movie"`` or ``"archive"``; ``""`` for other extensions."""
    extension = extension.casefold()
    if extension in PICTURES:
        return "picture"
    if extension in MOVIES:
        return "movie"
    return "archive" if extension in ARCHIVES else ""
