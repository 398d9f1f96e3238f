"""Real pictures: 1920x1080 frames made of unscaled parts of the test clip."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from tests.support.clip import CLIP_FRAMES, clip_frames

if TYPE_CHECKING:
    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]
    Floats = npt.NDArray[np.float32]
    Words = npt.NDArray[np.uint16]

__all__ = ["bytes_1080p", "cropped", "floats_1080p", "words_1080p"]

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


@cache
def cropped(count: int, height: int, width: int) -> tuple[Bytes, ...]:
    """Return parts of the clip, uint8, from its middle."""
    top, left = (720 - height) // 2, (1280 - width) // 2
    clip = _clip(count)
    return tuple(
        np.ascontiguousarray(clip[number % len(clip)][top : top + height, left : left + width])
        for number in range(count)
    )
