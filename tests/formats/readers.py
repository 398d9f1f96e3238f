"""Independent readers, as functions from a file's bytes to its pixels: H,W,C, in the dtype that they read."""

from __future__ import annotations

import io
import json
import re
import subprocess
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from seqsave.testing import outside

__all__ = ["Reader", "Unread", "exiftool", "opencv", "pillow", "program", "readers_of", "report"]

Reader = Callable[[bytes], Any]
DEBIAN = {
    "avifdec": "libavif-bin",
    "avifenc": "libavif-bin",
    "cjxl": "libjxl-tools",
    "djxl": "libjxl-tools",
    "dwebp": "webp",
    "exiftool": "libimage-exiftool-perl",
    "exrheader": "openexr",
    "jxlinfo": "libjxl-tools",
    "pngcheck": "pngcheck",
    "tiffinfo": "libtiff-tools",
    "vips": "libvips-tools",
    "webpinfo": "webp",
}


class Unread(Exception):  # noqa: N818 - nothing is wrong
    """The reader does not support this kind of picture."""


def program(name: str) -> str:
    return outside.program(name, f"apt-get install {DEBIAN[name]}")


def report(name: str, *arguments: str, data: bytes, suffix: str) -> str:
    """Return a program's output about a file, whose path replaces ``{}``. Raises AssertionError if it fails."""
    return outside.run(name, *arguments, data=data, suffix=suffix, install=f"apt-get install {DEBIAN[name]}")


def exiftool(data: bytes, suffix: str) -> dict[str, Any]:
    """Return every tag by group and name."""
    arguments = ("-json", "-a", "-u", "-G1", "{}")
    found: dict[str, Any] = json.loads(report("exiftool", *arguments, data=data, suffix=suffix))[0]
    return found


def opencv(data: bytes) -> Any:
    cv2 = outside.package("cv2", "pip install opencv-python-headless")
    return _in_order(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED))


def _in_order(array: Any) -> Any:
    if array.ndim == 2:
        return array[..., None]
    return array[..., [2, 1, 0, 3][: array.shape[2]]]


def pillow(data: bytes) -> Any:
    """Read 8 bits only: Pillow converts 16 bits, and does not read floats."""
    from PIL import Image, UnidentifiedImageError

    if data.startswith(b"\x89PNG") and data[24] == 16:
        raise Unread("16 bits")
    try:
        with Image.open(io.BytesIO(data)) as picture:
            if picture.mode not in ("L", "LA", "RGB", "RGBA") or max(getattr(picture, "tag_v2", {}).get(258, (8,))) > 8:
                raise Unread(picture.mode)
            return np.asarray(picture)
    except UnidentifiedImageError as error:
        raise Unread(str(error)) from error


def ffmpeg_exr(data: bytes) -> Any:
    """Read with FFmpeg's own EXR reader: grey, RGB and RGBA. It reads DWA wrongly."""
    av = outside.package("av", "pip install av")
    with av.open(io.BytesIO(data), format="exr_pipe") as file:
        (frame,) = file.decode(video=0)
    count = {"gray": 1, "gbrp": 3, "gbra": 4}.get(frame.format.name[:4], 0)
    if not count or b"compression\0compression\0\1\0\0\0\x08" in data:
        raise Unread(frame.format.name)
    dtype = "<f2" if "f16" in frame.format.name else "<f4"
    planes = [np.frombuffer(plane, dtype).reshape(frame.height, -1)[:, : frame.width] for plane in frame.planes]
    order = (0,) if count == 1 else (2, 0, 1, 3)[:count]  # planes are G, B, R, A
    return np.stack([planes[number] for number in order], -1)


def djxl(data: bytes) -> Any:
    """Read with libjxl's own program: integers through PNG, floats through npy."""
    is_float = "-bit float" in report("jxlinfo", "-v", "{}", data=data, suffix=".jxl")
    made = _converted("djxl", "{source}", "{made}", data=data, source=".jxl", made=".npy" if is_float else ".png")
    return np.load(io.BytesIO(made))[0] if is_float else opencv(made)


def avifdec(data: bytes) -> Any:
    """Read with libavif's own program, through PNG."""
    reported = report("avifdec", "--info", "{}", data=data, suffix=".avif")
    depth = "8" if re.search(r"Bit Depth\s*: 8", reported) else "16"
    # Its grey pictures with alpha become RGB, to which a grey profile cannot be written.
    arguments = ("--depth", depth, "--ignore-icc", "{source}", "{made}")
    return opencv(_converted("avifdec", *arguments, data=data, source=".avif", made=".png"))


def dwebp(data: bytes) -> Any:
    """Read with libwebp's own program. Its PAM files always have alpha."""
    pam = _converted("dwebp", "-quiet", "-pam", "{source}", "-o", "{made}", data=data, source=".webp", made=".pam")
    header, _, pixels = pam.partition(b"ENDHDR\n")
    fields = dict(line.split(" ", 1) for line in header.decode().splitlines()[1:])
    array = np.frombuffer(pixels, np.uint8).reshape(int(fields["HEIGHT"]), int(fields["WIDTH"]), 4)
    return array[..., :3] if (array[..., 3] == 255).all() else array


def vips_tiff(data: bytes) -> Any:
    """Read raw pixels with libvips; their shape comes from tiffinfo. It has no half floats."""
    reported = report("tiffinfo", "{}", data=data, suffix=".tif")
    number = {name: int(value) for name, value in re.findall(r"(\w+(?:/\w+)?)(?: Length)?: (\d+)", reported)}
    bits, is_float = number["Bits/Sample"], "IEEE floating point" in reported
    if is_float and bits == 16:
        raise Unread("half floats")
    raw = _converted("vips", "rawsave", "{source}", "{made}", data=data, source=".tif", made=".raw")
    width, height = map(int, re.search(r"Image Width: (\d+) Image Length: (\d+)", reported).groups())  # type: ignore[union-attr]
    return np.frombuffer(raw, f"{'f' if is_float else 'u'}{bits // 8}").reshape(height, width, -1)


def _converted(name: str, *arguments: str, data: bytes, source: str, made: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        paths = {"source": Path(folder, f"a{source}"), "made": Path(folder, f"b{made}")}
        paths["source"].write_bytes(data)
        command = [program(name), *(argument.format(**paths) for argument in arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return paths["made"].read_bytes()


def readers_of(extension: str) -> dict[str, Reader]:
    """Return the readers of a file type, by name."""
    openimageio = partial(outside.openimageio, suffix=f".{extension}")
    return {
        "png": {"OpenImageIO": openimageio, "OpenCV": opencv, "Pillow": pillow},
        "jpg": {"OpenImageIO": openimageio, "OpenCV": opencv, "Pillow": pillow},
        "exr": {"OpenImageIO": openimageio, "FFmpeg": ffmpeg_exr},
        "tiff": {"OpenImageIO": openimageio, "libvips": vips_tiff, "Pillow": pillow},
        "jxl": {"djxl": djxl},
        "webp": {"dwebp": dwebp, "OpenCV": opencv, "Pillow": pillow},
        "avif": {"avifdec": avifdec},
    }[extension]
