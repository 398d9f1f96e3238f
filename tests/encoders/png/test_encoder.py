from __future__ import annotations

import io
import json
import struct
import subprocess
import threading
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from seqsave.encoders.png import deflate, encoder
from seqsave.encoders.png.encoder import PngEncoder
from seqsave.types import FrameInfo
from tests.encoders.pictures import by_libspng
from tests.encoders.png.streams import COMPRESSIONS, encode
from tests.support.needs import needs_package, needs_program

if TYPE_CHECKING:
    from pathlib import Path

PICTURES = st.tuples(
    st.sampled_from([np.uint8, np.uint16]),
    st.tuples(st.integers(1, 40), st.integers(1, 40), st.integers(1, 4)),
    st.sampled_from([1, 3, 256, 65536]),
    st.integers(0, 2**32 - 1),
).map(lambda given: drawn(*given)) | st.sampled_from([np.uint8, np.uint16]).flatmap(
    lambda dtype: hnp.arrays(dtype, st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 4)))
)


def drawn(dtype: Any, shape: tuple[int, int, int], values: int, seed: int) -> Any:
    """Noise, or a slope with a little noise, or few values: what the row filters and deflate treat differently."""
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, min(values, np.iinfo(dtype).max + 1), shape, dtype=dtype)
    slope = np.arange(np.prod(shape)).reshape(shape) * int(rng.integers(0, 5))
    return (noise + slope.astype(dtype)).astype(dtype)


def by_pillow(data: bytes) -> Any:
    with Image.open(io.BytesIO(data)) as picture:
        array = np.asarray(picture)
    return array.reshape(*array.shape[:2], -1)


