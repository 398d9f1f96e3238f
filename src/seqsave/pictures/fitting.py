"""Fit a picture, and what its file states of it, to the format that it is encoded in.

Three things may change the pixels: channels are chosen by their names, associated colours are divided by alpha, and a
data window is pasted into the whole picture. Every field that the format does not hold is returned by name.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from seqsave.errors import ImageError
from seqsave.pictures.color import DAMAGED_PROFILE
from seqsave.types import ImageInfo
from seqsave.wording import first_of

if TYPE_CHECKING:
    from seqsave.specs import EncoderSpec
    from seqsave.types import ImageArray

__all__ = ["Fitted", "Wanted", "check_layout", "fit", "shown_channels", "usual_names", "without"]

_COLOURS = (("R", "G", "B", "A"), ("R", "G", "B"), ("Y", "A"), ("Y",))
_SPELLED = {"RED": "R", "GREEN": "G", "BLUE": "B", "ALPHA": "A", "GREY": "Y", "GRAY": "Y", "LUMINANCE": "Y"}
# W x H of the largest picture that is made around a data window: 16K x 16K.
_LARGEST = 2**28
_SIXTEEN_BITS = 65535
# Rows and columns of the smallest picture that is recognised by its shape.
_SMALLEST = 8
# Names in a warning: all that files of renderers lose, and no end of those that an attack lists.
_MOST_NAMED = 64
_NEAR_ONE = 0.001  # PNG rounds gamma to 1/100,000
# These are handled before encoding; none is lost if the format does not state it.
_DONE = frozenset(("alpha", "channels", "layer", "origin", "display"))
OF_COLOR = frozenset(("cICP", "colorInteropID", DAMAGED_PROFILE))
"""Attributes that state a colour space: of PNG with samples of a narrow range, of EXR, and a damaged profile."""
WORDS = {
    "color": "colour space",
    "icc": "ICC profile",
    "cicp": "colour space in numbers of H.273",
    "gamma": "gamma",
    "primaries": "primaries",
    "pixel_aspect": "pixel aspect ratio",
    "dpi": "pixels per inch",
    "rate": "frame rate",
    "light": "brightness of content and display",
    "tags": "tags",
    "exif": "Exif data of camera, place and time",
    "xmp": "further properties in XMP",
    "iptc": "IPTC data",
    "texts": "texts",
    "attributes": "attributes",
}
"""What a message calls each field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which channels of a picture are saved, if not all.

    channels: their names, in the order of the saved picture. layer: the layer whose colours are saved.
    """

    channels: tuple[str, ...] = ()
    layer: str | None = None

    def __bool__(self) -> bool:
        """Return True if some channels are chosen."""
        return bool(self.channels) or self.layer is not None


@dataclass(frozen=True, slots=True)
class Fitted:
    """A picture that fits the format.

    info:  what its file is to state.
    notes: (kind, message) of each loss, for a warning.
    of_colours: False if the channels are others than grey, colours and alpha, such as depth.
    """

    array: ImageArray
    info: ImageInfo
    notes: tuple[tuple[str, str], ...] = ()
    of_colours: bool = True


ALL = Wanted()
_NOTHING = ImageInfo()


def fit(array: ImageArray, info: ImageInfo, spec: EncoderSpec, wanted: Wanted = ALL) -> Fitted:
    """Return a picture of shape H,W,C and its statements in the form that the format of ``spec`` holds.

    Raises ImageError for channels or a layer that the picture lacks, for named channels none of which are colours that
    the format can hold, and for a display window of more than 2**28 pixels.
    """
    notes: list[tuple[str, str]] = []
    asked = wanted.channels
    if info.channels:
        asked, _ = _asked(info.channels, wanted, info.layer, "channels" in spec.holds)
    of_colours = are_colours(asked)
    array, info = _chosen(array, info, spec, wanted, notes)
    array, info = _straight(array, info, spec)
    array, info = _whole(array, info, spec, notes)
    array = _narrow(array, spec, notes)
    if info.icc is not None:
        info = _with_fitting_profile(info, spec, array.shape[2] < 3, notes)
    if info.gamma is not None or info.primaries is not None:
        info = _of_linear_values(info, spec, array.dtype.kind == "f", notes)
    for name in info.stated:
        if name == "attributes" and not _facts_in(info):
            continue
        foreign = name == "attributes" and info.attributes_of != spec.filetype
        if name not in _DONE and (foreign or name not in spec.holds):
            notes.append((f"lost {name}", f"left out, as {_files(spec)} do not hold it: {_what(name, info)}"))
    return Fitted(array, info, tuple(notes), of_colours)


def are_colours(names: Sequence[str]) -> bool:
    """Return whether channels of these names are grey, colours or alpha; () means the usual ones."""
    return all(_base(name) in ("R", "G", "B", "Y", "A") for name in names)


def check_layout(shape: tuple[int, ...], spec: EncoderSpec) -> None:
    """Raise ImageError for a picture with its channels first, in a format that holds as many channels as it is wide.

    shape: of an array H,W,C whose channels have no names. One to four rows, of many channels each, are no picture that
    a program makes on purpose.
    """
    rows, columns, count = shape
    if rows <= 4 and min(columns, count) >= _SMALLEST and count in spec.channels:
        raise ImageError(
            f"a picture {rows} x {columns} x {count} has {count} channels: it looks like channels first (C,H,W). Move "
            "them last with image.transpose(1, 2, 0), in torch permute; of several frames with "
            "frames.transpose(0, 2, 3, 1). A picture that really has so many channels needs names for them"
        )


def without(info: ImageInfo, names: Collection[str]) -> ImageInfo:
    """Return a copy in which the fields of these names state nothing.

    With ``color``, attributes that state a colour space in a way that is not understood are left out as well.
    """
    if not names:
        return info
    changed = {name: getattr(_NOTHING, name) for name in names}
    if "color" in names and not OF_COLOR.isdisjoint(info.attributes):
        changed.setdefault("attributes", {name: one for name, one in info.attributes.items() if name not in OF_COLOR})
    return replace(info, **changed)


def usual_names(count: int) -> tuple[str, ...]:
    """Return the names of grey or colours with or without alpha; () for another number of channels."""
    return next((names for names in _COLOURS if len(names) == count), ())


def shown_channels(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the channels by which a picture is shown.

    They are its colours, else those of its first layer that has some, else its first channel.
    """
    if found := _colours(names):
        return found
    layers = dict.fromkeys(_layer(name) for name in names)
    found_in = (_ordered(tuple(name for name in names if _layer(name) == layer)) for layer in layers)
    return next(filter(None, found_in), names[:1])


