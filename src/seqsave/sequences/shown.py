"""Turn the pictures of a sequence into those of a movie: colours of an sRGB display, without alpha.

Alpha is composited with the values that the frame holds: those of a linear frame in linear light, as a compositing
program does, and all others as a browser does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from seqsave.errors import OptionError
from seqsave.pictures import arrays
from seqsave.pictures.color import color_space
from seqsave.pictures.display import COLORS, SHOWABLE, aspect_of, assumed_light, stated_light, states_colors
from seqsave.pictures.fitting import Wanted, fit, without
from seqsave.pictures.light import Light, curve_from, curve_to, light_of_space
from seqsave.pictures.possible import possible
from seqsave.pictures.samples import as_floats, top_of
from seqsave.types import ImageInfo
from seqsave.wording import shortened

if TYPE_CHECKING:
    import numpy.typing as npt

    from seqsave.pictures.view import View
    from seqsave.types import ColorSpace, ImageArray

    Floats = npt.NDArray[np.float32]

__all__ = ["Screen", "Waiting", "color_of_name"]

_NOT_UNDERSTOOD = "the frames state their colours in a way that is not understood, so they are shown as they are"
_UNKNOWN = (
    "the frames hold floats and state no colour space, so {how}: if the movie is too dark, they are linear, and "
    "`color='linear-srgb'` says so"
)
_READ_AS_LINEAR = (
    "the frames hold floats and state no colour space, so they are shown as linear, as programs read {extension} "
    "files: if the movie is too bright, `color='srgb'` says that they are not"
)
Transfer = Literal["srgb", "bt709"]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A picture that is to be shown, in memory of its own.

    light:  what its values mean; None if nothing states it.
    aspect: width of a pixel divided by its height.
    is_associated: whether its colours are multiplied by alpha.
    """

    array: ImageArray
    light: Light | None
    aspect: float
    is_associated: bool

    @property
    def nbytes(self) -> int:
        """Return the number of bytes of its pixels."""
        return self.array.nbytes


