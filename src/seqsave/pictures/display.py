"""Show any picture on a display: what its file states, as 8-bit sRGB colours over black, in a size of choice.

The proxies of a sequence, its contact sheet, its page and the thumbnails of a notebook come from here. Light brighter
than white is cut off, as in the movies of ``seqsave preview``.
"""

from __future__ import annotations

import functools
import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np

from seqsave.errors import OptionError
from seqsave.pictures import arrays
from seqsave.pictures.color import color_space, is_read_as_linear
from seqsave.pictures.fitting import OF_COLOR, Wanted, fit, shown_channels
from seqsave.pictures.light import Light, curve_from, curve_to, light_of, light_of_space
from seqsave.pictures.possible import possible
from seqsave.pictures.samples import as_floats, top_of
from seqsave.specs import EncoderSpec
from seqsave.types import ImageInfo
from seqsave.wording import shortened

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    from PIL import Image

    from seqsave.types import ImageArray

    Floats = npt.NDArray[np.float32]
    Bytes = npt.NDArray[np.uint8]

__all__ = [
    *("AS_STATED", "COLORS", "SHOWABLE", "Adjustment"),
    *("aspect_of", "assumed_light", "reduced", "show", "show_small", "stated_light", "states_colors"),
]

Channels = Literal["rgb", "r", "g", "b", "a", "luma"]

SHOWABLE: Final = EncoderSpec(
    filetype="display",
    extensions=("display",),
    encoder="",
    dtypes=("uint8", "uint16", "float32"),
    channels=(1, 2, 3, 4),
    alpha="stated",
)
"""What can be shown, as ``fit`` takes it: grey or colours, without windows, and with both kinds of alpha."""

COLORS: Final = ("color", "icc", "cicp", "gamma", "primaries")
"""The fields of ImageInfo that state a colour space."""

# The widest pixels that are made square; what a file states beyond it is an error or an attack.
_WIDEST = 8
# Beyond these, every half float is black or white.
_MOST_EV, _GAMMAS = 40.0, (0.1, 10.0)
_LUMA = np.array((0.2126, 0.7152, 0.0722), np.float32)  # ITU-R BT.709-6, 3.2
_PLACES = {"r": 0, "g": 1, "b": 2}
# Values that are looked up at once: their places take eight times as many bytes, which stay in the caches.
_BLOCK = 1 << 17
# Bytes that are averaged at once, for the same reason; and those behind them, as eight are read at a time.
_STRIP, _SPARE = 192 << 10, 16
_UPPER_BITS, _ONE = np.uint64(0xFEFE_FEFE_FEFE_FEFE), np.uint64(1)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """What a viewer changes of a picture before it is shown.

    ev:       exposure in stops: light is multiplied by 2**ev.
    gamma:    the display's values, 0..1, are raised to 1/gamma.
    channels: ``"rgb"``, or one of ``"r"``, ``"g"``, ``"b"``, ``"a"`` and ``"luma"``, which are shown as grey.

    Raises OptionError.
    """

    ev: float = 0.0
    gamma: float = 1.0
    channels: Channels = "rgb"

    def __post_init__(self) -> None:
        if not (_is_number(self.ev) and abs(self.ev) <= _MOST_EV):
            raise OptionError(f"ev is {shortened(self.ev)}: it must be a number from {-_MOST_EV:g} to {_MOST_EV:g}")
        if not (_is_number(self.gamma) and _GAMMAS[0] <= self.gamma <= _GAMMAS[1]):
            allowed = f"{_GAMMAS[0]:g} to {_GAMMAS[1]:g}"
            raise OptionError(f"gamma is {shortened(self.gamma)}: it must be a number from {allowed}")
        if self.channels not in get_args(Channels):
            raise OptionError(
                f"channels is {shortened(self.channels)}: it must be one of {', '.join(get_args(Channels))}"
            )


AS_STATED: Final = Adjustment()
"""The adjustment that changes nothing."""


def show(
    picture: Any,
    info: ImageInfo | None = None,
    *,
    extension: str = "",
    adjustment: Adjustment = AS_STATED,
    width: int | None = None,
) -> Bytes:
    """Return a picture as an sRGB display shows it: H,W,3, uint8.

    picture:   as ``arrays.as_array`` takes it. info: what its file states of it; None if it states nothing.
    extension: of its file, such as ``"exr"``. Floats in files that programs read as linear are linear if nothing is
               stated; everything else that states nothing has the display's values.
    width:     at most so many pixels wide, averaged over the pixels that become one; None for all pixels.

    Alpha is composited over black: that of linear pictures in light, and all other in the display's values. A picture
    without colours, such as depth, shows its first channel, with the values as they are; whole numbers without a white
    from their lowest to their highest value. NaN is black.

    Raises ImageError.
    """
    shown = reduced(_displayed(picture, info, extension, adjustment), width)
    return np.ascontiguousarray(np.broadcast_to(_grey(shown, adjustment), (*shown.shape[:2], 3)))


