"""Relate pixel values to light, and show them on a display: sRGB values from every stated colour space.

A ``Light`` is made from what a file or a setting states; it is never guessed. Linear 1.0 is diffuse white: 203 cd/m2 in
PQ, and 75 % of the signal in HLG, as in ITU-R BT.2408; HLG is shown as on a display of 1,000 cd/m2 (ITU-R BT.2100).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from seqsave.pictures import profiles
from seqsave.pictures.color import (
    COLOR_SPACES,
    D50,
    H273_PRIMARIES,
    H273_TRANSFERS,
    adaptation,
    color_space,
    to_xyz,
    xyz_of,
)
from seqsave.types import ColorSpace

if TYPE_CHECKING:
    import numpy.typing as npt

    from seqsave.types import ImageInfo

    Floats = npt.NDArray[np.float32]
    Matrix = npt.NDArray[np.float64]
    Points = Sequence[tuple[float, float]]
    Curve = Callable[[Floats], Floats]

__all__ = ["Light", "curve_from", "curve_to", "light_of", "light_of_space", "space_of_profile"]

_BT709 = color_space("srgb").primaries
# How far profiles of one space are apart: in x and y, and in light, an eighth of a step of 8 bits.
_NEAR, _NEAR_LIGHT = 0.0005, 0.0005
# The luminance of diffuse white in PQ and on a display of HLG, in cd/m2, and the peak of each.
_WHITE, _PQ_PEAK, _HLG_PEAK = 203.0, 10_000.0, 1_000.0
_HLG_SYSTEM_GAMMA = 1.2
_BT2020_LUMINANCE = np.array((0.2627, 0.6780, 0.0593), np.float32)


@dataclass(frozen=True, eq=False)
class Light:
    """The light that the values of a picture stand for.

    transfer: the name of the curve; "" for one of an ICC profile, or a power.
    curves:   from values to linear light: one for all channels, or one for each of R, G and B.
    matrix:   from linear light of these primaries to that of BT.709.
    """

    transfer: str
    curves: tuple[Curve, ...]
    matrix: Matrix

    @property
    def is_linear(self) -> bool:
        """Return whether values are proportional to light."""
        return self.transfer == "linear"

    @functools.cached_property
    def is_display(self) -> bool:
        """Return whether the values are those of an sRGB display."""
        return self.transfer == "srgb" and self._is_bt709

    @property
    def is_separate(self) -> bool:
        """Return whether the light of each channel follows from the value of that channel alone."""
        return self._is_bt709 and self.transfer != "hlg"

    @functools.cached_property
    def _is_bt709(self) -> bool:
        return bool(np.allclose(self.matrix, np.eye(3), atol=2e-3))

    def linear(self, colors: npt.NDArray[Any]) -> Floats:
        """Return linear light of BT.709's primaries, H,W,3, unclipped. colors: H,W,3; floats, uint8 or uint16."""
        if colors.dtype.kind == "f":
            light = self._decoded(colors.astype(np.float32, copy=False))
        else:
            tables = self._tables(colors.dtype.itemsize)
            light = np.empty(colors.shape, np.float32)
            for channel in range(3):
                np.take(tables[channel % len(tables)], colors[..., channel], out=light[..., channel], mode="clip")
        if self.transfer == "hlg":
            luminance = np.maximum(light @ _BT2020_LUMINANCE, 0)[..., None]
            light = light * luminance ** np.float32(_HLG_SYSTEM_GAMMA - 1) * np.float32(_HLG_PEAK / _WHITE)
        return light if self._is_bt709 else light @ self.matrix.T.astype(np.float32)

    def _decoded(self, colors: Floats) -> Floats:
        if len(self.curves) == 1:
            return self.curves[0](colors)
        return np.stack([curve(colors[..., channel]) for channel, curve in enumerate(self.curves)], axis=-1)

    def _tables(self, size: int) -> list[Floats]:
        if size == 1:
            return self._tables_of_8_bits
        return self._tables_of_16_bits

    @functools.cached_property
    def _tables_of_8_bits(self) -> list[Floats]:
        return [curve(np.linspace(0, 1, 1 << 8, dtype=np.float32)) for curve in self.curves]

    @functools.cached_property
    def _tables_of_16_bits(self) -> list[Floats]:
        return [curve(np.linspace(0, 1, 1 << 16, dtype=np.float32)) for curve in self.curves]

    def shown(self, colors: npt.NDArray[Any], transfer: str = "srgb") -> Floats:
        """Return values of a display with BT.709's primaries, H,W,3, unclipped. transfer: "srgb" or "bt709"."""
        return curve_to(transfer)(self.linear(colors))


@functools.lru_cache(maxsize=64)
def light_of_space(space: ColorSpace) -> Light:
    """Return the light of values in a named colour space."""
    return _light(space.primaries, space.transfer)


def light_of(info: ImageInfo, *, floats: bool) -> Light | None:
    """Return the light that a file states; None if it states none, or in a way that is not understood.

    floats: whether the pixels are floats, which are linear if the file states primaries alone, as EXR files do.
    """
    if info.color is not None:
        return light_of_space(info.color)
    if info.cicp is not None:
        return _of_numbers(*info.cicp)
    if info.icc is not None:
        return _of_profile(info.icc)
    if info.gamma is not None and info.gamma > 0:
        return _light(_whole(info.primaries), 1 / info.gamma)
    if info.primaries is not None:
        return _light(_whole(info.primaries), "linear" if floats else "srgb")
    return None


