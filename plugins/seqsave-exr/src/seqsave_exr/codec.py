"""OpenEXR through its own library: array in, bytes out, and back.

The library lets go of the interpreter lock while it compresses, so several threads encode at once; each picture is
compressed by the thread that asks for it. Values are never touched, unless their alpha is said to be straight.
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
"""The attribute that keeps the order of channels, where it is not the one in which they are read otherwise."""

_THIS_THREAD = 0  # no pool of the library's: the caller has one
_LONGEST_NAME = 255
_KINDS = ("<u4", "<f2", "<f4")
_INT32, _UINT32 = (1 << 31) - 1, (1 << 32) - 1

_TAGS = {"artist": "Artist", "copyright": "owner", "description": "comments", "software": "Software"}
# What a file says of its own structure and of its picture: no metadata of that name, neither written nor read.
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
    "linear-srgb": "lin_rec709_scene",
    "linear-p3": "lin_p3d65_scene",
    "linear-rec2020": "lin_rec2020_scene",
    "acescg": "lin_ap1_scene",
    "aces2065-1": "lin_ap0_scene",
}


class ExrEncoder:
    """Encodes and decodes single-part EXR files of scan lines, half or float. Keeps no state."""

    def encode(
        self, image: ImageArray, *, metadata: Mapping[str, str], options: Mapping[str, Any], info: FrameInfo
    ) -> Encoded:
        """Encode one array H,W,C of float16 (half) or float32 (float).

        With a lossless compression every bit of every value comes back. Metadata become string attributes. Raises
        OptionError for channel names that do not fit the picture and for drop frame at a rate that has none,
        EncodeError when the library fails.
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
        """Decode one EXR file to float16 or float32 of shape H,W,C; float32 when channels differ, float64 for ids.

        Channels stand in the order in which seqsave wrote them; in other files colours come first, then layers by
        name: ``channel_names`` tells them. Pixels are those of the data window. Raises DecodeError for unsound data,
        deep and multi-part files, and more than ``max_pixels`` pixels.
        """
        header = read_header(data, max_pixels)
        names = _names(data, header)
        planes = _read(data, header, names)
        dtype = np.result_type(*{plane.dtype for plane in planes})
        array = np.empty((header.height, header.width, len(planes)), dtype)
        for place, plane in enumerate(planes):
            array[..., place] = plane
        return Decoded(array=array, metadata=_texts(data, header))


def channel_names(data: bytes) -> tuple[str, ...]:
    """The names of a file's channels, in the order in which ``decode`` returns them.

    Raises DecodeError for what is no EXR file of one flat picture.
    """
    return _names(data, read_header(data, _UINT32**2))


# --- what is written ------------------------------------------------------------------------------------------------


def _about(info: FrameInfo, drop_frame: bool) -> dict[str, Any]:
    """Standard attributes that state what is known of a frame. No date: the same picture gives the same file."""
    header: dict[str, Any] = {_TAGS[name]: text for name, text in info.tags.items() if name in _TAGS}
    if info.tags:
        header["xmp"] = packet(info.tags).decode()  # where darktable keeps it
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
        f"EXR files are taken for scene-linear: pictures in {color.name} are written as they are, and programs will "
        "show them too bright; convert them to a linear colour space first",
    )


def _fits(name: str, text: str) -> bool:
    """Whether this can be a string attribute: UTF-8, of a name that is not taken and ends at its NUL."""
    try:
        length = len(name.encode())
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return 0 < length <= _LONGEST_NAME and "\0" not in name and name not in _RESERVED


def _planes(image: ImageArray, names: tuple[str, ...], *, straight: bool) -> dict[str, ImageArray]:
    """Channels by name; interleaved where the library takes them that way, which is faster.

    It reads any other array as if it were contiguous, whatever its strides are.
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
    # It raises whatever its C++ does; a mistake of ours would be no other thing to the user.
    except Exception as error:
        raise EncodeError(f"OpenEXR cannot write {info.name or 'this picture'}: {error}") from error
    return file.getbuffer()


# --- what is read ---------------------------------------------------------------------------------------------------


def _read(data: bytes, header: Header, names: tuple[str, ...]) -> list[ImageArray]:
    """Not through OpenEXR.File: that one prints to standard output what is wrong with a file, and refuses one for a
    text that is not UTF-8.
    """
    kinds = {channel.name: _KINDS[channel.kind] for channel in header.channels}
    shape = (header.height, header.width)
    try:
        found = OpenEXR.InputFile(io.BytesIO(data)).channels(list(names))
        return [np.frombuffer(plane, kinds[name]).reshape(shape) for name, plane in zip(names, found, strict=True)]
    # What its C++ and its reading of a damaged header raise has no common class.
    except Exception as error:
        raise DecodeError(f"not a sound EXR file: {error}") from error


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
    except UnicodeDecodeError:  # what older programs have written
        return value.decode("latin-1")