# --- channels ---------------------------------------------------------------------------------------------------------


def _chosen(
    array: ImageArray, info: ImageInfo, spec: EncoderSpec, wanted: Wanted, notes: list[tuple[str, str]]
) -> tuple[ImageArray, ImageInfo]:
    # A picture that states no names has the usual ones.
    names = info.channels or (usual_names(array.shape[2]) if wanted else ())
    asked, left = _asked(names, wanted, info.layer, "channels" in spec.holds)
    if not asked and (not names or "channels" in spec.holds):
        return array, info
    if not asked:
        asked = _colours(names)
        left = [name for name in names if name not in asked]
        if not asked:
            raise ImageError(
                f"the picture has the channels {first_of(names, 8)}: {_files(spec)} hold grey or colours. Choose some "
                "by channels, or a layer"
            )
    if left:
        notes.append(
            ("lost channels", f"left out, as {_files(spec)} do not hold them: channels {first_of(left, _MOST_NAMED)}")
        )
    places = [names.index(name) for name in asked]
    if places != list(range(len(names))):
        array = np.ascontiguousarray(array[..., places])
    kept = asked if "channels" in spec.holds else ()
    # Without its own alpha channel, a picture has no kind of alpha.
    has_alpha = len(asked) in (2, 4) and _base(asked[-1]) == "A"
    return array, replace(info, channels=kept, alpha=info.alpha if has_alpha else None)


