"""One 1080p picture to TIFF: seqsave, and the other ways from Python, side by side in one run; a Markdown table.

    pip install . opencv-python-headless && python benchmarks/tiff.py [ROUNDS]

Rows alternate, medians count. A way that cannot write such a file has no row.
"""

from __future__ import annotations

import importlib
import io
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
from PIL import Image
from seqsave_tiff import TIFF
from seqsave_tiff.codec import TiffEncoder

import seqsave

if TYPE_CHECKING:
    from collections.abc import Callable

COMPRESSIONS = ("none", "deflate", "lzw", "packbits", "zstd")
DEFAULTS = {name: option.default for name, option in TIFF.options.items()}
PREDICTED = ("deflate", "lzw", "zstd")


def picture(dtype: str) -> Any:
    """Slow waves and a little grain, as rendered frames have it."""
    y, x = np.mgrid[0:1080, 0:1920]
    waves = np.stack([0.5 + 0.4 * np.sin(x / 29 + c) * np.cos(y / 31 - c) for c in range(3)], -1)
    waves += np.random.default_rng(0).normal(0, 0.005, waves.shape)
    scale = 1 if dtype.startswith("float") else np.iinfo(dtype).max
    return (waves.clip(0, 1) * scale).astype(dtype)


def ours(image: Any, compression: str) -> int:
    options = {**DEFAULTS, "compression": compression}
    info = seqsave.FrameInfo(index=0)
    return len(TiffEncoder().encode(image, metadata={}, options=options, info=info).data)


def with_tifffile(image: Any, compression: str, level: int | None = None) -> int:
    file = io.BytesIO()
    settings = {} if compression == "none" else {"compression": compression}
    if level is not None:
        settings["compressionargs"] = {"level": level}
    tifffile.imwrite(file, image, photometric="rgb", predictor=compression in PREDICTED, metadata=None, **settings)
    return len(file.getvalue())


def with_opencv(cv2: Any, image: Any, compression: str) -> int:
    code = {"none": 1, "deflate": 8, "lzw": 5}[compression]
    settings = [cv2.IMWRITE_TIFF_COMPRESSION, code]
    if compression in PREDICTED:
        settings += [cv2.IMWRITE_TIFF_PREDICTOR, 3 if image.dtype.kind == "f" else 2]
    return len(cv2.imencode(".tiff", image[..., ::-1], settings)[1])


def with_pillow(image: Any, compression: str) -> int:
    names = {"none": "raw", "deflate": "tiff_adobe_deflate", "lzw": "tiff_lzw"}
    file = io.BytesIO()
    settings = {"tiffinfo": {317: 2}} if compression in PREDICTED else {}
    Image.fromarray(image).save(file, "TIFF", compression=names.get(compression, compression), **settings)
    return len(file.getvalue())


def ways(image: Any, compression: str) -> dict[str, Callable[[], int]]:
    found: dict[str, Callable[[], int]] = {
        "seqsave": partial(ours, image, compression),
        "tifffile": partial(with_tifffile, image, compression),
    }
    if compression in ("deflate", "zstd"):
        found["tifffile, level 1"] = partial(with_tifffile, image, compression, 1)
    try:
        cv2 = importlib.import_module("cv2")
    except ImportError:
        cv2 = None
    if cv2 is not None and compression in ("none", "deflate", "lzw") and image.dtype != np.float16:
        found["OpenCV"] = partial(with_opencv, cv2, image, compression)
    if image.dtype == np.uint8:
        found["Pillow"] = partial(with_pillow, image, compression)
    return found


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


def rows(image: Any, compression: str, rounds: int) -> None:
    found = ways(image, compression)
    sizes = {name: way() for name, way in found.items()}
    times: dict[tuple[str, int], list[float]] = {(name, threads): [] for name in found for threads in (1, 2)}
    for _ in range(rounds):
        for (name, threads), measured in times.items():
            measured.append(seconds(found[name], threads))
    one, two = ({name: 1000 * statistics.median(times[name, threads]) for name in found} for threads in (1, 2))
    best = min(one[name] for name in found if name != "seqsave")
    for name in found:
        ratio = f"{best / one[name]:.2f}" if name == "seqsave" else ""
        row = [f"{image.dtype} {compression}", name, f"{one[name]:.1f}", f"{two[name]:.1f}"]
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
    for dtype in TIFF.dtypes:
        image = picture(dtype)
        for compression in COMPRESSIONS:
            rows(image, compression, rounds)


if __name__ == "__main__":
    main()
