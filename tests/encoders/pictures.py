"""Pictures of every kind, and PNG files put together by hand: slow, plain, and without the code under test."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from tests.support.needs import needs_package

ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def gradients(height: int, width: int, channels: int) -> dict[str, Any]:
    y, x = np.linspace(0, 255, height)[:, None], np.linspace(0, 255, width)[None]
    flat = np.zeros((height, width))
    radius = np.hypot(np.arange(height)[:, None] - height / 2, np.arange(width)[None] - width / 2) / (width / 2)
    planes = {
        "across": [flat + x * (1 - 0.2 * number) for number in range(4)],
        "down": [flat + y * (1 - 0.2 * number) for number in range(4)],
        "both ways": [(x + y) / 2, x * y / 255, flat + 255 - y, flat + x],
        "radial": [255 * np.clip(1 - radius * (1 + 0.1 * number), 0, 1) for number in range(4)],
    }
    return {f"gradient {name}": np.stack(four[:channels], -1).astype(np.uint8) for name, four in planes.items()}


def cartoons(height: int, width: int, channels: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    picture = Image.new("RGB", (width, height), (230, 220, 200))
    draw = ImageDraw.Draw(picture)
    for number in range(60):
        x, y, size = (int(rng.integers(0, top)) for top in (width, height, max(2, height // 4)))
        colour = tuple(int(value) for value in rng.integers(0, 256, 3))
        box = (x - size, y - size, x + size, y + size)
        (draw.ellipse if number % 2 else draw.rectangle)(box, fill=colour, outline=(0, 0, 0))
    made = {
        "cartoon": picture,
        "cartoon, smooth edges": picture.filter(ImageFilter.GaussianBlur(1)),
        "soft": picture.filter(ImageFilter.GaussianBlur(25)),
    }
    return {
        name: np.asarray(one.convert(MODES[channels])).reshape(height, width, channels) for name, one in made.items()
    }


def text(height: int, width: int, size: int, *, dark: bool = False) -> Any:
    """Lines of words in colours, as on a screen, uint8 RGB."""
    rng = np.random.default_rng(size)
    line = "for index in range(count): return a + value the quick brown fox jumps over lazy dogs 0123456789 #"
    words = line.split()
    paper, ink = ((24, 26, 34), (210, 214, 220)) if dark else ((255, 255, 255), (20, 20, 30))
    picture = Image.new("RGB", (width, height), paper)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size)
    for top in range(2, height, round(1.4 * size)):
        draw.text((4 + 3 * size * int(rng.integers(0, 4)), top), " ".join(rng.choice(words, 50)), ink, font)
    return np.array(picture)


def screenshot(photo: Any, size: int = 12) -> Any:
    """Text beside and below a photograph of two fifths of the sides, with a title above all, uint8 RGB."""
    height, width = photo.shape[:2]
    picture = text(height, width, size)
    picture[: height // 20] = 60, 70, 90
    rows, columns = 2 * height // 5, 2 * width // 5
    picture[height // 10 : height // 10 + rows, width // 10 : width // 10 + columns] = photo[:rows, :columns]
    return picture


def dithered(photo: Any) -> Any:
    """A photograph in 32 colours, with the error of each pixel spread over its neighbours, uint8 RGB."""
    return np.array(Image.fromarray(photo).quantize(32, dither=Image.Dither.FLOYDSTEINBERG).convert("RGB"))


def wide_gradients(height: int, width: int) -> dict[str, Any]:
    """Gradients of 16 bits, uint16 RGB."""
    y, x = np.mgrid[0:height, 0:width].astype(float)
    radius = np.hypot(x - width / 2, y - height / 2) / width
    made = {
        "gradients across and down": [x / width, y / height, (x + y) / (width + height)],
        "gradient radial": [np.clip(1 - radius, 0, 1), 0.3 + 10 * x / 65535, 0.9 - 20 * y / 65535],
    }
    return {name: (65535 * np.stack(planes, -1)).astype(np.uint16) for name, planes in made.items()}


def kinds(height: int, width: int, channels: int) -> dict[str, Any]:
    """Synthetic pictures by name, uint8: black, flat, cartoon, gradient, noise and mixtures."""
    rng = np.random.default_rng(0)
    shape = (height, width, channels)
    noise = rng.integers(0, 256, shape, dtype=np.uint8)
    flat = np.broadcast_to(np.array([37, 142, 201, 255][:channels], np.uint8), shape)
    half = np.zeros(shape, np.uint8)
    half[height // 2 :] = noise[height // 2 :]
    stripes = np.zeros(shape, np.uint8)
    stripes[::2] = 255
    drawn = cartoons(height, width, channels)
    bars = flat.copy()
    bars[height // 3 : 2 * height // 3] = drawn["soft"][height // 3 : 2 * height // 3]
    return {
        "black": np.zeros(shape, np.uint8),
        "white": np.full(shape, 255, np.uint8),
        "flat": flat.copy(),
        "noise": noise,
        "noise of 16 values": noise % 16,
        "half noise": half,
        "stripes": stripes,
        "letterbox": bars,
        **gradients(height, width, channels),
        **drawn,
    }


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(header: tuple[int, int, int, int, int], stream: bytes, *between: tuple[bytes, bytes]) -> bytes:
    """A file of width, height, depth, colour type, interlace; a zlib stream; chunks before it."""
    width, height, depth, colour, interlace = header
    start = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    body = b"".join(chunk(*one) for one in between)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", start) + body + chunk(b"IDAT", stream) + chunk(b"IEND", b"")


def scanlines(array: Any, row_filters: Any) -> bytes:
    """Rows of samples, filtered byte by byte as the specification's text says."""
    rows = array.astype(">u2").view(np.uint8) if array.dtype == np.uint16 else array
    rows = rows.reshape(len(array), -1)
    step = rows.shape[1] // array.shape[1]
    out = bytearray()
    for number, row in enumerate(rows):
        kind = int(row_filters[number % len(row_filters)])
        out.append(kind)
        for place, value in enumerate(row):
            left = int(row[place - step]) if place >= step else 0
            up = int(rows[number - 1][place]) if number else 0
            corner = int(rows[number - 1][place - step]) if number and place >= step else 0
            out.append((int(value) - predict(kind, left, up, corner)) & 255)
    return bytes(out)


