"""Encode and decode OpenEXR files with the OpenEXR library.

The library releases the interpreter lock while it compresses, so several threads encode at the same time, each its own
picture. Values are not changed, except that colours are multiplied by alpha with the option ``alpha="straight"``.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import OpenEXR

from seqsave import Decoded, DecodeError, Encoded, EncodeError, FrameInfo
from seqsave.metadata.xmp import packet
from seqsave_exr.channels import alpha_of, names_for, ordered
from seqsave_exr.header import Header, read_header
from seqsave_exr.timecode import time_code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seqsave.types import ColorSpace, ImageArray

__all__ = ["ORDER", "ExrEncoder", "channel_names"]

ORDER = "seqsave:channels"
"""The attribute with the order of channels, written if it differs from the reading order."""

_THIS_THREAD = 0  # no thread pool in the library, because the caller has one
_LONGEST_NAME = 255
_KINDS = ("<u4", "<f2", "<f4")
_INT32, _UINT32 = (1 << 31) - 1, (1 << 32) - 1

_TAGS = {"artist": "Artist", "copyright": "owner", "description": "comments", "software": "Software"}
# Attributes of the format itself: metadata of these names are neither written nor read.
_RESERVED = frozenset(
    (
        *("channels", "compression", "dataWindow", "displayWindow", "lineOrder", "pixelAspectRatio", "preview"),
        *("screenWindowCenter", "screenWindowWidth", "tiles", "type", "name", "view", "version", "chunkCount"),
        *("maxSamplesPerPixel", "chromaticities", "timeCode", "framesPerSecond", "imageCounter", "xDensity"),
        *("dwaCompressionLevel", "whiteLuminance", "adoptedNeutral", "utcOffset", "longitude", "latitude", "altitude"),
        *("focus", "expTime", "aperture", "isoSpeed", "envmap", "keyCode", "multiView", "worldToCamera", "worldToNDC"),
        *("deepImageState", "originalDataWindow", "colorInteropID", "capDate", "xmp", *_TAGS.values()),
        ORDER,
    )
)
_INTEROP_IDS = {
    "srgb": "srgb_rec709_scene",
    "display-p3": "srgb_p3d65_scene",
    "linear-srgb": "lin_rec709_scene",
    "linear-p3": "lin_p3d65_scene",
    "linear-rec2020": "lin_rec2020_scene",
    "acescg": "lin_ap1_scene",
    "aces2065-1": "lin_ap0_scene",
}


class ExrEncoder:
    """Encoder and decoder for single-part EXR files of scan lines, half or float. Stateless."""

    def encode(
        self, image: ImageArray, *, metadata: Mapping[str, str], options: Mapping[str, Any], info: FrameInfo
    ) -> Encoded:
        """Encode one array H,W,C of float16 (half) or float32 (float).

        A lossless compression preserves every bit of every value. Metadata are written as string attributes. Raises
        OptionError for channel names that do not match the picture and for drop frame at a rate without it, and
        EncodeError if the library fails.
        """
        names = names_for(image.shape[2], options["channel_names"])
        header = _about(info, options["drop_frame"])
        if names != ordered(names):
            header[ORDER] = ",".join(names)
        fitting = {name: text for name, text in metadata.items() if name not in header and _fits(name, text)}
        header |= {
            **fitting,
            "compression": _compression(options["compression"]),
            "type": OpenEXR.scanlineimage,
        }
        if options["compression"].startswith("dwa"):
            header["dwaCompressionLevel"] = float(options["dwa_level"])
        channels = _planes(image, names, straight=options["alpha"] == "straight")
        leftover = {name: text for name, text in metadata.items() if name not in fitting}
        return Encoded(data=_written(header, channels, info), leftover=leftover, warnings=_warnings(info.color))

    def decode(self, data: bytes, *, max_pixels: int) -> Decoded:
        """Decode the data window of one EXR file to float16 or float32 of shape H,W,C.

        The dtype is float32 if channels differ, and float64 if some are 32-bit integers. Channels are in the order in
        which seqsave wrote them; from other files, colours first, then layers by name: ``channel_names`` returns the
        order. ``canvas`` is the size of the display window where that is another one.

        Raises DecodeError for damaged, deep and multi-part files, and for more than ``max_pixels`` pixels.
        """
        header = read_header(data, max_pixels)
        names = _names(data, header)
        planes = _read(data, header, names)
        dtype = np.result_type(*{plane.dtype for plane in planes})
        array = np.empty((header.height, header.width, len(planes)), dtype)
        for place, plane in enumerate(planes):
            array[..., place] = plane
        return Decoded(array=array, metadata=_texts(data, header), canvas=header.canvas)


def channel_names(data: bytes) -> tuple[str, ...]:
    """Return the names of a file's channels, in the order in which ``decode`` returns them.

    Raises DecodeError for files other than EXR files of one flat picture.
    """
    return _names(data, read_header(data, _UINT32**2))


# --- writing --------------------------------------------------------------------------------------------------------


def _about(info: FrameInfo, drop_frame: bool) -> dict[str, Any]:
    """Return the standard attributes of a frame. None is a date, so that the same picture gives the same file."""
    header: dict[str, Any] = {_TAGS[name]: text for name, text in info.tags.items() if name in _TAGS}
    if info.tags:
        header["xmp"] = packet(info.tags).decode()  # the attribute that darktable uses
    if info.index <= _INT32:
        header["imageCounter"] = info.index
    if info.dpi is not None:
        header["xDensity"] = float(info.dpi)
    if info.color is not None:
        header["chromaticities"] = tuple(value for point in info.color.primaries for value in point)
        if info.color.name in _INTEROP_IDS:
            header["colorInteropID"] = _INTEROP_IDS[info.color.name]
    if info.rate is None:
        return header
    if info.rate.numerator <= _INT32 and info.rate.denominator <= _UINT32:
        header["framesPerSecond"] = info.rate
    code = time_code(info.index, info.rate, drop_frame)
    if code is not None:
        flags = (code.drop_frame, False, code.second_of_pair, *(3 * (False,)), *(8 * (0,)))
        header["timeCode"] = OpenEXR.TimeCode(code.hours, code.minutes, code.seconds, code.frame, *flags)
    return header


def _compression(name: str) -> Any:
    return getattr(OpenEXR, f"{'NO' if name == 'none' else name.upper()}_COMPRESSION")


def _warnings(color: ColorSpace | None) -> tuple[str, ...]:
    if color is None or color.transfer == "linear":
        return ()
    return (
        f"programs expect EXR files to be scene-linear: pictures in {color.name} are written unchanged and will look "
        "too bright; convert them to a linear colour space first",
    )


def _fits(name: str, text: str) -> bool:
    """Return True if this can be a string attribute: UTF-8, with a name that the format does not use, without NUL."""
    try:
        length = len(name.encode())
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return 0 < length <= _LONGEST_NAME and "\0" not in name and name not in _RESERVED


def _planes(image: ImageArray, names: tuple[str, ...], *, straight: bool) -> dict[str, ImageArray]:
    """Return channels by name; interleaved if the library accepts them so, which is faster.

    The library ignores the strides of all other arrays, so these must be contiguous.
    """
    places = {name: place for place, name in enumerate(names)}
    alphas = {name: alpha_of(name, names) for name in names} if straight else {}
    if names in (("R", "G", "B"), ("R", "G", "B", "A")) and not any(alphas.values()):
        return {"".join(names): image}
    planes: dict[str, ImageArray] = {}
    for name, place in places.items():
        alpha = alphas.get(name)
        if alpha is None:
            planes[name] = np.ascontiguousarray(image[..., place])
        else:
            with np.errstate(all="ignore"):
                planes[name] = np.multiply(image[..., place], image[..., places[alpha]])
    return planes


def _written(header: dict[str, Any], channels: dict[str, ImageArray], info: FrameInfo) -> memoryview:
    file = io.BytesIO()
    try:
        OpenEXR.File(header, channels, _THIS_THREAD).write(file)
    # The library passes on all errors of its C++ code, which have no common class.
    except Exception as error:
        raise EncodeError(f"OpenEXR cannot write {info.name or 'this picture'}: {error}") from error
    return file.getbuffer()


# --- reading --------------------------------------------------------------------------------------------------------


def _read(data: bytes, header: Header, names: tuple[str, ...]) -> list[ImageArray]:
    """Return the channels as arrays.

    OpenEXR.File is not used, because it prints the faults of a file to standard output, and refuses texts that are not
    UTF-8.
    """
    kinds = {channel.name: _KINDS[channel.kind] for channel in header.channels}
    shape = (header.height, header.width)
    try:
        found = OpenEXR.InputFile(io.BytesIO(data)).channels(list(names))
        return [np.frombuffer(plane, kinds[name]).reshape(shape) for name, plane in zip(names, found, strict=True)]
    # What its C++ and its reading of a damaged header raise has no common class.
    except Exception as error:
        raise DecodeError(f"damaged EXR file: {error}") from error


def _names(data: bytes, header: Header) -> tuple[str, ...]:
    names = tuple(channel.name for channel in header.channels)
    kept = header.attributes.get(ORDER)
    if kept is not None and kept.kind == "string":
        stated = tuple(data[kept.start : kept.end].decode("utf-8", "replace").split(","))
        if sorted(stated) == sorted(names):
            return stated
    return ordered(names)


def _texts(data: bytes, header: Header) -> dict[str, str]:
    texts = {}
    for name, (kind, start, end) in header.attributes.items():
        if kind == "string" and name not in _RESERVED:
            texts[name] = _text(data[start:end])
    return texts


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:  # from older programs
        return value.decode("latin-1")
