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
from seqsave_exr.stated import FORMAT, INTEROP_IDS, KINDS, ORDER, RESERVED, TAGS, stated_in, written
from seqsave_exr.timecode import time_code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seqsave.types import ColorSpace, ImageArray

__all__ = ["ORDER", "ExrEncoder", "channel_names"]

_THIS_THREAD = 0  # no thread pool in the library, because the caller has one
_LONGEST_NAME = 255
_KINDS = ("<u4", "<f2", "<f4")
_INT32, _UINT32 = (1 << 31) - 1, (1 << 32) - 1


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
        own = info.image.channels if len(info.image.channels) == image.shape[2] else ()
        names = names_for(image.shape[2], options["channel_names"], own)
        stated = written(info.image, image.shape[1], image.shape[0])
        header = {**stated, **_about(info, options["drop_frame"])}
        if "timeCode" in stated:  # goes before one that is computed from the number
            header["timeCode"] = stated["timeCode"]
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
        straight = options["alpha"] == "straight" or info.image.alpha == "straight"
        channels = _planes(image, names, _kinds_of(info), straight=straight)
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
        texts = _texts(data, header)
        info = stated_in(data, header, names, texts)
        return Decoded(array=array, metadata=texts, canvas=header.canvas, info=info)


def channel_names(data: bytes) -> tuple[str, ...]:
    """Return the names of a file's channels, in the order in which ``decode`` returns them.

    Raises DecodeError for files other than EXR files of one flat picture.
    """
    return _names(data, read_header(data, _UINT32**2))


# --- writing --------------------------------------------------------------------------------------------------------


def _about(info: FrameInfo, drop_frame: bool) -> dict[str, Any]:
    """Return the standard attributes of a frame. None is a date, so that the same picture gives the same file."""
    header: dict[str, Any] = {TAGS[name]: text for name, text in info.tags.items() if name in TAGS}
    if info.tags:
        header["xmp"] = packet(info.tags).decode()  # the attribute that darktable uses
    if info.index <= _INT32:
        header["imageCounter"] = info.index
    if info.dpi is not None:
        header["xDensity"] = float(info.dpi)
    if info.color is not None:
        header["chromaticities"] = tuple(value for point in info.color.primaries for value in point)
        if info.color.name in INTEROP_IDS:
            header["colorInteropID"] = INTEROP_IDS[info.color.name]
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
    return 0 < length <= _LONGEST_NAME and "\0" not in name and name not in RESERVED


def _kinds_of(info: FrameInfo) -> Mapping[str, Any]:
    """Return the types of channels that a source of this format states: numpy's names by channel."""
    found = info.image.attributes.get(KINDS) if info.image.attributes_of == FORMAT else None
    return found if isinstance(found, dict) else {}


def _planes(
    image: ImageArray, names: tuple[str, ...], kinds: Mapping[str, str], *, straight: bool
) -> dict[str, ImageArray]:
    """Return channels by name; interleaved if the library accepts them so, which is faster.

    The library ignores the strides of all other arrays, so these must be contiguous.
    """
    places = {name: place for place, name in enumerate(names)}
    alphas = {name: alpha_of(name, names) for name in names} if straight else {}
    is_plain = all(kinds.get(name, image.dtype.name) == image.dtype.name for name in names)
    if is_plain and names in (("R", "G", "B"), ("R", "G", "B", "A")) and not any(alphas.values()):
        return {"".join(names): image}
    planes: dict[str, ImageArray] = {}
    for name, place in places.items():
        alpha = alphas.get(name)
        with np.errstate(all="ignore"):
            plane = image[..., place] if alpha is None else np.multiply(image[..., place], image[..., places[alpha]])
            planes[name] = np.ascontiguousarray(plane, kinds.get(name) if _is_exact(plane, kinds.get(name)) else None)
    return planes


def _is_exact(plane: ImageArray, kind: str | None) -> bool:
    """Return True if every value can be stored in the type that the channel had in its source."""
    if kind is None or kind == plane.dtype.name:
        return False
    with np.errstate(all="ignore"):
        return bool(np.array_equal(plane.astype(kind).astype(plane.dtype), plane, equal_nan=True))


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
        if kind == "string" and name not in RESERVED:
            texts[name] = _text(data[start:end])
    return texts


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:  # from older programs
        return value.decode("latin-1")
