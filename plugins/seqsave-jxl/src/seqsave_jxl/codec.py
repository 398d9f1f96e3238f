"""Encode and decode JPEG XL files, with colour, metadata and tags in the places where readers expect them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from seqsave import Decoded, DecodeError, Encoded, FrameInfo, ImageError, ImageInfo
from seqsave.metadata import exif, icc, stated
from seqsave.metadata.xmp import packet
from seqsave.pictures.color import COLOR_SPACES, H273_PRIMARIES, H273_TRANSFERS, to_xyz
from seqsave.pictures.light import light_of
from seqsave.types import ColorSpace
from seqsave_jxl import codestream, container, libjxl
from seqsave_jxl.codestream import Depth, Head
from seqsave_jxl.light import linear, with_alpha

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seqsave.types import ImageArray

__all__ = ["MAX_SIDE", "JxlEncoder", "distance_of"]

MAX_SIDE = 1 << 30  # annex D, SizeHeader
_HALF = Depth(16, 5)
_DEPTHS = {"uint8": Depth(8), "uint16": Depth(16), "float16": _HALF, "float32": Depth(32, 8)}
_SRGB = COLOR_SPACES["srgb"]  # the default of the codestream
_LINEAR = COLOR_SPACES["linear-srgb"]
_USUAL = (_SRGB, COLOR_SPACES["display-p3"])
_NEAR = 0.002  # what rounding in a profile changes
_NOT_FINITE = "JPEG XL: NaN became black and infinities 65504, because lossy pictures cannot hold them; lossless can"
_TABLES = (
    "left out, as lossy JPEG XL files cannot hold it: an ICC profile with tables of colours; the file states sRGB. "
    "Lossless files keep it"
)
_HEADER = b"Exif\0\0"


class JxlEncoder:
    """Encoder and decoder for still JPEG XL files: grey and RGB, with and without alpha. Stateless."""

    def encode(
        self, image: ImageArray, *, metadata: Mapping[str, str], options: Mapping[str, Any], info: FrameInfo
    ) -> Encoded:
        """Encode one array H,W,C of uint8, uint16, float16 or float32 with 1 to 4 channels.

        Metadata are written to an Exif box, in the form that ComfyUI's front end reads from other formats, and
        ``info.tags`` to an XMP box. The codestream states ``info.color``, or the space, profile, gamma and primaries of
        ``info.image``, or sRGB, the format's default, if there are none.
        Raises ImageError for a side of more than 2 ** 30 pixels, and EncodeError if libjxl fails.
        """
        height, width = image.shape[:2]
        if max(width, height) > MAX_SIDE:
            raise ImageError(
                f"{info.name or 'the picture'} is {width}x{height} pixels: a JPEG XL side has at most {MAX_SIDE}"
            )
        color = info.color or _foreign(info.image)
        profile = info.image.icc if color is None else None
        color = color or _SRGB
        given = _as_given(image, color, lossless=options["lossless"])
        warnings: tuple[str, ...] = ()
        if profile is not None and not options["lossless"]:
            given, color, warnings = _converted(image, given, profile)
            profile = None
        made = libjxl.encode(given, effort=options["effort"], distance=_distance(options))
        depth = _DEPTHS[image.dtype.name]
        alpha = depth if options["lossless"] else _DEPTHS[given.dtype.name]
        stream = codestream.relabelled(container.codestream(made), depth, alpha, color, profile=profile)
        source = info.image
        block, leftover = exif.pack(
            metadata, dpi=info.dpi, aspect=source.pixel_aspect, camera=source.exif, texts=source.texts
        )
        data = container.wrapped(
            stream,
            level=container.content(made, b"jxll"),
            exif=block.removeprefix(_HEADER),
            xmp=packet(info.tags, source.xmp),
        )
        changed = not options["lossless"] and image.dtype.kind == "f" and not np.isfinite(image).all()
        warnings += (_NOT_FINITE,) if changed else ()
        return Encoded(data=data, leftover=leftover, warnings=warnings)

    def decode(self, data: bytes, *, max_pixels: int) -> Decoded:
        """Decode one still JPEG XL file to H,W,C of the stored type: uint8, uint16, float16 or float32.

        Raises DecodeError for a damaged file, an animation, and more than ``max_pixels`` pixels.
        """
        head = codestream.read(container.codestream(data))
        if head.animated:
            raise DecodeError("a JPEG XL animation: only still pictures are read", reason="unsupported")
        if head.width * head.height > max_pixels:
            raise DecodeError(
                f"a JPEG XL picture of {head.width}x{head.height} pixels: at most {max_pixels} are allowed",
                reason="too large",
                pixels=head.width * head.height,
            )
        try:
            array = _pixels(data, head)
        except Exception as error:
            raise DecodeError(f"damaged JPEG XL file: {error}") from error
        if array.ndim != 3 or array.shape[2] > 4:
            raise DecodeError(
                f"a JPEG XL picture of the shape {array.shape}: only grey and RGB, with or without alpha, are read",
                reason="unsupported",
            )
        block = _tiff(container.content(data, b"Exif"))
        xmp = container.content(data, b"xml ")
        info = _completed(stated.image_info(exif_block=block, xmp_packet=xmp, color=head.color), data, head)
        return Decoded(array=array, metadata=exif.unpack(block), info=info)


def _completed(info: ImageInfo, data: bytes, head: Head) -> ImageInfo:
    """Return what Exif and XMP state, with what the codestream does."""
    alpha: Any = ("associated" if head.associated else "straight") if head.alpha else None
    others: dict[str, Any] = {}
    profile, color = None, head.color
    if head.profile and head.xyb:
        # The backend returns lossy pictures with a profile as light, so that the profile does not apply to the values.
        color = _LINEAR
    elif head.profile:
        profile = codestream.profile_in(container.codestream(data), head) or libjxl.profile_of(data)
        if profile is None:
            others["ICC profile"] = True
    if head.intensity is not None:
        others["intensity"] = head.intensity
    # The codestream states the colours, and Exif does not count.
    color = color if profile is None else icc.space_of(profile)
    return replace(
        info,
        color=color,
        icc=profile if color is None else None,
        cicp=head.cicp,
        gamma=head.gamma,
        primaries=head.primaries,
        alpha=alpha,
        attributes=others,
        attributes_of="jxl" if others else "",
    )


def distance_of(quality: int) -> float:
    """Return libjxl's distance for a quality of libjpeg, as in the program cjxl: 1.0 for 90."""
    if quality >= 30:
        return 0.1 + 0.09 * (100 - quality)
    return 53 / 3000 * quality**2 - 23 / 20 * quality + 25


