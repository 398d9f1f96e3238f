"""One 1080p picture to JPEG XL: seqsave, and the other ways from Python, side by side in one run; a Markdown table.

    pip install . pillow-jxl-plugin pylibjxl && python benchmarks/jxl.py [ROUNDS]

Rows alternate, medians count. Each picture on one thread; CPU time, which others on the machine change little.
"""

from __future__ import annotations

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
from seqsave_jxl import JXL
from seqsave_jxl.codec import JxlEncoder

import seqsave

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULTS = {name: option.default for name, option in JXL.options.items()}


def picture(dtype: str) -> Any:
    """Slow waves and a little grain, as rendered frames have it."""
    y, x = np.mgrid[0:1080, 0:1920]
    waves = np.stack([0.5 + 0.4 * np.sin(x / 29 + c) * np.cos(y / 31 - c) for c in range(3)], -1)
    values = np.clip(waves + np.random.default_rng(0).normal(0, 0.005, waves.shape), 0, 1)
    return values.astype(dtype) if dtype.startswith("float") else (values * np.iinfo(dtype).max).astype(dtype)


def ours(image: Any, **options: Any) -> bytes:
    info = seqsave.FrameInfo(index=0)
    return bytes(JxlEncoder().encode(image, metadata={}, options=DEFAULTS | options, info=info).data)


def others(image: Any, effort: int, lossless: bool) -> dict[str, Callable[[], bytes]]:
    """What else there is, and can take this picture."""
    settings: dict[str, Any] = {"lossless": True} if lossless else {"distance": 1.0}
    ways: dict[str, Callable[[], bytes]] = {
        "imagecodecs, no metadata": lambda: imagecodecs.jpegxl_encode(image, effort=effort, numthreads=1, **settings)
    }
    if image.dtype != np.uint8:
        return ways
    import pillow_jxl  # noqa: F401 - adds itself to Pillow
    import pylibjxl

    def pillow() -> bytes:
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JXL", effort=effort, lossless=lossless, quality=90, num_threads=1)
        return file.getvalue()

    ways["Pillow with pillow-jxl-plugin"] = pillow
    session = pylibjxl.JXL(effort=effort, distance=1.0, lossless=lossless, threads=1)
    ways["pylibjxl"] = lambda: session.encode(image)
    return ways


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
    for dtype, effort, lossless in (("uint8", 4, False), ("uint8", 1, True), ("uint8", 4, True), ("uint16", 1, True)):
        image = picture(dtype)
        rows = {"seqsave": partial(ours, image, effort=effort, lossless=lossless), **others(image, effort, lossless)}
        spent: dict[str, list[float]] = {name: [] for name in rows}
        for _ in range(rounds):
            for name, work in rows.items():
                start = time.process_time()
                work()
                spent[name].append(1000 * (time.process_time() - start))
        label = f"{dtype}, effort {effort}, {'lossless' if lossless else 'distance 1.0'}"
        for name, work in rows.items():
            size, pair = len(work()) / 1000, 1000 * together(work, 2)
            sys.stdout.write(f"| {label} | {name} | {statistics.median(spent[name]):.0f} | {size:.0f} | {pair:.0f} |\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
