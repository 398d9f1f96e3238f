"""Files that other programs wrote, one of each format, with everything that they can state."""

from __future__ import annotations

import json
import struct
import subprocess
import tempfile
import zlib
from collections.abc import Callable
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin

from seqsave.testing import outside
from tests.formats.readers import program

__all__ = ["SOURCES", "WORKFLOW"]

WORKFLOW = json.dumps({"nodes": [{"id": 1, "title": "Käse 猫"}]})
TERM = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
SIZE = (48, 32)
_RIGHTS = (
    "-Artist=Ada",
    "-Copyright=(c) Studio é猫",
    "-ImageDescription=two\tparts",
    f"-XMP-iptcExt:DigitalSourceType={TERM}",
)
_CAMERA = ("-Model=M1", "-DateTimeOriginal=2020:01:02 03:04:05", "-GPSLatitude=47.1", "-GPSLatitudeRef=N")
_OTHERS = ("-XMP-dc:Title=Tee", "-XMP-xmpRights:UsageTerms=ask first", "-UserComment=a note")


def pixels(channels: int) -> Any:
    """Soft waves, with alpha from 0 to 255."""
    y, x, c = np.ogrid[: SIZE[1], : SIZE[0], :channels]
    array = (127 + 100 * np.sin(x / 9 + c) * np.cos(y / 7)).astype(np.uint8)
    if channels == 4:
        array[..., 3] = np.linspace(40, 255, SIZE[0]).astype(np.uint8)
    return array


def profile() -> bytes:
    """Return a profile made by LittleCMS, which seqsave does not contain."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def png() -> bytes:
    texts = PngImagePlugin.PngInfo()
    texts.add_itxt("workflow", WORKFLOW)
    file = BytesIO()
    Image.fromarray(pixels(4)).save(file, "PNG", pnginfo=texts, icc_profile=profile(), dpi=(300, 150))
    return tagged(file.getvalue(), ".png")


def png_hdr() -> bytes:
    """In PQ, with the display and the content that it was made for: PNG, third edition. Pillow wrote the pixels."""
    file = BytesIO()
    Image.fromarray(pixels(3)).save(file, "PNG")
    data = file.getvalue()
    display = struct.pack(">8H2I", 35400, 14600, 8500, 39850, 6550, 2300, 15635, 16450, 10_000_000, 50)
    chunks = [(b"cICP", bytes((9, 16, 0, 1))), (b"mDCV", display), (b"cLLI", struct.pack(">2I", 9_000_000, 4_000_000))]
    made = (struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in chunks)
    return data[:33] + b"".join(made) + data[33:]


def jpg() -> bytes:
    file = BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # on its side
    picture = Image.fromarray(pixels(3))
    picture.save(file, "JPEG", quality=95, icc_profile=profile(), dpi=(72, 72), comment="a comment", exif=exif)
    return tagged(file.getvalue(), ".jpg", f"-Make=workflow:{WORKFLOW}")


def webp() -> bytes:
    file = BytesIO()
    Image.fromarray(pixels(4)).save(file, "WEBP", lossless=True, exact=True, icc_profile=profile())
    return tagged(file.getvalue(), ".webp", f"-Make=workflow:{WORKFLOW}", "-XResolution=300", "-YResolution=300")


def tiff() -> bytes:
    """By tifffile: associated alpha, pixels that are not square."""
    tifffile = outside.package("tifffile", "pip install tifffile")
    file = BytesIO()
    array = pixels(4)
    array[..., :3] = array[..., :3].astype(float) * array[..., 3:] / 255
    settings = {"photometric": "rgb", "extrasamples": ["assocalpha"], "iccprofile": profile()}
    tifffile.imwrite(file, array, metadata=None, resolution=(300, 150), resolutionunit="INCH", **settings)
    return tagged(file.getvalue(), ".tif")


def avif() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder, "a.png"), Path(folder, "a.avif")
        source.write_bytes(png())
        options = ("--min", "0", "--max", "4", "--ignore-icc", "--cicp", "9/16/9", "--pasp", "2,1", "--irot", "1")
        subprocess.run([program("avifenc"), *options, source, made], check=True, capture_output=True)
        return made.read_bytes()


def jxl() -> bytes:
    """By cjxl, which keeps the profile and packs Exif and XMP."""
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder, "a.jpg"), Path(folder, "a.jxl")
        source.write_bytes(jpg())
        subprocess.run([program("cjxl"), source, made], check=True, capture_output=True)
        return made.read_bytes()


def exr() -> bytes:
    openexr = outside.package("OpenEXR", "pip install OpenEXR")
    array = (pixels(4) / np.float32(255)).astype(np.float16)
    array[..., :3] *= array[..., 3:]
    planes = {name: np.ascontiguousarray(array[..., place]) for place, name in enumerate("RGBA")}
    planes["depth.Z"] = np.full(SIZE[::-1], 7, np.float32)
    corners = [np.array(point, np.int32) for point in ((5, 3), (52, 34), (0, 0), (63, 39))]
    header = {
        "compression": openexr.PIZ_COMPRESSION,
        "type": openexr.scanlineimage,
        "dataWindow": (corners[0], corners[1]),
        "displayWindow": (corners[2], corners[3]),
        "chromaticities": (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767),
        "pixelAspectRatio": 2.0,
        "xDensity": 300.0,
        "framesPerSecond": Fraction(24000, 1001),
        "timeCode": openexr.TimeCode(1, 2, 3, 4, *(6 * (False,)), *(8 * (0,))),
        "owner": "(c) Studio é猫",
        "reelName": "A001",
        "workflow": WORKFLOW,
    }
    file = BytesIO()
    openexr.File(header, planes).write(file)
    return file.getvalue()


def tagged(data: bytes, suffix: str, *more: str) -> bytes:
    """The file with what exiftool writes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"a{suffix}")
        path.write_bytes(data)
        command = [program("exiftool"), "-q", "-m", "-overwrite_original", *_RIGHTS, *_CAMERA, *_OTHERS, *more, path]
        subprocess.run(command, check=True, capture_output=True)
        return path.read_bytes()


SOURCES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "png": ("png", png),
    "png, HDR": ("png", png_hdr),
    "jpg": ("jpg", jpg),
    "exr": ("exr", exr),
    "tiff": ("tiff", tiff),
    "jxl": ("jxl", jxl),
    "webp": ("webp", webp),
    "avif": ("avif", avif),
}
"""By name: the extension, and a function that makes the file."""
