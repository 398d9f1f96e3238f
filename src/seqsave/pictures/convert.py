"""Convert values from one colour space to another with OpenColorIO.

Needs the extra ``color`` (``pip install 'seqsave[color]'``). Linear 1.0 is diffuse white; in PQ that is 203 cd/m2, as
in ITU-R BT.2408. HLG is not converted, because its conversion depends on the display.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from seqsave.errors import EncoderUnavailableError, ImageError, OptionError
from seqsave.wording import counted

if TYPE_CHECKING:
    import numpy.typing as npt

    from seqsave.types import ColorSpace

    Floats = npt.NDArray[np.float32]

__all__ = ["Conversion"]

# A configuration that every supported OpenColorIO contains, so that results do not change with its version.
_CONFIG = "ocio://cg-config-v2.1.0_aces-v1.3_ocio-v2.3"
_LINEAR = {
    "srgb": "Linear Rec.709 (sRGB)",
    "linear-srgb": "Linear Rec.709 (sRGB)",
    "rec709": "Linear Rec.709 (sRGB)",
    "display-p3": "Linear P3-D65",
    "linear-p3": "Linear P3-D65",
    "linear-rec2020": "Linear Rec.2020",
    "rec2100-pq": "Linear Rec.2020",
    "acescg": "ACEScg",
    "aces2065-1": "ACES2065-1",
}
_WHITE = 2.03  # in OpenColorIO's PQ, whose unit is 100 cd/m2


class Conversion:
    """A conversion of pictures from ``source`` to ``target``. Thread-safe.

    Raises OptionError if one of them cannot be converted, and EncoderUnavailableError without OpenColorIO.
    """

    def __init__(self, source: ColorSpace, target: ColorSpace) -> None:
        for space in (source, target):
            if space.name not in _LINEAR:
                raise OptionError(f"color {space.name!r} cannot be converted: choose one of {', '.join(_LINEAR)}")
        self._processor = _processor(source.name, target.name)

    def apply(self, picture: npt.NDArray[Any]) -> Floats:
        """Return a new float32 array of the same shape H,W,C. Alpha is kept; grey is converted like equal R, G and B.

        Raises ImageError for integers, whose type cannot hold the result, and for more than 4 channels.
        """
        height, width, channels = picture.shape
        if not 1 <= channels <= 4 or picture.dtype.kind != "f":
            raise ImageError(
                f"a picture of {counted(channels, 'channel')} of {picture.dtype} cannot be converted to another "
                "colour space: pass floats 0..1 with 1 to 4 channels"
            )
        grey = channels < 3
        colors = np.empty((height, width, 3), np.float32)
        colors[...] = picture[..., :1] if grey else picture[..., :3]
        self._processor.applyRGB(colors)
        if channels == 3:
            return colors
        converted = colors[..., :1] if grey else colors
        return np.concatenate(
            [converted, picture[..., channels - 1 :].astype(np.float32)][: 1 + (channels != 1)], axis=2
        )


@functools.lru_cache(maxsize=16)
def _processor(source: str, target: str) -> Any:
    try:
        import PyOpenColorIO as ocio  # noqa: N813 - the usual name
    except ImportError as error:
        raise EncoderUnavailableError("converting colours needs OpenColorIO: pip install 'seqsave[color]'") from error
    config = ocio.Config.CreateFromBuiltinConfig(_CONFIG)
    steps = [
        *_decoded(ocio, source, ocio.TRANSFORM_DIR_FORWARD),
        ocio.ColorSpaceTransform(src=_LINEAR[source], dst=_LINEAR[target]),
        *reversed(_decoded(ocio, target, ocio.TRANSFORM_DIR_INVERSE)),
    ]
    # Its default approximations of powers and curves are visible in 16 bits.
    return config.getProcessor(ocio.GroupTransform(steps)).getOptimizedCPUProcessor(ocio.OPTIMIZATION_LOSSLESS)


def _decoded(ocio: Any, name: str, direction: Any) -> list[Any]:
    """Return the transforms from the values of a space to linear light, or back, each in that direction."""
    if name in ("srgb", "display-p3"):  # IEC 61966-2-1
        return [_curve(ocio, 2.4, 0.055, direction)]
    if name == "rec709":  # ITU-R BT.709-6, 1.2: of a camera
        return [_curve(ocio, 1 / 0.45, 0.099, direction)]
    if name == "rec2100-pq":
        white = 1 / _WHITE
        scale = ocio.MatrixTransform([white, 0, 0, 0, 0, white, 0, 0, 0, 0, white, 0, 0, 0, 0, 1], direction=direction)
        return [ocio.BuiltinTransform("CURVE - ST-2084_to_LINEAR", direction), scale]
    return []


def _curve(ocio: Any, gamma: float, offset: float, direction: Any) -> Any:
    return ocio.ExponentWithLinearTransform(
        gamma=[gamma, gamma, gamma, 1.0],
        offset=[offset, offset, offset, 0.0],
        negativeStyle=ocio.NEGATIVE_MIRROR,
        direction=direction,
    )
