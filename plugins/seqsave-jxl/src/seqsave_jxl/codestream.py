"""Read and replace the header of a JPEG XL codestream.

The backend supports only two colour spaces, which it chooses by dtype. The colour space and the number of bits are
stored before the first frame, and no frame depends on them, so they are replaced here. Source: ISO/IEC 18181-1, annexes
D (headers) and E (colour encoding).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from seqsave import COLOR_SPACES, DecodeError
from seqsave.pictures.color import H273_PRIMARIES
from seqsave_jxl.profile import put_profile, take_profile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seqsave.types import ColorSpace

__all__ = ["Depth", "Head", "profile_in", "read", "relabelled"]

SIGNATURE = b"\xff\x0a"
_ONE = 10_000_000  # an exponent of 1, in the unit of the format
_LONGEST_PROFILE = 1 << 24
_LONGEST = 16_384  # bytes of a header; names of extra channels can make it long
_SIZES = ((9, 1), (13, 1), (18, 1), (30, 1))
_RATIOS = ((0, 1), (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_ENUM = ((0, 0), (0, 1), (4, 2), (6, 18))
_INTEGER_BITS = ((0, 8), (0, 10), (0, 12), (6, 1))
_FLOAT_BITS = ((0, 32), (0, 16), (0, 24), (6, 1))
_EXTRA_CHANNELS = ((0, 0), (0, 1), (4, 2), (12, 1))
_XY = ((19, 0), (19, 524_288), (20, 1_048_576), (21, 2_097_152))
_DIM_SHIFT = ((0, 0), (0, 3), (0, 4), (3, 1))
_NAME_LENGTH = ((0, 0), (4, 0), (5, 16), (10, 48))
_CFA = ((0, 1), (2, 0), (4, 3), (8, 19))
_PREVIEW_DIV8 = ((0, 16), (0, 32), (5, 1), (9, 33))
_PREVIEW = ((6, 1), (8, 65), (10, 321), (12, 1345))
_ALPHA, _SPOT, _COLOR_FILTER = 0, 2, 5

# By the numbers of ITU-T H.273, which the enumerations of annex E share.
_RGB, _GREY, _XYB = 0, 1, 2
_D65, _CUSTOM = 1, 2
_PRIMARIES = {1: 1, 9: 9, 12: 11}
_TRANSFERS = {"bt709": 1, "linear": 8, "srgb": 13, "pq": 16, "hlg": 18}
_RELATIVE = 1
# Primaries of annex E as those of H.273, and as points; white points.
_H273 = {1: 1, 9: 9, 11: 12}
_POINTS = {
    number: COLOR_SPACES[name].primaries[:3]
    for number, name in ((1, "srgb"), (9, "linear-rec2020"), (11, "display-p3"))
}
_WHITES = {1: (0.3127, 0.3290), 10: (1 / 3, 1 / 3), 11: (0.314, 0.351)}
_USUAL_INTENSITY = 255.0
_D65_POINT = (0.3127, 0.3290)
_NEAR = 0.0005
# The light of the value 1.0 in candela per square metre, if it is not the format's 255: ITU-R BT.2100.
_INTENSITY = {"pq": 10_000.0, "hlg": 1_000.0}


@dataclass(frozen=True, slots=True)
class Depth:
    """Bits of a sample; ``exponent`` is 0 for integers."""

    bits: int
    exponent: int = 0


@dataclass(frozen=True, slots=True)
class Head:
    """The contents of a header.

    alpha: True if there is one channel beside the colours, and it is alpha.
    plain: True if the header has no unusual parts: no profile, no other channels.
    color: the colour space that the header states, if it has a name here. cicp, gamma, primaries: as those of
           ``ImageInfo``, of another one. profile: True if there is an ICC profile in its place.
    associated: colours are multiplied by alpha.
    intensity:  the light of 1.0 in candela per square metre, if it is not the one that belongs to the transfer.

    The last fields are positions in bits, for ``relabelled``; with ``standard`` only the first and the last are set.
    """

    width: int
    height: int
    animated: bool = False
    standard: bool = False
    plain: bool = True
    xyb: bool = True
    depth: Depth = Depth(8)
    channels: int = 3
    color: ColorSpace | None = None
    cicp: tuple[int, int] | None = None
    gamma: float | None = None
    primaries: tuple[tuple[float, float], ...] | None = None
    profile: bool = False
    alpha: bool = False
    associated: bool = False
    intensity: float | None = None
    size_end: int = 0
    depth_start: int = 0
    depth_end: int = 0
    extra_end: int = 0
    end: int = 0


def read(data: bytes | memoryview) -> Head:
    """Return the header of a codestream. Raises DecodeError for other data and for a truncated header."""
    if data[: len(SIGNATURE)] != SIGNATURE:
        raise DecodeError("not a JPEG XL codestream")
    bits = _Bits(data[:_LONGEST])
    bits.take(16)
    width, height = _size(bits)
    size_end = bits.at
    if bits.take(1):  # all fields have their defaults: 8 bit, sRGB, stored as XYB
        return Head(width, height, standard=True, color=COLOR_SPACES["srgb"], size_end=size_end, end=bits.at)
    more = bool(bits.take(1))
    if more and _more(bits):  # the timing of the animation, which is not needed, would follow
        return Head(width, height, animated=True)
    depth_start, depth = bits.at, _depth(bits)
    depth_end = bits.at
    bits.take(1)
    extra = [_extra_channel(bits) for _ in range(bits.number(_EXTRA_CHANNELS))]
    kinds = [kind for kind, _ in extra]
    extra_end = bits.at
    xyb = bool(bits.take(1))
    space, profile, stated = _color(bits)
    intensity = None
    if more and not bits.take(1):
        intensity = float(np.frombuffer(struct.pack("<H", bits.take(16)), "<f2")[0])
        bits.take(16 + 1 + 16)
    extensions = bits.take(2)
    color = stated.get("color")
    usual = _INTENSITY.get(color.transfer, _USUAL_INTENSITY) if color is not None else _USUAL_INTENSITY
    return Head(
        width,
        height,
        plain=not profile and space in (_RGB, _GREY) and kinds in ([], [_ALPHA]) and not extensions,
        xyb=xyb,
        depth=depth,
        channels=1 if space == _GREY else 3,
        profile=profile,
        alpha=kinds == [_ALPHA],
        associated=extra == [(_ALPHA, True)],
        intensity=intensity if intensity != usual else None,
        **stated,
        size_end=size_end,
        depth_start=depth_start,
        depth_end=depth_end,
        extra_end=extra_end,
        end=bits.at,
    )


def profile_in(data: memoryview, head: Head) -> bytes | None:
    """Return the ICC profile of a codestream whose header ``relabelled`` made; None for other codestreams."""
    for longest in (_LONGEST, _LONGEST_PROFILE):
        bits = _Bits(data[:longest])
        bits.at = head.end + 1
        try:
            return take_profile(bits)
        except DecodeError:
            continue
    return None


def relabelled(
    data: memoryview,
    depth: Depth,
    alpha: Depth,
    color: ColorSpace | None = None,
    *,
    profile: bytes | None = None,
) -> tuple[bytes, memoryview]:
    """Return a new header and the frames of a codestream. The header states other depths, and ``color`` if given.

    data:    a codestream whose header is ``plain``. Frames stored as XYB must have the colours that ``color`` states,
             because a reader converts them to it.
    color:   a colour space, also one without a name; its transfer may be an exponent.
    profile: an ICC profile of the colours, which is stated in place of ``color``.
    """
    head = read(data)
    old = _Bits(data[:_LONGEST])
    new = _Writer()
    new.copy(old, 0, head.size_end)
    new.put(0, 1)  # not all fields have their defaults
    intensity = _INTENSITY.get(color.transfer) if color and profile is None else None
    if color is None:
        new.copy(old, head.size_end + 1, head.depth_start)
    else:
        new.put(intensity is not None, 1)
        new.put(0, 0 if intensity is None else 3 + 3)  # upright, full size, no preview, no animation
    _put_depth(new, depth)
    new.put(old.look(head.depth_end) if not head.standard else 1, 1)  # True if buffers of 16 bits are enough
    new.number(int(head.alpha), _EXTRA_CHANNELS)
    if head.alpha:
        _put_alpha(new, alpha)
    new.put(head.xyb, 1)
    if profile is not None:
        _put_kind(new, grey=head.channels == 1, profile=True)
        new.put(0, 2)
    elif color is None:
        new.copy(old, head.extra_end + 1, head.end)
    else:
        _put_color(new, color, intensity, grey=head.channels == 1)
    new.put(old.look(head.end), 1)  # the default inverse of XYB
    if profile is not None:
        put_profile(new, profile)
    return new.bytes(), data[-(-(head.end + 1) // 8) :]


class _Bits:
    """Read bits, lowest first."""

    def __init__(self, data: bytes | memoryview) -> None:
        self.value = int.from_bytes(data, "little")
        self.length = 8 * len(data)
        self.at = 0

    def look(self, at: int, count: int = 1) -> int:
        if at + count > self.length:
            raise DecodeError("a JPEG XL codestream that ends in its header")
        return self.value >> at & ((1 << count) - 1)

    def take(self, count: int) -> int:
        found = self.look(self.at, count)
        self.at += count
        return found

    def number(self, choices: tuple[tuple[int, int], ...]) -> int:
        """Read a number in one of four forms, each with a number of bits and an offset."""
        count, offset = choices[self.take(2)]
        return self.take(count) + offset


class _Writer:
    def __init__(self) -> None:
        self.value = 0
        self.at = 0

    def put(self, value: int, count: int) -> None:
        self.value |= int(value) << self.at
        self.at += count

    def copy(self, bits: _Bits, start: int, end: int) -> None:
        self.put(bits.look(start, end - start), end - start)

    def number(self, value: int, choices: tuple[tuple[int, int], ...]) -> None:
        for choice, (count, offset) in enumerate(choices):
            if 0 <= value - offset < 1 << count:
                self.put(choice, 2)
                self.put(value - offset, count)
                return
        raise ValueError(f"{value} cannot be written in the header of a JPEG XL codestream")

    def bytes(self) -> bytes:
        return self.value.to_bytes(-(-self.at // 8), "little")


def _size(bits: _Bits) -> tuple[int, int]:
    small = bits.take(1)
    height = _side(bits, small)
    ratio = bits.take(3)
    if not ratio:
        return _side(bits, small), height
    over, under = _RATIOS[ratio]
    return height * over // under, height


def _side(bits: _Bits, small: int) -> int:
    return 8 * (bits.take(5) + 1) if small else bits.number(_SIZES)


def _more(bits: _Bits) -> bool:
    """Skip orientation, display size and preview; return True if an animation's timing follows."""
    bits.take(3)
    if bits.take(1):
        _size(bits)
    if bits.take(1):
        choices = _PREVIEW_DIV8 if bits.take(1) else _PREVIEW
        bits.number(choices)
        if not bits.take(3):
            bits.number(choices)
    return bool(bits.take(1))


