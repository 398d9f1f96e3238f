"""Write and read named texts in an Exif block, in the way that ComfyUI's front end reads them from WebP and AVIF files.

The convention: IFD0 has one ASCII value per text, ``name:text``. ``prompt`` is in tag 0x0110 (Model), ``workflow`` in
0x010F (Make), further names in 0x010E and downwards. The layout is that of TIFF 6.0, on which Exif is based (CIPA
DC-008): little endian, entries in ascending order of tags, values at even offsets.

A text ``parameters`` (``seqsave.metadata.parameters``) is the UserComment of the Exif IFD instead, where galleries look
for it: UTF-16, big endian whatever the order of the block, as the AUTOMATIC1111 web UI writes and reads it.

Pillow's ``Image.Exif`` cannot replace this module. It writes every tag in the type that TIFF defines for it, which is
no text for many tags below 0x010D; its lower-level writer takes 1.5 ms per frame, twenty times as long; and its reader
copies the value of every entry, so that a small block of overlapping values takes any amount of memory.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, NamedTuple

from seqsave.metadata import ifd
from seqsave.metadata.ifd import ASCII, EXIF, LONG, RATIONAL, SHORT, UNDEFINED, UTF8, Directory, Field
from seqsave.metadata.parameters import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["JPEG_LIMIT", "Facts", "describe", "facts_in", "fields_of", "is_generation", "kept", "pack", "unpack"]

JPEG_LIMIT = 65_533
"""Bytes that one JPEG segment can hold: its length field has 16 bits and counts its own two bytes."""
COMMENT = "UserComment"
"""The name among ``ImageInfo.texts`` of the comment in an Exif block."""

_HEADER = b"Exif\0\0"
_PROMPT_TAG = 0x0110
_WORKFLOW_TAG = 0x010F
_USER_COMMENT = 0x9286
_UNICODE = b"UNICODE\0"
# What a text of generation parameters has, and a camera's comment has not.
_SIGN = "Steps: "
_DESCRIPTIVE = {"description": 0x010E, "software": 0x0131, "artist": 0x013B, "copyright": 0x8298}
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
_INCH, _CENTIMETRE = 2, 3
_MOST_LONG = (1 << 32) - 1
_COLOR_SPACE = 0xA001
_CONVENTION = re.compile(r"[\w.-]{1,79}:[\[{\"]")
# Tags that state how the file is stored (TIFF 6.0), that the other fields of ImageInfo state, or that turning the
# picture upright makes wrong. 0x02BC and 0x8773 are XMP and a profile, 0x8649 and 0x83BB blocks of other programs.
_OF_STORAGE = frozenset(
    (
        *range(0x00FE, 0x0107),
        *(0x010A, 0x0111, 0x0112, 0x0115, 0x0116, 0x0117, 0x0118, 0x0119, 0x011C, 0x013D, 0x0140, 0x0142, 0x0143),
        *(0x0144, 0x0145, 0x014A, 0x0152, 0x0153, 0x015B, 0x0201, 0x0202, 0x0211, 0x0212, 0x0213, 0x0214),
        *(_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT, *_DESCRIPTIVE.values()),
        *(0x02BC, 0x83BB, 0x8649, 0x8773, 0xEA1C, 0xC4A5, 0x935C),
    )
)
# In the Exif directory: versions, and what the pixels, the density and the colour space state already.
_OF_EXIF = frozenset((0x9000, 0x9101, 0xA000, 0xA001, 0xA002, 0xA003, 0xA005, _USER_COMMENT))


def pack(
    metadata: Mapping[str, str],
    limit: int | None = None,
    *,
    dpi: float | None = None,
    aspect: float | None = None,
    camera: bytes | None = None,
    texts: Mapping[str, str] | None = None,
) -> tuple[bytes, dict[str, str]]:
    r"""Return an Exif block of at most ``limit`` bytes with the texts, and a mapping of the texts that do not fit.

    limit:  bytes; None for no limit.
    dpi:    pixels per inch, also stated in the block; None to state none.
    aspect: width of a pixel divided by its height; None for 1.
    camera: the tags of a source's block, as ``kept`` returns them.
    texts:  the comments of a source, ``ImageInfo.texts``, which become the UserComment.

    The block starts with ``Exif\0\0``, as in a JPEG segment and for Pillow's ``exif=``; it is ``b""`` if it would be
    empty. Texts are UTF-8. ``parameters`` is stored first, since it is short and of use in the file only, then
    ``workflow``, ``prompt`` and the others in their order. The second result contains, unchanged, texts that are too
    long, and texts that the convention cannot hold: with a colon in the name, no name, a NUL, or a lone surrogate.
    """
    fields, order = _source(camera)
    fields |= _density(dpi, aspect, order)
    leftover: dict[str, str] = {}
    next_tag = _WORKFLOW_TAG - 1
    for name in sorted(metadata, key=_urgency):
        wanted = _new_fields(name, metadata[name], fields, next_tag)
        whole = fields if wanted is None else {**fields, **wanted}
        if wanted is None or (limit is not None and len(_HEADER) + ifd.size_of(whole) > limit):
            leftover[name] = metadata[name]
        else:
            fields = whole
            next_tag = min(next_tag, min(wanted) - 1) if min(wanted) <= next_tag else next_tag
    comment = _joined(texts)
    if comment:
        whole = {**fields, EXIF: _with_comment(fields, comment)}
        if _has_comment(fields) or (limit is not None and len(_HEADER) + ifd.size_of(whole) > limit):
            leftover[COMMENT] = comment
        else:
            fields = whole
    return _HEADER + ifd.written(fields, order) if fields else b"", leftover


def describe(
    tags: Mapping[str, str],
    dpi: float | None,
    *,
    camera: bytes | None = None,
    texts: Mapping[str, str] | None = None,
) -> bytes:
    """Return an Exif block, without a header, with tags and density in the tags that cameras use; ``b""`` if empty.

    tags:   as from ``seqsave.metadata.xmp.check_tags``, written in UTF-8. Exif has no tag for a digital source type.
    dpi:    pixels per inch; None to state none.
    camera, texts: as in ``pack``.
    """
    fields, order = _source(camera)
    fields |= _density(dpi, None, order)
    for name, tag in _DESCRIPTIVE.items():
        if name in tags:
            text = tags[name].encode() + b"\0"
            fields[tag] = Field(ASCII, len(text), text)
    comment = _joined(texts)
    if comment:
        fields[EXIF] = _with_comment(fields, comment)
    return ifd.written(fields, order) if fields else b""


def fields_of(camera: bytes | None, texts: Mapping[str, str], order: str = "<") -> ifd.Directory:
    """Return the tags of a source's block and its comments as fields of a TIFF directory in that byte order.

    camera, texts: as in ``pack``.
    """
    block = describe({}, None, camera=camera, texts=texts)
    return ifd.reordered(ifd.read(block), ifd.order_of(block), order) if block else {}


def kept(exif: bytes) -> bytes | None:
    """Return the tags of a block that no other field of ImageInfo states, as a block; None if there are none.

    They describe the camera, the place and the time. A preview within the block is left out, and the orientation,
    since pictures are turned upright.
    """
    tiff = exif.removeprefix(_HEADER)
    fields = {
        tag: field for tag, field in ifd.read(tiff).items() if tag not in _OF_STORAGE and not _is_text(tag, field)
    }
    inner = fields.pop(EXIF, None)
    if inner is not None and isinstance(inner.value, dict):
        rest = {tag: field for tag, field in inner.value.items() if tag not in _OF_EXIF}
        if rest:
            fields[EXIF] = Field(LONG, 1, rest)
    return ifd.written(fields, ifd.order_of(tiff)) if fields else None


def _source(camera: bytes | None) -> tuple[Directory, str]:
    """Return the fields of a source's block, and their byte order."""
    return (ifd.read(camera), ifd.order_of(camera)) if camera else ({}, "<")


