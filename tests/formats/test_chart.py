"""A colour chart through every file type and into movies, against what OpenColorIO computes of it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqsave
from seqsave.sequences import make_preview
from tests.cli.runner import seqsave as command_line
from tests.support import chart
from tests.support.movies import decoded
from tests.support.needs import needs_package, needs_program

pytestmark = [pytest.mark.formats, pytest.mark.filterwarnings("ignore::seqsave.SeqSaveWarning")]

# Of file types that hold floats or 16 bits, and of those that are made for eyes: levels of 255, at most and on average.
EXACT, SIXTEEN, EIGHT = (0.05, 0.02), (0.3, 0.1), (1.1, 0.6)
LOSSY = (3.0, 1.0)
WAYS = [
    ("exr", {}, EXACT),
    ("exr", {"dtype": "float16"}, (0.2, 0.05)),
    ("tif", {}, EXACT),
    ("jxl", {"options": {"lossless": True}}, EXACT),
    ("png", {"dtype": "uint16"}, SIXTEEN),
    ("tif", {"dtype": "uint16"}, SIXTEEN),
    ("png", {}, EIGHT),
    ("tif", {"dtype": "uint8"}, EIGHT),
    ("webp", {"options": {"lossless": True}}, EIGHT),
    ("jpg", {"options": {"quality": 98}}, LOSSY),
    ("avif", {"options": {"quality": 98}}, LOSSY),
    ("jxl", {"dtype": "uint8", "options": {"lossless": True}}, EIGHT),
    ("jxl", {"dtype": "uint8"}, (4.0, 1.0)),
]


def shown(made: Any) -> Any:
    """What OpenColorIO shows of a file's picture, by the colour space that the file states."""
    array = made.array
    values = array if array.dtype.kind == "f" else array / np.float32(np.iinfo(array.dtype).max)
    return np.clip(chart.converted(values, made.info.color.name, "srgb"), 0, 1) * 255


def differences(seen: Any) -> tuple[float, float]:
    apart = np.abs(chart.middles(seen) - chart.levels())
    return float(apart.max()), float(apart.mean())


@pytest.mark.parametrize("space", ["acescg", "aces2065-1", "linear-rec2020"])
@pytest.mark.parametrize(("filetype", "settings", "bounds"), WAYS)
def test_a_chart_in_linear_light(filetype: str, settings: Any, bounds: Any, space: str, tmp_path: Path) -> None:
    seqsave.save([chart.picture(space)], tmp_path, filetype=filetype, color=space, **settings)
    found = differences(shown(seqsave.open_sequence(tmp_path)[0].decode()))
    assert found[0] <= bounds[0]
    assert found[1] <= bounds[1]


@pytest.mark.parametrize("filetype", ["jpg", "png", "webp", "avif"])
def test_from_a_file_of_floats_to_one_of_eight_bits(filetype: str, tmp_path: Path) -> None:
    seqsave.save([chart.picture("acescg")], tmp_path / "a", filetype="exr", color="acescg")
    seqsave.save(seqsave.open_sequence(tmp_path / "a"), tmp_path / "b", filetype=filetype)
    made = seqsave.open_sequence(tmp_path / "b")[0].decode()
    assert made.info.color is seqsave.COLOR_SPACES["srgb"]
    # JPEG's usual quality, and colour in half the resolution.
    assert differences(shown(made))[1] <= 2


@pytest.mark.parametrize("movie", ["a.mp4", "a.webm", "a.mov"])
@pytest.mark.parametrize(
    ("filetype", "settings"), [("exr", {}), ("png", {"dtype": "uint16"}), ("jpg", {}), ("jxl", {})]
)
def test_a_movie_of_the_files(filetype: str, settings: Any, movie: str, tmp_path: Path) -> None:
    needs_package("av")
    pictures = [np.kron(chart.picture("acescg"), np.ones((2, 2, 1), np.float32))] * 2
    seqsave.save(pictures, tmp_path, filetype=filetype, color="acescg", **settings)
    sequence = seqsave.open_sequence(tmp_path)
    assert sequence.target is not None
    make_preview(sequence, sequence.target, movie)
    frames = decoded((tmp_path / movie).read_bytes())
    assert len(frames) == 2
    apart = np.abs(chart.middles(frames[1], 2 * chart.SIDE) - chart.levels())
    assert apart.mean() <= 2
    assert apart.max() <= 6


# --- videos: values and YCbCr by the equations of the standards, encoded by Debian's ffmpeg ---------------------------


def bt709(light: Any) -> Any:
    """ITU-R BT.709-6, 1.2, with the ends cut off."""
    light = np.clip(light, 0, 1)
    return np.where(light < 0.018, 4.5 * light, 1.099 * light**0.45 - 0.099)


def pq(light: Any) -> Any:
    """ITU-R BT.2100-2, table 4; 203 cd/m2 is white."""
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    power = (np.clip(light, 0, 1) * 203 / 10_000) ** m1
    return ((c1 + c2 * power) / (1 + c3 * power)) ** m2


