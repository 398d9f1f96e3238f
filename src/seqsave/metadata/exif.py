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

from seqsave.metadata.parameters import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["JPEG_LIMIT", "Facts", "describe", "facts_in", "is_generation", "pack", "unpack"]

JPEG_LIMIT = 65_533
"""Bytes that one JPEG segment can hold: its length field has 16 bits and counts its own two bytes."""

_HEADER = b"Exif\0\0"
_PROMPT_TAG = 0x0110
_WORKFLOW_TAG = 0x010F
_EXIF_IFD, _USER_COMMENT = 0x8769, 0x9286
_UNICODE = b"UNICODE\0"
# What a text of generation parameters has, and a camera's comment has not.
_SIGN = "Steps: "
_ASCII, _SHORT, _LONG, _RATIONAL, _UNDEFINED = 2, 3, 4, 5, 7
_UTF8 = 129  # Exif 3.0
_DESCRIPTIVE = {"description": 0x010E, "software": 0x0131, "artist": 0x013B, "copyright": 0x8298}
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
_INCH, _CENTIMETRE = 2, 3
_COLOR_SPACE = 0xA001
_SIZES = {1: 1, _ASCII: 1, _SHORT: 2, _LONG: 4, _RATIONAL: 8, _UNDEFINED: 1, 9: 4, 10: 8, _UTF8: 1}
_CONVENTION = re.compile(r"[\w.-]{1,79}:[\[{\"]")
_ENTRY = 12
_INLINE = 4  # a value of up to four bytes is stored in the entry itself
_INNER = 2 + _ENTRY + 4  # an IFD with one entry

_Field = tuple[int, int, bytes]


def pack(
    metadata: Mapping[str, str], limit: int | None = None, *, dpi: float | None = None
) -> tuple[bytes, dict[str, str]]:
    r"""Return an Exif block of at most ``limit`` bytes with the texts, and a mapping of the texts that do not fit.

    limit: bytes; None for no limit.
    dpi:   pixels per inch, also stated in the block; None to state none.

    The block starts with ``Exif\0\0``, as in a JPEG segment and for Pillow's ``exif=``; it is ``b""`` if it would be
    empty. Texts are UTF-8. ``parameters`` is stored first, since it is short and of use in the file only, then
    ``workflow``, ``prompt`` and the others in their order. The second result contains, unchanged, texts that are too
    long, and texts that the convention cannot hold: with a colon in the name, no name, a NUL, or a lone surrogate.
    """
    fields = _density(dpi)
    fixed = len(_HEADER) + 8 + 2 + 4 + sum(_cost(tag, value) for tag, (_, _, value) in fields.items())
    room = None if limit is None else limit - fixed
    leftover: dict[str, str] = {}
    next_tag = _WORKFLOW_TAG - 1
    for name in sorted(metadata, key=_urgency):
        tag, field = _field(name, metadata[name], next_tag)
        cost = 0 if field is None else _cost(tag, field[2])
        if field is None or tag < 1 or (room is not None and cost > room):
            leftover[name] = metadata[name]
            continue
        fields[tag] = field
        room = None if room is None else room - cost
        next_tag -= tag == next_tag
    return _HEADER + _layout(fields) if fields else b"", leftover