def _is_text(tag: int, field: Field) -> bool:
    """Return True for a text of the convention, which ``unpack`` returns."""
    if tag > _PROMPT_TAG or field.kind not in (ASCII, UTF8) or not isinstance(field.value, bytes):
        return False
    name, colon, _ = _decoded(field.value).partition(":")
    return bool(name and colon)


def _joined(texts: Mapping[str, str] | None) -> str:
    """Return the comments as one text, without repetitions."""
    return "\n".join(dict.fromkeys(texts.values())) if texts else ""


def _inner(fields: Mapping[int, Field]) -> Directory:
    inner = fields.get(EXIF)
    return dict(inner.value) if inner is not None and isinstance(inner.value, dict) else {}


def _has_comment(fields: Mapping[int, Field]) -> bool:
    return _USER_COMMENT in _inner(fields)


def _with_comment(fields: Mapping[int, Field], comment: str) -> Field:
    """Return the Exif directory with a comment."""
    value = _UNICODE + comment.encode("utf-16-be", "replace")
    return Field(LONG, 1, {**_inner(fields), _USER_COMMENT: Field(UNDEFINED, len(value), value)})


def unpack(exif: bytes) -> dict[str, str]:
    r"""Return the texts of an Exif block by name.

    The block may start with ``Exif\0\0`` and may have either byte order. Values other than ``name:text`` in a tag of
    the convention (such as a camera's maker) are ignored, comments without parameters too, and values outside of a
    damaged block: the pixels of such a file can be undamaged, so this function never raises.
    """
    texts: dict[str, str] = {}
    for value in _values(exif.removeprefix(_HEADER)):
        name, colon, text = _decoded(value).partition(":")
        if colon and name:
            texts[name] = text
    comment = facts_in(exif).comment
    return {**texts, PARAMETERS: comment} if is_generation(comment) else texts


