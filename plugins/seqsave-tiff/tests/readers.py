"""Programs and libraries that we did not write, as functions from a file's bytes to a picture or a report."""

from __future__ import annotations

import io
import subprocess
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from seqsave.testing import outside

DEBIAN = "apt-get install libtiff-tools libimage-exiftool-perl libvips-tools"

run = partial(outside.run, suffix=".tif", install=DEBIAN)
openimageio = partial(outside.openimageio, suffix=".tif")


def vips(data: bytes, dtype: Any) -> Any:
    """libvips: to pixels without a header. It knows no half."""
    with tempfile.TemporaryDirectory() as folder:
        path, raw = Path(folder, "picture.tif"), Path(folder, "picture.raw")
        path.write_bytes(data)
        subprocess.run([outside.program("vips", DEBIAN), "rawsave", path, raw], capture_output=True, check=True)
        with Image.open(path) as picture:
            width, height = picture.size
        return np.frombuffer(raw.read_bytes(), dtype).reshape(height, width, -1)


def pillow(data: bytes) -> Any:
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture)