def _asked(names: tuple[str, ...], wanted: Wanted, main: str | None, holds: bool) -> tuple[tuple[str, ...], list[str]]:
    """Return the names of the channels that the caller wants, and those of the wanted layer that are left out.

    main:  the layer of names without one. holds: the format holds channels of any names.

    The first result is () if all channels are wanted. Raises ImageError.
    """
    if not wanted:
        return (), []
    if wanted.channels:
        lacking = [name for name in wanted.channels if name not in names]
        if lacking:
            raise ImageError(f"the picture has no channel {lacking[0]!r}{_those('channels', names)}")
        return wanted.channels, []
    own = tuple(name for name in names if (_layer(name) or main) == wanted.layer)
    if not own:
        layers = sorted({_layer(name) or main or "" for name in names})
        raise ImageError(f"the picture has no layer {wanted.layer!r}{_those('layers', [one for one in layers if one])}")
    colours = own if holds else _ordered(own) or own
    return colours, [name for name in own if name not in colours]


def _those(what: str, names: Sequence[str]) -> str:
    return f": its {what} are {first_of(names, 20)}" if names else f": it has no {what} with names"


def _colours(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the channels that are the colours of the picture: those without a layer, else those of the only layer."""
    main = _ordered(tuple(name for name in names if not _layer(name)))
    if main or len(names) == 1:
        return main or names
    layers = {_layer(name) for name in names}
    found = [ordered for layer in layers if (ordered := _ordered(tuple(n for n in names if _layer(n) == layer)))]
    return found[0] if len(found) == 1 else ()


def _ordered(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the channels of one layer that are grey or colours, in their usual order; () if there are none."""
    by_base: dict[str, str] = {}
    for name in names:
        by_base.setdefault(_base(name), name)
    for usual in _COLOURS:
        if "X" in by_base and usual[0] == "Y":  # coordinates, and not grey
            break
        if all(base in by_base for base in usual):
            return tuple(by_base[base] for base in usual)
    return ()


def _layer(name: str) -> str:
    return name.rpartition(".")[0]


def _base(name: str) -> str:
    base = name.rpartition(".")[2].upper()
    return _SPELLED.get(base, base)


# --- alpha ------------------------------------------------------------------------------------------------------------


def _straight(array: ImageArray, info: ImageInfo, spec: EncoderSpec) -> tuple[ImageArray, ImageInfo]:
    """Divide associated colours by alpha for a format of straight alpha. Colours without alpha stay as they are."""
    if info.alpha != "associated" or spec.alpha != "straight" or array.shape[2] not in (2, 4):
        return array, info
    top = 1.0 if array.dtype.kind == "f" else float(2 ** (8 * array.dtype.itemsize) - 1)
    work = np.float64 if array.dtype.itemsize > 2 else np.float32
    alpha = array[..., -1:].astype(work) / work(top)
    colours = array[..., :-1].astype(work)
    with np.errstate(all="ignore"):
        divided = np.where(alpha > 0, colours / alpha, colours)
    out: Any = np.empty_like(array)
    out[..., -1] = array[..., -1]
    if array.dtype.kind == "f":
        out[..., :-1] = divided
    else:
        out[..., :-1] = np.clip(np.rint(divided), 0, top)
    return out, replace(info, alpha="straight")


# --- integers ---------------------------------------------------------------------------------------------------------


def _narrow(array: ImageArray, spec: EncoderSpec, notes: list[tuple[str, str]]) -> ImageArray:
    """Return wide or signed integers as 16 bits, with the same values, for a format that holds no more."""
    name = array.dtype.name
    if array.dtype.kind not in "iu" or name in ("uint8", "uint16", *spec.dtypes) or "uint16" not in spec.dtypes:
        return array
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > _SIXTEEN_BITS:
        raise ImageError(
            f"the picture has integers {low}..{high} ({name}): {_files(spec)} hold 0..{_SIXTEEN_BITS} at most. Save it "
            "as tif, which keeps them"
        )
    text = f"integers of the type {name} became 16 bits, as {_files(spec)} hold no more: same values"
    notes.append(("narrowed", text))
    return array.astype(np.uint16)


# --- windows ----------------------------------------------------------------------------------------------------------


def _whole(
    array: ImageArray, info: ImageInfo, spec: EncoderSpec, notes: list[tuple[str, str]]
) -> tuple[ImageArray, ImageInfo]:
    """Paste a data window into the whole picture for a format without windows; pixels outside of it are cut off."""
    if info.display is None or "display" in spec.holds:
        return array, info
    left, top, width, height = info.display
    x, y = info.origin or (left, top)
    x, y = x - left, y - top
    rows, columns = array.shape[:2]
    if width * height > max(_LARGEST, rows * columns):
        raise ImageError(
            f"the whole picture has {width}x{height} pixels: at most {_LARGEST} are filled around a window"
        )
    if (x, y, columns, rows) != (0, 0, width, height):
        whole = np.zeros((height, width, array.shape[2]), array.dtype)
        inside = _overlap(y, rows, height), _overlap(x, columns, width)
        (down, up), (right, along) = inside
        whole[down[0] : down[1], right[0] : right[1]] = array[up[0] : up[1], along[0] : along[1]]
        array = whole
    if x < 0 or y < 0 or x + columns > width or y + rows > height:
        notes.append(("lost overscan", f"cut off, as {_files(spec)} cannot hold it: the picture beyond its frame"))
    return array, replace(info, origin=None, display=None)


def _overlap(start: int, length: int, size: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return begin and end of what is inside, in the whole picture and in the window."""
    begin, end = max(0, start), max(max(0, start), min(size, start + length))
    return (begin, end), (begin - start, end - start)


# --- statements -------------------------------------------------------------------------------------------------------


def _with_fitting_profile(info: ImageInfo, spec: EncoderSpec, grey: bool, notes: list[tuple[str, str]]) -> ImageInfo:
    """Leave out a profile of another kind of picture, such as one of RGB for grey pixels.

    A format that holds colour spaces and no profiles gets the space that the profile states.
    """
    data = info.icc or b""
    is_fit = data[16:20] == (b"GRAY" if grey else b"RGB ")
    if "icc" not in spec.holds and "color" in spec.holds and is_fit and info.color is None:
        from seqsave.pictures.light import space_of_profile  # here, as few pictures need it

        color = space_of_profile(data)
        return info if color is None else replace(info, color=color, icc=None)
    if "icc" not in spec.holds or is_fit:
        return info
    kind = data[16:20].decode("latin-1").strip()
    notes.append(("lost icc", f"left out: an ICC profile of {kind} pixels, which does not apply to the saved ones"))
    return replace(info, icc=None)


def _of_linear_values(info: ImageInfo, spec: EncoderSpec, floats: bool, notes: list[tuple[str, str]]) -> ImageInfo:
    """Leave out what is wrong in a format that holds primaries and no gamma, since its values are linear.

    A gamma of 1 says the same. With another one, or with whole numbers of unknown gamma, the primaries would state
    that the values are linear. A named space has a transfer of its own.

    floats: whether the source's values are floats, which are linear if it states primaries alone.
    """
    if "gamma" in spec.holds or "primaries" not in spec.holds:
        return info
    if info.gamma is None and (floats or info.color is not None):
        return info
    if info.gamma is not None and abs(info.gamma - 1) < _NEAR_ONE:
        return replace(info, gamma=None)
    if info.primaries is not None:
        text = f"left out, as in {_files(spec)} it would say that the values are linear: {_what('primaries', info)}"
        notes.append(("lost primaries", text))
    return replace(info, primaries=None)


def _facts_in(info: ImageInfo) -> list[str]:
    """Return the names of the attributes that state something of the picture, and not of its storage."""
    return sorted(name for name in info.attributes if not name.startswith("."))


def _files(spec: EncoderSpec) -> str:
    return f"{spec.extensions[0]} files"


def _what(name: str, info: ImageInfo) -> str:
    if name == "color" and info.color is not None:
        return f"colour space {info.color.name}"
    if name in ("tags", "texts", "attributes"):
        found = _facts_in(info) if name == "attributes" else sorted(getattr(info, name))
        return f"{WORDS[name]} {first_of(found, _MOST_NAMED)}"
    return WORDS[name]
