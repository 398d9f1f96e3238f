"""Make the chunks of a PNG that state colour space, density, Exif and XMP. They precede the pixels.

Source: PNG specification, third edition. If several chunks state a colour space, a reader uses the first that it
supports of cICP, iCCP, sRGB, and cHRM with gAMA (section 4.3).
"""

from __future__ import annotations

import functools
import struct
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from seqsave.metadata import exif, icc
from seqsave.metadata.xmp import packet

if TYPE_CHECKING:
    from seqsave.types import ColorSpace, FrameInfo

__all__ = ["about"]

INCH = 0.0254
_LARGEST = (1 << 31) - 1
# Section 11.3.2.2: gamma times 100,000, for transfers that are powers; for sRGB the value of section 11.3.2.5.
_GAMMA = {"linear": 100_000, "srgb": 45_455}
_RGB, _FULL_RANGE = 0, 1
_PERCEPTUAL = 0


def about(info: FrameInfo, channels: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield type and content of each chunk, in the order in which they are to be written.

    channels: number of channels of the picture; primaries are not stated for grey.
    """
    if info.color is not None:
        yield from _color(info.color, grey=channels < 3)
    if info.dpi is not None:
        per_metre = min(_LARGEST, max(1, round(info.dpi / INCH)))
        yield b"pHYs", struct.pack(">IIB", per_metre, per_metre, 1)
    block = exif.describe(info.tags, info.dpi)
    if block:
        yield b"eXIf", block
    text = packet(info.tags)
    if text:
        yield b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + text


@functools.lru_cache(maxsize=16)
def _profile(color: ColorSpace, grey: bool) -> bytes | None:
    made = icc.profile(color, grey=grey)
    return None if made is None else color.name.encode("latin-1") + b"\0\0" + zlib.compress(made, 9)


def _color(color: ColorSpace, *, grey: bool) -> Iterator[tuple[bytes, bytes]]:
    if color.cicp is not None:
        yield b"cICP", bytes((*color.cicp, _RGB, _FULL_RANGE))
    if color.name == "srgb":
        yield b"sRGB", bytes((_PERCEPTUAL,))
    elif (profile := _profile(color, grey)) is not None:
        yield b"iCCP", profile
    gamma = _GAMMA.get(color.transfer)
    if gamma is not None:
        yield b"gAMA", struct.pack(">I", gamma)
    points = (color.primaries[3], *color.primaries[:3])
    # ACES primaries are not real colours: readers refuse them in cHRM, but not in an ICC profile.
    if not grey and all(min(x, y) >= 0 and x + y <= 1 for x, y in points):
        yield b"cHRM", struct.pack(">8I", *(round(100_000 * value) for point in points for value in point))
