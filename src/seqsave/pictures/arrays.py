"""Convert picture-like objects to checked arrays, and arrays to the dtype and channels that an encoder accepts.

From floats, 8 bits are ``clip(255 * x, 0, 255)`` in the source's dtype, truncated, so that they equal those of
ComfyUI's own saver; 16 bits are rounded to nearest. Integers are narrowed only when asked. Floats are unchanged if the
encoder accepts floats.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from seqsave.errors import ImageError
from seqsave.pictures.samples import SCALES, in_dtype, name_of
from seqsave.wording import counted, spans

if TYPE_CHECKING:
    from seqsave.types import ImageArray

__all__ = [
    "IN_TIME",
    "VARIATIONS",
    "Prepared",
    "as_array",
    "as_stack",
    "each_frame",
    "in_eight_bits",
    "is_stack",
    "look_like_bytes",
    "name_of",
    "of_floats",
    "prepare",
]

# The layouts of an array of frames, for ``each_frame``.
IN_TIME = "T,H,W,C with time first"
VARIATIONS = "B,H,W,C with variations first"


# The dtypes to which each dtype can be converted without loss, nearest first.
_HOMES = {
    "bool": ("bool", "uint8", "uint16", "float32", "float16", "float64"),
    "uint8": ("uint8", "uint16", "float32", "float64", "float16"),
    "uint16": ("uint16", "float32", "float64"),
    "float16": ("float16", "float32", "float64"),
    "float32": ("float32", "float64"),
    "float64": ("float64", "float32"),
    # Numbers without a white, such as labels and heights, which have no meaning in another type.
    **{name: (name,) for name in ("int16", "int32", "uint32")},
}
_ADVICE = (
    "use uint8 (0..255), uint16 (0..65535), bool, or float16, float32, float64 (0..1); for instance "
    "image.astype('uint8') when its values are 0..255"
)
# The numbers of channels to which each number can be converted, nearest first. Those that drop alpha come last.
_LAYOUTS = {1: (1, 3, 2, 4), 2: (2, 4, 1, 3), 3: (3, 4), 4: (4, 3)}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A picture in a form that an encoder accepts, and the losses of the conversion.

    array:         H,W,C, C-contiguous, native byte order, in memory of its own.
    clipped:       True if values outside 0..1 were clipped (only from floats to integers). Those that are outside by
                   less than the conversion drops of any value, one step of 8 bits or half a step of 16, do not count.
    nan:           True if NaN became 0 (only from floats to integers).
    scaled:        True if clipped values look like 0..255 rather than 0..1.
    alpha_dropped: True if alpha was dropped because the encoder accepts none.
    infinite:      True if values became infinite because they are too large for the narrower floats.
    """

    array: ImageArray
    clipped: bool = False
    nan: bool = False
    alpha_dropped: bool = False
    infinite: bool = False
    scaled: bool = False


def as_array(picture: Any) -> ImageArray:
    """Return a picture as an array H,W,C; as a view if possible.

    picture: a numpy array of any strides and byte order, a PIL image of any mode, a torch tensor on any device, or an
             object with ``__array__`` or ``__dlpack__``. Axes are H,W or H,W,C, dtypes bool, uint8, uint16, float16,
             float32, float64 (bfloat16 becomes float32); int16, int32 and uint32 for formats that hold them.

    Raises ImageError for everything else.
    """
    array = as_stack(picture)
    if name_of(array.dtype) == "bfloat16":  # from jax and ml_dtypes; numpy has no such dtype
        array = array.astype(np.float32)
    _check(array)
    return array[..., None] if array.ndim == 2 else array


def as_stack(pictures: Any) -> ImageArray:
    """Return an array-like object as a numpy array of any axes and dtype. Raises ImageError."""
    try:
        return _converted(pictures)
    except ImageError:
        raise
    except Exception as error:  # foreign conversion code may raise any error
        raise ImageError(
            f"a picture of type {_type_name(pictures)} cannot be read: {error}; give it as float32, float16, uint8 or "
            "uint16 in memory that numpy can access"
        ) from error


def is_stack(frames: Any) -> int | None:
    """Return the number of axes of an array-like (numpy, torch, ``__array__``, DLPack); None for any other iterable.

    A PIL image has 3, because it is one picture. The object is converted only if it does not know its shape.
    """
    if _is_pil(frames):
        return 3
    if not _is_array_like(frames):
        return None
    axes = getattr(frames, "ndim", None)
    if isinstance(axes, int):
        return axes
    shape = getattr(frames, "shape", None)
    return len(shape) if shape is not None else _read(frames).ndim


