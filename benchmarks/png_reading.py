"""One 1080p PNG from bytes to an array: CPU time on one core against other decoders, for files of several writers.

Of 16 bits, Pillow returns the upper 8, which is less work: there, claims are about OpenCV.
"""

from __future__ import annotations

import importlib
import io
import struct
import zlib
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from isal import isal_zlib
from PIL import Image

from benchmarks.frames import bytes_1080p, photographs_1080p, wide_photographs_1080p
from benchmarks.plan import Claim, Report, Table
from benchmarks.timing import settled
from benchmarks.ways import encode, maybe, pillow, without_extension
from seqsave.encoders.png import decoder, native
from seqsave.encoders.png.filters import AVERAGE, NONE, PAETH, SUB, UP, filter_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.plan import Plan

OURS, WITHOUT, PILLOW, OPENCV = "seqsave", "seqsave without the extension", "Pillow", "OpenCV"
WIDE = "16 bits"
ADAPTIVE = "Pillow level 6"
_OF_FEW_MATCHES = {"seqsave": 0.20, f"seqsave, {WIDE}": 0.40}


def run(plan: Plan) -> Report:
    rows: list[list[str]] = []
    parts: list[list[str]] = []
    claims: list[Claim] = []
    for files, data in _files().items():
        timings = settled({way: _reader(read, data) for way, read in _ways(files).items()}, 3 * plan.rounds)
        least = {way: timing.least_cpu for way, timing in timings.items()}
        rows += [[files, way, f"{1000 * cpu:.1f}", f"{cpu / least[PILLOW]:.2f}"] for way, cpu in least.items()]
        parts.append([files, *_parts(data, least[OURS], 3 * plan.rounds)])
        claims += _claims(files, least)
    title = f"PNG, one 1080p RGB picture to an array ({native.native().state})"
    note = "Least CPU time of all rounds. Of 16-bit colours, Pillow returns the upper 8 bits, libspng more: alpha."
    return Report(
        [
            Table(title, ["file of", "way", "CPU ms", "x Pillow"], rows, note),
            Table(
                "Where the time of seqsave goes, and what other libraries need to unpack",
                ["file of", "unpack", "row filters", "rest", "of it unpacking", "igzip", *UNPACKERS],
                parts,
                "CPU ms.",
            ),
        ],
        claims=claims,
    )


# Functions of imagecodecs.
UNPACKERS = {"libdeflate": "deflate_decode", "zlib-ng": "zlibng_decode", "zlib": "zlib_decode"}


def _parts(data: bytes, whole: float, rounds: int) -> list[str]:
    """Return the time of unpacking, of the row filters, and the rest; then those of igzip and others to unpack."""
    chunks = decoder._chunks(data)
    header = decoder._header(next(chunks), 1 << 28)
    stream = b"".join(chunk.content for chunk in chunks if chunk.kind == b"IDAT")
    rows = decoder._filtered(header, stream)[0]
    rows.flags.writeable = False  # undone again in each round, so not in their own memory
    unpacked = bytearray(rows.size)
    ways: dict[str, Callable[[], object]] = {
        "unpack": lambda: decoder._filtered(header, stream) and None,
        "undo": lambda: decoder._undone(rows, header).size,
        "igzip": lambda: isal_zlib.decompressobj().decompress(stream, rows.size + 1) and None,
    }
    codecs = maybe("imagecodecs")
    for name, function in UNPACKERS.items() if codecs is not None else ():
        ways[name] = partial(getattr(codecs, function), stream, out=unpacked)
    least = {name: timing.least_cpu for name, timing in settled(ways, rounds).items()}
    unpack, undo = least["unpack"], least["undo"]
    times = [unpack, undo, whole - unpack - undo]
    others = [f"{1000 * least[name]:.1f}" if name in least else "" for name in ("igzip", *UNPACKERS)]
    return [*(f"{1000 * cpu:.1f}" for cpu in times), f"{100 * unpack / whole:.0f} %", *others]


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
        f"seqsave, {WIDE}": encode(words),
        f"Paeth in every row, {WIDE}": _written(words, (PAETH,)),
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
        ways[OPENCV] = lambda data: cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if WIDE in files and maybe("pyspng") is not None:
        ways["libspng"] = importlib.import_module("pyspng").load
    elif WIDE not in files and maybe("imagecodecs") is not None:
        ways["libspng"] = importlib.import_module("imagecodecs").spng_decode
    return ways


def _ours(data: bytes) -> Any:
    return decoder.decode(data, max_pixels=1 << 28).array


def _without(data: bytes) -> Any:
    with without_extension():
        return _ours(data)


def _claims(files: str, least: dict[str, float]) -> list[Claim]:
    other = OPENCV if WIDE in files and OPENCV in least else PILLOW
    found = []
    if native.kernel() is not None:
        # Most of the time is unpacking. libdeflate takes a third to half of what zlib takes; for photographs that
        # seqsave wrote, the extension takes two thirds of that.
        wanted = _OF_FEW_MATCHES.get(files, 0.40 if WIDE in files else 1 / 3)
        text = f"PNG of {files}: reading against {other}"
        found.append(Claim(text, least[OURS] / least[other], wanted, at_most=True))
    without = least.get(WITHOUT, least[OURS])
    text = f"PNG of {files}: reading without the extension against {other}"
    return [*found, Claim(text, without / least[other], 1.2 if WIDE in files else 1, at_most=True)]