def planes(values: Any, red: float, blue: float, depth: int, down: int, across: int) -> bytes:
    """Return one picture in YCbCr of limited range, with fewer rows and columns of colour: ITU-R BT.709-6, 3.

    red, blue: their parts of the luma.
    """
    luma = values @ np.array((red, 1 - red - blue, blue))
    colours = [(values[..., place] - luma) / (2 - 2 * part) for place, part in ((2, blue), (0, red))]
    step = 2 ** (depth - 8)
    parts = [(16 + 219 * luma) * step, *((128 + 224 * colour) * step for colour in colours)]
    kind = np.uint8 if depth == 8 else np.dtype("<u2")
    whole = [np.kron(np.rint(part).astype(kind), np.ones((chart.SIDE, chart.SIDE), kind)) for part in parts]
    return b"".join((whole[0].tobytes(), *(np.ascontiguousarray(one[::down, ::across]).tobytes() for one in whole[1:])))


HD: Any = ("rec709", "linear-srgb", bt709, (0.2126, 0.0722), ("bt709", "bt709", "bt709"))
HDR: Any = ("rec2100-pq", "linear-rec2020", pq, (0.2627, 0.0593), ("bt2020", "smpte2084", "bt2020nc"))
VIDEOS = [
    ("a.mkv", HD, "ffv1", ("yuv444p10le", 10, 1, 1), (0.6, 0.2)),
    ("b.mkv", HD, "ffv1", ("yuv422p10le", 10, 1, 2), (0.6, 0.2)),
    ("c.mov", HD, "prores_ks", ("yuv422p10le", 10, 1, 2), (1.0, 0.3)),
    ("d.mkv", HD, "ffv1", ("yuv420p", 8, 2, 2), (3.5, 1.5)),  # as the command ffmpeg converts them
    ("e.mkv", HDR, "ffv1", ("yuv444p12le", 12, 1, 1), (0.3, 0.1)),
    ("f.mkv", HDR, "ffv1", ("yuv420p10le", 10, 2, 2), (0.6, 0.2)),
]


# TIFF files have no place for PQ.
IN_FILES = [(*one, kind) for one in VIDEOS for kind in ("png", "exr", "tif") if kind != "tif" or one[1] is HD]


@pytest.mark.parametrize(
    ("name", "kind", "codec", "samples", "bounds", "filetype"),
    IN_FILES,
    ids=[f"{one[-1]}-{one[0]}" for one in IN_FILES],
)
def test_a_chart_in_a_video(
    name: str, kind: Any, codec: str, samples: Any, bounds: Any, filetype: str, tmp_path: Path
) -> None:
    """Bounds: levels of 255 of the values that the standard gives, at most and on average."""
    needs_package("av")
    space, light, curve, parts, (primaries, transfer, matrix) = kind
    pixels, depth, down, across = samples
    wanted = curve(chart.converted(chart.patches(), "linear-srgb", light).astype(np.float64))
    raw = planes(wanted, *parts, depth, down, across)
    about = ("-color_primaries", primaries, "-color_trc", transfer, "-colorspace", matrix, "-color_range", "tv")
    command = [needs_program("ffmpeg"), "-v", "error", "-f", "rawvideo", "-pix_fmt", pixels, *about, "-r", "24"]
    command += ["-s", f"{6 * chart.SIDE}x{4 * chart.SIDE}", "-i", "-", "-c:v", codec, *about]
    subprocess.run([*command, str(tmp_path / name)], input=raw * 2, check=True)

    out = tmp_path / "frames"
    command_line("save", tmp_path / name, out, "--filetype", filetype)
    found = seqsave.open_sequence(out)[1].decode()
    assert found.info.color is seqsave.COLOR_SPACES[space]
    array = found.array
    values = array if array.dtype.kind == "f" else array / np.float64(np.iinfo(array.dtype).max)
    apart = np.abs(chart.middles(values) - wanted) * 255
    assert apart.max() <= bounds[0]
    assert apart.mean() <= bounds[1]


def pictures_of(path: Path) -> Any:
    return np.stack(decoded(path.read_bytes())).astype(int)


@pytest.mark.parametrize("filetype", ["exr", "tif", "png", "jpg"])
@pytest.mark.parametrize("color", ["acescg", "linear-srgb", "display-p3", "srgb", None])
@pytest.mark.parametrize("channels", [3, 4])
def test_a_movie_is_the_same_while_saving_and_later(
    filetype: str, color: str | None, channels: int, tmp_path: Path
) -> None:
    picture = np.kron(chart.patches(), np.ones((32, 32, 1), np.float32))
    if channels == 4:
        cover = np.linspace(0.2, 1, picture.shape[1], dtype=np.float32)[None, :, None].repeat(picture.shape[0], 0)
        picture = np.concatenate([picture, cover], axis=2)
        if filetype == "jpg":
            pytest.skip("only on file types that hold alpha")
    seqsave.save([picture] * 2, tmp_path, filetype=filetype, color=color, preview="mp4")
    sequence = seqsave.open_sequence(tmp_path)
    assert sequence.target is not None
    make_preview(sequence, sequence.target, "later.mp4")
    apart = np.abs(pictures_of(tmp_path / "frame.mp4") - pictures_of(tmp_path / "later.mp4"))
    assert apart.mean() < 1.2
