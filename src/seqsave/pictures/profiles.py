"""Read the curves and colorants of ICC profiles that state them: those of RGB spaces with a matrix, and of grey.

Source: ICC.1:2022, sections 8.3.3, 8.3.4, 9.2.15, 10.6 and 10.18. Profiles with tables of colours are not read.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from seqsave.pictures.color import D50, adaptation

if TYPE_CHECKING:
    import numpy.typing as npt

    Curve = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]

__all__ = ["Curve", "Profile", "read"]

# How many numbers a parametric curve of each type has.
_COUNTS = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}
_MOST_TAGS = 100


@dataclass(frozen=True, eq=False)
class Profile:
    """The content of a profile.

    curves:    from values to linear light, one for each of R, G and B, or one for grey.
    colorants: the matrix from linear RGB to XYZ with the white D50; None for grey.
    is_linear: whether all curves are straight.
    adaptation: the matrix from the XYZ of the space's own white to that of the white D50.
    """

    curves: tuple[Curve, ...]
    colorants: npt.NDArray[np.float64] | None
    is_linear: bool
    adaptation: npt.NDArray[np.float64]

    @property
    def primaries(self) -> tuple[tuple[float, float], ...] | None:
        """Return CIE 1931 x and y of red, green, blue and white; None for grey. Raises LinAlgError."""
        if self.colorants is None:
            return None
        columns = np.linalg.solve(self.adaptation, np.column_stack((self.colorants, D50))).T.tolist()
        return tuple((x / (x + y + z), y / (x + y + z)) for x, y, z in columns)


def read(data: bytes) -> Profile | None:
    """Return the content of a profile; None for a damaged one, and for one that uses tables of colours."""
    try:
        return _read(data)
    except (struct.error, KeyError, IndexError, ValueError):
        return None


def _read(data: bytes) -> Profile | None:
    tags = _tags(data)
    if b"A2B0" in tags or data[20:24] != b"XYZ ":
        return None
    space = data[16:20]
    adapted = _adaptation(tags)
    if space == b"GRAY":
        return _profile([_curve(tags[b"kTRC"])], None, adapted)
    if space != b"RGB ":
        return None
    columns = [np.array(struct.unpack_from(">3i", tags[name], 8)) / 65536 for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
    return _profile([_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC")], np.stack(columns, axis=1), adapted)


def _profile(curves: list[tuple[Curve, bool]], colorants: Any, adapted: Any) -> Profile:
    return Profile(tuple(curve for curve, _ in curves), colorants, all(straight for _, straight in curves), adapted)


def _adaptation(tags: dict[bytes, bytes]) -> Any:
    """Return the matrix that the profile states, or the linear Bradford transform from its white (version 2)."""
    if b"chad" in tags:
        return np.array(struct.unpack_from(">9i", tags[b"chad"], 8)).reshape(3, 3) / 65536
    if b"wtpt" not in tags:
        return np.eye(3)
    white = np.array(struct.unpack_from(">3i", tags[b"wtpt"], 8)) / 65536
    return adaptation(white) if white.min() > 0 else np.eye(3)


def _tags(data: bytes) -> dict[bytes, bytes]:
    count = struct.unpack_from(">I", data, 128)[0]
    found = {}
    for number in range(min(count, _MOST_TAGS)):
        signature, offset, size = struct.unpack_from(">4sII", data, 132 + 12 * number)
        found[signature] = data[offset : offset + size]
    return found


def _curve(tag: bytes) -> tuple[Curve, bool]:
    """Return a curve, and whether it is straight."""
    if tag[:4] == b"para":
        return _parametric(tag)
    if tag[:4] != b"curv":
        raise ValueError(tag[:4])
    count = struct.unpack_from(">I", tag, 8)[0]
    if count == 0:
        return (lambda values: values), True
    if count == 1:
        exponent = struct.unpack_from(">H", tag, 12)[0] / 256
        return _power(exponent, 1, 0, 0, 0, 0, 0), exponent == 1
    table = np.frombuffer(tag, ">u2", count, 12).astype(np.float64) / 65535
    places = np.linspace(0, 1, count)
    return (lambda values: np.interp(values, places, table)), False


def _parametric(tag: bytes) -> tuple[Curve, bool]:
    kind = struct.unpack_from(">H", tag, 8)[0]
    given = [value / 65536 for value in struct.unpack_from(f">{_COUNTS[kind]}i", tag, 12)]
    g, a, b, c, d, e, f = given[0], 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
    if kind in (1, 2):
        a, b = given[1:3]
        d = -b / a if a else 0.0
        e = f = given[3] if kind == 2 else 0.0
    elif kind >= 3:
        a, b, c, d = given[1:5]
        e, f = given[5:7] if kind == 4 else (0.0, 0.0)
    return _power(g, a, b, c, d, e, f), (g, a, b, d, e) == (1, 1, 0, 0, 0)


def _power(g: float, a: float, b: float, c: float, d: float, e: float, f: float) -> Curve:
    def curve(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        with np.errstate(all="ignore"):
            return np.where(values >= d, np.maximum(a * values + b, 0) ** g + e, c * values + f)

    return curve
