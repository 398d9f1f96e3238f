"""One 1080p picture to WebP and AVIF: seqsave, and the other ways from Python, side by side; a Markdown table.

    pip install . && python benchmarks/webp_avif.py [ROUNDS]

Rows alternate, medians count. Each picture on one thread; CPU time, which others on the machine change little.
"""

from __future__ import annotations

import importlib
import io
import statistics
import sys
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
from PIL import Image
from seqsave_webp import AVIF, WEBP

import seqsave

if TYPE_CHECKING:
    from collections.abc import Callable


def picture(dtype: str) -> Any:
    """Slow waves and a little grain, as rendered frames have it."""
    y, x = np.mgrid[0:1080, 0:1920]
    waves = np.stack([0.5 + 0.4 * np.sin(x / 29 + c) * np.cos(y / 31 - c) for c in range(3)], -1)
    values = np.clip(waves + np.random.default_rng(0).normal(0, 0.005, waves.shape), 0, 1)
    return (values * np.iinfo(dtype).max).astype(dtype)


def ours(image: Any, spec: seqsave.EncoderSpec, **options: Any) -> bytes:
    module, _, name = spec.encoder.partition(":")
    encoder = getattr(importlib.import_module(module), name)()
    checked = {option: declared.default for option, declared in spec.options.items()} | options
    return bytes(encoder.encode(image, metadata={}, options=checked, info=seqsave.FrameInfo(index=0)).data)


def pillow(image: Any, kind: str, **settings: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, kind, **settings)
    return file.getvalue()


def codecs(image: Any, level: int, depth: int) -> bytes:
    """As an array of samples is handed to it: the rounding from 16 bits is part of the work."""
    samples = image if depth == 8 else (image >> (16 - depth))
    made = imagecodecs.avif_encode(samples, level, speed=8, bitspersample=depth, pixelformat=1, numthreads=1)
    return bytes(made)


def cases() -> dict[str, dict[str, Callable[[], bytes]]]:
    """Rows that may be compared, by what they make."""
    image, deep = picture("uint8"), picture("uint16")
    avif: dict[str, Any] = {"quality": 90, "speed": 8, "subsampling": "4:4:4", "max_threads": 1}
    return {
        "WebP, quality 90": {
            "seqsave": partial(ours, image, WEBP),
            "Pillow": partial(pillow, image, "WEBP", quality=90, method=4, exact=True),
        },
        "WebP, lossless": {
            "seqsave": partial(ours, image, WEBP, lossless=True, quality=20, method=0),
            "Pillow": partial(pillow, image, "WEBP", lossless=True, quality=20, method=0, exact=True),
        },
        "AVIF 8 bit, quality 90": {
            "seqsave": partial(ours, image, AVIF),
            "Pillow": partial(pillow, image, "AVIF", **avif),
            "imagecodecs, no metadata": partial(codecs, image, 90, 8),
        },
        "AVIF 8 bit, lossless": {
            "seqsave": partial(ours, image, AVIF, lossless=True),
            "imagecodecs, no metadata": partial(codecs, image, 100, 8),
        },
        "AVIF 10 bit of 16, quality 90": {
            "seqsave": partial(ours, deep, AVIF),
            "imagecodecs, no metadata": partial(codecs, deep, 90, 10),
        },
    }


def together(work: Callable[[], bytes], threads: int) -> float:
    """Seconds by the clock for one picture, ``threads`` of which are made at once."""
    crew = [threading.Thread(target=work) for _ in range(threads)]
    start = time.perf_counter()
    for one in crew:
        one.start()
    for one in crew:
        one.join()
    return (time.perf_counter() - start) / threads


def main(rounds: int) -> None:
    """Print the table."""
    sys.stdout.write("| 1080p RGB | way | CPU ms | KB | two threads, ms a picture |\n|---|---|---|---|---|\n")
    for label, rows in cases().items():
        spent: dict[str, list[float]] = {name: [] for name in rows}
        for _ in range(rounds):
            for name, work in rows.items():
                start = time.process_time()
                work()
                spent[name].append(1000 * (time.process_time() - start))
        for name, work in rows.items():
            size, pair = len(work()) / 1000, 1000 * together(work, 2)
            sys.stdout.write(f"| {label} | {name} | {statistics.median(spent[name]):.0f} | {size:.0f} | {pair:.0f} |\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
