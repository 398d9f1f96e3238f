"""Files are as small as other encoders make them, whatever the picture."""

import io
import zlib
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from PIL import Image

from seqsave.encoders.png import deflate, filters, packers
from tests.encoders.pictures import dithered, kinds, screenshot, text, wide_gradients
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
    assert not too_large(kinds(height, width, channels))


def zlib_size(image: Any) -> int:
    """Return the size of a file of 16 bits at level 1 of zlib, with the filter for all rows that is best."""
    rows, step = image.astype(">u2").view(np.uint8).reshape(len(image), -1), 2 * image.shape[2]
    return 57 + min(len(zlib.compress(filters.filter_rows(rows, kind, step), 1)) for kind in range(6))


def too_large(images: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """Return our size and the usual one of pictures that are larger than they may be."""
    found = {}
    for name, image in images.items():
        ours, usual = (
            len(encode(image).data),
            zlib_size(image) if image.itemsize == 2 else pillow_size(image, compress_level=1),
        )
        if ours > max(1.02 * usual, usual + 0.001 * image.nbytes):
            found[name] = ours, usual
    return found


@pytest.mark.parametrize(
    ("height", "width"), [(480, 854), (720, 1280), pytest.param(1080, 1920, marks=pytest.mark.full)]
)
def test_text_is_as_small_as_pillow_at_level_1(height: int, width: int) -> None:
    sizes = (12, 13, 18, 24)
    assert not too_large({f"text of {size}": text(height, width, size) for size in sizes})
    assert not too_large({f"dark, {size}": text(height, width, size, dark=True) for size in sizes})
    grey = text(height, width, 12)[..., :1]
    assert not too_large({"grey": grey, "with alpha": np.concatenate([grey] * 3 + [np.full_like(grey, 255)], axis=2)})


def test_rows_of_one_colour_look_flat_in_a_small_sample() -> None:
    rows = np.random.default_rng(1).integers(0, 256, (720, 1, 3), np.uint8)
    assert not too_large({"rows of one colour": rows.repeat(1280, axis=1)})


@pytest.mark.parametrize("channels", [3, 4])
def test_letters_with_grain(channels: int) -> None:
    """Grey pixels and no filter, as of a scanned page: zlib finds more strings than igzip."""
    letters = 0.9 * text(480, 854, 13)[..., :1] + 10 + np.random.default_rng(2).normal(0, 3, (480, 854, 1))
    page = np.clip(letters, 0, 255).astype(np.uint8).repeat(3, axis=2)
    alpha = np.full_like(page[..., :1], 255)
    assert not too_large({"page": np.concatenate([page, alpha], axis=2)[..., :channels]})


def moire() -> Any:
    """A picture like a photograph, but zlib finds strings in it, and rows are best filtered in different ways."""
    down, across = np.mgrid[0:240, 0:320]
    return (127 + 127 * np.sin((across**2 + down**2)[..., None] / np.array([700, 727, 900]))).astype(np.uint8)


def test_patterns_that_look_like_photographs() -> None:
    floats = np.random.default_rng(3).random((200, 260, 1))
    down, across = np.mgrid[0:200, 0:260]
    board = np.where((across // 8 + down // 8) % 2, 1, 0.6)[..., None]
    smooth = (floats + np.roll(floats, 1, 0) + np.roll(floats, 1, 1) + np.roll(floats, (1, 1), (0, 1))) / 4
    wide = 65535 * (0.3 * down[..., None] / 200 + 0.5 * (smooth > 0.5) + 0.05 * floats)
    assert not too_large(
        {
            "moire": moire(),
            "board": (255 * board * smooth.repeat(3, axis=2)).astype(np.uint8),
            "board, grey": (255 * board * smooth).astype(np.uint8),
            "depth map": wide.astype(np.uint16).repeat(3, axis=2),
        }
    )


def test_uneven_rows_do_not_look_like_a_photograph() -> None:
    """A slope on a board with grain: much smaller with one filter than without, and smaller still with several."""
    down, across = np.mgrid[0:168, 0:228]
    slope = np.stack([0.4 * across + 0.1 * down, 0.9 * across + 0.3 * down, 0.6 * across + 0.8 * down], axis=-1) / 396
    grain = np.random.default_rng(1).integers(-1, 2, slope.shape) / 255
    board = np.where((across // 8 + down // 8) % 2, 1, 0.6)[..., None]
    assert not too_large({"board": (255 * np.clip((slope + grain) * board, 0, 1)).astype(np.uint8)})


def test_little_of_a_photograph_is_compressed_by_zlib(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes six times as long as igzip."""
    needs_package("av")
    sizes = []
    original = deflate.packer_of

    class Counted:
        def __init__(self, recipe: Any) -> None:
            self.packer, self.counts = original(recipe), recipe.strategy != packers.ISAL
            self.flush = self.packer.flush

        def compress(self, data: Any) -> bytes:
            if self.counts:
                sizes.append(len(memoryview(data).cast("B")))
            return bytes(self.packer.compress(data))

    monkeypatch.setattr(deflate, "packer_of", Counted)
    frame = clip_frames(1)[0]
    deflate.compress(frame.reshape(len(frame), -1), 3, "fast")
    assert not sizes
    floats = np.cumsum(np.random.default_rng(5).normal(0, 10, (600, 900, 3)), axis=1)
    deflate.compress(np.clip(floats + 128, 0, 255).astype(np.uint8).reshape(600, -1), 3, "fast")
    assert 0 < sum(sizes) < 600 * 2700 / 50


def test_no_stream_is_made_that_would_be_larger_than_a_rival() -> None:
    rows = moire().reshape(240, -1)
    plain = deflate.compress(rows, 3, "fast")
    assert deflate.compress(rows, 3, "fast", rival=1.0) == plain
    assert deflate.compress(rows, 3, "fast", rival=0.5) == []


def test_a_stream_ends_where_it_is_known_to_be_larger(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 3000), np.uint8)
    monkeypatch.setattr(deflate, "MOST_AT_ONCE", 30_000)
    seen = []
    original = deflate.filtered
    monkeypatch.setattr(deflate, "filtered", lambda *given: seen.append(given[3]) or original(*given))
    assert deflate._cooked(noise, 3, packers.Recipe(0, 1), 300_000) == []
    assert len(seen) < 20
    assert len(deflate._cooked(noise, 3, packers.Recipe(0, 1), 1_000_000)) == 31


def test_a_whole_picture_is_compressed_once_in_each_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deflate, "_cooked", lambda *_: pytest.fail("the sample has the stream"))
    image = kinds(100, 100, 3)["soft"]
    stream = b"".join(deflate.compress(image.reshape(100, -1), 3, "fast"))
    assert len(zlib.decompress(stream)) == 100 * 301


def test_a_photograph_with_letters_that_its_sample_misses() -> None:
    rng = np.random.default_rng(4)
    photo = np.clip(np.cumsum(rng.normal(0, 4, (600, 900, 3)), axis=1) + 128, 0, 255).astype(np.uint8)
    sampled = deflate._Sample(photo.reshape(600, -1), 3, False, max(1 << 14, photo.size // 160))._bands
    hidden = np.ones((600, 1, 1), bool)
    for top, bottom in sampled:
        hidden[max(0, top - 1) : bottom] = False
    letters = text(600, 900, 13)
    assert not too_large({"letters": np.where(hidden & (letters < 250), letters, photo)})


def test_text_that_the_first_sample_misses() -> None:
    image = np.full((480, 1280, 3), 255, np.uint8)
    sampled = deflate._Sample(image.reshape(480, -1), 3, False, 1 << 14)._bands
    empty = {row for top, bottom in sampled for row in range(top - 1, bottom)}
    written = [row for row in range(480) if row not in empty]
    image[written] = text(len(written), 1280, 13)
    assert not too_large({"text": image})


def test_samples_at_uneven_distances() -> None:
    """At equal distances, all could be of the same part of a line of text."""
    bands = deflate._Sample(np.zeros((480, 1280), np.uint8), 1, False, 1 << 14, 3)._bands
    assert len({upper - lower for (lower, _), (upper, _) in pairwise(bands)}) > 1
    assert all(bottom - top == 3 for top, bottom in bands)
    assert 0 <= bands[0][0] < bands[-1][1] <= 480


def test_parts_of_photographs_and_their_copies_in_other_forms() -> None:
    needs_package("av")
    frame = clip_frames(1)[0]
    small = np.ascontiguousarray(frame[100:400, 200:700])
    wide = frame.astype(np.uint16)
    tiny = {
        f"{side} x {side}": np.ascontiguousarray(frame[300 : 300 + side, 300 : 300 + side]) for side in (1, 5, 40, 90)
    }
    assert not too_large(
        {
            "grey": frame[..., :1],
            "grey as RGB": np.repeat(small[..., :1], 3, axis=2),
            "tiny, grey as RGB": np.repeat(frame[:100, :100, :1], 3, axis=2),
            "screenshot": screenshot(frame),
            "screenshot of 480p": screenshot(np.ascontiguousarray(frame[:480, :854]), 15),
            "dithered": dithered(small),
            "widened": wide * 257,
            "widened, shifted": wide << 8,
            "widened, grey": wide[..., :1] * 257,
            "widened, text": text(300, 500, 13).astype(np.uint16) * 257,
            **tiny,
        }
    )


@pytest.mark.parametrize(("height", "width"), [(32, 32), (270, 480), (720, 1280)])
def test_gradients_of_16_bits(height: int, width: int) -> None:
    assert not too_large(wide_gradients(height, width))


@pytest.mark.parametrize(("height", "width"), [(48, 90), (270, 480), (540, 960)])
def test_steep_gradients_of_16_bits(height: int, width: int) -> None:
    """One filter leaves a few values, which is best with strings, and another leaves smaller ones."""
    down, across = np.mgrid[0:height, 0:width]
    steep = {
        "three slopes": [60 * across, 100 * down, 40 * (across + down)],
        "steeper": [68 * across, 120 * down, 257 * across + 3 * down],
        "sum": [60 * across, 100 * down, 60 * across + 100 * down],
        "grey": [13 * across + 77 * down],
        "grey, one way": [120 * down],
        "products": [across * down, across * down // 3, across * down // 7],
    }
    assert not too_large({name: np.stack(planes, -1).astype(np.uint16) for name, planes in steep.items()})


def test_motion_blur_of_16_bits() -> None:
    """Strings are worth looking for, of which libdeflate finds more than zlib in half of the time."""
    needs_package("av")
    weights = np.linspace(0.5, 1.5, 8) / 8
    blurred = sum(weight * frame for weight, frame in zip(weights, clip_frames(8), strict=True))
    image = (257 * np.asarray(blurred)[280:536, 700:956]).astype(np.uint16)
    assert len(encode(image).data) < 0.98 * zlib_size(image)


def test_zlib_tries_the_same_rows_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this picture, a filter for each row is the same one in all rows."""
    slope, noise = np.arange(300), np.random.default_rng(0).integers(0, 40, (300, 300))
    image = (np.add.outer(slope * 90, slope * 70) + noise).astype(np.uint16)
    rows = image.astype(">u2").view(np.uint8)
    tried: list[tuple[bytes, int, int]] = []
    original = packers.packer_of

    def noted(recipe: packers.Recipe) -> Any:
        packer = original(recipe)

        class Noted:
            flush = packer.flush

            def compress(self, data: Any) -> bytes:
                values = np.frombuffer(data, np.uint8).reshape(-1, rows.shape[1] + 1)[:, 1:]
                if recipe.strategy == 0:
                    tried.append((values.tobytes(), recipe.level, recipe.window_bits))
                return bytes(packer.compress(data))

        return Noted()

    monkeypatch.setattr(deflate, "packer_of", noted)
    assert len(set(deflate.filtered(rows, filters.ADAPTIVE, 2, [(0, len(rows))])[:, 0].tolist())) == 1
    deflate.compress(rows, 2, "fast", wide=True)
    assert tried
    assert len(tried) == len(set(tried))


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
    rows = np.ascontiguousarray(tiled(480, 854, 4)).reshape(480, -1)
    assert deflate._fast_for_large(deflate._Sample(rows, 4, False, 1 << 14)).level == 3


def test_patterns_that_igzip_loses_track_of_after_the_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    image = tiled(512, 512, 3)
    monkeypatch.setattr(deflate, "_fast_for_large", lambda _: packers.Recipe(0, 1))
    monkeypatch.setattr(deflate._Sample, "ratio", lambda *_: 0.001)
    assert len(encode(image).data) < 1.1 * pillow_size(image, compress_level=1)


@pytest.mark.parametrize("channels", [3, 4])
def test_grey_in_colours(channels: int) -> None:
    grain = np.random.default_rng(0).normal(128, 20, (300, 300, 1)).clip(0, 255).astype(np.uint8)
    image = np.repeat(grain, channels, axis=2)
    if channels == 4:
        image[..., 3] = 255
    assert len(encode(image).data) <= 1.02 * pillow_size(image, compress_level=1)


@pytest.mark.parametrize("shape", [(16, 16), (32, 32), (15, 130), (1, 1921), (200, 300)])
def test_noise_of_grey_in_colours(shape: tuple[int, int]) -> None:
    """igzip finds none of the equal bytes, zlib does."""
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 1), np.uint8)
    assert not too_large({"grey noise": np.repeat(noise, 3, axis=2)})


def test_small_does_not_depend_on_a_sample_that_deceives(monkeypatch: pytest.MonkeyPatch) -> None:
    image = kinds(60, 60, 3)["soft"]
    monkeypatch.setattr(deflate._Sample, "best", lambda *_: packers.Recipe(0, 9, 0))
    assert len(encode(image, "small").data) <= pillow_size(image, optimize=True)
