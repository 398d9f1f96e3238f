"""Convert picture-like objects to the array that an encoder gets: dtype, channels and colour space."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seqsave.errors import ImageError, OptionError
from seqsave.pictures import arrays
from seqsave.pictures.color import color_space, is_read_as_linear
from seqsave.pictures.fitting import Wanted, check_layout, fit, usual_names, without
from seqsave.pictures.possible import possible
from seqsave.types import ImageInfo

if TYPE_CHECKING:
    from seqsave.pictures.convert import Conversion
    from seqsave.pictures.light import Light
    from seqsave.pictures.view import View
    from seqsave.specs import EncoderSpec
    from seqsave.types import ColorSpace, ImageArray

    Convert = Callable[[ImageArray], ImageArray]
    Shown = tuple[Convert, ColorSpace | None]

__all__ = ["Pixels", "SharedImage", "Taken", "in_colors"]


_NOTHING = ImageInfo()
# Fields that a stated colour space replaces together.
_OF_COLOR = frozenset(("color", "icc", "cicp", "gamma", "primaries"))
# The attribute with the dtypes of channels in the source's file.
_STORED_TYPES = ".types"
_UNKNOWN_LIGHT = (
    "{why}, and no colour space is stated: the {kind} has the same values, which look too dark if they are linear; "
    "`color='linear-srgb'` or `color='srgb'` says what they are"
)

_ASSUMED_LIGHT = (
    "its source holds floats, and no colour space is stated: a {kind} file always states one, and this one states "
    "linear-srgb; `color='{default}'` or another says what they are"
)


class Taken:
    """An accepted copy of a picture, which the caller may change now. File types may share it. Thread-safe.

    shape: of the array for the encoder. dtype: its name. held: bytes that are kept in memory until it is encoded.
    info:  what the file is to state of the picture, from its source. notes: (kind, message) of what it cannot.
    color: the colour space of the values in the file, if a setting decides it.
    converts: whether ``prepare`` has to convert the colours. of_colours: whether its channels are colours or grey.
    """

    converts = False
    of_colours = True
    info: ImageInfo = ImageInfo()
    notes: tuple[tuple[str, str], ...] = ()
    color: ColorSpace | None = None

    def __init__(self, shape: tuple[int, ...], dtype: str, held: int) -> None:
        self.shape = shape
        self.dtype = dtype
        self.held = held
        self._prepared: arrays.Prepared | None = None
        self._to_convert: tuple[Callable[[ImageArray], arrays.Prepared], ImageArray] | None = None
        self._lock = threading.Lock()

    @classmethod
    def ready(cls, prepared: arrays.Prepared) -> Taken:
        """Return a picture that needs no conversion of its colours."""
        array = prepared.array
        taken = cls(array.shape, arrays.name_of(array.dtype), array.nbytes)
        taken._prepared = prepared
        return taken

    @classmethod
    def unconverted(
        cls, convert: Callable[[ImageArray], arrays.Prepared], floats: ImageArray, shape: tuple[int, ...], dtype: str
    ) -> Taken:
        """Return a picture whose colours ``convert`` converts when it is prepared; ``floats`` is H,W,C, float32."""
        taken = cls(shape, dtype, floats.nbytes)
        taken._to_convert, taken.converts = (convert, floats), True
        return taken

    @property
    def stated(self) -> ImageInfo:
        """Return what the file is to state of the picture, with its colour space."""
        return self.info if self.color is None else replace(self.info, color=self.color)

    def prepare(self) -> arrays.Prepared:
        """Return the array for the encoder, and its losses. The first call may have to convert the colours."""
        if self._prepared is None:
            with self._lock:
                if self._to_convert is not None:
                    convert, floats = self._to_convert
                    self._prepared, self._to_convert = convert(floats), None
        assert self._prepared is not None  # noqa: S101 - for the type checker: each constructor provides for one
        return self._prepared

    def losses(self, extension: str) -> Iterator[tuple[str, str]]:
        """Yield (kind, message) of what the values lose when they are prepared. extension: of the file."""
        prepared = self.prepare()
        if prepared.clipped:
            advice = ": they look like 0..255: divide by 255" if prepared.scaled and self.of_colours else ""
            yield "clipped", f"values outside 0..1 were clipped{advice}"
        if prepared.nan:
            yield "nan", "NaN became 0"
        if prepared.infinite:
            yield "infinite", "numbers beyond what the narrower floats hold became infinite"
        if prepared.alpha_dropped:
            yield "alpha", f"{extension} files have no alpha: it was dropped"


class Pixels:
    """The pixel conversion of one file type.

    dtype:      one of the encoder's dtypes, to which values are converted; None for the nearest one.
    color:      the colour space of the values; None if it is unknown.
    convert_to: the colour space of the values in the file; None for the same one. Floats that are proportional to
                light are then encoded as sRGB where the file has 8 bits, which hold too few steps of linear light.
    view:       shows the values that become whole numbers; floats are saved unchanged.
    wanted:     the channels that are saved, if not all.
    drop:       fields of ImageInfo that are not kept; "color" stands for all that state a colour space.
    named:      an option of the format names the channels.

    Raises OptionError for a dtype that the encoder does not take, an unknown colour space, and for a conversion from
    an unknown one; EncoderUnavailableError if the library that converts colours is not installed.
    """

    def __init__(
        self,
        spec: EncoderSpec,
        *,
        dtype: str | None = None,
        color: str | None = None,
        convert_to: str | None = None,
        view: View | None = None,
        wanted: Wanted | None = None,
        drop: tuple[str, ...] = (),
        named: bool = False,
    ) -> None:
        if dtype is not None and dtype not in spec.dtypes:
            raise OptionError(f"dtype is {dtype!r}: {spec.filetype!r} takes {', '.join(spec.dtypes)}")
        if convert_to is not None and color is None:
            raise OptionError(
                f"convert_to is {convert_to!r}, but the colour space of the values is unknown: give color as well",
                topic="unknown-color",
            )
        stated = None if color is None else color_space(color)
        self.color: ColorSpace | None = stated if convert_to is None else color_space(convert_to)
        """The colour space of values that need no view."""
        self.stated = stated
        """The colour space of the caller's values."""
        self._spec = spec
        self.wanted = Wanted() if wanted is None else wanted
        self.drops_color = "color" in drop
        """Whether what a source states of its colours is left out."""
        self._drops = frozenset(drop) | (_OF_COLOR if stated is not None or "color" in drop else frozenset())
        self._dtypes = spec.dtypes if dtype is None else (dtype,)
        self._is_asked = dtype is not None
        self._channels = spec.channels
        self._is_named = named
        self._narrow = dtype if dtype is not None and dtype.startswith("float") else None
        self._rounds = dtype == "uint8"
        self.dtype = arrays.of_floats(self._dtypes)
        """The dtype of floats in the file."""
        self.view = None if self.dtype.startswith("float") else view
        self._keeps_linear = convert_to is not None
        self.beside = ""
        """The extension of another file of the same frame, which keeps floats; "" if there is none."""
        self._conversion: Conversion | None = None
        if stated is not None and self.color is not None and stated != self.color:
            from seqsave.pictures.convert import Conversion

            self._conversion = Conversion(stated, self.color)

    @functools.cached_property
    def key(self) -> tuple[Any, ...]:
        """Return a value that is equal for two conversions with the same result for pictures that state nothing."""
        how = (self._dtypes, self._channels, self._narrow, self._rounds, self.stated, self.color)
        return (*how, self.shows_linear, self.view, self.beside)

    @property
    def shows_linear(self) -> bool:
        """Return whether floats that would be linear in the file are shown as sRGB instead.

        That is so unless the caller asks for linear values; beside a file of floats, that request is for those.
        """
        return self.dtype == "uint8" and self.view is None and (not self._keeps_linear or bool(self.beside))

    def take(self, picture: Any, info: ImageInfo | None = None) -> Taken:
        """Accept one picture, H,W or H,W,C. Raises ImageError.

        info: what its source states of it; None if it has no source that states anything.
        """
        array = arrays.as_array(picture)
        if not self._is_named and (info is None or not info.channels):
            check_layout(array.shape, self._spec)
        if info is None and not self.wanted:
            taken = self._taken(array, self._shown(array, _NOTHING), _NOTHING)
            if is_read_as_linear(self.beside) and self._is_of_unknown_light(array, _NOTHING):
                taken.notes = (self._unknown_light(),)
            return taken
        known, notes = (_NOTHING, ()) if info is None else possible(without(info, self._drops))
        types: Mapping[str, str] = {}
        if self._is_asked and _STORED_TYPES in known.attributes:
            types = known.attributes[_STORED_TYPES]
            left = {name: value for name, value in known.attributes.items() if name != _STORED_TYPES}
            known = replace(known, attributes=left)
        shown = self._shown(array, known)
        fitted = fit(array, known if shown is None else without(known, _OF_COLOR), self._spec, self.wanted)
        if shown is not None and not fitted.of_colours:  # such as depth
            shown, fitted = None, fit(array, known, self._spec, self.wanted)
        # Channels of integers are kept exactly beside the array, so that its infinite values are no loss of theirs.
        names = fitted.info.channels or usual_names(fitted.array.shape[2])
        floats = [place for place, name in enumerate(names) if types.get(name, "float").startswith("f")]
        taken = self._taken(fitted.array, shown, fitted.info, floats if types and names else None)
        taken.notes, taken.of_colours = notes + fitted.notes, fitted.of_colours
        if (
            (info is not None or is_read_as_linear(self.beside))
            and fitted.of_colours
            and self._is_of_unknown_light(array, known)
        ):
            taken.notes += (self._unknown_light(),)
        if info is not None and fitted.of_colours and self._is_of_assumed_light(array, known):
            taken.color = color_space("linear-srgb")
            kinds = self._spec.extensions[0]
            taken.notes += (("unknown light", _ASSUMED_LIGHT.format(kind=kinds, default=self._spec.default_color)),)
        return taken

    def _taken(self, array: ImageArray, shown: Shown | None, info: ImageInfo, floats: list[int] | None = None) -> Taken:
        if shown is not None:
            convert, color = shown
            taken = self._later(array, lambda floats: self._of_values(floats, convert))
        else:
            color = self.color
            is_same = self._conversion is None
            taken = Taken.ready(self._prepared(array, floats)) if is_same else self._later(array, self._convert)
        taken.color, taken.info = color, info
        return taken

    def _shown(self, array: ImageArray, info: ImageInfo) -> Shown | None:
        """Return how the values are shown on a display, and in which space; None if they are saved as they are."""
        is_float = array.dtype.kind == "f"
        if self.view is None and not (is_float and self.shows_linear):
            return None
        if self.view is not None and self.view.is_raw:
            return None
        if self.view is None and self.stated is None and not _states_colors(info):
            return None
        from seqsave.pictures.light import light_of, light_of_space  # here, as most pictures need none

        light = light_of(info, floats=is_float) if self.stated is None else light_of_space(self.stated)
        if self.view is not None:
            if light is None:
                raise ImageError(
                    f"the view {self.view.view!r} needs to know what the values of the picture mean: give `color`, "
                    "such as `color='linear-srgb'`"
                )
            return _through(light, self.view), self.view.space
        becomes_linear = light.is_linear if self._conversion is None and light is not None else self._is_to_linear
        if light is None or not becomes_linear:
            return None
        return (lambda floats: in_colors(floats, light.shown)), color_space("srgb")

    @property
    def _is_to_linear(self) -> bool:
        return self._conversion is not None and self.color is not None and self.color.transfer == "linear"

    def _is_of_unknown_light(self, array: ImageArray, info: ImageInfo) -> bool:
        """Return whether floats become whole numbers as they are, though nothing states that they are not linear."""
        is_known = self.stated is not None or _states_colors(info)
        return array.dtype.kind == "f" and not self.dtype.startswith("float") and not is_known

    def _is_of_assumed_light(self, array: ImageArray, info: ImageInfo) -> bool:
        """Return whether floats of a file stay floats in a format that always states a colour space, and none is known.

        Most floats in files are linear: those of EXR files always are.
        """
        is_known = self.stated is not None or bool(set(info.stated) & _OF_COLOR)
        stays = array.dtype.kind == "f" and self.dtype.startswith("float")
        return stays and self._spec.default_color is not None and not is_known

    def _unknown_light(self) -> tuple[str, str]:
        is_beside = is_read_as_linear(self.beside)
        why = f"programs read the {self.beside} as linear" if is_beside else "its source holds floats"
        return "unknown light", _UNKNOWN_LIGHT.format(why=why, kind=self._spec.extensions[0])

    def _later(self, array: ImageArray, convert: Callable[[ImageArray], arrays.Prepared]) -> Taken:
        # Converting takes long, and happens on the encoding thread. Until then the caller may change the array: copy
        # it.
        floats = arrays.prepare(array, ("float32",), _every_count(array)).array
        sample = self._prepared(floats[:1, :1]).array
        return Taken.unconverted(convert, floats, (*floats.shape[:2], sample.shape[2]), arrays.name_of(sample.dtype))

    def _convert(self, floats: ImageArray) -> arrays.Prepared:
        return self._of_values(floats, self._conversion.apply if self._conversion is not None else _unchanged)

    def _of_values(self, floats: ImageArray, convert: Convert) -> arrays.Prepared:
        """Return the array for the encoder. floats: H,W,C, float32, in the caller's colour space."""
        import numpy as np

        with np.errstate(all="ignore"):  # NaN and infinite values may be anything
            prepared = self._prepared(convert(floats))
        return replace(prepared, scaled=True) if prepared.clipped and arrays.look_like_bytes(floats) else prepared

    def _prepared(self, array: ImageArray, floats: list[int] | None = None) -> arrays.Prepared:
        """Return the array for the encoder. floats: the channels that can lose values; None for all."""
        if self._rounds and arrays.name_of(array.dtype) == "uint16":
            return arrays.prepare(arrays.in_eight_bits(array), self._dtypes, self._channels)
        if self._narrow is None or array.dtype.kind != "f" or arrays.name_of(array.dtype) in self._dtypes:
            prepared = arrays.prepare(array, self._dtypes, self._channels)
            made = prepared.array.dtype
            if array.dtype.kind != "f" or made.kind != "f" or made.itemsize >= array.dtype.itemsize:
                return prepared
            narrow = _narrowed(array, made.name)  # doubles, of which no encoder has the range
        else:
            narrow = _narrowed(array, self._narrow)
            prepared = arrays.prepare(narrow, self._dtypes, self._channels)
        if floats is not None:
            array, narrow = array[..., floats], narrow[..., floats]
        return replace(prepared, infinite=_infinities(narrow) > _infinities(array))