def show_small(picture: Any, info: ImageInfo | None, *, extension: str, width_of: Callable[[int], int]) -> Image.Image:
    """Return what ``show`` returns as an image of Pillow, RGB.

    width_of: called with the width of the whole picture; returns that of the result at most.
    """
    shown = _displayed(picture, info, extension, AS_STATED)
    rows, columns, _ = shown.shape
    wide = max(1, min(width_of(columns), columns))
    image = _reduced(shown, wide, max(1, round(rows * wide / columns)))
    return image if image.mode == "RGB" else image.convert("RGB")


def _displayed(picture: Any, info: ImageInfo | None, extension: str, adjustment: Adjustment) -> Bytes:
    """Return a picture as a display shows it, H,W,3, or grey H,W,1. The arguments are those of ``show``."""
    array = arrays.as_array(picture)
    known, _ = (ImageInfo(), ()) if info is None else possible(info)
    fitted = fit(_with_white(array), known, SHOWABLE, Wanted(channels=shown_channels(known.channels)))
    array, light = fitted.array, None
    if fitted.of_colours:
        array, light, _ = stated_light(fitted.info, array)
        light = light or assumed_light(fitted.info, extension, floats=array.dtype.kind == "f")
    with np.errstate(all="ignore"):  # NaN and infinite values may be anything
        if adjustment.channels == "a":
            shown = _alpha(array, adjustment)
        elif fitted.of_colours:
            shown = _colors(array, light, adjustment, is_associated=fitted.info.alpha == "associated")
        else:
            shown = _data(array[..., :1], adjustment)
    return shown


def stated_light(info: ImageInfo, array: ImageArray) -> tuple[ImageArray, Light | None, bool]:
    """Return the light that a file states, the picture whose values mean it, and whether the statement is understood.

    Colours whose profile has tables are converted to sRGB. The light is None for values of a display, and if nothing is
    stated or understood.
    """
    light = light_of(info, floats=array.dtype.kind == "f")
    if light is not None:
        return array, light, True
    if info.icc is not None and array.dtype.kind == "u" and array.shape[2] > 2:
        converted = _by_profile(array, info.icc)
        if converted is not None:
            return converted, None, True
    return array, None, not states_colors(info)


def states_colors(info: ImageInfo) -> bool:
    """Return whether a file states a colour space, in a way that is understood or not."""
    return any(getattr(info, name) is not None for name in COLORS) or not OF_COLOR.isdisjoint(info.attributes)


def assumed_light(info: ImageInfo, extension: str, *, floats: bool) -> Light | None:
    """Return the light that programs take a file's values for, if it states none; None for a display's values.

    This is the one rule for all that shows pictures: floats in files that programs read as linear are linear, with the
    primaries of BT.709. extension: of the file. floats: whether it holds floats.
    """
    is_linear = floats and is_read_as_linear(extension) and not states_colors(info)
    return light_of_space(color_space("linear-srgb")) if is_linear else None


def aspect_of(info: ImageInfo) -> float:
    """Return the width of a picture's pixels divided by their height; 1 where a file states what cannot be meant."""
    aspect = info.pixel_aspect
    return aspect if aspect is not None and 1 / _WIDEST <= aspect <= _WIDEST else 1.0


def reduced(picture: Bytes, width: int | None, height: int | None = None) -> Bytes:
    """Return a picture H,W,C, uint8, at most ``width`` pixels wide: the mean of the pixels that become one.

    height: of the result; None for the same proportions.
    """
    rows, columns, channels = picture.shape
    wide = columns if width is None else max(1, min(width, columns))
    high = max(1, round(rows * wide / columns)) if height is None else height
    if (wide, high) == (columns, rows):
        return picture
    out: Bytes = np.asarray(_reduced(picture, wide, high))
    return out[..., None] if channels == 1 else out


def _reduced(picture: Bytes, wide: int, high: int) -> Image.Image:
    from PIL import Image

    rows, columns, channels = picture.shape
    if (columns, rows, channels) == (2 * wide, 2 * high, 3):
        return _half(picture)
    factors = columns // wide, rows // high
    is_even = factors[0] * wide == columns and factors[1] * high == rows
    image = Image.fromarray(np.ascontiguousarray(picture[..., 0] if channels == 1 else picture))
    return image.reduce(factors) if is_even else image.resize((wide, high), Image.Resampling.BOX)


