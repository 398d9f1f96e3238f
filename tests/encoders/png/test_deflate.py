"""Files are as small as other encoders make them, whatever the picture."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from seqsave.encoders.png import deflate
from tests.encoders.pictures import kinds
from tests.encoders.png.streams import COMPRESSIONS, encode
from tests.support.clip import clip_frames
from tests.support.needs import needs_package


def pillow_size(image: Any, **options: Any) -> int:
    file = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).save(file, "PNG", **options)
    return len(file.getvalue())


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize(("height", "width"), [(64, 64), (256, 256), pytest.param(480, 854, marks=pytest.mark.full)])
def test_fast_is_as_small_as_pillow_at_level_1(height: int, width: int, channels: int) -> None:
    sizes = {
        name: (len(encode(image).data), pillow_size(image, compress_level=1), image.nbytes)
        for name, image in kinds(height, width, channels).items()
    }
    too_large = {
        name: (ours, theirs)
        for name, (ours, theirs, raw) in sizes.items()
        if ours > max(1.02 * theirs, theirs + 0.001 * raw)
    }
    assert not too_large


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [32, 80, pytest.param(160, marks=pytest.mark.full)])
def test_small_is_as_small_as_pillow_when_it_optimises(size: int, channels: int) -> None:
    sizes = {
        name: (len(encode(image, "small").data), pillow_size(image, optimize=True))
        for name, image in kinds(size, size + 7, channels).items()
    }
    assert not {name: pair for name, pair in sizes.items() if pair[0] > pair[1]}


def test_sizes_of_real_frames() -> None:
    needs_package("av")
    for frame in clip_frames(3, every=40):
        for image in (frame, np.repeat(frame[..., :1], 3, axis=2)):  # in colour, and in black and white
            assert len(encode(image).data) <= 1.02 * pillow_size(image, compress_level=1)
    part = np.ascontiguousarray(frame[200:400, 300:700])
    small, balanced, fast = (len(encode(part, compression).data) for compression in reversed(COMPRESSIONS))
    assert small <= balanced <= fast
    assert small <= pillow_size(part, optimize=True)


def tiled(height: int, width: int, channels: int) -> Any:
    tile = np.random.default_rng(height).integers(0, 256, (64, 64, channels), dtype=np.uint8)
    return np.tile(tile, (height // 64 + 1, width // 64 + 1, 1))[:height, :width]


@pytest.mark.parametrize("shape", [(512, 512, 3), (480, 854, 2), (480, 854, 3), (480, 854, 4)])
def test_patterns_that_igzip_does_not_see(shape: tuple[int, int, int]) -> None:
    image = tiled(*shape)
    assert len(encode(image).data) < 1.1 * pillow_size(image, compress_level=1)


def test_patterns_that_the_sample_shows() -> None:
    rows = tiled(480, 854, 4).reshape(480, -1)
    assert deflate._fast_for_large(deflate._Sample(rows, 4, 1 << 14)).level == 3


def test_patterns_that_igzip_loses_track_of_after_the_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    image = tiled(512, 512, 3)
    monkeypatch.setattr(deflate, "_fast_for_large", lambda _: deflate._Recipe(0, 1))
    monkeypatch.setattr(deflate._Sample, "ratio", lambda *_: 0.001)
    assert len(encode(image).data) < 1.1 * pillow_size(image, compress_level=1)


@pytest.mark.parametrize("channels", [3, 4])
def test_grey_in_colours(channels: int) -> None:
    grain = np.random.default_rng(0).normal(128, 20, (300, 300, 1)).clip(0, 255).astype(np.uint8)
    image = np.repeat(grain, channels, axis=2)
    if channels == 4:
        image[..., 3] = 255
    assert len(encode(image).data) <= 1.02 * pillow_size(image, compress_level=1)


def test_small_does_not_depend_on_a_sample_that_deceives(monkeypatch: pytest.MonkeyPatch) -> None:
    image = kinds(60, 60, 3)["soft"]
    monkeypatch.setattr(deflate._Sample, "best", lambda *_: deflate._Recipe(0, 9, 0))
    assert len(encode(image, "small").data) <= pillow_size(image, optimize=True)
