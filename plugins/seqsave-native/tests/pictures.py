"""Pictures of many kinds, made here: photographs and renders are the ones that the extension is for."""

from __future__ import annotations

import io
from functools import cache
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

WORDS = ("the", "quick", "brown", "fox", "jumps", "over", "lazy", "dogs", "while", "seven", "wizards", "mix", "potions")


def photograph(height: int, width: int, seed: int = 0, soft: float = 1.4, channels: int = 3) -> Any:
    """Return floats 0..1 with the spectrum of photographs: colours that go together, and some grain."""
    random = np.random.default_rng(seed)
    noise = np.fft.rfft2(random.normal(size=(height, width, channels + 1)), axes=(0, 1))
    distance = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))[..., None]
    distance[0, 0] = 1
    fields = np.fft.irfft2(noise / distance**soft, (height, width), axes=(0, 1))
    fields /= fields.std(axis=(0, 1))
    mixed = 0.5 + 0.2 * fields[..., :1] + 0.04 * fields[..., 1:] + random.normal(0, 0.004, fields[..., 1:].shape)
    return np.clip(mixed, 0, 1)


def as_video(picture: Any) -> Any:
    """Return a picture as decoders give it: brightness for each pixel, colour for two by two, without interpolation."""
    height, width = (side // 2 * 2 for side in picture.shape[:2])
    values = np.round(255 * picture[:height, :width]).astype(np.int16)
    light = (values[..., 0] + 2 * values[..., 1] + values[..., 2]) // 4
    blue, red = (
        (values[..., which] - light).reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3)).astype(np.int16)
        for which in (2, 0)
    )
    blue, red = (plane.repeat(2, axis=0).repeat(2, axis=1) for plane in (blue, red))
    return np.clip(np.stack([light + red, light - (red + blue) // 2, light + blue], -1), 0, 255).astype(np.uint8)


def text(height: int, width: int) -> Any:
    random = np.random.default_rng(3)
    picture = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(picture)
    for top in range(0, height, 14):
        line = " ".join(WORDS[number] for number in random.integers(0, len(WORDS), width // 40))
        draw.text((4, top), line, fill="black")
    return np.asarray(picture)


def drawn(height: int, width: int) -> Any:
    random = np.random.default_rng(4)
    picture = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(picture)
    for _ in range(40):
        (left, right), (top, bottom) = sorted(random.integers(0, width, 2)), sorted(random.integers(0, height, 2))
        draw.ellipse((left, top, right + 1, bottom + 1), tuple(random.integers(0, 256, 3).tolist()), "black")
    return np.asarray(picture)


def gradients(height: int, width: int) -> Any:
    """Return gradients of three slopes."""
    down, across = np.mgrid[0:height, 0:width] / (height + width)
    slopes = np.array([[0.082, 0.398, 0.982], [0.103, 0.419, 0.987]])
    return (255 * (across[..., None] * slopes[0] + down[..., None] * slopes[1])).astype(np.uint8)


def as_jpeg(picture: Any) -> Any:
    """Return what is left of a picture in a JPEG file."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=80)
    return np.asarray(Image.open(file))


def with_text(picture: Any) -> Any:
    """Return a picture of floats 0..1 with black letters over it."""
    letters = text(*picture.shape[:2])[..., :1]
    return np.where(letters < 128, letters / 255, picture)


def normals(height: int, width: int) -> Any:
    """Return floats 0..1: the normal map of a rough surface."""
    down, across = np.gradient(photograph(height, width, 4, 2.2)[..., 0] * height / 20)
    vectors = np.stack([-across, -down, np.ones_like(across)], axis=-1)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True) / 2 + 0.5


def on_a_board(picture: Any) -> Any:
    """Return a picture of floats 0..1 with darker squares, as of a chessboard."""
    down, across = np.mgrid[0 : picture.shape[0], 0 : picture.shape[1]]
    return picture * np.where((across // 8 + down // 8) % 2, 1, 0.6)[..., None]


def enlarged(picture: Any, times: int) -> Any:
    height, width = picture.shape[:2]
    part = picture[: height // times + 1, : width // times + 1]
    return part.repeat(times, axis=0).repeat(times, axis=1)[:height, :width]


def depths(height: int, width: int) -> Any:
    """Return floats 0..1: a depth map, of three equal channels."""
    floats = photograph(height, width, 8)
    slope = np.linspace(0, 0.3, height)[:, None]
    return (slope + 0.5 * (floats[..., 0] > 0.5) + 0.05 * floats[..., 1])[..., None].repeat(3, axis=2)


@cache
def kinds(height: int = 480, width: int = 640) -> dict[str, Any]:
    """Return arrays H,W,C of uint8 and uint16 by name."""
    random = np.random.default_rng(5)
    down, across = np.mgrid[0:height, 0:width]
    floats = photograph(height, width)
    photo = (255 * floats).astype(np.uint8)
    ramp = 255 * np.stack([across / width, down / height, (across + down) / (width + height)], axis=-1)
    wide_grey = (65535 * photograph(height, width, 7, 2.2, channels=1)).astype(np.uint16)
    grey = photo.mean(axis=2).astype(np.uint8)[..., None]
    inside = np.s_[height // 5 : height * 4 // 5, width // 4 : width * 3 // 4]
    screenshot, bordered = text(height, width).copy(), photo.copy()
    screenshot[inside] = photo[inside]
    bordered[: height // 6] = bordered[-(height // 6) :] = 0
    cut = np.dstack([photo, np.full_like(grey, 255)])
    cut[np.hypot(across - width / 2, down - height / 2) > height / 2.5] = 0
    grain = np.clip(photo + random.normal(0, 8, photo.shape), 0, 255).astype(np.uint8)
    half_grey = grain.copy()
    half_grey[:, width // 2 :] = grain[:, width // 2 :, :1]
    striped = photo.copy()
    for top in range(0, height, 24):
        striped[top : top + 20] = text(height, width)[top : top + 20]
    strip = as_video(floats).copy()
    strip[-height // 8 :] = text(height, width)[-height // 8 :]
    scan = 0.9 * text(height, width)[..., :1] + 10 + random.normal(0, 3, (height, width, 1))
    wide_scan = with_text(enlarged(floats[..., :1], 3).repeat(4, axis=2))
    small = Image.fromarray(photo).resize((width // 4, height // 4))
    return {
        "photograph": photo,
        "video": as_video(floats),
        "soft photograph": np.asarray(small.resize((width, height), Image.Resampling.BICUBIC)),
        "enlarged pixels": np.asarray(small.resize((width, height), Image.Resampling.NEAREST)),
        "grain": grain,
        "opaque": np.dstack([photo, np.full_like(grey, 255)]),
        "cut out": cut,
        "black borders": bordered,
        "grey": grey,
        "grey, opaque": np.dstack([grey, np.full_like(grey, 255)]),
        "grey as RGB": grey.repeat(3, axis=2),
        "half grey": half_grey,
        "text beside a grey photograph": np.where(across[..., None] < width // 2, text(height, width), half_grey),
        "flat": np.full((height, width, 3), (40, 90, 200), np.uint8),
        "drawn": drawn(height, width),
        "gradient": ramp.astype(np.uint8),
        "dithered": (ramp + random.random(ramp.shape)).astype(np.uint8),
        "black and white dots": np.where(random.random((height, width, 1)) < across[..., None] / width, 255, 0)
        .astype(np.uint8)
        .repeat(3, axis=2),
        "noise": random.integers(0, 256, (height, width, 3), np.uint8),
        "text": text(height, width),
        "screenshot with a photograph": screenshot,
        "stripes of text": striped,
        "letters over a photograph": (255 * with_text(floats)).astype(np.uint8),
        "video with a strip of text": strip,
        "letters over a half of a video": np.where(
            down[..., None] > height / 2, 9, with_text(as_video(floats) / 255) * 255
        ).astype(np.uint8),
        "video on a board": (on_a_board(as_video(floats) / 255) * 255).astype(np.uint8),
        "photograph from a JPEG": as_jpeg(photo),
        "tiles of a normal map": np.tile(
            (255 * normals(80, 80)).astype(np.uint8), (height // 80 + 1, width // 80 + 1, 1)
        )[:height, :width],
        "gradient with grain": np.clip(ramp + random.integers(-1, 2, ramp.shape), 0, 255).astype(np.uint8),
        "scan as RGB": np.clip(scan, 0, 255).astype(np.uint8).repeat(3, axis=2),
        "text from a JPEG": as_jpeg(text(height, width)),
        "moire": (127 + 127 * np.sin((across**2 + down**2)[..., None] / np.array([700, 727, 900]))).astype(np.uint8),
        "bands of a photograph and its negative": np.where(down[..., None] // 6 % 2, photo, 255 - photo // 4),
        "rows of one colour": random.integers(0, 256, (height, 1, 3), np.uint8).repeat(width, axis=1),
        "grey as RGBA": np.dstack([grey.repeat(3, axis=2), np.full_like(grey, 255)]),
        "grey as RGBA, cut out": np.dstack([grey.repeat(3, axis=2), cut[..., 3:]]),
        "few colours": np.asarray(Image.fromarray(photo).quantize(64).convert("RGB")),
        "tiles": np.tile(photo[:64, :64], (height // 64 + 1, width // 64 + 1, 1))[:height, :width],
        "tiny": photo[:16, :16],
        "small": photo[:150, :160],
        "small gradients": gradients(300, 420),
        "16 bits, photograph": (65535 * photograph(height, width, 6)).astype(np.uint16),
        "16 bits, grey": (65535 * photograph(height, width, 7, channels=1)).astype(np.uint16),
        "16 bits, soft grey as RGB": wide_grey.repeat(3, axis=2),
        "16 bits, gradient": (257 * ramp).astype(np.uint16),
        "16 bits, widened": photo.astype(np.uint16) * 257,
        "16 bits, shifted": photo.astype(np.uint16) << 8,
        "16 bits, letters over a normal map": (65535 * with_text(normals(height, width))).astype(np.uint16),
        "16 bits, letters over enlarged grey as RGBA": (65535 * wide_scan).astype(np.uint16),
        "16 bits, letters over grey on a board": (
            65535 * with_text(on_a_board(floats[..., :1].repeat(3, axis=2)))
        ).astype(np.uint16),
        "16 bits, depth map": (65535 * depths(height, width)).astype(np.uint16),
        "16 bits, grey, enlarged, with grain": np.clip(
            65535 * enlarged(ramp[..., :1] / 255, 3) + 257 * random.integers(-1, 2, ramp[..., :1].shape), 0, 65535
        ).astype(np.uint16),
        "16 bits, noise": random.integers(0, 65536, (height, width, 3), np.uint16),
        "16 bits, flat": np.full((height, width, 3), 1000, np.uint16),
    }