def _depth(bits: _Bits) -> Depth:
    if bits.take(1):
        return Depth(bits.number(_FLOAT_BITS), bits.take(4) + 1)
    return Depth(bits.number(_INTEGER_BITS))


def _put_depth(new: _Writer, depth: Depth) -> None:
    new.put(depth.exponent > 0, 1)
    if depth.exponent:
        new.number(depth.bits, _FLOAT_BITS)
        new.put(depth.exponent - 1, 4)
    else:
        new.number(depth.bits, _INTEGER_BITS)


def _extra_channel(bits: _Bits) -> tuple[int, bool]:
    """Skip the description of a channel; return its kind, and True for alpha by which the colours are multiplied."""
    if bits.take(1):
        return _ALPHA, False
    associated = False
    kind = bits.number(_ENUM)
    _depth(bits)
    bits.number(_DIM_SHIFT)
    bits.take(8 * bits.number(_NAME_LENGTH))
    if kind == _ALPHA:
        associated = bool(bits.take(1))
    elif kind == _SPOT:
        bits.take(4 * 16)
    elif kind == _COLOR_FILTER:
        bits.number(_CFA)
    return kind, associated


def _put_alpha(new: _Writer, depth: Depth) -> None:
    new.put(0, 1)
    new.number(_ALPHA, _ENUM)
    _put_depth(new, depth)
    new.number(0, _DIM_SHIFT)
    new.number(0, _NAME_LENGTH)
    new.put(0, 1)  # not premultiplied


