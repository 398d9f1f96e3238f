"""Real pictures: 1920x1080 frames made of unscaled parts of the test clip."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from tests.support.clip import CLIP_FRAMES, clip_frames

if TYPE_CHECKING:
    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]
    Floats = npt.NDArray[np.float32]
    Words = npt.NDArray[np.uint16]

__all__ = [
    "bytes_1080p",
    "cropped",
    "floats_1080p",
    "opaque_1080p",
    "photographs_1080p",
    "wide_photographs_1080p",
    "words_1080p",
]

# The clip is 1280x720. Scaling it up would make it soft, and soft pictures compress too well: so a frame is a mosaic
# of four 960x540 pieces, from four moments of the clip.
PIECE = (540, 960)
APART = 30
EXPOSURE = 8


@cache
def _clip(count: int) -> list[Bytes]:
    return clip_frames(min(count, CLIP_FRAMES))


@cache
def bytes_1080p(count: int) -> tuple[Bytes, ...]:
    """Return arrays of shape 1080,1920,3, uint8."""
    clip, (height, width) = _clip(count + 3 * APART), PIECE
    frames = []
    for number in range(count):
        pieces = [clip[(number + APART * part) % len(clip)] for part in range(4)]
        above = np.hstack([pieces[0][:height, :width], pieces[1][-height:, -width:]])
        below = np.hstack([pieces[2][-height:, :width], pieces[3][:height, -width:]])
        frames.append(np.ascontiguousarray(np.vstack([above, below])))
    return tuple(frames)


@cache
def floats_1080p(count: int) -> tuple[Floats, ...]:
    """Return the same pictures as a renderer returns them: float32, 0..1."""
    return tuple(frame.astype(np.float32) / 255 for frame in bytes_1080p(count))


@cache
def words_1080p(count: int) -> tuple[Words, ...]:
    """Return them as uint16 with more than 8 bits of detail: an exposure over several frames, as in motion blur."""
    frames = bytes_1080p(count + EXPOSURE - 1)
    weights = np.linspace(0.5, 1.5, EXPOSURE, dtype=np.float32) / EXPOSURE
    return tuple(
        (sum(weight * frame for weight, frame in zip(weights, frames[start:], strict=False)) * 257).astype(np.uint16)
        for start in range(count)
    )


# Of the package scikit-image, which carries them as files without loss, or of a quality at which that does not matter.
PHOTOGRAPHS = ("astronaut.png", "coffee.png", "chelsea.png", "motorcycle_left.png", "rocket.jpg")
TILE = (270, 384)


@cache
def photographs_1080p(count: int) -> tuple[Bytes, ...]:
    """Return mosaics of unscaled parts of photographs, 1080,1920,3, uint8.

    Pictures of a clip have passed the clip's codec, which leaves patterns that those of a camera or a renderer lack.
    """
    found = importlib.util.find_spec("skimage")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("photographs for the benchmark: pip install scikit-image")
    folder = Path(found.origin).parent / "data"
    pictures = [np.asarray(Image.open(folder / name).convert("RGB")) for name in PHOTOGRAPHS]
    high, wide = TILE
    frames = []
    random = np.random.default_rng(1)
    for _ in range(count):
        frame = np.empty((1080, 1920, 3), np.uint8)
        for top in range(0, 1080, high):
            for left, which in zip(range(0, 1920, wide), random.permutation(len(pictures)), strict=True):
                picture = pictures[which]
                row, column = (
                    random.integers(0, most - size + 1) for most, size in zip(picture.shape, TILE, strict=False)
                )
                frame[top : top + high, left : left + wide] = picture[row : row + high, column : column + wide]
        frames.append(frame)
    return tuple(frames)


@cache
def opaque_1080p(count: int) -> tuple[Bytes, ...]:
    """Return the same photographs with an alpha channel of 255."""
    return tuple(np.dstack([frame, np.full(frame.shape[:2], 255, np.uint8)]) for frame in photographs_1080p(count))


@cache
def wide_photographs_1080p(count: int) -> tuple[Words, ...]:
    """Return them as uint16, as a camera of 12 bits sees them: linear, with grain, in the upper bits."""
    random = np.random.default_rng(1)
    frames = []
    for frame in photographs_1080p(count):
        linear = (frame / np.float32(255)) ** np.float32(2.2)
        grain = random.standard_normal(frame.shape, np.float32) * np.sqrt(linear + np.float32(0.01)) / 800
        frames.append((np.clip(linear + grain, 0, 1) ** np.float32(1 / 2.2) * 65535).astype(np.uint16))
    return tuple(frames)


@cache
def cropped(count: int, height: int, width: int) -> tuple[Bytes, ...]:
    """Return parts of the clip, uint8, from its middle."""
    top, left = (720 - height) // 2, (1280 - width) // 2
    clip = _clip(count)
    return tuple(
        np.ascontiguousarray(clip[number % len(clip)][top : top + height, left : left + width])
        for number in range(count)
    )
