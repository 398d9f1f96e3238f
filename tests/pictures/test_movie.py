"""The preview movie, as ffprobe and PyAV's decoder see it."""

from __future__ import annotations

import io
import json
import os
import subprocess
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from seqsave.errors import EncodeError, OptionError
from seqsave.pictures.movie import EXTENSIONS, Movie
from tests.support.needs import needs_package, needs_program

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = {"prompt": json.dumps({"6": {"inputs": {"text": "é" * 9000}}}), "workflow": json.dumps({"nodes": [1, 2]})}


@pytest.fixture(autouse=True)
def _library() -> None:
    needs_package("av")


def frames(count: int, height: int = 90, width: int = 160) -> list[Any]:
    """A bright bar that walks to the right."""
    pictures = np.zeros((count, height, width, 3), np.uint8)
    for number, picture in enumerate(pictures):
        picture[:, number * 10 : number * 10 + 20] = (250, 120, 10)
    return list(pictures)


def movie(pictures: list[Any], extension: str, **settings: Any) -> bytes:
    made = Movie(extension, **settings)
    for picture in pictures:
        made.add(picture)
    return made.finish()


def decoded(data: bytes) -> list[Any]:
    with needs_package("av").open(io.BytesIO(data)) as file:
        return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_every_picture_is_there_in_order(extension: str) -> None:
    pictures = frames(12)
    seen = decoded(movie(pictures, extension))
    assert len(seen) == len(pictures)
    for one, other in zip(pictures, seen, strict=True):
        assert np.abs(one.astype(int) - other).mean() < 12


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_ffprobe_finds_rate_and_workflow(extension: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{extension}"
    path.write_bytes(movie(frames(5), extension, rate=Fraction(24000, 1001), texts=TEXTS))
    command = [needs_program("ffprobe", "apt-get install ffmpeg"), "-v", "error", "-show_format", "-show_streams"]
    answer = subprocess.run([*command, "-of", "json", str(path)], check=True, capture_output=True).stdout
    about = json.loads(answer)
    tags = {name.lower(): text for name, text in about["format"]["tags"].items()}
    assert {name: tags[name] for name in TEXTS} == TEXTS
    assert Fraction(about["streams"][0]["r_frame_rate"]) == Fraction(24000, 1001)


@pytest.mark.parametrize("shape", [(5, 7, 3), (33, 31, 1), (64, 64, 2), (90, 160, 4)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float16])
def test_any_picture_that_can_be_saved_is_taken(shape: tuple[int, ...], dtype: Any) -> None:
    value = 0.5 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max // 2
    (seen,) = decoded(movie([np.full(shape, value, dtype)], "webm"))
    assert seen.shape == (2 * round(shape[0] / 2), 2 * round(shape[1] / 2), 3)
    assert np.abs(seen.astype(int) - 127).max() <= 4


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_tiny_pictures_are_taken_too(extension: str) -> None:
    (seen,) = decoded(movie([np.full((8, 12, 3), 200, np.uint8)], extension))
    assert min(seen.shape[:2]) >= 8
    assert np.abs(seen.astype(int) - 200).max() <= 6


def test_tall_pictures_are_scaled_down_and_low_ones_stay() -> None:
    assert decoded(movie(frames(1, 200, 400), "webm", height=100))[0].shape == (100, 200, 3)
    assert decoded(movie(frames(1, 90, 160), "webm", height=720))[0].shape == (90, 160, 3)


def test_pictures_that_ffmpeg_does_not_scale_are_thinned_out_first(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = movie(frames(2), "mp4", height=20)
    monkeypatch.setattr("seqsave.pictures.movie._MOST_PIXELS", 90 * 160 - 1)
    thin = movie(frames(2), "mp4", height=20)
    assert [one.shape for one in decoded(thin)] == [one.shape for one in decoded(whole)]


def test_a_picture_of_another_size_is_fitted_to_the_first() -> None:
    assert [one.shape for one in decoded(movie([*frames(1), *frames(1, 45, 80)], "webm"))] == [(90, 160, 3)] * 2


def test_errors_name_their_cause() -> None:
    with pytest.raises(OptionError, match="mp4 or webm, not 'gif'"):
        Movie("gif")
    made = Movie("webm")
    with pytest.raises(EncodeError, match="picture 0"):
        made.add(np.zeros((2, 100_000, 3), np.uint8))  # longer than a side of VP9 can be
    made.discard()


@pytest.mark.parametrize("theirs", [None, "2"])
def test_the_environment_stays_as_it_is(theirs: str | None, capfd: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SVT_LOG", raising=False)
    if theirs is not None:
        monkeypatch.setenv("SVT_LOG", theirs)
    before = dict(os.environ)
    movie(frames(3), "mp4")
    assert dict(os.environ) == before
    if theirs is None:
        assert capfd.readouterr().err == ""
