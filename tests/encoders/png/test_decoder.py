from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from seqsave.encoders.png import decoder
from seqsave.encoders.png.decoder import decode
from seqsave.encoders.png.encoder import PngEncoder
from seqsave.errors import DecodeError
from tests.encoders.pictures import MODES, by_libspng, chunk, interlaced, kinds, png, scanlines
from tests.support.needs import needs_package

COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
RNG = np.random.default_rng(0)


def decoded(data: bytes, max_pixels: int = 10**6) -> Any:
    return decode(data, max_pixels=max_pixels).array


def by_hand(array: Any, row_filters: Any, *between: tuple[bytes, bytes], interlace: bool = False) -> bytes:
    height, width, channels = array.shape
    lines = interlaced(array, row_filters) if interlace else scanlines(array, row_filters)
    header = (width, height, 8 * array.dtype.itemsize, COLOUR_TYPES[channels], int(interlace))
    return png(header, zlib.compress(lines), *between)


def noise(dtype: Any, height: int, width: int, channels: int) -> Any:
    return RNG.integers(0, np.iinfo(dtype).max + 1, (height, width, channels), dtype=dtype)


# --- files that others wrote ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("extension", [False, True])
@pytest.mark.parametrize("interlace", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_every_filter_and_interlacing(
    channels: int, dtype: Any, interlace: bool, extension: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not extension:
        monkeypatch.setattr(decoder, "kernel", lambda: None)
    for height, width in [(1, 1), (1, 9), (9, 1), (3, 2), (8, 8), (13, 17)]:
        array = noise(dtype, height, width, channels)
        for row_filters in ([0], [1], [2], [3], [4], [4, 0, 3, 2, 1], [1, 2, 0], [2, 2, 4, 1]):
            data = by_hand(array, row_filters, interlace=interlace)
            back = decoded(data)
            assert back.dtype == dtype
            assert np.array_equal(back, array)
            assert np.array_equal(by_libspng(data, channels), array)


@pytest.mark.parametrize("first", [4, 0])
def test_pixels_that_pillow_gets_in_several_chunks(first: int) -> None:
    array = np.zeros((2200, 4000, 4), np.uint8)  # 35 MB; a chunk has 16 MB
    array[-1] = noise(np.uint8, 1, 4000, 4)
    lines = np.insert(array.reshape(2200, -1), 0, 0, axis=1)
    lines[:2, 0] = first, 4 - first
    header = (4000, 2200, 8, COLOUR_TYPES[4], 0)
    assert np.array_equal(decoded(png(header, zlib.compress(lines.tobytes(), 1)), max_pixels=1 << 24), array)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_filter_that_numpy_is_slow_with_in_the_last_row(
    channels: int, dtype: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoder, "kernel", lambda: None)
    monkeypatch.setattr(decoder, "undo", lambda *_: pytest.fail("these rows are for Pillow"))
    array = noise(dtype, 200, 100, channels)
    for last in (3, 4):
        row_filters = [0] * 199 + [last]
        assert np.array_equal(decoded(by_hand(array, row_filters)), array)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("row_filter", ["NONE", "SUB", "UP", "AVG", "PAETH", "ALL"])
def test_files_of_opencv(row_filter: str, dtype: Any) -> None:
    cv2 = needs_package("cv2")
    picture = kinds(90, 120, 3)["soft"].astype(dtype) * (1 if dtype == np.uint8 else 251)
    strategy = getattr(
        cv2, f"IMWRITE_PNG_{row_filter}_FILTER" if row_filter == "NONE" else f"IMWRITE_PNG_FILTER_{row_filter}", None
    )
    settings = [] if strategy is None else [cv2.IMWRITE_PNG_FILTER, strategy]
    for array in (picture, picture[..., :1], np.concatenate([picture, picture[..., :1]], 2)):
        shuffled = array[..., {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[array.shape[2]]]
        done, data = cv2.imencode(".png", np.ascontiguousarray(shuffled), settings)
        assert done
        assert np.array_equal(decoded(data.tobytes()), array)


@pytest.mark.parametrize("name", ["noise", "soft", "cartoon"])
@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "I;16"])
def test_files_of_pillow(mode: str, name: str) -> None:
    rgba = kinds(60, 70, 4)[name]
    if mode == "I;16":
        picture = Image.fromarray(rgba[..., 0].astype(np.uint16) * 250)
    else:
        picture = Image.fromarray(rgba).convert(mode)
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    expected = np.asarray(picture.convert("L") if mode == "1" else picture).reshape(60, 70, -1)
    back = decoded(file.getvalue())
    assert back.dtype == expected.dtype
    assert np.array_equal(back, expected)


@pytest.mark.parametrize("transparency", [None, 2, bytes([255, 0, 128])])
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_palettes(bits: int, transparency: Any) -> None:
    colours = 1 << bits
    picture = Image.new("P", (19, 5))
    picture.putpalette(RNG.integers(0, 256, 3 * colours, dtype=np.uint8).tolist())
    picture.putdata(RNG.integers(0, colours, 95).tolist())
    file = io.BytesIO()
    options = {} if transparency is None else {"transparency": transparency}
    picture.save(file, "PNG", bits=bits, **options)
    back = decoded(file.getvalue())
    with Image.open(io.BytesIO(file.getvalue())) as foreign:
        assert np.array_equal(back, np.asarray(foreign.convert("RGB" if transparency is None else "RGBA")))


@pytest.mark.parametrize("transparent", [False, True])
@pytest.mark.parametrize("depth", [1, 2, 4])
def test_grey_of_few_bits(depth: int, transparent: bool) -> None:
    values = RNG.integers(0, 1 << depth, (6, 16), dtype=np.uint8)
    bits = (values[..., None] >> np.arange(depth - 1, -1, -1)) & 1
    rows = np.packbits(bits.reshape(6, -1).astype(np.uint8), axis=1)
    stream = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    between = [(b"tRNS", struct.pack(">H", 1))] if transparent else []
    back = decoded(png((16, 6, depth, 0, 0), stream, *between))
    assert np.array_equal(back[..., 0], values * (255 // ((1 << depth) - 1)))
    assert back.shape[2] == 1 + transparent
    if transparent:
        assert np.array_equal(back[..., 1], np.where(values == 1, 0, 255))


@pytest.mark.parametrize("row_filter", [0, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_one_transparent_colour_becomes_alpha(channels: int, dtype: Any, row_filter: int) -> None:
    array = noise(dtype, 4, 5, channels)
    array[1, 2] = array[3, 4] = array[0, 0]
    colour = array[0, 0].astype(">u2").tobytes()
    back = decoded(by_hand(array, [row_filter], (b"tRNS", colour)))
    assert back.dtype == dtype
    assert np.array_equal(back[..., :-1], array)
    is_transparent = (array == array[0, 0]).all(axis=2)
    assert is_transparent[[0, 1, 3], [0, 2, 4]].all()
    assert np.array_equal(back[..., -1], np.where(is_transparent, 0, np.iinfo(dtype).max))


def test_pixels_in_many_chunks_and_unneeded_chunks() -> None:
    array = noise(np.uint8, 10, 10, 3)
    stream = zlib.compress(scanlines(array, [0, 1, 2]))
    pieces = b"".join(chunk(b"IDAT", stream[start : start + 7]) for start in range(0, len(stream), 7))
    data = by_hand(array, [0], (b"gAMA", b"\0\0\xb1\x8f"), (b"prVt", b"whatever"))
    start = data.index(b"IDAT") - 4
    assert np.array_equal(decoded(data[:start] + pieces + chunk(b"IDAT", b"") + chunk(b"IEND", b"")), array)
    assert np.array_equal(decoded(data + b"rubbish after the end"), array)


# --- texts ----------------------------------------------------------------------------------------------------------


def test_texts_of_pillow_come_back_as_they_are() -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("prompt", '{"a": 1}')
    texts.add_text("packed", "z" * 5000, zip=True)
    texts.add_itxt("title", "日本 🎬", lang="ja", tkey="題")
    texts.add_itxt("packed title", "日本" * 1000, zip=True)
    file = io.BytesIO()
    Image.new("RGB", (3, 3)).save(file, "PNG", pnginfo=texts)
    metadata = decode(file.getvalue(), max_pixels=9).metadata
    assert metadata == {"prompt": '{"a": 1}', "packed": "z" * 5000, "title": "日本 🎬", "packed title": "日本" * 1000}


def test_texts_after_the_pixels_and_malformed_ones() -> None:
    array = noise(np.uint8, 2, 2, 1)
    data = by_hand(array, [0], (b"tEXt", b"no separator"), (b"iTXt", b"short\0"), (b"iTXt", b"bad\0\0\0\0\0\xff"))
    end = data.index(b"IEND") - 4
    data = data[:end] + chunk(b"tEXt", b"late\0text") + data[end:]
    assert decode(data, max_pixels=4).metadata == {"short": "", "bad": "\ufffd", "late": "text"}


def test_a_text_that_does_not_unpack() -> None:
    with pytest.raises(DecodeError, match="compressed text in it is broken"):
        decoded(by_hand(noise(np.uint8, 2, 2, 1), [0], (b"zTXt", b"name\0\0not zlib")))


@pytest.mark.parametrize(("count", "size"), [(1, 1 << 28), (3, 3 << 24)])
def test_texts_that_would_fill_the_memory(count: int, size: int) -> None:
    bomb = zlib.compress(bytes(size), 9)
    data = by_hand(noise(np.uint8, 2, 2, 1), [0], *[(b"zTXt", b"name\0\0" + bomb)] * count)
    tracemalloc.start()
    with pytest.raises(DecodeError, match="unpack to more than"):
        decoded(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 << 26


# --- damaged, hostile, too large ------------------------------------------------------------------------------------

SMALL = by_hand(noise(np.uint8, 5, 6, 3), [0, 1, 2], (b"tEXt", b"prompt\0{}"))


@pytest.mark.parametrize("length", range(len(SMALL)))
def test_cut_short_anywhere(length: int) -> None:
    with pytest.raises(DecodeError):
        decoded(SMALL[:length])


@pytest.mark.parametrize("place", range(len(SMALL)))
def test_one_bit_wrong_anywhere(place: int) -> None:
    for bit in (1, 32, 128):
        damaged = bytearray(SMALL)
        damaged[place] ^= bit
        with pytest.raises(DecodeError):
            decoded(bytes(damaged))


@settings(max_examples=300)
@given(
    st.binary(max_size=60), st.booleans(), st.sampled_from([0, 2, 3, 4, 6]), st.sampled_from([1, 8, 16]), st.booleans()
)
def test_rubbish_with_right_checksums(content: bytes, packed: bool, colour: int, depth: int, interlace: bool) -> None:
    stream = zlib.compress(content) if packed else content
    for between in ([], [(b"PLTE", content)], [(b"tRNS", content)]):
        with suppress(DecodeError):
            decoded(png((3, 4, depth, colour, int(interlace)), stream, *between))


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ((0, 5, 8, 2, 0), "its header is"),
        ((5, 0, 8, 2, 0), "its header is"),
        ((5, 5, 7, 2, 0), "its header is"),
        ((5, 5, 4, 2, 0), "its header is"),
        ((5, 5, 8, 1, 0), "its header is"),
        ((5, 5, 8, 2, 2), "its header is"),
        ((1 << 31, 1, 8, 2, 0), "its header is"),
        ((100_000, 100_000, 16, 6, 0), "100000 x 100000 pixels, more than the allowed 1000000"),
        ((5, 5, 8, 2, 0), "truncated: its pixels unpack to 3 of 80 bytes"),
        ((5, 5, 16, 6, 1), "truncated: its pixels unpack to 3 of"),
    ],
)
def test_headers(header: tuple[int, int, int, int, int], part: str) -> None:
    with pytest.raises(DecodeError, match=part):
        decoded(png(header, zlib.compress(b"\0\0\0")))


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"", "not a PNG file: it starts with b''"),
        (b"\xff\xd8\xff\xe0 a JPEG", "not a PNG file"),
        (b"\x89", "truncated: it ends at byte 1 of at least 20"),
        (b"\x89PNG", "truncated: it ends at byte 4 of at least 20"),
        (b"\x89PNG\r\n\x1a\n", "truncated"),
        (b"\x89PNG\n", "not a PNG file"),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"IDAT", b""), "does not begin with a header"),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", b"short"), "does not begin with a header"),
        (SMALL[:33] + chunk(b"IEND", b""), "no IDAT chunk"),
        (SMALL[:33] + chunk(b"NEWC", b"") + SMALL[33:], "unknown chunk 'NEWC'"),
        (png((2, 2, 8, 0, 0), b"not zlib at all"), "cannot be unpacked"),
        (png((2, 2, 16, 0, 0), b"not zlib at all"), "cannot be unpacked"),
        *(
            (png((2, 2, 8, 0, 0), zlib.compress(bytes([4, 1, 2, bad, 1, 2]))), f"filter {bad} does not")
            for bad in (5, 255)
        ),
        (png((9, 2, 1, 0, 0), zlib.compress(b"\0\1\2\7\1\2")), "row filter 7 does not exist"),
        (png((2, 2, 16, 0, 0), zlib.compress(b"\7\1\2\3\4" * 2)), "row filter 7 does not exist"),
        (png((2, 2, 8, 0, 0), zlib.compress(b"\0\1\2\0\1\2")[:-1]), "truncated"),
        (png((2, 2, 8, 0, 0), zlib.compress(b"\0\1\2\0\1\2")[:-4] + b"\0\0\0\0"), "cannot be unpacked"),
        (png((2, 2, 8, 0, 0), zlib.compress(b"\4\1\2\4\1\2")[:-4] + b"\0\0\0\0"), "cannot be unpacked"),
        (png((2, 2, 8, 3, 0), zlib.compress(b"\0\1\2\0\1\2")), "damaged"),
        (png((2, 2, 4, 3, 0), zlib.compress(b"\0\1\0")), "truncated: its pixels unpack to 3 of 4 bytes"),
    ],
)
def test_files_that_are_not_sound(data: bytes, part: str) -> None:
    with pytest.raises(DecodeError, match=part):
        decoded(data)


