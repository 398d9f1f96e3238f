"""Common ways to save a frame, and ours, as functions from a picture to bytes."""

from __future__ import annotations

import contextlib
import importlib
import io
import threading
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from seqsave.encoders.png import decoder, native
from seqsave.pictures import arrays
from seqsave.plugins import registry
from seqsave.specs import EncoderSpec
from seqsave.types import FrameInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "NATIVE",
    "WITHOUT",
    "as_bytes",
    "encode",
    "encode_floats",
    "encoded",
    "jpeg_ways",
    "maybe",
    "native_png16_ways",
    "native_png_ways",
    "pillow",
    "png16_ways",
    "png_ways",
    "without_extension",
    "without_native",
]

INFO = FrameInfo(index=0)
NATIVE, WITHOUT = "seqsave with seqsave-native", "seqsave"


def encoded(picture: Any, filetype: str = "png", **options: Any) -> Any:
    """Encode an array with seqsave; return bytes or a view, as the writer publishes them."""
    resolved, defaults = _resolved(filetype)
    return resolved.encoder.encode(picture, metadata={}, options={**defaults, **options}, info=INFO).data


def encode(picture: Any, filetype: str = "png", **options: Any) -> bytes:
    """Encode an array with seqsave; return bytes."""
    return bytes(encoded(picture, filetype, **options))


def encode_floats(picture: Any, filetype: str = "png") -> bytes:
    """Convert and encode with seqsave, as the writer does."""
    spec: EncoderSpec = _resolved(filetype)[0].spec
    return encode(arrays.prepare(arrays.as_array(picture), spec.dtypes, spec.channels).array, filetype)


def without_native(picture: Any, **options: Any) -> bytes:
    """Encode a PNG as seqsave does where seqsave-native is not installed."""
    _thread.is_without = True
    try:
        return encode(picture, **options)
    finally:
        _thread.is_without = False


@contextlib.contextmanager
def without_extension() -> Iterator[None]:
    """Let all threads encode and decode as seqsave does where seqsave-native is not installed."""
    kept, decoder.kernel = native.kernel, lambda: None
    native.kernel = decoder.kernel
    try:
        yield
    finally:
        native.kernel = decoder.kernel = kept


_thread = threading.local()
_kernel = native.kernel
# A function of its own for each thread, since threads are measured side by side.
native.kernel = lambda: None if getattr(_thread, "is_without", False) else _kernel()


@cache
def _resolved(filetype: str) -> tuple[Any, dict[str, Any]]:
    resolved = registry.resolve(filetype)
    return resolved, {name: option.default for name, option in resolved.spec.options.items()}


def as_bytes(picture: Any) -> Any:
    """Convert float32 0..1 to uint8, as the original node and ComfyUI do."""
    return np.clip(255.0 * picture, 0, 255).astype(np.uint8)


def pillow(picture: Any, kind: str = "PNG", **settings: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, kind, **settings)
    return file.getvalue()


def png_ways() -> dict[str, Callable[[Any], bytes]]:
    """Return functions by label, without libraries that are not installed."""
    ways: dict[str, Callable[[Any], bytes]] = {
        WITHOUT: without_native,
        "seqsave, compression=balanced": lambda picture: encode(picture, compression="balanced"),
        "Pillow optimize=True (the original node)": lambda picture: pillow(picture, optimize=True),
        "Pillow level 6 (its default)": lambda picture: pillow(picture),
        "Pillow level 4 (ComfyUI)": lambda picture: pillow(picture, compress_level=4),
        "Pillow level 1": lambda picture: pillow(picture, compress_level=1),
    }
    _add_opencv(ways)
    _add(
        ways,
        "imageio",
        "imageio.v3",
        lambda imageio: lambda picture: imageio.imwrite("<bytes>", picture, extension=".png"),
    )
    _add_quick(ways)
    return ways


def native_png_ways() -> dict[str, Callable[[Any], bytes]]:
    """Return the quicker ways, with and without seqsave-native."""
    ways: dict[str, Callable[[Any], bytes]] = {NATIVE: encode} if native.kernel() is not None else {}
    ways |= {WITHOUT: without_native, "Pillow level 1": lambda picture: pillow(picture, compress_level=1)}
    _add_opencv(ways)
    _add_quick(ways)
    return ways


def native_png16_ways() -> dict[str, Callable[[Any], bytes]]:
    """Return those for uint16."""
    ways: dict[str, Callable[[Any], bytes]] = {NATIVE: encode} if native.kernel() is not None else {}
    ways[WITHOUT] = without_native
    _add_opencv(ways)
    _add(ways, "libspng", "imagecodecs", lambda codecs: lambda picture: bytes(codecs.spng_encode(picture, level=1)))
    return ways


def _add_opencv(ways: dict[str, Callable[[Any], bytes]]) -> None:
    _add(ways, "OpenCV", "cv2", lambda cv2: lambda picture: cv2.imencode(".png", _opencv_order(picture))[1].tobytes())


def _opencv_order(picture: Any) -> Any:
    return picture[:, :, [2, 1, 0, 3][: picture.shape[2]]]


def _add_quick(ways: dict[str, Callable[[Any], bytes]]) -> None:
    _add(ways, "libspng", "imagecodecs", lambda codecs: lambda picture: bytes(codecs.spng_encode(picture, level=1)))
    _add(
        ways,
        "fpng",
        "fpng_py",
        lambda fpng: (
            lambda picture: fpng.fpng_encode_image_to_memory(
                picture.tobytes(), picture.shape[1], picture.shape[0], picture.shape[2]
            )
        ),
    )


def png16_ways() -> dict[str, Callable[[Any], bytes]]:
    """Return functions for uint16. Pillow and fpng do not support it in colour, and the others write no texts."""
    ways: dict[str, Callable[[Any], bytes]] = {
        WITHOUT: without_native,
        "seqsave, compression=balanced": lambda picture: encode(picture, compression="balanced"),
    }
    _add(ways, "OpenCV", "cv2", lambda cv2: lambda picture: cv2.imencode(".png", picture[:, :, ::-1])[1].tobytes())
    _add(
        ways,
        "OpenCV level 1",
        "cv2",
        lambda cv2: (
            lambda picture: cv2.imencode(".png", picture[:, :, ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
        ),
    )
    _add(ways, "imagecodecs", "imagecodecs", lambda codecs: lambda picture: bytes(codecs.png_encode(picture)))
    return ways


def jpeg_ways() -> dict[str, Callable[[Any], bytes]]:
    """Return functions for quality 95, with the default chroma subsampling of each library."""
    ways: dict[str, Callable[[Any], bytes]] = {
        "seqsave": lambda picture: encode(picture, "jpg"),
        "Pillow quality 95": lambda picture: pillow(picture, "JPEG", quality=95),
        "Pillow quality 95, optimize=True": lambda picture: pillow(picture, "JPEG", quality=95, optimize=True),
    }
    _add(ways, "OpenCV", "cv2", lambda cv2: lambda picture: cv2.imencode(".jpg", picture[:, :, ::-1])[1].tobytes())
    return ways


def maybe(module: str) -> Any:
    """Return the module; None if it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


def _add(
    ways: dict[str, Callable[[Any], bytes]], label: str, module: str, make: Callable[[Any], Callable[[Any], bytes]]
) -> None:
    if (found := maybe(module)) is not None:
        ways[label] = make(found)
