"""Read the colour space and the rate that a picture file states, in words, without decoding the picture.

PNG: the chunks of PNG's third edition, of which the first in the order cICP, iCCP, sRGB, gAMA with cHRM counts.
EXR: the header's chromaticities, and framesPerSecond. Everything else that Pillow opens: its ICC profile, and what Exif
says. A colour space is never guessed.
"""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from seqsave.pictures.color import COLOR_SPACES
from seqsave.sequences.header import exr_attributes

__all__ = ["Stated", "stated_in"]

_PNG = b"\x89PNG\r\n\x1a\n"
_EXR = b"\x76\x2f\x31\x01"
# The largest attribute or chunk that is read, in bytes; profiles are smaller.
_MOST = 16 * 2**20
_EXIF_IFD, _EXIF_COLOR_SPACE, _SRGB = 0x8769, 0xA001, 1
_FULL = 100_000
# Single precision, and the rounding of chromaticities in documents.
_NEAR = 0.0005


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """The facts that a file states, beside its pixels.

    color: its colour space in words, such as ``sRGB`` or ``ICC profile "Display P3"``; None if it states none.
    rate:  frames per second; None if it states none.
    """

    color: str | None = None
    rate: Fraction | None = None


def stated_in(data: bytes) -> Stated:
    """Return the facts that a file states; none for a damaged file or an unknown format."""
    with contextlib.suppress(ValueError, struct.error, zlib.error, IndexError, ZeroDivisionError):
        if data.startswith(_PNG):
            return Stated(color=_of_png(data))
        if data.startswith(_EXR):
            return _of_exr(data)
        return Stated(color=_of_pillow(data))
    return Stated()


# --- PNG -------------------------------------------------------------------------------------------------------------


def _of_png(data: bytes) -> str | None:
    found = dict(_chunks(data))
    if b"cICP" in found:
        return _cicp(found[b"cICP"][0], found[b"cICP"][1])
    if b"iCCP" in found:
        name, _, rest = found[b"iCCP"].partition(b"\0")
        return _profile(zlib.decompressobj().decompress(rest[1:], _MOST), name.decode("latin-1"))
    if b"sRGB" in found:
        return "sRGB"
    if b"gAMA" not in found:
        return "primaries without a transfer" if b"cHRM" in found else None
    gamma = struct.unpack(">I", found[b"gAMA"])[0] / _FULL
    return f"gamma {gamma:g}{' with primaries' if b'cHRM' in found else ''}"


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield type and content of each chunk before the pixels."""
    position = len(_PNG)
    while position + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        if kind in (b"IDAT", b"IEND") or length > _MOST:
            return
        yield kind, data[position + 8 : position + 8 + length]
        position += 12 + length


def _cicp(primaries: int, transfer: int) -> str:
    for space in COLOR_SPACES.values():
        if space.cicp == (primaries, transfer):
            return space.name
    return f"primaries {primaries} and transfer {transfer} of ITU-T H.273"


# --- OpenEXR ---------------------------------------------------------------------------------------------------------


def _of_exr(data: bytes) -> Stated:
    found = dict(exr_attributes(data))
    color = _primaries(struct.unpack("<8f", found["chromaticities"])) if "chromaticities" in found else None
    if "colorInteropID" in found:
        name = found["colorInteropID"].decode("utf-8", "replace")
        color = name if color is None else f"{color} ({name})"
    rate = Fraction(*struct.unpack("<iI", found["framesPerSecond"])) if "framesPerSecond" in found else None
    return Stated(color=color, rate=rate)


def _primaries(values: tuple[float, ...]) -> str:
    points = tuple(zip(values[::2], values[1::2], strict=True))
    for space in COLOR_SPACES.values():
        near = all(
            abs(one[0] - other[0]) < _NEAR and abs(one[1] - other[1]) < _NEAR
            for one, other in zip(points, space.primaries, strict=True)
        )
        # Values of an EXR are proportional to light.
        if near and space.transfer == "linear":
            return space.name
    return "primaries " + " ".join(f"{x:.4g},{y:.4g}" for x, y in points)


# --- what Pillow opens -----------------------------------------------------------------------------------------------


def _of_pillow(data: bytes) -> str | None:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as picture:
            profile = picture.info.get("icc_profile")
            if profile:
                return _profile(bytes(profile), "")
            exif = picture.getexif().get_ifd(_EXIF_IFD)
            return "sRGB" if exif.get(_EXIF_COLOR_SPACE) == _SRGB else None
    except Exception:  # noqa: BLE001 - Pillow's plugins raise errors of any kind for damaged files
        return None


def _profile(profile: bytes, name: str) -> str:
    """Return the description in an ICC profile; ``name`` if it has none."""
    return f'ICC profile "{_description(profile) or name or "without a name"}"'


def _description(profile: bytes) -> str:
    """Return the text of the tag ``desc``: ICC.1:2022 section 10.15, and of version 2 textDescriptionType."""
    count = struct.unpack_from(">I", profile, 128)[0]
    for number in range(min(count, 100)):
        signature, offset, size = struct.unpack_from(">4sII", profile, 132 + 12 * number)
        if signature != b"desc":
            continue
        tag = profile[offset : offset + size]
        if tag[:4] == b"mluc":
            length, start = struct.unpack_from(">II", tag, 20)
            return tag[start : start + length].decode("utf-16-be", "replace").rstrip("\0")
        length = struct.unpack_from(">I", tag, 8)[0]
        return tag[12 : 12 + length].decode("latin-1").rstrip("\0")
    return ""
