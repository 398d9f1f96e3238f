"""The named colour spaces, with the primaries, transfers and numbers that files use to state them.

The caller states a colour space; it is never guessed. An encoder writes the tags of its format from the record, and
none if no colour space is stated.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from seqsave.errors import OptionError
from seqsave.types import ColorSpace
from seqsave.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

__all__ = [
    *("COLOR_SPACES", "D50", "DAMAGED_PROFILE", "H273_PRIMARIES", "H273_TRANSFERS"),
    *("adaptation", "color_space", "is_read_as_linear", "to_xyz", "xyz_of"),
]

D50: Final = (0.9642, 1.0, 0.8249)
"""The white of the profile connection space: ICC.1:2022 section 7.2.16."""

# Files whose floats programs take for linear light of BT.709's primaries if they state nothing: EXR by its definition
# (OpenEXR's Technical Introduction: values are scene-linear; without chromaticities, the primaries are BT.709's), TIFF
# by what compositing programs do, such as Nuke's default for files of floats.
_READ_AS_LINEAR = frozenset(("exr", "tif", "tiff"))
_BRADFORD = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))  # ICC.1:2022, annex E
_D65 = (0.3127, 0.3290)
_ACES_WHITE = (0.32168, 0.33767)

# x and y of red, green, blue and white, in CIE 1931.
_BT709 = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65)  # ITU-R BT.709-6, table 1
_P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65)  # SMPTE EG 432-1
_BT2020 = ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65)  # ITU-R BT.2020-2, table 3
_AP0 = ((0.7347, 0.2653), (0.0, 1.0), (0.0001, -0.0770), _ACES_WHITE)  # SMPTE ST 2065-1
_AP1 = ((0.713, 0.293), (0.165, 0.830), (0.128, 0.044), _ACES_WHITE)  # ACES S-2014-004

# The second number of cicp is the transfer's in ITU-T H.273 table 3: 1 BT.709, 8 linear, 13 sRGB, 16 PQ, 18 HLG.
_SPACES = (
    ColorSpace(name="srgb", primaries=_BT709, transfer="srgb", cicp=(1, 13)),
    ColorSpace(name="linear-srgb", primaries=_BT709, transfer="linear", cicp=(1, 8)),
    ColorSpace(name="rec709", primaries=_BT709, transfer="bt709", cicp=(1, 1)),
    ColorSpace(name="display-p3", primaries=_P3, transfer="srgb", cicp=(12, 13)),
    ColorSpace(name="linear-p3", primaries=_P3, transfer="linear", cicp=(12, 8)),
    ColorSpace(name="linear-rec2020", primaries=_BT2020, transfer="linear", cicp=(9, 8)),
    ColorSpace(name="rec2100-pq", primaries=_BT2020, transfer="pq", cicp=(9, 16)),
    ColorSpace(name="rec2100-hlg", primaries=_BT2020, transfer="hlg", cicp=(9, 18)),
    ColorSpace(name="acescg", primaries=_AP1, transfer="linear", cicp=None),
    ColorSpace(name="aces2065-1", primaries=_AP0, transfer="linear", cicp=None),
)

COLOR_SPACES: Final[Mapping[str, ColorSpace]] = MappingProxyType({space.name: space for space in _SPACES})
"""All named colour spaces, by name."""

DAMAGED_PROFILE: Final = "damaged ICC profile"
"""The attribute of a picture whose file has an ICC profile that cannot be read."""


_BT470M = ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), (0.310, 0.316))
_BT470BG = ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), _D65)
_SMPTE170M = ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65)
_FILM = ((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), (0.310, 0.316))
_DCI = (*_P3[:3], (0.314, 0.351))
_XYZ = ((1.0, 0.0), (0.0, 1.0), (0.0, 0.0), (1 / 3, 1 / 3))
_EBU3213 = ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), _D65)

H273_PRIMARIES: Final[Mapping[int, tuple[tuple[float, float], ...]]] = MappingProxyType(
    {
        1: _BT709,
        4: _BT470M,
        5: _BT470BG,
        6: _SMPTE170M,
        7: _SMPTE170M,
        8: _FILM,
        9: _BT2020,
        10: _XYZ,
        11: _DCI,
        12: _P3,
        22: _EBU3213,
    }
)
"""Primaries and white by their numbers in ITU-T H.273, table 2."""

H273_TRANSFERS: Final[Mapping[int, str | float]] = MappingProxyType(
    {
        **dict.fromkeys((1, 6, 11, 14, 15), "bt709"),
        4: 2.2,
        5: 2.8,
        8: "linear",
        13: "srgb",
        16: "pq",
        17: 2.6,
        18: "hlg",
    }
)
"""Transfers by their numbers in ITU-T H.273, table 3: a name of ``ColorSpace``, or the exponent of a power."""


def to_xyz(primaries: Sequence[tuple[float, float]]) -> npt.NDArray[np.float64]:
    """Return the matrix from linear RGB to XYZ: the primaries, scaled so that their sum is the white.

    primaries: CIE 1931 x and y of red, green, blue and white. Raises LinAlgError if three of them lie on a line.
    """
    import numpy as np  # here, as this module is imported with the package

    directions = np.array([(x, y, 1 - x - y) for x, y in primaries[:3]]).T
    return np.asarray(directions * np.linalg.solve(directions, xyz_of(primaries[3])))


def xyz_of(point: tuple[float, float]) -> npt.NDArray[np.float64]:
    """Return XYZ, with Y 1, of a colour by its CIE 1931 x and y. Raises ZeroDivisionError if y is 0."""
    import numpy as np

    x, y = point
    return np.array((x / y, 1.0, (1 - x - y) / y))


def adaptation(white: npt.ArrayLike, wanted: npt.ArrayLike = D50) -> npt.NDArray[np.float64]:
    """Return the matrix of XYZ from one white to another, by the linear Bradford transform (ICC.1:2022, annex E)."""
    import numpy as np

    bradford = np.array(_BRADFORD)
    gains = (bradford @ np.asarray(wanted)) / (bradford @ np.asarray(white))
    return np.asarray(np.linalg.inv(bradford) @ np.diag(gains) @ bradford)


def is_read_as_linear(extension: str) -> bool:
    """Return whether programs take floats in files of this extension for linear light if nothing else is stated."""
    return extension.lower() in _READ_AS_LINEAR


def color_space(name: str) -> ColorSpace:
    """Return the colour space of that name. Raises OptionError, which suggests the nearest name, for other names."""
    found = COLOR_SPACES.get(name) if isinstance(name, str) else None
    if found is not None:
        return found
    hint = did_you_mean(name, COLOR_SPACES, ignore_case=True)
    raise OptionError(f"color is {name!r}{hint}: it must be one of {', '.join(COLOR_SPACES)}")