def describe(tags: Mapping[str, str], dpi: float | None) -> bytes:
    """Return an Exif block, without a header, with tags and density in the tags that cameras use; ``b""`` if empty.

    tags: as from ``seqsave.metadata.xmp.check_tags``, written in UTF-8. Exif has no tag for a digital source type.
    dpi:  pixels per inch; None to state none.
    """
    fields = _density(dpi)
    for name, tag in _DESCRIPTIVE.items():
        if name in tags:
            text = tags[name].encode() + b"\0"
            fields[tag] = (_ASCII, len(text), text)
    return _layout(fields) if fields else b""


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

    tags:    artist, copyright, description, software. dpi: pixels per inch, if both directions have the same.
    is_srgb: True if ColorSpace says so. comment: UserComment, "" without one.
    """

    tags: dict[str, str]
    dpi: float | None
    is_srgb: bool
    comment: str


def facts_in(exif: bytes) -> Facts:
    r"""Return what an Exif block states in the tags that cameras use.

    The block may start with ``Exif\0\0`` and may have either byte order. A damaged block states less, and never raises.
    """
    tiff = exif.removeprefix(_HEADER)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4], "")
    if not order or len(tiff) < 8:
        return Facts({}, None, False, "")
    fields = {field.tag: field for field in _fields(tiff, order, struct.unpack_from(order + "I", tiff, 4)[0])}
    inner = fields.get(_EXIF_IFD)
    more: dict[int, _Entry] = {}
    if inner is not None and len(inner.value) == 4:
        more = {field.tag: field for field in _fields(tiff, order, struct.unpack(order + "I", inner.value)[0])}
    tags = {}
    for name, tag in _DESCRIPTIVE.items():
        text = _decoded(fields[tag].value) if tag in fields and fields[tag].kind in (_ASCII, _UTF8) else ""
        # A value of the convention, "workflow:{...}", may stand in the tag of the description.
        if text.strip("\0 ") and not (tag <= _PROMPT_TAG and _CONVENTION.match(text)):
            tags[name] = text.strip("\0")
    space = more.get(_COLOR_SPACE)
    is_srgb = space is not None and space.value[:2] == struct.pack(order + "H", 1)
    return Facts(tags, _dpi(fields, order), is_srgb, _comment(more, order))


def _dpi(fields: Mapping[int, _Entry], order: str) -> float | None:
    sides = [fields[tag].value for tag in (_X_RESOLUTION, _Y_RESOLUTION) if tag in fields]
    if len(sides) != 2 or sides[0] != sides[1] or len(sides[0]) != 8:
        return None
    above, below = struct.unpack(order + "II", sides[0])
    unit = fields.get(_RESOLUTION_UNIT)
    scale = {_INCH: 1.0, _CENTIMETRE: 2.54}.get(struct.unpack(order + "H", unit.value[:2])[0] if unit else _INCH)
    return round(above / below * scale, 3) if above and below and scale else None


def _comment(fields: Mapping[int, _Entry], order: str) -> str:
    """Return UserComment, whose first eight bytes name its encoding."""
    field = fields.get(_USER_COMMENT)
    if field is None:
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


def _density(dpi: float | None) -> dict[int, _Field]:
    if dpi is None:
        return {}
    side = (_RATIONAL, 1, struct.pack("<II", round(1000 * dpi), 1000))
    return {
        _X_RESOLUTION: side,
        _Y_RESOLUTION: side,
        _RESOLUTION_UNIT: (_SHORT, 1, struct.pack("<H", _INCH)),
    }


def _urgency(name: str) -> int:
    return {PARAMETERS: 0, "workflow": 1, "prompt": 2}.get(name, 3)


def _field(name: str, text: str, next_tag: int) -> tuple[int, _Field | None]:
    """Return the tag for a text, which is ``next_tag`` for most names, and what it holds; None if it cannot."""
    try:
        if name == PARAMETERS and _SIGN in text and "\0" not in text:
            value = _UNICODE + text.encode("utf-16-be")
            return _EXIF_IFD, (_LONG, 1, value)
        value = f"{name}:{text}\0".encode()
    except UnicodeEncodeError:
        return next_tag, None
    tag = {"prompt": _PROMPT_TAG, "workflow": _WORKFLOW_TAG}.get(name, next_tag)
    is_valid = bool(name) and ":" not in name and "\0" not in name and "\0" not in text
    return tag, (_ASCII, len(value), value) if is_valid else None


def _cost(tag: int, value: bytes) -> int:
    inner = _INNER if tag == _EXIF_IFD else 0
    return _ENTRY + inner + (0 if len(value) <= _INLINE else len(value) + len(value) % 2)


def _layout(fields: Mapping[int, _Field]) -> bytes:
    """Return a TIFF file without a picture. ``fields`` maps tags to type, count and value.

    The value of the Exif IFD is the UserComment in it.
    """
    entries = [struct.pack("<H", len(fields))]
    offset = 8 + 2 + _ENTRY * len(fields) + 4
    no_next_ifd = bytes(4)
    bodies = []
    for tag, (kind, count, value) in sorted(fields.items()):
        entry = struct.pack("<HHI", tag, kind, count)
        if len(value) <= _INLINE:
            entries.append(entry + value.ljust(_INLINE, b"\0"))
            continue
        entries.append(entry + struct.pack("<I", offset))
        body = value + b"\0" * (len(value) % 2)
        if tag == _EXIF_IFD:
            comment = struct.pack("<HHII", _USER_COMMENT, _UNDEFINED, len(value), offset + _INNER)
            body = struct.pack("<H", 1) + comment + no_next_ifd + body
        bodies.append(body)
        offset += len(body)
    return b"".join([b"II*\0\x08\0\0\0", *entries, no_next_ifd, *bodies])


class _Entry(NamedTuple):
    tag: int
    kind: int
    value: bytes


def _values(tiff: bytes) -> Iterator[bytes]:
    """Yield the values in which the convention stores texts."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return
    for field in _fields(tiff, order, struct.unpack_from(order + "I", tiff, 4)[0]):
        if field.tag <= _PROMPT_TAG and field.kind in (_ASCII, _UTF8):
            yield field.value


def _fields(tiff: bytes, order: str, start: int) -> Iterator[_Entry]:
    """Yield the entries of the directory at ``start``, as far as they are in the block."""
    if start + 2 > len(tiff):
        return
    (count,) = struct.unpack_from(order + "H", tiff, start)
    count = min(count, (len(tiff) - start - 2) // _ENTRY)
    # Values of a valid block do not overlap. A malicious block may name all of its bytes as the value of every entry.
    left = len(tiff)
    for position in range(start + 2, start + 2 + _ENTRY * count, _ENTRY):
        tag, kind, number = struct.unpack_from(order + "HHI", tiff, position)
        length = number * _SIZES.get(kind, 0)
        offset = position + 8 if length <= _INLINE else struct.unpack_from(order + "I", tiff, position + 8)[0]
        if length and offset + length <= len(tiff) and length <= left:
            left -= length
            yield _Entry(tag, kind, tiff[offset : offset + length])


def _decoded(value: bytes) -> str:
    value = value.removesuffix(b"\0")
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")  # older savers
