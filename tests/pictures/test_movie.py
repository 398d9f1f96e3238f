"""The preview movie, as ffprobe and PyAV's decoder see it."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqsave.errors import EncodeError, EncoderUnavailableError, OptionError
from seqsave.pictures.movie import Movie
from tests.support.movies import decoded
from tests.support.needs import needs_package, needs_program

EXTENSIONS = ("mp4", "webm", "mov")
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


@pytest.mark.skipif(sys.platform != "linux", reason="SVT-AV1 takes real-time priority on Linux")
def test_an_encoder_takes_no_priority_over_other_programs() -> None:
    before = os.sched_getscheduler(0)
    made = Movie("mp4", codec="av1")
    for picture in frames(2):
        made.add(picture)
    policies = {os.sched_getscheduler(int(one.name)) for one in Path("/proc/self/task").iterdir()}
    made.finish()
    assert policies == {before}


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
    assert seen.shape == (shape[0] + shape[0] % 2, shape[1] + shape[1] % 2, 3)
    assert np.abs(seen.astype(int) - 127).max() <= 4


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_tiny_pictures_are_taken_too(extension: str) -> None:
    (seen,) = decoded(movie([np.full((8, 12, 3), 200, np.uint8)], extension))
    assert min(seen.shape[:2]) >= 8
    assert np.abs(seen.astype(int) - 200).max() <= 6


@pytest.mark.parametrize(
    ("shape", "codec", "note"),
    [
        (
            (16, 24),
            "av1",
            r"24x16 pixels become a movie of 96x64, as lib.* side of less than 64; VP9, in a \.webm",
        ),
        ((63, 63), "av1", "of 63x63 pixels become a movie of 64x64"),
        ((64, 64), "av1", None),
        ((90, 161), "av1", None),
        ((16, 24), "vp9", None),
        ((15, 23), "vp9", None),
        ((1, 8), "vp9", "of 8x1 pixels become a movie of 16x2, as libvpx-vp9 makes none with a side of less than 2$"),
    ],
)
def test_a_movie_that_is_larger_than_its_pictures_says_so(shape: Any, codec: str, note: str | None) -> None:
    made = Movie("webm", codec=codec)
    if made._choice.encoder == "libaom-av1":
        pytest.skip("an encoder that makes small movies")
    made.add(np.full((*shape, 3), 128, np.uint8))
    found = re.search(note, made.enlarged) if note is not None else made.enlarged == ""
    made.discard()
    assert found, made.enlarged


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


def test_a_picture_of_another_shape_keeps_its_aspect_between_bars() -> None:
    made = Movie("webm", background=(0, 0, 1))
    made.add(np.full((90, 160, 3), 128, np.uint8))
    assert made.refitted is None
    made.add(np.full((45, 45, 3), 200, np.uint8))
    made.add(np.full((90, 45, 3), 200, np.uint8))
    assert made.refitted == 1
    for seen, width in zip(decoded(made.finish())[1:], (90, 45), strict=True):
        light = np.abs(seen[45].astype(int) - 200).max(axis=1) < 12
        assert light.sum() == pytest.approx(width, abs=8)
        assert light[80]
        assert (np.abs(seen[:, 4].astype(int) - (0, 0, 255)) < 16).all()


def test_an_odd_side_grows_by_a_copy_of_its_last_pixel() -> None:
    picture = np.zeros((41, 61, 3), np.uint8)
    picture[:, 60] = picture[40] = 255
    (seen,) = decoded(movie([picture], "mov"))
    assert seen.shape == (42, 62, 3)
    assert (seen[40:].min(), seen[:, 60:].min()) > (235, 235)
    assert seen[:38, :58].max() < 20


def test_wide_pixels_make_a_wide_movie() -> None:
    made = Movie("webm")
    made.add(np.zeros((48, 64, 3), np.uint8), aspect=2.0)
    assert decoded(made.finish())[0].shape == (48, 128, 3)


def probed(data: bytes, path: Path) -> dict[str, Any]:
    path.write_bytes(data)
    command = [needs_program("ffprobe", "apt-get install ffmpeg"), "-v", "error", "-show_streams", "-of", "json"]
    answer = subprocess.run([*command, str(path)], check=True, capture_output=True).stdout
    stream: dict[str, Any] = json.loads(answer)["streams"][0]
    return stream


WAYS = [("mp4", None), ("mp4", "h264"), ("mov", "h264"), ("mp4", "av1"), ("webm", None), ("webm", "av1"), ("mov", None)]


@pytest.mark.parametrize(("extension", "codec"), WAYS)
@pytest.mark.parametrize(("transfer", "named"), [("srgb", "iec61966-2-1"), ("bt709", "bt709")])
def test_the_movie_states_its_colours(extension: str, codec: Any, transfer: Any, named: str, tmp_path: Path) -> None:
    try:
        made = Movie(extension, codec=codec)
    except EncoderUnavailableError as error:
        pytest.skip(str(error))
    made.transfer = transfer
    made.add(frames(1)[0])
    reported = probed(made.finish(), tmp_path / f"a.{extension}")
    assert [reported.get(f"color_{name}") for name in ("primaries", "transfer", "space", "range")] == [
        "bt709",
        named,
        "bt709",
        "tv",
    ]
    assert codec in (None, reported["codec_name"])


@pytest.mark.parametrize(("extension", "codec"), WAYS)
def test_colours_come_back_as_they_were(extension: str, codec: Any, tmp_path: Path) -> None:
    """Within two levels on average, by a program that knows nothing of us but what the file states."""
    patches = np.random.default_rng(1).integers(0, 256, (4, 6, 3)).astype(np.uint8)
    picture = np.kron(patches, np.ones((60, 60, 1), np.uint8))
    try:
        data = movie([picture] * 3, extension, codec=codec)
    except EncoderUnavailableError as error:
        pytest.skip(str(error))
    (tmp_path / f"a.{extension}").write_bytes(data)
    command = [needs_program("ffmpeg", "apt-get install ffmpeg"), "-v", "error", "-i", str(tmp_path / f"a.{extension}")]
    raw = subprocess.run([*command, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], check=True, capture_output=True).stdout
    for seen in (np.frombuffer(raw, np.uint8).reshape(3, *picture.shape)[2], decoded(data)[2]):
        assert np.abs(seen.astype(int) - picture).mean() <= 2


def test_quality_is_size_and_closeness() -> None:
    rng = np.random.default_rng(0)
    picture = np.kron(rng.integers(0, 256, (45, 80, 3)), np.ones((2, 2, 1))).astype(np.uint8)
    # Before FFmpeg 8, its ProRes encoder does not get the profile that is asked for: it always makes HQ.
    obeys = needs_package("av").library_versions["libavcodec"] >= (62,)
    for extension in ("webm", "mov") if obeys else ("webm",):
        low, high = (movie([picture] * 4, extension, quality=quality) for quality in (10, 95))
        assert len(low) < len(high) / 1.5
        errors = [np.abs(decoded(data)[2].astype(int) - picture).mean() for data in (low, high)]
        assert errors[0] > errors[1]


def test_prores_has_more_than_eight_bits() -> None:
    ramp = np.linspace(0.25, 0.30, 160, dtype=np.float32)[None, :, None].repeat(90, 0).repeat(3, 2)
    data = movie([ramp], "mov", quality=100)
    with needs_package("av").open(io.BytesIO(data)) as file:
        frame = next(file.decode(video=0))
        assert frame.format.name == "yuv422p10le"
        rgb = frame.to_ndarray(format="rgb48le")
    assert len(np.unique(rgb[45, :, 1])) > 30


def test_a_burnt_in_text_is_in_the_lower_left_corner_and_can_be_read() -> None:
    made = Movie("webm")
    made.add(np.full((180, 320, 3), 90, np.uint8), text="01017")
    made.add(np.full((180, 320, 3), 90, np.uint8))
    with_text, without = (one.astype(int).mean(axis=2) for one in decoded(made.finish()))
    changed = np.abs(with_text - without) > 15
    rows, columns = np.nonzero(changed)
    assert rows.min() > 140
    assert columns.max() < 120
    assert with_text[changed].max() > 180
    assert with_text[changed].min() < 60


@pytest.mark.parametrize(("extension", "codec"), [("webm", "vp9"), ("mov", "prores"), ("mp4", "av1")])
def test_a_rate_that_the_codec_or_the_container_cannot_keep_is_one_clear_error(
    extension: str, codec: str, capfd: Any
) -> None:
    with (
        Movie(extension, codec=codec, rate=Fraction(10**6)) as made,
        pytest.raises(EncodeError, match=r"at most .*: choose"),
    ):
        made.add(frames(1)[0])
    assert capfd.readouterr() == ("", "")


def test_errors_name_their_cause() -> None:
    with pytest.raises(OptionError, match="mp4, webm or mov, not 'gif'"):
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


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 3000, 3), (900, 1, 3), (2, 65, 3)])
@pytest.mark.parametrize("extension", EXTENSIONS)
def test_a_line_of_pixels_is_a_small_movie_with_bars(shape: tuple[int, ...], extension: str) -> None:
    made = Movie(extension, background=(0, 0, 0))
    made.add(np.full(shape, 220, np.uint8))
    (seen,) = decoded(made.finish())
    assert max(seen.shape) <= 3000
    assert seen.max() > 150
