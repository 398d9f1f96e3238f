"""One 1080p picture to EXR: seqsave, and the other ways from Python, side by side in one run; a Markdown table.

    pip install . OpenImageIO && python benchmarks/exr.py [ROUNDS]

Rows alternate, medians count. OpenImageIO writes to files only; a folder in memory keeps the disk out of it.
"""

from __future__ import annotations

import io
import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import OpenEXR
from seqsave_exr import EXR
from seqsave_exr.codec import ExrEncoder

import seqsave

if TYPE_CHECKING:
    from collections.abc import Callable

COMPRESSIONS = ("none", "zip", "zips", "piz", "dwaa", "zstd", "htj2k256")
MEMORY = Path("/dev/shm")  # noqa: S108 - nobody else's names
DEFAULTS = {name: option.default for name, option in EXR.options.items()}


def picture(dtype: str, channels: int) -> Any:
    """Slow waves and a little grain, as rendered frames have it."""
    y, x = np.mgrid[0:1080, 0:1920]
    waves = np.stack([0.5 + 0.4 * np.sin(x / 29 + c) * np.cos(y / 31 - c) for c in range(channels)], -1)
    return (waves + np.random.default_rng(0).normal(0, 0.005, waves.shape)).astype(dtype)


def ours(image: Any, compression: str) -> int:
    options = {**DEFAULTS, "compression": compression}
    info = seqsave.FrameInfo(index=0)
    return len(ExrEncoder().encode(image, metadata={}, options=options, info=info).data)


def openexr(image: Any, compression: str) -> int:
    """OpenEXR's module, called as its documentation has it, into memory."""
    name = "NO" if compression == "none" else compression.upper()
    header = {"compression": getattr(OpenEXR, f"{name}_COMPRESSION"), "type": OpenEXR.scanlineimage}
    file = io.BytesIO()
    OpenEXR.File(header, {"RGBA"[: image.shape[2]]: image}).write(file)
    return len(file.getvalue())


def openimageio(image: Any, compression: str, folder: str) -> int:
    import OpenImageIO

    OpenImageIO.attribute("threads", 1)
    height, width, channels = image.shape
    spec = OpenImageIO.ImageSpec(width, height, channels, "half" if image.dtype == np.float16 else "float")
    spec.attribute("compression", compression)
    path = Path(folder, f"{threading.get_ident()}.exr")
    out = OpenImageIO.ImageOutput.create(str(path))
    out.open(str(path), spec)
    out.write_image(image)
    out.close()
    return len(path.read_bytes())


def seconds(work: Callable[[], object], threads: int) -> float:
    """For one picture: CPU time for one thread, which others on the machine change little; else by the clock."""
    if threads == 1:
        start = time.process_time()
        work()
        return time.process_time() - start
    with ThreadPoolExecutor(threads) as pool:
        start = time.perf_counter()
        list(pool.map(lambda _: work(), range(2 * threads)))
        return (time.perf_counter() - start) / (2 * threads)


def rows(image: Any, compression: str, rounds: int, folder: str) -> None:
    ways: dict[str, Callable[[], int]] = {
        "seqsave": partial(ours, image, compression),
        "OpenEXR": partial(openexr, image, compression),
        "OpenImageIO": partial(openimageio, image, compression, folder),
    }
    sizes = {name: way() for name, way in ways.items()}
    times: dict[tuple[str, int], list[float]] = {(name, threads): [] for name in ways for threads in (1, 2)}
    for _ in range(rounds):
        for (name, threads), found in times.items():
            found.append(seconds(ways[name], threads))
    one, two = ({name: 1000 * statistics.median(times[name, threads]) for name in ways} for threads in (1, 2))
    best = min(one[name] for name in ways if name != "seqsave")
    for name in ways:
        ratio = f"{best / one[name]:.2f}" if name == "seqsave" else ""
        row = [f"{image.dtype} x{image.shape[2]} {compression}", name, f"{one[name]:.0f}", f"{two[name]:.0f}"]
        tell(*row, f"{sizes[name] / image.nbytes:.3f}", ratio)


def tell(*cells: str) -> None:
    sys.stdout.write(f"| {' | '.join(cells)} |\n")
    sys.stdout.flush()


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    tell(
        "picture", "way", "ms of one core", "ms a picture, two threads", "file / raw", "seqsave against the best other"
    )
    tell(*6 * ("---",))
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        for dtype in ("float16", "float32"):
            image = picture(dtype, 4)
            for compression in COMPRESSIONS:
                rows(image, compression, rounds, folder)


if __name__ == "__main__":
    main()
