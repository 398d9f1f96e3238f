"""Read what the header of an EXR file states of the picture, and write it into another header."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import OpenEXR

from seqsave import COLOR_SPACES, ImageInfo
from seqsave.metadata import exif
from seqsave.metadata.xmp import others_in, tags_in
from seqsave_exr.attributes import checked
from seqsave_exr.channels import base_of
from seqsave_exr.planes import INTEGERS, KINDS
from seqsave_exr.raw import Raw

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seqsave.types import ColorSpace
    from seqsave_exr.header import Attribute, Header

__all__ = ["FORMAT", "INTEROP_IDS", "ORDER", "RESERVED", "TAGS", "of_parts", "raw_of", "stated_in", "written"]

FORMAT = "exr"
"""``attributes_of`` of the statements of this format."""
ORDER = "seqsave:channels"
"""The attribute with the order of channels, written if it differs from the reading order."""
EXIF = "exif"
"""The attribute with a block of Exif data, of the type ``blob``, as darktable and GIMP write and read it."""

TAGS = {"artist": "Artist", "copyright": "owner", "description": "comments", "software": "Software"}
INTEROP_IDS = {
    "srgb": "srgb_rec709_scene",
    "rec709": "ocio:itu709_rec709_scene",
    "display-p3": "srgb_p3d65_scene",
    "rec2100-pq": "pq_rec2020_display",
    "rec2100-hlg": "hlg_rec2020_display",
    "linear-srgb": "lin_rec709_scene",
    "linear-p3": "lin_p3d65_scene",
    "linear-rec2020": "lin_rec2020_scene",
    "acescg": "lin_ap1_scene",
    "aces2065-1": "lin_ap0_scene",
}
_DISPLAY_IDS = {"srgb": "srgb_rec709_display", "display-p3": "srgb_p3d65_display"}
_SPACES = {name: COLOR_SPACES[space] for names in (INTEROP_IDS, _DISPLAY_IDS) for space, name in names.items()}

# Attributes that describe how the file is stored, or that every encoder writes itself.
_STORAGE = frozenset(
    (
        *("channels", "compression", "dataWindow", "displayWindow", "lineOrder", "pixelAspectRatio", "preview"),
        *("tiles", "type", "name", "version", "chunkCount", "maxSamplesPerPixel", "dwaCompressionLevel"),
        *("chromaticities", "framesPerSecond", "imageCounter", "xDensity", "xmp", EXIF, *TAGS.values(), ORDER),
    )
)
# Further attributes of the standard, which are never metadata.
_STANDARD = frozenset(
    (
        *("screenWindowCenter", "screenWindowWidth", "view", "timeCode", "whiteLuminance", "adoptedNeutral"),
        *("utcOffset", "longitude", "latitude", "altitude", "focus", "expTime", "aperture", "isoSpeed", "envmap"),
        *("keyCode", "multiView", "worldToCamera", "worldToNDC", "deepImageState", "originalDataWindow"),
        *("colorInteropID", "capDate", "reelName", "wrapmodes", "cameraMake", "cameraModel", "cameraSerialNumber"),
        *("cameraFirmwareVersion", "cameraUuid", "cameraLabel", "lensMake", "lensModel", "lensSerialNumber"),
        *("lensFirmwareVersion", "ascFramingDecisionList", "imageFileName"),
    )
)
RESERVED = _STORAGE | _STANDARD
"""Attributes of the format itself: metadata of these names are neither written nor read."""

_BLOB = "blob"
# Single precision, and what people write of a chromaticity.
_NEAR = 0.0005
_NUMBERS = {
    kind: f"<{letter}"
    for letter, kinds in {
        "i4": ("int", "v2i", "v3i"),
        "f4": ("float", "v2f", "v3f", "m33f", "m44f"),
        "f8": ("double", "v2d", "v3d", "m33d", "m44d"),
    }.items()
    for kind in kinds
}


def stated_in(data: bytes, header: Header, names: tuple[str, ...], texts: Mapping[str, str]) -> ImageInfo:
    """Return what the header states. names: of the channels, in the array's order. texts: the metadata."""
    found = header.attributes
    color, primaries = _color(data, found)
    rate = _value(data, found["framesPerSecond"]) if "framesPerSecond" in found else None
    aspect = _number(data, found, "pixelAspectRatio")
    left, top, right, bottom = header.display
    is_whole = header.display == header.window and (left, top) == (0, 0)
    is_empty = right < left or bottom < top
    kept = _attributes(data, header, texts)
    layer = _layer(data, found)
    block = _exif(data, found)
    comment = exif.facts_in(block).comment
    return ImageInfo(
        color=color,
        primaries=primaries,
        alpha="associated" if any(base_of(name) == "A" for name in names) else None,
        channels=() if names in (("Y",), ("Y", "A"), ("R", "G", "B"), ("R", "G", "B", "A")) else names,
        layer=layer,
        origin=None if is_whole or is_empty else header.window[:2],
        display=None if is_whole or is_empty else (left, top, right - left + 1, bottom - top + 1),
        pixel_aspect=aspect if aspect is not None and aspect > 0 and aspect != 1 else None,
        dpi=_number(data, found, "xDensity"),
        rate=rate if isinstance(rate, Fraction) and rate > 0 else None,
        tags=_tags(data, found),
        exif=exif.kept(block) if block else None,
        texts={exif.COMMENT: comment} if comment and not exif.is_generation(comment) else {},
        xmp=others_in(data[found["xmp"].start : found["xmp"].end]) if "xmp" in found else None,
        attributes=kept,
        attributes_of=FORMAT if kept else "",
    )


