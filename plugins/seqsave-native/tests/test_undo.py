"""Row filters are undone as Pillow and code that is written as specified undo them, at every level of instructions."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from seqsave_native import _kernel
from tests.encoders.pictures import undone as by_the_book

from seqsave.encoders.png import decoder
from seqsave.errors import DecodeError

COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


pytestmark = pytest.mark.usefixtures("level")


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, depth: int, channels: int, lines: bytes, interlace: int = 0) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, COLOUR_TYPES[channels], 0, 0, interlace)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines, 1)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def lines_of(draw: Any, height: int, length: int) -> Any:
    """Filtered rows of any content with any mix of filters."""
    values = draw(st.sampled_from([256, 3]))  # small differences: near neighbours, and equal distances
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    filtered = (random.integers(0, values, (height, length + 1)) - values // 2).astype(np.uint8)
    filtered[:, 0] = draw(st.lists(st.integers(0, 4), min_size=height, max_size=height))
    return filtered


@st.composite
def pictures(draw: Any) -> tuple[int, int, int, Any]:
    """Width, channels, bytes of a sample, and filtered rows."""
    width, height = draw(st.integers(1, 70)), draw(st.integers(1, 40))
    channels, size = draw(st.integers(1, 4)), draw(st.sampled_from([1, 2]))
    return width, channels, size, lines_of(draw, height, width * channels * size)


def undone(filtered: Any, step: int, wide: bool) -> Any:
    height, length = filtered.shape[0], filtered.shape[1] - 1
    out = np.full((height, length), 99, np.uint8)
    _kernel.undo(filtered, out, height, length, step, wide)
    shared = filtered.reshape(-1).copy()
    rows = shared[: out.size].reshape(out.shape)
    _kernel.undo(shared, rows, height, length, step, wide)
    np.testing.assert_array_equal(rows, out)
    return out


@settings(max_examples=300, deadline=None)
@given(pictures())
def test_every_mix_of_filters_as_specified(picture: tuple[int, int, int, Any]) -> None:
    _, channels, size, filtered = picture
    wanted = by_the_book(filtered, channels * size)
    found = undone(filtered, channels * size, wide=size == 2)
    if size == 2:
        np.testing.assert_array_equal(found.view(np.uint16), wanted.view(">u2"))
    else:
        np.testing.assert_array_equal(found, wanted)


@settings(max_examples=150, deadline=None)
@given(pictures())
def test_files_as_pillow_reads_them(picture: tuple[int, int, int, Any]) -> None:
    width, channels, size, filtered = picture
    data = png(width, len(filtered), 8 * size, channels, filtered.tobytes())
    found = decoder.decode(data, max_pixels=10**6).array
    assert found.shape == (len(filtered), width, channels)
    assert found.dtype.itemsize == size
    with Image.open(io.BytesIO(data)) as image:
        if size == 1:
            assert image.mode == MODES[channels]
            np.testing.assert_array_equal(found, np.asarray(image).reshape(found.shape))
        elif channels == 1:
            np.testing.assert_array_equal(found[..., 0], np.asarray(image))
        else:  # Pillow keeps the upper 8 bits
            high = np.asarray(image.convert(MODES[channels])).reshape(found.shape)
            np.testing.assert_array_equal(found >> 8, high)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [1, 2])
def test_interlaced_files(channels: int, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(channels)
    for height, width in [(1, 1), (3, 2), (8, 8), (37, 53)]:
        lines = []
        for left, top, across, down in decoder._ADAM7:
            columns, rows = -(-(width - left) // across), -(-(height - top) // down)
            if columns > 0 and rows > 0:
                part = random.integers(0, 256, (rows, columns * channels * size + 1), dtype=np.uint8)
                part[:, 0] %= 5
                lines.append(part.tobytes())
        data = png(width, height, 8 * size, channels, b"".join(lines), interlace=1)
        found = decoder.decode(data, max_pixels=10**6).array
        with monkeypatch.context() as patch:
            patch.setattr(decoder, "kernel", lambda: None)
            np.testing.assert_array_equal(found, decoder.decode(data, max_pixels=10**6).array)


def outcome(data: bytes) -> Any:
    try:
        array = decoder.decode(data, max_pixels=10**4).array
    except DecodeError as error:
        return str(error)
    return array.dtype, array.shape, array.tobytes()


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_hostile_streams_as_without_the_extension(data: Any) -> None:
    """Truncated, with filters that do not exist, or with more or fewer bytes than the header says."""
    width, height = data.draw(st.integers(1, 20)), data.draw(st.integers(1, 20))
    channels, depth = data.draw(st.integers(1, 4)), data.draw(st.sampled_from([8, 16]))
    lines = lines_of(data.draw, height, width * channels * depth // 8)
    if data.draw(st.booleans()):
        lines[data.draw(st.integers(0, height - 1)), 0] = data.draw(st.integers(0, 255))
    stream = lines.tobytes()
    if data.draw(st.booleans()):
        stream = stream[: data.draw(st.integers(0, len(stream)))] + bytes(data.draw(st.integers(0, 30)))
    file = png(width, height, depth, channels, stream, data.draw(st.sampled_from([0, 0, 1])))
    with pytest.MonkeyPatch.context() as patch:
        found = outcome(file)
        patch.setattr(decoder, "kernel", lambda: None)
        assert found == outcome(file)


@pytest.mark.parametrize("bad", [5, 6, 128, 255])
@pytest.mark.parametrize("row", [0, 15, 16, 39])
def test_filters_that_do_not_exist(bad: int, row: int) -> None:
    filtered = np.zeros((40, 7), np.uint8)
    filtered[row, 0] = bad
    with pytest.raises(ValueError, match=f"row filter {bad} does not exist"):
        undone(filtered, 3, wide=False)


LARGEST = 2**63 - 1


@pytest.mark.parametrize(
    ("sizes", "part"),
    [
        ((4, 6, 3, False), "24 filtered bytes and 24 bytes for the result are not 4 rows of 6 bytes"),
        ((3, 7, 7, False), "not made of pixels of 7 bytes"),
        ((3, 7, 0, False), "not made of pixels of 0 bytes"),
        ((3, 7, -1, False), "not made of pixels of -1 bytes"),
        ((3, 7, 2, False), "rows of 7 bytes are not made of pixels of 2 bytes"),
        ((3, 6, 3, True), "not made of pixels of 3 bytes"),
        ((3, 6, 6, False), "not made of pixels of 6 bytes"),
        ((0, 7, 1, False), "are not 0 rows"),
        ((-3, 7, 1, False), "are not -3 rows"),
        ((3, 0, 1, False), "rows of 0 bytes"),
        ((3, -8, 1, False), "rows of -8 bytes"),
        ((3, LARGEST, 1, False), "are not 3 rows"),
        ((LARGEST, 7, 1, False), f"are not {LARGEST} rows"),
        ((2**61, 7, 1, False), "rows of 7 bytes"),
        ((2, 7, 1, False), "are not 2 rows"),
        ((4, 7, 1, False), "are not 4 rows"),
    ],
)
def test_sizes_that_do_not_fit(sizes: tuple[int, int, int, bool], part: str) -> None:
    with pytest.raises(ValueError, match=part):
        _kernel.undo(bytes(24), bytearray(24), *sizes)


def test_results_that_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="24 filtered bytes and 20 bytes"):
        _kernel.undo(bytes(24), bytearray(20), 3, 7, 1, False)
    with pytest.raises((TypeError, BufferError)):
        _kernel.undo(bytes(24), bytes(21), 3, 7, 1, False)
    with pytest.raises((ValueError, TypeError, BufferError)):
        _kernel.undo(bytes(24), np.zeros((3, 14), np.uint8)[:, ::2], 3, 7, 1, False)
    shared = np.zeros(44, np.uint8)
    with pytest.raises(ValueError, match="within the memory of the filtered rows"):
        _kernel.undo(shared[:24], shared[23:], 3, 7, 1, False)


@pytest.mark.parametrize("kind", ["photograph", "strings"])
@pytest.mark.parametrize("size", [1, 2])
def test_a_picture_is_in_memory_once(kind: str, size: int) -> None:
    random = np.random.default_rng(1)
    lines = random.geometric(0.1, (600, 1 + 900 * size)).astype(np.uint8)
    lines[:, 0] = 4
    if kind == "strings":
        lines[1:] = lines[0]
    data = png(300 if size == 1 else 900, 600, 8 * size, 3 if size == 1 else 1, lines.tobytes())
    tracemalloc.start()
    picture = decoder.decode(data, max_pixels=10**6).array
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.1 * picture.nbytes
    picture[0, 0] = 1


def test_threads_at_the_same_time() -> None:
    random = np.random.default_rng(0)
    filtered = random.integers(0, 256, (400, 3001), dtype=np.uint8)
    filtered[:, 0] %= 5
    wanted = by_the_book(filtered, 3)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: undone(filtered, 3, wide=False), range(16)):
            np.testing.assert_array_equal(found, wanted)
