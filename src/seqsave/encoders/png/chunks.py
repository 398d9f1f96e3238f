"""Make and read the chunks of a PNG that state colour space, density, Exif and XMP. They precede the pixels.

Source: PNG specification, third edition. If several chunks state a colour space, a reader uses the first that it
supports of cICP, iCCP, sRGB, and cHRM with gAMA (section 4.3).
"""

from __future__ import annotations

import functools
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seqsave.encoders.png.raw_profiles import Found, iptc_chunk
from seqsave.errors import OptionError
from seqsave.metadata import exif, icc, light, stated
from seqsave.metadata.xmp import packet
from seqsave.pictures.color import COLOR_SPACES, DAMAGED_PROFILE
from seqsave.wording import first_of, shortened

if TYPE_CHECKING:
    from seqsave.types import ColorSpace, FrameInfo, ImageInfo

__all__ = ["STATING", "about", "profiles_of", "stated_in"]

FORMAT = "png"
"""``attributes_of`` of the statements of this format."""
# Offset, scale and calibration of the pixels, and whether the picture is a pair for two eyes.
_FURTHER = (b"oFFs", b"pCAL", b"sCAL", b"sTER")
STATING = frozenset((b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"pHYs", b"eXIf", b"mDCV", b"cLLI", *_FURTHER))
"""The chunks that state something of the picture."""
# Those that are attributes; cICP where its samples are of a narrow range.
_ATTRIBUTES = frozenset(("cICP", *(name.decode() for name in _FURTHER)))

INCH = 0.0254
_LARGEST = (1 << 31) - 1
# Section 11.3.2.2: gamma times 100,000, for transfers that are powers; for sRGB the value of section 11.3.2.5.
_GAMMA = {"linear": 100_000, "srgb": 45_455}
_RGB, _FULL_RANGE = 0, 1
_UNSPECIFIED = 2  # ITU-T H.273
_SCALE = 100_000  # of chromaticities and gamma, and here of the aspect of pixels as well
_MOST_PROFILE = 1 << 24
_PERCEPTUAL = 0