def _whole(primaries: Points | None) -> Points:
    """Return primaries and white, those of BT.709 if there are none."""
    return _BT709 if primaries is None or len(primaries) != 4 else primaries


def _of_numbers(primaries: int, transfer: int) -> Light | None:
    points, curve = H273_PRIMARIES.get(primaries), H273_TRANSFERS.get(transfer)
    return None if points is None or curve is None else _light(points, curve)


@functools.lru_cache(maxsize=16)
def _of_profile(data: bytes) -> Light | None:
    found = profiles.read(data)
    if found is None:
        return None
    matrix = np.eye(3)
    if found.colorants is not None:
        matrix = np.linalg.inv(to_xyz(_BT709)) @ adaptation(D50, xyz_of(_BT709[3])) @ found.colorants
    curves = tuple(_whole_curve(one) for one in found.curves)
    return Light(transfer="linear" if found.is_linear else "", curves=curves, matrix=matrix)


def space_of_profile(data: bytes) -> ColorSpace | None:
    """Return the colour space that an ICC profile of RGB colours states; None for one without a name and not linear.

    x and y of the primaries of a named one are nearer than 0.0005, and its curve is nearer than 0.0005 of white. A
    linear one of other primaries has no name.
    """
    found = profiles.read(data)
    if found is None or found.colorants is None:
        return None
    try:
        points: Any = found.primaries
    except (np.linalg.LinAlgError, ZeroDivisionError):
        return None
    for space in COLOR_SPACES.values():
        if np.allclose(points, space.primaries, rtol=0, atol=_NEAR) and _has_curve(found, space.transfer):
            return space
    is_possible = found.is_linear and bool(np.isfinite(points).all())
    return ColorSpace(name="", primaries=points, transfer="linear", cicp=None) if is_possible else None


def _has_curve(found: profiles.Profile, transfer: str) -> bool:
    if transfer in ("pq", "hlg"):  # light far beyond white, which no such profile states
        return False
    values = np.linspace(0, 1, 4097, dtype=np.float32)
    wanted = curve_from(transfer)(values)
    return all(np.abs(curve(values) - wanted).max() < _NEAR_LIGHT for curve in found.curves)


def _whole_curve(curve: profiles.Curve) -> Curve:
    """Return the curve of a profile for all floats: beyond 0..1 it goes on as its ends."""

    def decoded(values: Floats) -> Floats:
        return curve(values).astype(np.float32, copy=False)

    return decoded


def _light(points: Points, transfer: str | float) -> Light:
    name = transfer if isinstance(transfer, str) else "linear" if transfer == 1 else ""
    try:
        matrix = np.linalg.inv(to_xyz(_BT709)) @ adaptation(xyz_of(points[3]), xyz_of(_BT709[3])) @ to_xyz(points)
    except (np.linalg.LinAlgError, ZeroDivisionError):  # a damaged file: three primaries on one line
        matrix = np.eye(3)
    return Light(transfer=name, curves=(curve_from(transfer),), matrix=matrix)


# --- curves ----------------------------------------------------------------------------------------------------------


@functools.cache
def curve_from(transfer: str | float) -> Curve:
    """Return the function from values to linear light; negative values mirror positive ones.

    transfer: of ColorSpace, or the exponent of a power.
    """
    if not isinstance(transfer, str):
        exponent = np.float32(transfer)
        return lambda values: np.copysign(np.abs(values) ** exponent, values)
    return _CURVES[transfer][0]


@functools.cache
def curve_to(transfer: str) -> Curve:
    """Return the function from linear light to values, for "linear", "srgb" and "bt709"."""
    return _CURVES[transfer][1]


def _same(values: Floats) -> Floats:
    return values


def _pieces(gamma: float, offset: float, slope: float, start: float) -> tuple[Curve, Curve]:
    """Return both functions of a power with a straight piece near zero. start: the value of its end."""
    high, low = np.float32(1 + offset), np.float32(slope)

    def decoded(values: Floats) -> Floats:
        size = np.abs(values)
        powers: Floats = ((size + np.float32(offset)) / high) ** np.float32(gamma)
        return np.asarray(np.copysign(np.where(size <= start, size / low, powers), values), np.float32)

    def encoded(light: Floats) -> Floats:
        size = np.abs(light)
        powers = high * size ** np.float32(1 / gamma) - np.float32(offset)
        return np.asarray(np.copysign(np.where(size <= start / slope, size * low, powers), light), np.float32)

    return decoded, encoded


def _pq(values: Floats) -> Floats:
    """Return the light of SMPTE ST 2084, relative to diffuse white."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    power = np.clip(values.astype(np.float64), 0, 1) ** (1 / m2)
    light = (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)
    return np.asarray(light * (_PQ_PEAK / _WHITE), np.float32)


def _hlg(values: Floats) -> Floats:
    """Return the scene's light, 0..1, of ITU-R BT.2100 table 5."""
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    signal = np.clip(values.astype(np.float64), 0, 1)
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12).astype(np.float32)


_CURVES: Final[dict[str, tuple[Curve, Curve]]] = {
    "linear": (_same, _same),
    "srgb": _pieces(2.4, 0.055, 12.92, 0.04045),  # IEC 61966-2-1
    "bt709": _pieces(1 / 0.45, 0.099, 4.5, 0.081),  # ITU-R BT.709-6
    "pq": (_pq, _same),
    "hlg": (_hlg, _same),
}
