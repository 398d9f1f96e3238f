"""What videos state: bits, colours, alpha, streams, orientation and time. FFmpeg writes them, without loss."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import seqsave
from seqsave.errors import EncoderUnavailableError, SourceError
from seqsave.runtime.priority import kept_priority
from seqsave.sources import open_source
from seqsave.sources.video_facts import _light, time_code
from tests.sources.test_video import film
from tests.support.needs import needs_package

# ITU-T H.273, table 4: the weights of red and blue.
WEIGHTS = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114), 7: (0.212, 0.087), 9: (0.2627, 0.0593)}
SQUARES, SIDE = 8, 16


@pytest.fixture(autouse=True)
def av() -> Any:
    return needs_package("av")


def squares(depth: int, full: bool) -> list[np.ndarray[Any, Any]]:
    """Y, Cb and Cr of 64 squares, black and white among them, that lie within RGB with every matrix."""
    rng, one = np.random.default_rng(3), 1 << (depth - 8)
    y = rng.integers(90 * one, 170 * one, (SQUARES, SQUARES))
    cb, cr = rng.integers(108 * one, 148 * one, (2, SQUARES, SQUARES))
    y[0, 0], y[0, 1] = (0, (1 << depth) - 1) if full else (16 * one, 235 * one)
    cb[0, :2] = cr[0, :2] = 128 * one
    return [y, cb, cr]


def write(path: Path, av: Any, pix_fmt: str, planes: Any, tags: dict[str, int], depth: int, frames: int = 2) -> Path:
    kind = np.uint8 if depth == 8 else np.dtype("<u2")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width = stream.height = SQUARES * SIDE
        stream.pix_fmt = pix_fmt
        for name, value in tags.items():
            setattr(stream.codec_context, name, value)
        for _ in range(frames):
            frame = av.VideoFrame(SQUARES * SIDE, SQUARES * SIDE, pix_fmt)
            for name in ("colorspace", "color_range"):
                if name in tags:
                    setattr(frame, name, tags[name])
            for plane, values in zip(frame.planes, planes, strict=True):
                wide = np.zeros((plane.height, plane.line_size // np.dtype(kind).itemsize), kind)
                wide[:, : plane.width] = np.kron(values, np.ones((plane.height // SQUARES, plane.width // SQUARES)))
                plane.update(wide.tobytes())
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def computed(planes: Any, matrix: int, depth: int, full: bool) -> np.ndarray[Any, Any]:
    """RGB from 0 to 1 by the equations of ITU-R BT.709 and BT.2100, written down again."""
    one = 1 << (depth - 8)
    y, cb, cr = (np.asarray(plane, float) for plane in planes)
    if full:
        top = (1 << depth) - 1
        y, cb, cr = y / top, (cb - 128 * one) / top, (cr - 128 * one) / top
    else:
        y, cb, cr = (y - 16 * one) / (219 * one), (cb - 128 * one) / (224 * one), (cr - 128 * one) / (224 * one)
    red, blue = WEIGHTS[matrix]
    r, b = y + 2 * (1 - red) * cr, y + 2 * (1 - blue) * cb
    g = (y - red * r - blue * b) / (1 - red - blue)
    return np.clip(np.stack([r, g, b], -1), 0, 1)


def middles(image: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return image[SIDE // 2 :: SIDE, SIDE // 2 :: SIDE] / np.iinfo(image.dtype).max


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", sorted(WEIGHTS))
@pytest.mark.parametrize(
    ("pix_fmt", "depth", "levels"),
    # FFmpeg's fast path for 8 bits rounds its tables.
    [
        ("yuv420p", 8, 3.5),
        ("yuv422p", 8, 3.5),
        ("yuv444p", 8, 1),
        ("yuv420p10le", 10, 0.3),
        ("yuv422p10le", 10, 0.3),
        ("yuv444p12le", 12, 0.1),
    ],
)
def test_colours(tmp_path: Path, av: Any, pix_fmt: str, depth: int, levels: float, matrix: int, full: bool) -> None:
    planes = squares(depth, full)
    tags = {"colorspace": matrix, "color_range": 2 if full else 1}
    source = open_source(write(tmp_path / "clip.mkv", av, pix_fmt, planes, tags, depth))
    image = next(iter(source)).image
    assert image.dtype == (np.uint8 if depth == 8 else np.uint16)
    assert source.depth == depth
    difference = np.abs(middles(image) - computed(planes, matrix, depth, full)) * 255
    assert difference.max() <= levels
    if depth > 8:
        top = image[SIDE // 2, SIDE + SIDE // 2]
        assert top.min() >= 65500, f"white is {top}"


@pytest.mark.parametrize(
    ("tags", "color", "cicp"),
    [
        ({"color_primaries": 1, "color_trc": 1}, "rec709", None),
        ({"color_primaries": 9, "color_trc": 16}, "rec2100-pq", None),
        ({"color_primaries": 9, "color_trc": 18}, "rec2100-hlg", None),
        ({"color_primaries": 12, "color_trc": 13}, "display-p3", None),
        ({"color_primaries": 9, "color_trc": 14}, None, (9, 14)),
        ({"color_primaries": 6, "color_trc": 6}, None, (6, 6)),
        ({}, None, None),
    ],
)
def test_the_colour_space_is_stated(tmp_path: Path, av: Any, tags: Any, color: Any, cicp: Any) -> None:
    path = write(tmp_path / "clip.mkv", av, "yuv420p10le", squares(10, False), tags, 10)
    source = open_source(path)
    info = next(iter(source)).info
    assert info is not None
    assert (info.color.name if info.color else None, info.cicp) == (color, cicp)
    assert source.notes == []
    assert ("HDR" in source.description) is (color in ("rec2100-pq", "rec2100-hlg"))


def test_grey_of_16_bits_keeps_every_value(tmp_path: Path, av: Any) -> None:
    values = np.random.default_rng(4).integers(0, 1 << 16, (SQUARES, SQUARES))
    values[0, :2] = 0, (1 << 16) - 1
    path = write(tmp_path / "clip.mkv", av, "gray16le", [values], {}, 16)
    image = next(iter(open_source(path))).image
    assert image.shape[2] == 3
    assert np.array_equal(image[SIDE // 2 :: SIDE, SIDE // 2 :: SIDE], np.repeat(values[..., None], 3, 2))


@pytest.mark.parametrize(("pix_fmt", "depth"), [("gray", 8), ("gray10le", 10), ("gray12le", 12), ("gray16le", 16)])
@pytest.mark.parametrize("given_range", [None, 1, 2])
def test_the_range_of_grey(tmp_path: Path, av: Any, pix_fmt: str, depth: int, given_range: int | None) -> None:
    """It is full unless the limited one is stated."""
    limited, one = given_range == 1, 1 << (depth - 8)
    values = squares(depth, not limited)[0]
    tags = {} if given_range is None else {"color_range": given_range}
    source = open_source(write(tmp_path / "clip.mkv", av, pix_fmt, [values], tags, depth))
    expected = (values - 16 * one) / (219 * one) if limited else values / ((1 << depth) - 1)
    difference = np.abs(middles(next(iter(source)).image) - expected[..., None]) * 255
    assert difference.max() <= (0.51 if depth == 8 else 0.13)
    assert ("limited range" in source.description) is limited


def test_half_a_statement_is_named(tmp_path: Path, av: Any) -> None:
    path = write(tmp_path / "clip.mkv", av, "yuv420p", squares(8, False), {"color_primaries": 9}, 8)
    (note,) = open_source(path).notes
    assert note == (
        "the video states primaries 9 of ITU-T H.273 but no transfer, so no colour space is kept: state it by --color"
    )


@pytest.mark.parametrize(
    ("size", "tags", "matrix"),
    [
        ((720, 576), {}, 6),
        ((1280, 720), {}, 6),
        ((720, 578), {"color_primaries": 1}, 1),
        ((720, 578), {"color_primaries": 6}, 6),
        ((64, 64), {"color_primaries": 9}, 9),
    ],
)
def test_the_matrix_of_a_video_that_states_none(
    tmp_path: Path, av: Any, size: tuple[int, int], tags: dict[str, int], matrix: int
) -> None:
    """It is that of the primaries, and else FFmpeg's."""
    path, color = tmp_path / "clip.mkv", (120, 110, 150)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for name, value in tags.items():
            setattr(stream.codec_context, name, value)
        frame = av.VideoFrame(*size, "yuv420p")
        for plane, value in zip(frame.planes, color, strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    source = open_source(path)
    assert source.description.count("(not stated)") == 1
    pixel = next(iter(source)).image[size[1] // 2, size[0] // 2]
    expected = computed([np.array(value) for value in color], matrix, 8, False) * 255
    assert np.abs(pixel - expected).max() <= 3.5


def test_a_pyav_that_is_too_old(tmp_path: Path, av: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = film(tmp_path / "clip.mp4", av)
    monkeypatch.setattr(av, "__version__", "13.1.0")
    with pytest.raises(EncoderUnavailableError, match=r"needs PyAV 14\.2 or newer, and this is 13\.1\.0: pip install"):
        open_source(path)


@pytest.mark.parametrize("matrix", [8, 10, 14])
def test_a_matrix_that_is_not_converted(tmp_path: Path, av: Any, matrix: int) -> None:
    path = write(tmp_path / "clip.mkv", av, "yuv444p10le", squares(10, False), {"colorspace": matrix}, 10)
    with pytest.raises(SourceError, match=rf"matrix {matrix} of ITU-T H\.273.*convert it to BT\.709"):
        next(iter(open_source(path)))


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt", "options", "dtype"),
    [
        ("a.mov", "qtrle", "argb", {}, np.uint8),
        ("a.mov", "png", "rgba", {}, np.uint8),
        ("a.mov", "png", "rgba64be", {}, np.uint16),
        ("a.mov", "prores_ks", "yuva444p10le", {"profile": "4444"}, np.uint16),
        ("a.mkv", "ffv1", "gbrap10le", {}, np.uint16),
        ("a.webm", "libvpx-vp9", "yuva420p", {}, np.uint8),
        ("a.webm", "libvpx", "yuva420p", {"auto-alt-ref": "0"}, np.uint8),
    ],
)
def test_alpha(tmp_path: Path, av: Any, name: str, codec: str, pix_fmt: str, options: Any, dtype: Any) -> None:
    picture = np.full((48, 64, 4), 200, np.uint8)
    picture[:24, :, 3], picture[24:, :, 3] = 255, 0
    path = tmp_path / name
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pix_fmt
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgba")))
        container.mux(stream.encode())
    source = open_source(path)
    images = [frame.image for frame in source]
    assert [image.shape for image in images] == [(48, 64, 4)] * 3
    top = np.iinfo(dtype).max
    for image in images:
        assert image.dtype == dtype
        assert image[:20, :, 3].min() >= 0.98 * top
        assert image[28:, :, 3].max() <= 0.02 * top
    assert source.description.endswith("alpha")


def two_streams(path: Path, av: Any) -> Path:
    with av.open(str(path), "w") as container:
        streams = []
        for side in (32, 64, 48):
            stream = container.add_stream("ffv1", rate=25)
            stream.width = stream.height = side
            stream.pix_fmt = "yuv420p"
            streams.append(stream)
        for stream in streams:
            picture = np.full((stream.height, stream.width, 3), stream.width, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())
    return path


def test_the_largest_stream_or_the_one_that_is_asked_for(tmp_path: Path, av: Any) -> None:
    path = two_streams(tmp_path / "clip.mkv", av)
    source = open_source(path)
    assert next(iter(source)).size == (64, 64)
    (note,) = source.notes
    assert note.endswith(
        "3 video streams (0: 32x32 ffv1, 1: 64x64 ffv1, 2: 48x48 ffv1): 1 is read; --stream chooses another"
    )
    for number, side in enumerate((32, 64, 48)):
        chosen = open_source(path, stream=number)
        assert [frame.size for frame in chosen] == [(side, side)]
        assert chosen.notes == []
    with pytest.raises(SourceError, match="has no video stream 3: choose one of 0: 32x32"):
        open_source(path, stream=3)


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ((-1, 0, 0, 1), lambda image: image[:, ::-1]),
        ((1, 0, 0, -1), lambda image: image[::-1]),
        ((0, 1, 1, 0), lambda image: image.swapaxes(0, 1)),
        ((0, -1, -1, 0), lambda image: image[::-1, ::-1].swapaxes(0, 1)),
        ((0, 1, -1, 0), lambda image: np.rot90(image, -1)),
        ((0, -1, 1, 0), lambda image: np.rot90(image, 1)),
    ],
)
def test_mirrored_and_turned(tmp_path: Path, av: Any, matrix: tuple[int, ...], expected: Any) -> None:
    path = film(tmp_path / "clip.mp4", av)
    plain = next(iter(open_source(path))).image
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    a, b, c, d = (value << 16 for value in matrix)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    frame = next(iter(open_source(path)))
    assert np.array_equal(frame.image, expected(plain))
    assert frame.size == frame.image.shape[1::-1]


