"""Encode and decode WebP files with Pillow.

Pillow releases the interpreter lock while libwebp encodes, so several threads encode at the same time.
The container is described in RFC 9649.
"""

from __future__ import annotations

import io
import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.WebPImagePlugin import WebPImageFile

from seqsave import Decoded, DecodeError, Encoded, EncodeError, FrameInfo, ImageError
from seqsave.metadata import exif, icc, stated
from seqsave.metadata.xmp import packet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seqsave.types import ImageArray

__all__ = ["MAX_SIDE", "WebpEncoder"]

MAX_SIDE = 16383  # 14 bits, RFC 9649 section 2.5


class WebpEncoder:
    """Encoder and decoder for still WebP files, 8 bit, RGB or RGBA. Stateless."""

    def encode(
        self, image: ImageArray, *, metadata: Mapping[str, str], options: Mapping[str, Any], info: FrameInfo
    ) -> Encoded:
        """Encode one H,W,3 or H,W,4 array of uint8.

        Metadata are written to Exif, as ComfyUI's front end reads them: ``prompt`` in Model, ``workflow`` in Make; so
        is ``info.dpi``. ``info.tags`` are written to an XMP chunk, and ``info.color`` as an ICC profile. Raises
        ImageError for a side of more than 16383 pixels, and EncodeError if libwebp fails.
        """
        height, width = image.shape[:2]
        if max(width, height) > MAX_SIDE:
            raise ImageError(
                f"{info.name or 'the picture'} is {width}x{height} pixels: a WebP side has at most {MAX_SIDE}; "
                "scale it, or save it as png"
            )
        source = info.image
        block, leftover = exif.pack(
            metadata, dpi=info.dpi, aspect=source.pixel_aspect, camera=source.exif, texts=source.texts
        )
        profile = icc.profile(info.color) if info.color else info.image.icc
        about = {"exif": block, "xmp": packet(info.tags, source.xmp), "icc_profile": profile or b""}
        file = io.BytesIO()
        try:
            Image.fromarray(image).save(file, "WEBP", **about, **options)
        except (OSError, ValueError) as error:
            raise EncodeError(f"libwebp cannot encode this picture of {width}x{height} pixels: {error}") from error
        warnings: tuple[str, ...] = ()
        if info.color and not profile:
            warnings = (
                f"WebP: the file does not state the colour space {info.color.name}, because an ICC profile cannot",
            )
        return Encoded(data=file.getvalue(), leftover=leftover, warnings=warnings)

    def decode(self, data: bytes, *, max_pixels: int) -> Decoded:
        """Decode one still WebP file to uint8 of shape H,W,3, or H,W,4 if it has alpha.

        Raises DecodeError for a damaged file, an animation, and more than ``max_pixels`` pixels.
        """
        # Checked first, because libwebp allocates memory for the picture when it opens the file.
        width, height = _size(data[:30])
        if width * height > max_pixels:
            raise DecodeError(
                f"a WebP picture of {width}x{height} pixels: at most {max_pixels} are allowed",
                reason="too large",
                pixels=width * height,
            )
        try:
            # Image.open is not used, because it has its own limit on pixels, and only warns.
            with WebPImageFile(io.BytesIO(data)) as picture:
                frames = getattr(picture, "n_frames", 1)
                if frames > 1:
                    raise DecodeError(
                        f"a WebP animation of {frames} pictures: only still pictures are read", reason="unsupported"
                    )
                array = np.array(picture)
                block = picture.info.get("exif", b"")
                info = stated.image_info(
                    profile=picture.info.get("icc_profile"), exif_block=block, xmp_packet=picture.info.get("xmp", b"")
                )
                if array.shape[2] == 4:
                    info = replace(info, alpha="straight")  # RFC 9649, section 2.3
        except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError) as error:
            if isinstance(error, DecodeError):
                raise
            raise DecodeError(f"damaged WebP file: {error}") from error
        return Decoded(array=array, metadata=exif.unpack(block), info=info)


def _size(header: bytes) -> tuple[int, int]:
    """Return width and height, from the first 30 bytes (RFC 9649 sections 2.5 to 2.7)."""
    kind, length = header[12:16] if header[:4] == b"RIFF" and header[8:12] == b"WEBP" else b"", len(header)
    if kind == b"VP8X" and length >= 30:
        return int.from_bytes(header[24:27], "little") + 1, int.from_bytes(header[27:30], "little") + 1
    if kind == b"VP8L" and length >= 25 and header[20] == 0x2F:
        bits = int.from_bytes(header[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and length >= 30 and header[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", header, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise DecodeError("not a WebP file")