def _as_given(image: ImageArray, color: ColorSpace, *, lossless: bool) -> ImageArray:
    """Return the picture in a form that the backend does not change, or interprets correctly."""
    if lossless:
        # As bits, because the backend's conversion of halves changes the smallest numbers and NaN.
        return image.view(np.uint16) if image.dtype == np.float16 else image
    # The backend interprets 8 bits as sRGB; everything else is passed as light.
    return image if image.dtype == np.uint8 and color == _SRGB else linear(image, color)


def _foreign(source: ImageInfo) -> ColorSpace | None:
    """Return the colour space that a source states in numbers; None if it states none, or one of another kind."""
    transfer: Any = None
    if source.cicp is not None:
        primaries, transfer = H273_PRIMARIES.get(source.cicp[0]), H273_TRANSFERS.get(source.cicp[1])
    elif source.icc is None and source.gamma is not None and source.gamma > 0:
        primaries, transfer = source.primaries or _SRGB.primaries, 1 / source.gamma
    elif source.icc is None and source.primaries is not None:
        primaries, transfer = source.primaries, "linear" if source.attributes_of == "exr" else "srgb"
    if transfer is None or primaries is None or len(primaries) != 4:
        return None
    points: Any = tuple(primaries)
    return ColorSpace(name="", primaries=points, transfer=transfer, cicp=source.cicp)


def _converted(image: ImageArray, values: ImageArray, profile: bytes) -> tuple[ImageArray, ColorSpace, tuple[str, ...]]:
    """Return a picture as light, and the space to state: that of the primaries of its profile, with the curve of sRGB.

    Readers convert lossy pictures from light, and not into the values of a profile. If the profile has tables of
    colours, the picture is ``values``, and the result has a warning.
    """
    light = light_of(ImageInfo(icc=profile), floats=False)
    if light is None:
        return values, _SRGB, (_TABLES,)
    count = 1 if image.shape[2] < 3 else 3
    colors: Any = image[..., :count] if image.dtype != np.float16 else image[..., :count].astype(np.float32)
    with np.errstate(all="ignore"):  # NaN is replaced
        found = light.linear(np.broadcast_to(colors, (*colors.shape[:2], 3)))
    columns = (to_xyz(_SRGB.primaries) @ light.matrix).T
    points: Any = (*((x / (x + y + z), y / (x + y + z)) for x, y, z in columns.tolist()), _SRGB.primaries[3])
    space = next((one for one in _USUAL if np.allclose(one.primaries, points, atol=_NEAR)), None)
    space = space or ColorSpace(name="", primaries=points, transfer="srgb", cicp=None)
    return with_alpha(found[..., :count], image), space, ()


def _distance(options: Mapping[str, Any]) -> float | None:
    """Return the distance; None for lossless."""
    if options["lossless"]:
        return None
    distance: float | None = options["distance"]
    return distance_of(options["quality"]) if distance is None else distance


def _pixels(data: bytes, head: Head) -> ImageArray:
    as_bits = head.depth == _HALF and head.plain and not head.xyb
    if as_bits:
        stream = codestream.relabelled(container.codestream(data), Depth(16), Depth(16))
        data = container.wrapped(stream, level=container.content(data, b"jxll"))
    array = libjxl.decode(data)
    return array.view(np.float16) if as_bits else array


def _tiff(box: bytes) -> bytes:
    start = 4 + int.from_bytes(box[:4], "big")
    return box[start:]
