"""The demo animation, computed with numpy alone: one day over a lake, in a loop, and the workflow saved with it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]
    Picture = npt.NDArray[np.uint8]

__all__ = ["FRAMES", "RATE", "metadata", "render"]

WIDTH, HEIGHT, FRAMES, RATE = 640, 360, 48, 24
SHORE = 232  # first row of water
SEED = 7

# Colours at midnight, sunrise or sunset, and noon: red, green, blue from 0 to 1.
ZENITH = np.array([[0.012, 0.020, 0.066], [0.135, 0.165, 0.370], [0.180, 0.420, 0.760]], np.float32)
HORIZON = np.array([[0.040, 0.066, 0.150], [0.960, 0.470, 0.240], [0.760, 0.860, 0.930]], np.float32)
CLOUD = np.array([[0.055, 0.070, 0.130], [0.980, 0.560, 0.450], [1.000, 0.990, 0.970]], np.float32)
HILL = np.array([[0.012, 0.020, 0.042], [0.120, 0.080, 0.115], [0.070, 0.175, 0.110]], np.float32)
SUN = np.array([1.000, 0.780, 0.480], np.float32)
# From far to near: height over the shore in pixels, roughness, how much of the horizon's haze lies over it.
RIDGES = ((78.0, 17.0, 0.66), (52.0, 15.0, 0.40), (31.0, 11.0, 0.17), (13.0, 7.0, 0.0))


def metadata() -> dict[str, Any]:
    """Return the ``prompt`` and ``workflow`` saved with each frame, in ComfyUI's format."""
    text = (
        "This animation was not rendered by ComfyUI. `seqsave demo` computed it with numpy: one day over a lake, "
        f"{FRAMES} frames of {WIDTH} x {HEIGHT}, {RATE} frames per second, in a loop. It shows that every frame "
        "carries its workflow."
    )
    prompt = {
        "1": {
            "class_type": "SeqsaveDemo",
            "inputs": {"width": WIDTH, "height": HEIGHT, "frames": FRAMES, "frames_per_second": RATE, "seed": SEED},
            "_meta": {"title": "seqsave demo (numpy, not ComfyUI)"},
        }
    }
    note = {
        "id": 1,
        "type": "Note",
        "pos": [60, 60],
        "size": [420, 160],
        "flags": {},
        "order": 0,
        "mode": 0,
        "inputs": [],
        "outputs": [],
        "title": "seqsave demo",
        "properties": {},
        "widgets_values": [text],
    }
    workflow = {
        "last_node_id": 1,
        "last_link_id": 0,
        "nodes": [note],
        "links": [],
        "groups": [],
        "config": {},
        "extra": {},
        "version": 0.4,
    }
    return {"prompt": prompt, "workflow": workflow}


def render(frames: int = FRAMES) -> Iterator[Picture]:
    """Yield ``frames`` pictures, uint8 of shape 360,640,3; the last one leads back to the first."""
    scene = _Scene()
    for index in range(frames):
        yield scene.picture(index / frames)


