"""Pictures of frames: the right pixels, each made once, within a budget."""

from __future__ import annotations

import io
import os
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

import seqsave
from seqsave.errors import DecodeError
from seqsave.look import proxies as module
from seqsave.look.proxies import Look, Proxies, width_of
from seqsave.pictures.color import COLOR_SPACES
from tests.support.patience import PATIENCE, wait_until

Bytes = npt.NDArray[np.uint8]


@pytest.fixture
def proxies() -> Any:
    made = Proxies()
    yield made
    made.close()


def pixels(made: Any) -> Bytes:
    return np.asarray(Image.open(io.BytesIO(made.data)))


def shown(proxies: Proxies, frame: Any, **look: Any) -> Bytes:
    return pixels(proxies.picture(frame, Look(**{"size": "full", **look})).result(PATIENCE))


def smooth(height: int = 64, width: int = 96) -> npt.NDArray[np.float32]:
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    # Without the darkest values, whose curve is so steep that JPEG shows it in other places.
    return np.float32(0.1) + np.float32(0.9) * np.stack([x / width, y / height, (x + y) / (width + height)], axis=2)


def one(folder: Path, picture: Any, **settings: Any) -> Any:
    seqsave.save([picture], folder, **settings)
    return seqsave.open_sequence(folder)[0]


def is_near(found: Bytes, wanted: Any, most: float = 10) -> None:
    difference = np.abs(found.astype(float) - np.asarray(wanted, float))
    assert difference.max() <= most, difference.max()
    assert difference.mean() <= 1.2, difference.mean()


