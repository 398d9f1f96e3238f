"""Encode and decode OpenEXR files with the OpenEXR library.

The library releases the interpreter lock while it compresses, so several threads encode at the same time, each its own
picture. Values are not changed, except that colours are multiplied by alpha with the option ``alpha="straight"``.
"""

from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import OpenEXR

from seqsave import Decoded, DecodeError, Encoded, EncodeError, FrameInfo, ImageInfo
from seqsave.metadata.xmp import packet
from seqsave_exr.channels import names_for, ordered
from seqsave_exr.header import Header, read_header
from seqsave_exr.parts import parts_of
from seqsave_exr.planes import Window, around, assembled, pasted, taken_apart
from seqsave_exr.raw import with_raw
from seqsave_exr.stated import FORMAT, INTEROP_IDS, ORDER, RESERVED, TAGS, of_parts, raw_of, stated_in, written
from seqsave_exr.timecode import time_code

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from fractions import Fraction

    from seqsave.types import ColorSpace, ImageArray

__all__ = ["ORDER", "ExrEncoder", "channel_names"]

_THIS_THREAD = 0  # no thread pool in the library, because the caller has one
_LONGEST_NAME = 255
_TIMECODE = "timecode"  # of videos, among the texts
_CODE = re.compile(r"(\d\d):(\d\d):(\d\d)([:;])(\d\d)")
_FASTEST_SINGLE, _LAST_HOUR, _LAST_MINUTE = 30, 23, 59
_KINDS = ("<u4", "<f2", "<f4")
_INT32, _UINT32 = (1 << 31) - 1, (1 << 32) - 1


class ExrEncoder:
    """Encoder of EXR files of one part, in scan lines; decoder of all flat ones. Stateless."""

    def encode(
        self, image: ImageArray, *, metadata: Mapping[str, str], options: Mapping[str, Any], info: FrameInfo
    ) -> Encoded:
        """Encode one array H,W,C of float16 (half), float32 (float) or uint32 (integers).

        A lossless compression preserves every bit of every value. Metadata are written as string attributes. Raises
        OptionError for channel names that do not match the picture and for drop frame at a rate without it, and
        EncodeError if the library fails.
        """
        own = info.image.channels if len(info.image.channels) == image.shape[2] else ()
        names = names_for(image.shape[2], options["channel_names"], own)
        stated = written(info.image, image.shape[1], image.shape[0])
        header = {**stated, **_about(info, options["drop_frame"])}
        code, source = _code_of(info.image, info.rate)
        if "timeCode" in stated:  # goes before one that is computed from the number
            header["timeCode"] = stated["timeCode"]
        elif code is not None:
            header["timeCode"] = code
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
        own_attributes = info.image.attributes if info.image.attributes_of == FORMAT else {}
        channels = taken_apart(image, names, own_attributes, straight=straight)
        leftover = {name: text for name, text in metadata.items() if header.get(name) != text}
        data: Any = _written(header, channels, info)
        raw = raw_of(source)
        return Encoded(
            data=with_raw(bytes(data), raw) if raw else data, leftover=leftover, warnings=_warnings(info.color)
        )

    def decode(self, data: bytes, *, max_pixels: int) -> Decoded:
        """Decode the data window of one EXR file to float16, float32 or uint32 of shape H,W,C.

        The dtype is float32 if channels differ, and float64 if some are 32-bit integers and others are not. Channels
        are in the order in which seqsave wrote them; from other files, colours first, then layers by name:
        ``channel_names`` returns the order. ``canvas`` is the size of the display window where that is another one.
        The channels of all parts are read: those of the first one have their own names, those of the others the name of
        their part as layer. Parts with different data windows are pasted into one window around them.

        Raises DecodeError for damaged and deep files, and for more than ``max_pixels`` pixels.
        """
        parts = _parts(data, max_pixels)
        first = parts[0]
        if len(parts) == 1:
            array, apart = assembled(dict(zip(first.names, _read(first), strict=True)))
            return Decoded(array=array, metadata=first.texts, canvas=first.header.canvas, info=_with(first.info, apart))
        return _joined(parts, max_pixels)


def channel_names(data: bytes) -> tuple[str, ...]:
    """Return the names of a file's channels, in the order in which ``decode`` returns them.

    Raises DecodeError for files other than EXR files of flat pictures.
    """
    parts = _parts(data, _UINT32**2)
    return tuple(name for names in _names_in_all(parts) for name in names)


# --- writing --------------------------------------------------------------------------------------------------------


def _about(info: FrameInfo, drop_frame: bool) -> dict[str, Any]:
    """Return the standard attributes of a frame. None is a date, so that the same picture gives the same file."""
    header: dict[str, Any] = {TAGS[name]: text for name, text in info.tags.items() if name in TAGS}
    if info.tags or info.image.xmp is not None:
        header["xmp"] = packet(info.tags, info.image.xmp).decode()  # the attribute that darktable uses
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


