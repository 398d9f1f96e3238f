"""JPEG XL: array in, bytes out, and back, with colour, metadata and tags where readers look for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from seqsave import Decoded, DecodeError, Encoded, FrameInfo, ImageError
from seqsave.metadata import exif
from seqsave.metadata.xmp import packet
from seqsave.pictures.color import COLOR_SPACES
from seqsave_jxl import codestream, container, libjxl
from seqsave_jxl.codestream import Depth, Head
from seqsave_jxl.light import linear

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seqsave.types import ColorSpace, ImageArray

__all__ = ["MAX_SIDE", "JxlEncoder", "distance_of"]

MAX_SIDE = 1 << 30  # annex D, SizeHeader
_HALF = Depth(16, 5)
_DEPTHS = {"uint8": Depth(8), "uint16": Depth(16), "float16": _HALF, "float32": Depth(32, 8)}
_SRGB = COLOR_SPACES["srgb"]  # what a codestream says that says nothing
_NOT_FINITE = "JPEG XL: NaN became black and infinities 65504, as lossy pictures hold numbers only; lossless keeps them"
_HEADER = b"Exif\0\0"


class JxlEncoder:
    """Encodes and decodes still JPEG XL files: grey and RGB, with and without alpha. Keeps no state."""

    def encode(
        self, image: ImageArray, *, metadata: Mapping[str, str], options: Mapping[str, Any], info: FrameInfo
    ) -> Encoded:
        """Encode one array H,W,C of uint8, uint16, float16 or float32 with 1 to 4 channels.

        Metadata goes into an Exif box as ComfyUI's front end reads it in other formats, ``info.tags`` into an XMP
        box. The codestream states ``info.color``; sRGB, the format's own default, when that is None.
        Raises ImageError for a side of more than 2 ** 30 pixels, EncodeError when libjxl fails.
        """
        height, width = image.shape[:2]
        if max(width, height) > MAX_SIDE:
            raise ImageError(
                f"{info.name or 'the picture'} is {width}x{height} pixels: a JPEG XL side has at most {MAX_SIDE}"
            )
        color = info.color or _SRGB
        given = _as_given(image, color, lossless=options["lossless"])
        made = libjxl.encode(given, effort=options["effort"], distance=_distance(options))
        depth = _DEPTHS[image.dtype.name]
        alpha = depth if options["lossless"] else _DEPTHS[given.dtype.name]
        stream = codestream.relabelled(container.codestream(made), depth, alpha, color)
        block, leftover = exif.pack(metadata, dpi=info.dpi)
        data = container.wrapped(
            stream,
            level=container.content(made, b"jxll"),
            exif=block.removeprefix(_HEADER),
            xmp=packet(info.tags),
        )
        told = not options["lossless"] and image.dtype.kind == "f" and not np.isfinite(image).all()
        return Encoded(data=data, leftover=leftover, warnings=(_NOT_FINITE,) if told else ())

    def decode(self, data: bytes, *, max_pixels: int) -> Decoded:
        """Decode one still JPEG XL file to uint8, uint16, float16 or float32 of shape H,W,C, as it was stored.

        Raises DecodeError for unsound data, an animation, and more than ``max_pixels`` pixels.
        """
        head = codestream.read(container.codestream(data))
        if head.animated:
            raise DecodeError("a JPEG XL animation: only still pictures are read")
        if head.width * head.height > max_pixels:
            raise DecodeError(
                f"a JPEG XL picture of {head.width}x{head.height} pixels: at most {max_pixels} are allowed"
            )
        try:
            array = _pixels(data, head)
        except Exception as error:
            raise DecodeError(f"not a sound JPEG XL file: {error}") from error
        if array.ndim != 3 or array.shape[2] > 4:
            raise DecodeError(f"a JPEG XL picture of the shape {array.shape}: only grey and RGB, and alpha, are read")
        return Decoded(array=array, metadata=exif.unpack(_tiff(container.content(data, b"Exif"))))


def distance_of(quality: int) -> float:
    """Distance in libjxl's terms for a quality in those of libjpeg, as the program cjxl has it: 90 is 1.0."""
    if quality >= 30:
        return 0.1 + 0.09 * (100 - quality)
    return 53 / 3000 * quality**2 - 23 / 20 * quality + 25


def _as_given(image: ImageArray, color: ColorSpace, *, lossless: bool) -> ImageArray:
    """The picture as the backend takes it without a change, or for what it is."""
    if lossless:
        # As bits: the backend's own way from halves changes the smallest of them, and what is not a number.
        return image.view(np.uint16) if image.dtype == np.float16 else image
    # 8 bits of sRGB is what the backend takes bytes for; everything else is given to it as light.
    return image if image.dtype == np.uint8 and color == _SRGB else linear(image, color)


def _distance(options: Mapping[str, Any]) -> float | None:
    """None is without loss."""
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
