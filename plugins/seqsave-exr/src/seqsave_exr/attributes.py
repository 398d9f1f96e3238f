"""Check the attributes that a program passes for the header: the library changes or drops some values without an error.

It writes whole numbers beyond 32 bits as others, drops lists of whole numbers, and cuts names at a NUL.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from fractions import Fraction
from numbers import Integral, Rational, Real
from typing import Any, Final

import numpy as np

from seqsave import OptionError
from seqsave.wording import shortened
from seqsave_exr.raw import Raw

__all__ = ["checked"]

_INT32, _UINT32 = 2**31, 2**32
_LONGEST_NAME = 255
_MOST_FLOAT = float(np.finfo(np.float32).max)
_CHROMATICITIES = 8
_VECTORS, _MATRICES = ((2,), (3,)), ((3, 3), (4, 4))
_ALLOWED = (
    "text, a number (whole ones and the parts of fractions have 32 bits), a list of texts or of floats, an array of 2 "
    "or 3 numbers or a matrix of 3 or 4 rows, a box of two corners, or an object of OpenEXR, such as a TimeCode"
)
# Every file has these, of this type.
_FLOATS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "screenWindowWidth": lambda value: _float(value),
    "screenWindowCenter": lambda value: _vector(_listed(value), (2,), is_whole=False),
}


class _MisfitError(Exception):
    """A value that the format does not hold."""


def checked(attributes: Mapping[str, Any], own: Collection[str]) -> dict[str, Any]:
    """Return attributes with their values as the library writes them.

    own: the names of what the header states itself.

    Raises OptionError, which names the attribute, for a value that EXR files do not hold, and for a name that is too
    long, empty, or the header's own.
    """
    return {_name(name, own): _value(name, value) for name, value in attributes.items()}


def _name(name: str, own: Collection[str]) -> str:
    try:
        is_fit = 0 < len(name.encode()) <= _LONGEST_NAME and "\0" not in name
    except UnicodeEncodeError:  # a lone surrogate
        is_fit = False
    if not is_fit:
        raise OptionError(
            f"info: attributes has the name {shortened(name)}: EXR files hold names of 1 to {_LONGEST_NAME} bytes, "
            "without NUL"
        )
    if name in own:
        raise OptionError(
            f"info: attributes has the name {name!r}, which the header of an EXR file states by itself: leave it out, "
            "or set the field of ImageInfo that means it"
        )
    return name


def _value(name: str, value: Any) -> Any:
    try:
        return _FLOATS.get(name, _any)(value)
    except _MisfitError:
        allowed = "two floats" if name == "screenWindowCenter" else "a float" if name in _FLOATS else _ALLOWED
        raise OptionError(f"info: attributes[{name!r}] is {shortened(value)}: EXR files hold {allowed}") from None


def _any(value: Any) -> Any:
    if isinstance(value, Raw):
        return _raw(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Real):
        return _number(value)
    if isinstance(value, np.ndarray):
        return _of_array(value)
    if isinstance(value, list):
        return _list(value)
    if isinstance(value, tuple):
        return _tuple(value)
    if type(value).__module__ == "OpenEXR":
        return value
    raise _MisfitError


def _raw(value: Raw) -> Raw:
    if not isinstance(value.kind, str) or not isinstance(value.data, bytes) or len(value.data) >= _INT32:
        raise _MisfitError
    return value


def _text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _MisfitError from None
    return value


def _number(value: Real) -> Any:
    if isinstance(value, Integral):
        return _whole(value)
    if isinstance(value, Rational):
        found = Fraction(int(value.numerator), int(value.denominator))
        if not -_INT32 <= found.numerator < _INT32 or found.denominator >= _UINT32:
            raise _MisfitError
        return found
    return _float(value)


def _whole(value: Any) -> int:
    if not isinstance(value, Integral) or not -_INT32 <= int(value) < _INT32:
        raise _MisfitError
    return int(value)


def _float(value: Any) -> float:
    if not isinstance(value, Real):
        raise _MisfitError
    try:
        found = float(value)
    except OverflowError:
        raise _MisfitError from None
    if math.isfinite(found) and abs(found) > _MOST_FLOAT:
        raise _MisfitError
    return found


def _list(value: list[Any]) -> list[Any]:
    if not value:  # the library cannot know its type
        raise _MisfitError
    if all(isinstance(one, str) for one in value):
        return [_text(one) for one in value]
    return [_float(one) for one in value]


def _tuple(value: tuple[Any, ...]) -> Any:
    if len(value) == _CHROMATICITIES:
        return tuple(map(_float, value))
    if len(value) == 2 and all(isinstance(one, np.ndarray | tuple | list) for one in value):
        corners = [_listed(one) for one in value]
        is_whole = all(map(_is_whole, corners))
        return tuple(_vector(one, (2,), is_whole=is_whole) for one in corners)
    return _vector(list(value), (2, 3), is_whole=_is_whole(value))


def _of_array(value: Any) -> Any:
    kind = value.dtype.name
    if value.dtype.kind in "iu" and value.shape in _VECTORS:
        return _vector(value.tolist(), (2, 3), is_whole=True)
    is_list = kind == "float32" and value.ndim == 1 and value.size > 0
    if not is_list and (kind not in ("float32", "float64") or value.shape not in (*_VECTORS, *_MATRICES, (1,))):
        raise _MisfitError
    return value


def _listed(values: Any) -> list[Any]:
    found = values.tolist() if isinstance(values, np.ndarray) else values
    if not isinstance(found, list | tuple):
        raise _MisfitError
    return list(found)


def _is_whole(values: Collection[Any]) -> bool:
    return all(isinstance(one, Integral) for one in values)


def _vector(values: list[Any], counts: tuple[int, ...], *, is_whole: bool) -> Any:
    if len(values) not in counts:
        raise _MisfitError
    return np.array([_whole(one) if is_whole else _float(one) for one in values], "<i4" if is_whole else "<f4")
