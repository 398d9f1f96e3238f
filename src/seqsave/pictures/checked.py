"""Check the statements that a program passes with a picture: a value of a wrong type would fail in an encoder."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from fractions import Fraction
from numbers import Integral, Rational, Real
from typing import Any, Final

from seqsave.errors import OptionError
from seqsave.types import ColorSpace, ImageInfo
from seqsave.wording import shortened

__all__ = ["checked_info"]

# The windows of EXR files are counted in 32 bits with a sign; PNG and AVIF count light in 32 bits without one, and the
# colours of a display in 16.
_INT32, _UINT32, _UINT16 = 2**31, 2**32 - 1, 2**16 - 1
_TRANSFERS = ("linear", "srgb", "bt709", "pq", "hlg")


class _MisfitError(Exception):
    """A value of a wrong type, or out of its range."""


def checked_info(info: Any) -> ImageInfo | None:
    """Return what a program states of a picture, with lists as tuples and numbers of other libraries as Python's.

    Raises OptionError for a value of a wrong type and for one that no file can hold; it names field, value and what is
    allowed. Numbers of the right type that cannot be true, such as a negative density, pass.
    """
    if info is None:
        return None
    if not isinstance(info, ImageInfo):
        raise OptionError(
            f"info is {shortened(info)}: it must be a seqsave.ImageInfo, such as `frame.decode().info`, or None"
        )
    changed: dict[str, Any] = {}
    for name, (read, allowed) in _FIELDS.items():
        value = getattr(info, name)
        if value is None and name in _OPTIONAL:
            continue
        try:
            sound = read(value)
        except _MisfitError:
            also = ", or None" if name in _OPTIONAL else ""
            raise OptionError(f"info: {name} is {shortened(value)}: it must be {allowed}{also}") from None
        if sound is not value:
            changed[name] = sound
    for name, misfit in _MAPPINGS.items():
        _check_mapping(name, getattr(info, name), misfit)
    return replace(info, **changed) if changed else info


def _check_mapping(name: str, found: Any, misfit: Callable[[str, Any], str]) -> None:
    if not isinstance(found, Mapping):
        raise OptionError(f"info: {name} is {shortened(found)}: it must be a mapping from names to values")
    for key, value in found.items():
        if not isinstance(key, str):
            raise OptionError(f"info: {name} has the name {shortened(key)}: it must be text")
        allowed = misfit(key, value)
        if allowed:
            raise OptionError(f"info: {name}[{shortened(key)}] is {shortened(value)}: it must be {allowed}")


# --- values; each function returns the value as encoders take it, or raises _MisfitError ------------------------------


def _number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise _MisfitError
    try:
        as_float = float(value)
    except OverflowError:
        raise _MisfitError from None
    return value if isinstance(value, int | float) else as_float


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise _MisfitError
    return value if isinstance(value, int) else int(value)


def _rate(value: Any) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, Rational) or value <= 0:
        raise _MisfitError
    return value if isinstance(value, Fraction) else Fraction(int(value.numerator), int(value.denominator))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _MisfitError
    return value


def _bytes(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise _MisfitError
    return value


def _alpha(value: Any) -> str:
    if not isinstance(value, str) or value not in ("straight", "associated"):
        raise _MisfitError
    return value


def _several(value: Any, one: Callable[[Any], Any], count: int | None = None) -> tuple[Any, ...]:
    if not isinstance(value, tuple | list) or (count is not None and len(value) != count):
        raise _MisfitError
    found = tuple(map(one, value))
    is_same = isinstance(value, tuple) and all(new is old for new, old in zip(found, value, strict=True))
    return value if is_same and isinstance(value, tuple) else found


def _coordinate(value: Any) -> int:
    found = _integer(value)
    if not -_INT32 <= found < _INT32:
        raise _MisfitError
    return found


def _window(value: Any) -> tuple[int, ...]:
    found = _several(value, _coordinate, 4)
    if min(found[2:]) < 1:
        raise _MisfitError
    return found


def _points(value: Any) -> tuple[Any, ...]:
    return _several(value, lambda point: _several(point, _number))


def _space(value: Any) -> ColorSpace:
    if not isinstance(value, ColorSpace) or not isinstance(value.name, str) or value.transfer not in _TRANSFERS:
        raise _MisfitError
    points = _several(value.primaries, lambda point: _several(point, _number, 2), 4)
    if not all(math.isfinite(number) for point in points for number in point):
        raise _MisfitError
    if value.cicp is not None:
        _several(value.cicp, _integer, 2)
    return value


_FIELDS: Final[Mapping[str, tuple[Callable[[Any], Any], str]]] = {
    "color": (_space, "a seqsave.ColorSpace, such as seqsave.COLOR_SPACES['srgb']"),
    "icc": (_bytes, "bytes"),
    "cicp": (lambda value: _several(value, _integer, 2), "two whole numbers, such as (9, 16)"),
    "gamma": (_number, "a number, such as 0.45455"),
    "primaries": (_points, "x and y of red, green, blue and white, four pairs of numbers"),
    "alpha": (_alpha, "'straight' or 'associated'"),
    "channels": (lambda value: _several(value, _text), "a tuple of names, such as ('R', 'G', 'B')"),
    "layer": (_text, "text"),
    "origin": (lambda value: _several(value, _coordinate, 2), "two whole numbers of 32 bits, x and y"),
    "display": (_window, "four whole numbers of 32 bits, left, top, width and height, the last two at least 1"),
    "pixel_aspect": (_number, "a number, such as 2.0"),
    "dpi": (_number, "a number of pixels per inch, such as 300"),
    "rate": (_rate, "a fraction of more than 0, such as Fraction(30000, 1001), or a whole number"),
    "exif": (_bytes, "bytes"),
    "xmp": (_bytes, "bytes"),
    "iptc": (_bytes, "bytes"),
    "attributes_of": (_text, "text"),
}
_OPTIONAL: Final = frozenset(one.name for one in fields(ImageInfo) if one.default is None)


# --- mappings; each function returns what is allowed where a value does not fit, else "" -----------------------------


def _light_misfit(name: str, value: Any) -> str:
    most = _UINT16 if name.endswith(("_x", "_y")) else _UINT32
    is_fit = isinstance(value, Integral) and not isinstance(value, bool) and 0 <= int(value) <= most
    return "" if is_fit else f"a whole number from 0 to {most}"


def _tag_misfit(name: str, value: Any) -> str:
    return "" if isinstance(value, str) else "text"


def _text_misfit(name: str, value: Any) -> str:
    if not isinstance(value, str):
        return "text"
    try:
        name.encode()
        value.encode()
    except UnicodeEncodeError:
        return "text without lone surrogates, as is its name"
    return ""


def _anything(name: str, value: Any) -> str:
    return ""  # each format knows the types of its own attributes


_MAPPINGS: Final[Mapping[str, Callable[[str, Any], str]]] = {
    "light": _light_misfit,
    "tags": _tag_misfit,
    "texts": _text_misfit,
    "attributes": _anything,
}
