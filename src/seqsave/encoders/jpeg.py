"""JPEG through Pillow, on all cores, with texts in Exif, XMP and a profile; alpha is dropped or laid over a colour."""

from __future__ import annotations

import io
import os
import tempfile
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from PIL import Image, JpegImagePlugin

from seqsave.errors import DecodeError, ImageError
from seqsave.metadata import exif, icc
from seqsave.metadata.xmp import packet
from seqsave.pictures.arrays import as_array
from seqsave.types import Decoded, Encoded

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from seqsave.types import FrameInfo, ImageArray

    Bytes = npt.NDArray[np.uint8]

__all__ = ["JpegEncoder"]

_LONGEST_SIDE = 65_500  # libjpeg's own limit, a little under the 65,535 of the format
_DENSEST = 65_535  # pixels per inch, 16 bits in JFIF
_BLOCK_ROWS = 32
_SCAN = b"\xff\xda"  # in no compressed data: T.81, B.1.1.5 puts a zero behind 0xFF there
_MOST_SCANS = 1000  # progressive files have about ten, and a few bytes of a profile or preview may look like one
_BACKGROUNDS = {"black": 0, "white": 255}


class JpegEncoder:
    """JPEG for uint8 with 1 to 4 channels."""

    def encode(
        self,
        image: ImageArray,
        *,
        metadata: Mapping[str, str],
        options: Mapping[str, Any],
        info: FrameInfo,
    ) -> Encoded:
        """Encode an array H,W,C of uint8 as grey or colours.

        Options: ``quality`` 1 to 100; ``subsampling`` of the colours, ``"4:4:4"``, ``"4:2:2"`` or ``"4:2:0"``;
        ``alpha``, ``"drop"`` (colours stay as they are), ``"black"`` or ``"white"`` (laid over it, alpha not
        premultiplied); ``progressive``; ``optimize``. Texts beyond the 65,533 bytes of an Exif segment are left over.
        ``info.tags`` are in an XMP segment, ``info.color`` is an ICC profile, and ``info.dpi`` stands in JFIF, rounded,
        and in Exif.
        Raises ImageError for pictures with a side over 65,500 pixels, which libjpeg does not write.
        """
        height, width = image.shape[:2]
        if max(height, width) > _LONGEST_SIDE:
            raise ImageError(
                f"JPEG holds at most {_LONGEST_SIDE} x {_LONGEST_SIDE} pixels, and this picture is {width} x {height}: "
                "scale it, or save it as png"
            )
        block, leftover = exif.pack(metadata, exif.JPEG_LIMIT, dpi=info.dpi)
        about, warnings = _about(info, grey=image.shape[2] < 3)
        settings = about | {
            "quality": options.get("quality", 95),
            "subsampling": options.get("subsampling", "4:4:4"),
            "exif": block,
        }
        passes = {name: True for name in ("progressive", "optimize") if options.get(name)}
        picture = _picture(image, options.get("alpha", "drop"))
        try:
            data = _saved(picture, settings | passes)
        except OSError:
            # With these two Pillow sets aside one or two bytes per pixel for the whole file, and gives up on a noisy
            # picture that needs more.
            if not passes:
                raise
            data = _saved(picture, settings)
            warnings += (f"JPEG: written without {' and '.join(passes)}, as the picture is too noisy for Pillow's way",)
        return Encoded(data=data, leftover=leftover, warnings=warnings)

    def decode(self, data: bytes, *, max_pixels: int) -> Decoded:
        """Decode a JPEG to uint8, H,W,1 or H,W,3.

        Raises DecodeError on what is not a whole JPEG, and on more than ``max_pixels`` pixels.
        """
        # Each scan goes over the whole picture, and takes a few bytes.
        if data.count(_SCAN) > _MOST_SCANS:
            raise DecodeError(f"this JPEG goes over its picture more than {_MOST_SCANS} times: it is not sound")
        try:
            # The class and not Image.open: that one has a limit of its own on pixels.
            picture: Any = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
            width, height = picture.size
            if width * height <= max_pixels:
                picture.load()
        except Exception as error:
            raise DecodeError(f"this JPEG is damaged, or none at all: {error}") from error
        if width * height > max_pixels:
            raise DecodeError(
                f"this JPEG has {width} x {height} pixels, more than the {max_pixels} that are allowed; "
                "raise max_pixels if it is meant to be that large"
            )
        array = np.array(as_array(picture))  # in memory of its own, that may be changed
        return Decoded(array=array, metadata=exif.unpack(picture.info.get("exif", b"")))


def _about(info: FrameInfo, *, grey: bool) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What Pillow is to write beside the pixels and Exif, and what cannot be stated."""
    about: dict[str, Any] = {"xmp": packet(info.tags)} if info.tags else {}
    if info.dpi is not None:
        density = min(_DENSEST, max(1, round(info.dpi)))
        about["dpi"] = (density, density)
    if info.color is None:
        return about, ()
    profile = icc.profile(info.color, grey=grey)
    if profile is None:
        return about, (f"JPEG: the file does not say that its colours are {info.color.name}, as no profile can",)
    return about | {"icc_profile": profile}, ()


def _picture(image: ImageArray, alpha: str) -> Image.Image:
    pixels: Bytes = image.astype(np.uint8, copy=False)
    height, width, channels = pixels.shape
    if channels in (2, 4) and alpha != "drop":
        pixels = _laid_over(pixels, _BACKGROUNDS[alpha])
    elif channels == 4:  # as RGB with a fourth byte that is not looked at; nothing is copied
        return Image.frombuffer("RGBX", (width, height), np.ascontiguousarray(pixels), "raw", "RGBX", 0, 1)
    if channels < 3:
        pixels = pixels[..., 0]
    return Image.fromarray(pixels)


def _laid_over(pixels: Bytes, background: int) -> Bytes:
    height, width, channels = pixels.shape
    out: Bytes = np.empty((height, width, channels - 1), np.uint8)
    for top in range(0, height, _BLOCK_ROWS):
        block = pixels[top : top + _BLOCK_ROWS]
        alpha = block[..., -1].astype(np.uint16)
        behind = background * (255 - alpha) + 128
        for channel in range(channels - 1):  # one by one, as numpy is slow where the innermost axis is short
            mixed = block[..., channel] * alpha + behind
            out[top : top + _BLOCK_ROWS, :, channel] = (mixed + (mixed >> 8)) >> 8  # divided by 255, to nearest
    return out


def _saved(picture: Image.Image, settings: Mapping[str, Any]) -> bytes:
    # Into an object in Python Pillow encodes while it holds the interpreter's lock, so that two threads are as slow
    # as one. Into something with a file descriptor it does not. So a file that lies in memory, where there is such.
    with _memory_file() as file:
        picture.save(file, "JPEG", **settings)
        file.seek(0)
        return file.read()


def _memory_file() -> IO[bytes]:
    try:
        return os.fdopen(os.memfd_create("seqsave"), "w+b", buffering=0)
    except (AttributeError, OSError):  # not Linux, or not allowed
        pass
    try:
        return tempfile.TemporaryFile(buffering=0)
    except OSError:  # no room or no right to write: slower, but the frame is saved
        return io.BytesIO()
