"""Convert values of any colour space to linear light with sRGB's primaries, for lossy encoding.

A lossy encoder removes what eyes do not see, so it must know what the values mean. Linear light is the one form that
the backend interprets correctly. Sources: IEC 61966-2-1, ITU-R BT.709-6, ITU-R BT.2100-2, SMPTE ST 2084.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable

    from seqsave.types import ColorSpace, ImageArray

    Floats = npt.NDArray[np.float32]

__all__ = ["linear", "with_alpha"]

_PLAIN = ("linear", "srgb", "bt709")  # light of 0..1
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_SRGB = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), (0.3127, 0.3290))
_BRIGHTEST = 65_504.0  # the largest half
_BLOCK = 1 << 16  # values that are converted at a time: temporary arrays then stay in the processor's cache
_PEAK = 255.0  # candela per square metre at 1.0, assumed by the backend
_PQ_PEAK, _HLG_PEAK = 10_000.0, 1_000.0
_HLG_GAMMA = 1.2  # BT.2100-2 table 5, at 1000 candela per square metre
_HLG_LUMA = np.array([0.2627, 0.6780, 0.0593], np.float32)


def linear(image: ImageArray, color: ColorSpace) -> ImageArray:
    """Return a new array H,W,C of float32, with colours as light and alpha unchanged in 0..1.

    For 16 bits with alpha, the result is uint16 if that holds all of the light: alpha then has as many bits as the
    colours, as older readers need.
    """
    colors = 1 if image.shape[2] < 3 else 3
    out = np.empty((*image.shape[:2], colors), np.float32)
    rows = max(1, _BLOCK // (image.shape[1] * colors))
    with np.errstate(all="ignore"):  # NaN is replaced
        for top in range(0, len(image), rows):
            out[top : top + rows] = _finite(_light(image[top : top + rows, :, :colors], color))
    if image.shape[2] > colors and image.dtype == np.uint16 and color.transfer in _PLAIN and color.primaries == _SRGB:
        return np.concatenate([np.rint(out * 65535).astype(np.uint16), image[..., colors:]], axis=2)
    return _with_alpha_of(image, out)


def with_alpha(colors: Floats, image: ImageArray) -> Floats:
    """Return light of one or three channels with the alpha of the picture that it is of, if that has some."""
    return _with_alpha_of(image, _finite(colors))


def _with_alpha_of(image: ImageArray, out: Floats) -> Floats:
    if image.shape[2] > out.shape[2]:
        out = np.concatenate([out, _finite(_unit(image[..., out.shape[2] :]))], axis=2)
    return np.ascontiguousarray(out, np.float32)


def _finite(values: Floats) -> Floats:
    """Replace values that the backend refuses or changes: NaN and -0.0 become 0."""
    out: Floats = np.clip(values, -_BRIGHTEST, _BRIGHTEST)
    np.copyto(out, 0, where=np.isnan(out))
    out += np.float32(0)
    return out


def _light(colors: ImageArray, space: ColorSpace) -> Floats:
    out = _straightened(colors, space.transfer)
    if space.transfer == "hlg":
        _display(out)
    if out.shape[2] == 3 and space.primaries != _SRGB:
        out = out @ _to_srgb(space).T
    return out


def _unit(image: ImageArray) -> Floats:
    if image.dtype.kind == "f":
        return image.astype(np.float32)
    top: Any = np.iinfo(image.dtype.name).max
    unit: Floats = image.astype(np.float32) / np.float32(top)
    return unit


def _straightened(image: ImageArray, transfer: Any) -> Floats:
    out: Floats
    if not isinstance(transfer, str):
        unit = _unit(image)
        out = np.copysign(np.abs(unit) ** np.float32(transfer), unit)
    elif image.dtype.kind == "f":
        out = _CURVES[transfer](image.astype(np.float32))
    else:  # computed once for every possible value, then looked up for each pixel
        out = _table(transfer, image.dtype.name)[image]
    return out


@cache
def _table(transfer: str, dtype: str) -> Floats:
    table: Floats = _CURVES[transfer](_unit(np.arange(np.iinfo(dtype).max + 1, dtype=dtype)))
    table.flags.writeable = False
    return table


def _linear(values: Floats) -> Floats:
    return values


def _srgb(values: Floats) -> Floats:
    """Mirror the curve for values below 0, which occur with a wide gamut."""
    size = np.abs(values)
    return np.copysign(np.where(size <= 0.04045, size / 12.92, ((size + 0.055) / 1.055) ** 2.4), values)


def _bt709(values: Floats) -> Floats:
    size = np.abs(values)
    return np.copysign(np.where(size < 0.081, size / 4.5, ((size + 0.099) / 1.099) ** (1 / 0.45)), values)


def _pq(values: Floats) -> Floats:
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    root = np.abs(values).astype(np.float64) ** (1 / m2)
    light = (np.maximum(root - c1, 0) / np.maximum(c2 - c3 * root, 1e-9)) ** (1 / m1)
    return np.copysign(light * (_PQ_PEAK / _PEAK), values).astype(np.float32)


def _hlg(values: Floats) -> Floats:
    """Return the light of the scene, 0..1; ``_display`` converts it to that of the display."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    size = np.abs(values)
    return np.copysign(np.where(size <= 0.5, size**2 / 3, (np.exp((size - c) / a) + b) / 12), values)


_CURVES: dict[str, Callable[[Floats], Any]] = {
    "linear": _linear,
    "srgb": _srgb,
    "bt709": _bt709,
    "pq": _pq,
    "hlg": _hlg,
}


def _display(scene: Floats) -> None:
    """Convert the light of a scene to that of a display, in place (BT.2100-2 table 5)."""
    luma = scene @ _HLG_LUMA if scene.shape[2] == 3 else scene[..., 0]
    scene *= (np.maximum(luma, 1e-12) ** (_HLG_GAMMA - 1) * (_HLG_PEAK / _PEAK))[..., None]


def _to_srgb(color: ColorSpace) -> Floats:
    own, srgb = _to_xyz(color.primaries), _to_xyz(_SRGB)
    gains = (_BRADFORD @ _xyz(_SRGB[3])) / (_BRADFORD @ _xyz(color.primaries[3]))
    adaptation = np.linalg.inv(_BRADFORD) @ np.diag(gains) @ _BRADFORD
    matrix: Floats = (np.linalg.inv(srgb) @ adaptation @ own).astype(np.float32)
    return matrix


def _to_xyz(primaries: tuple[tuple[float, float], ...]) -> Any:
    directions = np.array([(x, y, 1 - x - y) for x, y in primaries[:3]]).T
    return directions * np.linalg.solve(directions, _xyz(primaries[3]))


def _xyz(point: tuple[float, float]) -> Any:
    x, y = point
    return np.array((x / y, 1.0, (1 - x - y) / y))
