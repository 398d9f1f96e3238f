"""Say in words, and as JSON values, what a file states of its picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from seqsave.metadata import icc
from seqsave.wording import first_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqsave.types import ImageInfo

__all__ = ["color_of", "document_of", "others_of", "types_of"]


def color_of(info: ImageInfo) -> str | None:
    """Return the colour space in words, as ``display-p3`` or ``ICC profile "Adobe RGB"``; None if none is stated."""
    parts: list[str] = []
    if info.color is not None:
        parts.append(info.color.name)
    if info.cicp is not None:
        parts.append(f"primaries {info.cicp[0]} and transfer {info.cicp[1]} of ITU-T H.273")
    if info.icc is not None:
        parts.append(f'ICC profile "{icc.describe(info.icc) or "without a name"}"')
    if info.gamma is not None:
        parts.append(f"gamma {info.gamma:g}")
    if info.primaries is not None:
        parts.append("primaries " + " ".join(f"{x:.4g},{y:.4g}" for x, y in info.primaries))
    return ", ".join(parts) or None


def others_of(info: ImageInfo) -> str:
    """Return everything else that a file states in words, ``""`` for nothing. Of texts it has the names only."""
    return ", ".join(_others(info))


def _others(info: ImageInfo) -> Iterator[str]:
    if info.alpha is not None:
        yield f"{info.alpha} alpha"
    if info.display is not None:
        left, top, width, height = info.display
        yield f"a window of {width}x{height}+{left}+{top}"
    if info.pixel_aspect is not None:
        yield f"pixel aspect {info.pixel_aspect:g}"
    if info.dpi is not None:
        yield f"{info.dpi:g} pixels per inch"
    names = [*sorted(info.tags), *sorted(info.texts), *_facts(info)]
    blocks = (("Exif", info.exif), ("XMP", info.xmp), ("IPTC", info.iptc), ("brightness", info.light))
    names += [name for name, value in blocks if value]
    if names:
        yield first_of(names, 20)


def types_of(info: ImageInfo) -> dict[str, str]:
    """Return the dtypes of the channels by name, if they differ."""
    found = info.attributes.get(".types")
    return dict(found) if isinstance(found, Mapping) else {}


def document_of(info: ImageInfo) -> dict[str, Any]:
    """Return what a file states beside colour and rate as JSON values. Of texts it has the names only."""
    return {
        "alpha": info.alpha,
        "origin": None if info.origin is None else list(info.origin),
        "display": None if info.display is None else list(info.display),
        "pixel_aspect": info.pixel_aspect,
        "dpi": info.dpi,
        "light": dict(info.light),
        "tags": dict(info.tags),
        "texts": sorted(info.texts),
        "attributes": _facts(info),
        "exif": info.exif is not None,
        "xmp": info.xmp is not None,
        "iptc": info.iptc is not None,
    }


def _facts(info: ImageInfo) -> list[str]:
    """Return the names of the attributes, without those that describe how the file is stored."""
    return sorted(name for name in info.attributes if not name.startswith("."))