def is_generation(comment: str) -> bool:
    """Return True for a UserComment with generation parameters, which is metadata."""
    return _SIGN in comment


class Facts(NamedTuple):
    """What an Exif block states, beside the texts of the convention.

    tags:    artist, copyright, description, software. dpi: pixels per inch, across.
    aspect:  width of a pixel divided by its height, if the densities differ.
    is_srgb: True if ColorSpace says so. comment: UserComment, "" without one.
    """

    tags: dict[str, str]
    dpi: float | None
    aspect: float | None
    is_srgb: bool
    comment: str


def facts_in(exif: bytes) -> Facts:
    r"""Return what an Exif block states in the tags that cameras use.

    The block may start with ``Exif\0\0`` and may have either byte order. A damaged block states less, and never raises.
    """
    tiff = exif.removeprefix(_HEADER)
    order = ifd.order_of(tiff)
    fields = ifd.read(tiff)
    more = _inner(fields)
    values = {tag: field.value for tag, field in fields.items() if isinstance(field.value, bytes)}
    tags = {}
    for name, tag in _DESCRIPTIVE.items():
        text = _decoded(values[tag]) if tag in values and fields[tag].kind in (ASCII, UTF8) else ""
        # A value of the convention, "workflow:{...}", may stand in the tag of the description.
        if text.strip("\0 ") and not (tag <= _PROMPT_TAG and _CONVENTION.match(text)):
            tags[name] = text.strip("\0")
    space = more.get(_COLOR_SPACE)
    is_srgb = space is not None and space.value == struct.pack(order + "H", 1)
    sides = [values[tag] for tag in (_X_RESOLUTION, _Y_RESOLUTION) if tag in values]
    unit = values.get(_RESOLUTION_UNIT, b"")
    dpi, aspect = _stated_density(sides, struct.unpack(order + "H", unit)[0] if len(unit) == 2 else _INCH, order)
    return Facts(tags, dpi, aspect, is_srgb, _comment(more, order))


