"""Find out what the streams of a video state: which one shows the film, its depth, colours, time and orientation."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from seqsave.errors import SourceError
from seqsave.metadata.light import content_in, display_in
from seqsave.metadata.stated import space_of_cicp
from seqsave.types import ImageInfo

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Pixels = npt.NDArray[np.unsignedinteger[Any]]

__all__ = ["Conversion", "choose_stream", "conversion_of", "info_of", "time_code", "upright"]

# Numbers of ITU-T H.273 for matrices, and FFmpeg's names of them.
_MATRICES = {1: "bt709", 4: "fcc", 5: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020"}
_IN_WORDS = {"bt709": "BT.709", "bt601": "BT.601", "bt2020": "BT.2020", "fcc": "FCC", "smpte240m": "SMPTE 240M"}
# "Reserved" and "unspecified" in the tables of primaries and transfers; of matrices, 0 is RGB, which has none.
_UNKNOWN = (None, 0, 2, 3)
_PQ, _HLG = 16, 18
_MASTERING = "MASTERING_DISPLAY_METADATA"
# Bytes of FFmpeg's records: two numbers, and 20 in pairs with two flags.
_CONTENT_SIZE, _DISPLAY_SIZE = 8, 88
# For videos that state neither a matrix nor primaries: BT.601, FFmpeg's choice when it writes and when it reads them.
_USUAL_MATRIX = 6
_TAGS = {"artist": "artist", "author": "artist", "copyright": "copyright", "title": "description"}


def choose_stream(container: Any, url: str, number: int | None, av: Any) -> tuple[Any, str | None]:
    """Return the video stream to read, and a note if there are several.

    number: of the stream, counted from 0 among the video streams; None chooses the largest picture. Cover art is no
    stream. Raises SourceError if there is none.
    """
    art = av.stream.Disposition.attached_pic
    streams = [one for one in container.streams.video if not one.disposition & art]
    if not streams:
        raise SourceError(f"{url} holds no video stream")
    names = [f"{place}: {_in_words(one)}" for place, one in enumerate(streams)]
    if number is not None:
        if not 0 <= number < len(streams):
            raise SourceError(f"{url} has no video stream {number}: choose one of {', '.join(names)}")
        return streams[number], None
    areas = [one.codec_context.width * one.codec_context.height for one in streams]
    chosen = areas.index(max(areas))
    if len(streams) == 1:
        return streams[0], None
    note = f"{url} has {len(streams)} video streams ({', '.join(names)}): {chosen} is read; --stream chooses another"
    return streams[chosen], note


def _in_words(stream: Any) -> str:
    codec = stream.codec_context
    return f"{codec.width}x{codec.height} {codec.name}"


# --- colours ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Conversion:
    """How the pictures of a stream become arrays of RGB or RGBA.

    format: FFmpeg's name of the format of pixels that its scaler returns: 8 or 16 bits, with or without alpha.
    matrix: FFmpeg's name of the matrix of YCbCr; empty for RGB and palettes.
    range:  "limited", "full"; "auto" for RGB and palettes.
    spread: the scaler leaves the largest value below 65535: values shifted by this many bits are added; 0 for none.
    spread_alpha: the same for alpha.
    limited: the bits of grey of the limited range, which the scaler takes for full; 0 for others.
    words:  the matrix and the range, for a person; empty for RGB and palettes.
    """

    format: str
    matrix: str = ""
    range: str = "auto"
    spread: int = 0
    spread_alpha: int = 0
    limited: int = 0
    words: str = ""

    @property
    def has_alpha(self) -> bool:
        """Return True if arrays have four channels."""
        return self.format in ("rgba", "rgba64le")

    def array_of(self, picture: Any) -> Pixels:
        """Return the pixels of the scaler's picture, 16 bits with 65535 as their largest value, maybe its memory."""
        import numpy as np

        if self.format == "rgb24" and not self.limited:
            # Most videos. The writer copies them anyway, and a second copy of each frame takes time.
            (plane,) = picture.planes
            shape, strides = (picture.height, picture.width, 3), (plane.line_size, 3, 1)
            own: Pixels = np.ndarray(shape, np.uint8, plane, strides=strides)
            return own
        array: Pixels = picture.to_ndarray()
        if array.ndim == 2:
            array = np.repeat(array[..., None], 3, axis=2)
        if self.spread:
            colours = array[..., :3]
            colours += np.minimum(colours >> self.spread, 65535 - colours)
        if self.spread_alpha and self.has_alpha:
            alpha = array[..., 3]
            alpha += np.minimum(alpha >> self.spread_alpha, 65535 - alpha)
        if self.limited:
            top, one = np.iinfo(array.dtype).max, 1 << (self.limited - 8)
            code = array[..., :3].astype(np.float32) * np.float32(((1 << self.limited) - 1) / top)
            array[..., :3] = np.clip(np.rint((code - 16 * one) * np.float32(top / (219 * one))), 0, top)
        return array


