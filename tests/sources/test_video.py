"""Real videos: a clip that a camera's chain made, and small ones with the oddities of phones and broken disks."""

from __future__ import annotations

import gc
import struct
import sys
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from seqsave.errors import EncoderUnavailableError, SourceError
from seqsave.sources import open_source
from seqsave.wording import counted
from tests.support.clip import CLIP_FRAMES, bigbuckbunny, clip_frames
from tests.support.needs import needs_package

if TYPE_CHECKING:
    from tests.support.places import Place


@pytest.fixture(autouse=True)
def av() -> Any:
    return needs_package("av")


def film(path: Path, av: Any, frames: int = 10, codec: str = "mpeg4", pix_fmt: str = "yuv420p") -> Path:
    """A white square in the upper left corner on dark noise, 64x48; of an MP4 the index comes first."""
    picture = np.random.default_rng(1).integers(0, 60, (48, 64, 3), np.uint8)
    picture[:16, :16] = 255
    with av.open(str(path), "w", options={"movflags": "faststart"} if path.suffix == ".mp4" else {}) as container:
        stream = container.add_stream(codec, rate=Fraction(30000, 1001))
        stream.width, stream.height, stream.pix_fmt = 64, 48, pix_fmt
        for _ in range(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            picture[16:] = np.roll(picture[16:], 7, axis=1)
        container.mux(stream.encode())
    return path


def turned(path: Path, degrees: int) -> Path:
    """Write the rotation into the track header's matrix (ISO/IEC 14496-12, 8.3.2)."""
    a, b, c, d = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}[degrees]
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    one = 1 << 16
    data[at : at + 36] = struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def test_the_frames_are_those_of_pyav() -> None:
    source = open_source(bigbuckbunny())
    assert source.total == CLIP_FRAMES
    assert source.rate == 25
    assert "1280x720, 25 frames/s" in source.description
    frames = iter(source)
    for expected in clip_frames(5):
        frame = next(frames)
        assert frame.index is None
        assert frame.size == (1280, 720)
        assert np.array_equal(frame.image, expected)
    frames.close()  # type: ignore[attr-defined]


def test_a_video_is_read_from_every_storage(place: Place) -> None:
    place.write("clips/bunny.mp4", bigbuckbunny().read_bytes())
    source = open_source(f"{place.url}/clips/bunny.mp4", place.storage_options)
    frames = iter(source)
    assert np.array_equal(next(frames).image, clip_frames(1)[0])
    frames.close()  # type: ignore[attr-defined]


def test_the_whole_clip_has_as_many_frames_as_it_says() -> None:
    assert sum(1 for _ in open_source(bigbuckbunny())) == CLIP_FRAMES


@pytest.mark.parametrize("width", [64, 50, 2])
def test_frames_of_any_width_stay_as_they_are_while_others_are_read(tmp_path: Path, av: Any, width: int) -> None:
    clip = tmp_path / "clip.avi"
    random = np.random.default_rng(1)
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, 6, "bgr0"
        pictures = [random.integers(0, 256, (6, width, 3), np.uint8) for _ in range(12)]
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    found = [frame.image for frame in open_source(str(clip))]
    assert len(found) == len(pictures)
    assert all(np.array_equal(one, picture) for one, picture in zip(found, pictures, strict=True))


def test_the_memory_of_a_picture_is_free_before_the_garbage_is_collected(av: Any) -> None:
    # Decoders use the memory of earlier pictures again; it would be taken from the system for each one otherwise.
    gc.collect()
    gc.disable()
    try:
        frames = iter(open_source(str(bigbuckbunny())))
        next(frames)
        start = _alive(av)
        for _ in range(20):
            next(frames)
        assert _alive(av) <= start + 2
    finally:
        gc.enable()


def _alive(av: Any) -> int:
    return sum(isinstance(one, av.VideoFrame) for one in gc.get_objects())


def corner(image: np.ndarray[Any, Any]) -> str:
    rows, columns = np.nonzero(image[..., 0] > 128)
    vertical = "top" if rows.mean() < image.shape[0] / 2 else "bottom"
    return f"{vertical} {'left' if columns.mean() < image.shape[1] / 2 else 'right'}"


@pytest.mark.parametrize(
    ("degrees", "expected", "size"),
    [
        (0, "top left", (64, 48)),
        (90, "top right", (48, 64)),
        (180, "bottom right", (64, 48)),
        (270, "bottom left", (48, 64)),
    ],
)
def test_a_camera_that_was_held_upright(tmp_path: Path, av: Any, degrees: int, expected: str, size: Any) -> None:
    path = film(tmp_path / "phone.mp4", av)
    if degrees:
        turned(path, degrees)
    frame = next(iter(open_source(path)))
    assert frame.size == size
    assert corner(frame.image) == expected


def test_the_rate_may_be_a_fraction(tmp_path: Path, av: Any) -> None:
    assert open_source(film(tmp_path / "ntsc.mp4", av)).rate == Fraction(30000, 1001)


def test_a_container_without_a_count_is_estimated(tmp_path: Path, av: Any) -> None:
    source = open_source(film(tmp_path / "clip.mkv", av, frames=30))
    assert source.total is not None
    assert abs(source.total - 30) <= 2
    assert sum(1 for _ in source) == 30


def test_names_that_ffmpeg_would_take_for_something_else(
    tmp_path: Path, av: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    film(tmp_path / "a.mp4", av)
    monkeypatch.chdir(tmp_path)
    for name in ("concat:x.mp4", "frame_%05d.mp4", "clip [1] #2?.mp4"):
        (tmp_path / name).write_bytes((tmp_path / "a.mp4").read_bytes())
        assert len(list(open_source(f"./{name}"))) == 10, name


@pytest.mark.parametrize("kind", ["mp4", "mkv"])
def test_a_film_that_was_cut_off_is_reported(tmp_path: Path, av: Any, kind: str) -> None:
    path = film(tmp_path / f"cut.{kind}", av, frames=60)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    source = open_source(path)
    count = sum(1 for _ in source)
    assert 1 <= count < 55
    (note,) = source.notes
    assert note.startswith("the video states ")
    assert note.endswith(f" frames, but only {counted(count, 'frame')} could be decoded")


def test_a_film_of_which_nothing_is_left(tmp_path: Path, av: Any) -> None:
    path = film(tmp_path / "clip.mp4", av)
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    data[start:] = bytes(len(data) - start)
    path.write_bytes(data)
    with pytest.raises(SourceError, match=r"clip\.mp4 (is damaged: .* after 0 frames|holds no picture)"):
        list(open_source(path))


@pytest.mark.parametrize("data", [b"", b"this is no video at all" * 100, b"\0" * 5000])
def test_no_video_at_all(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(data)
    with pytest.raises(SourceError, match="cannot be read as a video"):
        open_source(path)


def test_sound_alone(tmp_path: Path, av: Any) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(SourceError, match="no video stream"):
        open_source(path)


def test_without_pyav_the_error_has_the_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(EncoderUnavailableError, match=r'pip install "seqsave\[video\]"'):
        open_source(bigbuckbunny())