# Rows that different libraries unpack: many strings, few of them as in photographs, and bytes that become no smaller.
ROWS = {
    "strings": (RNG.integers(0, 2, (90, 1201)) * np.arange(1201) % 7).astype(np.uint8),
    "letters": RNG.geometric(0.15, (90, 1201)).astype(np.uint8),
    "noise": RNG.integers(0, 256, (90, 1201), np.uint8),
}
for rows in ROWS.values():
    rows[:, 0] = 0
STREAMS = {name: zlib.compress(rows.tobytes(), 1) for name, rows in ROWS.items()}
SIZE = 90 * 1201


def with_another_size(rows: Any, missing: int) -> bytes:
    return zlib.compress(rows.tobytes()[: SIZE - missing] + bytes(max(0, -missing)), 1)


@pytest.mark.parametrize("extension", [False, True])
@pytest.mark.parametrize("name", ROWS)
def test_every_library_that_unpacks_pixels(name: str, extension: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams with faults have the same errors; what is too long, or behind the end, is not looked at."""
    if not extension:
        monkeypatch.setattr(decoder, "kernel", lambda: None)
    rows, stream = ROWS[name], STREAMS[name]
    head = (1200, 90, 8, 0, 0)
    wrong = stream[:-1] + bytes([stream[-1] ^ 1])
    dictionary = zlib.compressobj(1, zdict=b"0123456789")
    for right in (stream, stream + b"more", with_another_size(rows, -1), with_another_size(rows, -5000)):
        assert np.array_equal(decoded(png(head, right))[..., 0], rows[:, 1:])
    for bad, part in (
        (wrong, "cannot be unpacked"),
        (stream[:-1], f"truncated: its pixels unpack to {SIZE} of {SIZE} bytes"),
        (with_another_size(rows, 1), f"truncated: its pixels unpack to {SIZE - 1} of {SIZE} bytes"),
        (with_another_size(rows, 5000), f"truncated: its pixels unpack to {SIZE - 5000} of {SIZE} bytes"),
        (dictionary.compress(rows.tobytes()) + dictionary.flush(), "cannot be unpacked"),
        (b"\x78\x02" + stream[2:], "cannot be unpacked"),
        (stream[:2] + b"\7" + stream[3:], "cannot be unpacked"),
    ):
        with pytest.raises(DecodeError, match=part):
            decoded(png(head, bad))


@pytest.mark.parametrize("name", ROWS)
def test_igzip_judges_streams_that_libdeflate_does_not_take(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "kernel", lambda: None)
    rows, data = ROWS[name], png((1200, 90, 8, 0, 0), STREAMS[name])

    def fails(*_: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(decoder.deflate, "zlib_decompress", fails)
    assert np.array_equal(decoded(data)[..., 0], rows[:, 1:])


@pytest.mark.parametrize("colour", [0, 2])
def test_a_small_file_that_states_a_large_picture(colour: int) -> None:
    data = png((30_000, 30_000, 16, colour, 0), zlib.compress(bytes(100_000), 9))
    tracemalloc.start()
    with pytest.raises(DecodeError, match="truncated: its pixels unpack to 100000 of"):
        decoded(data, 10**9)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


@pytest.mark.parametrize("max_pixels", [29, 30])
def test_exactly_as_many_pixels_as_allowed(max_pixels: int) -> None:
    if max_pixels == 30:
        assert decoded(SMALL, max_pixels=30).shape == (5, 6, 3)
    else:
        with pytest.raises(DecodeError, match="raise max_pixels"):
            decoded(SMALL, max_pixels=29)


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("row_filter", [0, 4])
def test_pixels_that_would_fill_the_memory(depth: int, row_filter: int) -> None:
    bomb = zlib.compress(bytes([row_filter]) + bytes(1 << 27), 9)
    tracemalloc.start()
    assert not decoded(png((1, 1, depth, 0, 0), bomb)).any()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 24


def test_more_pixels_than_pillow_allows_are_a_question_of_max_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    for row_filter in (0, 4):
        assert decoded(by_hand(noise(np.uint8, 9, 9, 3), [row_filter])).shape == (9, 9, 3)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_what_comes_back_can_be_changed(channels: int) -> None:
    for dtype in (np.uint8, np.uint16):
        array = decoded(by_hand(noise(dtype, 3, 3, channels), [0]))
        assert array.flags.c_contiguous
        array[0, 0] = 1
    file = io.BytesIO()
    Image.effect_noise((30, 30), 60).convert(MODES[channels]).save(file, "PNG", optimize=True)
    array = decoded(file.getvalue())
    array[0, 0] = 1


def test_the_encoder_decodes_with_it() -> None:
    assert PngEncoder().decode(SMALL, max_pixels=30).metadata == {"prompt": "{}"}
