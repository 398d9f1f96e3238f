"""The small pictures that are stored beside a frame."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from seqsave.look.small import make
from seqsave.pictures.color import color_space
from seqsave.pictures.display import show
from seqsave.types import ImageInfo


def pixels(data: bytes) -> Any:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def ramp(height: int, width: int) -> Any:
    across = np.linspace(0, 1, width, dtype=np.float32)
    return np.broadcast_to(across[None, :, None], (height, width, 3))


@pytest.mark.parametrize(("width", "half"), [(1920, 960), (1283, 641), (1280, 640), (800, 640), (640, 640), (63, 63)])
def test_a_half_is_at_least_640_wide_where_the_picture_is(width: int, half: int) -> None:
    made = make(np.zeros((36, width, 3), np.uint8))
    assert pixels(made.half).shape[1] == half
    assert pixels(made.thumb).shape[1] == min(160, half)


def test_the_pictures_are_what_the_display_shows() -> None:
    linear, info = ramp(720, 1280), ImageInfo(color=color_space("linear-srgb"))
    made, wanted = make(linear, info, extension="exr"), show(linear, info, extension="exr", width=640).astype(int)
    assert np.abs(pixels(made.half) - wanted).max() <= 6
    assert np.abs(pixels(made.half) - show(linear, width=640).astype(int)).max() > 50  # as values of a display
