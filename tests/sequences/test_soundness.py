"""Whether a file is whole, as far as its format says so."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import pytest
from PIL import Image

from seqsave.sequences.soundness import is_truncated, problem_of


def picture(kind: str, **settings: object) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((90, 60), 80).save(buffer, kind, **settings)
    return buffer.getvalue()


def with_thumbnail() -> bytes:
    """A JPEG whose Exif holds a whole small JPEG, which has an end of its own."""
    exif = b"Exif\0\0" + picture("JPEG", quality=1)
    return picture("JPEG", exif=exif)


def exr() -> bytes:
    """The beginning of a file of OpenEXR, and as many bytes as the smallest one has."""
    return b"\x76\x2f\x31\x01\x02\0\0\0channels\0chlist\0" + bytes(120)


def jxl() -> bytes:
    """A file of JPEG XL with the boxes around its picture, which is not a real one."""
    boxes = (
        (b"JXL ", b"\r\n\x87\n"),
        (b"ftyp", b"jxl \0\0\0\0jxl "),
        (b"Exif", bytes(20)),
        (b"jxlc", b"\xff\x0a" + bytes(40)),
    )
    return b"".join(struct.pack(">I", 8 + len(body)) + kind + body for kind, body in boxes)


MAKERS: dict[str, Callable[[], bytes]] = {
    "png": lambda: picture("PNG"),
    "jpg": lambda: picture("JPEG"),
    "webp": lambda: picture("WEBP"),
    "tiff": lambda: picture("TIFF", compression="tiff_lzw"),
    "tif": lambda: picture("TIFF", big_tiff=True),
    "exr": exr,
    "jxl": jxl,
}


@pytest.mark.parametrize("extension", MAKERS)
def test_a_file_of_a_few_bytes_is_truncated(extension: str) -> None:
    data = MAKERS[extension]()
    assert not is_truncated(data)
    assert problem_of(data, extension) == ""
    for length in range(1, 61):
        assert is_truncated(data[:length]), length
        assert problem_of(data[:length], extension) == "is damaged: it ends before its picture does"


@pytest.mark.parametrize("data", [b"", b"404 Not Found", bytes(50), b"RIFF\x24\0\0\0WAVEfmt "])
def test_what_is_no_picture_is_not_truncated(data: bytes) -> None:
    assert not is_truncated(data)


@pytest.mark.parametrize("kind", ["GIF", "BMP", "WEBP", "PNG"])
def test_the_smallest_pictures_are_whole(kind: str) -> None:
    buffer = io.BytesIO()
    Image.new("1" if kind in ("GIF", "BMP") else "RGB", (1, 1)).save(buffer, kind)
    assert problem_of(buffer.getvalue(), kind.lower()) == ""


@pytest.mark.parametrize("behind", [b"", b"\0" * 100, b"movie" * 10_000, picture("JPEG")[:-300]])
@pytest.mark.parametrize("progressive", [False, True])
def test_what_is_behind_the_end_of_a_jpeg_is_not_its_picture(behind: bytes, progressive: bool) -> None:
    assert problem_of(picture("JPEG", progressive=progressive) + behind, "jpg") == ""


@pytest.mark.parametrize("make", [lambda: picture("JPEG"), with_thumbnail])
@pytest.mark.parametrize("part", [0.6, 0.9, 0.999])
def test_a_jpeg_without_its_end_is_cut_off(make: Callable[[], bytes], part: float) -> None:
    data = make()
    assert problem_of(data, "jpg") == ""
    assert problem_of(data[:-2] + b"\0" * 5000, "jpg") == "is damaged: it ends before its picture does"
    assert problem_of(data[: int(len(data) * part)], "jpg") == "is damaged: it ends before its picture does"
