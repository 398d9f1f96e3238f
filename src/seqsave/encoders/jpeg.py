"""Encode JPEG files with Pillow, on all cores, with texts in Exif, XMP and an ICC profile."""

from __future__ import annotations

import io
import os
import tempfile
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageFile, JpegImagePlugin

from seqsave.encoders.inks import as_srgb
from seqsave.errors import DecodeError, ImageError
from seqsave.metadata import exif, icc, iptc, stated
from seqsave.metadata.xmp import packet
from seqsave.pictures.color import COLOR_SPACES
from seqsave.pictures.pillow import copied
from seqsave.runtime.threads import ForkSafeLock
from seqsave.types import Decoded, Encoded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from seqsave.types import FrameInfo, ImageArray, ImageInfo

    Bytes = npt.NDArray[np.uint8]

__all__ = ["JpegEncoder"]

_LONGEST_SIDE = 65_500  # libjpeg's own limit, a little under the 65,535 of the format
_DENSEST = 65_535  # pixels per inch, 16 bits in JFIF
_BLOCK_ROWS = 32
_SCAN = b"\xff\xda"  # never in compressed data, where 0xFF is followed by zero (T.81, B.1.1.5)
_ORIENTATION, _TURNED = 0x0112, range(5, 9)  # Exif 2.32, 4.6.4: sides are exchanged
_MOST_SCANS = 1000  # progressive files have about ten; bytes of a profile or preview may look like some more
_COMMENT = "comment"
_HEADERS = 8192  # bytes, more than libjpeg's own headers take
_PASSES = ("progressive", "optimize")
_MOST_ROOM = 1 << 28  # bytes of a buffer, which takes memory as far as it is filled
_growing = ForkSafeLock()
# Bytes of a segment that its own name takes, and in Exif the density.
_EXIF_ROOM, _XMP_ROOM = 64, len(b"http://ns.adobe.com/xap/1.0/\0")
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
        """Encode an array H,W,C of uint8 as grey or RGB.

        options: ``quality`` 1 to 100; ``subsampling`` of the colours, ``"4:4:4"``, ``"4:2:2"`` or ``"4:2:0"``;
                 ``alpha``, ``"drop"`` (colours are unchanged), ``"black"`` or ``"white"`` (composited over it; alpha is
                 not premultiplied); ``progressive``; ``optimize``.
        info:    ``tags`` are written to an XMP segment, ``color`` as an ICC profile, ``dpi`` to JFIF, rounded, and to
                 Exif.

        ``leftover`` contains texts that do not fit into the 65,533 bytes of an Exif segment. Raises ImageError for a
        picture with a side of more than 65,500 pixels, which libjpeg does not write.
        """
        height, width = image.shape[:2]
        if max(height, width) > _LONGEST_SIDE:
            raise ImageError(
                f"JPEG holds at most {_LONGEST_SIDE} x {_LONGEST_SIDE} pixels, and this picture is {width} x {height}: "
                "scale it, or save it as png"
            )
        info, warnings = _within_segments(info)
        block, leftover = exif.pack(
            metadata,
            exif.JPEG_LIMIT,
            dpi=info.dpi,
            aspect=info.image.pixel_aspect,
            camera=info.image.exif,
            texts=_comments(info.image.texts) if info.image.texts else {},
        )
        about, more = _about(info, grey=image.shape[2] < 3)
        warnings += more
        settings = about | {
            "quality": options.get("quality", 95),
            "subsampling": options.get("subsampling", "4:4:4"),
            "exif": block,
        }
        passes = {name: True for name in _PASSES if options.get(name)}
        alpha = options.get("alpha", "drop")
        if alpha == "drop" and _is_translucent(image):
            warnings += ("JPEG has no alpha: it was dropped; option alpha='black' or 'white' composites the picture",)
        picture = _picture(image, alpha)
        try:
            data = _saved(picture, settings | passes)
        except OSError:
            # With these two, the whole file must fit into Pillow's buffer.
            if not passes:
                raise
            data = _saved(picture, settings)
            warnings += (f"JPEG: written without {' and '.join(passes)}, because the picture is too noisy for Pillow",)
        return Encoded(data=data, leftover=leftover, warnings=warnings)

    def decode(self, data: bytes, *, max_pixels: int) -> Decoded:
        """Decode a JPEG to uint8, H,W,1 or H,W,3.

        Raises DecodeError for truncated and damaged files, and for more than ``max_pixels`` pixels.
        """
        return self.decode_reduced(data, max_pixels=max_pixels, least_width=None)

    def decode_reduced(
        self, data: bytes, *, max_pixels: int, least_width: Callable[[int], int] | None = None
    ) -> Decoded:
        """Decode a JPEG as ``decode``, to a half, a quarter or an eighth of its sides if that is enough.

        least_width: called with the width of the picture as it is shown; returns the least width that is needed. The
                     decoder averages pixels at no cost.
        """
        # A scan of a few bytes makes the decoder process the whole picture.
        if _scans_in(data) > _MOST_SCANS:
            raise DecodeError(
                f"this JPEG has more than the allowed {_MOST_SCANS} scans of its picture", reason="unsupported"
            )
        try:
            # The class is used because Image.open has its own limit on pixels.
            picture: Any = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
            width, height = picture.size
            if width * height <= max_pixels:
                if least_width is not None:
                    _draft(picture, least_width)
                picture.load()
        except Exception as error:
            raise DecodeError(f"this JPEG is damaged, or is not a JPEG: {error}") from error
        if width * height > max_pixels:
            raise DecodeError(
                f"this JPEG has {width} x {height} pixels, more than the allowed {max_pixels}: "
                "raise max_pixels to decode it",
                reason="too large",
                pixels=width * height,
            )
        block = picture.info.get("exif", b"")
        info = _stated_in(picture, block)
        profile = info.attributes.get(stated.CMYK_PROFILE)
        shown = as_srgb(picture, profile) if profile is not None and picture.mode == "CMYK" else None
        if shown is not None:
            picture, info = shown, replace(info, color=COLOR_SPACES["srgb"], attributes={})
        return Decoded(array=copied(picture), metadata=exif.unpack(block), info=info)