def each_frame(frames: Any, layout: str) -> Iterator[Any]:
    """Return the images of an array with a leading axis, or of an iterable, one by one.

    layout: the layout of an array, ``IN_TIME`` or ``VARIATIONS``. Raises ImageError for anything else.
    """
    axes = is_stack(frames)
    if axes is not None and axes != 4:
        raise ImageError(
            f"frames have {counted(axes, 'axis', 'axes')}: an array of frames is {layout}; for one image use "
            "write(image) or a list of it",
            topic="frames-axes",
        )
    if axes == 4 and not isinstance(frames, Iterable):
        frames = as_stack(frames)
    if isinstance(frames, str | os.PathLike):
        raise ImageError(
            f"frames are {_type_name(frames)}, the name of a file or folder, and not its frames: a sequence is "
            "seqsave.open_sequence(name); frames of a video are saved by the command `seqsave save clip.mp4 URL`"
        )
    if not isinstance(frames, Iterable) or isinstance(frames, bytes | Mapping):
        raise ImageError(f"frames are {type(frames).__name__}: give an array {layout}, or an iterable of images")
    return iter(frames)


def prepare(array: ImageArray, dtypes: Iterable[str], channels: Iterable[int]) -> Prepared:
    """Convert an array from ``as_array`` to one of the declared dtypes (preferred first) and numbers of channels.

    The result never shares memory with the input, so the caller may change its buffer at once. Raises ImageError if the
    conversion would lose bits or colours.
    """
    dtype = _target_dtype(name_of(array.dtype), tuple(dtypes))
    count = _target_channels(array.shape, tuple(channels))
    clipped = nan = False
    converted = array
    if name_of(array.dtype) != name_of(dtype):
        with np.errstate(all="ignore"):
            converted, clipped, nan = in_dtype(array, dtype)
    if converted is array or array.shape[2] != count or not converted.flags.c_contiguous:
        converted = _arranged(converted, count)
    alpha_dropped = array.shape[2] in (2, 4) and count in (1, 3)
    return Prepared(converted, clipped, nan, alpha_dropped, scaled=clipped and look_like_bytes(array))


def in_eight_bits(array: ImageArray) -> ImageArray:
    """Return an array of uint16 as uint8: the nearest of the values v * 257."""
    wide = array.astype(np.uint32)
    wide += 128
    wide //= 257
    return wide.astype(np.uint8)


def of_floats(dtypes: tuple[str, ...]) -> str:
    """Return the dtype to which floats are converted, "" if there is none. dtypes: of the encoder, preferred first."""
    return next((name for kind in ("float", "uint") for name in dtypes if name.startswith(kind)), "")