def conversion_of(picture: Any, codec: Any, url: str, eight: bool = False) -> Conversion:
    """Return how pictures like this one are converted. Raises SourceError for a matrix that FFmpeg does not convert.

    eight: to 8 bits per channel, also if they have more.
    """
    form = picture.format
    depth = 8 if eight else max(part.bits for part in form.components)
    has_alpha = form.has_palette or any(part.is_alpha for part in form.components)
    made = ("rgba64le" if has_alpha else "rgb48le") if depth > 8 else ("rgba" if has_alpha else "rgb24")
    if form.is_rgb or form.has_palette:
        return Conversion(made)
    spread = depth if 8 < depth < 16 else 0
    if len(form.components) - has_alpha == 1:
        if depth == 16 and not has_alpha:
            made = "gray16le"  # on its way to RGB, white would become 65530
        limited = depth if 1 in (_number(picture, "color_range"), _number(codec, "color_range")) else 0
        words = f"grey{', limited range' if limited else ''}"
        return Conversion(made, spread=spread, spread_alpha=spread, limited=min(limited, 16), words=words)
    number = _first(getattr(picture, "colorspace", None), getattr(codec, "colorspace", None))
    assumed = "" if number is not None else " (not stated)"
    if number is None:
        number = _usual_matrix(codec)
    if number not in _MATRICES:
        raise SourceError(
            f"{url} has colours with matrix {number} of ITU-T H.273, which FFmpeg's scaler does not convert: convert "
            "it to BT.709 or BT.2020 first"
        )
    matrix = _MATRICES[number]
    is_full = form.name.startswith("yuvj") or 2 in (_number(picture, "color_range"), _number(codec, "color_range"))
    # The scaler maps white of the limited range to 255 * 256, and shifts full ranges to the left.
    colours = (8 if not is_full else spread) if depth > 8 else 0
    words = f"{_IN_WORDS[matrix]}{assumed}{', full range' if is_full else ''}"
    return Conversion(made, matrix, "full" if is_full else "limited", colours, spread, words=words)


def _usual_matrix(codec: Any) -> int:
    """Return the matrix of the primaries; without them, FFmpeg's."""
    primaries = _first(getattr(codec, "color_primaries", None))
    return primaries if primaries in (1, 5, 6, 9) else _USUAL_MATRIX


def _number(owner: Any, name: str) -> int | None:
    value = getattr(owner, name, None)
    return None if value is None else int(value)


def _first(*values: Any) -> int | None:
    """Return the first value that states something."""
    return next((int(value) for value in values if value not in _UNKNOWN), None)


def info_of(container: Any, stream: Any, picture: Any, notes: list[str]) -> ImageInfo:
    """Return what the video states of its pictures. What cannot be kept is added to ``notes``."""
    codec = stream.codec_context
    primaries = _first(getattr(picture, "color_primaries", None), getattr(codec, "color_primaries", None))
    transfer = _first(getattr(picture, "color_trc", None), getattr(codec, "color_trc", None))
    color, cicp = None, None
    if primaries is not None and transfer is not None:
        color = space_of_cicp(primaries, transfer)
        cicp = (primaries, transfer) if color is None else None
    elif primaries is not None or transfer is not None:
        what = f"primaries {primaries}" if primaries is not None else f"transfer {transfer}"
        lacking = "transfer" if primaries is not None else "primaries"
        notes.append(
            f"the video states {what} of ITU-T H.273 but no {lacking}, so no colour space is kept: state it by --color"
        )
    aspect = stream.sample_aspect_ratio or codec.sample_aspect_ratio
    words = {**container.metadata, **stream.metadata}
    tags = {_TAGS[name.lower()]: text for name, text in words.items() if name.lower() in _TAGS and text.strip()}
    _note_light(picture, notes)
    return ImageInfo(
        color=color,
        cicp=cicp,
        light=_light(picture),
        pixel_aspect=float(aspect) if aspect and aspect != 1 else None,
        tags=tags,
    )


def _light(picture: Any) -> dict[str, int]:
    """Return the brightness of the content and of its display, by the names of ``seqsave.metadata.light``."""
    content, display = (
        bytes(found) if (found := picture.side_data.get(name)) is not None else b""
        for name in ("CONTENT_LIGHT_LEVEL", _MASTERING)
    )
    stated = content_in(*struct.unpack_from("=2I", content)) if len(content) >= _CONTENT_SIZE else {}
    return {**stated, **_display(display)}


