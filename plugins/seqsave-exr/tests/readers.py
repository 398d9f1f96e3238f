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

DEBIAN = "apt-get install openexr openimageio-tools python3-openimageio python3-numpy"
SYSTEM_PYTHON = "/usr/bin/python3"


def run(program: str, *arguments: str, data: bytes) -> str:
    """What a program prints about the file, which stands for ``{}`` among its arguments."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "picture.exr")
        path.write_bytes(data)
        command = [needs.program(program, DEBIAN), *(argument.replace("{}", str(path)) for argument in arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert not done.stderr, done.stderr
        assert done.returncode == 0 or program == "exrinfo"  # that of 3.1 ends with any number, the same file or not
        return done.stdout


def openimageio(data: bytes) -> Any:
    """OpenImageIO of the system, which reads with the system's libopenexr; in the system's Python."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "picture.exr")
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
file = oiio.ImageInput.open(sys.argv[1])
spec = file.spec()
array = file.read_image(str(spec.format))
print(json.dumps([*array.shape, array.dtype.str]), flush=True)
sys.stdout.buffer.write(array.tobytes())
"""


def ffmpeg(data: bytes) -> Any:
    """FFmpeg has a reader of its own, without libopenexr: grey, RGB and RGBA."""
    av = needs.package("av", "pip install av")
    with av.open(io.BytesIO(data), format="exr_pipe") as file:
        (frame,) = file.decode(video=0)
    count = {"gray": 1, "gbrp": 3, "gbra": 4}[frame.format.name[:4]]
    dtype = "<f2" if "f16" in frame.format.name else "<f4"
    planes = [np.frombuffer(plane, dtype).reshape(frame.height, -1) for plane in frame.planes[:count]]
    order = (0,) if count == 1 else (2, 0, 1, 3)[:count]  # planes are G, B, R, A
    return np.stack([planes[number][:, : frame.width] for number in order], -1)
