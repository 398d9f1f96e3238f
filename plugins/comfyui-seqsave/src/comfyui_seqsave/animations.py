"""Files that hold several pictures in time: animated GIF, WebP, PNG and AVIF; and pictures that no encoder reads."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
from collections.abc import Iterator
from typing import Any

from seqsave import DecodeError, EncoderNotFoundError, naming
from seqsave.targets import parse_url

from . import access

__all__ = ["Animation", "decode", "open_animation"]

_KINDS = frozenset(("apng", "avif", "avifs", "gif", "png", "webp"))
# Of one picture: as many as seqsave decodes itself.
_MOST_PIXELS = 2**28


class Animation:
    """The pictures of one file, in order. Each is H,W,4 of uint8, or H,W,3 without transparency."""

    def __init__(self, name: str, data: bytes) -> None:
        self.name = name
        self._data = data
        with _opened(name, data) as image:
            self._has_alpha = bool(getattr(image, "has_transparency_data", False))
            self._count = int(getattr(image, "n_frames", 1))

    def __len__(self) -> int:
        return self._count

    @property
    def digest(self) -> str:
        """Return a fingerprint of the file."""
        return hashlib.sha256(self._data).hexdigest()

    def pictures(self, numbers: range) -> Iterator[Any]:
        """Yield the pictures of these numbers, in ascending order. Raises DecodeError."""
        if self._count == 1:
            yield from (decode(self.name, self._data) for _ in numbers)
            return
        with _opened(self.name, self._data) as image:
            for number in numbers:
                try:
                    # A later picture may be drawn over those before it.
                    image.seek(number)
                    yield _array(image, alpha=self._has_alpha)
                except (OSError, EOFError, ValueError, SyntaxError) as error:  # noqa: PERF203 - few pictures
                    raise DecodeError(f"{self.name}: picture {number} cannot be read: {error}") from error


def open_animation(directory_path: str) -> Animation | None:
    """Return the pictures in the file that a graph's text names; None if it names a folder.

    Raises RefusedError, TargetError, DecodeError.
    """
    location = parse_url(directory_path) if directory_path.strip() else None
    if location is None or directory_path.endswith(("/", "\\")):
        return None
    name = directory_path.replace("\\", "/").rpartition("/")[2]
    if naming.split_extension(name)[1].lower() not in _KINDS or naming.is_pattern(name):
        return None
    place, name = access.admit_file(directory_path)
    if place.is_local and not os.path.isfile(place.path_of(name)):
        return None
    return Animation(name, place.read(name))


def decode(name: str, data: bytes) -> Any:
    """Return the picture in a file, H,W,C; with Pillow where no encoder reads the format. Raises DecodeError."""
    from seqsave.sequences import decode as by_encoder

    with contextlib.suppress(EncoderNotFoundError):
        return by_encoder(name, data).array
    with _opened(name, data) as image:
        try:
            return _array(image, alpha=bool(getattr(image, "has_transparency_data", False)))
        except (OSError, EOFError, ValueError, SyntaxError) as error:
            raise DecodeError(f"{name} cannot be read: {error}") from error


def _array(image: Any, *, alpha: bool) -> Any:
    import numpy as np
    from PIL import ImageOps

    return np.asarray(ImageOps.exif_transpose(image.convert("RGBA" if alpha else "RGB")))


@contextlib.contextmanager
def _opened(name: str, data: bytes) -> Iterator[Any]:
    from PIL import Image

    try:
        image = Image.open(io.BytesIO(data))
    except Exception as error:
        raise DecodeError(f"{name} is not a picture that can be read here: {type(error).__name__}") from error
    with image:
        if image.format == "EPS":  # Pillow would run Ghostscript, and a PostScript file is a program
            raise DecodeError(f"{name} is a PostScript file, whatever its name says: these are not read")
        width, height = image.size
        if width * height > _MOST_PIXELS:
            raise DecodeError(f"{name} has {width} x {height} pixels: at most {_MOST_PIXELS} are read")
        yield image
