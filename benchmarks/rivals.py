"""The ways from Python to write the same file, for every file type.

A library that cannot write such a file, or is not installed, has no row. All ways use one thread for each picture.
"""

from __future__ import annotations

import io
import tempfile
import threading
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.ways import encoded, maybe, pillow

__all__ = ["Case", "cases"]

Ways = dict[str, Callable[[], Any]]
Case = tuple[str, str, Any, Ways]
"""File type, setting, the picture, and how to make the file."""

OURS = "seqsave"
EXR = ("none", "zip", "zips", "piz", "dwaa", "zstd", "htj2k256")
TIFF = ("none", "deflate", "lzw", "packbits", "zstd")
PREDICTED = ("deflate", "lzw", "zstd")


@cache
def picture(dtype: str, channels: int = 3) -> Any:
    """Return a 1080p picture with slow waves and a little grain, as in rendered frames."""
    y, x = np.mgrid[0:1080, 0:1920]
    waves = np.stack([0.5 + 0.4 * np.sin(x / 29 + c) * np.cos(y / 31 - c) for c in range(channels)], -1)
    values = (waves + np.random.default_rng(0).normal(0, 0.005, waves.shape)).clip(0, 1)
    return values.astype(dtype) if dtype.startswith("float") else (values * np.iinfo(dtype).max).astype(dtype)


def cases() -> Iterator[Case]:
    yield from _jpeg()
    yield from _exr()
    yield from _tiff()
    yield from _jxl()
    yield from _webp()
    yield from _avif()


def _jpeg() -> Iterator[Case]:
    # simplejpeg writes another file: 2 per cent larger, and more than half of its pixels differ.
    image = picture("uint8")
    ways: Ways = {
        OURS: partial(encoded, image, "jpg"),
        "Pillow": partial(pillow, image, "JPEG", quality=95, subsampling=0),
    }
    if cv2 := maybe("cv2"):
        settings = [
            cv2.IMWRITE_JPEG_QUALITY,
            95,
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
        ]
        ways["OpenCV"] = lambda: cv2.imencode(".jpg", image[..., ::-1], settings)[1].tobytes()
    yield "jpg", "quality=95", image, ways


def _exr() -> Iterator[Case]:
    for dtype in ("float16", "float32"):
        image = picture(dtype, 4)
        for compression in EXR:
            ways: Ways = {OURS: partial(encoded, image, "exr", compression=compression)}
            if openexr := maybe("OpenEXR"):
                ways["OpenEXR"] = partial(_openexr, openexr, image, compression)
            if oiio := maybe("OpenImageIO"):
                ways["OpenImageIO"] = partial(_openimageio, oiio, image, compression)
            yield "exr", f"{dtype} {compression}", image, ways


def _openexr(openexr: Any, image: Any, compression: str) -> bytes:
    """Write as in its documentation, into memory."""
    name = "NO" if compression == "none" else compression.upper()
    header = {"compression": getattr(openexr, f"{name}_COMPRESSION"), "type": openexr.scanlineimage}
    file = io.BytesIO()
    openexr.File(header, {"RGBA"[: image.shape[2]]: image}).write(file)
    return file.getvalue()


def _openimageio(oiio: Any, image: Any, compression: str) -> bytes:
    """Write to a folder in memory, since it writes to files only."""
    oiio.attribute("threads", 1)
    height, width, channels = image.shape
    spec = oiio.ImageSpec(width, height, channels, "half" if image.dtype == np.float16 else "float")
    spec.attribute("compression", compression)
    path = Path(_memory_folder(), f"{threading.get_ident()}.exr")
    out = oiio.ImageOutput.create(str(path))
    out.open(str(path), spec)
    out.write_image(image)
    out.close()
    return path.read_bytes()


@cache
def _memory_folder() -> str:
    memory = Path("/dev/shm")
    return tempfile.mkdtemp(dir=memory if memory.is_dir() else None)