def srgb(light: Any) -> Any:
    light = np.clip(np.asarray(light, np.float64), 0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_png(proxies: Proxies, tmp_path: Path, dtype: str) -> None:
    picture = smooth()
    found = shown(proxies, one(tmp_path, picture, filetype="png", dtype=dtype))
    is_near(found, 255 * picture)


def test_light_with_exposure(proxies: Proxies, tmp_path: Path) -> None:
    picture = smooth()
    frame = one(tmp_path, picture, filetype="png", dtype="uint16", color="linear-srgb")
    is_near(shown(proxies, frame), srgb(picture))
    is_near(shown(proxies, frame, ev=-2.0), srgb(picture / 4))
    is_near(shown(proxies, frame, ev=1.0), srgb(picture * 2))


def test_the_stated_colour_space_is_converted(proxies: Proxies, tmp_path: Path) -> None:
    colour = np.full((32, 32, 3), (0.2, 0.6, 0.3), np.float32)
    frame = one(tmp_path, colour, filetype="png", color="display-p3")
    wanted = _srgb_of(colour[0, 0], "display-p3")
    is_near(shown(proxies, frame)[16, 16], wanted, 3)
    assert abs(wanted[0] - 255 * 0.2) > 20, "the chart tells the two spaces apart"


def _srgb_of(values: Any, space: str) -> Any:
    """Return 8-bit sRGB of values with the curve of sRGB in other primaries, by the definition."""

    def matrix(primaries: Any) -> Any:
        columns = np.array([[x / y, 1.0, (1 - x - y) / y] for x, y in primaries]).T
        return columns[:, :3] * np.linalg.solve(columns[:, :3], columns[:, 3])

    values = np.asarray(values, np.float64)
    light = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    light = matrix(COLOR_SPACES[space].primaries) @ light
    return srgb(np.linalg.solve(matrix(COLOR_SPACES["srgb"].primaries), light))


def test_alpha_over_black_or_alone(proxies: Proxies, tmp_path: Path) -> None:
    picture = np.concatenate([smooth(), np.full((64, 96, 1), 0.25, np.float32)], axis=2)
    frame = one(tmp_path, picture, filetype="png")
    is_near(shown(proxies, frame), 255 * picture[..., :3] * 0.25)
    is_near(shown(proxies, frame, channel="a"), np.full((64, 96, 3), 63))


@pytest.mark.parametrize(("channel", "place"), [("r", 0), ("g", 1), ("b", 2)])
def test_one_channel_is_grey(proxies: Proxies, tmp_path: Path, channel: str, place: int) -> None:
    found = shown(proxies, one(tmp_path, smooth(), filetype="png"), channel=channel)
    is_near(found, np.repeat(255 * smooth()[..., place : place + 1], 3, axis=2))


@pytest.mark.parametrize("filetype", ["png", "jpg"])
def test_sizes(proxies: Proxies, tmp_path: Path, filetype: str) -> None:
    frame = one(tmp_path, np.full((1000, 2000, 3), 0.5, np.float32), filetype=filetype)
    for size, shape in (("thumb", (80, 160, 3)), ("half", (500, 1000, 3)), ("full", (1000, 2000, 3))):
        assert shown(proxies, frame, size=size).shape == shape


def test_half_is_not_less_than_640_pixels() -> None:
    assert [width_of(width, "half") for width in (100, 640, 800, 1280, 1282, 4096)] == [100, 640, 640, 640, 641, 2048]


def test_a_jpeg_is_averaged_by_its_decoder_and_shows_the_same(proxies: Proxies, tmp_path: Path) -> None:
    picture = smooth(900, 1600)
    frame = one(tmp_path, picture, filetype="jpg", options={"quality": 98})
    found = shown(proxies, frame, size="half")
    is_near(found, 255 * picture.reshape(450, 2, 800, 2, 3).mean(axis=(1, 3)))


def test_a_turned_jpeg_is_upright_in_each_size(proxies: Proxies, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    ramp = np.broadcast_to((np.arange(1600) / 1600 * 255).astype(np.uint8)[None, :, None], (900, 1600, 3))
    Image.fromarray(np.ascontiguousarray(ramp)).save(tmp_path / "frame_00000.jpg", exif=exif, quality=95)
    frame = seqsave.open_sequence(tmp_path)[0]
    for size, shape in (("thumb", (284, 160, 3)), ("half", (1138, 640, 3)), ("full", (1600, 900, 3))):
        found = shown(proxies, frame, size=size)
        assert abs(found.shape[0] - shape[0]) <= 1
        assert found.shape[1:] == shape[1:]
        assert found[10, 50].max() < 30 < 200 < found[-10, 50].min(), "left became top"


@pytest.mark.parametrize("size", ["thumb", "half", "full"])
def test_a_truncated_jpeg_is_a_broken_frame(proxies: Proxies, tmp_path: Path, size: Any) -> None:
    frame = one(tmp_path, smooth(900, 1600), filetype="jpg")
    path = tmp_path / frame.name
    path.write_bytes(path.read_bytes()[:4000])
    with pytest.raises(DecodeError, match=r"frame_00000\.jpg"):
        proxies.picture(frame, Look(size=size)).result(PATIENCE)


class Slow:
    """A frame whose file is read when the test allows it."""

    def __init__(self, frame: Any) -> None:
        self._frame = frame
        self.reads = 0
        self.may_read = threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._frame, name)

    @property
    def source(self) -> Any:
        return self, self._frame.source[1]

    @property
    def known(self) -> Any:
        return self._frame.source[0].known

    def read_published(self, path: str) -> Any:
        self.reads += 1
        assert self.may_read.wait(PATIENCE)
        return self._frame.source[0].read_published(path)


def test_a_frame_is_read_once_for_all_that_wait(proxies: Proxies, tmp_path: Path) -> None:
    slow = Slow(one(tmp_path, smooth(), filetype="png"))
    frame: Any = slow
    looks = [Look(size="thumb"), Look(size="half"), Look(size="half")]
    futures = [proxies.picture(frame, look) for look in looks] + [proxies.source(frame)]
    slow.may_read.set()
    made = [future.result(PATIENCE) for future in futures]
    assert made[1] is made[2]
    assert slow.reads == 1
    assert proxies.picture(frame, looks[1]).result(PATIENCE) is made[1]
    assert slow.reads == 1


def test_what_no_caller_waits_for_is_not_read(tmp_path: Path) -> None:
    proxies = Proxies()
    seqsave.save([smooth() for _ in range(40)], tmp_path, filetype="png")
    slows: list[Any] = [Slow(frame) for frame in seqsave.open_sequence(tmp_path)]
    futures = [proxies.picture(slow, Look()) for slow in slows]
    wait_until(lambda: sum(slow.reads for slow in slows) >= 8, "the first reads")
    for future in futures[:-1]:
        future.cancel()
    for slow in slows:
        slow.may_read.set()
    futures[-1].result(PATIENCE)
    proxies.close()
    assert sum(slow.reads for slow in slows) == 9


def test_memory_is_bounded(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).random((200, 300, 3), np.float32)
    seqsave.save([noise + np.float32(0) for _ in range(30)], tmp_path, filetype="png")
    proxies = Proxies(budget=1_000_000)
    for frame in seqsave.open_sequence(tmp_path):
        proxies.picture(frame, Look(size="full")).result(PATIENCE)
    assert 0 < proxies._sources.held <= 1_000_000
    assert 0 < proxies._pictures.held <= 1_000_000
    proxies.close()


def test_few_pictures_are_decoded_at_once_on_any_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes memory."""
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    seqsave.save([smooth()] * 12, tmp_path, filetype="png")
    sequence = seqsave.open_sequence(tmp_path)
    may_go_on, lock, now, most = threading.Event(), threading.Lock(), [0], [0]

    def held(*_: Any) -> bytes:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        assert may_go_on.wait(PATIENCE)
        with lock:
            now[0] -= 1
        return b"picture"

    monkeypatch.setattr(module, "jpeg_of", held)
    own = Proxies()
    try:
        made = [own.picture(frame, Look()) for frame in sequence]
        wait_until(lambda: now[0] >= module.DECODING, "as many as may be")
        may_go_on.set()
        assert [one.result(PATIENCE).data for one in made] == [b"picture"] * 12
        assert most[0] == module.DECODING
    finally:
        own.close()


def test_a_replaced_frame_is_read_again(proxies: Proxies, tmp_path: Path) -> None:
    seqsave.save([smooth() * 0], tmp_path, filetype="png")
    assert shown(proxies, seqsave.open_sequence(tmp_path)[0]).max() == 0
    seqsave.save([smooth() * 0 + 1], tmp_path, filetype="png")
    assert shown(proxies, seqsave.open_sequence(tmp_path)[0]).min() == 255


def test_a_stored_picture_is_used_and_the_frame_is_not_read(proxies: Proxies, tmp_path: Path) -> None:
    slow: Any = Slow(one(tmp_path, smooth(), filetype="png"))
    small = b"the stored one"
    for look in (Look(size="thumb"), Look(size="half")):
        assert proxies.picture(slow, look, lambda frame, size: small).result(PATIENCE).data == small
    assert slow.reads == 0
    slow.may_read.set()
    for look in (Look(size="full"), Look(ev=1.0), Look(gamma=2.0), Look(channel="r")):
        assert proxies.picture(slow, look, lambda frame, size: small).result(PATIENCE).data != small
    assert slow.reads == 1


def test_a_frame_without_a_stored_picture_is_read(proxies: Proxies, tmp_path: Path) -> None:
    frame = one(tmp_path, smooth(), filetype="png")
    assert pixels(proxies.picture(frame, Look(), lambda frame, size: None).result(PATIENCE)).shape == (64, 96, 3)


def test_the_rate_is_no_part_of_a_picture(proxies: Proxies, tmp_path: Path) -> None:
    frame = one(tmp_path, smooth(), filetype="png", rate=Fraction(24000, 1001))
    assert proxies.decoded(frame).result(PATIENCE).array.shape == (64, 96, 3)
