"""From decoded files to IMAGE and MASK."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from comfyui_seqsave import pictures

from seqsave import ImageError


def stacked(*arrays: Any) -> tuple[Any, Any]:
    return pictures.stack(arrays, [f"frame_{number}.png" for number in range(len(arrays))])


@pytest.mark.parametrize(
    ("dtype", "value", "wanted"),
    [
        *(("uint8", 255, 1.0), ("uint8", 51, 51 / 255), ("uint16", 65535, 1.0), ("uint16", 257, 257 / 65535)),
        *(("float32", 0.25, 0.25), ("float16", 0.5, 0.5), ("float32", 7.5, 7.5)),
    ],
)
def test_values(dtype: str, value: float, wanted: float) -> None:
    image, mask = stacked(np.full((2, 4, 3), value, dtype))
    assert image.shape == (1, 2, 4, 3)
    assert image.dtype == torch.float32
    assert torch.allclose(image, torch.tensor(wanted))
    assert mask.shape == (1, 2, 4)
    assert not mask.any(), "opaque"


def test_eight_bits_survive_the_way_there_and_back() -> None:
    array = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    image, _ = stacked(array)
    assert (np.clip(255 * image[0].numpy(), 0, 255).astype(np.uint8) == array).all()


def test_alpha_is_the_mask_the_other_way_round() -> None:
    array = np.zeros((1, 3, 4), np.uint8)
    array[0, :, 3] = [0, 51, 255]
    array[0, :, 0] = 255
    image, mask = stacked(array)
    assert image[0, 0, 0].tolist() == [1.0, 0.0, 0.0], "colours stay as they are"
    assert mask[0, 0].tolist() == pytest.approx([1.0, 0.8, 0.0])


def test_grey_has_three_equal_channels() -> None:
    image, mask = stacked(np.full((1, 2, 1), 102, np.uint8))
    assert image[0, 0, 0].tolist() == pytest.approx([0.4] * 3)
    image, mask = stacked(np.dstack([np.full((1, 2), 102, np.uint8), np.full((1, 2), 51, np.uint8)]))
    assert image[0, 0, 1].tolist() == pytest.approx([0.4] * 3)
    assert mask[0, 0].tolist() == pytest.approx([0.8] * 2)


def test_pictures_with_and_without_alpha_together() -> None:
    clear, solid = np.zeros((1, 1, 4), np.uint8), np.zeros((1, 1, 3), np.uint8)
    assert stacked(solid, clear, solid)[1].flatten().tolist() == [0.0, 1.0, 0.0]


def test_sizes_that_differ() -> None:
    with pytest.raises(ImageError, match=r"frame_1\.png is 5x2, the frames before it are 4x2"):
        stacked(np.zeros((2, 4, 3), np.uint8), np.zeros((2, 5, 3), np.uint8))