class Screen:
    """The display that the pictures of one movie are shown on.

    color:      what values mean; None for what each frame states.
    background: the colour below transparent pixels, a name or ``#rrggbb``.
    view:       shows linear light; without one, light brighter than white is cut off.
    is_deep:    whether the movie has more than 8 bits.
    over_light: whether linear pictures are composited in linear light; otherwise as a screen's values.
    wanted:     the channels that are shown, if not the colours. drops_color: leave out what frames state of colours.
    alpha:      what alpha is where nothing states it: "associated" in pictures that are saved as EXR files.
    saved_as:   the extension of the files of floats that the pictures are saved in: the movie shows what programs see
                in those. "" for files of whole numbers, and for pictures that are read from files.

    Raises OptionError for an unknown colour.
    """

    def __init__(
        self,
        *,
        color: ColorSpace | None = None,
        background: str = "black",
        view: View | None = None,
        is_deep: bool = False,
        over_light: bool = True,
        wanted: Wanted | None = None,
        drops_color: bool = False,
        alpha: Literal["straight", "associated"] = "straight",
        saved_as: str = "",
    ) -> None:
        self._color = color
        self._is_raw = view is not None and view.is_raw
        self._view = None if self._is_raw else view
        self._alpha = alpha
        self._saved_as = saved_as
        self._over_light = over_light
        self._wanted = Wanted() if wanted is None else wanted
        self._drops_color = drops_color
        self._bits = ("uint16", "uint8") if is_deep else ("uint8", "uint16")
        self.background = color_of_name(background)
        """R, G and B of the background, 0..1, as on an sRGB display."""
        self.transfer: Transfer = "srgb"
        """The curve of the values that ``show`` returns; that of the first picture, if it is BT.709's."""
        self.notes: dict[str, str] = {}
        """What the caller should know of the pictures, by kind."""
        self._is_first = True

    def take(self, picture: Any, info: ImageInfo | None, extension: str = "") -> Waiting:
        """Return a copy of a picture, with as few bits as a movie can show. Raises ImageError.

        info: what its file states of it; None for the pictures of a program. extension: of its file, if it is shown as
        that file is.
        """
        array = arrays.as_array(picture)
        known, wrong = (ImageInfo(), ()) if info is None else possible(info)
        if self._color is not None or self._drops_color:
            known = without(known, COLORS)
        elif known.color is None and any(kind == "lost icc" for kind, _ in wrong):
            self.notes.setdefault("color", _NOT_UNDERSTOOD)
        fitted = fit(array, known, SHOWABLE, self._wanted)
        array, light = fitted.array, None
        if self._color is not None and fitted.of_colours and not self._is_raw:
            light = light_of_space(self._color)
        elif fitted.of_colours and (info is not None or self._saved_as) and not self._is_raw:
            array, light = self._stated(fitted.info, array, extension or self._saved_as)
        is_ready = self._view is None and (light is None or light.is_display)
        dtypes = self._bits if is_ready else (*self._bits, "float32")
        prepared = arrays.prepare(array, dtypes, (array.shape[2],))
        is_scaled = prepared.scaled or (not is_ready and array.dtype.kind == "f" and arrays.look_like_bytes(array))
        if is_scaled and fitted.of_colours:
            self.notes.setdefault("scaled", "the values look like 0..255 and not like 0..1: divide by 255")
        is_associated = (fitted.info.alpha or self._alpha) == "associated"
        return Waiting(prepared.array, light, aspect_of(known), is_associated)

    def _stated(self, info: ImageInfo, array: ImageArray, extension: str) -> tuple[ImageArray, Light | None]:
        """Return the light of a file's picture; None if it is that of a screen, or unknown."""
        array, light, is_understood = stated_light(info, array)
        if not is_understood:
            self.notes.setdefault("color", _NOT_UNDERSTOOD)
        elif light is None and not states_colors(info):
            is_float = array.dtype.kind == "f"
            light = assumed_light(info, extension, floats=is_float or bool(self._saved_as))
            if light is not None:
                self.notes.setdefault("color", _READ_AS_LINEAR.format(extension=extension.lower()))
            elif is_float:
                how = "they are shown as they are" if self._view is None else "the view takes them for sRGB"
                self.notes.setdefault("color", _UNKNOWN.format(how=how))
        return array, light

    def show(self, waiting: Waiting) -> ImageArray:
        """Return R, G and B, H,W,3, or grey H,W,1, as values of the screen: uint8, uint16, or floats 0..1."""
        with np.errstate(all="ignore"):  # NaN and infinite values may be anything
            return self._show(waiting)

    def _show(self, waiting: Waiting) -> ImageArray:
        light, array = waiting.light, waiting.array
        if self._is_first and light is not None and light.transfer == "bt709" and self._view is None:
            self.transfer = "bt709"  # frames of a video stay as they are, in a movie that states the same
        self._is_first = False
        colors = array[..., :1] if array.shape[2] < 3 else array[..., :3]
        alpha = array[..., -1:] if array.shape[2] in (2, 4) else None
        if alpha is not None and alpha.min() == top_of(alpha):
            alpha = None
        cover = None if alpha is None else np.clip(as_floats(alpha), 0, 1)
        if self._view is None and (light is None or light.is_display) and self.transfer == "srgb":
            return (
                colors if cover is None else _over(as_floats(colors), cover, self._background(), waiting.is_associated)
            )
        if light is None:
            light = light_of_space(color_space("srgb"))
        colors = np.broadcast_to(colors, (*colors.shape[:2], 3))
        if cover is None:
            return self._shown(light.linear(colors))
        if light.is_linear and self._over_light:
            background = curve_from("srgb")(np.array(self.background, np.float32))
            return self._shown(_over(light.linear(colors), cover, background, waiting.is_associated))
        if waiting.is_associated:
            colors = as_floats(colors) / np.where(cover > 0, cover, np.float32(1))
        return _over(self._shown(light.linear(colors)), cover, self._background(), is_associated=False)

    def _shown(self, linear: Floats) -> Floats:
        if self._view is None:
            return curve_to(self.transfer)(linear)
        values = self._view.apply(linear)
        space = self._view.space
        if space is None or space.name == "srgb":
            return values
        if space.transfer == "bt709":
            self.transfer = "bt709"
            return values
        return light_of_space(space).shown(values)

    def _background(self) -> Floats:
        """Return the background in the curve of the screen."""
        color = np.array(self.background, np.float32)
        return color if self.transfer == "srgb" else curve_to(self.transfer)(curve_from("srgb")(color))


def _over(colors: Floats, cover: Floats, background: Floats, is_associated: bool) -> Floats:
    """Composite colours over a background. cover: alpha, 0..1."""
    if is_associated:
        return np.asarray(colors + background * (1 - cover), np.float32)
    # Colours of invisible pixels may be anything, also infinite or NaN.
    return np.asarray(np.where(cover > 0, colors, 0) * cover + background * (1 - cover), np.float32)


def color_of_name(name: str) -> tuple[float, float, float]:
    """Return R, G and B, 0..1, of a colour such as ``black`` or ``#204060``. Raises OptionError, also for alpha."""
    from PIL import ImageColor

    allowed = "it must be the name of a colour, or #rrggbb"
    try:
        found = ImageColor.getrgb(name)
    except (ValueError, AttributeError, TypeError):
        raise OptionError(f"background is {shortened(name)}: {allowed}") from None
    if len(found) != 3:
        raise OptionError(f"background is {shortened(name)}, a colour with alpha: {allowed}, since movies are opaque")
    return found[0] / 255, found[1] / 255, found[2] / 255
