"""The picture that a file's header states, against what the decoder of the format returns."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from PIL import Image

from seqsave.manifest import Picture
from seqsave.sequences.frame import decode
from seqsave.sequences.header import picture_of, rate_in

MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")


def drawn(mode: str, size: tuple[int, int] = (21, 13)) -> Image.Image:
    if mode == "I;16":
        return Image.fromarray(np.arange(size[0] * size[1], dtype=np.uint16).reshape(size[::-1]))
    return Image.effect_noise(size, 80).convert(mode)


def written(image: Image.Image, kind: str, **settings: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **settings)
    return buffer.getvalue()


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def wide_png(channels: int) -> bytes:
    """A PNG of 16 bits, which Pillow does not write with colours."""
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + bytes(7 * channels * 2) for _ in range(5))
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", 7, 5, 16, kind, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


def files() -> Iterator[tuple[str, bytes]]:
    for mode in MODES:
        yield f"{mode}.png", written(drawn(mode), "PNG")
    for mode, clear in (("L", 7), ("P", 3), ("RGB", (1, 2, 3))):
        yield f"{mode} with a clear colour.png", written(drawn(mode), "PNG", transparency=clear)
    for channels in (1, 2, 3, 4):
        yield f"{channels} of 16 bits.png", wide_png(channels)
    for mode in ("L", "RGB", "CMYK"):
        yield f"{mode}.jpg", written(drawn(mode), "JPEG")
        yield f"{mode} progressive.jpg", written(drawn(mode), "JPEG", progressive=True, comment=b"\xff" * 300)
    for orientation in (1, 3, 6, 8):
        yield f"turned {orientation}.jpg", written(drawn("RGB"), "JPEG", exif=turned(orientation))
        yield f"turned {orientation}.png", written(drawn("RGBA"), "PNG", exif=turned(orientation))


@pytest.mark.parametrize(("name", "data"), [pytest.param(name, data, id=name) for name, data in files()])
def test_the_header_states_what_the_decoder_returns(name: str, data: bytes) -> None:
    assert picture_of(data) == _decoded(name, data)


@pytest.mark.parametrize(("name", "data"), [pytest.param(name, data, id=name) for name, data in files()])
def test_a_file_that_ends_in_its_header_states_nothing_or_the_truth(name: str, data: bytes) -> None:
    whole = picture_of(data)
    assert whole is not None
    upright = {(whole.width, whole.height), (whole.height, whole.width)}  # a file may end before its orientation
    for length in range(min(len(data), 700)):
        found = picture_of(data[:length])
        assert found is None or (found.width, found.height) in upright


@pytest.mark.parametrize(
    ("mode", "channels", "dtype"),
    [("1", 1, "uint8"), ("L", 1, "uint8"), ("P", 3, "uint16"), ("RGBA", 4, "uint8"), ("I;16", 1, "uint16")],
)
def test_the_header_of_a_tiff(mode: str, channels: int, dtype: str) -> None:
    whole = Picture(width=21, height=13, channels=channels, dtype=dtype)
    data = written(drawn(mode), "TIFF")
    assert picture_of(data) == whole
    assert all(picture_of(data[:length]) in (None, whole) for length in range(len(data)))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text",
        b"II*\0",
        b"MM\0+" + bytes(60),
        b"RIFF1234WEBPVP9 ",
        b"\x76\x2f\x31\x01",
        b"\xff\xd8\xff\xd9" + bytes(99),
    ],
)
def test_other_files_state_nothing(data: bytes) -> None:
    assert picture_of(data) is None


def _decoded(name: str, data: bytes) -> Picture:
    array = decode(name, data).array
    height, width, channels = array.shape
    return Picture(width=width, height=height, channels=channels, dtype=str(array.dtype))


def test_the_rate_of_an_exr_is_in_its_header() -> None:
    def exr(value: bytes) -> bytes:
        attribute = b"framesPerSecond\0rational\0" + len(value).to_bytes(4, "little") + value
        return b"\x76\x2f\x31\x01\2\0\0\0" + attribute + b"\0"

    assert rate_in(exr(struct.pack("<iI", 24000, 1001))) == Fraction(24000, 1001)
    for value in (struct.pack("<iI", 24, 0), struct.pack("<iI", 0, 1), b"\1"):
        assert rate_in(exr(value)) is None
    assert rate_in(b"\x89PNG\r\n\x1a\n") is None
    assert rate_in(b"\x76\x2f\x31\x01\2\0\0\0a\0b\0\xff\xff\xff\x7f") is None