def _code_of(source: ImageInfo, rate: Fraction | None) -> tuple[Any, ImageInfo]:
    """Return the time code of a frame of a video, 01:00:00:00, and what the source states beside it.

    Of more than 30 frames per second, pairs are counted, as ``time_code`` does.
    """
    found = _CODE.fullmatch(source.texts.get(_TIMECODE, ""))
    if found is None:
        return None, source
    hours, minutes, seconds, mark, frame = found.groups()
    paired = rate is not None and rate > _FASTEST_SINGLE
    number = int(frame) // 2 if paired else int(frame)
    if number > _FASTEST_SINGLE - 1 or int(hours) > _LAST_HOUR or max(int(minutes), int(seconds)) > _LAST_MINUTE:
        return None, source
    flags = (mark == ";", False, paired and int(frame) % 2 == 1, *(3 * (False,)), *(8 * (0,)))
    others = {name: text for name, text in source.texts.items() if name != _TIMECODE}
    made: Any = OpenEXR.TimeCode
    return made(int(hours), int(minutes), int(seconds), number, *flags), replace(source, texts=others)


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


def _written(header: dict[str, Any], channels: dict[str, ImageArray], info: FrameInfo) -> memoryview:
    file = io.BytesIO()
    try:
        OpenEXR.File(header, channels, _THIS_THREAD).write(file)
    # The library passes on all errors of its C++ code, which have no common class.
    except Exception as error:
        raise EncodeError(f"OpenEXR cannot write {info.name or 'this picture'}: {error}") from error
    return file.getbuffer()


# --- reading --------------------------------------------------------------------------------------------------------


class _Part(NamedTuple):
    """One part of a file, before its pixels are read."""

    name: str
    data: bytes
    header: Header
    names: tuple[str, ...]
    texts: dict[str, str]

    @property
    def info(self) -> ImageInfo:
        return stated_in(self.data, self.header, self.names, self.texts)


def _parts(data: bytes, max_pixels: int) -> list[_Part]:
    found = []
    for name, alone in parts_of(data):
        header = read_header(alone, max_pixels)
        found.append(_Part(name, alone, header, _names(alone, header), _texts(alone, header)))
    return found


def _names_in_all(parts: Sequence[_Part]) -> list[tuple[str, ...]]:
    """Return the names of the channels of each part, which are unique in the whole file."""
    named = [parts[0].names]
    for part in parts[1:]:
        head = f"{part.name}."
        named.append(tuple(name if name.startswith(head) else head + name for name in part.names))
    every = [name for names in named for name in names]
    if len(set(every)) < len(every):
        raise DecodeError("damaged EXR file: two of its parts have one name")
    return named


def _joined(parts: Sequence[_Part], max_pixels: int) -> Decoded:
    """Return the pictures of several parts as one."""
    windows = [Window(*part.header.window) for part in parts]
    whole = around(windows)
    rows, columns = whole.shape
    if rows * columns > max_pixels:
        raise DecodeError(
            f"an EXR file whose parts lie in {columns}x{rows} pixels: at most {max_pixels} are allowed",
            reason="too large",
            pixels=rows * columns,
        )
    named = _names_in_all(parts)
    planes = {
        name: pasted(plane, own, whole)
        for part, own, names in zip(parts, windows, named, strict=True)
        for name, plane in zip(names, _read(part), strict=True)
    }
    array, apart = assembled(planes)
    first = parts[0]
    info = of_parts({part.name: part.info for part in parts})
    # The first part's window may be the whole picture, and that around all parts another one.
    left, top, right, bottom = first.header.display
    is_whole = first.header.display == whole and (left, top) == (0, 0)
    info = replace(
        _with(info, apart),
        channels=tuple(planes),
        origin=None if is_whole else whole[:2],
        display=None if is_whole else (left, top, right - left + 1, bottom - top + 1),
    )
    texts = {name: text for part in reversed(parts) for name, text in part.texts.items()}
    return Decoded(array=array, metadata=texts, canvas=first.header.canvas, info=info)


def _with(info: ImageInfo, apart: Mapping[str, Any]) -> ImageInfo:
    return replace(info, attributes={**info.attributes, **apart}, attributes_of=FORMAT) if apart else info


def _read(part: _Part) -> list[ImageArray]:
    """Return the channels as arrays.

    OpenEXR.File is not used, because it prints the faults of a file to standard output, and refuses texts that are not
    UTF-8.
    """
    kinds = {channel.name: _KINDS[channel.kind] for channel in part.header.channels}
    shape = (part.header.height, part.header.width)
    try:
        found = OpenEXR.InputFile(io.BytesIO(part.data)).channels(list(part.names))
        return [np.frombuffer(plane, kinds[name]).reshape(shape) for name, plane in zip(part.names, found, strict=True)]
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
