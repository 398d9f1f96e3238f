"""Make ICC profiles (version 4) from primaries and transfer: a matrix and a curve; recognize and name existing ones.

They are for formats without a better way to state a colour space, such as TIFF, and PNG if cICP has no number for it.
No part of an existing profile is copied, so no foreign licence applies. Source: ICC.1:2022 (profile version 4.4).
"""

from __future__ import annotations

import functools
import hashlib
import struct
from typing import TYPE_CHECKING

from seqsave.pictures.color import COLOR_SPACES, D50, adaptation, to_xyz, xyz_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    from seqsave.types import ColorSpace

    Matrix = npt.NDArray[np.float64]

__all__ = ["describe", "is_profile", "profile", "space_of"]

_VERSION = 0x04300000
_DATE = (2026, 1, 1, 0, 0, 0)  # fixed, so that the bytes are the same each time
_RIGHTS = "No rights reserved"

# Parametric curve of type 3 (section 10.18): (a x + b) ** g from d on, c x below. In the order g, a, b, c, d.
# PQ and HLG are missing: they encode light far beyond a display's white. A curve between 0 and 1 cannot state that
# without choosing how it is displayed.
_CURVES = {
    "srgb": (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045),  # IEC 61966-2-1
    "bt709": (1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081),  # ITU-R BT.709-6, inverted
}


def profile(color: ColorSpace, *, grey: bool = False) -> bytes | None:
    """Return the ICC profile of RGB pictures in this space, or with ``grey`` that of grey ones.

    The result is None for the transfers of BT.2100 (PQ, HLG), which such a profile cannot state. The bytes are the same
    each time.
    """
    if color.transfer == "linear":
        curve = struct.pack(">4sII", b"curv", 0, 0)  # no entries: the identity
    elif color.transfer in _CURVES:
        curve = struct.pack(">4sIHH", b"para", 0, 3, 0) + _fixed(*_CURVES[color.transfer])
    else:
        return None
    adapted = adaptation(xyz_of(color.primaries[3]))
    tags = {
        b"desc": _text(color.name),
        b"cprt": _text(_RIGHTS),
        b"wtpt": _point(D50),
        b"chad": struct.pack(">4sI", b"sf32", 0) + _fixed(*adapted.flat),
    }
    if grey:
        tags[b"kTRC"] = curve
    else:
        colorants = adapted @ to_xyz(color.primaries)
        tags |= {name: _point(column) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), colorants.T, strict=True)}
        tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    return _file(tags, b"GRAY" if grey else b"RGB ")


def space_of(data: bytes) -> ColorSpace | None:
    """Return the named colour space whose profile, as ``profile`` makes it, has exactly these bytes."""
    return _known().get(data)


def is_profile(data: bytes) -> bool:
    """Return True for the bytes of a profile, which are whole and have its signature: ICC.1:2022 section 7.2."""
    return data[36:40] == b"acsp" and int.from_bytes(data[:4], "big") <= len(data)


def describe(data: bytes) -> str:
    """Return the text of a profile's tag ``desc``; "" if it has none, or is damaged.

    Source: ICC.1:2022 section 10.15, and textDescriptionType of version 2.
    """
    try:
        return _description(data)
    except (struct.error, UnicodeDecodeError):
        return ""


@functools.lru_cache(maxsize=1)
def _known() -> dict[bytes, ColorSpace]:
    made = ((profile(space, grey=grey), space) for space in COLOR_SPACES.values() for grey in (False, True))
    return {data: space for data, space in made if data is not None}


def _description(data: bytes) -> str:
    count = struct.unpack_from(">I", data, 128)[0]
    for number in range(min(count, 100)):
        signature, offset, size = struct.unpack_from(">4sII", data, 132 + 12 * number)
        if signature != b"desc":
            continue
        tag = data[offset : offset + size]
        if tag[:4] == b"mluc":
            length, start = struct.unpack_from(">II", tag, 20)
            return tag[start : start + length].decode("utf-16-be", "replace").rstrip("\0")
        length = struct.unpack_from(">I", tag, 8)[0]
        return tag[12 : 12 + length].decode("latin-1").rstrip("\0")
    return ""


def _fixed(*values: float) -> bytes:
    """Return numbers as s15Fixed16Number (section 4.6)."""
    return struct.pack(f">{len(values)}i", *(round(float(value) * 65536) for value in values))


def _point(values: tuple[float, ...] | Matrix) -> bytes:
    return struct.pack(">4sI", b"XYZ ", 0) + _fixed(*values)


def _text(text: str) -> bytes:
    """Return text as multiLocalizedUnicodeType with one record (section 10.15)."""
    encoded = text.encode("utf-16-be")
    return struct.pack(">4sIII2s2sII", b"mluc", 0, 1, 12, b"en", b"US", len(encoded), 28) + encoded


def _file(tags: Mapping[bytes, bytes], space: bytes) -> bytes:
    """Return header, table of tags, and values. Equal values are stored once, as section 7.3.1 allows."""
    start = 128 + 4 + 12 * len(tags)
    places: dict[bytes, int] = {}
    body = b""
    for value in tags.values():
        if value not in places:
            places[value] = start + len(body)
            body += value + bytes(-len(value) % 4)
    table = struct.pack(">I", len(tags))
    table += b"".join(name + struct.pack(">II", places[value], len(value)) for name, value in tags.items())
    size = start + len(body)
    head = struct.pack(">I4xI4s4s4s6H4s", size, _VERSION, b"mntr", space, b"XYZ ", *_DATE, b"acsp")
    head = head.ljust(68, b"\0") + _fixed(*D50) + bytes(4)
    # Section 7.2.18: the MD5 of the whole file, with flags, intent and this field as zeros. The first two are zero.
    identity = hashlib.md5(head + bytes(44) + table + body, usedforsecurity=False).digest()
    return head + identity + bytes(28) + table + body
