"""Programs and libraries that we did not write, as functions from a file's bytes to a picture or a report."""

from __future__ import annotations

import io
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import needs
import numpy as np
from PIL import Image

DEBIAN = "apt-get install libtiff-tools libimage-exiftool-perl libvips-tools python3-openimageio python3-numpy"
SYSTEM_PYTHON = "/usr/bin/python3"


def run(program: str, *arguments: str, data: bytes) -> str:
    """What a program prints about the file, which stands for ``{}`` among its arguments."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "picture.tif")
        path.write_bytes(data)
        command = [needs.program(program, DEBIAN), *(argument.replace("{}", str(path)) for argument in arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert not done.stderr, done.stderr
        return done.stdout


def openimageio(data: bytes) -> Any:
    """OpenImageIO of the system, which reads with the system's libtiff; in the system's Python."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "picture.tif")
        path.write_bytes(data)
        done = subprocess.run([SYSTEM_PYTHON, "-c", _OPENIMAGEIO, path], capture_output=True, check=False)
    if done.returncode:
        assert b"ModuleNotFoundError" in done.stderr, done.stderr.decode()
        needs.missing("OpenImageIO in the system's Python", DEBIAN)
    head, _, pixels = done.stdout.partition(b"\n")
    shape = json.loads(head)
    return np.frombuffer(pixels, shape.pop()).reshape(shape)


_OPENIMAGEIO = """
import json, sys
import OpenImageIO as oiio
as_it_is = oiio.ImageSpec()
as_it_is["oiio:UnassociatedAlpha"] = 1
file = oiio.ImageInput.open(sys.argv[1], as_it_is)
array = file.read_image(str(file.spec().format))
print(json.dumps([*array.shape, array.dtype.str]), flush=True)
sys.stdout.buffer.write(array.tobytes())
"""


def vips(data: bytes, dtype: Any) -> Any:
    """libvips: to pixels without a header. It knows no half."""
    with tempfile.TemporaryDirectory() as folder:
        path, raw = Path(folder, "picture.tif"), Path(folder, "picture.raw")
        path.write_bytes(data)
        subprocess.run([needs.program("vips", DEBIAN), "rawsave", path, raw], capture_output=True, check=True)
        with Image.open(path) as picture:
            width, height = picture.size
        return np.frombuffer(raw.read_bytes(), dtype).reshape(height, width, -1)


def pillow(data: bytes) -> Any:
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture)