class SharedImage:
    """An image that several file types share: equal conversions are done once.

    info: what its source states of it, if it has one.
    """

    def __init__(self, image: Any, info: ImageInfo | None = None) -> None:
        self.image = image
        self.info = info
        self._taken: dict[Any, Taken] = {}

    def take(self, pixels: Pixels, info: ImageInfo | None = None) -> Taken:
        """Return the image as ``pixels`` takes it. Raises ImageError.

        info: the part of the own one that no setting of the writer replaces.
        """
        if info is not None or pixels.wanted:
            return pixels.take(self.image, info)
        key = pixels.key
        taken = self._taken.get(key)
        if taken is None:
            taken = self._taken[key] = pixels.take(self.image)
        return taken


def _states_colors(info: ImageInfo) -> bool:
    """Return whether a source states something of its colours."""
    return info is not _NOTHING and not _OF_COLOR.isdisjoint(info.stated)


def _every_count(array: ImageArray) -> tuple[int, ...]:
    """Return the array if its number of channels can be converted. Raises ImageError otherwise."""
    if not 1 <= array.shape[2] <= 4:
        raise ImageError(
            f"a picture with {array.shape[2]} channels cannot be converted to another colour space: it takes 1 to 4"
        )
    return (array.shape[2],)


def _unchanged(floats: ImageArray) -> ImageArray:
    return floats


def _through(light: Light, view: View) -> Convert:
    return lambda floats: in_colors(floats, lambda colors: view.apply(light.linear(colors)))


def in_colors(floats: ImageArray, convert: Convert) -> ImageArray:
    """Convert the colours of a picture of 1 to 4 channels. Alpha is kept; grey is like equal R, G and B."""
    import numpy as np

    height, width, channels = floats.shape
    colors: Any = floats[..., :3]
    if channels < 3:
        colors = np.broadcast_to(floats[..., :1], (height, width, 3))
    converted = convert(colors)
    if channels == 3:
        return converted
    kept = converted if channels == 4 else converted[..., :1]
    return kept if channels == 1 else np.concatenate([kept, floats[..., channels - 1 :]], axis=2)


def _infinities(array: ImageArray) -> int:
    import numpy as np

    return int(np.count_nonzero(np.isinf(array)))


def _narrowed(array: ImageArray, dtype: str) -> ImageArray:
    """Return the array in a narrower float dtype, rounded to nearest; values that are too large become infinite."""
    import numpy as np

    with np.errstate(over="ignore"):
        return array.astype(dtype)
