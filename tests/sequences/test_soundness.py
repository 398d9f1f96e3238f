"""Whether a file is whole, as far as its format says so."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from PIL import Image

from seqsave.sequences.soundness import problem_of


def picture(kind: str, **settings: object) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((90, 60), 80).save(buffer, kind, **settings)
    return buffer.getvalue()


def with_thumbnail() -> bytes:
    """A JPEG whose Exif holds a whole small JPEG, which has an end of its own."""
    exif = b"Exif\0\0" + picture("JPEG", quality=1)
    return picture("JPEG", exif=exif)


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