def _display(data: bytes) -> dict[str, int]:
    """Return what FFmpeg's AVMasteringDisplayMetadata states: ten rational numbers, and which of them are set."""
    if len(data) < _DISPLAY_SIZE:
        return {}
    *numbers, has_primaries, has_luminance = struct.unpack_from("=22i", data)
    if not has_primaries or not has_luminance or not all(numbers[1::2]):
        return {}  # formats hold all of them, or none
    values = [Fraction(above, below) for above, below in zip(numbers[::2], numbers[1::2], strict=True)]
    points, (darkest, brightest) = values[:8], values[8:]
    light = [*(round(50_000 * value) for value in points), round(10_000 * brightest), round(10_000 * darkest)]
    if not all(0 <= value <= 0xFFFF for value in light[:8]) or not all(0 <= value < 1 << 32 for value in light[8:]):
        return {}
    return display_in(struct.pack(">8H2I", *light), "rgb")


def _note_light(picture: Any, notes: list[str]) -> None:
    """Note the statements on a display's light, for which pictures have no place."""
    lost = [
        words
        for name, words in (
            ("DYNAMIC_HDR_PLUS", "HDR10+"),
            ("DOVI_METADATA", "Dolby Vision"),
        )
        if picture.side_data.get(name) is not None
    ]
    mastering = picture.side_data.get(_MASTERING)
    if mastering is not None and not _display(bytes(mastering)):
        lost.append("a part of the mastering display")
    if lost:
        notes.append(f"the video states {', '.join(lost)}, which is not kept")


def light_in_words(info: ImageInfo) -> str:
    """Return the name of a video's high dynamic range; empty for other videos."""
    transfer = info.color.cicp[1] if info.color is not None and info.color.cicp else (info.cicp or (0, 0))[1]
    return {_PQ: "HDR (PQ)", _HLG: "HDR (HLG)"}.get(transfer, "")


# --- orientation -----------------------------------------------------------------------------------------------------


def upright(array: Pixels, picture: Any) -> Pixels:
    """Return the array as it is to be seen: turned and mirrored by the display matrix of ISO/IEC 14496-12, 8.3.2."""
    import numpy as np

    matrix = _display_matrix(picture)
    if matrix is None:
        turns = round(getattr(picture, "rotation", 0) / 90) % 4
        return np.ascontiguousarray(np.rot90(array, turns)) if turns else array
    across_x, down_x, across_y, down_y = matrix
    if abs(across_x) + abs(down_y) >= abs(down_x) + abs(across_y):
        turned, is_mirrored, is_upside_down = array, across_x < 0, down_y < 0
    else:
        turned, is_mirrored, is_upside_down = array.swapaxes(0, 1), across_y < 0, down_x < 0
    if is_mirrored:
        turned = turned[:, ::-1]
    if is_upside_down:
        turned = turned[::-1]
    return np.ascontiguousarray(turned)


def is_turned(picture: Any) -> bool:
    """Return True if width and height change places."""
    matrix = _display_matrix(picture)
    if matrix is None:
        return round(getattr(picture, "rotation", 0) / 90) % 2 == 1
    return abs(matrix[0]) + abs(matrix[3]) < abs(matrix[1]) + abs(matrix[2])


def _display_matrix(picture: Any) -> tuple[int, int, int, int] | None:
    # picture.side_data and the picture hold each other: the memory of each frame would wait for the garbage collector.
    from av.sidedata.sidedata import SideDataContainer

    read_side_data: Any = SideDataContainer  # whose stub lacks the argument
    found = read_side_data(picture).get("DISPLAYMATRIX")
    if found is None:
        return None
    values = struct.unpack("=9i", bytes(found)[:36])
    return values[0], values[1], values[3], values[4]


# --- time ------------------------------------------------------------------------------------------------------------


def time_code(first: str, frames: int, rate: Fraction | None) -> str | None:
    """Return the time code ``frames`` after ``first``, such as 01:00:00:00; None if it is none.

    A ";" before the frames means drop-frame counting (SMPTE ST 12-1): at 29.97 and 59.94 frames per second, the first
    numbers of each minute are left out, except in each tenth minute.
    """
    base = 0 if rate is None else round(rate)
    digits = first.replace(";", ":").replace(".", ":").split(":")
    if base < 1 or len(digits) != 4 or not all(part.isdigit() and len(part) == 2 for part in digits):
        return None
    hours, minutes, seconds, count = map(int, digits)
    is_dropping, skipped = base in (30, 60) and (";" in first or "." in first), base // 15
    total = ((hours * 60 + minutes) * 60 + seconds) * base + count
    if is_dropping:
        passed = hours * 60 + minutes
        total -= skipped * (passed - passed // 10)
    total += frames
    if is_dropping:
        tens, rest = divmod(total, base * 600 - skipped * 9)
        total += skipped * 9 * tens
        if rest >= base * 60:
            total += skipped * (1 + (rest - base * 60) // (base * 60 - skipped))
    whole, count = divmod(total, base)
    hours, minutes, seconds = whole // 3600 % 24, whole // 60 % 60, whole % 60
    return f"{hours:02}:{minutes:02}:{seconds:02}{';' if is_dropping else ':'}{count:02}"
