"""Encode and decode AVIF files with imagecodecs (libavif, libaom).

The backend releases the interpreter lock, so several threads encode at the same time, each one picture.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np

from seqsave import Decoded, DecodeError, Encoded, EncodeError, FrameInfo, ImageError, ImageInfo
from seqsave.metadata import exif, icc, stated
from seqsave.metadata.xmp import packet
from seqsave_webp import heif

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seqsave.types import ImageArray

__all__ = ["MAX_SIDE", "AvifEncoder"]

MAX_SIDE = 65_536  # 16 bits, AV1 specification section 5.5.1
_HEADER = b"Exif\0\0"
_LOSSLESS = 100


class AvifEncoder:
    """Encoder and decoder for still AVIF files of 8, 10 and 12 bits: grey, RGB, with or without alpha. Stateless."""

    def encode(
        self, image: ImageArray, *, metadata: Mapping[str, str], options: Mapping[str, Any], info: FrameInfo
    ) -> Encoded:
        """Encode one array H,W,C of uint8 or uint16 with 1 to 4 channels.

        Metadata are written to Exif, as ComfyUI's front end reads them, and ``info.tags`` to XMP. ``info.color`` is
        stated in numbers of ITU-T H.273, or as an ICC profile if it has none. Values of 16 bits are rounded to the
        option ``depth``, by default 10 bits. Raises ImageError for a side of more than 65536 pixels, and EncodeError
        if libavif fails.
        """
        height, width = image.shape[:2]
        if max(width, height) > MAX_SIDE:
            raise ImageError(
                f"{info.name or 'the picture'} is {width}x{height} pixels: an AVIF side has at most {MAX_SIDE}; "
                "scale it, or save it as png"
            )
        depth = options["depth"] or (8 if image.dtype == np.uint8 else 10)
        samples = _scaled(image, depth)
        source = info.image
        block, leftover = exif.pack(metadata, dpi=info.dpi, camera=source.exif, texts=source.texts)
        items = [heif.exif_item(block.removeprefix(_HEADER))] if block else []
        items += [heif.xmp_item(packet(info.tags, source.xmp))] if info.tags or source.xmp is not None else []
        grey = image.shape[2] < 3
        cicp = info.color.cicp if info.color else info.image.cicp
        profile = icc.profile(info.color, grey=grey) if info.color and cicp is None else info.image.icc
        try:
            data = heif.annotated(
                _made(samples, depth, options, cicp),
                items,
                cicp,
                profile,
                grey=grey,
                more=heif.more_properties(source.pixel_aspect, source.light),
            )
        except (RuntimeError, ValueError) as error:
            raise EncodeError(f"libavif cannot encode this picture of {width}x{height} pixels: {error}") from error
        warnings: tuple[str, ...] = ()
        if (
            options["lossless"]
            and samples.dtype == image.dtype == np.uint16
            and (_widened(samples, depth) != image).any()
        ):
            warnings = (f"AVIF: values of 16 bits were rounded to {depth} bits, which are stored exactly",)
        return Encoded(data=data, leftover=leftover, warnings=warnings)

    def decode(self, data: bytes, *, max_pixels: int) -> Decoded:
        """Decode one still AVIF file to H,W,C of uint8, or of uint16 if it has more than 8 bits.

        Raises DecodeError for a damaged file, an animation, and more than ``max_pixels`` pixels.
        """
        about = heif.properties(data)
        if about.animated:
            raise DecodeError("an AVIF animation: only still pictures are read", reason="unsupported")
        if about.width * about.height > max_pixels:
            raise DecodeError(
                f"an AVIF picture of {about.width}x{about.height} pixels: at most {max_pixels} are allowed",
                reason="too large",
                pixels=about.width * about.height,
            )
        try:
            array = imagecodecs.avif_decode(data, numthreads=1)
        except Exception as error:
            raise DecodeError(f"damaged AVIF file: {error}") from error
        if array.ndim == 2:
            array = array[..., None]
        if array.ndim != 3 or array.shape[0] * array.shape[1] > max_pixels:
            raise DecodeError(f"an AVIF picture of the shape {array.shape}, which differs from that in its header")
        if array.dtype == np.uint16:
            array = _widened(array, about.bits)
        block, facts = heif.exif_of(data), heif.facts_of(data)
        # Colours multiplied by alpha are divided by it by the backend.
        alpha: Any = "straight" if array.shape[2] in (2, 4) else None
        info = replace(_stated_in(data, block, facts), alpha=alpha)
        return Decoded(array=heif.turned(array, facts), metadata=exif.unpack(block), info=info)


def _stated_in(data: bytes, block: bytes, facts: heif.Facts) -> ImageInfo:
    # A profile is the statement; the numbers beside it are needed to decode the colours (MIAF, 7.3.6.4).
    cicp = None if facts.profile and icc.is_profile(facts.profile) else facts.cicp
    named = stated.space_of_cicp(*cicp) if cicp else None
    packet_of, aspect = heif.xmp_of(data), facts.aspect
    if aspect is not None and facts.is_turned:
        aspect = 1 / aspect
    found = stated.image_info(profile=facts.profile, exif_block=block, xmp_packet=packet_of, aspect=aspect, color=named)
    is_other = cicp is not None and found.color is None
    return replace(found, cicp=cicp if is_other else None, light=facts.light)


def _made(samples: ImageArray, depth: int, options: Mapping[str, Any], cicp: tuple[int, int] | None) -> bytes:
    settings: dict[str, Any] = {"speed": options["speed"], "bitspersample": depth, "numthreads": 1}
    if options["lossless"] or samples.shape[2] < 3:  # some versions of the backend encode grey only so
        settings["level"] = _LOSSLESS
    else:
        # One less than the quality that the backend treats as lossless.
        settings["level"] = min(options["quality"], _LOSSLESS - 1)
        settings["pixelformat"] = imagecodecs.AVIF.PIXEL_FORMAT["YUV" + options["subsampling"].replace(":", "")]
    if cicp and hasattr(imagecodecs.AVIF, "COLOR_PRIMARIES"):
        # Also in the picture's own header, if the backend can: some readers ignore that of the file.
        settings |= {"primaries": cicp[0], "transfer": cicp[1]}
    return bytes(imagecodecs.avif_encode(samples, **settings))


def _scaled(image: ImageArray, depth: int) -> ImageArray:
    """Return samples of that many bits, rounded to nearest; white stays white."""
    source, top = (255 if image.dtype == np.uint8 else 65_535), (1 << depth) - 1
    return image if source == top else _stretched(image, source, top).astype(np.uint8 if depth == 8 else np.uint16)


def _widened(samples: ImageArray, depth: int) -> ImageArray:
    """Return samples of 10 or 12 bits as 16 bits."""
    top = (1 << depth) - 1
    return _stretched(np.minimum(samples, top), top, 65_535).astype(np.uint16)


def _stretched(values: Any, old: int, new: int) -> ImageArray:
    stretched: ImageArray = (values.astype(np.uint32) * np.uint32(new) + np.uint32(old // 2)) // np.uint32(old)
    return stretched
