"""Read with Pillow the files that an encoder's own decoder does not know, where Pillow keeps every bit of them."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seqsave.metadata.pillow import WITHOUT_PROFILE
from seqsave.types import Decoded, ImageInfo

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "bits_per_sample",
    "decode_by_pillow",
    "in_srgb",
    "stated_by_pillow",
    "stated_in_header",
]

# Eight bits, or less. Pillow cuts wider colours off, and gives signed and 32-bit numbers another meaning.
_MODES = frozenset(("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"))
_BITS_PER_SAMPLE = 0x0102
_SAMPLE_FORMAT, _SIGNED = 0x0153, 2


def decode_by_pillow(data: bytes, max_pixels: int) -> Decoded | None:
    """Return the picture as Pillow reads it; None if it cannot, or would lose pictures or bits.

    max_pixels: W x H of the largest picture that is decoded.
    """
    from PIL import Image

    from seqsave.pictures import arrays

    try:
        with Image.open(io.BytesIO(data)) as image:
            if getattr(image, "n_frames", 1) > 1 or image.width * image.height > max_pixels:
                return None
            if image.mode not in _MODES or bits_per_sample(image) > 8 or _is_signed(image):
                return None
            image.load()
            # Arrays of these modes would hold numbers of a palette, or bools.
            picture = image.convert({"PA": "RGBA", "1": "L"}.get(image.mode, image.mode))
            picture, info = in_srgb(picture, stated_by_pillow(image, data))
            return Decoded(array=arrays.as_array(picture), info=info)
    except Exception:  # noqa: BLE001 - Pillow's parsers raise any error for foreign bytes
        return None


def stated_in_header(data: bytes) -> ImageInfo:
    """Return what a file states without decoding it; nothing for a file that Pillow does not open."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as image:
            return stated_by_pillow(image, data)
    except Exception:  # noqa: BLE001 - Pillow's parsers raise any error for foreign bytes
        return ImageInfo()


def bits_per_sample(image: Image) -> int:
    """Return the bits of a TIFF file's samples; 8 for other files, whose mode says it."""
    bits = getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE, (8,))
    return int(max(bits))


def _is_signed(image: Image) -> bool:
    """Return True for a TIFF file of signed bytes, whose sign Pillow ignores."""
    found = getattr(image, "tag_v2", {}).get(_SAMPLE_FORMAT, (1,))
    return _SIGNED in (found if isinstance(found, tuple) else (found,))


def in_srgb(image: Image, info: ImageInfo) -> tuple[Image, ImageInfo]:
    """Return a picture of CMYK as sRGB, if its file has a profile of it, with what it states then; others unchanged."""
    from seqsave.metadata.stated import CMYK_PROFILE

    if image.mode != "CMYK" or CMYK_PROFILE not in info.attributes:
        return image, info
    from seqsave.encoders.inks import as_srgb
    from seqsave.pictures.color import COLOR_SPACES

    shown = as_srgb(image, info.attributes[CMYK_PROFILE])
    return (image, info) if shown is None else (shown, replace(info, color=COLOR_SPACES["srgb"], attributes={}))


def stated_by_pillow(image: Image, data: bytes) -> ImageInfo:
    """Return what a file states, as Pillow reads it. data: the file."""
    from seqsave.metadata import ifd, iptc, stated
    from seqsave.metadata.stated import density

    found: Any = image.info
    # Pillow's None stands for a profile that it cannot read, b"" for none.
    listed = found.get("icc_profile", b"")
    profile = listed or None if isinstance(listed, bytes) else b""
    is_other = image.mode in WITHOUT_PROFILE
    # 1 stands for a TIFF file that states no density.
    sides = [float(side) for side in found.get("dpi") or (0, 0)]
    dpi, aspect = density(*sides) if sides != [1, 1] else (None, None)
    comment = found.get("comment")
    if isinstance(comment, bytes):
        comment = comment.decode("utf-8", "replace")
    # The structure of a TIFF file is that of an Exif block, of which Pillow lists nothing.
    exif_block, xmp_packet = data if image.format == "TIFF" else found.get("exif", b""), found.get("xmp", b"")
    return stated.image_info(
        profile=None if is_other else profile,
        exif_block=exif_block if isinstance(exif_block, bytes) else b"",
        xmp_packet=xmp_packet if isinstance(xmp_packet, bytes) else b"",
        dpi=dpi,
        aspect=aspect,
        texts={"comment": comment} if isinstance(comment, str) and comment else {},
        iptc=iptc.records_in(found, ifd.read(data) if image.format == "TIFF" else {}),
        left=stated.only_named(profile, image.mode) if is_other else None,
    )