def look_like_bytes(array: ImageArray) -> bool:
    """Return whether floats look like 0..255 rather than 0..1, by a sample of the pixels.

    Values of bright lights are above 1 as well, but most of such a picture is not.
    """
    rows, columns = (max(1, side // 256) for side in array.shape[:2])
    sample = array[::rows, ::columns].astype(np.float64)
    low, high = float(sample.min()), float(sample.max())
    if not (low > -32 and 16 <= high < 288):  # resizing overshoots; also False if there is a NaN
        return False
    return float(sample.mean()) > 4 or bool((sample == np.rint(sample)).all())


# --- objects to arrays --------------------------------------------------------------------------------------------


def _read(picture: Any) -> ImageArray:
    try:
        return _converted(picture)
    except ImageError:
        raise
    except Exception as error:  # foreign conversion code may raise any error
        raise ImageError(f"a picture of type {_type_name(picture)} cannot be read: {error}") from error


def _converted(picture: Any) -> ImageArray:
    if isinstance(picture, np.ndarray):
        return np.asarray(picture if type(picture) is np.ndarray else _unmasked(picture))
    if _is_pil(picture):
        return _from_pil(picture)
    if hasattr(picture, "detach") and hasattr(picture, "cpu"):
        return _from_torch(picture)
    if hasattr(picture, "__array__") or hasattr(picture, "__array_interface__"):
        return np.asarray(picture)
    if hasattr(picture, "__dlpack__"):
        return np.from_dlpack(picture)
    hint = "; PIL.Image.open(name) reads a file" if isinstance(picture, str | os.PathLike) else ""
    raise ImageError(
        f"{_type_name(picture)} is not a picture: pass a numpy array, a PIL image, a torch tensor, "
        f"or an object with __array__ or __dlpack__{hint}"
    )


def _unmasked(array: ImageArray) -> ImageArray:
    """Return an array that masks nothing. Raises ImageError for one that does."""
    count = int(np.count_nonzero(np.ma.getmaskarray(array))) if isinstance(array, np.ma.MaskedArray) else 0
    if count:
        raise ImageError(
            f"a masked array has {counted(count, 'value')} below its mask, which no file holds: give them a value, as "
            "image.filled(0)"
        )
    return array


def _is_pil(picture: Any) -> bool:
    # PIL images exist only after PIL has been imported, so it need not be imported here.
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(picture, module.Image)


def _is_array_like(thing: Any) -> bool:
    return any(hasattr(thing, name) for name in ("__array__", "__array_interface__", "__dlpack__"))


def _from_torch(tensor: Any) -> ImageArray:
    tensor = tensor.detach().cpu()
    if str(tensor.dtype).endswith("bfloat16"):  # numpy has no such dtype
        tensor = tensor.float()
    return np.asarray(tensor.numpy())


def _from_pil(image: Any) -> ImageArray:
    mode = image.mode
    if mode == "I":
        return _from_pil_int32(np.asarray(image))
    transparent = image.has_transparency_data
    if mode.startswith("I;16") or mode in ("LA", "F", "RGBA"):
        wanted = mode
    elif mode in ("L", "La"):
        wanted = "LA" if transparent else "L"
    elif mode == "1" and not transparent:
        wanted = "1"
    else:
        wanted = "RGBA" if transparent else "RGB"
    return np.asarray(image if wanted == mode else image.convert(wanted))


def _from_pil_int32(array: ImageArray) -> ImageArray:
    # Pillow reads some 16-bit grey files into the 32-bit mode "I", so values that fit into 16 bits become 16 bits.
    low, high = array.min(initial=0), array.max(initial=0)
    if low < 0 or high > 65535:
        raise ImageError(
            f"a PIL image of mode 'I' with values {low}..{high} does not fit into 16 bits (0..65535): "
            "scale it, or convert it to floats 0..1"
        )
    return array.astype(np.uint16)


def _check(array: ImageArray) -> None:
    if array.ndim == 4:
        raise ImageError(
            f"one picture has the axes H,W or H,W,C, but this array is {_times(array.shape)}: use write_frames for "
            "frames in time (T,H,W,C) or write_batch for variations of one frame (B,H,W,C)",
            topic="picture-axes",
        )
    if array.ndim not in (2, 3):
        raise ImageError(
            f"a picture has the axes H,W or H,W,C, but this array has {array.ndim}: shape {_times(array.shape)}",
            topic="picture-axes",
        )
    if array.size == 0:
        raise ImageError(f"a picture needs at least one pixel, but this array is {_times(array.shape)}")
    if name_of(array.dtype) not in _HOMES:
        raise ImageError(f"a picture of dtype {name_of(array.dtype)} cannot be saved: {_ADVICE}")


# --- choice of dtype and channels --------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _target_dtype(name: str, declared: tuple[str, ...]) -> np.dtype[Any]:
    for home in _HOMES[name]:
        if home in declared:
            return np.dtype(home)
    if name.startswith("float"):
        for home in declared:
            if home in ("uint8", "uint16"):
                return np.dtype(home)
    if _HOMES[name] == (name,):
        raise ImageError(
            f"a picture of dtype {name} cannot be saved in a format that accepts only {', '.join(declared)}: {_ADVICE}"
        )
    raise ImageError(
        f"a picture of dtype {name} would lose bits in a format that accepts only {', '.join(declared)}: choose a "
        f"format that accepts {name} (png accepts uint16), or "
        + (
            "give `dtype='uint8'`, which rounds to 8 bits"
            if name == "uint16" and "uint8" in declared
            else f"convert it yourself, with image.astype({declared[0]!r})"
        ),
        topic="lost-bits",
    )


def _target_channels(shape: tuple[int, ...], declared: tuple[int, ...]) -> int:
    count = shape[2]
    for layout in _LAYOUTS.get(count, (count,)):
        if layout in declared:
            return layout
    allowed = ", ".join(spans(declared))
    if count > 4 and shape[0] <= 4:
        hint = "it looks like channels first (C,H,W): move them last with image.transpose(1, 2, 0), in torch permute"
    elif count in (3, 4):
        hint = "convert it to grey yourself, or choose a format for colours"
    else:
        hint = "1 is grey, 2 grey and alpha, 3 RGB, 4 RGBA"
    raise ImageError(
        f"a picture {_times(shape)} has {counted(count, 'channel')}, but this format accepts {allowed}: {hint}"
    )


# --- pixels ---------------------------------------------------------------------------------------------------------


def _arranged(array: ImageArray, count: int) -> ImageArray:
    """Return a copy in C order with ``count`` channels, made with long inner loops."""
    out = np.empty((*array.shape[:2], count), array.dtype.newbyteorder("="))
    have = array.shape[2]
    if have == count and (array.strides[1:] == (have * array.itemsize, array.itemsize)):
        np.copyto(out, array)
        return out
    # One channel at a time: with a short innermost axis of three or four channels, numpy is several times slower.
    colours, wanted = (number if number > 4 else 1 if number < 3 else 3 for number in (have, count))
    for channel in range(wanted):
        np.copyto(out[..., channel], array[..., min(channel, colours - 1)])
    if count > wanted and have > colours:
        np.copyto(out[..., -1], array[..., -1])
    elif count > wanted:
        out[..., -1] = SCALES.get(name_of(out.dtype), 1)
    return out


def _times(shape: Iterable[int]) -> str:
    return " x ".join(str(length) for length in shape) or "()"


def _type_name(thing: Any) -> str:
    kind = type(thing)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