def _scans_in(data: bytes) -> int:
    """Return how often ``_SCAN`` is in a file. ``bytes.count`` takes eight times as long, and holds the lock."""
    read: Bytes = np.frombuffer(data, np.uint8)
    return int(np.count_nonzero((read[:-1] == _SCAN[0]) & (read[1:] == _SCAN[1])))


def _draft(picture: Any, least_width: Callable[[int], int]) -> None:
    """Let the decoder make a smaller picture that is wide enough."""
    is_turned = picture.getexif().get(_ORIENTATION, 1) in _TURNED
    wide = picture.size[is_turned]
    least = least_width(wide)
    scale = next((scale for scale in (8, 4, 2) if wide >= least * scale), 1)
    if scale > 1:
        picture.draft(None, tuple(max(1, side // scale) for side in picture.size))


def _within_segments(info: FrameInfo) -> tuple[FrameInfo, tuple[str, ...]]:
    """Return the facts without those that are longer than a segment of a JPEG file, and a warning of each."""
    image, lost = info.image, []
    if image.exif is not None and len(image.exif) > exif.JPEG_LIMIT - _EXIF_ROOM:
        image, lost = replace(image, exif=None), ["Exif data of camera, place and time"]
    tags = info.tags
    if tags or image.xmp is not None:
        tags, packed, more = _within_xmp(tags, image.xmp)
        if packed is not image.xmp:
            image = replace(image, xmp=packed)
        lost += more
    if image.iptc is not None and len(image.iptc) > iptc.JPEG_LIMIT:
        image, lost = replace(image, iptc=None), [*lost, "IPTC data"]
    if _COMMENT in image.texts and len(image.texts[_COMMENT].encode()) > exif.JPEG_LIMIT:
        texts = {name: text for name, text in image.texts.items() if name != _COMMENT}
        image, lost = replace(image, texts=texts), [*lost, f"text {_COMMENT}"]
    if not lost:
        return info, ()
    warnings = (f"left out, as a part of a JPEG file holds {exif.JPEG_LIMIT} bytes at most: {name}" for name in lost)
    return replace(info, image=image, tags=tags), tuple(warnings)


def _within_xmp(tags: Mapping[str, str], source: bytes | None) -> tuple[Mapping[str, str], bytes | None, list[str]]:
    """Return the tags and the source's packet that fit into one segment, and the names of those that do not.

    The largest go first, so that those of a setting, which are short, stay.
    """
    lost: list[str] = []
    while (tags or source is not None) and len(packet(tags, source)) > exif.JPEG_LIMIT - _XMP_ROOM:
        longest = max(tags, key=lambda name: len(tags[name].encode()), default="")
        if source is not None and len(source) >= len(tags.get(longest, "").encode()):
            source, lost = None, ["further properties in XMP", *lost]
        else:
            tags, lost = {name: text for name, text in tags.items() if name != longest}, [*lost, f"tag {longest}"]
    return tags, source, lost


def _about(info: FrameInfo, *, grey: bool) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return Pillow's settings for colour, density and XMP, and warnings about facts that cannot be stated."""
    about: dict[str, Any] = {}
    if info.tags or info.image.xmp is not None:
        about["xmp"] = packet(info.tags, info.image.xmp)
    if _COMMENT in info.image.texts:
        about["comment"] = info.image.texts[_COMMENT].encode()
    if info.image.iptc is not None:
        about["extra"] = iptc.jpeg_segment(info.image.iptc)
    if info.dpi is not None:
        about["dpi"] = tuple(_density(info.dpi * scale) for scale in (1, info.image.pixel_aspect or 1))
    if info.color is None:
        return about if info.image.icc is None else about | {"icc_profile": info.image.icc}, ()
    profile = icc.profile(info.color, grey=grey)
    if profile is None:
        return about, (
            f"JPEG: the file does not state the colour space {info.color.name}, because an ICC profile cannot",
        )
    return about | {"icc_profile": profile}, ()


def _density(value: float) -> int:
    return min(_DENSEST, max(1, round(value)))


def _comments(texts: Mapping[str, str]) -> dict[str, str]:
    """Return the texts for Exif; a comment has a segment of its own."""
    return {name: text for name, text in texts.items() if name != _COMMENT}


def _stated_in(picture: Any, block: bytes) -> ImageInfo:
    found: dict[str, Any] = picture.info
    # The profile of CMYK does not apply to the RGB that the picture becomes.
    is_cmyk = picture.mode not in ("L", "RGB")
    # Pillow's None stands for a profile some of whose segments are missing.
    profile = (found["icc_profile"] or b"") if "icc_profile" in found else None
    # A unit of 0 says that the two densities are only a ratio: ITU T.871, section 10.1.
    is_ratio = found.get("jfif_unit") == 0
    sides = found.get("jfif_density" if is_ratio else "dpi", (0, 0)) if "jfif_density" in found else (0, 0)
    dpi, aspect = stated.density(*sides)
    comment = found.get("comment", b"")
    return stated.image_info(
        profile=None if is_cmyk else profile,
        exif_block=block,
        xmp_packet=found.get("xmp", b""),
        dpi=None if is_ratio else dpi,
        aspect=aspect,
        texts={_COMMENT: comment.decode("utf-8", "replace")} if comment else {},
        iptc=iptc.records_in(found, {}),
        left=stated.only_named(profile, "CMYK") if is_cmyk else None,
    )


def _is_translucent(image: ImageArray) -> bool:
    return image.shape[2] in (2, 4) and bool((image[..., -1] != 255).any())


def _picture(image: ImageArray, alpha: str) -> Image.Image:
    pixels: Bytes = image.astype(np.uint8, copy=False)
    height, width, channels = pixels.shape
    if channels in (2, 4) and alpha != "drop":
        pixels = _laid_over(pixels, _BACKGROUNDS[alpha])
    elif channels == 4:  # as RGB with a fourth byte that is ignored, so that nothing is copied
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
        for channel in range(channels - 1):  # one by one, because numpy is slow with a short innermost axis
            mixed = block[..., channel] * alpha + behind
            out[top : top + _BLOCK_ROWS, :, channel] = (mixed + (mixed >> 8)) >> 8  # divided by 255, rounded to nearest
    return out


def _saved(picture: Image.Image, settings: Mapping[str, Any]) -> bytes:
    # Pillow holds the interpreter's lock while it encodes into a Python object, so that two threads are as slow as one.
    # It releases the lock while it encodes into a file descriptor. Therefore a file in memory is used, where possible.
    segments = sum([len(part) for part in settings.values() if isinstance(part, bytes)])
    _make_room(segments, None if settings.keys().isdisjoint(_PASSES) else picture)
    with _memory_file() as file:
        picture.save(file, "JPEG", **settings)
        file.seek(0)
        return file.read()


def _make_room(segments: int, whole: Image.Image | None) -> None:
    """Let Pillow's buffer hold all segments before the pixels, which Pillow needs before version 13. It only grows.

    whole: a picture whose whole file has to fit. Pillow counts one or two bytes for each pixel, and noise takes three.
    """
    needed = segments + _HEADERS if segments > _HEADERS else 0
    if whole is not None:
        room = segments + _HEADERS + whole.width * whole.height * (2 if whole.mode == "L" else 4)
        needed = max(needed, room if room <= _MOST_ROOM else 0)
    if needed <= ImageFile.MAXBLOCK:
        return
    with _growing:  # otherwise a thread that needs less could take back what another one needs
        ImageFile.MAXBLOCK = max(ImageFile.MAXBLOCK, needed)


def _memory_file() -> IO[bytes]:
    try:
        return os.fdopen(os.memfd_create("seqsave"), "w+b", buffering=0)
    except (AttributeError, OSError):  # not Linux, or no permission
        pass
    try:
        return tempfile.TemporaryFile(buffering=0)
    except OSError:  # no space or no right to write: slower, but the frame is saved
        return io.BytesIO()