def predict(kind: int, left: int, up: int, corner: int) -> int:
    if kind == 4:
        guess = left + up - corner
        return min((left, up, corner), key=lambda near: abs(guess - near))
    return (0, left, up, (left + up) // 2)[kind]


def undone(filtered: Any, step: int) -> Any:
    """The rows of filtered rows, each the number of its filter and bytes; the opposite of ``scanlines``."""
    rows = np.zeros((len(filtered), filtered.shape[1] - 1), np.uint8)
    above = [0] * rows.shape[1]
    for number, (kind, *line) in enumerate(filtered.tolist()):
        for place in range(len(line)):
            left, corner = (line[place - step], above[place - step]) if place >= step else (0, 0)
            line[place] = (line[place] + predict(kind, left, above[place], corner)) & 255
        rows[number] = above = line
    return rows


def by_libspng(data: bytes, channels: int) -> Any:
    """The pixels H,W,C as libspng reads them."""
    picture = needs_package("pyspng").load(data)
    height, width = picture.shape[:2]
    if picture.dtype == np.uint16 and channels == 1:  # its array is twice as large as what libspng fills
        return picture.ravel()[: height * width].reshape(height, width, 1)
    return picture.reshape(height, width, -1)[..., :channels]  # colours of 16 bits come with alpha


def interlaced(array: Any, row_filters: Any) -> bytes:
    passes = [array[top::down, left::across] for left, top, across, down in ADAM7]
    return b"".join(scanlines(one, row_filters) for one in passes if one.size)