def _color(bits: _Bits) -> tuple[int, bool, dict[str, Any]]:
    """Read the colour encoding; return the kind of space, True if a profile follows, and the fields of ``Head``."""
    if bits.take(1):
        return _RGB, False, {"color": COLOR_SPACES["srgb"]}
    profile = bool(bits.take(1))
    space = bits.number(_ENUM)
    if profile:
        return space, True, {}
    white, colours, transfer, gamma = 0, 0, 0, None
    points: list[tuple[float, float]] = []
    if space != _XYB:
        white = bits.number(_ENUM)
        points += _points(bits, 1) if white == _CUSTOM else [_D65_POINT]
    if space not in (_XYB, _GREY):
        colours = bits.number(_ENUM)
        points = (_points(bits, 3) if colours == _CUSTOM else []) + points
    if space != _XYB:
        if bits.take(1):
            gamma = bits.take(24) / _ONE
        else:
            transfer = bits.number(_ENUM)
    bits.number(_ENUM)
    if space not in (_RGB, _GREY):
        return space, False, {}
    if white in _WHITES:
        points = [*points[:-1], _WHITES[white]]
    named = _named(space, colours, transfer, points)
    if named is not None:
        return space, False, {"color": named}
    return space, False, _unnamed(colours, transfer, gamma, points)


