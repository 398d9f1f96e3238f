"""Files by the extension: their pixels as other programs read them, their size, and which pictures it is used for."""

from __future__ import annotations

import io
import itertools
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from seqsave_native import _kernel

from pictures import kinds, photograph
from seqsave.encoders.png import native
from seqsave.encoders.png.encoder import PngEncoder
from seqsave.encoders.png.filters import PAETH, UP, filter_rows
from seqsave.testing import outside
from seqsave.types import FrameInfo

FILTERS, KINDS = range(5), range(6)
TEXTS = {"prompt": "a lake", "workflow": '{"nodes": ["\u2603"]}'}


@pytest.fixture(autouse=True)
def best_level() -> Iterator[None]:
    yield
    _kernel.set_level(_kernel.levels()[-1])


def encode(image: Any, compression: str = "fast") -> bytes:
    options = {"compression": compression}
    return bytes(PngEncoder().encode(image, metadata=TEXTS, options=options, info=FrameInfo(index=0)).data)


def arguments(image: Any) -> tuple[Any, ...]:
    height, width, channels = image.shape
    step = channels * image.itemsize
    return np.ascontiguousarray(image), height, width * step, step, image.itemsize == 2


def as_rows(image: Any) -> Any:
    """Return the bytes of rows as they are in a PNG file."""
    return np.ascontiguousarray(image, ">u2" if image.itemsize == 2 else None).view(np.uint8).reshape(len(image), -1)


def check(image: Any, row_filter: int) -> None:
    """Compress at every level, and compare what zlib makes of it with the filtered picture."""
    for grey in (False, True) if image.shape[2] == 3 else (False,):
        check_stream(image, row_filter, grey)


def check_stream(image: Any, row_filter: int, grey: bool) -> None:
    streams = set()
    for level in _kernel.levels():
        _kernel.set_level(level)
        streams.add(bytes(memoryview(_kernel.deflate(*arguments(image), row_filter, grey))))
    (stream,) = streams
    rows, step = as_rows(image), image.shape[2] * image.itemsize
    filtered = np.frombuffer(zlib.decompress(stream), np.uint8).reshape(len(rows), -1)
    same = filtered[:, 0] == filter_rows(rows, row_filter, step)[:, 0]
    assert np.array_equal(filtered[same], filter_rows(rows, row_filter, step)[same])
    assert np.array_equal(filtered[~same], filter_rows(rows, UP, step)[~same])
    assert grey or same.all()


@st.composite
def images(draw: Callable[..., Any]) -> Any:
    """Pictures of any shape, with few or many values, runs, gradients and noise in any mix."""
    height, width = draw(st.integers(1, 60)), draw(st.integers(1, 60))
    channels = draw(st.integers(1, 4))
    dtype = draw(st.sampled_from((np.uint8, np.uint16)))
    random = np.random.default_rng(draw(st.integers(0, 1 << 30)))
    most = draw(st.sampled_from((1, 2, 3, 60, 130, 256, 65536)))
    values = random.integers(0, most, (height, width, channels))
    for kind in draw(st.lists(st.sampled_from(("runs", "ramp", "hold", "rare", "copy")), max_size=3)):
        if kind == "runs":
            values = np.where(random.random(values.shape) < 0.95, values.flat[0], values)
        elif kind == "ramp":
            values = values + np.arange(width)[:, None] * 3 + np.arange(height)[:, None, None]
        elif kind == "hold":
            values = values.repeat(draw(st.integers(2, 40)), axis=1)[:, :width]
        elif kind == "rare":
            values = np.where(random.random(values.shape) < 0.01, random.integers(0, 65536, values.shape), values)
        else:
            values[1:] = values[:-1].copy()
    return values.astype(dtype)


@given(image=images(), row_filter=st.sampled_from(KINDS))
@settings(max_examples=500)
def test_any_picture_comes_back(image: Any, row_filter: int) -> None:
    check(image, row_filter)


@pytest.mark.parametrize("row_filter", KINDS)
@pytest.mark.parametrize("name", kinds())
def test_kinds_of_pictures_come_back(name: str, row_filter: int) -> None:
    check(kinds()[name], row_filter)