def _tiff() -> Iterator[Case]:
    for dtype in ("uint8", "uint16", "float16", "float32"):
        image = picture(dtype)
        for compression in TIFF:
            ways: Ways = {OURS: partial(encoded, image, "tiff", compression=compression)}
            if tifffile := maybe("tifffile"):
                ways["tifffile"] = partial(_tifffile, tifffile, image, compression)
                if compression in ("deflate", "zstd"):
                    ways["tifffile, level 1"] = partial(_tifffile, tifffile, image, compression, 1)
            if (cv2 := maybe("cv2")) and compression in ("none", "deflate", "lzw") and dtype != "float16":
                ways["OpenCV"] = partial(_opencv_tiff, cv2, image, compression)
            if dtype == "uint8":
                names = {"none": "raw", "deflate": "tiff_adobe_deflate", "lzw": "tiff_lzw"}
                more = {"tiffinfo": {317: 2}} if compression in PREDICTED else {}
                ways["Pillow"] = partial(pillow, image, "TIFF", compression=names.get(compression, compression), **more)
            yield "tiff", f"{dtype} {compression}", image, ways


def _tifffile(tifffile: Any, image: Any, compression: str, level: int | None = None) -> bytes:
    file = io.BytesIO()
    settings: dict[str, Any] = {} if compression == "none" else {"compression": compression}
    if level is not None:
        settings["compressionargs"] = {"level": level}
    tifffile.imwrite(file, image, photometric="rgb", predictor=compression in PREDICTED, metadata=None, **settings)
    return file.getvalue()


def _opencv_tiff(cv2: Any, image: Any, compression: str) -> bytes:
    settings = [cv2.IMWRITE_TIFF_COMPRESSION, {"none": 1, "deflate": 8, "lzw": 5}[compression]]
    if compression in PREDICTED:
        settings += [cv2.IMWRITE_TIFF_PREDICTOR, 3 if image.dtype.kind == "f" else 2]
    return bytes(cv2.imencode(".tiff", image[..., ::-1], settings)[1].tobytes())


def _jxl() -> Iterator[Case]:
    for dtype, effort, lossless in (("uint8", 4, False), ("uint8", 1, True), ("uint8", 4, True), ("uint16", 1, True)):
        image = picture(dtype)
        ways: Ways = {OURS: partial(encoded, image, "jxl", effort=effort, lossless=lossless)}
        settings: dict[str, Any] = {"lossless": True} if lossless else {"distance": 1.0}
        if codecs := maybe("imagecodecs"):
            ways["imagecodecs"] = partial(codecs.jpegxl_encode, image, effort=effort, numthreads=1, **settings)
        if quick := maybe("pyjpegxl"):
            quick.set_num_threads(1)
            speed = {1: quick.EncoderSpeed.Lightning, 4: quick.EncoderSpeed.Cheetah}[effort]
            own: dict[str, Any] = {"lossless": True} if lossless else {"quality": 1.0}
            ways["pyjpegxl"] = partial(quick.encode_from_numpy, image, speed=speed, **own)
        yield "jxl", f"{dtype}, effort={effort}, {'lossless' if lossless else 'distance=1.0'}", image, ways


def _webp() -> Iterator[Case]:
    image = picture("uint8")
    for setting, ours, theirs in (
        ("quality=90", {}, {"quality": 90, "method": 4}),
        ("lossless", {"lossless": True, "quality": 20, "method": 0}, {"lossless": True, "quality": 20, "method": 0}),
    ):
        yield (
            "webp",
            setting,
            image,
            {
                OURS: partial(encoded, image, "webp", **ours),
                "Pillow": partial(pillow, image, "WEBP", exact=True, **theirs),
            },
        )


def _avif() -> Iterator[Case]:
    for dtype, depth, lossless in (("uint8", 8, False), ("uint8", 8, True), ("uint16", 10, False)):
        image = picture(dtype)
        ways: Ways = {OURS: partial(encoded, image, "avif", lossless=lossless)}
        if codecs := maybe("imagecodecs"):
            ways["imagecodecs"] = partial(_imagecodecs_avif, codecs, image, 100 if lossless else 90, depth)
        if depth == 8 and not lossless:
            settings: dict[str, Any] = {"quality": 90, "speed": 8, "subsampling": "4:4:4", "max_threads": 1}
            ways["Pillow"] = partial(pillow, image, "AVIF", **settings)
        yield "avif", f"{depth} bit of {8 * image.itemsize}, {'lossless' if lossless else 'quality=90'}", image, ways


def _imagecodecs_avif(codecs: Any, image: Any, level: int, depth: int) -> bytes:
    """Encode an array of samples; rounding from 16 bits is part of the work."""
    samples = image if depth == 8 else image >> (16 - depth)
    made = codecs.avif_encode(samples, level, speed=8, bitspersample=depth, pixelformat=1, numthreads=1)
    return bytes(made)