def _half(picture: Bytes) -> Image.Image:
    """Return a picture H,W,3 of even sides with each four pixels as one: their mean, or a value next to it.

    It costs half of Pillow's own, as Pillow gets a quarter of the pixels to copy into its form. The mean of two
    bytes is the bits of both and half of the others, cut off among rows and rounded up within them.
    """
    from PIL import Image

    rows, columns, _ = picture.shape
    lines = np.ascontiguousarray(picture).reshape(rows, -1)
    high, row = rows // 2, lines.shape[1]
    out = np.empty((high, row), np.uint8)
    most = max(1, _STRIP // row)
    means, others = (np.empty(most * row + _SPARE, np.uint8) for _ in range(2))
    for begin in range(0, high, most):
        count = min(most, high - begin)
        size = count * row
        upper, lower = (lines[2 * begin + one : 2 * (begin + count) : 2] for one in range(2))
        mean, other = (one[:size].reshape(count, row) for one in (means, others))
        np.bitwise_xor(upper, lower, out=other)
        _halve(others)
        np.bitwise_and(upper, lower, out=mean)
        mean += other
        # Each pixel with the next one. Of these means, every other one is a pixel of the result.
        left, right, flat = means[:size], means[3 : size + 3], out[begin : begin + count].reshape(-1)
        np.bitwise_xor(left, right, out=others[:size])
        _halve(others)
        np.bitwise_or(left, right, out=flat)
        flat -= others[:size]
    return Image.frombytes("RGB", (columns // 2, high), out, "raw", "RGBXXX", 0, 1)


def _halve(values: Bytes) -> None:
    """Halve bytes in place, cut off, eight at a time."""
    words: Any = values[: values.size // 8 * 8].view(np.uint64)
    words &= _UPPER_BITS
    words >>= _ONE


# --- what the picture is ----------------------------------------------------------------------------------------------


def _with_white(array: ImageArray) -> ImageArray:
    """Return whole numbers without a white, such as labels and heights, as 16 bits from the lowest to the highest."""
    if array.dtype == np.bool_:
        return arrays.prepare(array, ("uint8",), (array.shape[2],)).array
    if array.dtype.kind not in "iu" or array.dtype.name in ("uint8", "uint16"):
        return array
    low, high = int(array.min()), int(array.max())
    values = (array.astype(np.float64) - low) * (65535 / max(1, high - low))
    return np.rint(values).astype(np.uint16)


def _by_profile(array: npt.NDArray[Any], profile: bytes) -> ImageArray | None:
    """Return colours in sRGB, converted by a profile that has tables; None if it cannot be used."""
    from PIL import Image, ImageCms

    eight = (array >> 8).astype(np.uint8) if array.dtype == np.uint16 else array
    try:
        picture = Image.fromarray(np.ascontiguousarray(eight[..., :3]))
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        shown = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"))
    except (OSError, ValueError, ImageCms.PyCMSError):
        return None
    colors = np.asarray(shown)
    return colors if array.shape[2] == 3 else np.concatenate([colors, eight[..., 3:]], axis=2)


# --- colours ----------------------------------------------------------------------------------------------------------


def _colors(array: ImageArray, light: Light | None, adjustment: Adjustment, *, is_associated: bool) -> Bytes:
    """Return R, G and B, H,W,3, or grey H,W,1, over black."""
    colors, cover = _parts(array)
    if cover is None:
        return _tone(colors, light, adjustment)
    is_linear = light is not None and light.is_linear
    is_ready = is_linear or (_is_plain(adjustment) and (light is None or light.is_display))
    if is_associated and is_ready:  # black adds nothing
        return _tone(colors, light, adjustment)
    if light is not None and is_linear:
        lit = light.linear(np.broadcast_to(colors, (*colors.shape[:2], 3))) * cover
        return _tone(lit, light_of_space(color_space("linear-srgb")), adjustment)
    if is_associated:  # the colours of the picture are those before they were multiplied
        colors = as_floats(colors) / np.where(cover > 0, cover, np.float32(1))
    seen: Any = _tone(colors, light, adjustment).astype(np.uint16)
    seen *= np.rint(cover * 255).astype(np.uint16)
    over: Bytes = ((seen + 127) // 255).astype(np.uint8)
    return over


def _parts(array: ImageArray) -> tuple[ImageArray, Floats | None]:
    """Return grey or colours, and alpha 0..1 if some pixel is not opaque."""
    count = array.shape[2]
    colors = array[..., :1] if count < 3 else array[..., :3]
    if count not in (2, 4):
        return colors, None
    alpha = array[..., -1:]
    if alpha.min() >= top_of(alpha):
        return colors, None
    return colors, np.nan_to_num(np.clip(as_floats(alpha), 0, 1))


def _tone(colors: ImageArray, light: Light | None, adjustment: Adjustment) -> Bytes:
    """Return opaque colours as the display shows them."""
    if light is not None and light.is_display:
        light = None
    if light is None and _is_plain(adjustment) and colors.dtype == np.uint8:
        plain: Any = colors
        return np.asarray(plain, np.uint8)
    if light is not None and not light.is_separate and (colors.shape[2] > 1 or light.transfer == "hlg"):
        colors = light.linear(np.broadcast_to(colors, (*colors.shape[:2], 3)))
        light = light_of_space(color_space("linear-srgb"))
    colors = _in_16_bits(colors)
    count = 1 if light is None else len(light.curves)
    tables = [_table(colors.dtype.str[1:], light, adjustment, number) for number in range(count)]
    return _looked_up(colors, tables)


def _alpha(array: ImageArray, adjustment: Adjustment) -> Bytes:
    if array.shape[2] not in (2, 4):
        return np.full((*array.shape[:2], 1), 255, np.uint8)
    return _data(array[..., -1:], adjustment)


def _data(values: ImageArray, adjustment: Adjustment) -> Bytes:
    """Return values that mean no colour, as they are."""
    values = _in_16_bits(values)
    return _looked_up(values, [_table(values.dtype.str[1:], None, adjustment, is_data=True)])


def _grey(shown: Bytes, adjustment: Adjustment) -> Bytes:
    """Return the channel that is asked for, H,W,1, or the colours as they are."""
    if shown.shape[2] == 1 or adjustment.channels in ("rgb", "a"):
        return shown
    if adjustment.channels == "luma":
        luma: Bytes = np.rint(shown.astype(np.float32) @ _LUMA).astype(np.uint8)[..., None]
        return luma
    place = _PLACES[adjustment.channels]
    return shown[..., place : place + 1]


def _in_16_bits(values: ImageArray) -> ImageArray:
    """Return floats as half floats, whose steps are finer than a display's: a table of all of them is faster."""
    return values.astype(np.float16) if values.dtype.kind == "f" else values


def _looked_up(values: ImageArray, tables: list[Bytes]) -> Bytes:
    """Return the display's values of whole numbers or half floats. tables: one for all channels, or one for each."""
    whole = np.ascontiguousarray(values)
    places: Any = whole.view(np.uint16) if whole.dtype.kind == "f" else whole
    out = np.empty(places.shape, np.uint8)
    if len(tables) > 1 and places.shape[2] > 1:
        for channel, one in enumerate(tables):
            out[..., channel] = one[places[..., channel]]
        return out
    flat, made, table = places.reshape(-1), out.reshape(-1), tables[0]
    for begin in range(0, flat.size, _BLOCK):
        table.take(flat[begin : begin + _BLOCK], out=made[begin : begin + _BLOCK], mode="clip")
    return out


@functools.lru_cache(maxsize=64)
def _table(dtype: str, light: Light | None, adjustment: Adjustment, curve: int = 0, *, is_data: bool = False) -> Bytes:
    """Return what the display shows of every value of a dtype: ``u1``, ``u2`` or ``f2``.

    light: None for values of the display. curve: which of the light's curves. is_data: exposure multiplies the values
    themselves, as they mean no light.
    """
    size = 256 if dtype == "u1" else 65536
    numbers: Any = np.arange(size, dtype=np.uint16).view(np.float16) if dtype == "f2" else np.linspace(0, 1, size)
    values: Floats = numbers.astype(np.float32)
    with np.errstate(all="ignore"):
        gain = np.float32(2.0**adjustment.ev)
        if is_data:
            values = values * gain
        elif light is not None or gain != 1:
            decode = curve_from("srgb") if light is None else light.curves[min(curve, len(light.curves) - 1)]
            values = curve_to("srgb")(decode(values) * gain)
        seen: Any = np.clip(values, 0, 1) ** np.float32(1 / adjustment.gamma)
        table: Bytes = np.rint(np.nan_to_num(seen, nan=0) * 255).astype(np.uint8)
    return table


def _is_plain(adjustment: Adjustment) -> bool:
    return adjustment.ev == 0 and adjustment.gamma == 1
