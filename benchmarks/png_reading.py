"""One 1080p PNG from bytes to an array: CPU time on one core against other decoders, for files of several writers."""

from __future__ import annotations

import importlib
import io
import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from benchmarks.frames import bytes_1080p, photographs_1080p, wide_photographs_1080p
from benchmarks.plan import Claim, Report, Table
from benchmarks.timing import alternate
from benchmarks.ways import encode, maybe, pillow
from seqsave.encoders.png import decoder, native
from seqsave.encoders.png.filters import AVERAGE, NONE, PAETH, SUB, UP, filter_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.plan import Plan

OURS, WITHOUT, PILLOW = "seqsave", "seqsave without the extension", "Pillow"
ADAPTIVE = "Pillow level 6"


def run(plan: Plan) -> Report:
    rows: list[list[str]] = []
    claims: list[Claim] = []
    for files, data in _files().items():
        timings = alternate({way: _reader(read, data) for way, read in _ways(files).items()}, 3 * plan.rounds)
        least = {way: timing.least_cpu for way, timing in timings.items()}
        rows += [[files, way, f"{1000 * cpu:.1f}", f"{cpu / least[PILLOW]:.2f}"] for way, cpu in least.items()]
        claims += _claims(files, least)
    title = f"PNG, one 1080p RGB picture to an array ({native.native().state})"
    note = "Least CPU time of all rounds. Pillow reads 16-bit colours as 8 bits, and libspng reads none of them here."
    return Report([Table(title, ["file of", "way", "CPU ms", "x Pillow"], rows, note)], claims=claims)


def _reader(read: Callable[[bytes], Any], data: bytes) -> Callable[[], None]:
    def call() -> None:
        read(data)

    return call


def _files() -> dict[str, bytes]:
    picture, words = photographs_1080p(1)[0], wide_photographs_1080p(1)[0]
    return {
        "seqsave": encode(picture),
        "seqsave, a clip's frame": encode(bytes_1080p(1)[0]),
        ADAPTIVE: pillow(picture),
        "Pillow level 1": pillow(picture, compress_level=1),
        "Paeth in every row": _written(picture, (PAETH,)),
        "all filters by turns": _written(picture, (NONE, SUB, UP, AVERAGE, PAETH)),
        "seqsave, 16 bits": encode(words),
        "Paeth in every row, 16 bits": _written(words, (PAETH,)),
    }


def _written(picture: Any, kinds: tuple[int, ...]) -> bytes:
    """Return a file whose rows have these filters by turns, at the level that Pillow uses by default."""
    height, width, channels = picture.shape
    rows = np.ascontiguousarray(picture, ">u2" if picture.itemsize == 2 else None).view(np.uint8).reshape(height, -1)
    lines = b"".join(
        filter_rows(rows, kinds[row % len(kinds)], channels * picture.itemsize, row, row + 1).tobytes()
        for row in range(height)
    )
    header = struct.pack(">IIBBBBB", width, height, 8 * picture.itemsize, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )


def _ways(files: str) -> dict[str, Callable[[bytes], Any]]:
    ways: dict[str, Callable[[bytes], Any]] = {OURS: _ours}
    if native.kernel() is not None:
        ways[WITHOUT] = _without
    ways[PILLOW] = lambda data: np.asarray(Image.open(io.BytesIO(data)))
    if maybe("cv2") is not None:
        cv2 = importlib.import_module("cv2")
        ways["OpenCV"] = lambda data: cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if maybe("imagecodecs") is not None and "16" not in files:
        ways["libspng"] = importlib.import_module("imagecodecs").spng_decode
    return ways


def _ours(data: bytes) -> Any:
    return decoder.decode(data, max_pixels=1 << 28).array


def _without(data: bytes) -> Any:
    kept, decoder.kernel = decoder.kernel, lambda: None
    try:
        return _ours(data)
    finally:
        decoder.kernel = kept


def _claims(files: str, least: dict[str, float]) -> list[Claim]:
    found = []
    if native.kernel() is not None:
        # Of files with Up, the time of both is that of unpacking, where igzip takes about half as long as zlib.
        wanted = 0.6 if files.startswith("seqsave") else 0.45 if "turns" in files else 1 / 3
        found.append(
            Claim(f"PNG of {files}: reading against Pillow", least[OURS] / least[PILLOW], wanted, at_most=True)
        )
    without = least.get(WITHOUT, least[OURS])
    text = f"PNG of {files}: reading without the extension against Pillow"
    # Pillow undoes the filters of 16 bits twice here, once for each half of the samples.
    found.append(Claim(text, without / least[PILLOW], 1.3 if "16" in files else 1, at_most=True))
    return found
