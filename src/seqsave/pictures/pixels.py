"""Convert picture-like objects to the array that an encoder gets: dtype, channels and colour space."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seqsave.errors import ImageError, OptionError
from seqsave.pictures import arrays
from seqsave.pictures.color import color_space
from seqsave.pictures.fitting import Wanted, fit, without
from seqsave.types import ImageInfo

if TYPE_CHECKING:
    from seqsave.pictures.convert import Conversion
    from seqsave.types import ColorSpace, EncoderSpec, ImageArray

__all__ = ["Pixels", "SharedImage", "Taken"]


# Fields that a stated colour space replaces together.
_OF_COLOR = frozenset(("color", "icc", "cicp", "gamma", "primaries"))


class Taken:
    """An accepted copy of a picture, which the caller may change now. File types may share it. Thread-safe.

    shape: of the array for the encoder. dtype: its name. held: bytes that are kept in memory until it is encoded.
    info:  what the file is to state of the picture, from its source. notes: (kind, message) of what it cannot.
    """

    info: ImageInfo = ImageInfo()
    notes: tuple[tuple[str, str], ...] = ()

    def __init__(self, shape: tuple[int, ...], dtype: str, held: int) -> None:
        self.shape = shape
        self.dtype = dtype
        self.held = held
        self._prepared: arrays.Prepared | None = None
        self._to_convert: tuple[Pixels, ImageArray] | None = None
        self._lock = threading.Lock()

    @classmethod
    def ready(cls, prepared: arrays.Prepared) -> Taken:
        """Return a picture that needs no conversion of its colours."""
        array = prepared.array
        taken = cls(array.shape, arrays.name_of(array.dtype), array.nbytes)
        taken._prepared = prepared
        return taken

    @classmethod
    def unconverted(cls, pixels: Pixels, floats: ImageArray, shape: tuple[int, ...], dtype: str) -> Taken:
        """Return a picture whose colours ``pixels`` converts when it is prepared; ``floats`` is H,W,C, float32."""
        taken = cls(shape, dtype, floats.nbytes)
        taken._to_convert = pixels, floats
        return taken

    def prepare(self) -> arrays.Prepared:
        """Return the array for the encoder, and its losses. The first call may have to convert the colours."""
        if self._prepared is None:
            with self._lock:
                if self._to_convert is not None:
                    pixels, floats = self._to_convert
                    self._prepared, self._to_convert = pixels.convert(floats), None
        assert self._prepared is not None  # noqa: S101 - for the type checker: each constructor provides for one
        return self._prepared


class Pixels:
    """The pixel conversion of one file type.

    dtype:      one of the encoder's dtypes, to which values are converted; None for the nearest one.
    color:      the colour space of the values; None if it is unknown.
    convert_to: the colour space of the values in the file; None for the same one.
    wanted:     the channels that are saved, if not all.
    drop:       fields of ImageInfo that are not kept; "color" stands for all that state a colour space.

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
        wanted: Wanted | None = None,
        drop: tuple[str, ...] = (),
    ) -> None:
        if dtype is not None and dtype not in spec.dtypes:
            raise OptionError(f"dtype is {dtype!r}: {spec.filetype!r} takes {', '.join(spec.dtypes)}")
        if convert_to is not None and color is None:
            raise OptionError(
                f"convert_to is {convert_to!r}, but the colour space of the values is unknown: give color as well"
            )
        stated = None if color is None else color_space(color)
        self.color: ColorSpace | None = stated if convert_to is None else color_space(convert_to)
        """The colour space of the values in the file."""
        self.stated = stated
        """The colour space of the caller's values."""
        self._spec = spec
        self.wanted = Wanted() if wanted is None else wanted
        self._replaced = frozenset(drop) | (_OF_COLOR if self.color is not None or "color" in drop else frozenset())
        self._dtypes = spec.dtypes if dtype is None else (dtype,)
        self._channels = spec.channels
        self._narrow = dtype if dtype is not None and dtype.startswith("float") else None
        self.key = (self._dtypes, self._channels, self._narrow, stated, self.color)
        """Equal for two conversions with the same result for every picture that states nothing."""
        self._conversion: Conversion | None = None
        if stated is not None and self.color is not None and stated != self.color:
            from seqsave.pictures.convert import Conversion

            self._conversion = Conversion(stated, self.color)

    @property
    def converts(self) -> bool:
        """Return whether pictures are converted to another colour space, which ``Taken.prepare`` does."""
        return self._conversion is not None

    def take(self, picture: Any, info: ImageInfo | None = None) -> Taken:
        """Accept one picture, H,W or H,W,C. Raises ImageError.

        info: what its source states of it; None if it has no source that states anything.
        """
        array = arrays.as_array(picture)
        if info is None and not self.wanted:
            return self._taken(array)
        info = ImageInfo() if info is None else without(info, self._replaced)
        fitted = fit(array, info, self._spec, self.wanted)
        taken = self._taken(fitted.array)
        taken.info, taken.notes = fitted.info, fitted.notes
        return taken

    def _taken(self, array: ImageArray) -> Taken:
        if self._conversion is None:
            return Taken.ready(self._prepared(array))
        # Converting takes long, and happens on the encoding thread. Until then the caller may change the array: copy
        # it.
        floats = arrays.prepare(array, ("float32",), _every_count(array)).array
        sample = self._prepared(floats[:1, :1]).array
        return Taken.unconverted(self, floats, (*floats.shape[:2], sample.shape[2]), arrays.name_of(sample.dtype))

    def convert(self, floats: ImageArray) -> arrays.Prepared:
        """Return the array for the encoder, in the colour space of the file. floats: H,W,C, float32."""
        return self._prepared(floats if self._conversion is None else self._conversion.apply(floats))

    def _prepared(self, array: ImageArray) -> arrays.Prepared:
        if self._narrow is None or array.dtype.kind != "f" or arrays.name_of(array.dtype) in self._dtypes:
            return arrays.prepare(array, self._dtypes, self._channels)
        narrow = _narrowed(array, self._narrow)
        prepared = arrays.prepare(narrow, self._dtypes, self._channels)
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
        if pixels.key not in self._taken:
            self._taken[pixels.key] = pixels.take(self.image)
        return self._taken[pixels.key]


def _every_count(array: ImageArray) -> tuple[int, ...]:
    """Return the array if its number of channels can be converted. Raises ImageError otherwise."""
    if not 1 <= array.shape[2] <= 4:
        raise ImageError(
            f"a picture with {array.shape[2]} channels cannot be converted to another colour space: it takes 1 to 4"
        )
    return (array.shape[2],)


def _infinities(array: ImageArray) -> int:
    import numpy as np

    return int(np.count_nonzero(np.isinf(array)))


def _narrowed(array: ImageArray, dtype: str) -> ImageArray:
    """Return the array in a narrower float dtype, rounded to nearest; values that are too large become infinite."""
    import numpy as np

    with np.errstate(over="ignore"):
        return array.astype(dtype)
