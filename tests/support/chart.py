"""A colour chart of 24 patches, with what OpenColorIO computes of it: independent of the package's own arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.support.needs import needs_package

# "ColorChecker24 - After November 2014" under D50, adapted to D65 by Bradford, in linear light of BT.709's primaries;
# computed with colour-science 0.4.7: colour.XYZ_to_RGB(colour.xyY_to_XYZ(chart), "sRGB", illuminant).
LINEAR = (
    ((0.17368, 0.07879, 0.05286), (0.55978, 0.27745, 0.21089), (0.10420, 0.18892, 0.32893)),  # skins, sky
    ((0.10574, 0.15075, 0.05084), (0.22744, 0.21241, 0.42645), (0.11529, 0.50744, 0.41113)),  # foliage, flower
    ((0.74590, 0.20214, 0.02987), (0.05874, 0.10118, 0.38775), (0.56013, 0.08015, 0.11459)),
    ((0.10917, 0.04200, 0.13814), (0.33275, 0.49739, 0.04260), (0.77104, 0.35792, 0.02045)),
    ((0.02096, 0.04753, 0.28413), (0.04606, 0.29205, 0.06148), (0.44617, 0.03641, 0.04055)),  # blue, green, red
    ((0.84168, 0.57441, 0.00466), (0.52234, 0.07782, 0.28931), (-0.04392, 0.23366, 0.37719)),  # yellow, magenta, cyan
    ((0.87953, 0.88503, 0.83425), (0.58449, 0.59217, 0.58448), (0.35769, 0.36708, 0.36527)),  # greys
    ((0.19009, 0.19087, 0.18981), (0.08593, 0.08874, 0.08980), (0.03135, 0.03150, 0.03232)),
)
SIDE = 16
_CONFIG = "ocio://cg-config-v2.1.0_aces-v1.3_ocio-v2.3"
_NAMES = {"linear-srgb": "Linear Rec.709 (sRGB)", "srgb": "sRGB - Texture", "acescg": "ACEScg"}
_NAMES |= {"linear-rec2020": "Linear Rec.2020", "aces2065-1": "ACES2065-1", "linear-p3": "Linear P3-D65"}


def patches() -> Any:
    """The 24 patches, 4,6,3, in linear light of BT.709's primaries."""
    return np.array(LINEAR, np.float32).reshape(4, 6, 3)


def converted(colors: Any, source: str, target: str) -> Any:
    """Colours in another space, as OpenColorIO converts them."""
    ocio = needs_package("PyOpenColorIO", "pip install opencolorio")
    config = ocio.Config.CreateFromBuiltinConfig(_CONFIG)
    processor = config.getProcessor(_NAMES[source], _NAMES[target])
    out = np.array(colors, np.float32, order="C")
    processor.getOptimizedCPUProcessor(ocio.OPTIMIZATION_LOSSLESS).applyRGB(out)
    return out


def picture(space: str) -> Any:
    """The chart as a picture in a colour space; a patch is 16 pixels wide."""
    return np.kron(converted(patches(), "linear-srgb", space), np.ones((SIDE, SIDE, 1), np.float32))


def levels() -> Any:
    """What a display shows of each patch: 4,6,3, sRGB, 0..255."""
    return np.clip(converted(patches(), "linear-srgb", "srgb"), 0, 1) * 255


def middles(shown: Any, side: int = SIDE) -> Any:
    """The means of the inner part of each patch of a picture."""
    inner = shown.reshape(4, side, 6, side, -1)[:, side // 4 : -side // 4, :, side // 4 : -side // 4]
    return inner.mean(axis=(1, 3), dtype=np.float64)