def _stated_density(sides: list[bytes], unit: int, order: str) -> tuple[float | None, float | None]:
    if [len(side) for side in sides] != [8, 8]:
        return None, None
    (above, below), (over, under) = (struct.unpack(order + "II", side) for side in sides)
    if not (above and below and over and under):
        return None, None
    scale = {_INCH: 1.0, _CENTIMETRE: 2.54}.get(unit)
    aspect = None if sides[0] == sides[1] else (over * below) / (under * above)
    return None if scale is None else round(above / below * scale, 3), aspect


def _comment(fields: Mapping[int, Field], order: str) -> str:
    """Return UserComment, whose first eight bytes name its encoding."""
    field = fields.get(_USER_COMMENT)
    if field is None or not isinstance(field.value, bytes):
        return ""
    name, body = field.value[:8], field.value[8:]
    if name == _UNICODE:
        # The standard does not say which byte order: the one with the Latin letters in the right place is taken.
        texts = [body.decode(codec, "replace") for codec in ("utf-16-be", f"utf-16-{'lb'[order == '>']}e")]
        with_parameters = next((text for text in texts if _SIGN in text), "")
        if with_parameters:
            return with_parameters.rstrip("\0")
        big = sum(byte == 0 for byte in body[0::2]) >= sum(byte == 0 for byte in body[1::2])
        return body.decode("utf-16-be" if big else "utf-16-le", "replace").strip("\0\ufeff ")
    return _decoded(body if name.rstrip(b"\0") in (b"ASCII", b"JIS", b"") else field.value).strip("\0 ")


def _density(dpi: float | None, aspect: float | None, order: str) -> Directory:
    if dpi is None and aspect is None:
        return {}
    # Without a density, the unit says that the two numbers are only a ratio.
    across = 1.0 if dpi is None else dpi
    sides = (struct.pack(order + "II", *_ratio(side)) for side in (across, across * (aspect or 1)))
    unit = struct.pack(order + "H", 1 if dpi is None else _INCH)
    return {
        **{tag: Field(RATIONAL, 1, side) for tag, side in zip((_X_RESOLUTION, _Y_RESOLUTION), sides, strict=True)},
        _RESOLUTION_UNIT: Field(SHORT, 1, unit),
    }


def _ratio(value: float) -> tuple[int, int]:
    """Return a density as a rational number; both parts have 32 bits."""
    below = 1000 if value < _MOST_LONG / 1000 else 1
    return min(_MOST_LONG, max(1, round(below * value))), below


def _urgency(name: str) -> int:
    return {PARAMETERS: 0, "workflow": 1, "prompt": 2}.get(name, 3)


def _new_fields(name: str, text: str, fields: Mapping[int, Field], next_tag: int) -> Directory | None:
    """Return the field for a text under its tag, which is ``next_tag`` for most names; None if it cannot be written."""
    try:
        if name == PARAMETERS and _SIGN in text and "\0" not in text:
            text.encode("utf-16-be")
            return {EXIF: _with_comment(fields, text)}
        value = f"{name}:{text}\0".encode()
    except UnicodeEncodeError:
        return None
    tag = {"prompt": _PROMPT_TAG, "workflow": _WORKFLOW_TAG}.get(name, next_tag)
    # The camera's maker and model may be in these tags.
    while tag in fields:
        tag = min(tag, next_tag + 1) - 1
    if tag < 1 or not name or ":" in name or "\0" in name or "\0" in text:
        return None
    return {tag: Field(ASCII, len(value), value)}


def _values(tiff: bytes) -> Iterator[bytes]:
    """Yield the values in which the convention stores texts."""
    order = ifd.order_of(tiff)
    for field in ifd.entries(tiff, order) if order else ():
        if field.tag <= _PROMPT_TAG and field.kind in (ASCII, UTF8):
            yield field.value


def _decoded(value: bytes) -> str:
    value = value.removesuffix(b"\0")
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")  # older savers
