"""The pixels of Pillow's pictures are copied once."""

from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFile

from seqsave.pictures.arrays import as_array
from seqsave.pictures.pillow import copied


def picture_of(mode: str, width: int, height: int) -> Any:
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 4), dtype=np.uint8)
    return Image.fromarray(noise).convert(mode)


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (300, 400)])  # the last is written in several pieces
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "F", "I;16"])
def test_pixels_are_the_same_and_may_be_changed(mode: str, size: tuple[int, int]) -> None:
    picture = picture_of("L", *size).convert("I").convert(mode) if mode == "I;16" else picture_of(mode, *size)
    wanted = np.array(as_array(picture))
    found = copied(picture)
    assert found.dtype == wanted.dtype
    np.testing.assert_array_equal(found, wanted)
    found[...] = 0
    np.testing.assert_array_equal(copied(picture), wanted)


def test_pieces_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = picture_of("RGB", 300, 200)
    for size in (1, 5000, 1 << 24):
        monkeypatch.setattr(ImageFile, "MAXBLOCK", size)
        np.testing.assert_array_equal(copied(picture), as_array(picture))


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_transparent_colour_becomes_alpha(mode: str) -> None:
    picture = picture_of(mode, 9, 9)
    picture.info["transparency"] = picture.getpixel((0, 0))
    found = copied(picture)
    assert found.shape[2] == len(mode) + 1 if mode == "L" else 4
    np.testing.assert_array_equal(found, as_array(picture))


def test_a_pillow_that_writes_another_kind_of_file_is_no_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = Image.fromarray(np.arange(60, dtype=np.uint8).reshape(4, 5, 3))
    monkeypatch.setattr(Image.Image, "save", lambda self, file, kind: file.write(b"P6\n5 4\n255\n and little more"))
    assert np.array_equal(copied(picture), np.asarray(picture))