def _unnamed(colours: int, transfer: int, gamma: float | None, points: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """Return the fields of ``Head`` for a colour space without a name here."""
    if gamma is None and colours in _H273 and _near(points[-1], _D65_POINT):
        return {"cicp": (_H273[colours], transfer)}
    number = next((one for one, all_four in H273_PRIMARIES.items() if _are_near(all_four, points)), None)
    if gamma is None and number is not None:
        return {"cicp": (number, transfer)}
    if gamma is None:
        gamma = {_TRANSFERS["linear"]: 1.0, _TRANSFERS["srgb"]: 0.45455}.get(transfer)
    primaries = (*_POINTS[colours], points[-1]) if colours in _POINTS else tuple(points) if len(points) == 4 else None
    return {"gamma": gamma, "primaries": primaries}


def _named(space: int, colours: int, transfer: int, points: Sequence[tuple[float, float]]) -> ColorSpace | None:
    """Return the named colour space. points: white, after the primaries if they are given as points."""
    for found in COLOR_SPACES.values():
        if _TRANSFERS[found.transfer] != transfer or not _near(found.primaries[3], points[-1]):
            continue
        if space == _GREY:
            return found
        number = _PRIMARIES.get(found.cicp[0]) if found.cicp else None
        if colours == number or (colours == _CUSTOM and all(map(_near, found.primaries[:3], points))):
            return found
    return None


def _are_near(points: Sequence[tuple[float, float]], others: Sequence[tuple[float, float]]) -> bool:
    return len(points) == len(others) and all(map(_near, points, others))


def _near(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return abs(one[0] - other[0]) < _NEAR and abs(one[1] - other[1]) < _NEAR


def _points(bits: _Bits, count: int) -> list[tuple[float, float]]:
    values = [_signed(bits.number(_XY)) / 1_000_000 for _ in range(2 * count)]
    return list(zip(values[::2], values[1::2], strict=True))


def _signed(value: int) -> int:
    return -(value + 1) // 2 if value & 1 else value // 2


def _put_color(new: _Writer, color: ColorSpace, intensity: float | None, *, grey: bool) -> None:
    """Write the colour encoding, the light of 1.0 if it differs from the default, and no extensions."""
    _put_kind(new, grey=grey)
    white = color.primaries[3]
    new.number(_D65 if white == _D65_POINT else _CUSTOM, _ENUM)
    if white != _D65_POINT:
        _put_points(new, white)
    if not grey:
        known = _PRIMARIES.get(color.cicp[0]) if color.cicp else None
        new.number(known or _CUSTOM, _ENUM)
        if known is None:
            _put_points(new, *color.primaries[:3])
    exponent: Any = color.transfer
    new.put(isinstance(exponent, float), 1)
    if isinstance(exponent, float):
        new.put(round(_ONE / exponent), 24)
    else:
        new.number(_TRANSFERS[color.transfer], _ENUM)
    new.number(_RELATIVE, _ENUM)
    if intensity is not None:
        new.put(0, 1)
        new.put(struct.unpack("<H", struct.pack("<e", intensity))[0], 16)
        new.put(0, 16 + 1 + 16)
    new.put(0, 2)


def _put_kind(new: _Writer, *, grey: bool, profile: bool = False) -> None:
    """Write the beginning of the colour encoding."""
    new.put(0, 1)  # not all defaults
    new.put(profile, 1)
    new.number(_GREY if grey else _RGB, _ENUM)


def _put_points(new: _Writer, *points: tuple[float, float]) -> None:
    for value in (round(1_000_000 * value) for point in points for value in point):
        new.number(2 * value if value >= 0 else -2 * value - 1, _XY)
