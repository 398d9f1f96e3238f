"""Programs and libraries that we did not write, as functions from a file's bytes to a picture or a report."""

from __future__ import annotations

import io
from functools import partial
from typing import Any

import numpy as np

from seqsave.testing import outside

DEBIAN = "apt-get install openexr libimage-exiftool-perl"


def run(program: str, *arguments: str, data: bytes) -> str:
    """What a program prints about the file, which stands for ``{}`` among its arguments."""
    strict = program != "exrinfo"  # that of 3.1 ends with any number, the same file or not
    return outside.run(program, *arguments, data=data, suffix=".exr", install=DEBIAN, strict=strict)


openimageio = partial(outside.openimageio, suffix=".exr")


def ffmpeg(data: bytes) -> Any:
    """FFmpeg has a reader of its own, without libopenexr: grey, RGB and RGBA."""
    av = outside.package("av", "pip install av")
    with av.open(io.BytesIO(data), format="exr_pipe") as file:
        (frame,) = file.decode(video=0)
    count = {"gray": 1, "gbrp": 3, "gbra": 4}[frame.format.name[:4]]
    dtype = "<f2" if "f16" in frame.format.name else "<f4"
    planes = [np.frombuffer(plane, dtype).reshape(frame.height, -1) for plane in frame.planes[:count]]
    order = (0,) if count == 1 else (2, 0, 1, 3)[:count]  # planes are G, B, R, A
    return np.stack([planes[number][:, : frame.width] for number in order], -1)