class _Scene:
    """The parts that do not change during the day: the outline of the land, the stars, the shapes of the clouds."""

    def __init__(self) -> None:
        random = np.random.default_rng(SEED)
        self.x = np.arange(WIDTH, dtype=np.float32)
        self.y = np.arange(SHORE, dtype=np.float32)
        self.height = (self.y / (SHORE - 1))[:, None]
        self.cover = _land(random)
        self.open_sky = 1 - self.cover.sum(axis=2, keepdims=True)
        self.stars = _stars(random)
        self.clouds = _clouds(random)
        self.glitter = random.random((HEIGHT - SHORE, WIDTH), np.float32)

    def picture(self, time: float) -> Picture:
        """Return the picture at ``time``, the part of the day from 0 (midnight) to 1."""
        # How high the sun stands, -1 to 1; a cosine, so that the day loops.
        high = -math.cos(2 * math.pi * time)
        sun_x = WIDTH * (0.18 + 0.64 * ((time - 0.25) * 2 if 0.2 < time < 0.8 else 0.5))
        sun_y = SHORE - 8 - 150 * high
        above = self._sky(time, high, sun_x, sun_y)
        self._add_land(above, high)
        below = self._water(above, time, high, sun_x)
        picture = np.concatenate([above, below])
        np.clip(picture, 0, 1, out=picture)
        finished: Picture = (np.sqrt(picture) * 255 + 0.5).astype(np.uint8)
        return finished

    def _sky(self, time: float, high: float, sun_x: float, sun_y: float) -> Floats:
        column = _by_height(ZENITH, high) * (1 - self.height**1.6) + _by_height(HORIZON, high) * self.height**1.6
        sky: Floats = np.repeat(column[:, None, :], WIDTH, axis=1).astype(np.float32)
        night = min(max(0.15 - high * 1.6, 0), 1)
        if night > 0:
            twinkle = 0.75 + 0.25 * np.sin(2 * math.pi * (3 * time + self.stars[1]))
            sky += (self.stars[0] * twinkle * night)[..., None]
        glow = np.outer(_bell(self.y - sun_y, 70), _bell(self.x - sun_x, 110)) * (min(max(0.75 + high, 0), 1) * 0.5)
        disc = np.hypot((self.y - sun_y)[:, None], (self.x - sun_x)[None, :])
        sky += (glow + np.clip((15.5 - disc) / 2, 0, 1) * 0.9)[..., None] * SUN
        for layer, turns in zip(self.clouds, (1, 2), strict=True):
            moved = np.roll(layer, round(time * turns * WIDTH), axis=1)[..., None]
            sky += moved * (_by_height(CLOUD, high) - sky)
        return sky

    def _add_land(self, sky: Floats, high: float) -> None:
        ground, haze = _by_height(HILL, high), _by_height(HORIZON, high)
        colours = np.stack([ground * (1 - far) + haze * far * 0.8 for _, _, far in RIDGES])
        sky *= self.open_sky
        sky += self.cover @ colours

    def _water(self, above: Floats, time: float, high: float, sun_x: float) -> Floats:
        depth = np.arange(HEIGHT - SHORE, dtype=np.float32)
        wave = 2 * math.pi * (depth[:, None] / (5 + depth[:, None] / 7) - 4 * time)
        sway = (0.6 + depth[:, None] / 22) * np.sin(wave + self.x[None, :] / 61)
        rows = np.clip(SHORE - 1 - depth[:, None] * 1.35 + sway * 1.7, 0, SHORE - 1).astype(np.intp)
        columns = (self.x[None, :] + sway * 1.5).astype(np.intp) % WIDTH
        water: Floats = above[rows, columns]
        water *= np.array([0.62, 0.72, 0.80], np.float32) * (0.96 - 0.28 * depth / depth[-1])[:, None, None]
        path = _bell(self.x[None, :] - sun_x, 26 + depth[:, None] * 0.5) * min(max(high * 4 + 0.6, 0), 1)
        sparkle = np.clip(np.roll(self.glitter, round(time * WIDTH), axis=1) + 0.35 * np.sin(wave) - 0.62, 0, 1)
        water += (path * sparkle * 1.3)[..., None] * SUN
        return water


def _by_height(colours: Floats, high: float) -> Floats:
    """Interpolate between three colours, those of night, sunrise and day."""
    dusk = min(max((high + 0.45) / 0.45, 0), 1)
    day = min(max(high / 0.6, 0), 1)
    dusk, day = dusk * dusk * (3 - 2 * dusk), day * day * (3 - 2 * day)
    mixed: Floats = (colours[0] * (1 - dusk) + colours[1] * dusk) * (1 - day) + colours[2] * day
    return mixed.astype(np.float32)


def _bell(distance: Floats, width: float | Floats) -> Floats:
    bell: Floats = np.exp(-((distance / width) ** 2))
    return bell


def _land(random: np.random.Generator) -> Floats:
    """Return how much of each pixel above the shore each ridge covers, 0 to 1; nearer ridges hide farther ones."""
    x = np.arange(WIDTH, dtype=np.float32) / WIDTH * 2 * math.pi
    y = np.arange(SHORE, dtype=np.float32)[:, None]
    covers: list[Floats] = []
    for height, rough, _ in RIDGES:
        line = np.zeros(WIDTH, np.float32)
        for wave in range(1, 40):
            line += np.sin(x * wave * 0.9 + random.uniform(0, 2 * math.pi)) / wave**1.15
        cover = np.clip(y - (SHORE - height - rough * line), 0, 1).astype(np.float32)
        covers = [*(farther * (1 - cover) for farther in covers), cover]
    return np.stack(covers, axis=2)


def _stars(random: np.random.Generator) -> tuple[Floats, Floats]:
    """Return the brightness and the twinkling phase of each pixel of the sky."""
    light = random.random((SHORE, WIDTH), np.float32)
    bright = np.where(light > 0.9975, (light - 0.9975) / 0.0025, 0).astype(np.float32)
    return bright**2 * 0.8 + bright * 0.1, random.random((SHORE, WIDTH), np.float32)


def _clouds(random: np.random.Generator) -> list[Floats]:
    """Return two layers of clouds, 0 to 1, that join at the left and right edge."""
    down = np.fft.fftfreq(SHORE)[:, None]
    across = np.fft.rfftfreq(WIDTH)[None, :] * 3.2  # wider than tall
    power = np.maximum(np.hypot(down, across), 1 / 150) ** -1.75
    fade = np.clip(np.linspace(0.15, 1.5, SHORE), 0, 1)[:, None] * np.linspace(1, 0.35, SHORE)[:, None]
    layers = []
    for least, strength in ((0.55, 0.75), (0.95, 0.5)):
        shape = np.fft.irfft2(np.fft.rfft2(random.standard_normal((SHORE, WIDTH))) * power, (SHORE, WIDTH))
        cover = np.clip((shape / shape.std() - least) / 1.3, 0, 1) ** 1.3
        layers.append((cover * fade * strength).astype(np.float32))
    return layers