def about(info: FrameInfo, channels: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield type and content of each chunk, in the order in which they are to be written.

    channels: number of channels of the picture; primaries are not stated for grey.

    Raises OptionError for an attribute other than the chunks that are attributes.
    """
    if info.color is not None:
        yield from _color(info.color, grey=channels < 3)
    else:
        yield from _other_color(info.image, grey=channels < 3)
    aspect = info.image.pixel_aspect
    if info.dpi is not None:
        per_metre = _density_of(info.dpi / INCH)
        yield b"pHYs", struct.pack(">IIB", per_metre, _density_of(per_metre * (aspect or 1)), 1)
    elif aspect is not None:
        yield b"pHYs", struct.pack(">IIB", _SCALE, _density_of(_SCALE * aspect), 0)
    if info.image.light:
        yield from _light(info.image)
    if info.image.attributes_of == FORMAT:
        yield from _attributes(info.image.attributes)
    block = exif.describe(info.tags, info.dpi, camera=info.image.exif, texts=info.image.texts)
    if block:
        yield b"eXIf", block
    if info.image.iptc is not None:
        yield b"zTXt", iptc_chunk(info.image.iptc)
    text = packet(info.tags, info.image.xmp)
    if text:
        yield b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + text


def _attributes(attributes: Mapping[str, Any]) -> Iterator[tuple[bytes, bytes]]:
    for name, content in attributes.items():
        if name.startswith(".") or name == DAMAGED_PROFILE:
            continue
        if name not in _ATTRIBUTES or not isinstance(content, bytes):
            allowed = f"bytes, the content of a chunk {first_of(sorted(_ATTRIBUTES), 8)}"
            raise OptionError(f"info: attributes[{shortened(name)}] is {shortened(content)}: PNG files hold {allowed}")
        yield name.encode(), content


def _density_of(value: float) -> int:
    return min(_LARGEST, max(1, round(value)))


def _light(image: ImageInfo) -> Iterator[tuple[bytes, bytes]]:
    """Yield the chunks for high dynamic range: sections 11.3.2.7 and 11.3.2.8."""
    display, content = light.display_of(image.light, "rgb"), light.content_of(image.light)
    if display is not None:
        yield b"mDCV", display
    if content is not None:
        yield b"cLLI", struct.pack(">II", *content)


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


def _other_color(image: ImageInfo, *, grey: bool) -> Iterator[tuple[bytes, bytes]]:
    """Yield what the source's file states of a colour space without a name here, as it is."""
    if image.cicp is not None:
        yield b"cICP", bytes((*image.cicp, _RGB, _FULL_RANGE))
    if image.icc is not None:
        yield b"iCCP", b"ICC profile\0\0" + zlib.compress(image.icc, 9)
    if image.gamma is not None:
        yield b"gAMA", struct.pack(">I", round(_SCALE * image.gamma))
    if image.primaries is not None and not grey:
        points = (image.primaries[3], *image.primaries[:3])
        if all(min(x, y) >= 0 for x, y in points):
            yield b"cHRM", struct.pack(">8I", *(round(_SCALE * value) for point in points for value in point))


# --- reading --------------------------------------------------------------------------------------------------------


def profiles_of(chunks: Mapping[bytes, bytes], xmp_packet: bytes = b"") -> Found:
    """Return the ICC profile, the Exif block and the XMP packet that the chunks hold."""
    return Found(_profile_in(chunks.get(b"iCCP", b"")) or b"", chunks.get(b"eXIf", b""), xmp_packet)


def stated_in(chunks: Mapping[bytes, bytes], found: Found | None = None, *, has_alpha: bool = False) -> ImageInfo:
    """Return what the chunks state, by their types. A damaged chunk states nothing.

    found: the profiles of chunks and texts; by default those of the chunks.

    Of the chunks for colour the first in the order cICP, iCCP, sRGB, gAMA with cHRM counts (section 4.3).
    """
    known = profiles_of(chunks) if found is None else found
    dpi, aspect = _density(chunks.get(b"pHYs", b""))
    data, numbers = known.profile or None, _numbers_in(chunks)
    profile = data if data is not None and icc.is_profile(data) else None
    is_narrow = numbers is not None and chunks[b"cICP"][3] != _FULL_RANGE
    info = stated.image_info(
        profile=(data or b"") if b"iCCP" in chunks else data,
        exif_block=known.exif,
        xmp_packet=known.xmp,
        iptc=known.iptc or None,
        dpi=dpi,
        aspect=aspect,
        color=_named(numbers, chunks, profile),
    )
    if is_narrow:  # no other field, and no other format, has a place for this
        info = replace(info, color=None, icc=None)
    elif numbers is not None and stated.space_of_cicp(*numbers) is None:
        info = replace(info, cicp=numbers, color=None, icc=profile)
    elif info.color is None and info.icc is None:
        info = replace(info, gamma=_gamma(chunks), primaries=_primaries(chunks))
    further = {kind.decode(): chunks[kind] for kind in _FURTHER if kind in chunks}
    further |= {"cICP": chunks[b"cICP"]} if is_narrow else {}
    return replace(
        info,
        alpha="straight" if has_alpha else None,  # section 6.2
        light=_light_in(chunks),
        attributes={**further, **info.attributes},
        attributes_of=FORMAT if further else "",
    )


def _light_in(chunks: Mapping[bytes, bytes]) -> dict[str, int]:
    content = chunks.get(b"cLLI", b"")
    found = light.content_in(*struct.unpack(">II", content)) if len(content) == 8 else {}
    return {**found, **light.display_in(chunks.get(b"mDCV", b""), "rgb")}


def _numbers_in(chunks: Mapping[bytes, bytes]) -> tuple[int, int] | None:
    """Return primaries and transfer of cICP; None if one of them is unspecified."""
    content = chunks.get(b"cICP", b"")
    numbers = (content[0], content[1]) if len(content) == 4 else (_UNSPECIFIED, _UNSPECIFIED)
    return None if _UNSPECIFIED in numbers else numbers


def _named(numbers: tuple[int, int] | None, chunks: Mapping[bytes, bytes], profile: bytes | None) -> ColorSpace | None:
    if numbers is not None:
        return stated.space_of_cicp(*numbers)
    if b"sRGB" in chunks and profile is None:
        return COLOR_SPACES["srgb"]
    return None


def _profile_in(chunk: bytes) -> bytes | None:
    rest = chunk.partition(b"\0")[2]
    if not rest:
        return None
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(rest[1:], _MOST_PROFILE)
    except zlib.error:
        return None
    return data if inflater.eof and data else None


def _density(chunk: bytes) -> tuple[float | None, float | None]:
    """Return pixels per inch, and the width of a pixel divided by its height, where that is not 1."""
    if len(chunk) != 9:
        return None, None
    across, down, unit = struct.unpack(">IIB", chunk)
    if not across or not down:
        return None, None
    dpi = None
    if unit == 1:
        # The chunk rounds to pixels per metre: a whole number that gives the same was meant.
        whole = float(round(across * INCH))
        dpi = whole if whole and round(whole / INCH) == across else round(across * INCH, 2)
    return dpi, None if across == down else down / across


def _gamma(chunks: Mapping[bytes, bytes]) -> float | None:
    chunk = chunks.get(b"gAMA", b"")
    return struct.unpack(">I", chunk)[0] / _SCALE or None if len(chunk) == 4 else None


def _primaries(chunks: Mapping[bytes, bytes]) -> tuple[tuple[float, float], ...] | None:
    chunk = chunks.get(b"cHRM", b"")
    if len(chunk) != 32:
        return None
    values = [value / _SCALE for value in struct.unpack(">8I", chunk)]
    white, *points = zip(values[::2], values[1::2], strict=True)
    return (*points, white)