@pytest.mark.parametrize("row_filter", KINDS)
@pytest.mark.parametrize(
    "shape", [(1, 1 << 17, 3), (1, (1 << 17) + 5, 1), (1 << 15, 1, 4), (3, 90_001, 2), (700, 700, 1)]
)
def test_rows_and_blocks_of_any_length_come_back(shape: tuple[int, ...], row_filter: int) -> None:
    random = np.random.default_rng(1)
    image = random.integers(0, 40, shape, np.uint8)
    image[:, : shape[1] // 3] = 7
    check(image, row_filter)
    check(random.integers(0, 256, shape, np.uint8), row_filter)


@given(run=st.integers(1, 1100), before=st.integers(0, 20), after=st.integers(0, 20), value=st.integers(0, 255))
@settings(max_examples=300)
def test_runs_of_any_length_come_back(run: int, before: int, after: int, value: int) -> None:
    random = np.random.default_rng(run)
    noise = random.integers(0, 256, before + after, np.uint8)
    row = np.concatenate([noise[:before], np.full(run, value, np.uint8), noise[before:]])
    check(row[None, :, None], 0)


def test_runs_that_the_sample_did_not_show_come_back() -> None:
    """The codes of a block are made from the first of every eight KiB."""
    rows = np.random.default_rng(2).integers(0, 256, (1 << 20) // 1024, np.uint8)[:, None].repeat(1024, axis=1)
    for start in range(0, len(rows), 8):
        rows[start : start + 2] = np.random.default_rng(start).integers(0, 60, (len(rows[start : start + 2]), 1024))
    check(rows[:, :, None], 0)


@pytest.mark.parametrize("name", kinds())
def test_other_programs_read_the_same_pixels(name: str) -> None:
    image = kinds()[name]
    data = encode(image)
    order = {1: [0], 2: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[image.shape[2]]
    read = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if image.shape[2] != 2:  # which OpenCV makes four of
        assert np.array_equal(read.reshape(image.shape)[..., order], image)
    if image.dtype == np.uint8:
        with Image.open(io.BytesIO(data)) as picture:
            assert np.array_equal(np.asarray(picture).reshape(image.shape), image)
            assert picture.text == TEXTS
    assert "OK:" in outside.run("pngcheck", "{}", data=data, suffix=".png", install="apt-get install pngcheck")
    assert np.array_equal(PngEncoder().decode(data, max_pixels=1 << 24).array, image)


@pytest.mark.parametrize("row_filter", KINDS)
def test_any_filter_may_be_the_best_for_grey_pixels(row_filter: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also Up, the one that is compared with strings."""
    image = kinds()["grey as RGB"]
    ratios = tuple(0.5 if kind == row_filter else 0.9 for kind in KINDS)
    monkeypatch.setattr(native, "kernel", lambda: _With(survey=lambda *_: ratios))
    assert np.array_equal(PngEncoder().decode(encode(image), max_pixels=1 << 24).array, image)


class _With:
    """The extension with other functions."""

    def __init__(self, **functions: Any) -> None:
        self.__dict__ = {name: getattr(_kernel, name) for name in dir(_kernel)} | functions


@given(image=images())
@settings(max_examples=100)
def test_a_picture_has_the_same_pixels_without_the_extension(image: Any) -> None:
    big = np.tile(image, (-(-300 // image.shape[0]), -(-300 // image.shape[1]), 1))
    with pytest.MonkeyPatch.context() as patch:
        one = encode(big)
        patch.setattr(native, "kernel", lambda: None)
        other = encode(big)
    decoder = PngEncoder()
    first, second = (decoder.decode(data, max_pixels=1 << 24) for data in (one, other))
    assert np.array_equal(first.array, big)
    assert np.array_equal(second.array, big)
    assert (first.metadata, first.info) == (second.metadata, second.info)


@pytest.mark.parametrize("change", ["reversed", "strided", "transposed", "big endian", "read-only"])
def test_arrays_of_any_layout_come_back(change: str) -> None:
    image = (65535 * photograph(200, 300)).astype(np.uint16)
    changed: dict[str, Callable[[], Any]] = {
        "reversed": lambda: image[::-1, :, ::-1],
        "strided": lambda: image[::2, 3:],
        "transposed": lambda: image.transpose(1, 0, 2),
        "big endian": lambda: image.astype(">u2"),
        "read-only": lambda: np.frombuffer(image.tobytes(), np.uint16).reshape(image.shape),
    }
    view = changed[change]()
    assert np.array_equal(PngEncoder().decode(encode(view), max_pixels=1 << 24).array, view)


def test_threads_encode_at_the_same_time() -> None:
    pictures = [image for name, image in kinds().items() if "photograph" in name]
    alone = [encode(image) for image in pictures]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(encode, pictures * 6)) == alone * 6


# --- which pictures, and their sizes --------------------------------------------------------------------------------


def is_used(image: Any, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Return whether the extension's stream is in the file."""
    made = []
    original = native.compressed
    monkeypatch.setattr(native, "compressed", lambda *given: made.append(original(*given)) or made[-1])
    encode(image)
    return not isinstance(made[0], list)


PHOTOGRAPHS = [
    "video",
    "grey as RGB",
    "half grey",
    "photograph",
    "grain",
    "opaque",
    "cut out",
    "grey",
    "grey, opaque",
    "16 bits, photograph",
    "16 bits, grey",
]
OTHERS = ["flat", "drawn", "gradient", "text", "tiles", "tiny", "few colours", "16 bits, gradient", "16 bits, flat"]


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_photographs_are_encoded_by_the_extension(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_used(kinds()[name], monkeypatch)


@pytest.mark.parametrize("name", OTHERS)
def test_pictures_with_repeated_strings_are_not(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_used(kinds()[name], monkeypatch)


def test_other_compressions_are_those_of_the_core(monkeypatch: pytest.MonkeyPatch) -> None:
    image = kinds()["photograph"][:100, :200]
    with_it = [encode(image, compression) for compression in ("balanced", "small")]
    monkeypatch.setattr(native, "kernel", lambda: None)
    assert [encode(image, compression) for compression in ("balanced", "small")] == with_it


def reference(image: Any) -> int:
    """Return the size of Pillow's file of level 1; for 16 bits, of zlib's level 1 after the best filter."""
    if image.dtype == np.uint16:
        rows, step = as_rows(image), 2 * image.shape[2]
        return min(len(zlib.compress(filter_rows(rows, kind, step).data, 1)) for kind in FILTERS)
    file = io.BytesIO()
    Image.fromarray(image if image.shape[2] > 1 else image[..., 0]).save(file, "PNG", compress_level=1)
    return file.tell()


SHAPES = {"small": (240, 320), "large": (1080, 1440)}


@pytest.mark.parametrize(("shape", "name"), list(itertools.product(SHAPES, kinds())))
def test_no_file_is_much_larger_than_by_pillow(shape: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    image = kinds(*SHAPES[shape])[name]
    usual, texts = reference(image), len(encode(image[:1, :1]))
    most = texts + max(1.02 * usual, usual + 0.001 * image.nbytes)
    assert len(encode(image)) <= most
    monkeypatch.setattr(native, "kernel", lambda: None)
    assert len(encode(image)) <= most


@pytest.mark.parametrize("lengths", [(3000,), (5000,), (3000, 5000, 9000)])
def test_waves_of_16_bits_are_no_photographs(lengths: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """As rough as photographs for single bytes, but zlib finds strings."""
    down, across = np.mgrid[0:540, 0:960]
    waves = [32767 + 32000 * np.sin(across * down / length) for length in lengths]
    image = np.stack(waves, axis=-1).astype(np.uint16)
    assert len(encode(image)) < 1.02 * reference(image) + len(encode(image[:1, :1]))
    assert not is_used(image, monkeypatch)


@pytest.mark.parametrize("name", ["video", "grey as RGB", "16 bits, soft grey as RGB"])
def test_grey_pixels_are_found(name: str) -> None:
    """Nearly as small as is expected of a sample; most rows of a video that have the colour of the one above use Up."""
    image = kinds()[name]
    plain, grey = (_kernel.deflate(*arguments(image), PAETH, grey) for grey in (False, True))
    assert len(grey) < 0.9 * len(plain)
    sampled = _kernel.survey_grey(*arguments(image), PAETH, 1 << 17)
    assert sampled == pytest.approx(len(grey) / image.nbytes, rel=0.05)
    if name == "video":
        used = np.frombuffer(zlib.decompress(grey), np.uint8).reshape(len(image), -1)[:, 0]
        assert (used[1::2] == UP).mean() > 0.9
        assert (used[2::2] == PAETH).mean() > 0.9


def test_a_photograph_is_not_looked_at_for_grey_pixels() -> None:
    assert _kernel.survey_grey(*arguments(kinds()["photograph"]), PAETH, 1 << 17) == 1


@pytest.mark.parametrize("name", ["photograph", "opaque"])
def test_strings_of_a_photograph_are_looked_for_after_one_filter(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []
    monkeypatch.setattr(
        native, "kernel", lambda: _With(sample=lambda *given: looked.append(given) or _kernel.sample(*given))
    )
    encode(kinds(1080, 1440)[name])
    assert len(looked) == 1


def test_a_picture_unlike_its_sample_is_compressed_in_the_other_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Smooth rows where the sample looks, and a text, which is much smaller as strings, everywhere else."""
    image = kinds(1080, 1440)["text"].copy()
    chosen = native._choice(_kernel, arguments(kinds(1080, 1440)["photograph"]))
    assert chosen is not None
    monkeypatch.setattr(native, "_choice", lambda *_: chosen._replace(expected=0.01))
    assert not is_used(image, monkeypatch)
    monkeypatch.setattr(native, "_choice", lambda *_: chosen)
    assert is_used(image, monkeypatch)


# --- arguments -------------------------------------------------------------------------------------------------------

GOOD = (bytes(24), 2, 12, 3, False)
BAD = [
    (bytes(23), 2, 12, 3, False),
    (bytes(25), 2, 12, 3, False),
    (bytes(24), 0, 12, 3, False),
    (bytes(24), -2, -12, 3, False),
    (bytes(24), 2, 12, 5, False),
    (bytes(24), 2, 12, 0, False),
    (bytes(24), 2, 12, -3, False),
    (bytes(24), 2, 12, 3, True),
    (bytes(24), 2, 12, 8, True),
    (b"", 0, 0, 1, False),
    (bytes(24), 1 << 62, 1 << 62, 1, False),
    (bytes(24), 1 << 20, 1 << 20, 1, False),
]


@pytest.mark.parametrize("bad", BAD)
def test_sizes_that_do_not_fit_are_errors(bad: tuple[Any, ...]) -> None:
    for call in (
        lambda: _kernel.deflate(*bad, 0, False),
        lambda: _kernel.survey_grey(*bad, 0, 100),
        lambda: _kernel.sample(*bad, 0, 100, 0),
        lambda: _kernel.survey(*bad, 100, 63),
    ):
        with pytest.raises(ValueError, match="rows"):
            call()


@given(image=images(), data=st.data())
def test_rows_are_filtered_as_by_the_core(image: Any, data: st.DataObject) -> None:
    rows, step = as_rows(image), image.shape[2] * image.itemsize
    top = data.draw(st.integers(0, len(rows) - 1))
    bottom = data.draw(st.integers(top + 1, len(rows)))
    for kind in range(7):
        expected = filter_rows(rows, kind, step, top, bottom)
        for level in _kernel.levels():
            _kernel.set_level(level)
            assert np.array_equal(native.filtered(rows, kind, step, [(top, bottom)]), expected)


@pytest.mark.parametrize("side", [5, 40, 64, 90, 130, 200])
def test_parts_of_pictures_are_no_larger_either(side: int) -> None:
    texts = len(encode(np.zeros((1, 1, 3), np.uint8)))
    for name, image in kinds().items():
        if len(image) < 300:
            continue
        part = np.ascontiguousarray(image[100 : 100 + side, 50 : 50 + side])
        usual = reference(part)
        assert len(encode(part)) - texts <= max(1.02 * usual, usual + 0.001 * part.nbytes), name


ROWS = (bytes(24), bytearray(26), 12, 3, 0, 2, 4)


@pytest.mark.parametrize(
    ("place", "wrong"), [(0, bytes(23)), (1, bytearray(25)), (2, 0), (2, 11), (2, -12), (3, 0), (3, 5), (3, 9)]
)
def test_rows_that_do_not_fit_are_errors(place: int, wrong: Any) -> None:
    _kernel.filter_rows(*ROWS)
    with pytest.raises(ValueError, match="rows"):
        _kernel.filter_rows(*ROWS[:place], wrong, *ROWS[place + 1 :])


@pytest.mark.parametrize(("top", "bottom"), [(-1, 1), (1, 3), (2, 0), (0, 1), (1 << 62, 1 << 62)])
def test_rows_that_are_not_in_the_picture_are_errors(top: int, bottom: int) -> None:
    with pytest.raises(ValueError, match="rows"):
        _kernel.filter_rows(*ROWS[:4], top, bottom, 0)


def test_rows_are_not_filtered_into_their_own_memory() -> None:
    memory = bytearray(50)
    with memoryview(memory) as view, pytest.raises(ValueError, match="in the memory"):
        _kernel.filter_rows(view[:24], view[20:46], 12, 3, 0, 2, 0)


@pytest.mark.parametrize("row_filter", [-1, 7, 1 << 20])
def test_unknown_filters_are_errors(row_filter: int) -> None:
    with pytest.raises(ValueError, match="row filter"):
        _kernel.filter_rows(*ROWS[:6], row_filter)
    with pytest.raises(ValueError, match="row filter"):
        _kernel.deflate(*GOOD, 6, False)
    with pytest.raises(ValueError, match="row filter"):
        _kernel.deflate(*GOOD, row_filter, False)
    with pytest.raises(ValueError, match="row filter"):
        _kernel.survey_grey(*GOOD, row_filter, 100)
    with pytest.raises(ValueError, match="row filter"):
        _kernel.sample(*GOOD, row_filter, 100, 0)


@pytest.mark.parametrize(("step", "wide"), [(1, False), (2, False), (4, False), (2, True), (4, True), (8, True)])
def test_other_pixels_are_not_looked_at_for_grey_ones(step: int, wide: bool) -> None:
    arguments = (bytes(24), 1, 24, step, wide)
    with pytest.raises(ValueError, match="not those of RGB"):
        _kernel.deflate(*arguments, 0, True)
    with pytest.raises(ValueError, match="not those of RGB"):
        _kernel.survey_grey(*arguments, 0, 100)


@pytest.mark.parametrize("wrong", [("text",), (None,), (memoryview(bytes(24))[::2],)])
def test_what_is_no_buffer_of_bytes_is_an_error(wrong: tuple[Any, ...]) -> None:
    with pytest.raises((TypeError, BufferError)):
        _kernel.deflate(*wrong, *GOOD[1:], 0, False)


def test_a_stream_is_a_buffer_that_cannot_be_changed() -> None:
    stream = _kernel.deflate(*GOOD, 0, False)
    with memoryview(stream) as view:
        assert view.readonly
        assert view.nbytes == len(stream)
    assert stream.between(b"head", b"tail") == b"head" + bytes(stream) + b"tail"
    with pytest.raises(TypeError):
        stream.between(bytearray(b"head"), b"tail")
    with pytest.raises(TypeError):
        type(stream)()


@pytest.mark.parametrize("size", [-5, 0, 1, 1 << 40])
def test_a_sample_has_rows_of_the_picture(size: int) -> None:
    image = kinds()["photograph"]
    filtered = np.frombuffer(_kernel.sample(*arguments(image), 0, size, 0), np.uint8).reshape(
        -1, 1 + 3 * image.shape[1]
    )
    rows = {row.tobytes() for row in as_rows(image)}
    assert {row[1:].tobytes() for row in filtered} <= rows
    assert len(filtered) >= 12
    every = _kernel.survey(*arguments(image), size, 0b111111)
    assert len(every) == 6
    assert _kernel.survey(*arguments(image), size, 0b010010) == (1, every[1], 1, 1, every[4], 1)
    assert _kernel.survey(*arguments(image), size, 0b100000) == (1, 1, 1, 1, 1, every[5])


def test_levels_have_names() -> None:
    assert _kernel.levels()[0] == "portable"
    assert _kernel.level() == _kernel.levels()[-1]
    with pytest.raises(ValueError, match="no level 'avx1024'"):
        _kernel.set_level("avx1024")