def _exif(data: bytes, found: Mapping[str, Attribute]) -> bytes:
    """Return the block of Exif data; b"" without one."""
    if EXIF not in found or found[EXIF].kind != _BLOB:
        return b""
    raw = data[found[EXIF].start : found[EXIF].end]
    return raw[4 : 4 + int.from_bytes(raw[:4], "little")]


def _layer(data: bytes, found: Mapping[str, Attribute]) -> str | None:
    """Return the name of the part, or the view whose channels have no layer: the first one of several."""
    name = _value(data, found["name"]) if "name" in found else None
    views = _value(data, found["multiView"]) if "multiView" in found else None
    named = name or (views[0] if views else None)
    return named if isinstance(named, str) and named else None


def of_parts(found: Mapping[str, ImageInfo]) -> ImageInfo:
    """Return what the parts of a file state together, by their names: the first one, and where others differ from it.

    An attribute of another part that differs is kept under the name of the part: ``depth.owner``. Channels and windows
    are those of the first part, which the caller replaces.
    """
    first, *others = found.values()
    kept = dict(first.attributes)
    for name, one in zip(list(found)[1:], others, strict=True):
        kept |= {
            f"{name}.{key}": value for key, value in _all_of(one).items() if not _is_same(_all_of(first), key, value)
        }
    alpha = next((one.alpha for one in found.values() if one.alpha is not None), None)
    return replace(first, alpha=alpha, attributes=kept, attributes_of=FORMAT if kept else "")


def _all_of(info: ImageInfo) -> dict[str, Any]:
    rate = {} if info.rate is None else {"framesPerSecond": info.rate}
    return {**{TAGS[tag]: text for tag, text in info.tags.items() if tag in TAGS}, **rate, **info.attributes}


def _is_same(first: Mapping[str, Any], name: str, value: Any) -> bool:
    return name in first and repr(first[name]) == repr(value)


def written(info: ImageInfo, width: int, height: int) -> dict[str, Any]:
    """Return the attributes of a header that states the same, as far as no field of FrameInfo does.

    width, height: of the picture in pixels.

    Raises OptionError for an attribute that EXR files do not hold.
    """
    header: dict[str, Any] = {}
    if info.attributes_of == FORMAT:
        others = {name: value for name, value in info.attributes.items() if name not in (KINDS, INTEGERS)}
        stated = checked(others, _STORAGE)
        header |= {name: value for name, value in stated.items() if not isinstance(value, Raw)}
    if info.layer is not None and "multiView" not in header:  # which names the layer itself
        header["name"] = info.layer
    if info.display is not None:
        left, top, across, down = info.display
        x, y = info.origin or (left, top)
        header["displayWindow"] = _corners(left, top, left + across - 1, top + down - 1)
        header["dataWindow"] = _corners(x, y, x + width - 1, y + height - 1)
    if info.pixel_aspect is not None:
        header["pixelAspectRatio"] = float(info.pixel_aspect)
    if info.primaries is not None and info.color is None:
        header["chromaticities"] = tuple(float(value) for point in info.primaries for value in point)
    return header


def raw_of(info: ImageInfo) -> dict[str, Raw]:
    """Return the attributes that the library cannot write."""
    own = info.attributes if info.attributes_of == FORMAT else {}
    found = {name: value for name, value in own.items() if isinstance(value, Raw)}
    block = exif.describe({}, None, camera=info.exif, texts=info.texts)
    return {**found, EXIF: Raw(_BLOB, struct.pack("<I", len(block)) + block)} if block else found


def _corners(left: int, top: int, right: int, bottom: int) -> Any:
    return np.array((left, top), np.int32), np.array((right, bottom), np.int32)


def _color(
    data: bytes, found: Mapping[str, Attribute]
) -> tuple[ColorSpace | None, tuple[tuple[float, float], ...] | None]:
    """Return the named colour space, or the primaries of another one.

    Values of an EXR are proportional to light, unless colorInteropID names another space.
    """
    name = _value(data, found["colorInteropID"]) if "colorInteropID" in found else None
    if name in _SPACES:
        return _SPACES[name], None
    values = _value(data, found["chromaticities"]) if "chromaticities" in found else None
    if not isinstance(values, tuple):
        return None, None
    points = tuple(zip(values[::2], values[1::2], strict=True))
    if isinstance(name, str) and name not in ("", "unknown") and not name.rpartition(":")[2].startswith("lin_"):
        return None, points  # values that are not proportional to light
    for space in COLOR_SPACES.values():
        pairs = zip(points, space.primaries, strict=True)
        if space.transfer == "linear" and all(abs(a[0] - b[0]) < _NEAR and abs(a[1] - b[1]) < _NEAR for a, b in pairs):
            return space, None
    return None, points