# --- time ------------------------------------------------------------------------------------------------------------


def timed(path: Path, av: Any, times: list[int], base: Fraction) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = base
        for place, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 20 * place % 255, np.uint8), format="rgb24")
            frame.pts, frame.time_base = time, base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def test_a_variable_rate_is_named(tmp_path: Path, av: Any) -> None:
    path = timed(tmp_path / "clip.mp4", av, [0, 40, 80, 1080, 1120, 3120, 3160], Fraction(1, 1000))
    source = open_source(path)
    assert source.notes == []
    assert sum(1 for _ in source) == 7
    (note,) = source.notes
    assert note.startswith("the video has a variable frame rate: its frames last 40 to 2000 ms.")
    assert note.endswith("--rate states another rate, and --resample repeats and leaves out pictures by their times")


def test_a_variable_rate_becomes_a_constant_one(tmp_path: Path, av: Any) -> None:
    path = timed(tmp_path / "clip.mp4", av, [0, 40, 80, 1080, 1120, 3120, 3160], Fraction(1, 1000))
    for _ in range(2):
        source = open_source(path, resample=Fraction(25))
        found = [int(frame.image.mean()) // 15 for frame in source]
        assert source.notes == []
        assert source.rate == 25
        # Shown for 40 ms, 40 ms, one second, 40 ms, two seconds, 40 ms, and the last one's own time.
        shown = [0, 1, *[2] * 25, 3, *[4] * 50, 5, 6]
        assert len(found) >= len(shown)
        assert sorted(set(found)) == sorted({found[place] for place in (0, 1, 2, 27, 28, 78, 79)})
        assert [found.index(level) for level in dict.fromkeys(found)] == [0, 1, 2, 27, 28, 78, 79]
    assert open_source(path).notes == []


def test_time_codes_of_a_resampled_video_count_its_new_frames(tmp_path: Path, av: Any) -> None:
    path = tmp_path / "clip.mov"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.metadata["timecode"] = container.metadata["timecode"] = "01:00:00:00"
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode())
    codes = [dict(frame.info.texts).get("timecode") for frame in open_source(path, resample=Fraction(50))]
    assert codes == [f"01:00:00:0{number}" for number in range(6)]


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.avi", "clip.ts", "clip.mov"])
@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(30), Fraction(60)])
def test_a_constant_rate_is_not(tmp_path: Path, av: Any, name: str, rate: Fraction) -> None:
    path = tmp_path / name
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate, options={"bf": "2"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for place in range(40):
            picture = np.full((48, 64, 3), 5 * place, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    source = open_source(path)
    assert sum(1 for _ in source) == 40
    assert source.notes == []


def test_sound_that_goes_on_is_no_missing_picture(tmp_path: Path, av: Any) -> None:
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as container:
        video, sound = container.add_stream("mpeg4", rate=25), container.add_stream("aac", rate=44100)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        for place in range(10):
            picture = np.full((48, 64, 3), 20 * place, np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(video.encode())
        for _ in range(200):
            frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
            frame.sample_rate = 44100
            container.mux(sound.encode(frame))
        container.mux(sound.encode())
    source = open_source(path)
    assert sum(1 for _ in source) == 10
    assert source.notes == []


def test_frames_that_an_edit_list_leaves_out_are_not_missing(tmp_path: Path, av: Any) -> None:
    path = film(tmp_path / "clip.mp4", av, frames=20)
    data = bytearray(path.read_bytes())
    # ISO/IEC 14496-12, 8.6.6: size, "elst", version and flags, count, duration, time in the media.
    at = data.index(b"elst") + 4 + 4 + 4 + 4
    scale = struct.unpack_from(">i", data, data.index(b"mdhd") + 4 + 12)[0]
    (begin,) = struct.unpack_from(">i", data, at)
    struct.pack_into(">i", data, at, begin + scale * 8 * 1001 // 30000)
    path.write_bytes(data)
    source = open_source(path)
    assert sum(1 for _ in source) == 12
    assert source.notes == []


def test_a_time_code_counts_on_with_the_frames(tmp_path: Path, av: Any) -> None:
    path = tmp_path / "clip.mov"
    with av.open(str(path), "w") as container:
        container.metadata.update({"timecode": "01:00:00:23", "artist": "Ann", "copyright": "© Studio"})
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(4):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode())
    infos = [frame.info for frame in open_source(path)]
    assert [info.texts["timecode"] for info in infos if info] == [
        "01:00:00:23",
        "01:00:00:24",
        "01:00:01:00",
        "01:00:01:01",
    ]
    assert infos[0] is not None
    assert infos[0].tags == {"artist": "Ann", "copyright": "© Studio"}


@pytest.mark.parametrize(
    ("first", "frames", "expected"),
    [
        ("00:00:59;29", 1, "00:01:00;02"),
        ("00:09:59;29", 1, "00:10:00;00"),
        ("00:00:00;00", 17982, "00:10:00;00"),
        ("00:00:59:29", 1, "00:01:00:00"),
        ("23:59:59:29", 1, "00:00:00:00"),
        ("1:2:3", 1, None),
        ("aa:bb:cc:dd", 1, None),
    ],
)
def test_time_codes(first: str, frames: int, expected: str | None) -> None:
    assert time_code(first, frames, Fraction(30000, 1001)) == expected


@pytest.mark.parametrize(
    ("rate", "expected"),
    [(None, None), (Fraction(1, 5), None), (Fraction(25), "00:00:01:05"), (Fraction(30), "00:00:01;00")],
)
def test_time_codes_of_other_rates(rate: Fraction | None, expected: str | None) -> None:
    assert time_code("00:00:00;00", 30, rate) == expected


@given(st.integers(0, 2_000_000), st.integers(0, 2_000_000))
def test_time_codes_add_up(one: int, two: int) -> None:
    """Counting in two steps is counting in one, and no code is one that drop-frame counting leaves out."""
    rate = Fraction(30000, 1001)
    middle = time_code("00:00:00;00", one, rate)
    assert middle is not None
    assert time_code(middle, two, rate) == time_code("00:00:00;00", one + two, rate)
    minutes, seconds, frames = middle[3:5], middle[6:8], middle[9:]
    assert not (seconds == "00" and frames in ("00", "01") and not minutes.endswith("0"))


# --- brightness -------------------------------------------------------------------------------------------------------

DISPLAY = {
    "red_x": 34000,
    "red_y": 16000,
    "green_x": 13250,
    "green_y": 34500,
    "blue_x": 7500,
    "blue_y": 3000,
    "white_x": 15635,
    "white_y": 16450,
    "max_display": 10_000_000,
    "min_display": 50,
}
# Of SVT-AV1.
BRIGHTNESS = (
    "mastering-display=G(0.265,0.69)B(0.15,0.06)R(0.68,0.32)WP(0.3127,0.329)L(1000,0.005):content-light=1000,400"
)


def test_the_brightness_of_content_and_display_is_kept(tmp_path: Path, av: Any) -> None:
    if "libsvtav1" not in av.codecs_available:
        pytest.skip("this build of PyAV has no libsvtav1")
    # SVT-AV1 takes real-time priority, for root.
    with kept_priority(), av.open(str(tmp_path / "clip.mp4"), "w") as container:
        stream = container.add_stream("libsvtav1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p10le"
        stream.options = {"svtav1-params": BRIGHTNESS}
        picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 90, np.uint8), format="rgb24")
        container.mux(stream.encode(picture))
        container.mux(stream.encode())
    source = open_source(tmp_path / "clip.mp4")
    (frame,) = source
    assert dict(frame.info.light) == {"max_content": 1000, "max_average": 400, **DISPLAY}
    assert source.notes == []
    with seqsave.open_writer(tmp_path / "out") as writer:
        writer.write(frame.image, info=frame.info)
    data = (tmp_path / "out" / "frame_00000.png").read_bytes()
    assert (b"mDCV" in data, b"cLLI" in data) == (True, True)


@given(st.binary(max_size=100))
def test_other_records_of_a_display_state_nothing(data: bytes) -> None:
    picture = SimpleNamespace(side_data={"MASTERING_DISPLAY_METADATA": data, "CONTENT_LIGHT_LEVEL": data[:9]})
    light = _light(picture)
    assert all(isinstance(value, int) and 0 <= value < 1 << 32 for value in light.values())
    assert "min_display" not in light or len(data) >= 88