def by_opencv(data: bytes, channels: int) -> Any:
    picture = needs_package("cv2").imdecode(np.frombuffer(data, np.uint8), -1)
    picture = picture.reshape(*picture.shape[:2], -1)
    return picture[..., {1: [0], 2: [0, 3], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[channels]]


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Kinds and contents, every length and checksum looked at."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    found, position = [], 8
    while position < len(data):
        (length,) = struct.unpack_from(">I", data, position)
        kind, content = data[position + 4 : position + 8], data[position + 8 : position + 8 + length]
        assert data[position + 8 + length : position + 12 + length] == struct.pack(">I", zlib.crc32(kind + content))
        found.append((kind, content))
        position += 12 + length
    return found


# --- pixels ---------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(PICTURES, st.sampled_from(COMPRESSIONS))
def test_three_foreign_decoders_see_the_same_pixels(image: Any, compression: str) -> None:
    before = image.copy()
    data = bytes(encode(image, compression).data)
    assert np.array_equal(image, before)
    if image.dtype == np.uint8 or image.shape[2] == 1:  # Pillow cuts 16-bit colours to 8
        assert np.array_equal(by_pillow(data), image)
    if image.dtype == np.uint8 or image.shape[2] != 2:  # OpenCV reads 16-bit grey with alpha as opaque colours
        assert np.array_equal(by_opencv(data, image.shape[2]), image)
    foreign = by_libspng(data, image.shape[2])
    assert foreign.dtype == image.dtype
    assert np.array_equal(foreign, image)
    ours = PngEncoder().decode(data, max_pixels=image.shape[0] * image.shape[1]).array
    assert ours.dtype == image.dtype
    assert np.array_equal(ours, image)


@settings(deadline=None, max_examples=30)
@given(PICTURES, st.sampled_from(COMPRESSIONS))
def test_stream_holds_the_rows_and_nothing_else(image: Any, compression: str) -> None:
    found = chunks(bytes(encode(image, compression).data))
    height, width, channels = image.shape
    assert [kind for kind, _ in found] == [b"IHDR", b"IDAT", b"IEND"]
    depth, colour = 8 * image.dtype.itemsize, {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    assert found[0][1] == struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    assert len(zlib.decompress(found[1][1])) == height * (1 + width * channels * image.dtype.itemsize)


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pngcheck_finds_no_fault(dtype: Any, compression: str, tmp_path: Path) -> None:
    program = needs_program("pngcheck")
    paths = []
    for channels in (1, 2, 3, 4):
        for height, width in [(1, 1), (1, 300), (300, 1), (37, 53)]:
            path = tmp_path / f"{channels}_{height}x{width}.png"
            image = drawn(dtype, (height, width, channels), 65536, seed=height)
            texts = {"prompt": "{}", "workflow": json.dumps({"title": "é"}), "title": "日本 🎬", "latin": "é"}
            path.write_bytes(encode(image, compression, **texts).data)
            paths.append(path)
    done = subprocess.run([program, "-v", *paths], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("No errors detected") == len(paths), done.stdout


def test_other_byte_orders_and_strides_are_taken() -> None:
    image = drawn(np.uint16, (5, 6, 3), 65536, 1)
    expected = bytes(encode(image).data)
    assert bytes(encode(image.astype(image.dtype.newbyteorder("S"))).data) == expected
    assert bytes(encode(np.asfortranarray(image)).data) == expected
    small = drawn(np.uint8, (5, 6, 3), 256, 1)
    assert bytes(encode(np.asfortranarray(small)).data) == bytes(encode(small).data)


def test_pixel_data_longer_than_a_chunk_goes_into_several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "_LONGEST_CHUNK", 90_000)
    monkeypatch.setattr(deflate, "MOST_AT_ONCE", 30_000)
    image = drawn(np.uint8, (200, 200, 3), 256, 1)
    data = bytes(encode(image).data)
    found = chunks(data)
    assert {kind for kind, _ in found[1:-1]} == {b"IDAT"}
    assert len(found) > 3
    assert max(len(content) for _, content in found) <= 90_000
    assert np.array_equal(by_pillow(data), image)
    assert np.array_equal(PngEncoder().decode(data, max_pixels=40_000).array, image)


def test_threads_do_not_meet() -> None:
    encoder = PngEncoder()
    images = [drawn(dtype, (60, 70, 3), values, 3) for dtype in (np.uint8, np.uint16) for values in (1, 16, 256)]
    expected = [bytes(encode(image).data) for image in images]
    results: dict[int, list[bytes]] = {number: [] for number in range(len(images))}

    def work(number: int) -> None:
        for _ in range(10):
            done = encoder.encode(images[number], metadata={}, options={}, info=FrameInfo(index=0))
            assert np.array_equal(encoder.decode(bytes(done.data), max_pixels=4200).array, images[number])
            results[number].append(bytes(done.data))

    threads = [threading.Thread(target=work, args=(number,)) for number in results]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: [expected[number]] * 10 for number in results}


# --- sizes ----------------------------------------------------------------------------------------------------------


# --- texts ----------------------------------------------------------------------------------------------------------

NAMES = st.text(st.characters(max_codepoint=0x17F), min_size=1, max_size=8) | st.text(max_size=5)
TEXTS = st.text(max_size=30) | st.sampled_from(["", "é", "日本", "🎬", "a\nb", "\x80\x9f", "nul\0", "\ud800"])


@given(st.dictionaries(NAMES, TEXTS, max_size=4))
def test_texts_are_inside_or_left_over(metadata: dict[str, str]) -> None:
    encoded = encode(np.zeros((1, 1, 1), np.uint8), **metadata)
    data = bytes(encoded.data)
    inside = dict(PngEncoder().decode(data, max_pixels=1).metadata)
    assert inside | encoded.leftover == metadata
    assert not set(inside) & set(encoded.leftover)
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.text == inside  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["", "x" * 80, " a", "a ", "a  b", "日本", "a\nb", "a\0b", "a\x7f", "a\xa0b"])
def test_names_that_png_cannot_hold_are_left_over(name: str) -> None:
    encoded = encode(np.zeros((1, 1, 1), np.uint8), **{name: "text", "kept": "text"})
    assert encoded.leftover == {name: "text"}
    assert PngEncoder().decode(bytes(encoded.data), max_pixels=1).metadata == {"kept": "text"}


def test_texts_stand_before_the_pixels_and_are_never_compressed() -> None:
    workflow = json.dumps({"nodes": ["🎬" * 1000]})
    encoded = encode(np.zeros((2, 2, 3), np.uint8), prompt=workflow, **{"x" * 79: "é", "title": "日本 🎬"})
    found = chunks(bytes(encoded.data))
    assert [kind for kind, _ in found] == [b"IHDR", b"tEXt", b"tEXt", b"iTXt", b"IDAT", b"IEND"]
    assert found[1][1] == b"prompt\0" + workflow.encode("ascii")
    assert found[2][1] == b"x" * 79 + b"\0" + "é".encode("latin-1")
    assert found[3][1] == b"title\0\0\0\0\0" + "日本 🎬".encode()
    assert not encoded.leftover