def _tags(data: bytes, found: Mapping[str, Attribute]) -> dict[str, str]:
    own = {tag: _value(data, found[name]) for tag, name in TAGS.items() if name in found}
    texts = {tag: text for tag, text in own.items() if isinstance(text, str) and text}
    packet = data[found["xmp"].start : found["xmp"].end] if "xmp" in found else b""
    return {**texts, **tags_in(packet)}


# What every file has, unless a camera was set up in another way.
_DEFAULTS = {"screenWindowCenter": b"\0" * 8, "screenWindowWidth": struct.pack("<f", 1)}


def _attributes(data: bytes, header: Header, texts: Mapping[str, str]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, attribute in header.attributes.items():
        if name in _STORAGE or (name in texts and _is_metadata(name, texts[name])):
            continue
        if _DEFAULTS.get(name) == data[attribute.start : attribute.end]:
            continue
        if name == "colorInteropID" and _value(data, attribute) in _SPACES:
            continue  # the colour space
        raw = data[attribute.start : attribute.end]
        is_known = attribute.kind in _READERS or attribute.kind in _NUMBERS
        value = _value(data, attribute) if is_known else Raw(attribute.kind, raw)
        is_empty = isinstance(value, list) and not value
        if (value is None and attribute.kind == "string") or is_empty:
            value = Raw(attribute.kind, raw)  # not in UTF-8; the library cannot write empty lists
        if value is not None:
            kept[name] = value
    return kept


def _is_metadata(name: str, text: str) -> bool:
    """Return True for a text that ComfyUI or seqsave has embedded, which only files with metadata get."""
    if name in ("prompt", "workflow", "parameters"):
        return True
    try:
        return isinstance(json.loads(text), dict | list | str)
    except (ValueError, RecursionError):
        return False


def _number(data: bytes, found: Mapping[str, Attribute], name: str) -> float | None:
    value = _value(data, found[name]) if name in found else None
    return float(value) if isinstance(value, float) and np.isfinite(value) else None


def _value(data: bytes, attribute: Attribute) -> Any:
    """Return a value as the library takes it; None for a damaged one, and for a type that cannot be written."""
    raw = data[attribute.start : attribute.end]
    try:
        return _READERS[attribute.kind](raw) if attribute.kind in _READERS else _numbers(raw, attribute.kind)
    except (struct.error, ValueError, ZeroDivisionError, UnicodeDecodeError):
        return None


def _numbers(raw: bytes, kind: str) -> Any:
    if kind not in _NUMBERS:
        return None
    values = np.frombuffer(raw, _NUMBERS[kind])
    if kind in ("int", "float"):
        return values.item()
    if kind.startswith("m"):
        side = int(kind[1])
        return values.reshape(side, side).copy()
    return values.copy() if values.size == (1 if kind == "double" else int(kind[1])) else None


def _rational(raw: bytes) -> Fraction:
    return Fraction(*struct.unpack("<iI", raw))


def _strings(raw: bytes) -> list[str]:
    texts, place = [], 0
    while place < len(raw):
        (size,) = struct.unpack_from("<i", raw, place)
        if not 0 <= size <= len(raw) - place - 4:
            raise ValueError("a text that ends beyond its attribute")
        texts.append(raw[place + 4 : place + 4 + size].decode())
        place += 4 + size
    return texts


def _box(kind: str, raw: bytes) -> Any:
    values = np.frombuffer(raw, kind)
    return (values[:2].copy(), values[2:].copy()) if values.size == 4 else None


def _time_code(raw: bytes) -> Any:
    """SMPTE ST 12-1 binary-coded decimals, as OpenEXR packs them."""
    time, user = struct.unpack("<II", raw)
    frame, seconds, minutes, hours = (
        10 * (time >> shift + 4 & mask) + (time >> shift & 15) for shift, mask in ((0, 3), (8, 7), (16, 7), (24, 3))
    )
    flags = (bool(time >> bit & 1) for bit in (6, 7, 15, 23, 30, 31))
    groups = (user >> 4 * place & 15 for place in range(8))
    made: Any = OpenEXR.TimeCode
    return made(hours, minutes, seconds, frame, *flags, *groups)


def _key_code(raw: bytes) -> Any:
    made: Any = OpenEXR.KeyCode
    return made(*struct.unpack("<7i", raw))


_READERS: dict[str, Callable[[bytes], Any]] = {
    "string": lambda raw: raw.decode(),
    "rational": _rational,
    "chromaticities": lambda raw: struct.unpack("<8f", raw),
    "stringvector": _strings,
    "floatvector": lambda raw: [float(value) for value in np.frombuffer(raw, "<f4")],
    "box2i": lambda raw: _box("<i4", raw),
    "box2f": lambda raw: _box("<f4", raw),
    "timecode": _time_code,
    "keycode": _key_code,
}
